"""The waivers file read and held against baseline and scope, before the first packet and before every judgement of a new run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from scanner import strict_yaml
from scanner.assessment import ControlClass
from scanner.attestations import Deviations
from scanner.baseline import BoundBaseline
from scanner.i18n import _
from scanner.strict_yaml import InputError
from scanner.targets import Scope


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
