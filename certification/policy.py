"""Policy: what may be certified at all, for how long and how much, by the authorisation's words and the trust root."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from certification.authorisation import AuthorisationPredicate, AuthorisationStatement, AuthorisedAgency, as_asked
from certification.keyring import Ceiling, RootKind
from certification.refusals import Code, Refusal
from certification.request import Grant, Kind, opened_request
from certification.trust import TrustRoot, ceiling_of
from scanner.decision import BaselineRef, Decision
from scanner.findings import said

if TYPE_CHECKING:
    from certification.evidence import Evidence

EVIDENCE_AGE = timedelta(days=30)
"""Older evidence is not certified on; counted from the first thing that was seen."""
LEAST_LEVEL = 3


def allowed(kind: Kind, decision: Decision, level: int) -> None:
    """Returns where a certificate of this kind may follow from this decision at this level."""
    if level < LEAST_LEVEL:
        raise Refusal(Code.LEVEL_TOO_LOW, said("the system is of level {level}", level=level))
    match decision:
        case Decision.AUTHORISE:
            return
        case Decision.AUTHORISE_TRIAL:
            if kind is not Kind.TRIAL:
                raise Refusal(Code.TRIAL_ONLY, said("the decision is {decision}", decision=decision))
        case Decision.DENY | Decision.INCOMPLETE:
            raise Refusal(Code.DECISION, said("the decision is {decision}", decision=decision))
        case _:
            assert_never(decision)


def accepted(baseline: BaselineRef, trust: TrustRoot) -> None:
    """Returns where certificates may rest on this version of the baseline."""
    if baseline.laboratory and trust.keyring.kind is RootKind.PRODUCTION:
        raise Refusal(Code.BASELINE_LABORATORY, said("{baseline} was made for exercises", baseline=baseline.id))
    known = {(entry.id, entry.version, entry.sha256) for entry in trust.keyring.baselines}
    if (baseline.id, baseline.version, baseline.sha256) not in known:
        message = said(
            "{baseline} version {version}, SHA-256 {digest}",
            baseline=baseline.id,
            version=baseline.version,
            digest=baseline.sha256,
        )
        raise Refusal(Code.BASELINE_NOT_ACCEPTED, message)


def fresh(scan_started: datetime, at: datetime) -> None:
    """Returns where the oldest evidence is at most 30 days old."""
    if at - scan_started > EVIDENCE_AGE:
        message = said("seen on {first}, {days} days before", first=f"{scan_started:%Y-%m-%d}", days=(at - scan_started).days)
        raise Refusal(Code.EVIDENCE_OLD, message)


def below_ceiling(scope: Grant, agency: AuthorisedAgency, trust: TrustRoot, at: datetime) -> None:
    """Returns where the agency is of the echelon it says, by the trust root, and that echelon may have all that is asked for."""
    trust.of_echelon(agency.code, agency.echelon, at)
    _below(scope, agency.echelon, trust.ceiling(agency.echelon, at))


def within(scope: Grant, echelon: str, ceilings: Iterable[Ceiling], at: datetime) -> None:
    """Returns where these ceilings, too, allow the echelon all that is asked for."""
    _below(scope, echelon, ceiling_of(ceilings, echelon, at))


def _below(scope: Grant, echelon: str, ceiling: Ceiling) -> None:
    beyond = sorted(set(scope.apis) - set(ceiling.apis))
    if beyond:
        raise Refusal(Code.ABOVE_CEILING, said("echelon {echelon} may not use {apis}", echelon=echelon, apis=", ".join(beyond)))
    if scope.bulk and not ceiling.bulk:
        raise Refusal(Code.ABOVE_CEILING, said("echelon {echelon} may not ask in bulk", echelon=echelon))
    if scope.rate > ceiling.rate:
        message = said(
            "{rate} requests a minute, where {echelon} may make {most}",
            rate=scope.rate,
            echelon=echelon,
            most=ceiling.rate,
        )
        raise Refusal(Code.ABOVE_CEILING, message)


def latest(evidence: Evidence, kind: Kind, trust: TrustRoot, not_before: datetime) -> datetime:
    """When a certificate that begins then must end: by its kind, by the evidence's age, by the earliest condition."""
    dues = (condition.due for condition in evidence.assessment.conditions)
    return min(not_before + lifetime(kind, trust), evidence.evidence_until, *dues)


def lifetime(kind: Kind, trust: TrustRoot) -> timedelta:
    """The longest life of a certificate of this kind."""
    keyring = trust.keyring
    return timedelta(days=keyring.max_trial_days if kind is Kind.TRIAL else keyring.max_official_days)


def examined(granted: AuthorisationPredicate, trust: TrustRoot) -> None:
    """Returns where policy allowed this authorisation when it was drafted, by what it says itself."""
    allowed(granted.kind, granted.decision, granted.system.level)
    accepted(granted.baseline, trust)
    fresh(granted.scan_started, granted.not_before)
    below_ceiling(granted.scope, granted.agency, trust, granted.not_before)
    if granted.not_after <= granted.not_before:
        raise Refusal(Code.NOTHING_LEFT, said("it would end on {day}, before it begins", day=f"{granted.not_after:%Y-%m-%d}"))
    dues = (condition.due for condition in granted.conditions)
    last = min(granted.not_before + lifetime(granted.kind, trust), granted.evidence_until, *dues)
    if granted.not_after > last:
        message = said(
            "valid until {seen}, where {wanted} is the latest",
            seen=f"{granted.not_after:%Y-%m-%d}",
            wanted=f"{last:%Y-%m-%d}",
        )
        raise Refusal(Code.VALIDITY_TOO_LONG, message)


def sound(statement: AuthorisationStatement, trust: TrustRoot, at: datetime) -> None:
    """Returns where the authorisation stands by its own words: policy allows it, its agency asked for it."""
    granted = statement.predicate
    examined(granted, trust)
    as_asked(granted, opened_request(granted.request_envelope(), trust, at).statement.predicate)


def in_force(granted: AuthorisationPredicate, at: datetime) -> None:
    """Returns where the authorisation is valid at this instant."""
    if at < granted.not_before:
        raise Refusal(Code.NOT_YET_VALID, said("valid from {day} UTC", day=f"{granted.not_before:%Y-%m-%d %H:%M:%S}"))
    if at >= granted.not_after:
        raise Refusal(Code.EXPIRED, said("valid until {day} UTC", day=f"{granted.not_after:%Y-%m-%d %H:%M:%S}"))
