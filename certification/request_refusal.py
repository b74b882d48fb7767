"""Refused requests: one authority says no to a request for good, and no certificate is ever logged on it. Stopping needs one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from certification.opening import Opened, in_role, opened
from certification.refusals import Code, Refusal
from certification.rendering import rendered
from certification.request import RequestStatement, opened_request
from certification.signers import Signer, signed
from certification.statements import Predicate, Role, Statement, subjects
from certification.trust import TrustRoot
from scanner.findings import said
from scanner.record import Instant, Name, Sha256, Text, sha256


def refused_serial(request_sha256: str) -> str:
    """What stands in a log in the place of a serial: a refused request never gets one."""
    return f"refused-{request_sha256[:32]}"


class RefusalPredicate(Predicate):
    """Which request of which agency is refused, why, and by whom."""

    serial: Name
    request_sha256: Sha256
    agency: Name
    system: Name
    run: Name
    reason: Text = Field(min_length=1, max_length=2_000)
    effective: Instant
    by: Name

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.serial != refused_serial(self.request_sha256):
            raise ValueError("the serial is not that of the refused request")
        if self.effective != self.stated_at:
            raise ValueError("a refusal counts from when it is stated")
        return self


class RequestRefusalStatement(Statement):
    """An approver refuses a request, which is the subject."""

    role: ClassVar[Role] = Role.APPROVER
    predicate_type: Literal["urn:npd:clearance:request-refusal/v1"] = Field(
        default="urn:npd:clearance:request-refusal/v1", alias="predicateType"
    )
    predicate: RefusalPredicate

    @model_validator(mode="after")
    def _about_its_request(self) -> Self:
        if self.subject != subjects({"request.dsse.json": self.predicate.request_sha256}):
            raise ValueError("the subject is not the request in the predicate")
        return self


def draft_refusal(request: bytes, asked: RequestStatement, reason: str, by: str, at: datetime) -> RequestRefusalStatement:
    """The refusal of this request."""
    digest, told = sha256(request), asked.predicate
    return RequestRefusalStatement(
        subject=subjects({"request.dsse.json": digest}),
        predicate=RefusalPredicate(
            stated_at=at,
            serial=refused_serial(digest),
            request_sha256=digest,
            agency=told.agency,
            system=told.system,
            run=told.run,
            reason=reason,
            effective=at,
            by=by,
        ),
    )


def refuse(
    request: bytes,
    reason: str,
    trust: TrustRoot,
    at: datetime,
    *,
    signer: Signer,
    confirm: Callable[[str], bool],
) -> bytes:
    """The signed refusal of a request that its agency signed; `confirm` is shown what will be signed, and may still say no."""
    trust.current(at)
    key = trust.key(signer.keyid)
    in_role(key, RequestRefusalStatement.role)
    key.valid(at, at)
    asked = opened_request(request, trust, at).statement
    statement = draft_refusal(request, asked, reason, key.known.holder, at)
    if not confirm(rendered(statement)):
        raise Refusal(Code.NOT_CONFIRMED, said("nothing was signed"))
    return signed(statement, signer)


def opened_refusal(envelope: bytes, trust: TrustRoot, at: datetime) -> Opened[RequestRefusalStatement]:
    """The refusal in this envelope, signed by the approver it names."""
    found = opened(envelope, RequestRefusalStatement, trust, at)
    if found.signer.known.holder != found.statement.predicate.by:
        raise Refusal(Code.EVENT_DIFFERS, said("{person} is named and did not sign it", person=found.statement.predicate.by))
    return found
