"""The waivers file read and held against baseline and scope, before the first packet and before every judgement of a new run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from scanner import strict_yaml
from scanner.assessment import ControlClass
from scanner.attestations import LONGEST_PLAN, Deviations, Remediation, Waiver
from scanner.baseline import BoundBaseline
from scanner.i18n import _
from scanner.strict_yaml import Document, InputError, Place
from scanner.targets import Level, Scope

_SOON = timedelta(days=30)
_LONG = timedelta(days=366)
_INSTANTS = ("issued", "expires", "due")
_EXAMPLE = "2026-11-23T08:00:00+07:00"

Told = Iterator[tuple[Place, str]]


@dataclass(frozen=True, slots=True)
class WaiversFile:
    """The deviations of a file, and where each of them stands in it."""

    deviations: Deviations
    document: Document

    def line(self, place: Place, message: str) -> str:
        """What is to be said of a part of the file, with its line."""
        return f"{self.document.name}:{self.document.line(place)}: {message}"


def read_waivers(data: bytes, name: str, bound: BoundBaseline, scope: Scope | None) -> WaiversFile:
    """The file in these bytes; raises InputError with all that is wrong with it, each with its line.

    Without a scope nobody knows which subjects there are, and they are not looked at.
    """
    document = strict_yaml.parse(data, name)
    try:
        found = WaiversFile(Deviations.model_validate_json(json.dumps(document.value)), document)
    except ValidationError as error:
        raise InputError("\n".join(str(document.error(*_helped(*each))) for each in strict_yaml.complaints(error))) from None
    wrong = [found.line(place, fault) for place, fault in _faults(found.deviations, bound, scope)]
    if wrong:
        raise InputError("\n".join(wrong))
    return found


def read_deviations(data: bytes, name: str, bound: BoundBaseline, scope: Scope) -> Deviations:
    """The deviations in these bytes; raises InputError with all that is wrong with them, each with its line."""
    return read_waivers(data, name, bound, scope).deviations


def _helped(place: Place, message: str) -> tuple[Place, str]:
    if place and place[-1] in _INSTANTS and _EXAMPLE not in message and "missing" not in message:
        return place, _("{message}; write it as {example}").format(message=message, example=_EXAMPLE)
    return place, message


def _named(deviations: Deviations) -> Iterator[tuple[Place, str, str, str]]:
    """Place, words, control and subject of every waiver and plan, in the file's order."""
    for at, waiver in enumerate(deviations.waivers):
        yield ("waivers", at), _("waiver {id}").format(id=waiver.id), waiver.control, waiver.subject
    for at, plan in enumerate(deviations.remediations):
        what = _("remediation of {control} at {subject}").format(control=plan.control, subject=plan.subject)
        yield ("remediations", at), what, plan.control, plan.subject


def _faults(deviations: Deviations, bound: BoundBaseline, scope: Scope | None) -> Told:
    controls = {control.id: control for control in bound.baseline.controls}
    subjects = scope.subjects() if scope else {}
    for place, what, control, subject in _named(deviations):
        if control not in controls:
            yield (*place, "control"), _("{what}: the baseline has no control {control}").format(what=what, control=control)
        elif controls[control].classed is ControlClass.GATE:
            yield (*place, "control"), _("{what}: {control} is a gate and cannot be waived").format(what=what, control=control)
        if scope and subject not in subjects:
            yield (*place, "subject"), _("{what}: the scope has no subject {subject}").format(what=what, subject=subject)


def warnings(file: WaiversFile, bound: BoundBaseline, level: Level | None, at: datetime) -> tuple[str, ...]:
    """What is valid and yet may not be what was meant, as of this instant, each with its line and in the order of the lines.

    Without a level nobody knows which controls apply, and that is not looked at.
    """
    deviations = file.deviations
    told = [
        *(each for number, waiver in enumerate(deviations.waivers) for each in _of_waiver(("waivers", number), waiver, at)),
        *(each for number, plan in enumerate(deviations.remediations) for each in _of_plan(("remediations", number), plan, at)),
        *(_of_level(deviations, bound, level) if level else ()),
        *_of_pairs(deviations),
    ]
    return tuple(file.line(*each) for each in sorted(told, key=lambda each: file.document.line(each[0])))


def _of_waiver(place: Place, waiver: Waiver, at: datetime) -> Told:
    what = _("waiver {id}").format(id=waiver.id)
    expires = (*place, "expires")
    if at >= waiver.expires:
        yield expires, _("{what}: expired at {instant}; its finding counts again").format(what=what, instant=_z(waiver.expires))
    elif at < waiver.issued:
        yield (*place, "issued"), _("{what}: not valid before {instant}").format(what=what, instant=_z(waiver.issued))
    elif waiver.expires - at <= _SOON:
        yield expires, _("{what}: expires soon, at {instant}").format(what=what, instant=_z(waiver.expires))
    if waiver.expires - waiver.issued > _LONG:
        yield expires, _("{what}: lasts longer than a year").format(what=what)


def _of_plan(place: Place, plan: Remediation, at: datetime) -> Told:
    if at >= plan.due:
        what = _("remediation of {control} at {subject}").format(control=plan.control, subject=plan.subject)
        yield (*place, "due"), _("{what}: was due at {instant}; the finding counts again").format(what=what, instant=_z(plan.due))
    elif plan.due > at + LONGEST_PLAN:
        what = _("remediation of {control} at {subject}").format(control=plan.control, subject=plan.subject)
        text = _("{what}: due at {instant}, more than {days} days from now, which is no plan; the finding counts")
        yield (*place, "due"), text.format(what=what, instant=_z(plan.due), days=LONGEST_PLAN.days)


def _of_level(deviations: Deviations, bound: BoundBaseline, level: Level) -> Told:
    applicable = {control.id: control for control in bound.controls(level)}
    for place, what, control, _subject in _named(deviations):
        at = (*place, "control")
        if control not in applicable:
            yield at, _("{what}: {control} does not apply at level {level}").format(what=what, control=control, level=level)
        elif not applicable[control].classed.mandatory:
            yield at, _("{what}: {control} is advice, which decides nothing").format(what=what, control=control)


def _of_pairs(deviations: Deviations) -> Told:
    met: dict[tuple[str, str], str] = {}
    for place, what, control, subject in _named(deviations):
        if (control, subject) in met:
            text = _("{control} at {subject}: more than one waiver or plan is about it; {first} stands before")
            yield (*place, "control"), text.format(control=control, subject=subject, first=met[control, subject])
        met.setdefault((control, subject), what)


def _z(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
