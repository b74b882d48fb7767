"""Which regime is in force when and for whom, to the second in Vietnam's time; and that no decision rests on another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import scoring
from scanner.assessment import Clause, Decision, ReasonCode
from scanner.attestations import Answer, Attestation, Deviations
from scanner.baseline import Baseline, BoundBaseline, Effective, Transition, load
from scanner.evaluate import Answers, evaluate
from scanner.judge import judge
from scanner.order import Order
from scanner.record import sha256
from scanner.regimes import Force, applicable, approval, force, lapses, objection
from scanner.specimens import AT
from scanner.store import BASELINE, ORDER, sighting_path
from scanner.strict_yaml import InputError
from tests.checks.test_baselines import CHECKS, LAB, NATIONAL, OF_2016, OF_2022
from tests.checks.test_verdicts_of_the_baselines import answered, order, seen, whole

SECOND = timedelta(seconds=1)
LAW = (Clause(source="Law 116/2025/QH15", clause="Art 45.1"),)
BOUND = {path.stem: load(path.read_bytes(), path.name, CHECKS) for path in (NATIONAL, OF_2022, OF_2016)}
SHIPPED = [bound.baseline for bound in BOUND.values()]


def at(text: str) -> datetime:
    """An instant in Vietnam's time."""
    return datetime.fromisoformat(text + "+07:00")


EARLY = at("2026-06-30T23:59:59")
"""The last second in which an approval still counts."""
LATE = at("2026-07-01T00:00:00")


@pytest.mark.parametrize(
    ("instant", "approved", "names"),
    [
        ("2016-06-30T23:59:59", EARLY, []),
        ("2016-07-01T00:00:00", None, ["npdb-2016"]),
        ("2022-09-30T23:59:59", None, ["npdb-2016"]),
        ("2022-10-01T00:00:00", None, ["npdb-2022"]),
        ("2026-06-30T23:59:59", None, ["npdb-2022"]),
        ("2026-08-18T23:59:59", LATE, ["npdb-2022"]),
        ("2026-08-19T00:00:00", None, ["npdb-2026"]),
        ("2026-08-19T00:00:00", LATE, ["npdb-2026"]),
        ("2026-08-19T00:00:00", EARLY, ["npdb-2026", "npdb-2022"]),
        ("2027-06-30T23:59:59", EARLY, ["npdb-2026", "npdb-2022"]),
        ("2027-06-30T23:59:59", LATE, ["npdb-2026"]),
        ("2027-07-01T00:00:00", EARLY, ["npdb-2026"]),
        ("2050-01-01T00:00:00", EARLY, ["npdb-2026"]),
    ],
)
def test_the_regimes_apply_to_the_second(instant: str, approved: datetime | None, names: list[str]) -> None:
    found = applicable(SHIPPED, at(instant), approved)
    assert [one.baseline.id for one in found] == names
    assert [one.baseline.id for one in applicable(SHIPPED[::-1], at(instant), approved)] == names


def test_each_tells_why_it_applies_and_where_that_stands() -> None:
    new, old = applicable(SHIPPED, AT, EARLY)
    assert (new.force, old.force) == (Force.IN_FORCE, Force.TRANSITION)
    assert new.reason.shown() == "npdb-2026 is in force since 2026-08-19 00:00 (UTC+7)"
    assert old.reason.shown() == (
        "npdb-2022 may be judged by until 2027-07-01 00:00 (UTC+7), since the level was approved before 2026-07-01 00:00 (UTC+7)"
    )
    assert [(clause.source, clause.clause) for clause in old.references] == [
        ("Law 116/2025/QH15", "Art 45.1"),
        ("Decree 331/2026/ND-CP", "Art 39.1"),
    ]
    assert new.references


