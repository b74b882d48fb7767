"""Which of two values demands more, in the direction that a check declares for its parameter."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from scanner.check import Stricter


class Turn(StrEnum):
    """How a demand changed."""

    NEW = "new"
    GONE = "gone"
    STRICTER = "stricter"
    LOOSER = "looser"
    DIFFERENT = "different"
    """Neither demands more, or nobody declared which does."""


def compared(old: Any, new: Any, direction: Stricter) -> Turn | None:
    """How the second value stands to the first; None where they ask the same."""
    if direction in {Stricter.SUBSET, Stricter.SUPERSET}:
        # members may be records that hold mappings: compared by equality, for not all have a hash
        kept, covered = all(value in new for value in old), all(value in old for value in new)
        if kept and covered:
            return None
        if not kept and not covered:
            return Turn.DIFFERENT
        return Turn.STRICTER if covered is (direction is Stricter.SUBSET) else Turn.LOOSER
    if old == new:
        return None
    match direction:
        case Stricter.LOWER:
            stricter = new is not None and (old is None or new < old)
        case Stricter.HIGHER:
            stricter = new is not None and (old is None or new > old)
        case Stricter.TRUE | Stricter.FALSE:
            stricter = new is (direction is Stricter.TRUE)
        case _:
            return Turn.DIFFERENT
    return Turn.STRICTER if stricter else Turn.LOOSER
