"""The one view model: what every report shows of a stored assessment, in words, in order, and never from a new look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from scanner.assessment import Assessment, ControlClass, ControlResult, Decision, DecisionReason, TailoringRef
from scanner.attestations import Deviations
from scanner.causes import UNSEEN, Cause, CauseGroup, causes, grouped
from scanner.collector import few_collections
from scanner.contact import Contact
from scanner.coverage import covered
from scanner.findings import Finding, Outcome
from scanner.i18n import _, both, shown, titled
from scanner.observations import Sight, Sighting, Unobserved
from scanner.order import Order
from scanner.status_words import Word, class_word, gates_word, outcome_word, status_word, verdict_word
from scanner.targets import BilingualText, RunKind
from scanner.to_mend import Owner, owners
from scanner.weakest import weakest
from scanner.writing import moment

if TYPE_CHECKING:
    from scanner.check import Retest

_CLASSES = tuple(ControlClass)
_LOUDEST = ("bad", "open", "good", "quiet")
"""The tones, as a list begins with them: what fails, what nobody knows, then what is in order."""


@dataclass(frozen=True, slots=True)
class Row:
    """One finding as a reader sees it."""

    id: str
    control: str
    check: str
    title: str
    subject: str
    outcome: Word
    seen: str


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do, wherever it is to be done."""

    check: str
    title: str
    weight: str
    subjects: tuple[str, ...]
    seen: tuple[str, ...]
    fixes: tuple[tuple[str, str], ...]
    decides: bool
    """Whether it stands under a control that can decide; advice never does."""
    retests: Mapping[str, tuple[str, str]]
    """By product what a command shows once it is mended, and the command."""

    @property
    def proofs(self) -> tuple[tuple[str, str, str], ...]:
        """The retests, each once: the products it is for, nothing where it is for all; what it shows once mended; and the command."""
        grouped: dict[tuple[str, str], list[str]] = {}
        for product, _text in self.fixes:
            if product in self.retests:
                grouped.setdefault(self.retests[product], []).append(product)
        named = [("" if len(group) == len(self.fixes) else ", ".join(group), *retest) for retest, group in grouped.items()]
        return tuple((products, good, command) for products, good, command in named)

    @property
    def fix(self) -> tuple[str, str] | None:
        """The fix for a product that was seen, else the first; None where the check knows none."""
        seen = " ".join(self.seen).lower()
        return next((fix for fix in self.fixes if fix[0] in seen), self.fixes[0] if self.fixes else None)


