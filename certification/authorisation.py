"""The connection authorisation: what a ConnectionCertificate says, and how it follows from evidence and a request."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from certification.chronology import in_turn
from certification.refusals import Code, Refusal
from certification.request import Grant, Kind, RequestPredicate, RequestStatement
from certification.statements import Predicate, Role, Statement, file_subjects
from scanner.decision import BaselineRef, Condition, Counted, Decision, Level
from scanner.findings import said
from scanner.record import BilingualText, Instant, Name, Record, Sha256, Sorted, Text, canonical, sha256
from scanner.run_files import EVALUATION

if TYPE_CHECKING:
    from certification.evidence import Evidence

WORDING = BilingualText(
    vi="Kết quả kiểm tra, đánh giá này là căn cứ xem xét kết nối tới Cơ sở dữ liệu quốc gia về dân cư.",
    en="These results of inspection and assessment are a basis for considering connection to the national population database.",
)
"""What a certificate claims, and all it claims: the decision to connect stays with the database's managing agency."""

Base64 = Annotated[str, StringConstraints(max_length=200_000, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]


class AuthorisedAgency(Record):
    """The agency a certificate is for."""

    code: Name
    name: BilingualText
    echelon: Name


class AuthorisedSystem(Record):
    """The system a certificate is for; with another fingerprint it is another system."""

    id: Name
    level: Level
    operator: Text
    """The unit that runs it; none of its people may approve."""
    fingerprint: Sha256


class AuthorisationPredicate(Predicate):
    """All that an approver answers for, and all that a gateway needs."""

    serial: Name
    kind: Kind
    wording: BilingualText
    agency: AuthorisedAgency
    system: AuthorisedSystem
    scope: Grant
    client_key_sha256: Annotated[Sorted[Sha256], Field(min_length=1)]
    baseline: BaselineRef
    coverage: Counted
    """Of the level's controls, how many checks decided and how many rest on documents."""
    decision: Decision
    run: Name
    order_nonce: Sha256
    evaluation_sha256: Sha256
    """Digest of the evaluation's envelope."""
    request_sha256: Sha256
    """Digest of the request's envelope."""
    request: Base64
    """The request's envelope itself: the certificate alone shows that the agency asked and holds the client key."""
    scan_started: Instant
    scan_finished: Instant
    evidence_until: Instant
    """When the evidence is too old to rest on."""
    inspectors: Annotated[Sorted[Name], Field(min_length=1)]
    """Everyone the permit names as inspector; none of them may approve."""
    conditions: Sorted[Condition]
    not_before: Instant
    not_after: Instant
    """The first instant at which it is no longer valid."""
    supersedes: Name | None

    def request_envelope(self) -> bytes:
        """The request's envelope."""
        return base64.b64decode(self.request)


class AuthorisationStatement(Statement):
    """Approvers of two authorities authorise a connection; its subjects are every file of the evidence bundle."""

    role: ClassVar[Role] = Role.APPROVER
    most_signatures: ClassVar[int] = 16
    predicate_type: Literal["urn:npd:clearance:connection-authorisation/v1"] = Field(
        default="urn:npd:clearance:connection-authorisation/v1", alias="predicateType"
    )
    predicate: AuthorisationPredicate


def described(
    evidence: Evidence, request: RequestStatement, request_envelope: bytes, stated_at: datetime, not_after: datetime
) -> AuthorisationStatement:
    """The authorisation that follows from this evidence and this request: the same bytes on every machine."""
    from scanner.coverage import covered  # the judging side, which reading an authorisation does without

    assessment, asked = evidence.assessment, request.predicate
    request_sha256 = sha256(request_envelope)
    predicate = AuthorisationPredicate(
        stated_at=stated_at,
        serial=serial(request_sha256, asked.order_nonce, stated_at),
        kind=asked.kind,
        wording=WORDING,
        agency=AuthorisedAgency(code=assessment.agency, name=assessment.agency_name, echelon=assessment.echelon),
        system=AuthorisedSystem(
            id=assessment.system,
            level=assessment.level,
            operator=evidence.order.scope.system.operator,
            fingerprint=assessment.fingerprint,
        ),
        scope=asked.scope,
        client_key_sha256=asked.client_key_sha256,
        baseline=assessment.baseline,
        coverage=covered(assessment.findings, assessment.level),
        decision=assessment.decision,
        run=assessment.run,
        order_nonce=evidence.order.nonce,
        evaluation_sha256=sha256(evidence.files[EVALUATION]),
        request_sha256=request_sha256,
        request=base64.b64encode(request_envelope).decode(),
        scan_started=evidence.observed_from,
        scan_finished=evidence.observed_until,
        evidence_until=evidence.evidence_until,
        inspectors=tuple(inspector.person for inspector in evidence.order.permit.inspectors),
        conditions=assessment.conditions,
        not_before=stated_at,
        not_after=not_after,
        supersedes=asked.supersedes,
    )
    return AuthorisationStatement(subject=file_subjects(evidence.files), predicate=predicate)


def serial(request_sha256: str, nonce: str, stated_at: datetime) -> str:
    """The serial of the authorisation drafted at this instant for this request."""
    return "CC-" + sha256(canonical([request_sha256, nonce, f"{stated_at:%Y-%m-%dT%H:%M:%SZ}"]))[:32]


def as_asked(granted: AuthorisationPredicate, asked: RequestPredicate) -> None:
    """Returns where the authorisation grants what the request it carries asks for, in the words it must use."""
    told = {
        "kind": (granted.kind, asked.kind),
        "agency": (granted.agency.code, asked.agency),
        "system": (granted.system.id, asked.system),
        "fingerprint": (granted.system.fingerprint, asked.fingerprint),
        "scope": (granted.scope, asked.scope),
        "client key": (granted.client_key_sha256, asked.client_key_sha256),
        "run": (granted.run, asked.run),
        "nonce": (granted.order_nonce, asked.order_nonce),
        "supersedes": (granted.supersedes, asked.supersedes),
        "serial": (granted.serial, serial(granted.request_sha256, asked.order_nonce, granted.stated_at)),
        "request digest": (granted.request_sha256, sha256(granted.request_envelope())),
        "beginning": (granted.not_before, granted.stated_at),
        "wording": (granted.wording, WORDING),
    }
    for name, (seen, wanted) in told.items():
        if seen != wanted:
            raise Refusal(Code.AUTHORISATION_DIFFERS, said("{name} is not what follows from the request", name=name))
    in_turn(asked.stated_at, granted.stated_at)
