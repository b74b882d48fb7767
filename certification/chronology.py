"""Chronology: what rests on something was not made before it, as far as clocks agree."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from certification.refusals import Code, Refusal
from scanner.findings import said

CLOCK_SKEW = timedelta(minutes=5)
"""How far the clocks of two stations may be apart before their dates contradict each other."""


def in_turn(*instants: datetime) -> None:
    """Returns where each instant is not before the one it follows, as far as clocks agree."""
    for earlier, later in pairwise(instants):
        if later < earlier - CLOCK_SKEW:
            first, second = f"{earlier:%Y-%m-%d %H:%M:%S}", f"{later:%Y-%m-%d %H:%M:%S}"
            raise Refusal(
                Code.CHRONOLOGY,
                said("what happened at {second} rests on what happened at {first} UTC", first=first, second=second),
            )
