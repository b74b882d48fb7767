"""Which addresses inside the permit answer although no declared host has them."""

from __future__ import annotations

from typing import Literal

from scanner.observations.base import Count, PortNumber, Reason, Seen, Unobserved
from scanner.record import PeerText, Record, Sorted


class Neighbour(Record):
    """An address that answered, and how."""

    address: PeerText
    port: PortNumber
    """The port that answered first."""
    accepted: bool
    """False where it refused the connection, which is an answer too."""


class LeftOut(Record):
    """An address, or a number of them, that was not asked, and why that takes nothing away."""

    what: PeerText
    why: PeerText


class NeighboursObservation(Record):
    """What answers inside the permitted networks beside the declared hosts."""

    kind: Literal["neighbours"] = "neighbours"
    seen: Seen
    networks: Sorted[PeerText]
    """The permit's."""
    ports: PeerText
    """The ports tried at each address, in nmap's notation."""
    asked: Count
    """Addresses that were asked."""
    left_out: Sorted[LeftOut]
    answering: Sorted[Neighbour]
    """Undeclared addresses that answered."""
    rest: Literal[True] | Unobserved
    """Whether the permitted networks were wholly looked at; why not."""

    @property
    def undeclared(self) -> tuple[Neighbour, ...] | Unobserved:
        """What answers undeclared; that nothing does is only known where everything was asked."""
        if self.answering:
            return self.answering
        if isinstance(self.rest, Unobserved):
            return Unobserved(reason=Reason.NOT_ASKED, detail=f"not wholly looked at: {self.rest.detail or self.rest.reason}")
        return ()
