"""The three readers of a report, what each of them is shown, and the dossier an approver decides by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from scanner.causes import CauseGroup, Need
from scanner.changes import Comparison, Turn
from scanner.i18n import N_, _, shown
from scanner.report_view import View
from scanner.writing import bounded, count, listed, share

_MOST = 6
"""Lines of one answer: the dossier is one page, and says what it leaves to the report."""
_REASONS = 10
"""Lines of why, where each is a whole group of reasons."""
_TURNS = {
    Turn.WORSE: N_("fails now, and did not before"),
    Turn.NEW: N_("new, and not good"),
    Turn.NO_LONGER_ASSESSED: N_("no longer assessed"),
    Turn.GONE: N_("no longer asked, and was open"),
    Turn.STILL_OPEN: N_("still open"),
    Turn.STILL_NOT_ASSESSED: N_("still not assessed"),
    Turn.FIXED: N_("fixed"),
    Turn.BETTER: N_("assessed now, and good"),
}


class Reader(StrEnum):
    """For whom a report is written."""

    AGENCY = "agency"
    """Who mends: what to do first, where, with which command."""
    INSPECTOR = "inspector"
    """Who looked: everything, with the evidence."""
    APPROVER = "approver"
    """Who signs: one page."""


def title(reader: Reader, view: View) -> str:
    """What stands over this reader's report; a self-check has no inspector whose report it could be."""
    match reader:
        case Reader.AGENCY:
            return _("What to mend first")
        case Reader.INSPECTOR:
            return _("Inspector's report") if view.inspection else _("Full report of the self-check")
        case Reader.APPROVER:
            return _("Approver's dossier")


@dataclass(frozen=True, slots=True)
class Answered:
    """One question an approver asks, and its answer."""

    question: str
    sign: str
    lines: tuple[str, ...]


def dossier(view: View, since: Comparison | None) -> tuple[Answered, ...]:
    """What an approver asks before signing: who, of what, decided how and why, what changed, what is conditional, what nobody saw."""
    facts = dict(view.facts)
    named = [_("Permit"), _("Permit signed"), _("Inspectors"), _("Operator")]
    scope = [_("Declared"), _("Permitted addresses"), _("Window"), _("Looked from"), _("Baseline")]
    numbers = _("gates {gates}; assessed {assessed} of {counted} ({coverage} %); passed {passed} of {counted}: {score}")
    reasons = list(_reasons(view.cause_groups))
    conditions = [_("{control} at {subject} until {due} ({who})").format(control=control, subject=subject, due=due, who=who)
                  for control, subject, due, who in view.conditions]  # fmt: skip
    gaps = [f"{gap.why}" + _places(gap.places) for gap in view.gaps]
    return (
        Answered(_("Who"), "", tuple(f"{name}: {facts[name]}" for name in named if name in facts)),
        Answered(_("What"), "", tuple(f"{name}: {facts[name]}" for name in scope if name in facts)),
        Answered(
            _("In numbers"),
            "",
            (
                numbers.format(
                    gates=f"{view.gates_met.sign} {view.gates_met.word}",
                    assessed=count(view.assessed),
                    counted=count(view.counted),
                    coverage=share(view.assessed, view.counted),
                    passed=count(view.passed),
                    score=view.score,
                ),
            ),
        ),
        Answered(
            _("Why"), "", bounded(reasons, _REASONS) or ("✓ " + _("Every mandatory control is satisfied at every subject."),)
        ),
        Answered(
            _("What nobody looked at"),
            "?" if gaps else "✓",
            bounded(gaps, _MOST) or (_("Everything that was to be assessed was assessed."),),
        ),
        Answered(
            _("Under which conditions"),
            "!" if conditions else "✓",
            bounded(conditions, _MOST) or (_("No waiver and no plan is open."),),
        ),
        Answered(_("What changed since the last one"), *_changed(since)),
        Answered(
            _("Valid"),
            "",
            (
                _("the evidence lapses {when}").format(when=view.valid_until),
                f"{_('Assessment SHA-256')}: {facts.get(_('Assessment SHA-256'), '')}",
            ),
        ),
    )


def _reasons(groups: Sequence[CauseGroup]) -> Iterator[str]:
    """Each failed gate and each sentence of its own in one line, the rest in one line for each thing that is to be done."""
    for group in groups:
        alone = [cause for cause in group.causes if group.need is Need.PLAIN or (cause.gate and cause.verdict.tone == "bad")]
        together = [cause for cause in group.causes if cause not in alone]
        yield from (f"{cause.verdict.sign} {cause.text}" + _places(cause.places) for cause in alone)
        if together:
            yield f"{together[0].verdict.sign} {group.name}" + _places([cause.control or cause.text for cause in together])


def _changed(since: Comparison | None) -> tuple[str, tuple[str, ...]]:
    """The sign and the lines of what changed."""
    if since is None:
        return "?", (_("No earlier run was given, so nobody can say what changed (--since RUN)."),)
    return ("!" if since.is_worse else ""), tuple(_turns(since))


def _turns(since: Comparison) -> Iterator[str]:
    yield _("compared with {run}, {decision}").format(run=since.before.run, decision=_(since.before.decision))
    if since.other_baseline or since.other_checks:
        yield _("judged by other demands or other checks: not every difference is the system's own")
    for turn, group in groupby(since.changes, key=lambda change: change.turn):
        changes = list(group)
        loud = (
            [f"{change.control} {change.subject}" for change in changes]
            if turn in (Turn.WORSE, Turn.NEW, Turn.NO_LONGER_ASSESSED)
            else []
        )
        yield f"{_(_TURNS[turn])}: {count(len(changes))}" + _places(loud)
    if since.subjects_gone:
        yield _("no longer declared") + _places(since.subjects_gone)
    if since.subjects_new:
        yield _("newly declared") + _places(since.subjects_new)
    for reason in since.reasons_gone[:2]:
        yield _("no longer a reason: {reason}").format(reason=shown(reason.message))
    if not since.changes:
        yield _("Nothing is open, and nothing changed.")


def _places(places: Sequence[str]) -> str:
    return f": {listed(places, _MOST)}" if places else ""
