"""The waivers file read and held against baseline and scope, before the first packet and before every judgement of a new run."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta

from scanner import strict_yaml
from scanner.assessment import ControlClass
from scanner.attestations import Deviations, Remediation, Waiver
from scanner.baseline import BoundBaseline
from scanner.i18n import _
from scanner.strict_yaml import InputError
from scanner.targets import Level, Scope

_SOON = timedelta(days=30)
_LONG = timedelta(days=366)


def read_deviations(data: bytes, name: str, bound: BoundBaseline, scope: Scope) -> Deviations:
    """The deviations in these bytes; raises InputError with all that is wrong with them."""
    deviations = strict_yaml.parse(data, name).as_record(Deviations)
    wrong = list(_faults(deviations, bound, scope))
    if wrong:
        raise InputError("\n".join(f"{name}: {fault}" for fault in wrong))
    return deviations


def _faults(deviations: Deviations, bound: BoundBaseline, scope: Scope) -> Iterator[str]:
    controls = {control.id: control for control in bound.baseline.controls}
    subjects = scope.subjects()
    named = [(_("waiver {id}").format(id=waiver.id), waiver.control, waiver.subject) for waiver in deviations.waivers]
    named += [(_("remediation"), plan.control, plan.subject) for plan in deviations.remediations]
    for what, control, subject in named:
        if control not in controls:
            yield _("{what}: the baseline has no control {control}").format(what=what, control=control)
        elif controls[control].classed is ControlClass.GATE:
            yield _("{what}: {control} is a gate and cannot be waived").format(what=what, control=control)
        if subject not in subjects:
            yield _("{what}: the scope has no subject {subject}").format(what=what, subject=subject)


def expired(deviations: Deviations, at: datetime) -> tuple[str, ...]:
    """The ids of the waivers that are no longer valid at this instant: their findings count again."""
    return tuple(waiver.id for waiver in deviations.waivers if at >= waiver.expires)


def warnings(deviations: Deviations, bound: BoundBaseline, level: Level, at: datetime) -> tuple[str, ...]:
    """What is valid and yet may not be what was meant, as of this instant; in the file's order."""
    return (
        *(line for waiver in deviations.waivers for line in _of_waiver(waiver, bound, level, at)),
        *(line for plan in deviations.remediations for line in _of_plan(plan, bound, level, at)),
        *_of_pairs(deviations),
    )


def _of_waiver(waiver: Waiver, bound: BoundBaseline, level: Level, at: datetime) -> Iterator[str]:
    what = _("waiver {id}").format(id=waiver.id)
    ends = f"{waiver.expires:%Y-%m-%dT%H:%M:%SZ}"
    if at >= waiver.expires:
        yield _("{what}: expired at {instant}; its finding counts again").format(what=what, instant=ends)
    elif at < waiver.issued:
        yield _("{what}: not valid before {instant}").format(what=what, instant=f"{waiver.issued:%Y-%m-%dT%H:%M:%SZ}")
    elif waiver.expires - at <= _SOON:
        yield _("{what}: expires soon, at {instant}").format(what=what, instant=ends)
    if waiver.expires - waiver.issued > _LONG:
        yield _("{what}: lasts longer than a year").format(what=what)
    if _plain(waiver.requester) == _plain(waiver.approver):
        yield _("{what}: requester and approver look like one person").format(what=what)
    yield from _of_level(what, waiver.control, bound, level)


def _of_plan(plan: Remediation, bound: BoundBaseline, level: Level, at: datetime) -> Iterator[str]:
    what = _("remediation of {control} at {subject}").format(control=plan.control, subject=plan.subject)
    if at >= plan.due:
        yield _("{what}: was due at {instant}; the finding counts again").format(
            what=what, instant=f"{plan.due:%Y-%m-%dT%H:%M:%SZ}"
        )
    yield from _of_level(what, plan.control, bound, level)


def _of_level(what: str, control: str, bound: BoundBaseline, level: Level) -> Iterator[str]:
    found = next((one for one in bound.controls(level) if one.id == control), None)
    if found is None:
        yield _("{what}: {control} does not apply at level {level}").format(what=what, control=control, level=level)
    elif not found.classed.mandatory:
        yield _("{what}: {control} is advice, which decides nothing").format(what=what, control=control)


def _of_pairs(deviations: Deviations) -> Iterator[str]:
    pairs = [(waiver.control, waiver.subject) for waiver in deviations.waivers]
    plans = [(plan.control, plan.subject) for plan in deviations.remediations]
    for control, subject in sorted({pair for pair in (*pairs, *plans) if [*pairs, *plans].count(pair) > 1}):
        yield _("{control} at {subject}: more than one waiver or plan is about it").format(control=control, subject=subject)


def _plain(name: str) -> str:
    """A name without accents, case, points and dashes, so that two spellings of one person meet."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(sign for sign in letters if sign.isalnum())
