"""The judgement: the files of a run in, the Assessment out. Pure, so that anyone who holds the files arrives at the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from scanner import patching, regimes, scoring, store, strict_yaml
from scanner.advisories import Advisories
from scanner.assessment import Assessment
from scanner.attestations import Attestation, Deviations
from scanner.baseline import BoundBaseline, load, read_baseline
from scanner.check import Check
from scanner.evaluate import Answers, Sightings, evaluate
from scanner.findings import Finding, Outcome
from scanner.fingerprint import Identity, identity
from scanner.observations import (
    HostObservation,
    Observation,
    PeerCertificateObservation,
    Revocation,
    Sight,
    Sighting,
    Trust,
    Unobserved,
)
from scanner.order import FileDigest, Order
from scanner.plan import DERIVED, applicable
from scanner.record import sha256
from scanner.run_files import is_evidence
from scanner.store import StoreError
from scanner.strict_yaml import InputError
from scanner.tailoring import tailored


def judge(files: Mapping[str, bytes], checks: Mapping[str, Check[Any, Any]], code: tuple[FileDigest, ...]) -> Assessment:
    """The assessment of a run's files; raises StoreError where they do not belong together."""
    order = Order.read(_file(files, store.ORDER))
    bound = bound_of(files, order, checks)
    deviations = deviations_of(files, order)
    seen, answers = store.sightings(files), store.attestations(files)
    _belong_together(files, order, seen)
    slice_ = advisories(files, order)
    looked = {**seen, **derived(order, seen, slice_)}
    findings = evaluate(order, bound, looked, answers)
    found = scoring.standings(order, bound, findings, deviations)
    spoke = None if slice_ is None else frozenset(feed.name for feed in slice_.feeds)
    why = scoring.reasons(order, bound, found, seen, spoke, regimes.approval(bound.baseline, answers))
    instants = [sighting.result.seen.observed_at for sighting, _ in seen.values() if not isinstance(sighting.result, Unobserved)]
    scope = order.scope
    whose = identity(scope, _results(seen), _answers(answers), bound.baseline.diagram)
    return Assessment(
        run=order.run,
        kind=order.kind,
        order=sha256(files[store.ORDER]),
        agency=scope.agency.code,
        agency_name=scope.agency.name,
        echelon=scope.agency.echelon,
        system=scope.system.id,
        system_name=scope.system.name,
        level=scope.system.level,
        judged_at=order.judged_at,
        observed_from=min(instants, default=None),
        observed_until=max(instants, default=None),
        evidence_until=_lapses(order, bound, instants, _ends(order, bound, looked, findings)),
        fingerprint=whose.fingerprint.digest(),
        baseline=bound.ref(),
        checks=code,
        evidence=_evidence(files),
        findings=findings,
        controls=scoring.results(order, bound, found),
        tally=scoring.tally(found),
        headings=scoring.headings(bound, found),
        unmatched_waivers=scoring.unmatched(found, deviations),
        decision=scoring.decide(why),
        reasons=why,
        conditions=scoring.conditions(found),
    )


def bound_of(files: Mapping[str, bytes], order: Order, checks: Mapping[str, Check[Any, Any]]) -> BoundBaseline:
    """The baseline the order names, with its tailoring; raises StoreError where a file is another or the tailoring demands less."""
    bound = load(_ordered(files, store.BASELINE, order.baseline), store.BASELINE, checks)
    if order.tailoring is None:
        if store.TAILORING in files:
            raise StoreError(f"{store.TAILORING} lies in the run, and the order does not name it")
        return bound
    try:
        return tailored(bound, _ordered(files, store.TAILORING, order.tailoring), store.TAILORING, checks)
    except InputError as error:
        raise StoreError(str(error)) from None


def advisories(files: Mapping[str, bytes], order: Order) -> Advisories | None:
    """The run's slice of the feeds, None where it has none; raises StoreError where it comes from other feeds than the order names."""
    if store.ADVISORIES not in files:
        return None
    found = Advisories.read(files[store.ADVISORIES])
    ordered = {(feed.name, feed.kind, feed.sha256, feed.dated) for feed in order.feeds}
    for feed in found.feeds:
        if (feed.name, feed.kind, feed.sha256, feed.generated_at) not in ordered:
            raise StoreError(
                f"{store.ADVISORIES} rests on {feed.name}, and the order names no such feed, or another edition of it"
            )
    return found


