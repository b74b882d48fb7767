"""What a service says first."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from scanner.observations.base import Reason, Seen, Unobserved
from scanner.observations.ports import Weakness
from scanner.record import PeerText, Record, Sorted


class GreetingObservation(Record):
    """What a service says first, and what it answers to the one harmless question its greeting calls for."""

    kind: Literal["greeting"] = "greeting"
    seen: Seen
    protocol: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=40)]
    """The protocol recognised, as in redis or telnet; `unknown` where none was."""
    said: PeerText
    encrypted: bool
    """Whether the service speaks TLS from its first byte."""
    answers_unauthenticated: bool | Unobserved
    """Whether it executed a read-only command without a credential; False also where its protocol asks for one first."""
    weaknesses: Sorted[Weakness] = ()
    """What else it was seen to allow without a credential."""
    unclear: Sorted[Weakness] = ()
    """What could not be found out."""

    @property
    def spoken_in_clear(self) -> str | Unobserved | None:
        """The protocol spoken in clear; None where the service speaks TLS, unobserved where it is not recognised."""
        if self.encrypted:
            return None
        if self.protocol == "unknown":
            return Unobserved(reason=Reason.UNREADABLE, detail="the protocol is not recognised")
        return self.protocol
