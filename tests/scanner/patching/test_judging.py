"""From a run's files to its findings: what is derived is judged like what was seen, and never taken from a file."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from scanner import store
from scanner.advisories import Advisories, Cve, FeedKind, Release
from scanner.assessment import Assessment, Decision, ReasonCode
from scanner.baseline import BoundBaseline, load
from scanner.findings import Finding, Outcome
from scanner.judge import derived, judge
from scanner.observations import HostObservation, PatchesObservation, Reason, Sight, Sighting, Unobserved
from scanner.order import Feed, Order
from scanner.patch_specimens import patches as good_patches
from scanner.record import sha256
from scanner.registry import load_checks
from scanner.specimens import AT, VANTAGE
from scanner.store import StoreError, sighting_path
from scanner.targets import Speaks
from tests.checks.test_baselines import NATIONAL
from tests.checks.test_verdicts_of_the_baselines import order, scope, seen
from tests.scanner.patching.hosts import fix, of, offer, package, slice_of

CHECKS = load_checks()
BASELINE = NATIONAL.read_bytes()
BOUND: BoundBaseline = load(BASELINE, "npdb-2026", CHECKS)
KERNEL = "6.1.0-40-amd64"
IMAGE = package(f"linux-image-{KERNEL}", "6.1.159-1", source="linux-signed-amd64", source_version="6.1.159+1")
CURL = package("curl", "7.88-1")
OFFERS = (offer(IMAGE.name, IMAGE.version), offer("curl", "7.88-2"))
HOST = of("debian", "12", IMAGE, CURL, kernel=KERNEL)
SCOPE = scope((22, Speaks.SSH))
SIGHT = Sight(subject="web1", kind="patches")


def files(slice_: Advisories | None, host: HostObservation | Unobserved = HOST, **changes: Any) -> dict[str, bytes]:
    """A whole run's files, with this host in it."""
    placed = order(BOUND, SCOPE).model_copy(update={"baseline": sha256(BASELINE), **changes})
    if slice_ is not None:
        ref = slice_.feeds[0].model_copy(update={"sha256": placed.feeds[0].sha256, "kind": placed.feeds[0].kind})
        ref = ref.model_copy(update={"name": placed.feeds[0].name, "generated_at": placed.feeds[0].dated})
        slice_ = slice_.model_copy(update={"feeds": (ref,)})
    found = {store.ORDER: placed.written(), store.BASELINE: BASELINE}
    for sight, (sighting, _) in seen(placed, host=host).items():
        if sight in placed.plan:
            found[sighting_path(sight)] = sighting.written()
    return found if slice_ is None else {**found, store.ADVISORIES: slice_.written()}


def of_check(assessment: Assessment, check: str) -> Finding:
    return next(finding for finding in assessment.findings if finding.check == check)


def judged(slice_: Advisories | None, host: HostObservation | Unobserved = HOST, **changes: Any) -> Assessment:
    return judge(files(slice_, host, **changes), CHECKS, ())


def test_patches_are_never_looked_at_and_always_follow_from_the_login() -> None:
    planned = order(BOUND, SCOPE).plan
    assert SIGHT not in planned
    assert Sight(subject="web1", kind="host") in planned


@pytest.mark.parametrize(("days", "outcome", "decision"), [(30, Outcome.PASS, None), (31, Outcome.FAIL, Decision.DENY)])
def test_a_fix_is_overdue_on_the_day_after_its_time(days: int, outcome: Outcome, decision: Decision | None) -> None:
    judged_at = AT + timedelta(hours=1)
    late = fix("curl", "7.88-2", since=judged_at.date() - timedelta(days=days))
    rated = Cve(id="CVE-2026-1000", cvss=7.5)
    found = judged(slice_of(late, rated, *OFFERS, asked=HOST))
    assert of_check(found, "patches-no-overdue").outcome is outcome
    pending = of_check(found, "patches-no-pending-updates")
    assert (pending.outcome, "curl 7.88-1 to 7.88-2" in pending.seen.shown()) == (Outcome.FAIL, True)
    assert (Decision.DENY in {reason.leads_to for reason in found.reasons if reason.control == "PAT-01-OVERDUE"}) is (
        decision is not None
    )


def test_a_known_exploited_flaw_that_is_overdue_fails_a_gate() -> None:
    exploited = Cve(id="CVE-2026-1000", kev_added=AT.date(), kev_due=(AT - timedelta(days=1)).date())
    found = judged(slice_of(fix("curl", "7.88-2"), exploited, *OFFERS, asked=HOST))
    finding = of_check(found, "patches-no-exploited")
    assert finding.outcome is Outcome.FAIL
    assert "1 known exploited" in finding.seen.shown()
    assert found.decision is Decision.DENY
    assert (ReasonCode.GATE_FAILED, "PAT-04-EXPLOITED") in {(reason.code, reason.control) for reason in found.reasons}


