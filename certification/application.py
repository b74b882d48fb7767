"""How far an application has come: asked for, approved by half, refused, in a log. Told from one signed file and, where given, the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certification.authorisation import AuthorisationStatement
from certification.envelope import read_envelope
from certification.evidence import read_evidence
from certification.ledger import Loggable
from certification.opening import opened
from certification.quorum import QUORUM
from certification.refusals import Code, Refusal
from certification.request import opened_request
from certification.request_refusal import RequestRefusalStatement, opened_refusal
from certification.trust import TrustRoot
from scanner.bundle import unpacked
from scanner.findings import said
from scanner.record import RecordError, parse_json, sha256


class Stage(StrEnum):
    """How far an application is; what comes after `logged` the certificate's own state tells."""

    EVALUATED = "evaluated"
    REQUESTED = "requested"
    HALF_APPROVED = "half-approved"
    APPROVED = "approved"
    """By both authorities, and not logged: no certificate yet."""
    REFUSED = "refused"
    LOGGED = "logged"


@dataclass(frozen=True, slots=True)
class Application:
    """An application, as far as one file tells."""

    stage: Stage
    agency: str
    run: str
    signers: tuple[str, ...]
    """Who signed the file."""
    serials: tuple[str, ...] = ()
    """The certificates that the log holds on this request; of an authorisation its own serial."""
    reason: str = ""
    """Why it was refused."""


def application(data: bytes, trust: TrustRoot, at: datetime, log: Iterable[Loggable] = ()) -> Application:
    """What a sealed bundle, a request, a refusal or an authorisation is part of; refuses what none of them is.

    Every signature is verified. Without the log nobody knows of a refusal or a certificate that stands in it.
    """
    told = tuple(log)
    kind = _type(data)
    if kind is None:
        found = read_evidence(unpacked(data), trust, at)
        signer = found.evaluation.signer.known.holder
        return Application(Stage.EVALUATED, found.order.scope.agency.code, found.order.run, (signer,))
    if kind == RequestRefusalStatement.kind():
        refusal = opened_refusal(data, trust, at).statement.predicate
        return Application(Stage.REFUSED, refusal.agency, refusal.run, (refusal.by,), reason=refusal.reason)
    if kind == AuthorisationStatement.kind():
        return _authorised(data, trust, at, told)
    asked = opened_request(data, trust, at)
    words = asked.statement.predicate
    return _with_log(Application(Stage.REQUESTED, words.agency, words.run, (asked.signer.known.holder,)), sha256(data), told)


def _authorised(data: bytes, trust: TrustRoot, at: datetime, told: tuple[Loggable, ...]) -> Application:
    found = opened(data, AuthorisationStatement, trust, at)
    granted = found.statement.predicate
    authorities = {signer.known.authority for signer in found.signers}
    stage = Stage.APPROVED if len(authorities) >= QUORUM else Stage.HALF_APPROVED
    people = tuple(signer.known.holder for signer in found.signers)
    made = Application(stage, granted.agency.code, granted.run, people, (granted.serial,))
    return _with_log(made, granted.request_sha256, told)


def _with_log(found: Application, request: str, told: tuple[Loggable, ...]) -> Application:
    serials = tuple(
        one.predicate.serial
        for one in told
        if isinstance(one, AuthorisationStatement) and one.predicate.request_sha256 == request
    )
    refusal = next(
        (one.predicate for one in told if isinstance(one, RequestRefusalStatement) and one.predicate.request_sha256 == request),
        None,
    )
    if refusal is not None:
        return Application(Stage.REFUSED, found.agency, found.run, (refusal.by,), serials, refusal.reason)
    if serials:
        return Application(Stage.LOGGED, found.agency, found.run, found.signers, serials)
    return found


def _type(data: bytes) -> str | None:
    """The predicate type of an envelope, not yet verified; None for what is a bundle and no envelope."""
    if data.lstrip()[:1] != b"{":
        return None
    try:
        value = parse_json(read_envelope(data).payload)
    except RecordError as error:
        raise Refusal(Code.PAYLOAD_MALFORMED, said("not a statement: {why}", why=str(error))) from None
    match value:
        case {"predicateType": str(kind)}:
            return kind
        case _:
            raise Refusal(Code.PAYLOAD_MALFORMED, said("not a statement"))
