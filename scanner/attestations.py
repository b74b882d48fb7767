"""Attestations: a person's answer to a control no scanner can see, with the document's digest. The file is never interpreted."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from scanner.faults import WrongValueError
from scanner.i18n import N_
from scanner.likeness import likeness
from scanner.record import Instant, Name, Record, Sha256, Text


class Answer(StrEnum):
    """The answers of the official self-assessment sheets."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    NOT_APPLICABLE = "not-applicable"


class Attestation(Record):
    """One person's answer to one control."""

    schema_version: Literal[1] = 1
    control: Name
    answer: Answer
    document: Sha256 | None
    """Digest of the document shown; may be absent only where the answer is no or not-applicable."""
    document_name: Text = ""
    dated: Instant
    """The document's date: from here the answer ages."""
    reason: Text = ""
    by: Name
    role: Text
    answered_at: Instant

    @model_validator(mode="after")
    def _with_reason(self) -> Self:
        if self.answer is not Answer.YES and not self.reason.strip():
            raise WrongValueError(N_("the answer {answer} needs a reason"), answer=self.answer)
        if self.document is None and self.answer in (Answer.YES, Answer.PARTLY):
            raise WrongValueError(N_("the answer {answer} needs a document"), answer=self.answer)
        if self.dated > self.answered_at:
            raise ValueError(N_("the document is dated after the answer"))
        return self


class Waiver(Record):
    """An accepted deviation; it never covers a gate, and never what could not be seen."""

    id: Name
    control: Name
    subject: Text
    reason: Text = Field(min_length=1)
    compensating_measure: Text = Field(min_length=1)
    """Phuong an tuong duong: the equivalent measure."""
    requester: Name
    approver: Name
    issued: Instant
    expires: Instant
    """Mandatory; the waiver is valid before this instant and not at it."""

    @model_validator(mode="after")
    def _of_two_people(self) -> Self:
        if likeness(self.requester) == likeness(self.approver):
            raise WrongValueError(
                N_("waiver {id}: requester and approver are the same person, however it is spelled"), id=self.id
            )
        if self.expires <= self.issued:
            raise WrongValueError(N_("waiver {id}: expires before it is issued"), id=self.id)
        return self


LONGEST_PLAN = timedelta(days=366)
"""How long after the instant of judgement a plan may be due: as long as a certificate lasts at most. A later day is none that anybody waits for."""


class Remediation(Record):
    """A dated plan for an open deviation: who mends it by when."""

    control: Name
    subject: Text
    owner: Text = Field(min_length=1)
    due: Instant
    action: Text = Field(min_length=1)


class Deviations(Record):
    """The waivers file: accepted deviations and plans for open ones."""

    schema_version: Literal[1] = 1
    waivers: tuple[Waiver, ...] = ()
    remediations: tuple[Remediation, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        ids = [waiver.id for waiver in self.waivers]
        if len(set(ids)) != len(ids):
            raise ValueError(N_("a waiver id stands twice"))
        return self
