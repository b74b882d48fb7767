"""What plan and the verbs that look say of time: how long it takes, what a person allowed too little for, and what was not done in time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from scanner.cli.console import Console
from scanner.i18n import N_, _

if TYPE_CHECKING:
    from scanner.forecast import Limits, TooShort
    from scanner.observations import Sight
    from scanner.store import Run

_SHOWN = 8
_NOTICED = 1.2
"""From how many times the expected time on the time behind a silent firewall is told as well."""
_REMEDIES = {
    "--deadline": N_("{where} would end as timed-out; allow more with --deadline"),
    "--run-deadline": N_(
        "the rest would show as not assessed; allow more with --run-deadline, look faster with --rate (within the permit), or go on with --resume"
    ),
    "--host-deadline": N_(
        "the rest at {where} would show as not assessed; allow more with --host-deadline, look faster with --rate (within the permit), or go on with --resume"
    ),
}


def limits_of(options: dict[str, Any]) -> Limits:
    """The limits of time that these options give."""
    from scanner.forecast import Limits

    return Limits(probe=options["deadline"], run=options["run_deadline"], host=options["host_deadline"])


def taken(seconds: float, if_silent: float) -> str:
    """How long it takes, as a person says it."""
    from scanner.terminal import duration

    if if_silent < seconds * _NOTICED:
        return duration(seconds)
    return _("{time} ({longer} where a firewall keeps silent)").format(time=duration(seconds), longer=duration(if_silent))


def tell_too_short(console: Console, found: Iterable[TooShort]) -> None:
    """Says which limits are too short, for what, and what to do."""
    from scanner.terminal import duration

    for short in found:
        text = _("! {option} {allowed:g} is too short, {needed} are needed: {remedy}")
        remedy = _(_REMEDIES[short.option]).format(where=some(short.where))
        console.say(text.format(option=short.option, allowed=short.allowed, needed=duration(short.needed), remedy=remedy))


def tell_timed_out(console: Console, run: Run, sights: Iterable[Sight], deadline: float) -> None:
    """Says which of these sights, just taken, were not done in time, and what to do."""
    from scanner.observations import Reason, Sighting, Unobserved
    from scanner.store import sighting_path

    late = []
    for sight in sights:
        if run.has(sighting_path(sight)):
            result = Sighting.read(run.read(sighting_path(sight))).result
            if isinstance(result, Unobserved) and result.reason is Reason.TIMED_OUT:
                late.append(f"{sight.subject} {sight.kind}")
    if late:
        text = _(
            "! not done in time, so not assessed: {sights}. Where it is up and may be reached from here, look again with a --deadline above {deadline:g}"
        )
        console.say(text.format(sights=some(late), deadline=deadline))


def some(words: Iterable[str]) -> str:
    """The first of these words, and how many more there are."""
    named = list(words)
    return ", ".join(named[:_SHOWN]) + (f" … (+{len(named) - _SHOWN})" if len(named) > _SHOWN else "")