def derived(order: Order, seen: Sightings, slice_: Advisories | None) -> Sightings:
    """What nobody looks at but what follows from what was seen and the run's slice of the feeds, each with that observation's digest."""
    index = None if slice_ is None else patching.Index(slice_)
    found: dict[Sight, tuple[Sighting, str]] = {}
    for sight, (sighting, digest) in seen.items():
        if sight.kind == DERIVED["patches"] and isinstance(sighting.result, HostObservation | Unobserved):
            made = Sight(subject=sight.subject, kind="patches")
            result = patching.patches(sighting.result, index, order.judged_at)
            found[made] = (sighting.model_copy(update={"sight": made, "result": result}), digest)
    return found


def identified(files: Mapping[str, bytes]) -> Identity:
    """What makes the system of a run this system; raises StoreError where the run's files do not belong together."""
    order = Order.read(_file(files, store.ORDER))
    baseline = read_baseline(_ordered(files, store.BASELINE, order.baseline), store.BASELINE)
    seen = store.sightings(files)
    _belong_together(files, order, seen)
    return identity(order.scope, _results(seen), _answers(store.attestations(files)), baseline.diagram)


def _results(seen: Sightings) -> dict[Sight, Observation | Unobserved]:
    return {sight: sighting.result for sight, (sighting, _) in seen.items()}


def _answers(answers: Answers) -> dict[str, Attestation]:
    return {control: attestation for control, (attestation, _) in answers.items()}


def _file(files: Mapping[str, bytes], path: str) -> bytes:
    if path not in files:
        raise StoreError(f"{path} is missing from the run")
    return files[path]


def _ordered(files: Mapping[str, bytes], path: str, digest: str) -> bytes:
    data = _file(files, path)
    if sha256(data) != digest:
        raise StoreError(f"{path} is not the file the order names: its digest differs")
    return data


def deviations_of(files: Mapping[str, bytes], order: Order) -> Deviations:
    """The waivers and plans the order names; raises StoreError where the file is another one."""
    if order.deviations is None:
        return Deviations()
    data = _ordered(files, store.DEVIATIONS, order.deviations)
    return strict_yaml.parse(data, store.DEVIATIONS).as_record(Deviations)


def _belong_together(files: Mapping[str, bytes], order: Order, seen: Sightings) -> None:
    named = ((store.ANCHORS, order.trust_anchors), (store.CRLS, order.crls), (store.PERMIT_ENVELOPE, order.permit_envelope))
    for path, digest in named:
        if digest is None and path in files:
            raise StoreError(f"{path} lies in the run, and the order does not name it")
        if digest is not None:
            _ordered(files, path, digest)
    planned = frozenset(order.plan)
    for sight, (sighting, _) in seen.items():
        if sight not in planned or sight.kind in DERIVED:
            raise StoreError(f"an observation of {sight.kind} at {sight.subject} was not planned")
        match sighting.result:
            case PeerCertificateObservation(revocation=Revocation(crls=crls)) if crls != order.crls:
                raise StoreError(f"{sight.subject}: the chain was looked up in other CRLs than the order names")
            case PeerCertificateObservation(trust=Trust(anchors=anchors)) if anchors != order.trust_anchors:
                raise StoreError(f"{sight.subject}: the chain was checked against other trust anchors than the order names")


def _evidence(files: Mapping[str, bytes]) -> tuple[FileDigest, ...]:
    return tuple(FileDigest(path=path, sha256=sha256(data)) for path, data in files.items() if is_evidence(path))


def _lapses(order: Order, bound: BoundBaseline, instants: Iterable[datetime], ends: Iterable[datetime]) -> datetime | None:
    """When the evidence is too old, the regime ends, or the first thing that passed would pass no more: whichever comes first."""
    oldest = min(instants, default=None)
    if oldest is None:
        return None
    aged = oldest + timedelta(days=bound.baseline.evidence_max_age_days[order.scope.system.level])
    regime = regimes.lapses(bound.baseline.effective)
    # a regime that is over shortens nothing, for no decision rests on it; what passed when it was seen may be over by now
    return min([aged, *ends, *([regime] if regime is not None and regime > order.judged_at else [])])


def _ends(order: Order, bound: BoundBaseline, looked: Sightings, findings: Iterable[Finding]) -> Iterator[datetime]:
    """The end of the last day on which each thing that passed under a mandatory control passes, as that of a vendor's support."""
    passed = {(one.control, one.check, one.subject) for one in findings if one.outcome is Outcome.PASS}
    for rule in applicable(bound, order.scope):
        if rule.check.until is None or not rule.control.classed.mandatory:
            continue
        for sight, (sighting, _) in looked.items():
            if (rule.control.id, rule.check.id, sight.subject) in passed and isinstance(sighting.result, rule.check.observes):
                day = rule.check.until(sighting.result, rule.parameters[order.scope.system.level])
                if day is not None:
                    yield datetime.combine(day + timedelta(days=1), time(), UTC)