INSTANTS = st.integers(0, 2_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(INSTANTS, st.none() | INSTANTS)
def test_a_regime_has_no_objection_exactly_where_it_applies(instant: datetime, approved: datetime | None) -> None:
    found = {one.baseline.id for one in applicable(SHIPPED, instant, approved)}
    assert found == {baseline.id for baseline in SHIPPED if objection(baseline, instant, approved) is None}
    assert bool(found) is (instant >= at("2016-07-01T00:00:00"))
    assert len(found) <= 2


@given(INSTANTS, INSTANTS, INSTANTS)
def test_an_earlier_approval_never_takes_a_regime_away(instant: datetime, one: datetime, other: datetime) -> None:
    first, second = sorted((one, other))
    for baseline in SHIPPED:
        if force(baseline.effective, instant, second).decides:
            assert force(baseline.effective, instant, first).decides


def reasons(bound: BoundBaseline, judged_at: datetime, approved: datetime | None) -> tuple[Decision, list[str]]:
    """The decision on a well-kept agency judged then, and what is said of the regime."""
    placed = order(bound, whole(bound))
    looked = seen(placed)
    findings = evaluate(placed, bound, looked, answered(bound))
    found = scoring.standings(placed, bound, findings, Deviations())
    later = placed.model_copy(update={"judged_at": judged_at, "feeds": ()})
    why = scoring.reasons(later, bound, found, looked, approved=approved)
    own = [reason for reason in why if reason.code is not ReasonCode.FEED_STALE]
    said = [reason.message.shown() for reason in own if reason.code is ReasonCode.BASELINE_NOT_IN_FORCE]
    return scoring.decide(own), said


@pytest.mark.parametrize(
    ("name", "instant", "approved", "decision"),
    [
        ("npdb-2026", "2026-08-18T23:59:59", EARLY, Decision.INCOMPLETE),
        ("npdb-2026", "2026-08-19T00:00:00", None, Decision.AUTHORISE),
        ("npdb-2022", "2022-09-30T23:59:59", EARLY, Decision.INCOMPLETE),
        ("npdb-2022", "2026-08-18T23:59:59", None, Decision.AUTHORISE),
        ("npdb-2022", "2026-08-19T00:00:00", None, Decision.INCOMPLETE),
        ("npdb-2022", "2026-08-19T00:00:00", LATE, Decision.INCOMPLETE),
        ("npdb-2022", "2026-08-19T00:00:00", EARLY, Decision.AUTHORISE),
        ("npdb-2022", "2027-06-30T23:59:59", EARLY, Decision.AUTHORISE),
        ("npdb-2022", "2027-07-01T00:00:00", EARLY, Decision.INCOMPLETE),
        ("npdb-2016", "2022-09-30T23:59:59", None, Decision.AUTHORISE),
        ("npdb-2016", "2022-10-01T00:00:00", EARLY, Decision.INCOMPLETE),
    ],
)
def test_a_decision_under_a_baseline_not_in_force_is_incomplete(
    name: str, instant: str, approved: datetime | None, decision: Decision
) -> None:
    found, said = reasons(BOUND[name], at(instant), approved)
    assert found is decision
    assert len(said) == (decision is Decision.INCOMPLETE)
    assert all(name in sentence for sentence in said)


def test_a_failed_gate_denies_whatever_the_regime() -> None:
    bound = BOUND["npdb-2016"]
    placed = order(bound, whole(bound))
    below = placed.scope.model_copy(update={"system": placed.scope.system.model_copy(update={"level": 2})})
    why = scoring.reasons(placed.model_copy(update={"scope": below}), bound, (), seen(placed))
    assert ReasonCode.BASELINE_NOT_IN_FORCE in {reason.code for reason in why}
    assert scoring.decide(why) is Decision.DENY


def test_what_is_said_of_an_ended_regime_names_its_last_day() -> None:
    of_2022, of_2026 = BOUND["npdb-2022"].baseline, BOUND["npdb-2026"].baseline
    cases = [
        (of_2026, "2026-01-01T00:00:00", "is in force from 2026-08-19 00:00 (UTC+7) on"),
        (of_2022, "2026-11-23T08:00:00", "only systems whose level was approved before 2026-07-01 00:00 (UTC+7)"),
        (of_2022, "2027-08-01T00:00:00", "was in force until 2027-07-01 00:00 (UTC+7)"),
    ]
    for baseline, instant, words in cases:
        message = objection(baseline, at(instant), None)
        assert message is not None
        assert words in message.shown()


@pytest.mark.parametrize(
    ("name", "instant", "words"),
    [
        (
            "npdb-2026",
            "2026-08-18T23:59:59",
            "baseline npdb-2026 is in force from 2026-08-19 00:00 (UTC+7) on, and the judgement is of 2026-08-18 23:59 (UTC+7)",
        ),
        (
            "npdb-2022",
            "2027-06-30T23:59:59",
            (
                "baseline npdb-2022 ended; until 2027-07-01 00:00 (UTC+7) it serves only systems whose level was approved before "
                "2026-07-01 00:00 (UTC+7), and the document of D1 does not show that"
            ),
        ),
        (
            "npdb-2022",
            "2027-07-01T00:00:00",
            "baseline npdb-2022 was in force until 2027-07-01 00:00 (UTC+7), and the judgement is of 2027-07-01 00:00 (UTC+7)",
        ),
    ],
    ids=["not yet", "the last second of the transition", "the very second after it"],
)
def test_an_objection_tells_the_baseline_both_instants_and_the_document_that_would_help(
    name: str, instant: str, words: str
) -> None:
    message = objection(BOUND[name].baseline, at(instant), None)
    assert message is not None
    assert message.shown() == words


def changed(baseline: Baseline, **effective: Any) -> Baseline:
    return baseline.model_copy(update={"effective": Effective(**effective)})


def test_only_a_laboratory_baseline_without_an_end_is_free_of_the_calendar() -> None:
    laboratory = load(LAB.read_bytes(), LAB.name, CHECKS).baseline
    before = laboratory.effective.begins - SECOND
    assert objection(laboratory, before, None) is None
    ending = changed(laboratory, begins=laboratory.effective.begins, ends=AT)
    assert objection(ending, before, None) is not None
    assert objection(ending, AT - SECOND, None) is None
    assert objection(ending, AT, None) is not None
    assert objection(changed(SHIPPED[0], begins=AT), AT - SECOND, None) is not None


def answers(dated: datetime, answer: Answer = Answer.YES) -> Answers:
    """The answer to D1, whose document has this date."""
    reason = "" if answer is Answer.YES else "because"
    said = Attestation(
        control="D1", answer=answer, document=sha256(b"D1"), dated=dated, reason=reason, by="P1", role="head", answered_at=AT
    )
    return {"D1": (said, "00" * 32)}


def test_the_approval_is_the_date_of_the_document_that_somebody_said_yes_to() -> None:
    of_2022 = BOUND["npdb-2022"].baseline
    assert approval(of_2022, answers(EARLY)) == EARLY
    assert approval(of_2022, answers(EARLY, Answer.PARTLY)) is None
    assert approval(of_2022, answers(EARLY, Answer.NO)) is None
    assert approval(of_2022, {}) is None
    assert approval(BOUND["npdb-2026"].baseline, answers(EARLY)) is None


def observed(placed: Order) -> dict[str, bytes]:
    """The files of what was seen of the SSH servers, which names no other file of the run."""
    return {sighting_path(sight): one.written() for sight, (one, _) in seen(placed).items() if sight.kind == "ssh"}


@pytest.mark.parametrize(("dated", "open_"), [(EARLY, False), (LATE, True), (None, True)])
def test_the_judgement_of_a_run_reads_the_approval_from_its_answers(dated: datetime | None, open_: bool) -> None:
    bound = BOUND["npdb-2022"]
    placed = order(bound, whole(bound))
    files = {ORDER: placed.written(), BASELINE: OF_2022.read_bytes(), **observed(placed)}
    if dated is not None:
        files["attestations/D1.json"] = answers(dated)["D1"][0].written()
    found = judge(files, CHECKS, ())
    assert (ReasonCode.BASELINE_NOT_IN_FORCE in {reason.code for reason in found.reasons}) is open_


def test_evidence_carries_no_certificate_beyond_the_end_of_its_regime() -> None:
    bound = BOUND["npdb-2022"]
    end = lapses(bound.baseline.effective)
    assert end == at("2027-07-01T00:00:00")
    assert lapses(BOUND["npdb-2016"].baseline.effective) == at("2022-10-01T00:00:00")
    assert lapses(BOUND["npdb-2026"].baseline.effective) is None
    short = OF_2022.read_text("utf-8").replace("until: 2027-07-01T00:00:00", "until: 2026-12-01T00:00:00").encode()
    placed = order(bound, whole(bound))
    files = observed(placed)
    for data, expected in ((OF_2022.read_bytes(), AT + timedelta(days=183)), (short, at("2026-12-01T00:00:00"))):
        files |= {ORDER: placed.model_copy(update={"baseline": sha256(data)}).written(), BASELINE: data}
        assert judge(files, CHECKS, ()).evidence_until == expected


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ends: 2026-08-19", "ends: 2022-10-01", "ends before it begins"),
        ("  ends: 2026-08-19T00:00:00+07:00\n", "", "a transition follows an end"),
        ("until: 2027-07-01", "until: 2026-08-19", "over before the regime ends"),
        ("approved_before: 2026-07-01", "approved_before: 2026-08-20", "after the end"),
        ("shown_by: D1", "shown_by: NET-02", "no control of that name asks for a document"),
        ("shown_by: D1", "shown_by: D99", "no control of that name asks for a document"),
        ("    shown_by: D1\n", "", "shown_by"),
        ("until: 2027-07-01T00:00:00+07:00", "until: 2027-07-01T00:00:00", "until"),
        ("    shown_by: D1\n", "    shown_by: D1\n    only_if: approved\n", "only_if"),
    ],
)
def test_dates_that_contradict_one_another_are_refused(old: str, new: str, words: str) -> None:
    text = OF_2022.read_text("utf-8")
    assert old in text
    with pytest.raises(InputError, match=words):
        load(text.replace(old, new, 1).encode(), "mine.yaml", CHECKS)


def test_an_approval_of_the_very_instant_is_too_late() -> None:
    transition = Transition(until=AT + SECOND, approved_before=AT - SECOND, shown_by="D1", references=LAW)
    effective = Effective(begins=AT - timedelta(days=9), ends=AT, transition=transition)
    assert force(effective, AT, AT - 2 * SECOND) is Force.TRANSITION
    assert force(effective, AT, AT - SECOND) is Force.ENDED
    assert force(effective, AT + SECOND, AT - 2 * SECOND) is Force.ENDED
