"""Evaluation: every rule at every applicable subject gives exactly one finding. Pure: no clock, no network, no file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from scanner.attestations import Answer, Attestation
from scanner.baseline import BoundBaseline, BoundRule, Control
from scanner.findings import (
    Confidence,
    Fail,
    Finding,
    Message,
    NotApplicable,
    Outcome,
    Pass,
    Stated,
    Verdict,
    finding_id,
    said,
)
from scanner.observations import Method, Observation, Sight, Sighting, Unobserved
from scanner.order import Order
from scanner.overlooked import Overlooked, Unasked, overlooked
from scanner.plan import applicable, kind_of, looked_at, subjects_of
from scanner.targets import AGENCY, Level

ATTESTATION = "attestation"
"""Stands for the check's id in findings that rest on a person's answer."""

Sightings = Mapping[Sight, tuple[Sighting, str]]
Answers = Mapping[str, tuple[Attestation, str]]
Judged = tuple[Outcome, Message, Confidence | None]
_UNREFUTED = (Outcome.PASS, Outcome.NOT_APPLICABLE)
"""What is said of the ports that were tried, and not of those that were not."""
_MOST = 20
"""Ports, or ranges of them, that a finding names."""

_CONFIDENCE = {
    Method.HANDSHAKE: Confidence.CERTAIN,
    Method.LOGIN: Confidence.CERTAIN,
    Method.DOCUMENT: Confidence.STATED,
    Method.BANNER: Confidence.TENTATIVE,
}


@dataclass(frozen=True, slots=True)
class _Look:
    """What lies at one sight: the observation for its rules to judge, or what is the outcome of every one of them."""

    subject: str
    evidence: str | None
    found: Observation | Judged


def evaluate(order: Order, bound: BoundBaseline, sightings: Sightings, answers: Answers) -> tuple[Finding, ...]:
    """The findings, by control, check and subject; as many as there are rules times subjects, whatever was seen.

    What the evidence shows to have been overlooked is a subject too, and not checked there.
    """
    level = order.scope.system.level
    beyond = overlooked(order.scope, sightings, exercise=bound.baseline.laboratory)
    looks: dict[type[Observation], tuple[_Look, ...]] = {}
    findings: list[Finding] = []
    for rule in applicable(bound, order.scope):
        observes = rule.check.observes
        if observes not in looks:  # what nobody can judge is told once, however many rules ask for it
            looks[observes] = tuple(_looks(observes, subjects_of(rule, order.scope), order, bound, sightings))
        findings += _of_rule(rule, level, looks[observes], answers, beyond)
    findings += [
        _of_document(control, order, bound, answers) for control in bound.controls(level) if control.attestation is not None
    ]
    return tuple(sorted(findings, key=lambda finding: (finding.control, finding.check, finding.subject)))


def _looks(
    observes: type[Observation], subjects: tuple[str, ...], order: Order, bound: BoundBaseline, sightings: Sightings
) -> Iterator[_Look]:
    kind = kind_of(observes)
    skipped = {sight.subject for sight in order.skipped if sight.kind == looked_at(kind)}
    for subject in subjects:
        sight = Sight(subject=subject, kind=kind)
        sighting, evidence = sightings.get(sight, (None, None))
        if subject in skipped:
            yield _Look(subject, evidence, _not_checked(said("skipped by the operator")))
        elif sighting is None:
            yield _Look(subject, evidence, _not_checked(said("no probe ran")))
        elif isinstance(sighting.result, Unobserved):
            yield _Look(subject, evidence, _not_checked(_why(sighting.result)))
        elif not isinstance(sighting.result, observes) or sighting.sight != sight:
            told = said("the evidence is of another kind than the check reads")
            yield _Look(subject, evidence, (Outcome.ERROR, told, None))
        else:
            yield _Look(subject, evidence, _out_of_date(sighting.result, order, bound) or sighting.result)


def _out_of_date(observation: Observation, order: Order, bound: BoundBaseline) -> Judged | None:
    at = observation.seen.observed_at
    confidence = _CONFIDENCE[observation.seen.how]
    allowed = bound.baseline.evidence_max_age_days[order.scope.system.level]
    if order.permit.closed(at):
        return Outcome.NOT_CHECKED, said("seen outside the permit's window"), confidence
    if order.judged_at - at > timedelta(days=allowed):
        return Outcome.NOT_CHECKED, said("seen more than {days} days before the judgement", days=allowed), confidence
    return None


def _of_rule(rule: BoundRule, level: Level, looks: tuple[_Look, ...], answers: Answers, beyond: Overlooked) -> Iterator[Finding]:
    kind = kind_of(rule.check.observes)
    if not looks:
        yield _without_subject(rule, answers, met=bool(beyond.subjects.get(kind)))
    for look in looks:
        outcome, seen, confidence = look.found if isinstance(look.found, tuple) else _judged(rule, level, look.found)
        if kind == "ports" and outcome in _UNREFUTED and look.subject in beyond.ports:
            outcome, seen, confidence = _not_checked(_unasked(beyond.ports[look.subject]))
        yield _finding(rule.control.id, rule.check.id, look.subject, outcome, seen, confidence, look.evidence)
    for subject in beyond.subjects.get(kind, ()):
        seen = said("it was seen to speak what {kind} looks at, and is not declared so: declare what it speaks", kind=kind)
        yield _finding(rule.control.id, rule.check.id, subject, Outcome.NOT_CHECKED, seen, None, None)


def _unasked(found: Unasked) -> Message:
    if found.listed:
        listed = ",".join(map(str, found.ports[:_MOST])) + (",..." if len(found.ports) > _MOST else "")
        return said(
            "the host itself lists that it listens on ports nobody tried from outside: add {ports} to --ports", ports=listed
        )
    return said(
        "nobody asked for ports {ports}, which always have to be asked for: scan again without --ports",
        ports=_in_ranges(found.ports),
    )


def _in_ranges(ports: tuple[int, ...]) -> str:
    """These ports, which are sorted, in nmap's notation, cut where there are many."""
    known = set(ports)
    starts = [port for port in ports if port - 1 not in known]
    ends = [port for port in ports if port + 1 not in known]
    pairs = [str(first) if first == last else f"{first}-{last}" for first, last in zip(starts, ends, strict=True)]
    return ",".join(pairs[:_MOST]) + (",..." if len(pairs) > _MOST else "")


