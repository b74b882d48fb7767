"""Feeds and the decision: one that is absent, too old or from the future leaves it open; one that does not speak of the run counts for nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from scanner import scoring, store
from scanner.advisories import Advisories, FeedKind, FeedRef
from scanner.assessment import Decision, ReasonCode
from scanner.attestations import Deviations
from scanner.baseline import load
from scanner.evaluate import evaluate
from scanner.judge import advisories
from scanner.order import Feed, Order
from scanner.record import sha256
from scanner.registry import load_checks
from scanner.store import StoreError
from tests.checks.test_verdicts_of_the_baselines import SERVICES, answered, fresh_feeds, order, scope, seen

BASELINE = Path(__file__).parents[2] / "checks" / "baselines" / "npdb-2026.yaml"
BOUND = load(BASELINE.read_bytes(), BASELINE.name, load_checks())
WHOLE = scope(*SERVICES)
FRESH = fresh_feeds(BOUND)
LIMITS = {feed.kind: feed.max_age_days for feed in BOUND.baseline.feeds}


def decided(feeds: tuple[Feed, ...], spoke: frozenset[str] | None = None) -> tuple[Decision, list[str]]:
    """The decision on a well-kept agency with these feeds, and the kinds of which a reason is told."""
    placed = order(BOUND, WHOLE).model_copy(update={"feeds": feeds})
    looked = seen(placed)
    standing = scoring.standings(placed, BOUND, evaluate(placed, BOUND, looked, answered(BOUND)), Deviations())
    why = scoring.reasons(placed, BOUND, standing, looked, spoke)
    stale = [reason for reason in why if reason.code is ReasonCode.FEED_STALE]
    return scoring.decide(why), [value.value for reason in stale for value in reason.message.values if value.name == "kind"]


def feed(kind: FeedKind, age: timedelta, name: str = "other") -> Feed:
    at: datetime = order(BOUND, WHOLE).judged_at
    return Feed(name=name, kind=kind, sha256=sha256(name.encode()), dated=at - age)


def without(kind: FeedKind) -> tuple[Feed, ...]:
    return tuple(found for found in FRESH if found.kind is not kind)


def test_the_national_baseline_limits_the_age_of_vendors_exploits_scores_and_support_dates() -> None:
    assert LIMITS == {FeedKind.VENDOR: 7, FeedKind.KEV: 14, FeedKind.EPSS: 14, FeedKind.EOL: 90}


def test_feeds_exactly_as_old_as_they_may_be_authorise() -> None:
    assert decided(FRESH) == (Decision.AUTHORISE, [])


@pytest.mark.parametrize("kind", LIMITS)
def test_a_kind_of_feed_that_is_absent_leaves_the_decision_open(kind: FeedKind) -> None:
    assert decided(without(kind)) == (Decision.INCOMPLETE, [kind])


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("late", [timedelta(seconds=1), timedelta(days=3_000)])
def test_a_feed_that_is_a_second_too_old_leaves_the_decision_open(kind: FeedKind, late: timedelta) -> None:
    old = feed(kind, timedelta(days=LIMITS[kind]) + late)
    assert decided((*without(kind), old)) == (Decision.INCOMPLETE, [kind])


@pytest.mark.parametrize("kind", LIMITS)
def test_a_feed_from_after_the_judgement_leaves_the_decision_open(kind: FeedKind) -> None:
    assert decided((*without(kind), feed(kind, timedelta(seconds=-1)))) == (Decision.INCOMPLETE, [kind])


def test_every_vendor_that_speaks_of_the_run_must_be_young_and_no_other() -> None:
    old = feed(FeedKind.VENDOR, timedelta(days=8), "ubuntu-osv")
    names = frozenset(found.name for found in FRESH)
    assert decided((*FRESH, old))[0] is Decision.INCOMPLETE
    assert decided((*FRESH, old), names | {"ubuntu-osv"})[0] is Decision.INCOMPLETE
    assert decided((*FRESH, old), names)[0] is Decision.AUTHORISE


def test_where_no_vendor_speaks_of_the_run_the_decision_is_open() -> None:
    assert decided(FRESH, frozenset(found.name for found in without(FeedKind.VENDOR))) == (Decision.INCOMPLETE, ["vendor"])


def test_an_old_archive_is_no_reason_for_it_changes_at_point_releases_only() -> None:
    assert decided((*FRESH, feed(FeedKind.ARCHIVE, timedelta(days=300))))[0] is Decision.AUTHORISE


def slice_of(*refs: FeedRef) -> Advisories:
    return Advisories(feeds=refs, covered=(), asked=(), fixes=(), advisories=(), cves=(), available=(), releases=())


def test_a_slice_from_other_feeds_than_were_ordered_is_refused() -> None:
    placed: Order = order(BOUND, WHOLE)
    first = placed.feeds[0]
    ref = FeedRef(name=first.name, kind=first.kind, generated_at=first.dated, sha256=first.sha256, records=1)
    assert advisories({}, placed) is None
    assert advisories({store.ADVISORIES: slice_of(ref).written()}, placed) == slice_of(ref)
    for change in ({"sha256": "00" * 32}, {"generated_at": first.dated + timedelta(days=1)}, {"name": "another"}):
        other = slice_of(ref.model_copy(update=change))
        with pytest.raises(StoreError, match="the order names no such feed"):
            advisories({store.ADVISORIES: other.written()}, placed)
