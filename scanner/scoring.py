"""Scoring: findings become statuses, and the truth table of DESIGN section 4 makes them a decision. The number never decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scanner import regimes
from scanner.advisories import FeedKind
from scanner.assessment import (
    Condition,
    ControlClass,
    ControlResult,
    Decision,
    DecisionReason,
    HeadingTally,
    ReasonCode,
    Status,
    SubjectStatus,
    Tally,
)
from scanner.attestations import LONGEST_PLAN, Deviations, Remediation, Waiver
from scanner.baseline import BoundBaseline, Control, FeedAsked
from scanner.evaluate import ATTESTATION
from scanner.findings import Finding, Outcome, Stated, said
from scanner.likeness import is_among
from scanner.observations import Sight, Sighting, shows_something
from scanner.order import Order
from scanner.targets import AGENCY, RunKind

CAP = 49
"""The highest percentage that is shown while a gate has failed or is undetermined."""

_UNSEEN = (Outcome.NOT_CHECKED, Outcome.ERROR)
_SEVERITY = (Status.SATISFIED, Status.NOT_APPLICABLE, Status.WAIVED, Status.UNDETERMINED, Status.NOT_SATISFIED)


@dataclass(frozen=True, slots=True)
class Standing:
    """A control's status at one subject, with the findings and the deviation it rests on."""

    control: Control
    subject: str
    status: Status
    findings: tuple[Finding, ...]
    waiver: Waiver | None = None
    plan: Remediation | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the findings."""
        return tuple(finding.id for finding in self.findings)


def standings(order: Order, bound: BoundBaseline, findings: Iterable[Finding], deviations: Deviations) -> tuple[Standing, ...]:
    """The status of each applicable control at each of its subjects, in the baseline's order."""
    grouped: dict[str, dict[str, list[Finding]]] = {}
    for finding in findings:
        grouped.setdefault(finding.control, {}).setdefault(finding.subject, []).append(finding)
    return tuple(
        _standing(control, subject, tuple(found), order, deviations, bound.further)
        for control in bound.controls(order.scope.system.level)
        for subject, found in sorted(grouped.get(control.id, {}).items())
    )


def _standing(
    control: Control,
    subject: str,
    findings: tuple[Finding, ...],
    order: Order,
    deviations: Deviations,
    further: frozenset[tuple[str, str]],
) -> Standing:
    own = tuple(finding for finding in findings if (control.id, finding.check) not in further)
    # what a tailoring adds may fail, and never stands in for the pass that its parent asks for
    status = worst(status_of(control, part) for part in (findings, own) if part)
    if status is not Status.NOT_SATISFIED or control.classed not in (ControlClass.MAJOR, ControlClass.MINOR):
        return Standing(control, subject, status, findings)
    waiver = next((found for found in deviations.waivers if _covers(found, control.id, subject, order)), None)
    plan = next(
        (
            found
            for found in deviations.remediations
            if (found.control, found.subject) == (control.id, subject)
            and order.judged_at < found.due <= order.judged_at + LONGEST_PLAN
        ),
        None,
    )
    if (waiver or plan) and any(finding.outcome in _UNSEEN for finding in findings):
        # What was seen is accepted, but something else here was not seen at all: a waiver never covers that.
        return Standing(control, subject, Status.UNDETERMINED, findings)
    return Standing(control, subject, Status.WAIVED if waiver else status, findings, waiver, plan)


def _covers(waiver: Waiver, control: str, subject: str, order: Order) -> bool:
    return (waiver.control, waiver.subject) == (control, subject) and waiver.issued <= order.judged_at < waiver.expires


def status_of(control: Control, findings: Sequence[Finding]) -> Status:
    """Satisfied by at least one pass and nothing but pass and notapplicable; not satisfied by any fail; else undetermined."""
    outcomes = {finding.outcome for finding in findings}
    if Outcome.FAIL in outcomes:
        return Status.NOT_SATISFIED
    if outcomes & set(_UNSEEN) or not outcomes or _answered_away(control, findings):
        return Status.UNDETERMINED
    if Outcome.PASS in outcomes:
        return Status.SATISFIED
    return Status.NOT_APPLICABLE if _by_a_person(findings) else Status.UNDETERMINED