def _judged(rule: BoundRule, level: Level, observation: Observation) -> Judged:
    confidence = _CONFIDENCE[observation.seen.how]
    complaint = _unfit(rule, observation, confidence)
    if complaint is not None:
        return Outcome.NOT_CHECKED, complaint, confidence
    try:
        verdict = rule.check(observation, rule.parameters[level])
        unseen = None if isinstance(verdict, Fail) else _unseen(observation, rule.check.to_pass)
        return (Outcome.NOT_CHECKED, unseen, confidence) if unseen is not None else (*_outcome(verdict), confidence)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the one place where a check's fault becomes an outcome
        return Outcome.ERROR, said("the check failed: {error}", error=type(error).__name__), confidence


def _unfit(rule: BoundRule, observation: Observation, confidence: Confidence) -> Message | None:
    if not confidence.suffices_for(rule.check.needs):
        return said("needs an authenticated check: it was only seen in a {how}", how=observation.seen.how)
    return _unseen(observation, rule.check.facts)


def _unseen(observation: Observation, names: tuple[str, ...]) -> Message | None:
    """Why the first of these facts that could not be seen could not; None where all were seen."""
    facts = (getattr(observation, name) for name in names)
    return next((_why(fact) for fact in facts if isinstance(fact, Unobserved)), None)


def _outcome(verdict: Verdict) -> tuple[Outcome, Message]:
    match verdict:
        case Pass(seen=Message() as seen):
            return Outcome.PASS, seen
        case Fail(seen=Message() as seen):
            return Outcome.FAIL, seen
        case NotApplicable(seen=Message() as seen):
            return Outcome.NOT_APPLICABLE, seen
        case _:
            assert_never(verdict)


def _why(unobserved: Unobserved) -> Message:
    if unobserved.detail:
        return said("{reason}: {detail}", reason=unobserved.reason, detail=unobserved.detail)
    return said("{reason}", reason=unobserved.reason)


