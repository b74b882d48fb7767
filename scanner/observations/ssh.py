"""What an SSH server offers and proves."""

from __future__ import annotations

from typing import Literal

from scanner.observations.base import Count, Seen, Unobserved
from scanner.observations.certificates import KeyAlgorithm
from scanner.record import PeerText, Record, Sorted


class SshHostKey(Record):
    """One host key, as the key exchange reply showed it."""

    type: PeerText
    algorithm: KeyAlgorithm
    bits: Count
    sha256: PeerText
    """OpenSSH's fingerprint, as in SHA256:base64 without padding."""


class SshObservation(Record):
    """What an SSH server offers in its first packet, and the host keys it proves."""

    kind: Literal["ssh"] = "ssh"
    seen: Seen
    banner: PeerText
    protocol: PeerText
    """As in 2.0."""
    kex: tuple[PeerText, ...]
    host_key_algorithms: tuple[PeerText, ...]
    ciphers: tuple[PeerText, ...]
    """Both directions together, in the server's order."""
    macs: tuple[PeerText, ...]
    compression: tuple[PeerText, ...]
    host_keys: Sorted[SshHostKey] | Unobserved
    smallest_group_bits: Count | Unobserved | None = None
    """The smallest group the server hands out in a group exchange (RFC 4419); None where it offers no such exchange."""

    @property
    def software(self) -> str:
        """The software by its own word, as in OpenSSH_9.2p1; a word proves nothing."""
        return self.banner.split("-", 2)[-1].partition(" ")[0]

    @property
    def revision(self) -> str:
        """The distribution's revision by the banner's own word, as in Debian-2+deb12u7; empty where it tells none."""
        return self.banner.split("-", 2)[-1].partition(" ")[2]
