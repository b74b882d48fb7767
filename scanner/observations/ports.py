"""What listens on a host, and what it answers to strangers."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from scanner.observations.base import PortNumber, Reason, Seen, Unobserved
from scanner.record import PeerText, Record, Sorted


class Weakness(StrEnum):
    """What a service was seen to allow, without any credential."""

    SERVES_STRANGERS = "serves-strangers"
    """It executes commands or hands out data."""
    NO_TLS = "no-tls"
    """A data store that cannot be asked to change to TLS."""
    RDP_WITHOUT_NLA = "rdp-without-nla"
    """A desktop that shows its login before anybody proved anything."""
    SMB_1 = "smb-1"
    SMB_UNSIGNED = "smb-unsigned"
    """A file server that does not insist on signed messages."""
    OPEN_DIRECTORY = "open-directory"
    """A directory that shows its entries."""
    OPEN_EXPORT = "open-export"
    """A file system that is exported to everybody."""


class OpenPort(Record):
    """One open port and what is known of the service behind it."""

    port: PortNumber
    transport: Literal["tcp", "udp"]
    service: PeerText
    product: PeerText = ""
    version: PeerText = ""
    tls: bool = False
    """It speaks TLS from the first byte, by its own answer or nmap's tunnel attribute."""
    cpes: Sorted[PeerText] = ()
    weaknesses: Sorted[Weakness] = ()
    """What it was seen to allow."""
    unclear: Sorted[Weakness] = ()
    """What could not be found out: neither seen to be allowed nor seen to be refused."""


class PortsObservation(Record):
    """The open ports of a host, and which of them nobody declared."""

    kind: Literal["ports"] = "ports"
    seen: Seen
    asked: PeerText
    """Which ports were asked for, in nmap's notation."""
    open: Sorted[OpenPort]
    undeclared: Sorted[PortNumber]
    """Open ports the scope does not name."""
    unanswered: Sorted[PortNumber]
    """Declared ports that did not turn out to be open."""

    @property
    def serving_strangers(self) -> tuple[OpenPort, ...] | Unobserved:
        """The ports that serve whoever comes."""
        return self.showing(Weakness.SERVES_STRANGERS)

    @property
    def stores_without_tls(self) -> tuple[OpenPort, ...] | Unobserved:
        """The data stores that know no TLS."""
        return self.showing(Weakness.NO_TLS)

    @property
    def desktops_without_nla(self) -> tuple[OpenPort, ...] | Unobserved:
        """The remote desktops without network-level authentication."""
        return self.showing(Weakness.RDP_WITHOUT_NLA)

    @property
    def weak_shares(self) -> tuple[OpenPort, ...] | Unobserved:
        """The file servers that speak SMB 1, do not insist on signatures, or export to everybody."""
        return self.showing(Weakness.SMB_1, Weakness.SMB_UNSIGNED, Weakness.OPEN_EXPORT)

    @property
    def open_directories(self) -> tuple[OpenPort, ...] | Unobserved:
        """The directories that show their entries."""
        return self.showing(Weakness.OPEN_DIRECTORY)

    def showing(self, *weaknesses: Weakness) -> tuple[OpenPort, ...] | Unobserved:
        """The ports with one of these weaknesses; where there is none, unobserved if it could not be found out somewhere."""
        found = tuple(port for port in self.open if set(port.weaknesses) & set(weaknesses))
        unclear = [f"{port.port}/{port.transport} {port.service}" for port in self.open if set(port.unclear) & set(weaknesses)]
        if unclear and not found:
            detail = f"what these services allow could not be found out: {', '.join(unclear)}"
            return Unobserved(reason=Reason.NOT_ASKED, detail=detail[:300])
        return found
