"""The decision of a judgement, the baseline it was made by, and the conditions it comes with: what a certificate repeats of an assessment."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from scanner.record import Instant, Name, Record, Sha256, Sorted, Text
from scanner.sights import SubjectId

Level = Annotated[int, Field(ge=1, le=5)]
"""The information system's security level (Decree 331/2026 art. 11-15)."""


class Decision(StrEnum):
    """What the truth table of DESIGN section 4 arrives at."""

    AUTHORISE = "authorise"
    AUTHORISE_TRIAL = "authorise-trial"
    INCOMPLETE = "incomplete"
    DENY = "deny"


class Condition(Record):
    """An open deviation under which a certificate may still be issued; printed on it."""

    control: Name
    subject: SubjectId
    due: Instant
    """When the waiver expires or the remediation is due."""
    waiver: Name | None
    owner: Text | None
    findings: Sorted[str]


class TailoringRef(Record):
    """What was demanded beyond a baseline, and on whose decision."""

    id: Name
    version: Text
    by: Text
    sha256: Sha256


class BaselineRef(Record):
    """Which baseline was judged by."""

    id: Name
    version: Text
    regime: Name
    sha256: Sha256
    laboratory: bool
    """Made for exercises: a production trust root refuses certificates under it."""
    tailoring: TailoringRef | None = None
    """None where the baseline was judged by as it stands."""


class Counted(Record):
    """How many controls are decided in each way: by checks, by checks and a document, by a document alone."""

    level: Level | None
    """None is the sum: every control once, at whatever levels it applies."""
    automatically: int
    partly: int
    by_document: int

    @property
    def controls(self) -> int:
        """All of them."""
        return self.automatically + self.partly + self.by_document
