"""Regimes: which baselines are in force at an instant and for which system. Pure: the instant and the approval are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum

from scanner.assessment import Clause
from scanner.attestations import Answer, Attestation
from scanner.baseline import Baseline, Effective
from scanner.findings import Message, said

VIETNAM = timezone(timedelta(hours=7))
"""The time in which the law counts its days; without summer time."""


class Force(StrEnum):
    """How a regime stands to an instant and a system."""

    NOT_YET = "not-yet"
    IN_FORCE = "in-force"
    TRANSITION = "transition"
    """It ended, and goes on for this system because its level was approved early enough."""
    ENDED = "ended"

    @property
    def decides(self) -> bool:
        """Whether a decision may rest on the regime."""
        return self in (Force.IN_FORCE, Force.TRANSITION)


@dataclass(frozen=True, slots=True)
class Applicable:
    """A baseline that may be judged by, why, and where that stands."""

    baseline: Baseline
    force: Force
    reason: Message
    references: tuple[Clause, ...]


def force(effective: Effective, at: datetime, approved: datetime | None) -> Force:
    """How the regime stands at this instant to a system whose level was approved then; None where nobody has shown when."""
    if at < effective.begins:
        return Force.NOT_YET
    if effective.ends is None or at < effective.ends:
        return Force.IN_FORCE
    late = effective.transition
    if late and at < late.until and approved is not None and approved < late.approved_before:
        return Force.TRANSITION
    return Force.ENDED


def applicable(regimes: Iterable[Baseline], at: datetime, approved: datetime | None) -> tuple[Applicable, ...]:
    """The baselines in force at this instant for a system whose level was approved then, the latest regime first.

    In a transition there are two: the regime in force, which serves every system, and the one before it.
    """
    found = []
    for baseline in sorted(regimes, key=lambda one: (one.effective.begins, one.id), reverse=True):
        effective, late = baseline.effective, baseline.effective.transition
        standing = force(effective, at, approved)
        if standing is Force.IN_FORCE:
            message = said("{baseline} is in force since {begins}", baseline=baseline.id, begins=written(effective.begins))
            found.append(Applicable(baseline, standing, message, effective.references))
        elif standing is Force.TRANSITION and late is not None:
            message = said(
                "{baseline} may be judged by until {until}, since the level was approved before {before}",
                baseline=baseline.id,
                until=written(late.until),
                before=written(late.approved_before),
            )
            found.append(Applicable(baseline, standing, message, late.references))
    return tuple(found)


def objection(baseline: Baseline, at: datetime, approved: datetime | None) -> Message | None:
    """Why no decision may rest on this baseline at this instant; None where one may.

    A laboratory baseline without an end is never objected to: no production trust root takes what it decides.
    """
    effective = baseline.effective
    standing = force(effective, at, approved)
    if standing.decides or (baseline.laboratory and effective.ends is None):
        return None
    if standing is Force.NOT_YET:
        return said(
            "baseline {baseline} is in force from {begins} on, and the judgement is of {at}",
            baseline=baseline.id,
            begins=written(effective.begins),
            at=written(at),
        )
    late, ended = effective.transition, lapses(effective)
    if late is None or at >= late.until:
        return said(
            "baseline {baseline} was in force until {ends}, and the judgement is of {at}",
            baseline=baseline.id,
            ends=written(ended or at),
            at=written(at),
        )
    return said(
        "baseline {baseline} ended; until {until} it serves only systems whose level was approved before {before}, "
        "and the document of {control} does not show that",
        baseline=baseline.id,
        until=written(late.until),
        before=written(late.approved_before),
        control=late.shown_by,
    )


def lapses(effective: Effective) -> datetime | None:
    """The instant from which the regime serves nobody any more; None where it has no end."""
    return effective.transition.until if effective.transition else effective.ends


def approval(baseline: Baseline, answers: Mapping[str, tuple[Attestation, str]]) -> datetime | None:
    """When the level was approved: the date of the document that shows it, None where nobody has said yes to it.

    Only a baseline with a transition asks for it.
    """
    transition = baseline.effective.transition
    answer = answers.get(transition.shown_by) if transition else None
    return answer[0].dated if answer and answer[0].answer is Answer.YES else None


def written(instant: datetime) -> str:
    """An instant in Vietnam's time, as messages show it."""
    return f"{instant.astimezone(VIETNAM):%Y-%m-%d %H:%M} (UTC+7)"