def _answered_away(control: Control, findings: Sequence[Finding]) -> bool:
    """Whether a gate's own document was answered with not applicable, which no gate can be."""
    away = (finding.check == ATTESTATION and finding.outcome is Outcome.NOT_APPLICABLE for finding in findings)
    return control.classed is ControlClass.GATE and any(away)


def _by_a_person(findings: Sequence[Finding]) -> bool:
    """Whether 'not applicable' is a person's word: of a whole agency, and not of what was seen at one of its subjects."""
    return all(finding.subject == AGENCY for finding in findings)


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of these statuses; of none, undetermined."""
    return max(statuses, key=_SEVERITY.index, default=Status.UNDETERMINED)


def results(order: Order, bound: BoundBaseline, found: Sequence[Standing]) -> tuple[ControlResult, ...]:
    """Each applicable control with its status at each subject and its worst."""
    made = []
    grouped: dict[str, list[Standing]] = {}
    for standing in found:
        grouped.setdefault(standing.control.id, []).append(standing)
    for control in bound.controls(order.scope.system.level):
        mine = grouped.get(control.id, [])
        made.append(
            ControlResult(
                id=control.id,
                title=control.title,
                heading=control.heading,
                classed=control.classed,
                clauses=control.references,
                status=worst(standing.status for standing in mine),
                subjects=tuple(
                    SubjectStatus(subject=standing.subject, status=standing.status, findings=standing.ids) for standing in mine
                ),
            )
        )
    return tuple(made)


def tally(found: Iterable[Standing]) -> Tally:
    """The number of passed findings of mandatory controls among all that count; capped while a gate is not satisfied."""
    passed = counted = assessed = 0
    capped = False
    for standing in found:
        if not standing.control.classed.mandatory:
            continue
        # a gate that nobody looked at caps as well: else leaving out the one that fails would raise the number
        unmet = standing.status not in (Status.SATISFIED, Status.NOT_APPLICABLE)
        capped = capped or (standing.control.classed is ControlClass.GATE and unmet)
        for finding in standing.findings:
            counted += finding.outcome is not Outcome.NOT_APPLICABLE
            assessed += finding.outcome in (Outcome.PASS, Outcome.FAIL)
            passed += finding.outcome is Outcome.PASS
    percent = passed * 100 // counted if counted else 0
    return Tally(
        passed=passed, counted=counted, assessed=assessed, capped=capped, percent=min(percent, CAP) if capped else percent
    )


def headings(bound: BoundBaseline, found: Sequence[Standing]) -> tuple[HeadingTally, ...]:
    """The tally of each heading, in the baseline's order."""
    return tuple(
        HeadingTally(heading=heading.id, tally=tally(one for one in found if one.control.heading == heading.id))
        for heading in bound.baseline.headings
    )


def reasons(
    order: Order,
    bound: BoundBaseline,
    found: Sequence[Standing],
    sightings: Mapping[Sight, tuple[Sighting, str]],
    spoke: frozenset[str] | None = None,
    approved: datetime | None = None,
) -> tuple[DecisionReason, ...]:
    """Every reason there is, in the order of the truth table; the first one's decision is the decision.

    `spoke` names the feeds of the run's slice; without a slice every feed of the order counts. `approved` is when the system's level
    was approved, as a document shows it: a regime that ended may go on for systems approved early enough.
    """
    return (
        *_that_deny_at_once(order, found),
        *_of_the_regime(order, bound, approved),
        *_that_leave_open(order, bound, found, sightings, spoke),
        *_of_deviations(found),
    )


