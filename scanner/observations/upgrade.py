"""Whether a service that begins in clear changes to TLS."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from scanner.observations.base import Seen
from scanner.record import PeerText, Record


class UpgradeObservation(Record):
    """What a service answers to the words by which its protocol changes to TLS (STARTTLS and its like)."""

    kind: Literal["upgrade"] = "upgrade"
    seen: Seen
    protocol: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=40)]
    """The declared protocol, in which it answered."""
    offered: bool
    """Whether it changes to TLS."""
    said: PeerText
    """Its words where it does not."""
