"""How each control of a baseline is decided: by checks, by checks and a document, or by a document alone."""

from __future__ import annotations

from enum import StrEnum

from scanner.assessment import ControlClass
from scanner.baseline import LEVELS, Baseline, Control
from scanner.record import Name, Record
from scanner.targets import BilingualText, Level


class Decided(StrEnum):
    """What decides a control."""

    AUTOMATICALLY = "automatically"
    PARTLY = "partly"
    """Checks decide some of it, and a person shows a document for the rest."""
    BY_DOCUMENT = "by document"


class ControlCoverage(Record):
    """One control and what decides it."""

    id: Name
    title: BilingualText
    classed: ControlClass
    levels: tuple[Level, ...]
    decided: Decided
    checks: tuple[Name, ...]


class Counted(Record):
    """How many controls are decided in each way."""

    level: Level | None
    """None is the sum: every control once, at whatever levels it applies."""
    automatically: int
    partly: int
    by_document: int

    @property
    def controls(self) -> int:
        """All of them."""
        return self.automatically + self.partly + self.by_document


class Coverage(Record):
    """Every control of a baseline, counted by level and in all."""

    controls: tuple[ControlCoverage, ...]
    counts: tuple[Counted, ...]
    """By level, the sum last."""


def decided(control: Control) -> Decided:
    """What decides this control."""
    if not control.rules:
        return Decided.BY_DOCUMENT
    return Decided.AUTOMATICALLY if control.attestation is None else Decided.PARTLY


def coverage(baseline: Baseline) -> Coverage:
    """The coverage of each control, in the baseline's order."""
    controls = tuple(
        ControlCoverage(
            id=control.id,
            title=control.title,
            classed=control.classed,
            levels=control.levels,
            decided=decided(control),
            checks=tuple(rule.check for rule in control.rules),
        )
        for control in baseline.controls
    )
    return Coverage(controls=controls, counts=tuple(_counted(controls, level) for level in (*LEVELS, None)))


def _counted(controls: tuple[ControlCoverage, ...], level: Level | None) -> Counted:
    ways = [control.decided for control in controls if level is None or level in control.levels]
    return Counted(
        level=level,
        automatically=ways.count(Decided.AUTOMATICALLY),
        partly=ways.count(Decided.PARTLY),
        by_document=ways.count(Decided.BY_DOCUMENT),
    )
