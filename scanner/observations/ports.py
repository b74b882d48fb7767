"""What listens on a host."""

from __future__ import annotations

from typing import Literal

from scanner.observations.base import PortNumber, Seen
from scanner.record import PeerText, Record, Sorted


class OpenPort(Record):
    """One open port as nmap saw it."""

    port: PortNumber
    transport: Literal["tcp", "udp"]
    service: PeerText
    product: PeerText = ""
    version: PeerText = ""
    tls: bool = False
    """nmap's tunnel attribute is ssl."""
    cpes: Sorted[PeerText] = ()


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