def test_the_evidence_of_what_is_derived_is_the_login_s() -> None:
    given = files(slice_of(*OFFERS, fix("curl", "7.88-1"), asked=HOST))
    found = judge(given, CHECKS, ())
    path = sighting_path(Sight(subject="web1", kind="host"))
    assert of_check(found, "patches-no-overdue").evidence == sha256(given[path])
    assert of_check(found, "patches-no-overdue").outcome is Outcome.PASS


@pytest.mark.parametrize("host", [HOST, Unobserved(reason=Reason.NO_CREDENTIAL)])
def test_without_feeds_or_without_a_login_nothing_about_patches_is_determined(host: HostObservation | Unobserved) -> None:
    found = judged(None if host is HOST else slice_of(*OFFERS, fix("curl", "7.88-1"), asked=HOST), host)
    of_patches = [one for one in found.findings if one.check.startswith("patches-")]
    assert len(of_patches) == len([name for name in CHECKS if name.startswith("patches-")])
    assert {one.outcome for one in of_patches} == {Outcome.NOT_CHECKED}
    assert found.decision is Decision.INCOMPLETE


@pytest.mark.parametrize(("speaks", "stale"), [(False, False), (True, True)])
def test_an_old_feed_of_a_vendor_leaves_the_decision_open_where_it_speaks_of_the_run(speaks: bool, stale: bool) -> None:
    placed = order(BOUND, SCOPE)
    old = Feed(name="another", kind=FeedKind.VENDOR, sha256="66" * 32, dated=placed.judged_at - timedelta(days=99))
    given = files(slice_of(*OFFERS, asked=HOST), feeds=(*placed.feeds, old))
    slice_ = Advisories.read(given[store.ADVISORIES])
    young = next(feed for feed in placed.feeds if feed.kind is FeedKind.VENDOR)
    spoken = tuple(
        slice_.feeds[0].model_copy(
            update={"name": feed.name, "kind": feed.kind, "sha256": feed.sha256, "generated_at": feed.dated}
        )
        for feed in (young, *((old,) if speaks else ()))
    )
    given[store.ADVISORIES] = slice_.model_copy(update={"feeds": spoken}).written()
    told = [one for one in judge(given, CHECKS, ()).reasons if one.code is ReasonCode.FEED_STALE]
    assert any("kind vendor" in one.message.shown() for one in told) is stale


def test_a_login_the_operator_skipped_is_told_as_skipped() -> None:
    found = judged(slice_of(*OFFERS, asked=HOST), skipped=(Sight(subject="web1", kind="host"),))
    assert of_check(found, "patches-no-overdue").seen.shown() == "skipped by the operator"


def test_an_observation_of_patches_that_lies_in_the_run_is_refused() -> None:
    """Nobody looks at patches: such a file could only put a better host in place of the one that was seen."""
    forged = Sighting(sight=SIGHT, observed_at=AT, vantage=VANTAGE, result=good_patches())
    given = files(slice_of(*OFFERS, asked=HOST))
    with pytest.raises(StoreError, match="not planned"):
        judge({**given, sighting_path(SIGHT): forged.written()}, CHECKS, ())
    placed = Order.read(given[store.ORDER])
    planned = placed.model_copy(update={"plan": (*placed.plan, SIGHT)})
    with pytest.raises(StoreError, match="not planned"):
        judge({**given, store.ORDER: planned.written(), sighting_path(SIGHT): forged.written()}, CHECKS, ())


def test_an_overdue_fix_fails_though_another_package_could_not_be_compared() -> None:
    host = HOST.model_copy(update={"kernel_version": "#1 SMP somewhere"})
    overdue = fix("curl", "7.88-2", since=(AT - timedelta(days=400)).date())
    finding = of_check(judged(slice_of(overdue, *OFFERS, asked=host), host), "patches-no-overdue")
    assert finding.outcome is Outcome.FAIL
    clean = of_check(judged(slice_of(fix("curl", "7.88-1"), *OFFERS, asked=host), host), "patches-no-overdue")
    assert (clean.outcome, "kernel" in clean.seen.shown()) == (Outcome.NOT_CHECKED, True)


