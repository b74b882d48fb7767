"""Verdicts, outcomes and findings: what a check may say, what only the engine may say, and the record of both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from scanner.record import Name, OwnWords, Record, Sha256, Text, escaped, sha256
from scanner.sights import SubjectId

_LONGEST = 1_024
"""Characters of what a person wrote that a message holds; the record it stands in holds all."""
_PLACE = re.compile(r"\{([a-z_]+)\}")


class Stated(OwnWords):
    """What a person wrote into a record of ours, as against what a peer said: it keeps its letters, which need not be ASCII."""

    __slots__ = ()


class Value(Record):
    """One value that stands in a message: printable ASCII where a peer said it, NFC without control characters where a person did."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")]
    value: Annotated[Text, StringConstraints(max_length=8_192)]


class Message(Record):
    """A sentence in the catalogue's language with the values that stand in it: translated only when it is shown."""

    text: Text = ""
    values: tuple[Value, ...] = ()

    def shown(self, translated: str | None = None, words: Mapping[str, str] | None = None) -> str:
        """The sentence with its values, or with these words for some; only plain {name} places are filled, whatever the text holds."""
        known = {value.name: value.value for value in self.values} | dict(words or {})
        return _PLACE.sub(lambda place: known.get(place[1], place[0]), translated or self.text)


NOTHING_SAID = Message.model_construct()
"""No sentence. It is made without the reader of messages: most commands that load this module read none."""


def said(text: str, **values: str | int) -> Message:
    """A message; `text` is a literal, so that the catalogue can hold its translation. A value is escaped unless it is `Stated`, or our own words."""
    return Message(text=text, values=tuple(Value(name=name, value=_value(value)) for name, value in values.items()))


def _value(value: str | int) -> str:
    if not isinstance(value, OwnWords):
        return escaped(str(value))
    return str(value) if len(value) <= _LONGEST else f"{value[:_LONGEST]}... ({len(value)} characters)"


@dataclass(frozen=True, slots=True)
class Pass:
    """The subject meets the check."""

    seen: Message = NOTHING_SAID


@dataclass(frozen=True, slots=True)
class Fail:
    """The subject does not meet the check; says what was seen, never advice."""

    seen: Message


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The check has nothing to judge at this subject; says why."""

    seen: Message


Verdict = Pass | Fail | NotApplicable
"""All a check can say."""


class Outcome(StrEnum):
    """The outcome of one rule at one subject (XCCDF 1.2 rule result); only the engine says the last two."""

    PASS = "pass"  # noqa: S105 - the word of XCCDF, no password
    FAIL = "fail"
    NOT_APPLICABLE = "notapplicable"
    NOT_CHECKED = "notchecked"
    ERROR = "error"


class Confidence(StrEnum):
    """How sure the way of seeing makes us; a check declares the least it needs."""

    CERTAIN = "certain"
    """Proven by a handshake or read after a login."""
    STATED = "stated"
    """A document or a person's answer."""
    TENTATIVE = "tentative"
    """Read off a banner, which proves no patch and no setting."""

    def suffices_for(self, needed: Confidence) -> bool:
        """Whether this confidence is at least the one needed."""
        order = (Confidence.TENTATIVE, Confidence.STATED, Confidence.CERTAIN)
        return order.index(self) >= order.index(needed)


class Finding(Record):
    """One rule's outcome at one subject."""

    id: Annotated[str, StringConstraints(pattern=r"^F-[0-9a-f]{12}$")]
    """Stable over (control, check, subject), whatever was seen."""
    control: Name
    check: Name
    subject: SubjectId
    outcome: Outcome
    seen: Message
    confidence: Confidence | None = None
    """None where nothing was seen."""
    evidence: Sha256 | None = Field(default=None)
    """Digest of the file the outcome rests on."""


def finding_id(control: str, check: str, subject: str) -> str:
    """The stable id of a finding."""
    # the canonical form of a list of three plain identifiers, which need no escapes
    return "F-" + sha256(f'["{control}","{check}","{subject}"]'.encode())[:12]