def decide(why: Sequence[DecisionReason]) -> Decision:
    """The decision of the first row of the truth table that applies; authorise where none does."""
    rows = (Decision.DENY, Decision.INCOMPLETE, Decision.DENY, Decision.AUTHORISE_TRIAL)
    for row, decision in enumerate(rows):
        if any(_ROW[reason.code] == row and reason.leads_to is decision for reason in why):
            return decision
    return Decision.AUTHORISE


_ROW = {
    ReasonCode.LEVEL_BELOW_3: 0,
    ReasonCode.GATE_FAILED: 0,
    ReasonCode.PERMIT_UNSIGNED: 0,
    ReasonCode.INSPECTOR_NOT_INDEPENDENT: 0,
    ReasonCode.BASELINE_NOT_IN_FORCE: 1,
    ReasonCode.NO_RULE: 1,
    ReasonCode.UNDETERMINED: 1,
    ReasonCode.NOT_COVERED: 1,
    ReasonCode.FEED_STALE: 1,
    ReasonCode.NOT_SATISFIED: 2,
    ReasonCode.WAIVED: 3,
    ReasonCode.PLANNED: 3,
}


def _that_deny_at_once(order: Order, found: Sequence[Standing]) -> Iterator[DecisionReason]:
    level = order.scope.system.level
    if level < 3:
        message = said("the system is of level {level}; only level 3 and above may connect", level=level)
        yield DecisionReason(code=ReasonCode.LEVEL_BELOW_3, leads_to=Decision.DENY, message=message)
    if order.kind is RunKind.INSPECTION:
        if order.permit_envelope is None:
            message = said("the inspection's permit is not signed")
            yield DecisionReason(code=ReasonCode.PERMIT_UNSIGNED, leads_to=Decision.DENY, message=message)
        for inspector in order.permit.inspectors:
            if not independent(order, inspector.organisation):
                message = said(
                    "inspector {person} belongs to {organisation}, which the inspection is about",
                    person=inspector.person,
                    organisation=Stated(inspector.organisation),
                )
                yield DecisionReason(code=ReasonCode.INSPECTOR_NOT_INDEPENDENT, leads_to=Decision.DENY, message=message)
    for standing in found:
        if standing.control.classed is ControlClass.GATE and standing.status is Status.NOT_SATISFIED:
            yield _reason(ReasonCode.GATE_FAILED, Decision.DENY, "gate {control} is not satisfied at {subject}", standing)


def independent(order: Order, organisation: str) -> bool:
    """Whether this organisation is neither the agency nor the operator (Decree 331/2026 art. 31.2c)."""
    scope = order.scope
    own = (scope.agency.code, scope.agency.name.vi, scope.agency.name.en, scope.system.operator)
    return not is_among(organisation, own)


def _of_the_regime(order: Order, bound: BoundBaseline, approved: datetime | None) -> Iterator[DecisionReason]:
    message = regimes.objection(bound.baseline, order.judged_at, approved)
    if message is not None:
        yield DecisionReason(code=ReasonCode.BASELINE_NOT_IN_FORCE, leads_to=Decision.INCOMPLETE, message=message)


def _that_leave_open(
    order: Order,
    bound: BoundBaseline,
    found: Sequence[Standing],
    sightings: Mapping[Sight, tuple[Sighting, str]],
    spoke: frozenset[str] | None,
) -> Iterator[DecisionReason]:
    deciding = (standing for standing in found if standing.control.classed.mandatory)  # advice never decides, not even this
    if not any(finding.check != ATTESTATION for standing in deciding for finding in standing.findings):
        message = said("baseline {baseline} selects no rule at this level", baseline=bound.baseline.id)
        yield DecisionReason(code=ReasonCode.NO_RULE, leads_to=Decision.INCOMPLETE, message=message)
    for standing in found:
        if standing.control.classed.mandatory and standing.status is Status.UNDETERMINED:
            yield _reason(
                ReasonCode.UNDETERMINED, Decision.INCOMPLETE, "{control} could not be determined at {subject}", standing
            )
    for subject in uncovered(order, sightings):
        message = said("{subject} is declared, and nothing of it was seen", subject=subject)
        yield DecisionReason(code=ReasonCode.NOT_COVERED, leads_to=Decision.INCOMPLETE, message=message, subject=subject)
    for feed in bound.baseline.feeds:
        if not _fresh(order, feed, spoke):
            message = said("a feed of kind {kind} is absent or more than {days} days old", kind=feed.kind, days=feed.max_age_days)
            yield DecisionReason(code=ReasonCode.FEED_STALE, leads_to=Decision.INCOMPLETE, message=message)


