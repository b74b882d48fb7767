"""What changed between two judgements, finding by finding. Pure; a finding is the same where control, check and subject are."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from scanner.assessment import Assessment, BaselineRef, ControlClass, Decision, DecisionReason, Tally
from scanner.findings import Finding, Message, Outcome
from scanner.observations import SubjectId
from scanner.order import Feed
from scanner.record import Instant, Name, Record, Sorted
from scanner.targets import Level


class Turn(StrEnum):
    """How a finding changed; the loudest first, and what is no longer assessed is as loud as what is new."""

    WORSE = "worse"
    """It fails now, and did not before."""
    NEW = "new"
    """It was not there before, and fails or is not assessed now."""
    NO_LONGER_ASSESSED = "no-longer-assessed"
    """It passed, failed or did not apply, and nobody can say now."""
    GONE = "gone"
    """It failed or was not assessed, and is not asked any more: its subject is no longer declared, or the rule is not there."""
    STILL_OPEN = "still-open"
    STILL_NOT_ASSESSED = "still-not-assessed"
    FIXED = "fixed"
    """It failed, and passes or does not apply now."""
    BETTER = "better"
    """Nobody could say, and it passes or does not apply now."""


LOUD = (Turn.WORSE, Turn.NEW, Turn.NO_LONGER_ASSESSED)
"""What makes the later judgement worse than the one before."""


class Change(Record):
    """One finding that is not as it was, or that is still open."""

    control: Name
    classed: ControlClass
    check: Name
    subject: SubjectId
    turn: Turn
    before: Outcome | None
    """None where it was not there."""
    after: Outcome | None
    seen_before: Message | None
    seen_after: Message | None


class Judged(Record):
    """What is told of each of the two judgements."""

    run: Name
    judged_at: Instant
    decision: Decision
    tally: Tally
    baseline: BaselineRef
    level: Level


class Comparison(Record):
    """Two judgements side by side."""

    before: Judged
    after: Judged
    other_baseline: bool
    """They were judged by different demands: not every difference is the system's own."""
    other_checks: bool
    """They were judged by different code."""
    other_feeds: bool
    """They were judged by other feeds, or other editions of them: a fix that came out since is no fault of the system's."""
    reasons_gone: tuple[DecisionReason, ...]
    """Reasons of the decision that no longer hold, in their order."""
    reasons_new: tuple[DecisionReason, ...]
    subjects_gone: Sorted[SubjectId]
    subjects_new: Sorted[SubjectId]
    changes: tuple[Change, ...]
    """By turn, class, control, check and subject; what passed and still passes is not among them."""

    @property
    def is_worse(self) -> bool:
        """Whether something mandatory fails or is not assessed that was not so before."""
        return any(change.turn in LOUD and change.classed.mandatory for change in self.changes)


Feeds = tuple[Feed, ...]

_UNSEEN = (Outcome.NOT_CHECKED, Outcome.ERROR)
_CLASSES = tuple(ControlClass)
_TURNS = tuple(Turn)


def compared(before: Assessment, after: Assessment, feeds: tuple[Feeds, Feeds] = ((), ())) -> Comparison:
    """What changed from one judgement to the other; `feeds` are those each was ordered with."""
    old = {finding.id: finding for finding in before.findings}
    new = {finding.id: finding for finding in after.findings}
    classes = {control.id: control.classed for control in (*before.controls, *after.controls)}
    changes = list(_changes(old, new, classes))
    changes.sort(key=lambda one: (_TURNS.index(one.turn), _CLASSES.index(one.classed), one.control, one.check, one.subject))
    subjects = [{finding.subject for finding in assessment.findings} for assessment in (before, after)]
    return Comparison(
        before=_told(before),
        after=_told(after),
        other_baseline=before.baseline != after.baseline,
        other_checks=before.checks != after.checks,
        other_feeds=feeds[0] != feeds[1],
        reasons_gone=tuple(_reasons_only_in(before, after)),
        reasons_new=tuple(_reasons_only_in(after, before)),
        subjects_gone=tuple(subjects[0] - subjects[1]),
        subjects_new=tuple(subjects[1] - subjects[0]),
        changes=tuple(changes),
    )


def _reasons_only_in(one: Assessment, other: Assessment) -> Iterator[DecisionReason]:
    known = {(reason.code, reason.control, reason.subject) for reason in other.reasons}
    return (reason for reason in one.reasons if (reason.code, reason.control, reason.subject) not in known)


def _changes(old: dict[str, Finding], new: dict[str, Finding], classes: dict[str, ControlClass]) -> Iterator[Change]:
    for key in {**old, **new}:
        was, now = old.get(key), new.get(key)
        turn = _turn(was.outcome if was else None, now.outcome if now else None)
        known = now or was
        if turn is not None and known is not None:
            yield Change(
                control=known.control,
                classed=classes[known.control],
                check=known.check,
                subject=known.subject,
                turn=turn,
                before=was.outcome if was else None,
                after=now.outcome if now else None,
                seen_before=was.seen if was else None,
                seen_after=now.seen if now else None,
            )


def _turn(was: Outcome | None, now: Outcome | None) -> Turn | None:
    """How the outcome changed; None where there is nothing to tell of."""
    if now is None:
        return Turn.GONE if was in (Outcome.FAIL, *_UNSEEN) else None
    if now is Outcome.FAIL:
        return Turn.NEW if was is None else Turn.STILL_OPEN if was is Outcome.FAIL else Turn.WORSE
    if now in _UNSEEN:
        return Turn.NEW if was is None else Turn.STILL_NOT_ASSESSED if was in _UNSEEN else Turn.NO_LONGER_ASSESSED
    if was is Outcome.FAIL:
        return Turn.FIXED
    return Turn.BETTER if was in _UNSEEN else None


def _told(assessment: Assessment) -> Judged:
    return Judged(
        run=assessment.run,
        judged_at=assessment.judged_at,
        decision=assessment.decision,
        tally=assessment.tally,
        baseline=assessment.baseline,
        level=assessment.level,
    )
