"""What a login to a host shows."""

from __future__ import annotations

from typing import Literal

from scanner.observations.base import Seen, Unobserved
from scanner.observations.host_accounts import Accounts, Credential, LastLogin, SudoGrant
from scanner.observations.host_authentication import Authentication
from scanner.observations.host_hardening import Disk, FilterChain, KernelParameter, KeyFile
from scanner.observations.ports import OpenPort
from scanner.record import PeerText, Record, Sorted


class OsRelease(Record):
    """The operating system by its own word (os-release(5))."""

    id: PeerText
    version_id: PeerText
    pretty_name: PeerText


class Package(Record):
    """One installed package."""

    name: PeerText
    version: PeerText
    architecture: PeerText
    source: PeerText
    """The source package's name; the package's own where it is the same."""
    source_version: PeerText


class Setting(Record):
    """One effective setting, its name in lower case."""

    name: PeerText
    value: PeerText


class Sshd(Record):
    """The SSH server's effective configuration (`sshd -T`)."""

    settings: Sorted[Setting]

    def value(self, name: str) -> str | None:
        """The value of a setting that can stand once; None where the server does not know it."""
        return next((setting.value for setting in self.settings if setting.name == name), None)


class HostObservation(Record):
    """What a login to the host shows."""

    kind: Literal["host"] = "host"
    seen: Seen
    user: PeerText
    host_key: PeerText
    """The fingerprint of the key the host proved, as in SHA256:..."""
    os: OsRelease | Unobserved
    packages: Sorted[Package] | Unobserved
    sshd: Sshd | Unobserved
    kernel: PeerText | Unobserved
    listening: Sorted[OpenPort] | Unobserved
    """TCP and UDP sockets that listen on other than loopback, as the host itself lists them."""
    accounts: Accounts | Unobserved
    credentials: Sorted[Credential] | Unobserved
    logins: Sorted[LastLogin] | Unobserved
    sudo: Sorted[SudoGrant] | Unobserved
    authentication: Authentication | Unobserved
    automatic_logins: Sorted[PeerText] | Unobserved
    """The lines of configuration that let somebody in at the console unasked."""
    packet_filter: Sorted[FilterChain] | Unobserved
    kernel_parameters: Sorted[KernelParameter] | Unobserved
    exposed_keys: Sorted[KeyFile] | Unobserved
    """Files of private keys that others may read or a group may change."""
    disks: Sorted[Disk] | Unobserved