def test_each_host_is_looked_up_by_itself() -> None:
    placed = order(BOUND, SCOPE)
    looked = {
        Sight(subject=name, kind="host"): (
            Sighting(sight=Sight(subject=name, kind="host"), observed_at=AT, vantage=VANTAGE, result=result),
            "00" * 32,
        )
        for name, result in (("web1", HOST), ("web2", Unobserved(reason=Reason.REFUSED)))
    }
    made = derived(placed, looked, slice_of(*OFFERS, fix("curl", "7.88-2"), asked=HOST))
    assert {sight.subject: type(sighting.result) for sight, (sighting, _) in made.items()} == {
        "web1": PatchesObservation,
        "web2": Unobserved,
    }
    found = made[SIGHT][0].result
    assert isinstance(found, PatchesObservation)
    assert (found.as_of, found.seen) == (placed.judged_at, HOST.seen)


def test_patches_follow_from_the_login_and_from_nothing_else_that_could_not_be_seen() -> None:
    placed = order(BOUND, SCOPE)
    looked = {
        (sight := Sight(subject="web1", kind=kind)): (
            Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=result),
            digest * 32,
        )
        for kind, result, digest in (("host", HOST, "11"), ("ports", Unobserved(reason=Reason.TIMED_OUT), "22"))
    }
    ((sight, (sighting, digest)),) = derived(placed, looked, slice_of(*OFFERS, asked=HOST)).items()
    assert (sight, sighting.sight, digest) == (SIGHT, SIGHT, "11" * 32)
    assert isinstance(sighting.result, PatchesObservation)


@pytest.mark.parametrize("days", [0, 3, 3_000])
def test_what_was_judged_lapses_with_the_support_of_the_release(days: int) -> None:
    end = (AT + timedelta(days=days)).date()
    release = Release(product="debian", cycle="12", eol=end, source="feed")
    found = judged(slice_of(*OFFERS, release, asked=HOST))
    assert of_check(found, "patches-release-supported").outcome is Outcome.PASS
    aged = AT + timedelta(days=BOUND.baseline.evidence_max_age_days[3])
    assert found.evidence_until == min(aged, datetime.combine(end + timedelta(days=1), time(), UTC))


@pytest.mark.parametrize(
    ("until", "lapses"),
    [
        (AT + timedelta(days=3), datetime.combine((AT + timedelta(days=4)).date(), time(), UTC)),
        (datetime.combine((AT + timedelta(days=3)).date(), time(), UTC), None),
        (AT + timedelta(minutes=30), datetime.combine((AT + timedelta(days=1)).date(), time(), UTC)),
        (datetime(2099, 1, 1, tzinfo=UTC), AT + timedelta(days=183)),
    ],
    ids=["within a day", "at midnight", "before it was judged", "long after the evidence is too old"],
)
def test_what_was_judged_lapses_with_the_support_that_the_baseline_names(until: datetime, lapses: datetime | None) -> None:
    given = files(slice_of(*OFFERS, asked=HOST))
    dated = b'{id: debian, version_id: "12", until: 2028-07-01T00:00:00Z}'
    assert dated in BASELINE
    own = BASELINE.replace(dated, f'{{id: debian, version_id: "12", until: {until.isoformat()}}}'.encode())
    placed = Order.read(given[store.ORDER]).model_copy(update={"baseline": sha256(own)})
    found = judge({**given, store.ORDER: placed.written(), store.BASELINE: own}, CHECKS, ())
    assert of_check(found, "host-os-supported").outcome is Outcome.PASS
    assert found.evidence_until == (lapses or until)


def test_support_that_ended_between_the_look_and_the_judgement_leaves_no_evidence_to_rest_a_certificate_on() -> None:
    given = files(slice_of(*OFFERS, asked=HOST), judged_at=AT + timedelta(days=9))
    until = AT + timedelta(days=2)
    own = BASELINE.replace(b"until: 2028-07-01T00:00:00Z}", f"until: {until.isoformat()}}}".encode())
    placed = Order.read(given[store.ORDER]).model_copy(update={"baseline": sha256(own)})
    found = judge({**given, store.ORDER: placed.written(), store.BASELINE: own}, CHECKS, ())
    assert of_check(found, "host-os-supported").outcome is Outcome.PASS  # it was supported when it was seen
    assert found.evidence_until is not None
    assert found.evidence_until < found.judged_at


def test_support_that_has_ended_fails_and_shortens_nothing() -> None:
    release = Release(product="debian", cycle="12", eol=(AT - timedelta(days=1)).date(), source="feed")
    found = judged(slice_of(*OFFERS, release, asked=HOST))
    assert of_check(found, "patches-release-supported").outcome is Outcome.FAIL
    assert found.evidence_until == AT + timedelta(days=BOUND.baseline.evidence_max_age_days[3])