def _fresh(order: Order, asked: FeedAsked, spoke: frozenset[str] | None) -> bool:
    """Whether the data of this kind is there and young enough: of every vendor that speaks of the run, of one feed of another kind."""
    given = [feed for feed in order.feeds if feed.kind is asked.kind and (spoke is None or feed.name in spoke)]
    young = [timedelta(0) <= order.judged_at - feed.dated <= timedelta(days=asked.max_age_days) for feed in given]
    return bool(young) and (all(young) if asked.kind is FeedKind.VENDOR else any(young))


def uncovered(order: Order, sightings: Mapping[Sight, tuple[Sighting, str]]) -> tuple[str, ...]:
    """Declared hosts and endpoints of which nothing at all was seen, for whatever reason."""
    skipped = frozenset(order.skipped)
    seen = {
        sight.subject for sight, (sighting, _) in sightings.items() if shows_something(sighting.result) and sight not in skipped
    }
    return tuple(sorted(subject for subject in order.scope.subjects() if subject != AGENCY and subject not in seen))


def _of_deviations(found: Sequence[Standing]) -> Iterator[DecisionReason]:
    for standing in found:
        if standing.control.classed not in (ControlClass.MAJOR, ControlClass.MINOR):
            continue
        if standing.status is Status.NOT_SATISFIED and standing.plan is None:
            yield _reason(ReasonCode.NOT_SATISFIED, Decision.DENY, "{control} is not satisfied at {subject}", standing)
    for standing in found:
        leads_to = Decision.AUTHORISE_TRIAL if standing.control.classed is ControlClass.MAJOR else Decision.AUTHORISE
        if standing.waiver:
            yield _reason(ReasonCode.WAIVED, leads_to, "{control} is waived at {subject} until {due}", standing)
        elif standing.plan:
            yield _reason(ReasonCode.PLANNED, leads_to, "{control} is to be mended at {subject} by {due}", standing)


def conditions(found: Iterable[Standing]) -> tuple[Condition, ...]:
    """The open deviations under which a certificate may still be issued."""
    return tuple(condition for standing in found if (condition := _condition(standing)))


def _condition(standing: Standing) -> Condition | None:
    waiver, plan = standing.waiver, standing.plan
    if waiver is None and plan is None:
        return None
    return Condition(
        control=standing.control.id,
        subject=standing.subject,
        due=min(deviation for deviation in (waiver and waiver.expires, plan and plan.due) if deviation),
        waiver=waiver.id if waiver else None,
        owner=plan.owner if plan else None,
        findings=standing.ids,
    )


def unmatched(found: Sequence[Standing], deviations: Deviations) -> tuple[str, ...]:
    """Waivers that cover nothing: expired, not yet begun, for a gate, or for what did not fail."""
    used = {standing.waiver.id for standing in found if standing.waiver}
    return tuple(sorted(waiver.id for waiver in deviations.waivers if waiver.id not in used))


def _reason(code: ReasonCode, leads_to: Decision, text: str, standing: Standing) -> DecisionReason:
    due = standing.waiver.expires if standing.waiver else standing.plan.due if standing.plan else None
    message = said(text, control=standing.control.id, subject=standing.subject, due=f"{due:%Y-%m-%d}" if due else "")
    return DecisionReason(
        code=code,
        leads_to=leads_to,
        message=message,
        control=standing.control.id,
        subject=standing.subject,
        findings=standing.ids,
    )
