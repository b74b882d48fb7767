"""Tailoring: an agency or an authority demands more than a baseline does, in a file of its own; what demands less is refused.

The file names its parent by digest and says only what it adds: heavier classes, further levels, stricter parameters, further checks and
controls, younger evidence. Whether all of it demands more is decided by the comparison of the two baselines, in the directions that
the checks declare for their parameters.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from scanner import strict_yaml
from scanner.assessment import ControlClass, TailoringRef
from scanner.baseline import Baseline, BoundBaseline, Control, Days, FeedAsked, Rule, bind
from scanner.baseline_diff import Change, difference
from scanner.check import Check
from scanner.findings import Message
from scanner.i18n import _, shown
from scanner.record import Name, Record, Sha256, Text, sha256
from scanner.strict_yaml import Document, InputError, Place
from scanner.strictness import Turn
from scanner.targets import BilingualText, Level

_ADDS = frozenset({Turn.NEW, Turn.STRICTER})
Complaints = list[tuple[Place, str]]


class Parent(Record):
    """The baseline that is tailored: this one, to the byte."""

    id: Name
    version: Text
    sha256: Sha256


class TailoredControl(Record):
    """What is demanded beyond a control of the parent."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    id: Name
    classed: ControlClass | None = Field(default=None, alias="class")
    """A heavier class; a gate stays a gate."""
    further_levels: tuple[Level, ...] = ()
    """Levels at which the parent does not ask for it."""
    rules: tuple[Rule, ...] = ()
    """Further checks, and stricter parameters of the parent's; what a rule does not name stays as the parent has it."""
    document_max_age_days: Mapping[Level, Days] = {}
    """For how long the control's document speaks."""


class Tailoring(Record):
    """What an agency or an authority demands beyond a baseline."""

    schema_version: Literal[1] = 1
    id: Name
    version: Annotated[str, Field(min_length=1, max_length=100)]
    parent: Parent
    by: Annotated[str, Field(min_length=1, max_length=300)]
    """Who decided it, with the decision's number and date."""
    title: BilingualText
    evidence_max_age_days: Mapping[Level, Days] = {}
    feeds: tuple[FeedAsked, ...] = ()
    """Further feeds, and a lower age of the parent's."""
    controls: tuple[TailoredControl, ...] = ()
    added: tuple[Control, ...] = ()
    """Controls that the parent does not have, under its headings."""


def tailored(parent: BoundBaseline, data: bytes, name: str, checks: Mapping[str, Check[Any, Any]]) -> BoundBaseline:
    """The parent with what the tailoring in these bytes demands beyond it; its id, version and digest stay the parent's.

    Raises InputError, with the file and a line for each fault, where the file is no tailoring of this parent, names what is not there,
    or demands anything less or something that nobody can call more.
    """
    document, found = _read(data, name)
    if (found.parent.id, found.parent.version, found.parent.sha256) != (
        parent.baseline.id,
        parent.baseline.version,
        parent.digest,
    ):
        text = _(
            "it tailors {id} version {version}, SHA-256 {digest}, and is used with {other} version {later}, SHA-256 {actual}"
        )
        told = text.format(
            id=found.parent.id,
            version=found.parent.version,
            digest=found.parent.sha256,
            other=parent.baseline.id,
            later=parent.baseline.version,
            actual=parent.digest,
        )
        raise document.error(("parent",), told)
    _insist(document, list(_strangers(found, parent.baseline)))
    made = _merged(parent, found, document)
    ref = TailoringRef(id=found.id, version=found.version, by=found.by, sha256=sha256(data))
    whole = replace(
        bind(made, parent.digest, checks, lambda place, complaint: _misplaced(document, found, made, place, complaint)),
        tailoring=ref,
        further=frozenset(_further(found, parent)),
    )
    changes = difference(parent, whole).changes
    _insist(document, [(_place(found, change), _too_little(change)) for change in changes if change.turn not in _ADDS])
    if not changes:
        raise document.error((), _("it demands nothing beyond its parent"))
    if strange := sorted(_deciding(whole.baseline) - _deciding(parent.baseline)):
        # by its parent every run is incomplete there, and a tailoring never lets a run fare better
        text = _("the parent decides nothing by checks at level {level}, and a tailoring cannot be the first to")
        raise document.error((), text.format(level=strange[0]))
    return whole


def read_parent(data: bytes, name: str) -> Parent:
    """Which baseline the tailoring in these bytes is of; raises InputError where it is no tailoring."""
    return _read(data, name)[1].parent


def is_tailoring(data: bytes, name: str) -> bool:
    """Whether these bytes are meant as a tailoring: a mapping that names a parent. Raises InputError where they are no strict YAML."""
    value = strict_yaml.parse(data, name).value
    return isinstance(value, dict) and "parent" in value


def _read(data: bytes, name: str) -> tuple[Document, Tailoring]:
    document = strict_yaml.parse(data, name)
    try:
        return document, Tailoring.model_validate_json(json.dumps(document.value))
    except ValidationError as error:
        _insist(document, strict_yaml.complaints(error))
        raise  # pragma: no cover - a validation error has at least one complaint


