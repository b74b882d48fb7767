"""What one baseline demands that another does not: new, gone, stricter, looser or merely different, control by control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.assessment import BaselineRef, Clause, ControlClass
from scanner.baseline import LEVELS, Baseline, BoundBaseline, BoundRule, Control, Effective
from scanner.check import Stricter
from scanner.findings import Message, said
from scanner.i18n import N_
from scanner.record import Name, Record, canonical
from scanner.strictness import Turn, compared
from scanner.targets import Level

_WEIGHT = {ControlClass.ADVISORY: 0, ControlClass.MINOR: 1, ControlClass.MAJOR: 2, ControlClass.GATE: 3}


class Change(Record):
    """One thing that the second baseline says otherwise."""

    turn: Turn
    control: Name | None
    """None where it is of the baseline as a whole."""
    levels: tuple[Level, ...] = ()
    """The levels at which it is so; none where it is of no level."""
    said: Message


class BaselineDiff(Record):
    """Every change from one baseline to another."""

    before: BaselineRef
    after: BaselineRef
    changes: tuple[Change, ...]


def difference(before: BoundBaseline, after: BoundBaseline) -> BaselineDiff:
    """All changes: those of the whole first, then by control in the order of the first baseline, new controls last."""
    old = {control.id: control for control in before.baseline.controls}
    new = {control.id: control for control in after.baseline.controls}
    changes = list(_whole(before.baseline, after.baseline))
    for name, control in old.items():
        if name not in new:
            changes.append(_told(Turn.GONE, name, "the control ({weight})", control.levels, weight=control.classed))
            continue
        changes += _control(control, new[name])
        changes += _rules(before, after, control, new[name])
    changes += [
        _told(Turn.NEW, name, "the control ({weight})", control.levels, weight=control.classed)
        for name, control in new.items()
        if name not in old
    ]
    return BaselineDiff(before=before.ref(), after=after.ref(), changes=_together(changes))


def _whole(old: Baseline, new: Baseline) -> Iterator[Change]:
    if old.effective != new.effective:
        dates = [_span(found.effective) for found in (old, new)]
        yield _told(Turn.DIFFERENT, None, "in force: {old} became {new}", old=dates[0], new=dates[1])
    if old.diagram != new.diagram:
        text = N_("the network diagram is shown by {old}, and became {new}")
        yield _told(Turn.DIFFERENT, None, text, old=old.diagram or "nothing", new=new.diagram or "nothing")
    for level in LEVELS:
        yield from _limit(
            None,
            "evidence may be so many days old: {old} became {new}",
            level,
            old.evidence_max_age_days[level],
            new.evidence_max_age_days[level],
        )
    feeds, later = ({feed.kind: feed.max_age_days for feed in found.feeds} for found in (old, new))
    for kind in sorted({*feeds, *later}):
        if kind not in later:
            yield _told(Turn.GONE, None, "feed {kind}", kind=kind)
        elif kind not in feeds:
            yield _told(Turn.NEW, None, "feed {kind}, at most {days} days old", kind=kind, days=later[kind])
        elif turn := compared(feeds[kind], later[kind], Stricter.LOWER):
            text = N_("feed {kind} may be so many days old: {old} became {new}")
            yield _told(turn, None, text, kind=kind, old=feeds[kind], new=later[kind])


def _span(found: Effective) -> str:
    begins, ends = (f"{moment:%Y-%m-%dT%H:%MZ}" if moment else "" for moment in (found.begins, found.ends))
    return f"{begins} / {ends}"


def _control(old: Control, new: Control) -> Iterator[Change]:
    name = old.id
    if turn := compared(_WEIGHT[old.classed], _WEIGHT[new.classed], Stricter.HIGHER):
        yield _told(turn, name, "class: {old} became {new}", old=old.classed, new=new.classed)
    for turn, levels in ((Turn.NEW, set(new.levels) - set(old.levels)), (Turn.GONE, set(old.levels) - set(new.levels))):
        if levels:
            yield _told(turn, name, "the control applies", tuple(sorted(levels)))
    if old.heading != new.heading:
        yield _told(Turn.DIFFERENT, name, "heading: {old} became {new}", old=old.heading, new=new.heading)
    for turn, clauses in (
        (Turn.NEW, [clause for clause in new.references if clause not in old.references]),
        (Turn.GONE, [clause for clause in old.references if clause not in new.references]),
    ):
        for clause in clauses:
            yield _told(turn, name, "clause {clause}", clause=_clause(clause))
    if old.title != new.title:
        yield _told(Turn.DIFFERENT, name, "title: {old} became {new}", old=old.title.en, new=new.title.en)
    yield from _attestation(old, new)


def _clause(clause: Clause) -> str:
    return f"{clause.source}, {clause.clause}{' (?)' if clause.unverified else ''}"


def _attestation(old: Control, new: Control) -> Iterator[Change]:
    if old.attestation is None or new.attestation is None:
        if old.attestation != new.attestation:
            turn = Turn.NEW if old.attestation is None else Turn.GONE
            asked = new.attestation or old.attestation
            assert asked is not None  # noqa: S101 - one of two different values is not None
            yield _told(turn, old.id, "document: {title}", title=asked.document.en)
        return
    if old.attestation.document != new.attestation.document:
        was, now = old.attestation.document.en, new.attestation.document.en
        yield _told(Turn.DIFFERENT, old.id, "document: {old} became {new}", old=was, new=now)
    for level in _shared(old, new):
        ages = (old.attestation.max_age_days.get(level), new.attestation.max_age_days.get(level))
        yield from _limit(old.id, "the document speaks for so many days: {old} became {new}", level, *ages)


def _rules(before: BoundBaseline, after: BoundBaseline, old: Control, new: Control) -> Iterator[Change]:
    earlier, later = ({rule.check.id: rule for rule in bound.rules_of(of)} for bound, of in ((before, old), (after, new)))
    for check in earlier:
        if check not in later:
            yield _told(Turn.GONE, old.id, "check {check}", _shared(old, new), check=check)
    for check, rule in later.items():
        if check not in earlier:
            yield _told(Turn.NEW, old.id, "check {check}", _shared(old, new), check=check)
        else:
            yield from _parameters(earlier[check], rule, _shared(old, new))


def _parameters(old: BoundRule, new: BoundRule, levels: tuple[Level, ...]) -> Iterator[Change]:
    for level in levels:
        before, after = (rule.parameters[level] for rule in (old, new))
        for field in type(after).model_fields:
            was, now = getattr(before, field), getattr(after, field)
            turn = compared(was, now, type(after).direction(field) or Stricter.NONE)
            if turn is None:
                continue
            text = N_("{check}: {field} {old} became {new}")
            values = {"old": _shown(before, field), "new": _shown(after, field)}
            yield _told(turn, old.control.id, text, (level,), check=old.check.id, field=field, **values)


def _shown(parameters: Record, field: str) -> str:
    value: Any = parameters.model_dump(mode="json")[field]
    return canonical(value).decode()


def _limit(control: str | None, text: str, level: Level, old: int | None, new: int | None) -> Iterator[Change]:
    """Any number where there is none; the values of a message are not translated, so `any` stands in for it."""
    if turn := compared(old, new, Stricter.LOWER):
        shown: Mapping[str, str] = {"old": "any" if old is None else str(old), "new": "any" if new is None else str(new)}
        yield _told(turn, control, text, (level,), **shown)


def _shared(old: Control, new: Control) -> tuple[Level, ...]:
    return tuple(level for level in old.levels if level in new.levels)


def _told(turn: Turn, control: str | None, text: str, levels: tuple[Level, ...] = (), **values: str | int) -> Change:
    return Change(turn=turn, control=control, levels=levels, said=said(text, **values))


def _together(changes: list[Change]) -> tuple[Change, ...]:
    """One line for what is the same at several levels."""
    found: dict[tuple[Turn, str | None, Message], tuple[Level, ...]] = {}
    for change in changes:
        key = (change.turn, change.control, change.said)
        found[key] = tuple(sorted({*found.get(key, ()), *change.levels}))
    return tuple(Change(turn=turn, control=control, levels=levels, said=text) for (turn, control, text), levels in found.items())
