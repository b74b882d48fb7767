"""Decisions, statuses and outcomes as a reader sees them: a word, a sign and a tone, never a colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scanner.assessment import ControlClass, Decision, Status
from scanner.findings import Outcome
from scanner.i18n import _


@dataclass(frozen=True, slots=True)
class Word:
    """A status as word, sign and tone: never by colour alone."""

    word: str
    sign: str
    tone: str
    """good, bad, open or quiet."""


def verdict_word(decision: Decision) -> Word:
    """A decision as word, sign and tone."""
    match decision:
        case Decision.AUTHORISE:
            return Word(_("AUTHORISE"), "✓", "good")
        case Decision.AUTHORISE_TRIAL:
            return Word(_("TRIAL ONLY"), "!", "open")
        case Decision.INCOMPLETE:
            return Word(_("INCOMPLETE"), "?", "open")
        case Decision.DENY:
            return Word(_("DENY"), "✗", "bad")


def status_word(status: Status) -> Word:
    """A control's status as word, sign and tone."""
    match status:
        case Status.SATISFIED:
            return Word(_("satisfied"), "✓", "good")
        case Status.NOT_APPLICABLE:
            return Word(_("not applicable"), "–", "quiet")
        case Status.WAIVED:
            return Word(_("waived"), "!", "open")
        case Status.UNDETERMINED:
            return Word(_("undetermined"), "?", "open")
        case Status.NOT_SATISFIED:
            return Word(_("not satisfied"), "✗", "bad")


def gates_word(statuses: Sequence[Status]) -> Word:
    """How many gates are met, as word, sign and tone; none at all is not good."""
    met = sum(status in (Status.SATISFIED, Status.NOT_APPLICABLE) for status in statuses)
    told = _("{met} of {all}").format(met=met, all=len(statuses))
    if Status.NOT_SATISFIED in statuses:
        return Word(told, "✗", "bad")
    return Word(told, "✓", "good") if statuses and met == len(statuses) else Word(told, "?", "open")


def outcome_word(outcome: Outcome) -> Word:
    """An outcome as word, sign and tone."""
    match outcome:
        case Outcome.PASS:
            return Word(_("pass"), "✓", "good")
        case Outcome.FAIL:
            return Word(_("fail"), "✗", "bad")
        case Outcome.NOT_APPLICABLE:
            return Word(_("not applicable"), "–", "quiet")
        case Outcome.NOT_CHECKED:
            return Word(_("not assessed"), "?", "open")
        case Outcome.ERROR:
            return Word(_("error"), "?", "open")


def class_word(classed: ControlClass) -> str:
    """A control's class in words."""
    match classed:
        case ControlClass.GATE:
            return _("gate")
        case ControlClass.MAJOR:
            return _("major")
        case ControlClass.MINOR:
            return _("minor")
        case ControlClass.ADVISORY:
            return _("advisory")