def _insist(document: Document, complaints: Complaints) -> None:
    if complaints:
        ordered = sorted(complaints, key=lambda found: document.line(found[0]))
        raise InputError("\n".join(str(document.error(*found)) for found in ordered))


def _strangers(found: Tailoring, parent: Baseline) -> Iterator[tuple[Place, str]]:
    """What names something that is not there, or that stands twice."""
    known = {control.id: control for control in parent.controls}
    met: set[str] = set()
    for at, control in enumerate(found.controls):
        place: Place = ("controls", at)
        if control.id in met:
            yield (*place, "id"), _("the control stands twice")
        met.add(control.id)
        if control.id not in known:
            yield (*place, "id"), _("{id} has no control {control}").format(id=parent.id, control=control.id)
            continue
        for level in sorted(set(control.further_levels) & set(known[control.id].levels)):
            yield (*place, "further_levels"), _("the control applies at level {level} already").format(level=level)
        if control.document_max_age_days and known[control.id].attestation is None:
            # a document would let a person answer what a check could not see, so none is ever added to a control of checks
            yield (*place, "document_max_age_days"), _("the control asks for no document, and none can be added to it")
        checks = [rule.check for rule in control.rules]
        for number, check in enumerate(checks):
            if check in checks[:number]:
                yield (*place, "rules", number, "check"), _("the check stands twice")
    for at, added in enumerate(found.added):
        if added.id in known:
            yield ("added", at, "id"), _("{id} has a control {control} already").format(id=parent.id, control=added.id)


def _further(found: Tailoring, parent: BoundBaseline) -> Iterator[tuple[str, str]]:
    """The control and the check of each rule that the parent's control does not have."""
    had = {(rule.control.id, rule.check.id) for rule in parent.rules}
    named = ((control.id, rule.check) for control in found.controls for rule in control.rules)
    return (rule for rule in named if rule not in had)


def _deciding(found: Baseline) -> set[Level]:
    """The levels at which a mandatory control has checks."""
    return {level for control in found.controls if control.classed.mandatory and control.rules for level in control.levels}


def _merged(parent: BoundBaseline, found: Tailoring, document: Document) -> Baseline:
    base, changed = parent.baseline, {control.id: control for control in found.controls}
    feeds = {feed.kind: feed for feed in base.feeds} | {feed.kind: feed for feed in found.feeds}
    values = {
        **base.model_dump(mode="json", by_alias=True),
        "evidence_max_age_days": {**base.evidence_max_age_days, **found.evidence_max_age_days},
        "feeds": [feed.model_dump(mode="json") for feed in feeds.values()],
        "controls": [
            (_control(control, changed[control.id]) if control.id in changed else control).model_dump(mode="json", by_alias=True)
            for control in (*base.controls, *found.added)
        ],
    }
    try:
        return Baseline.model_validate_json(json.dumps(values))
    except ValidationError as error:
        place, complaint = strict_yaml.complaint(error)
        raise document.error(("added",) if found.added and not place else (), complaint) from None


def _control(old: Control, more: TailoredControl) -> Control:
    levels = tuple(sorted({*old.levels, *more.further_levels}))
    further = {rule.check: rule for rule in more.rules}
    rules = [_rule(rule, further.pop(rule.check, None), levels) for rule in old.rules]
    attestation = old.attestation and old.attestation.model_copy(
        update={"max_age_days": {**old.attestation.max_age_days, **more.document_max_age_days}}
    )
    return old.model_copy(
        update={
            "classed": more.classed or old.classed,
            "levels": levels,
            "rules": (*rules, *further.values()),
            "attestation": attestation,
        }
    )


def _rule(old: Rule, more: Rule | None, levels: tuple[Level, ...]) -> Rule:
    """The parent's parameters at each level, and over them what the tailoring sets there."""
    if more is None:
        return old
    at_level = {
        level: {**old.parameters, **old.at_level.get(level, {}), **more.parameters, **more.at_level.get(level, {})}
        for level in levels
    }
    return Rule(check=old.check, at_level=at_level)


def _misplaced(document: Document, found: Tailoring, made: Baseline, place: Place, complaint: str) -> InputError:
    """A fault of the merged baseline, told at the control of the tailoring from which it comes."""
    return document.error(_of_control(found, made.controls[int(place[1])].id), complaint)


def _of_control(found: Tailoring, control: str) -> Place:
    ids = {"controls": [each.id for each in found.controls], "added": [each.id for each in found.added]}
    return next(((part, names.index(control)) for part, names in ids.items() if control in names), ())


def _place(found: Tailoring, change: Change) -> Place:
    return () if change.control is None else _of_control(found, change.control)


def _too_little(change: Change) -> str:
    levels = ", ".join(map(str, change.levels))
    where = " " + _("(levels {levels})").format(levels=levels) if levels else ""
    told: Message = change.said
    if change.turn is Turn.DIFFERENT:
        text = _("nobody can tell that this demands more: {change}")
    else:
        text = _("this demands less than the parent: {change}")
    return text.format(change=shown(told) + where)
