"""How each control of a baseline is decided: by checks, by checks and a document, or by a document alone."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from scanner.assessment import ControlClass
from scanner.baseline import LEVELS, Baseline, Control
from scanner.decision import Counted
from scanner.evaluate import ATTESTATION
from scanner.findings import Finding
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


def covered(findings: Iterable[Finding], level: Level) -> Counted:
    """How the controls of these findings were to be decided: every rule, and every document asked, has its finding."""
    asked: dict[str, set[bool]] = {}
    for finding in findings:
        asked.setdefault(finding.control, set()).add(finding.check == ATTESTATION)
    ways = [
        Decided.PARTLY if len(kinds) > 1 else Decided.BY_DOCUMENT if True in kinds else Decided.AUTOMATICALLY
        for kinds in asked.values()
    ]
    return _sum(ways, level)


def _counted(controls: tuple[ControlCoverage, ...], level: Level | None) -> Counted:
    return _sum([control.decided for control in controls if level is None or level in control.levels], level)


def _sum(ways: list[Decided], level: Level | None) -> Counted:
    return Counted(
        level=level,
        automatically=ways.count(Decided.AUTOMATICALLY),
        partly=ways.count(Decided.PARTLY),
        by_document=ways.count(Decided.BY_DOCUMENT),
    )
