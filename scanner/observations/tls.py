"""What an endpoint accepts in a TLS handshake."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import StringConstraints

from scanner.observations.base import Count, Reason, Seen, Unobserved
from scanner.record import PeerText, Record, Sorted


class TlsVersion(StrEnum):
    """Protocol versions, oldest first; they compare in that order."""

    SSL_2_0 = "SSL 2.0"
    SSL_3_0 = "SSL 3.0"
    TLS_1_0 = "TLS 1.0"
    TLS_1_1 = "TLS 1.1"
    TLS_1_2 = "TLS 1.2"
    TLS_1_3 = "TLS 1.3"


SuiteName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=80)]
"""A cipher suite's IANA name, as in TLS_AES_128_GCM_SHA256."""


GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=60)]
"""A named group's IANA name, as in x25519."""


class TlsVersionSupport(Record):
    """Whether one protocol version is accepted, and with which suites."""

    version: TlsVersion
    accepted: Sorted[SuiteName]
    """Suites accepted in this version; empty where the version is refused."""


_NOTHING_ACCEPTED = Unobserved(reason=Reason.UNSUPPORTED, detail="no version was accepted")


def _unclear(versions: Iterable[TlsVersion]) -> Unobserved:
    return Unobserved(reason=Reason.SILENT, detail=f"no clear answer for {', '.join(versions)}")


class TlsObservation(Record):
    """What an endpoint accepts in a TLS handshake."""

    kind: Literal["tls"] = "tls"
    seen: Seen
    sni: PeerText
    versions: Sorted[TlsVersionSupport]
    """The versions that could be asked for, each with its answer."""
    unasked: Sorted[TlsVersion] = ()
    """Versions whose question got no clear answer (time-out, reset): neither accepted nor refused."""
    disagreements: Sorted[TlsVersion] = ()
    """Versions of which the second engine, in a full handshake, saw the contrary of what the first flights showed."""
    compression: bool | Unobserved
    secure_renegotiation: bool | Unobserved
    extended_master_secret: bool | Unobserved
    """RFC 7627; true where only TLS 1.3 is spoken, which has it built in."""
    session_tickets: bool | Unobserved
    """Whether it hands out tickets before TLS 1.3 (RFC 5077)."""
    ocsp_stapling: bool | Unobserved
    """Whether it answers a status request before TLS 1.3 (RFC 6066 section 8)."""
    encrypt_then_mac: bool | Unobserved | None
    """RFC 7366; None where no suite in CBC mode is accepted."""
    fallback_scsv: bool | Unobserved | None
    """Whether it refuses a client that says it fell back (RFC 7507); None where there is nothing to fall back to."""
    prefers_own_order: bool | Unobserved | None
    """Whether the server's order of suites counts and not the client's; None where no version accepts two."""
    groups: Sorted[GroupName] | Unobserved
    """The groups accepted in any version, by IANA's names; empty where no key exchange shows one."""
    heartbleed: bool | Unobserved
    """CVE-2014-0160."""
    ccs_injection: bool | Unobserved
    """CVE-2014-0224."""
    robot: bool | Unobserved
    """Whether it tells malformed RSA key exchanges apart (CVE-2017-13099 and others)."""
    weakest_dh_bits: Count | Unobserved | None
    """The smallest finite-field Diffie-Hellman group seen; None where only elliptic curves or none were used."""
    composite_dh: bool | Unobserved | None = None
    """Whether a group's modulus is no prime at all; None where no finite-field group was used."""
    signs_with_sha1: bool | Unobserved | None = None
    """Whether TLS 1.2 key exchanges are signed with SHA-1 or MD5 for clients that know no other; None where none is signed."""
    client_renegotiation: bool | Unobserved = Unobserved(reason=Reason.NOT_ASKED)
    """Whether it renegotiates when a client asks for it; TLS 1.3 knows no such thing."""
    early_data: bool | Unobserved = Unobserved(reason=Reason.NOT_ASKED)
    """Whether it takes data before a resumed handshake is over (RFC 8446 section 2.3), which can be replayed."""

    @property
    def accepted_versions(self) -> tuple[TlsVersion, ...]:
        """The versions accepted with at least one suite, oldest first."""
        return tuple(sorted(support.version for support in self.versions if support.accepted))

    @property
    def accepted_suites(self) -> tuple[str, ...]:
        """Every suite accepted in any version, in alphabetical order."""
        return tuple(sorted({suite for support in self.versions for suite in support.accepted}))

    @property
    def oldest_accepted(self) -> TlsVersion | Unobserved:
        """The oldest version accepted; unobserved where an older one got no clear answer.

        Where TLS 1.1 or older is accepted it is old enough to be judged, whatever else got no answer.
        """
        accepted = self.accepted_versions
        if not accepted:
            return _NOTHING_ACCEPTED
        if accepted[0] < TlsVersion.TLS_1_2 and accepted[0] not in self.disagreements:
            return accepted[0]
        unclear = [version for version in self.unasked if version < accepted[0]]
        return self._contested or (_unclear(unclear) if unclear else accepted[0])

    @property
    def newest_accepted(self) -> TlsVersion | Unobserved:
        """The newest version accepted; unobserved where a newer one got no clear answer."""
        accepted = self.accepted_versions
        if not accepted:
            return _NOTHING_ACCEPTED
        unclear = [version for version in self.unasked if version > accepted[-1]]
        return self._contested or (_unclear(unclear) if unclear else accepted[-1])

    @property
    def suites(self) -> tuple[str, ...] | Unobserved:
        """Every suite accepted in any version; unobserved where a version got no clear answer."""
        if not self.accepted_versions:
            return _NOTHING_ACCEPTED
        return self._contested or (_unclear(self.unasked) if self.unasked else self.accepted_suites)

    @property
    def _contested(self) -> Unobserved | None:
        if not self.disagreements:
            return None
        detail = f"a handshake and the first flights disagree about {', '.join(self.disagreements)}"
        return Unobserved(reason=Reason.DISAGREEMENT, detail=detail)