@dataclass(frozen=True, slots=True)
class Gap:
    """One reason for which things were not assessed, and where."""

    why: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ControlView:
    """One control with its findings."""

    id: str
    title: str
    weight: str
    status: Word
    clauses: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class HeadingView:
    """One heading of the report."""

    id: str
    title: str
    passed: int
    assessed: int
    counted: int
    controls: tuple[ControlView, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence."""

    subject: str
    kind: str
    seen: str
    how: str
    by: str
    at: str
    vantage: str
    digest: str


@dataclass(frozen=True, slots=True)
class View:
    """Everything a report shows."""

    verdict: Word
    sentence: str
    agency: str
    agency_code: str
    system: str
    level: int
    run: str
    inspection: bool
    kind: str
    judged_at: str
    observed: str
    valid_until: str
    reasons: tuple[tuple[str, str], ...]
    causes: tuple[Cause, ...]
    """The reasons again, those of one control together: a control that fails at a thousand subjects is one line."""
    cause_groups: tuple[CauseGroup, ...]
    """The same once more: gates first, then by what has to be done."""
    at_once: tuple[str, ...]
    """The reasons for a refusal that lie in no control: the level, the permit, the inspector."""
    gates: tuple[ControlView, ...]
    gates_met: Word
    """How many of them are satisfied, or do not apply."""
    gaps: tuple[Gap, ...]
    unseen: int
    """What stands without an answer, all gaps together."""
    actions: tuple[Action, ...]
    owners: tuple[Owner, ...]
    """Who mends what where; only what decides."""
    conditions: tuple[tuple[str, str, str, str], ...]
    unmatched_waivers: tuple[str, ...]
    passed: int
    counted: int
    assessed: int
    percent: int
    capped: bool
    worst: str
    """The subject at which the smallest part of what is mandatory passed; empty where everything passed everywhere."""
    headings: tuple[HeadingView, ...]
    evidence: tuple[Piece, ...]
    contact: tuple[tuple[str, str, int, int], ...]
    """Host, address, connections opened to it and the most that were allowed."""
    facts: tuple[tuple[str, str], ...]
    """Scope, permit and digests, as name and value."""

    @property
    def agency_named(self) -> str:
        """The agency's name with its code, once where they are the same."""
        return self.agency if self.agency == self.agency_code else f"{self.agency} · {self.agency_code}"

    @property
    def score(self) -> str:
        """The percentage, which is never shown without its cap and the worst subject."""
        cap = " " + _("(capped: a gate is not satisfied)") if self.capped else ""
        return f"{self.percent} %{cap}" + (f"; {self.worst}" if self.worst else "")


@few_collections()
def view(  # noqa: PLR0913 - each is said by name and none can be left out of the whole
    assessment: Assessment,
    order: Order,
    sightings: Mapping[Sight, tuple[Sighting, str]],
    *,
    contact: Contact | None = None,
    deviations: Deviations | None = None,
    fixes: Mapping[str, Mapping[str, str]],
    titles: Mapping[str, str],
    retests: Mapping[str, Mapping[str, Retest]] = MappingProxyType({}),
    headings: Mapping[str, BilingualText] | None = None,
    imitated: bool = False,
) -> View:
    """The view of an assessment; `fixes`, `titles` and `retests` are those of the checks, by id, `headings` the titles of the baseline's.

    `imitated`: the baseline bears the id and version of a shipped one, and is another.
    """
    controls = {control.id: control for control in assessment.controls}
    rows: dict[str, list[Row]] = defaultdict(list)
    for finding in assessment.findings:
        rows[finding.control].append(_row(finding, titles))
    shown_controls = {control.id: _control(control, rows[control.id]) for control in assessment.controls}
    gates = [control for control in assessment.controls if control.classed is ControlClass.GATE]
    tally, scope, gaps, why = assessment.tally, order.scope, _gaps(assessment), causes(assessment)
    actions = _actions(assessment.findings, controls, fixes, titles, retests)
    numbers = {action.check: number for number, action in enumerate(actions, start=1)}
    return View(
        verdict=verdict_word(assessment.decision),
        sentence=_sentence(assessment) + (f" ✗ {_not_shipped(assessment)}" if imitated else ""),
        agency=both(assessment.agency_name),
        agency_code=assessment.agency,
        system=both(assessment.system_name),
        level=assessment.level,
        run=assessment.run,
        inspection=assessment.kind is RunKind.INSPECTION,
        kind=_("inspection") if assessment.kind is RunKind.INSPECTION else _("self-check"),
        judged_at=moment(assessment.judged_at),
        observed=f"{moment(assessment.observed_from)} – {moment(assessment.observed_until)}",
        valid_until=moment(assessment.evidence_until),
        reasons=tuple((verdict_word(reason.leads_to).sign, shown(reason.message)) for reason in assessment.reasons),
        causes=why,
        cause_groups=grouped(why),
        at_once=tuple(
            shown(reason.message) for reason in assessment.reasons if reason.leads_to is Decision.DENY and reason.control is None
        ),
        gates=tuple(sorted((shown_controls[control.id] for control in gates), key=lambda gate: _LOUDEST.index(gate.status.tone))),
        gates_met=gates_word([gate.status for gate in gates]),
        gaps=gaps,
        unseen=sum(finding.outcome in UNSEEN for finding in assessment.findings) + len(_further(assessment)),
        actions=actions,
        owners=owners(assessment, order, deviations, numbers),
        conditions=tuple(
            (condition.control, condition.subject, moment(condition.due), condition.waiver or condition.owner or "")
            for condition in assessment.conditions
        ),
        unmatched_waivers=_unmatched(assessment, deviations),
        passed=tally.passed,
        counted=tally.counted,
        assessed=tally.assessed,
        percent=tally.percent,
        capped=tally.capped,
        worst=weakest(assessment),
        headings=tuple(
            HeadingView(
                id=heading.heading,
                title=titled(headings[heading.heading]) if headings and heading.heading in headings else heading.heading,
                passed=heading.tally.passed,
                assessed=heading.tally.assessed,
                counted=heading.tally.counted,
                controls=tuple(
                    shown_controls[control.id] for control in assessment.controls if control.heading == heading.heading
                ),
            )
            for heading in assessment.headings
        ),
        contact=tuple((each.host, each.address, each.connections, each.budget) for each in contact.hosts) if contact else (),
        evidence=tuple(_piece(sight, *found) for sight, found in sorted(sightings.items(), key=_by_sight)),
        facts=(
            (_("Permit"), f"{order.permit.decision}, {order.permit.permitted_by.organisation}"),
            (_("Permit signed"), _("yes") if order.permit_envelope else _("no")),
            (_("Inspectors"), ", ".join(f"{who.person} ({who.organisation})" for who in order.permit.inspectors)),
            (_("Permitted addresses"), ", ".join(order.permit.addresses)),
            (_("Window"), f"{moment(order.permit.window.begins)} – {moment(order.permit.window.ends)}"),
            (
                _("Rate"),
                _("{pace}: at most {rate} connections a second, {probes} probes at a host").format(
                    pace=_(order.pace), rate=order.rate.connections_per_second, probes=order.rate.parallel_per_host
                ),
            ),
            (_("Operator"), scope.system.operator),
            (
                _("Declared"),
                _("{hosts} hosts, {services} services").format(
                    hosts=len(scope.hosts), services=sum(len(host.services) for host in scope.hosts)
                ),
            ),
            (_("Looked from"), f"{order.vantage.zone}, {order.vantage.address}"),
            (
                _("Baseline"),
                f"{assessment.baseline.id} {assessment.baseline.version} ({assessment.baseline.regime})"
                + (f" ✗ {_not_shipped(assessment)}" if imitated else ""),
            ),
            (_("Baseline SHA-256"), assessment.baseline.sha256),
            *_tailoring(assessment.baseline.tailoring),
            (_("Controls decided"), _coverage(assessment)),
            (_("Order SHA-256"), assessment.order),
            (_("Assessment SHA-256"), assessment.digest()),
            (_("System fingerprint"), assessment.fingerprint),
            (_("Looked with"), order.tool),
        ),
    )


def _unmatched(assessment: Assessment, deviations: Deviations | None) -> tuple[str, ...]:
    """The waivers that cover nothing, as far as they are given with what each was meant to cover and until when."""
    known = {waiver.id: waiver for waiver in deviations.waivers} if deviations else {}
    text = _("{id} ({control} at {subject}, until {until})")
    return tuple(
        text.format(id=name, control=found.control, subject=found.subject, until=moment(found.expires))
        if (found := known.get(name))
        else name
        for name in assessment.unmatched_waivers
    )


def _not_shipped(assessment: Assessment) -> str:
    text = _("Judged by a baseline that is not the shipped {baseline} {version}: its content differs.")
    return text.format(baseline=assessment.baseline.id, version=assessment.baseline.version)


def _sentence(assessment: Assessment) -> str:
    match assessment.decision:
        case Decision.AUTHORISE:
            text = _("The results are a basis for considering the connection.")
        case Decision.AUTHORISE_TRIAL:
            text = _("The results are a basis for considering a trial connection only: deviations are still open.")
        case Decision.INCOMPLETE:
            text = _("Something was not assessed. What was not seen is not passed, so nothing can be issued on this run.")
        case Decision.DENY:
            text = _("The connection cannot be considered until the reasons for it are mended.")
    if assessment.kind is RunKind.SELF_CHECK:
        text += " " + _("This is the agency's self-check: no certificate can be issued on it.")
    if assessment.baseline.laboratory:
        text += " " + _("The baseline is a laboratory's, for exercises.")
    return text


def _tailoring(found: TailoringRef | None) -> tuple[tuple[str, str], ...]:
    if found is None:
        return ()
    told = _("{id} {version}, which demands more than the baseline; decided by {by}")
    return (
        (_("Tailored by"), told.format(id=found.id, version=found.version, by=found.by)),
        (_("Tailoring SHA-256"), found.sha256),
    )


def _row(finding: Finding, titles: Mapping[str, str]) -> Row:
    title = titles.get(finding.check)
    return Row(
        id=finding.id,
        control=finding.control,
        check=finding.check,
        title=_(title) if title else _("A person's answer"),
        subject=finding.subject,
        outcome=outcome_word(finding.outcome),
        seen=shown(finding.seen),
    )


def _control(control: ControlResult, rows: Iterable[Row]) -> ControlView:
    return ControlView(
        id=control.id,
        title=titled(control.title),
        weight=class_word(control.classed),
        status=status_word(control.status),
        clauses=tuple(
            f"{clause.source}, {clause.clause}" + (" " + _("(text not verified)") if clause.unverified else "")
            for clause in control.clauses
        ),
        rows=tuple(rows),
    )


def _gaps(assessment: Assessment) -> tuple[Gap, ...]:
    grouped: dict[str, set[str]] = defaultdict(set)
    for finding in assessment.findings:
        if finding.outcome in UNSEEN:
            grouped[shown(finding.seen)].add(f"{finding.control} {finding.subject}")
    for reason in _further(assessment):
        grouped[shown(reason.message)].add(" ".join(filter(None, (reason.control, reason.subject))) or assessment.system)
    return tuple(
        Gap(why, tuple(sorted(places))) for why, places in sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _further(assessment: Assessment) -> tuple[DecisionReason, ...]:
    """What leaves the decision open beside single findings: no rule, a stale feed, an endpoint of which nothing was seen."""
    unseen = [finding for finding in assessment.findings if finding.outcome in UNSEEN]
    ids, subjects = {finding.id for finding in unseen}, {finding.subject for finding in unseen}
    return tuple(
        reason
        for reason in assessment.reasons
        if reason.leads_to is Decision.INCOMPLETE
        and not (ids & set(reason.findings) if reason.findings else reason.subject in subjects)
    )


def _actions(
    findings: Iterable[Finding],
    controls: Mapping[str, ControlResult],
    fixes: Mapping[str, Mapping[str, str]],
    titles: Mapping[str, str],
    retests: Mapping[str, Mapping[str, Retest]],
) -> tuple[Action, ...]:
    grouped: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.outcome is Outcome.FAIL:
            grouped[finding.check if finding.check in titles else finding.control].append(finding)
    made = []
    for check, failed in grouped.items():
        weight = min((controls[finding.control].classed for finding in failed), key=_CLASSES.index)
        title = _(titles[check]) if check in titles else titled(controls[check].title)
        action = Action(
            check=check,
            title=title,
            weight=class_word(weight),
            subjects=tuple(sorted({finding.subject for finding in failed})),
            seen=tuple(sorted({shown(finding.seen) for finding in failed})),
            fixes=tuple((product, _(text)) for product, text in fixes.get(check, {}).items()),
            decides=weight is not ControlClass.ADVISORY,
            retests={
                product: (_("mended once this {good}:").format(good=_(retest.good)), retest.command)
                for product, retest in retests.get(check, {}).items()
            },
        )
        made.append((_CLASSES.index(weight), -len(action.subjects), check, action))
    return tuple(action for *_key, action in sorted(made, key=lambda item: item[:3]))


def _piece(sight: Sight, sighting: Sighting, digest: str) -> Piece:
    result = sighting.result
    if isinstance(result, Unobserved):
        seen, how, by = "? " + ": ".join(filter(None, (_(result.reason), _(result.detail)))), "–", "–"
    else:
        seen, how, by = _("✓ seen"), _(result.seen.how), result.seen.by
    return Piece(
        subject=sight.subject,
        kind=sight.kind,
        seen=seen,
        how=how,
        by=by,
        at=moment(sighting.observed_at),
        vantage=f"{sighting.vantage.zone}, {sighting.vantage.address}",
        digest=digest,
    )


def _by_sight(item: tuple[Sight, object]) -> tuple[str, str]:
    return item[0].subject, item[0].kind


def _coverage(assessment: Assessment) -> str:
    count = covered(assessment.findings, assessment.level)
    text = _("{automatically} of {controls} automatically, {partly} partly, {by_document} by document only")
    return text.format(controls=count.controls, **count.model_dump(exclude={"level"}))
