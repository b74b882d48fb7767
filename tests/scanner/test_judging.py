"""Properties of judging that hold whatever was seen: totality, silence, order, and the truth table against a second reading of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner import scoring
from scanner.assessment import Decision, Status
from scanner.attestations import Deviations, Remediation, Waiver
from scanner.baseline import BoundBaseline, load
from scanner.check import Check, Parameters
from scanner.evaluate import evaluate
from scanner.findings import Outcome, Verdict
from scanner.observations import KINDS, Observation, Reason, Sight, Sighting, TlsObservation, TlsVersion, Unobserved, Vantage
from scanner.order import Order
from scanner.plan import SPOKEN, sights, subjects_of, unplanned
from scanner.record import RecordError
from scanner.registry import load_checks
from scanner.specimens import AT, SUITES, VANTAGE, tls
from scanner.targets import RunKind, Speaks
from tests.checks.test_verdicts_of_the_baselines import GOOD, SERVICES, answered, scope, seen
from tests.checks.test_verdicts_of_the_baselines import order as placed_for

CHECKS = load_checks()
BAD_TLS = tls(accepts={**SUITES, TlsVersion.TLS_1_0: ("TLS_RSA_WITH_AES_128_CBC_SHA",)})
LATE = Unobserved(reason=Reason.TIMED_OUT)
RESULTS: dict[str, Observation | Unobserved] = {"good": tls(), "bad": BAD_TLS, "unseen": LATE}
NO_DEVIATIONS = Deviations()
CLASSES = ("gate", "major", "minor", "advisory")


def baseline(controls: list[dict[str, Any]]) -> BoundBaseline:
    """A baseline of these controls."""
    return load(baseline_file(controls), "test.yaml", CHECKS)


def baseline_file(controls: list[dict[str, Any]]) -> bytes:
    """The file of a baseline of these controls."""
    text = {
        "id": "test",
        "version": "1.0",
        "regime": "TEST",
        "title": {"vi": "Thử", "en": "Test"},
        "laboratory": True,
        "effective": {"begins": "2026-01-01T00:00:00+00:00"},
        "evidence_max_age_days": {str(level): 365 for level in range(1, 6)},
        "headings": [{"id": "all", "title": {"vi": "Tất cả", "en": "All"}}],
        "controls": controls,
    }
    return _yaml(text).encode()


def _yaml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace(
        '{"1": 365, "2": 365, "3": 365, "4": 365, "5": 365}', "{1: 365, 2: 365, 3: 365, 4: 365, 5: 365}"
    )


def control(name: str, classed: str, check: str = "tls-minimum-version") -> dict[str, Any]:
    return {
        "id": name,
        "title": {"vi": name, "en": name},
        "heading": "all",
        "class": classed,
        "levels": [1, 2, 3, 4, 5],
        "method": ["network"],
        "references": [{"source": "test", "clause": "1"}],
        "rules": [{"check": check}],
    }


def decision(
    bound: BoundBaseline, placed: Order, looked: Any, deviations: Deviations = NO_DEVIATIONS
) -> tuple[Decision, Any, Any]:
    findings = evaluate(placed, bound, looked, answered(bound))
    standing = scoring.standings(placed, bound, findings, deviations)
    why = scoring.reasons(placed, bound, standing, looked)
    return scoring.decide(why), scoring.tally(standing), standing


def waiver(name: str, control: str, subject: str) -> Waiver:
    return Waiver(
        id=name,
        control=control,
        subject=subject,
        reason="old client",
        compensating_measure="filtered",
        requester="a.b",
        approver="c.d",
        issued=AT - timedelta(days=1),
        expires=AT + timedelta(days=30),
    )


def plan(control: str, subject: str) -> Remediation:
    return Remediation(control=control, subject=subject, owner="IT", due=AT + timedelta(days=30), action="upgrade")


NATIONAL = load(
    (__import__("pathlib").Path(__file__).parents[2] / "checks" / "baselines" / "npdb-2026.yaml").read_bytes(), "npdb", CHECKS
)
WHOLE = scope(*SERVICES)
ANYTHING = st.one_of(
    st.sampled_from([None]),
    st.sampled_from([Unobserved(reason=reason) for reason in Reason]),
    st.sampled_from([make() for make in GOOD.values()]),
    st.sampled_from([BAD_TLS]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_rule_at_every_subject_gives_exactly_one_finding_whatever_was_seen(data: st.DataObject) -> None:
    placed = placed_for(NATIONAL, WHOLE)
    looked: dict[Sight, tuple[Sighting, str]] = {}
    for sight in placed.plan:
        result = data.draw(ANYTHING)
        if result is not None:
            looked[sight] = (Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=result), "00" * 32)
    findings = evaluate(placed, NATIONAL, looked, {})
    rules = [rule for rule in NATIONAL.rules if 3 in rule.control.levels]
    documents = [one for one in NATIONAL.controls(3) if one.attestation is not None]
    assert len(findings) == sum(max(1, len(subjects_of(rule, WHOLE))) for rule in rules) + len(documents)
    assert len({finding.id for finding in findings}) == len(findings)
    assert list(findings) == sorted(findings, key=lambda one: (one.control, one.check, one.subject))
    for finding in findings:
        kinds = {kind for kind, known in KINDS.items() if finding.check in CHECKS and CHECKS[finding.check].observes is known}
        for kind in kinds:
            sighting = looked.get(Sight(subject=finding.subject, kind=kind), (None, ""))[0]
            if sighting is None or not isinstance(sighting.result, KINDS[kind]):
                assert finding.outcome in (Outcome.NOT_CHECKED, Outcome.ERROR)


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("kind", GOOD)
def test_silence_of_every_kind_and_reason_is_never_satisfied(kind: str, reason: Reason) -> None:
    placed = placed_for(NATIONAL, WHOLE)
    looked = seen(placed, **{kind.replace("-", "_"): Unobserved(reason=reason)})
    findings = evaluate(placed, NATIONAL, looked, answered(NATIONAL))
    of_kind = [one for one in findings if one.check in CHECKS and CHECKS[one.check].observes is KINDS[kind]]
    assert of_kind
    assert {one.outcome for one in of_kind} == {Outcome.NOT_CHECKED}
    assert decision(NATIONAL, placed, looked)[0] is Decision.INCOMPLETE


def test_a_sight_nobody_took_is_not_checked() -> None:
    placed = placed_for(NATIONAL, WHOLE)
    findings = evaluate(placed, NATIONAL, {}, {})
    assert {one.outcome for one in findings} == {Outcome.NOT_CHECKED}


def test_an_empty_baseline_is_incomplete() -> None:
    bound = baseline([])
    placed = placed_for(bound, WHOLE)
    assert decision(bound, placed, seen(placed))[0] is Decision.INCOMPLETE


def test_a_check_that_raises_is_an_error_and_never_a_pass() -> None:
    def broken(_observation: TlsObservation, _parameters: Parameters) -> Verdict:
        raise ZeroDivisionError("secret in the message")

    bound = baseline([control("C", "gate")])
    rule = bound.rules[0]
    failing = Check(**{name: getattr(rule.check, name) for name in Check.__slots__} | {"judge": broken})
    bound = BoundBaseline(bound.baseline, bound.digest, (type(rule)(rule.control, failing, rule.parameters),))
    placed = placed_for(bound, WHOLE)
    findings = evaluate(placed, bound, seen(placed), {})
    assert {one.outcome for one in findings} == {Outcome.ERROR}
    assert "secret" not in findings[0].seen.shown()
    assert decision(bound, placed, seen(placed))[0] is Decision.INCOMPLETE


def test_a_check_that_returns_something_else_is_an_error_too() -> None:
    bound = baseline([control("C", "gate")])
    rule = bound.rules[0]
    odd = Check(**{name: getattr(rule.check, name) for name in Check.__slots__} | {"judge": lambda _o, _p: True})
    bound = BoundBaseline(bound.baseline, bound.digest, (type(rule)(rule.control, odd, rule.parameters),))
    placed = placed_for(bound, WHOLE)
    assert {one.outcome for one in evaluate(placed, bound, seen(placed), {})} == {Outcome.ERROR}


def _expected(states: dict[str, tuple[str, str]], *, covered: bool) -> Decision:
    """The truth table of the design, read a second time; `states`: class to (what was seen, what deviation was given)."""
    now = {name: (state, given) for name, (state, given) in states.items() if name != "advisory"}
    if now["gate"][0] == "bad":
        return Decision.DENY
    if any(state == "unseen" for state, _ in now.values()) or not covered:
        return Decision.INCOMPLETE
    open_ones = {name: given for name, (state, given) in now.items() if state == "bad"}
    if any(given == "none" for given in open_ones.values()):
        return Decision.DENY
    return Decision.AUTHORISE_TRIAL if "major" in open_ones else Decision.AUTHORISE


STATES = st.tuples(st.sampled_from(["good", "bad", "unseen"]), st.sampled_from(["none", "waived", "planned"]))


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(CLASSES, STATES)))
def test_the_decision_is_that_of_the_truth_table(states: dict[str, tuple[str, str]]) -> None:
    services = tuple((port, Speaks.TLS) for port in (1, 2, 3, 4))
    where = dict(zip(CLASSES, ("web1:1", "web1:2", "web1:3", "web1:4"), strict=True))
    # each class is decided at a subject of its own: its control sees the state there and a good one elsewhere
    bound = baseline([control(name.upper(), name) for name in CLASSES])
    placed = placed_for(bound, scope(*services))
    results = {name: dict.fromkeys(where.values(), "good") for name in CLASSES}
    findings = []
    for name in CLASSES:
        results[name][where[name]] = states[name][0]
        looked = _looked(placed, results[name])
        findings += [one for one in evaluate(placed, bound, looked, {}) if one.control == name.upper()]
    deviations = Deviations(
        waivers=tuple(waiver(f"W-{name}", name.upper(), where[name]) for name in CLASSES if states[name][1] == "waived"),
        remediations=tuple(plan(name.upper(), where[name]) for name in CLASSES if states[name][1] == "planned"),
    )
    standing = scoring.standings(placed, bound, findings, deviations)
    why = scoring.reasons(placed, bound, standing, _looked(placed, dict.fromkeys(where.values(), "good")))
    assert scoring.decide(why) is _expected(states, covered=True)
    statuses = {one.control.id.lower(): one.status for one in standing if one.subject == where[one.control.id.lower()]}
    if states["gate"] == ("bad", "waived"):
        assert statuses["gate"] is Status.NOT_SATISFIED
    for name in CLASSES:
        if states[name][0] == "unseen":
            assert statuses[name] is Status.UNDETERMINED


def _looked(placed: Order, states: dict[str, str]) -> dict[Sight, tuple[Sighting, str]]:
    """Each endpoint in its state, and the host itself seen."""
    found: dict[Sight, Observation | Unobserved] = {
        sight: RESULTS[states[sight.subject]] for sight in placed.plan if sight.subject in states
    }
    found[Sight(subject="web1", kind="ports")] = GOOD["ports"]()
    return {
        sight: (Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=result), "00" * 32)
        for sight, result in found.items()
    }


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(["good", "bad", "unseen"]), min_size=1, max_size=4),
    st.integers(0, 3),
    st.sampled_from(["fix", "skip", "time-out", "waive", "add"]),
    st.sampled_from(CLASSES[:3]),
)
def test_fixing_never_lowers_and_skipping_waiving_or_adding_never_raises(
    states: list[str], at: int, act: str, classed: str
) -> None:
    at %= len(states)
    bound = baseline([control("C", classed)])

    def judged(states: list[str], skip: set[str] = frozenset(), waived: bool = False) -> tuple[Decision, Any, Any]:  # type: ignore[assignment]
        several = tuple((port, Speaks.TLS) for port in range(1, len(states) + 1))
        placed = placed_for(bound, scope(*several))
        placed = placed.model_copy(update={"skipped": tuple(sight for sight in placed.plan if sight.subject in skip)})
        looked = _looked(placed, {f"web1:{number}": state for number, state in enumerate(states, 1)})
        deviations = Deviations(waivers=(waiver("W", "C", f"web1:{at + 1}"),) if waived else ())
        return decision(bound, placed, looked, deviations)

    before, tally, _ = judged(states)
    match act:
        case "fix":
            after, now, _ = judged([*states[:at], "good", *states[at + 1 :]])
            assert now.passed * max(1, tally.counted) >= tally.passed * max(1, now.counted)
            assert before is not Decision.AUTHORISE or after is Decision.AUTHORISE
        case "skip":
            after, now, _ = judged(states, skip={f"web1:{at + 1}"})
            assert now.passed <= tally.passed
            assert after not in (Decision.AUTHORISE, Decision.AUTHORISE_TRIAL)
        case "time-out":
            after, now, _ = judged([*states[:at], "unseen", *states[at + 1 :]])
            assert now.passed <= tally.passed
            assert after not in (Decision.AUTHORISE, Decision.AUTHORISE_TRIAL)
        case "waive":
            _, now, _ = judged(states, waived=True)
            assert (now.passed, now.counted) == (tally.passed, tally.counted)
        case "add":
            after, _, standing = judged([*states, "good", "good"])
            if "bad" in states:
                assert after is (Decision.DENY if classed == "gate" or "unseen" not in states else Decision.INCOMPLETE)
            assert scoring.worst(one.status for one in standing) is not Status.SATISFIED or set(states) == {"good"}


def test_a_waiver_that_has_expired_or_not_begun_covers_nothing() -> None:
    bound = baseline([control("C", "major")])
    placed = placed_for(bound, scope((1, Speaks.TLS)))
    looked = _looked(placed, {"web1:1": "bad"})
    valid = waiver("W", "C", "web1:1")
    for changed in (
        {"issued": AT - timedelta(days=9), "expires": placed.judged_at},
        {"issued": placed.judged_at + timedelta(seconds=1)},
    ):
        old = valid.model_copy(update=changed)
        assert decision(bound, placed, looked, Deviations(waivers=(old,)))[0] is Decision.DENY
    assert decision(bound, placed, looked, Deviations(waivers=(valid,)))[0] is Decision.AUTHORISE_TRIAL


@pytest.mark.parametrize("level", [1, 2])
def test_below_level_3_nothing_may_connect(level: int) -> None:
    bound = baseline([control("C", "minor")])
    placed = placed_for(bound, WHOLE)
    system = placed.scope.system.model_copy(update={"level": level})
    placed = placed.model_copy(update={"scope": placed.scope.model_copy(update={"system": system})})
    assert decision(bound, placed, seen(placed))[0] is Decision.DENY


def test_an_inspection_without_a_signed_permit_or_by_ones_own_people_is_denied() -> None:
    placed = placed_for(NATIONAL, WHOLE)
    unsigned = placed.model_copy(update={"kind": RunKind.INSPECTION})
    assert decision(NATIONAL, unsigned, seen(placed))[0] is Decision.DENY
    own = unsigned.model_copy(update={"permit_envelope": "00" * 32})
    assert decision(NATIONAL, own, seen(placed))[0] is Decision.DENY  # the inspector belongs to A1, the agency itself


def test_an_inspection_is_denied_for_its_unsigned_permit_alone_and_for_its_inspector_alone() -> None:
    bound = baseline([control("C", "major")])
    placed = placed_for(bound, scope((1, Speaks.TLS)))
    looked = _looked(placed, {"web1:1": "good"})
    for signed, organisation, wanted in (
        (None, "C06", Decision.DENY),
        ("00" * 32, "A1", Decision.DENY),
        ("00" * 32, "C06", Decision.AUTHORISE),
    ):
        inspectors = (placed.permit.inspectors[0].model_copy(update={"organisation": organisation}),)
        permit = placed.permit.model_copy(update={"kind": RunKind.INSPECTION, "inspectors": inspectors})
        one = placed.model_copy(update={"kind": RunKind.INSPECTION, "permit": permit, "permit_envelope": signed})
        assert decision(bound, one, looked)[0] is wanted


def test_evidence_that_is_too_old_or_outside_the_window_is_not_judged() -> None:
    placed = placed_for(NATIONAL, WHOLE)
    for later in (timedelta(days=400), timedelta(hours=1)):
        window = placed.permit.window if later > timedelta(days=2) else placed.permit.window.model_copy(update={"ends": AT})
        late = placed.model_copy(update={"judged_at": AT + later, "permit": placed.permit.model_copy(update={"window": window})})
        findings = evaluate(late, NATIONAL, seen(placed), {})
        assert {one.outcome for one in findings if one.subject != "agency"} == {Outcome.NOT_CHECKED}


def test_a_run_of_one_kind_cannot_carry_a_permit_of_the_other() -> None:
    placed = placed_for(NATIONAL, WHOLE)
    with pytest.raises((ValueError, RecordError)):
        Order(**{**placed.model_dump(), "kind": RunKind.INSPECTION})


def test_what_is_declared_and_nowhere_looked_at_is_told_without_the_agency_itself() -> None:
    bound = baseline([control("C", "major")])
    alone = scope((22, Speaks.SSH), (443, Speaks.TLS))
    assert unplanned(alone, sights(alone, bound)) == ("web1", "web1:22")
    assert unplanned(alone, ()) == ("web1", "web1:22", "web1:443")
    assert unplanned(WHOLE, sights(WHOLE, NATIONAL)) == ()


def test_the_plan_takes_each_sight_once_however_many_rules_need_it() -> None:
    planned = sights(WHOLE, NATIONAL)
    assert len(planned) == len(set(planned))
    by_tls = [subject for subject, (_, service) in WHOLE.subjects().items() if service and "tls" in SPOKEN[service.speaks]]
    assert [sight.subject for sight in planned if sight.kind == "tls"] == sorted(by_tls)
    assert len([rule for rule in NATIONAL.rules if rule.check.observes is TlsObservation]) > 5


def test_every_finding_that_decides_is_reachable_from_the_reasons() -> None:
    placed = placed_for(NATIONAL, WHOLE)
    looked = seen(placed, tls=BAD_TLS, host=LATE)
    findings = evaluate(placed, NATIONAL, looked, {})
    standing = scoring.standings(placed, NATIONAL, findings, Deviations())
    named = {finding for reason in scoring.reasons(placed, NATIONAL, standing, looked) for finding in reason.findings}
    mandatory = {one.id for one in NATIONAL.controls(3) if one.classed.mandatory}
    open_ones = {
        one.id
        for one in findings
        if one.control in mandatory and one.outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.NOT_CHECKED)
    }
    assert open_ones <= named


def test_the_order_in_which_things_were_seen_changes_nothing() -> None:
    placed = placed_for(NATIONAL, WHOLE)
    looked = seen(placed, tls=BAD_TLS)
    turned = dict(reversed(looked.items()))
    assert evaluate(placed, NATIONAL, looked, {}) == evaluate(placed, NATIONAL, turned, {})


def test_the_vantage_is_part_of_every_observation() -> None:
    for make in GOOD.values():
        assert isinstance(make().seen.vantage, Vantage)


def test_a_rule_without_any_subject_is_not_checked_until_a_person_says_it_does_not_apply() -> None:
    bound = baseline([control("C", "major", "ssh-ciphers")])
    placed = placed_for(bound, scope((1, Speaks.TLS)))
    (finding,) = evaluate(placed, bound, {}, {})
    assert (finding.subject, finding.outcome) == ("agency", Outcome.NOT_CHECKED)
    (finding,) = evaluate(placed, bound, {}, answered(bound, "C"))
    assert (finding.outcome, finding.evidence) == (Outcome.NOT_APPLICABLE, "00" * 32)  # it rests on that person's answer


def test_a_rule_without_any_subject_rests_on_the_document_of_its_control_where_there_is_one() -> None:
    document = {"attestation": {"document": {"vi": "Văn bản", "en": "Document"}}, "method": ["network", "document"]}
    bound = baseline([control("C", "major", "ssh-ciphers") | document])
    placed = placed_for(bound, scope((1, Speaks.TLS)))
    answer, finding = evaluate(placed, bound, {}, answered(bound))
    assert (answer.outcome, answer.evidence) == (Outcome.PASS, "00" * 32)
    assert (finding.outcome, finding.evidence) == (Outcome.NOT_APPLICABLE, "00" * 32)


def test_documents_alone_are_no_inspection() -> None:
    document = control("D", "gate") | {
        "method": ["document"],
        "attestation": {"document": {"vi": "Văn bản", "en": "Document"}},
    }
    del document["rules"]
    bound = baseline([document])
    placed = placed_for(bound, scope((1, Speaks.TLS)))
    looked = _looked(placed, {}) | {
        (tls_sight := Sight(subject="web1:1", kind="tls")): (
            Sighting(sight=tls_sight, observed_at=AT, vantage=VANTAGE, result=tls()),
            "00" * 32,
        )
    }
    assert decision(bound, placed, looked)[0] is Decision.INCOMPLETE


def test_an_answer_that_was_given_after_the_evidence_lapsed_speaks_of_another_system() -> None:
    placed = placed_for(NATIONAL, scope(*SERVICES))
    allowed = timedelta(days=NATIONAL.baseline.evidence_max_age_days[3])
    for late, wanted in ((timedelta(0), Outcome.PASS), (timedelta(seconds=1), Outcome.NOT_CHECKED)):
        answers = {
            name: (
                answer.model_copy(update={"answered_at": placed.judged_at + allowed + late, "dated": placed.judged_at}),
                digest,
            )
            for name, (answer, digest) in answered(NATIONAL).items()
        }
        found = evaluate(placed, NATIONAL, seen(placed), answers)
        of_documents = [one for one in found if one.check == "attestation"]
        assert {one.outcome for one in of_documents} == {wanted}
        told = f"answered more than {allowed.days} days after the judgement"
        assert {one.seen.shown() == told for one in of_documents} == {wanted is Outcome.NOT_CHECKED}


def test_without_a_single_finding_nothing_stands_and_the_decision_is_open() -> None:
    placed = placed_for(NATIONAL, WHOLE)
    assert scoring.standings(placed, NATIONAL, (), NO_DEVIATIONS) == ()
    assert scoring.decide(scoring.reasons(placed, NATIONAL, (), seen(placed))) is Decision.INCOMPLETE
