"""The index of many runs' reports: which agency stands how, worst first in the numbers and by name in the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scanner.assessment import Assessment, ControlClass, Decision, Status
from scanner.collation import vietnamese
from scanner.findings import Outcome
from scanner.i18n import _, speaking, titled
from scanner.inert import LONGEST
from scanner.report import AROUND, LARGEST, Page, article, packed, shell
from scanner.status_words import Word, verdict_word
from scanner.targets import BilingualText
from scanner.writing import count

_LINE = 1_000
"""Bytes of an agency's line without its names, at most."""
_UNSEEN = (Outcome.NOT_CHECKED, Outcome.ERROR)


@dataclass(frozen=True, slots=True)
class Entry:
    """One run in the index: no more of it is kept, so that a nation's campaign fits into memory."""

    page: str
    code: str
    agency: BilingualText
    system: BilingualText
    level: int
    decision: Decision
    gates_failed: int
    gates: int
    unseen: int
    passed: int
    assessed: int
    counted: int
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in words."""

    entry: Entry
    agency: str
    system: str
    verdict: Word


def entry(assessment: Assessment, page: str) -> Entry:
    """What the index says of this assessment, whose report begins in this file."""
    gates = [control for control in assessment.controls if control.classed is ControlClass.GATE]
    return Entry(
        page=page,
        code=assessment.agency,
        agency=assessment.agency_name,
        system=assessment.system_name,
        level=assessment.level,
        decision=assessment.decision,
        gates_failed=sum(gate.status not in (Status.SATISFIED, Status.NOT_APPLICABLE) for gate in gates),
        gates=len(gates),
        unseen=sum(finding.outcome in _UNSEEN for finding in assessment.findings),
        passed=assessment.tally.passed,
        assessed=assessment.tally.assessed,
        counted=assessment.tally.counted,
        until=assessment.evidence_until,
    )


def index(entries: Sequence[Entry], languages: Sequence[str], *, largest: int = LARGEST) -> tuple[Page, ...]:
    """The index as pages like the reports: no script, and links to the files beside it only.

    The first is index.html. Where one file could be larger than `largest` bytes, it holds the numbers and links to the agencies by name.
    """
    parts: list[Page] = []
    bodies = []
    whole = sum(_bytes(each) for each in entries) * len(languages) + AROUND <= largest
    for language in languages:
        with speaking(language):
            lines = sorted((_line(each) for each in entries), key=lambda line: (vietnamese(line.agency), line.system))
            counted = [(verdict_word(decision), sum(each.decision is decision for each in entries)) for decision in Decision]
            prefix = f"{language}-" if len(languages) > 1 else ""
            links = []
            for chunk in () if whole else packed(lines, lambda line: _bytes(line.entry), largest - AROUND):
                name = f"index-{len(parts) + 2}.html"
                body = article(language, "index_part.html.j2", lines=chunk)
                parts.append(Page(name, shell(f"{chunk[0].agency} – {chunk[-1].agency}", language, [body])))
                links.append((name, chunk[0].agency, chunk[-1].agency, len(chunk)))
            shown = lines if whole else []
            bodies.append(
                article(language, "index.html.j2", count_of_all=len(lines), lines=shown, links=links, counted=counted, p=prefix)
            )
    with speaking(languages[0]):
        title = _("Connection assessments: {count}").format(count=count(len(entries)))
        return (Page("index.html", shell(title, languages[0], bodies)), *parts)


def _bytes(each: Entry) -> int:
    """More than its line in the index takes: escaping makes at most six of a byte."""
    names = (each.agency.vi, each.agency.en, each.system.vi, each.system.en)
    return _LINE + sum(_longest(name) for name in names)


def _longest(name: str) -> int:
    shown = name[:LONGEST]
    return len(shown.encode()) + 5 * sum(shown.count(sign) for sign in "<>&\"'") + 8


def _line(each: Entry) -> Line:
    return Line(each, titled(each.agency), titled(each.system), verdict_word(each.decision))