def _not_checked(why: Message) -> Judged:
    return Outcome.NOT_CHECKED, why, None


def _without_subject(rule: BoundRule, answers: Answers, *, met: bool) -> Finding:
    """No declared subject speaks what the rule is about: only a person may say that this is as it should be.

    A person says so in as many words, or by answering yes with the control's own document, which then decides alone.
    """
    attestation, evidence = answers.get(rule.control.id, (None, None))
    outcome, confidence = Outcome.NOT_APPLICABLE, Confidence.STATED
    if attestation is not None and attestation.answer is Answer.NOT_APPLICABLE:
        told = said("not applicable by {by}: {reason}", by=attestation.by, reason=Stated(attestation.reason))
        return _finding(rule.control.id, rule.check.id, AGENCY, outcome, told, confidence, evidence)
    if attestation is not None and attestation.answer is Answer.YES and rule.control.attestation is not None:
        told = said("no declared service is of this kind; {by} answers with a document", by=attestation.by)
        return _finding(rule.control.id, rule.check.id, AGENCY, outcome, told, confidence, evidence)
    kind, control = kind_of(rule.check.observes), rule.control.id
    if met:
        told = said(
            "no declared service has anything of the kind {kind} to look at, and one was seen: declare what it speaks", kind=kind
        )
    elif rule.control.attestation is not None:
        told = said(
            "no declared service has anything of the kind {kind} to look at: answer {control} with its document (clearance questionnaire)",
            kind=kind,
            control=control,
        )
    else:
        told = said(
            "no declared service has anything of the kind {kind} to look at; where that is right, say so: clearance attest RUN {control} "
            "--answer not-applicable --reason WHY --by WHO --role OFFICE (or by questionnaire)",
            kind=kind,
            control=control,
        )
    return _finding(rule.control.id, rule.check.id, AGENCY, Outcome.NOT_CHECKED, told, None, None)


def _of_document(control: Control, order: Order, bound: BoundBaseline, answers: Answers) -> Finding:
    attestation, evidence = answers.get(control.id, (None, None))
    outcome, seen = _answered(control, order, bound, attestation)
    confidence = None if attestation is None else Confidence.STATED
    return _finding(control.id, ATTESTATION, AGENCY, outcome, seen, confidence, evidence)


def _answered(control: Control, order: Order, bound: BoundBaseline, attestation: Attestation | None) -> tuple[Outcome, Message]:
    if attestation is None or control.attestation is None:
        return Outcome.NOT_CHECKED, said("nobody has answered")
    days = control.attestation.max_age_days.get(order.scope.system.level)
    if days is not None and order.judged_at - attestation.dated > timedelta(days=days):
        return Outcome.NOT_CHECKED, said("the document is more than {days} days old", days=days)
    allowed = bound.baseline.evidence_max_age_days[order.scope.system.level]
    if attestation.answered_at - order.judged_at > timedelta(days=allowed):
        # what was seen has lapsed by then: an answer of such a day speaks of another system
        return Outcome.NOT_CHECKED, said("answered more than {days} days after the judgement", days=allowed)
    match attestation.answer:
        case Answer.YES:
            return Outcome.PASS, said("answered yes by {by}", by=attestation.by)
        case Answer.PARTLY:
            return Outcome.FAIL, said("answered partly by {by}: {reason}", by=attestation.by, reason=Stated(attestation.reason))
        case Answer.NO:
            return Outcome.FAIL, said("answered no by {by}: {reason}", by=attestation.by, reason=Stated(attestation.reason))
        case Answer.NOT_APPLICABLE:
            seen = said("not applicable by {by}: {reason}", by=attestation.by, reason=Stated(attestation.reason))
            return Outcome.NOT_APPLICABLE, seen
        case _:
            assert_never(attestation.answer)


def _finding(
    control: str, check: str, subject: str, outcome: Outcome, seen: Message, confidence: Confidence | None, evidence: str | None
) -> Finding:
    return Finding(
        id=finding_id(control, check, subject),
        control=control,
        check=check,
        subject=subject,
        outcome=outcome,
        seen=seen,
        confidence=confidence,
        evidence=evidence,
    )
