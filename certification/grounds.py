"""Grounds: the evidence and the request an authorisation rests on, tied to each other, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from certification.authorisation import AuthorisationStatement, described
from certification.chronology import in_turn
from certification.evidence import Evidence, read_evidence, same_files
from certification.opening import Opened
from certification.policy import examined, latest
from certification.refusals import Code, Refusal
from certification.request import RequestPredicate, RequestStatement, opened_request
from certification.request_drafting import inspected
from certification.trust import TrustRoot
from scanner.bundle import packed
from scanner.findings import said
from scanner.record import sha256


@dataclass(frozen=True, slots=True)
class Grounds:
    """A verified bundle and the verified request for it."""

    evidence: Evidence
    request: Opened[RequestStatement]
    request_envelope: bytes

    def authorisation(self, stated_at: datetime, not_after: datetime) -> AuthorisationStatement:
        """The one authorisation that follows from these grounds for these two instants."""
        return described(self.evidence, self.request.statement, self.request_envelope, stated_at, not_after)


def draft_authorisation(bundle: Mapping[str, bytes], request: bytes, trust: TrustRoot, at: datetime) -> AuthorisationStatement:
    """The authorisation that follows from a bundle and a request at this instant; refuses where policy allows none."""
    at = at.replace(microsecond=0)
    grounds = read_grounds(bundle, request, trust, at)
    asked = grounds.request.statement.predicate
    in_turn(asked.stated_at, at)
    statement = grounds.authorisation(at, latest(grounds.evidence, asked.kind, trust, at))
    examined(statement.predicate, trust)
    return statement


def read_grounds(bundle: Mapping[str, bytes], request: bytes, trust: TrustRoot, at: datetime) -> Grounds:
    """The grounds in a bundle and a request, each verified, and tied to each other."""
    evidence = read_evidence(bundle, trust, at)
    asked = opened_request(request, trust, at)
    _tied(asked.statement.predicate, evidence)
    return Grounds(evidence, asked, request)


def follows(statement: AuthorisationStatement, bundle: Mapping[str, bytes], trust: TrustRoot, at: datetime) -> None:
    """Returns where this bundle is the evidence, and the authorisation says exactly what follows from it."""
    same_files(statement.subject, bundle)
    granted = statement.predicate
    grounds = read_grounds(bundle, granted.request_envelope(), trust, at)
    if grounds.authorisation(granted.stated_at, granted.not_after) != statement:
        raise Refusal(
            Code.AUTHORISATION_DIFFERS,
            said("{serial} does not say what follows from the evidence", serial=granted.serial),
        )


def _tied(asked: RequestPredicate, evidence: Evidence) -> None:
    order, assessment = evidence.order, evidence.assessment
    own = (order.scope.agency.code, order.scope.system.id, assessment.fingerprint)
    if (asked.agency, asked.system, asked.fingerprint) != own:
        message = said("a request for {system} of {agency} on the evidence of another", system=asked.system, agency=asked.agency)
        raise Refusal(Code.OTHER_SYSTEM, message)
    if (asked.run, asked.order_nonce) != (order.run, order.nonce):
        raise Refusal(
            Code.ORDER_REPLAYED,
            said("a request for run {seen} on the evidence of run {run}", seen=asked.run, run=order.run),
        )
    if (asked.bundle_sha256, asked.inventory_sha256) != (sha256(packed(evidence.files)), order.scope.digest()):
        raise Refusal(Code.REQUEST_DIFFERS, said("the request is for another bundle of run {run}", run=order.run))
    inspected(asked.scope, order, evidence.files)
    in_turn(evidence.seal.statement.predicate.stated_at, asked.stated_at)
    in_turn(evidence.evaluation.statement.predicate.stated_at, asked.stated_at)
