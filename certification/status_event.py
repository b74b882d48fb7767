"""Status events: an authority suspends or revokes a certificate, two let it be used again. One authority is enough to stop."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from certification.authorisation import AuthorisationStatement
from certification.opening import Opened, opened
from certification.quorum import apart, quorum
from certification.refusals import Code, Refusal
from certification.statements import Predicate, Role, Statement, subjects
from certification.trust import TrustRoot
from scanner.findings import said
from scanner.record import Instant, Name, Text, sha256


class Change(StrEnum):
    """What an event makes of a certificate."""

    SUSPENDED = "suspended"
    RESUMED = "resumed"
    REVOKED = "revoked"


class Reason(StrEnum):
    """Why, in a word that a program can sort by."""

    INCIDENT = "incident"
    KEY_COMPROMISE = "key-compromise"
    DRIFT = "drift"
    CONDITION_OVERDUE = "condition-overdue"
    EVIDENCE_WITHDRAWN = "evidence-withdrawn"
    AGENCY_ASKED = "agency-asked"
    RESOLVED = "resolved"
    OTHER = "other"


class StatusPredicate(Predicate):
    """Which certificate, what becomes of it, why, from when, and who began it."""

    serial: Name
    state: Change
    reason: Reason
    note: Text = Field(max_length=1_000)
    effective: Instant
    by: Name
    """The person who drafted and first signed it."""

    @model_validator(mode="after")
    def _at_once(self) -> Self:
        # in advance, one signature would bar every later event: they follow each other by this instant
        if self.effective != self.stated_at:
            raise ValueError("effective at another instant than it was stated")
        return self


class StatusEventStatement(Statement):
    """An approver changes the status of a certificate, which is the subject."""

    role: ClassVar[Role] = Role.APPROVER
    most_signatures: ClassVar[int] = 16
    predicate_type: Literal["urn:npd:clearance:status-event/v1"] = Field(
        default="urn:npd:clearance:status-event/v1", alias="predicateType"
    )
    predicate: StatusPredicate


def draft_event(
    certificate: AuthorisationStatement, state: Change, reason: Reason, note: str, by: str, at: datetime
) -> StatusEventStatement:
    """The event that changes this certificate's status at this instant."""
    return StatusEventStatement(
        subject=subjects({"authorisation.json": sha256(certificate.written())}),
        predicate=StatusPredicate(
            stated_at=at, serial=certificate.predicate.serial, state=state, reason=reason, note=note, effective=at, by=by
        ),
    )


def opened_event(
    envelope: bytes, certificate: AuthorisationStatement, trust: TrustRoot, at: datetime
) -> Opened[StatusEventStatement]:
    """The event in this envelope, about this certificate and signed by as many as its change needs."""
    found = opened(envelope, StatusEventStatement, trust, at)
    told = found.statement.predicate
    wanted = subjects({"authorisation.json": sha256(certificate.written())})
    if (told.serial, found.statement.subject) != (certificate.predicate.serial, wanted):
        raise Refusal(Code.EVENT_DIFFERS, said("the event is about another certificate than {serial}", serial=told.serial))
    if told.by not in {signer.known.holder for signer in found.signers}:
        raise Refusal(Code.EVENT_DIFFERS, said("{person} began it and did not sign it", person=told.by))
    if told.state is Change.RESUMED:
        quorum(found.signers)
        apart(found.signers, certificate.predicate)
    return found
