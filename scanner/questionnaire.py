"""Questionnaires: what a baseline asks of people at a level, and their answers, as rows of text that a YAML file and a workbook carry alike."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pydantic import TypeAdapter, ValidationError

from scanner.assessment import ControlClass
from scanner.attestations import Attestation
from scanner.baseline import BoundBaseline, Control
from scanner.i18n import _
from scanner.record import Instant
from scanner.targets import BilingualText, Level

HEAD = ("schema_version", "baseline", "baseline_sha256", "level")
"""What says to which baseline and level the questions belong."""
ASKED = ("control", "class", "title_vi", "title_en", "document_vi", "document_en", "max_age_days", "clauses")
"""What is asked; whoever answers leaves it as it is."""
ANSWERED = ("answer", "reason", "document", "date", "by", "role", "sha256")
"""What is answered. The digest is filled in by Clearance, and says that the document was seen before."""
COLUMNS = (*ASKED, *ANSWERED)
ANSWERS = ("yes", "partly", "no", "not-applicable")

CLASSES = {
    ControlClass.GATE: "gate / tiên quyết",
    ControlClass.MAJOR: "major / chính",
    ControlClass.MINOR: "minor / phụ",
    ControlClass.ADVISORY: "advisory / khuyến nghị",
}
UNVERIFIED = " (unverified / nguyên văn chưa được đối chiếu)"
"""In both languages, as everything that asks: who writes a questionnaire and who fills it in need not have chosen the same."""

NO_SUBJECT = BilingualText(
    vi="Không có dịch vụ nào được khai báo thuộc loại này: nếu đúng vậy, trả lời not-applicable kèm lý do; nếu không, khai báo dịch vụ và quét lại.",
    en="No declared service is of this kind: where that is right, answer not-applicable with the reason; else declare it and scan again.",
)
"""What is asked where nothing declared is what a control is about, and no document is asked for."""
VIET_NAM = timezone(timedelta(hours=7))
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
_DAY = len("2026-11-23")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A questionnaire to be written: empty, or answered as far as there are answers."""

    head: Mapping[str, str]
    rows: tuple[Mapping[str, str], ...]
    """Each with every column; what is not answered is empty."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a person wrote, and where it stands."""

    text: str
    place: str
    wrong: str = ""
    """Why what stands there is no text; the text is then empty."""

    @property
    def blank(self) -> bool:
        """Whether nothing stands there at all."""
        return not self.text and not self.wrong


@dataclass(frozen=True, slots=True)
class Filled:
    """A questionnaire as it was read: cells with their places, and what was wrong with its form."""

    name: str
    head: Mapping[str, Cell]
    rows: tuple[Mapping[str, Cell], ...]
    faults: tuple[str, ...] = ()


def asks(bound: BoundBaseline, level: Level, absent: Collection[str] = ()) -> tuple[Control, ...]:
    """The controls that ask people at this level: for a document, and after these, of those named, whether they apply."""
    of_level = bound.controls(level)
    documents = tuple(control for control in of_level if control.attestation is not None)
    return (*documents, *(control for control in of_level if control.attestation is None and control.id in absent))


def sheet(bound: BoundBaseline, level: Level, held: Mapping[str, Attestation], absent: Collection[str] = ()) -> Sheet:
    """The questionnaire of this level, with the answers that are held; `absent` names the controls that nothing declared is about."""
    return Sheet(
        head=head(bound, level),
        rows=tuple({**asked(control, level), **answered(held.get(control.id))} for control in asks(bound, level, absent)),
    )


def head(bound: BoundBaseline, level: Level) -> dict[str, str]:
    """The baseline and level the questions belong to."""
    return {"schema_version": "1", "baseline": bound.baseline.id, "baseline_sha256": bound.digest, "level": str(level)}


def asked(control: Control, level: Level) -> dict[str, str]:
    """The columns that ask."""
    document = control.attestation
    days = document and document.max_age_days.get(level)
    found = {
        "control": control.id,
        "class": CLASSES[control.classed],
        "title_vi": control.title.vi,
        "title_en": control.title.en,
        "document_vi": (document.document if document else NO_SUBJECT).vi,
        "document_en": (document.document if document else NO_SUBJECT).en,
        "max_age_days": str(days) if days else "",
        "clauses": "; ".join(
            f"{clause.source}, {clause.clause}{UNVERIFIED if clause.unverified else ''}" for clause in control.references
        ),
    }
    return {column: tidy(text) for column, text in found.items()}


def unglossed(text: str) -> str:
    """What is asked as questionnaires once had it, in English alone: one that was written then is still taken."""
    for told in (*CLASSES.values(), UNVERIFIED.strip(" ()")):
        text = text.replace(told, told.partition(" / ")[0])
    return text


def answered(attestation: Attestation | None) -> dict[str, str]:
    """The columns that answer; empty where nobody has answered."""
    if attestation is None:
        return dict.fromkeys(ANSWERED, "")
    undated = attestation.document is None and attestation.dated == attestation.answered_at
    found = {
        "answer": attestation.answer.value,
        "reason": attestation.reason,
        "document": attestation.document_name,
        "date": "" if undated else written(attestation.dated),
        "by": attestation.by,
        "role": attestation.role,
        "sha256": attestation.document or "",
    }
    return {column: tidy(text) for column, text in found.items()}


def tidy(text: str) -> str:
    """Text as it is compared and kept: in NFC, with plain line ends, and without white space around it."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def written(instant: datetime) -> str:
    """A document's date as a person writes it: the day where it is midnight in Viet Nam, else the whole instant."""
    here = instant.astimezone(VIET_NAM)
    midnight = (here.hour, here.minute, here.second) == (0, 0, 0)
    return here.date().isoformat() if midnight else here.isoformat()


def dated(text: str) -> datetime:
    """The instant of a document's date; a day alone begins at midnight in Viet Nam. Raises ValueError with what to write instead."""
    day = len(text) == _DAY and text.replace("-", "").isdigit()
    try:
        return _INSTANT.validate_json(json.dumps(f"{text}T00:00:00+07:00" if day else text))
    except ValidationError:
        message = _("{text} is not a date; write the day as 2026-11-23, or an instant as 2026-11-23T08:00:00+07:00")
        raise ValueError(message.format(text=quoted(text))) from None


def quoted(text: str) -> str:
    """What a person wrote, fit for a message: short, and with nothing in it that a terminal would obey."""
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
