"""A filled questionnaire held against its baseline: the answers in it, or every fault with its place, all at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from pydantic import ValidationError

from scanner.assessment import ControlClass
from scanner.attestations import Answer, Attestation
from scanner.baseline import BoundBaseline, Control
from scanner.complaints import wrong
from scanner.i18n import _
from scanner.questionnaire import (
    ANSWERED,
    ANSWERS,
    ASKED,
    HEAD,
    Cell,
    Filled,
    answered,
    asked,
    asks,
    dated,
    head,
    quoted,
    unglossed,
)
from scanner.strict_yaml import InputError
from scanner.targets import Level

MOST = 200
"""Faults that are told; a questionnaire with more is no questionnaire."""
_FIELDS = {"document_name": "document", "dated": "date", "by": "by", "role": "role", "reason": "reason"}
_NOTHING = Cell("", "")

Row = Mapping[str, Cell]
Digest = Callable[[str], str]
"""The digest of the document with this path; raises InputError where it cannot be had."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a questionnaire answers."""

    changed: tuple[Attestation, ...]
    """New answers, and those that differ from the answers held."""
    unchanged: tuple[str, ...]
    """Controls whose answer is the one that is held already."""
    open: tuple[str, ...]
    """Controls that the questionnaire leaves without an answer; an answer that is held stays."""


class _CellError(Exception):
    """One thing that is wrong: where, and what."""

    def __init__(self, cell: Cell, message: str) -> None:
        super().__init__(f"{cell.place}: {message}")


def answers_of(
    filled: Filled,
    bound: BoundBaseline,
    level: Level,
    held: Mapping[str, Attestation],
    digest: Digest,
    at: datetime,
    *,
    absent: Collection[str] = (),
) -> Answered:
    """The answers as of this instant; raises InputError with every fault, and then nothing of the questionnaire holds.

    `absent` names the controls that nothing declared is about: of them a person may say that they do not apply.
    """
    cells = [*filled.head.values(), *(cell for row in filled.rows for cell in row.values())]
    faults = [*filled.faults, *(f"{cell.place}: {cell.wrong}" for cell in cells if cell.wrong)]
    faults += _of_head(filled, head(bound, level))
    controls = {control.id: control for control in asks(bound, level, absent)}
    met: dict[str, Cell] = {}
    changed, unchanged = [], []
    for row in filled.rows:
        control, strange = _asked_in(row, controls, bound, met)
        faults += strange
        if control is None:
            continue
        faults += _altered(row, asked(control, level))
        if not row["answer"].text:
            faults += () if row["answer"].wrong else _stray(row)
            continue
        before = held.get(control.id)
        if before is not None and answered(before) == {column: row[column].text for column in ANSWERED}:
            unchanged.append(control.id)
            continue
        wrong, made = _answer(row, control, before, digest, at)
        faults += wrong
        if made and before is not None and answered(made) == answered(before):
            unchanged.append(control.id)  # the document that lies there is the one that was seen before
        else:
            changed += [made] if made else []
    if faults:
        more = [_("and {count} more").format(count=len(faults) - MOST)] if len(faults) > MOST else []
        raise InputError("\n".join(faults[:MOST] + more))
    spoken = {attestation.control for attestation in changed} | set(unchanged)
    return Answered(tuple(changed), tuple(unchanged), tuple(name for name in controls if name not in spoken))


def _of_head(filled: Filled, expected: Mapping[str, str]) -> Iterator[str]:
    for key in HEAD:
        cell = filled.head.get(key, _NOTHING)
        if not cell.wrong and cell.text != expected[key] and (cell.place or key != "schema_version"):
            text = _("{key} is {found}, and the run has {expected}; export the questionnaire of this run")
            message = text.format(key=key, found=quoted(cell.text), expected=expected[key])
            yield f"{cell.place or filled.name}: {message}"


def _asked_in(
    row: Row, controls: Mapping[str, Control], bound: BoundBaseline, met: dict[str, Cell]
) -> tuple[Control | None, tuple[str, ...]]:
    cell = row["control"]
    if not cell.text:
        said = any(row[column].text for column in ANSWERED)
        return None, (f"{cell.place}: " + _("the control is missing"),) if said and not cell.wrong else ()
    if cell.text in met:
        message = _("{control} is answered twice; it stands at {place} already").format(
            control=cell.text, place=met[cell.text].place
        )
        return None, (f"{cell.place}: {message}",)
    if cell.text in controls:
        met[cell.text] = cell
        return controls[cell.text], ()
    if any(control.id == cell.text for control in bound.baseline.controls):
        message = _("{control} asks for no document at this level").format(control=cell.text)
        return None, (f"{cell.place}: {message}",)
    near = get_close_matches(cell.text[:120], controls, n=1)
    hint = _("; did you mean {near}?").format(near=near[0]) if near else ""
    return None, (f"{cell.place}: " + _("no control is called {control}").format(control=quoted(cell.text)) + hint,)


def _altered(row: Row, expected: Mapping[str, str]) -> Iterator[str]:
    for column in ASKED:
        cell = row.get(column, _NOTHING)
        if cell.text and unglossed(cell.text) != unglossed(expected[column]):
            message = _("what is asked was changed ({column}); export the questionnaire anew").format(column=column)
            yield f"{cell.place}: {message}"


def _stray(row: Row) -> Iterator[str]:
    if any(row[column].text for column in ("reason", "document", "date")):
        message = _("{control} has no answer; write one of {answers}, or empty the row")
        yield f"{row['answer'].place}: {message.format(control=row['control'].text, answers=', '.join(ANSWERS))}"


def _answer(
    row: Row, control: Control, before: Attestation | None, digest: Digest, at: datetime
) -> tuple[list[str], Attestation | None]:
    """Every fault of an answered row, and the answer where there is none."""
    faults: list[str] = []
    if row["answer"].text not in ANSWERS:
        message = _("{answer} is no answer; write one of {answers}")
        return [f"{row['answer'].place}: {message.format(answer=quoted(row['answer'].text), answers=', '.join(ANSWERS))}"], None
    answer = Answer(row["answer"].text)
    faults += _missing(row, control, answer)
    sha256, when = None, at
    for part in ("document", "date"):
        try:
            if part == "document":
                sha256 = _seen(row, before, digest)
            elif row["date"].text:
                when = _on(row["date"], at)
        except _CellError as fault:
            faults.append(str(fault))
    if faults or any(row[column].wrong for column in ANSWERED):
        return faults, None
    try:
        made = Attestation(
            control=control.id,
            answer=answer,
            document=sha256,
            document_name=row["document"].text,
            dated=when,
            reason=row["reason"].text,
            by=row["by"].text,
            role=row["role"].text,
            answered_at=at,
        )
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
        places = [row[_FIELDS.get(str(item["loc"][0]) if item["loc"] else "", "answer")].place for item in items]
        return [f"{place}: {wrong(item)}" for place, item in zip(places, items, strict=True)], None
    return [], made


def _missing(row: Row, control: Control, answer: Answer) -> Iterator[str]:
    name = control.id
    if answer is not Answer.YES and row["reason"].blank:
        yield f"{row['reason'].place}: " + _("{control}: the answer {answer} needs a reason").format(control=name, answer=answer)
    if answer in (Answer.YES, Answer.PARTLY) and control.attestation is not None and row["document"].blank:
        yield f"{row['document'].place}: " + _("{control}: the answer {answer} needs a document").format(
            control=name, answer=answer
        )
    if row["document"].text and row["date"].blank:
        yield f"{row['date'].place}: " + _("{control}: the document's date is missing; from there it ages").format(control=name)
    for column in ("by", "role"):
        if row[column].blank:
            yield f"{row[column].place}: " + _("{control}: say who answers, in by and role").format(control=name)
    if (complaint := idle(control, answer, (control.id,))) is not None:
        yield f"{row['answer'].place}: {complaint}"


def idle(control: Control, answer: Answer, absent: Collection[str]) -> str | None:
    """Why this answer would change nothing, or cannot be given; None where it counts."""
    if control.attestation is not None:
        return answered_away(control, answer)
    if control.id not in absent:
        text = _(
            "{control} asks nobody: what is seen decides it, and an answer would change nothing; mend what was seen, and scan again"
        )
        return text.format(control=control.id)
    if answer is not Answer.NOT_APPLICABLE:
        text = _("{control} asks for no document: of what no declared service is about, only the answer not-applicable counts")
        return text.format(control=control.id)
    return None


def answered_away(control: Control, answer: Answer) -> str | None:
    """Why this answer cannot be given: a gate's own document is shown, or the gate stays shut. None where it can."""
    if answer is Answer.NOT_APPLICABLE and control.classed is ControlClass.GATE and control.attestation is not None:
        text = _("{control} is a gate: its document cannot be answered away with not-applicable; show it, or answer no")
        return text.format(control=control.id)
    return None


def _seen(row: Row, before: Attestation | None, digest: Digest) -> str | None:
    """The document's digest: of the file that lies there, or the one that is held where the same document was seen before."""
    document, known = row["document"], row["sha256"]
    if not document.text:
        if known.text:
            raise _CellError(known, _("a digest without a document; empty it"))
        return None
    try:
        found = digest(document.text)
    except InputError as error:
        if before is not None and (known.text, document.text) == (before.document, before.document_name):
            return known.text
        raise _CellError(document, str(error)) from None
    if known.text and known.text != found:
        raise _CellError(known, _("the document is another one than this digest names; empty the digest if the new one is meant"))
    return found


def _on(cell: Cell, at: datetime) -> datetime:
    try:
        found = dated(cell.text)
    except ValueError as error:
        raise _CellError(cell, str(error)) from None
    if found > at:
        raise _CellError(cell, _("{date} lies in the future").format(date=cell.text))
    return found
