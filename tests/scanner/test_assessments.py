"""What an assessment says of a run, to the letter; and that no file belongs to a run but those that its order names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scanner import store
from scanner.assessment import Assessment, ControlClass, Decision, ReasonCode, Status
from scanner.attestations import Answer, Attestation
from scanner.baseline import load
from scanner.decision import Condition
from scanner.findings import finding_id
from scanner.judge import bound_of, deviations_of, identified, judge
from scanner.observations import KeyAlgorithm, Observation, Reason, Revocation, Sight, Sighting, TlsVersion, Trust, Unobserved
from scanner.order import FileDigest, Order
from scanner.record import sha256
from scanner.registry import load_checks
from scanner.specimens import AT, SUITES, VANTAGE, http, peer_certificate, tls
from scanner.store import StoreError, sighting_path
from scanner.strict_yaml import InputError
from scanner.targets import RunKind, Scope, Speaks
from tests.checks.test_verdicts_of_the_baselines import GOOD, order, scope
from tests.scanner.test_rejudging import ALL, law

CHECKS = load_checks()
OLD = tls(accepts={**SUITES, TlsVersion.TLS_1_0: ("TLS_RSA_WITH_AES_128_CBC_SHA",)})
NOTHING = Unobserved(reason=Reason.NOT_GIVEN)
PEER = peer_certificate(trust=NOTHING, revocation=NOTHING)
LAW = (
    law(
        "law",
        ("TLS", "major", "tls-minimum-version", "{minimum: TLS 1.2}", ALL),
        ("HSTS", "minor", "http-hsts", "{}", ALL),
        ("GATE", "gate", "peer-certificate-key-size", "{}", ALL),
        ("HIGH", "major", "ssh-ciphers", "{}", "[4, 5]"),
        ("DOC", "major", "document", "", ALL),
    )
    .replace(b"headings: [", b'headings: [{id: papers, title: {vi: "Giay to", en: "Papers"}}, ')
    .replace(b'en: "DOC"}\n    heading: all', b'en: "DOC"}\n    heading: papers')
    .replace(b'vi: "DOC"', 'vi: "Hồ sơ"'.encode())
    .replace(b"controls:", b"diagram: DOC\ncontrols:")
)
SCOPE = scope((443, Speaks.HTTPS), (8_443, Speaks.TLS))
DUE = AT + timedelta(days=30)
CODE = (FileDigest(path="checks/tls.py", sha256="77" * 32),)


def later(result: Observation, by: timedelta) -> Observation:
    """The same, seen later."""
    return result.model_copy(update={"seen": result.seen.model_copy(update={"observed_at": AT + by})})


def run_of(
    seen: Mapping[tuple[str, str], Observation | Unobserved] | None = None,
    deviations: str | None = None,
    baseline: bytes = LAW,
    of: Scope = SCOPE,
    ordered: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:
    """A whole run's files, in which these sights hold something else than what is good."""
    placed = order(load(baseline, "law", CHECKS), of)
    named = {} if deviations is None else {"deviations": sha256(deviations.encode())}
    placed = placed.model_copy(update={**named, **(ordered or {})})
    files = {store.ORDER: placed.written(), store.BASELINE: baseline}
    if deviations is not None:
        files[store.DEVIATIONS] = deviations.encode()
    for sight in placed.plan:
        good = PEER if sight.kind == "peer-certificate" else GOOD[sight.kind]()
        result = (seen or {}).get((sight.subject, sight.kind), good)
        files[sighting_path(sight)] = Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=result).written()
    return files


def answer(says: Answer = Answer.YES) -> bytes:
    reason = "" if says is Answer.YES else "because"
    return Attestation(
        control="DOC", answer=says, document="55" * 32, dated=AT, reason=reason, by="an", role="Head", answered_at=AT
    ).written()


def judged(files: dict[str, bytes], said: Answer | None = Answer.YES) -> Assessment:
    return judge({**files, **({} if said is None else {"attestations/DOC.json": answer(said)})}, CHECKS, CODE)


def waiver(control: str, subject: str, expires: datetime = DUE) -> str:
    return (
        f'  - {{id: W-{control}, control: {control}, subject: "{subject}", reason: r, compensating_measure: m, requester: a.b, '
        f"approver: c.d, issued: {AT.isoformat()}, expires: {expires.isoformat()}}}\n"
    )


def plan(control: str, subject: str, due: datetime = DUE) -> str:
    return f'  - {{control: {control}, subject: "{subject}", owner: IT, due: {due.isoformat()}, action: upgrade}}\n'


def test_each_control_of_the_level_is_told_with_its_status_at_every_subject_and_its_worst() -> None:
    found = judged(run_of({("web1:8443", "tls"): OLD}))
    told = {control.id: (control.status, {one.subject: one.status for one in control.subjects}) for control in found.controls}
    assert told == {
        "TLS": (Status.NOT_SATISFIED, {"web1:443": Status.SATISFIED, "web1:8443": Status.NOT_SATISFIED}),
        "HSTS": (Status.SATISFIED, {"web1:443": Status.SATISFIED}),
        "GATE": (Status.SATISFIED, {"web1:443": Status.SATISFIED, "web1:8443": Status.SATISFIED}),
        "DOC": (Status.SATISFIED, {"agency": Status.SATISFIED}),
        "PORTS": (Status.SATISFIED, {"web1": Status.SATISFIED}),
    }
    assert [control.id for control in found.controls] == ["TLS", "HSTS", "GATE", "DOC", "PORTS"]  # the baseline's order
    for control in found.controls:
        assert [(one.subject, one.findings) for one in control.subjects] == [
            (one.subject, (one.id,)) for one in found.findings if one.control == control.id
        ]


def test_each_control_carries_what_the_baseline_says_of_it() -> None:
    control = next(one for one in judged(run_of()).controls if one.id == "DOC")
    assert (control.title.vi, control.title.en, control.heading, control.classed) == (
        "Hồ sơ",
        "DOC",
        "papers",
        ControlClass.MAJOR,
    )
    assert [(clause.source, clause.clause) for clause in control.clauses] == [("test", "1")]


def test_each_heading_counts_its_own_controls_and_no_other_s() -> None:
    found = judged(run_of({("web1:8443", "tls"): OLD}), Answer.NO)
    tallies = {
        one.heading: (one.tally.passed, one.tally.counted, one.tally.assessed, one.tally.percent) for one in found.headings
    }
    assert list(tallies.items()) == [("papers", (0, 1, 1, 0)), ("all", (4, 5, 5, 80))]
    assert (found.tally.passed, found.tally.counted) == (4, 6)


def test_a_heading_is_capped_by_its_own_gate_alone() -> None:
    found = judged(run_of({("web1:443", "peer-certificate"): NOTHING}))
    assert {one.heading: (one.tally.capped, one.tally.percent) for one in found.headings} == {
        "papers": (False, 100),
        "all": (True, 49),
    }


@pytest.mark.parametrize(
    ("deviations", "due", "by", "owner"),
    [
        ("waivers:\n" + waiver("TLS", "web1:8443"), DUE, "W-TLS", None),
        ("remediations:\n" + plan("TLS", "web1:8443"), DUE, None, "IT"),
        (
            "waivers:\n" + waiver("TLS", "web1:8443") + "remediations:\n" + plan("TLS", "web1:8443", DUE - timedelta(days=1)),
            DUE - timedelta(days=1),
            "W-TLS",
            "IT",
        ),
        (
            "waivers:\n" + waiver("TLS", "web1:8443") + "remediations:\n" + plan("TLS", "web1:8443", DUE + timedelta(days=1)),
            DUE,
            "W-TLS",
            "IT",
        ),
    ],
    ids=["a waiver", "a plan", "both, the plan is due first", "both, the waiver ends first"],
)
def test_an_open_deviation_becomes_a_condition_that_is_due_at_the_first_of_its_ends(
    deviations: str, due: datetime, by: str | None, owner: str | None
) -> None:
    found = judged(run_of({("web1:8443", "tls"): OLD}, deviations))
    assert found.decision is Decision.AUTHORISE_TRIAL
    assert found.conditions == (
        Condition(
            control="TLS",
            subject="web1:8443",
            due=due,
            waiver=by,
            owner=owner,
            findings=(finding_id("TLS", "tls-minimum-version", "web1:8443"),),
        ),
    )


def test_where_nothing_deviates_there_is_no_condition_and_a_waiver_of_it_is_told_as_unmatched() -> None:
    assert judged(run_of()).conditions == ()
    found = judged(run_of(deviations="waivers:\n" + waiver("TLS", "web1:443")))
    assert (found.conditions, found.unmatched_waivers, found.decision) == ((), ("W-TLS",), Decision.AUTHORISE)


def test_a_reason_tells_until_when_a_deviation_is_accepted_and_which_findings_it_rests_on() -> None:
    found = judged(run_of({("web1:8443", "tls"): OLD}, "waivers:\n" + waiver("TLS", "web1:8443")))
    (reason,) = found.reasons
    assert (reason.code, reason.control, reason.subject) == (ReasonCode.WAIVED, "TLS", "web1:8443")
    assert reason.message.shown() == f"TLS is waived at web1:8443 until {DUE:%Y-%m-%d}"
    assert reason.findings == (finding_id("TLS", "tls-minimum-version", "web1:8443"),)
    assert {value.name: value.value for value in judged(run_of({("web1:8443", "tls"): OLD})).reasons[0].message.values} == {
        "control": "TLS",
        "subject": "web1:8443",
        "due": "",
    }
    planned = judged(run_of({("web1:8443", "tls"): OLD}, "remediations:\n" + plan("TLS", "web1:8443")))
    assert [one.message.shown() for one in planned.reasons] == [f"TLS is to be mended at web1:8443 by {DUE:%Y-%m-%d}"]


def test_an_assessment_names_its_run_its_system_and_when_it_was_seen() -> None:
    files = run_of({("web1:443", "http"): later(http(), timedelta(minutes=9)), ("web1:443", "tls"): NOTHING})
    found, placed = judged(files, None), Order.read(files[store.ORDER])
    of = placed.scope
    assert (found.run, found.kind, found.order) == (placed.run, placed.kind, sha256(files[store.ORDER]))
    assert (found.agency, found.agency_name, found.echelon) == (of.agency.code, of.agency.name, of.agency.echelon)
    assert (found.system, found.system_name, found.level) == (of.system.id, of.system.name, of.system.level)
    assert (found.judged_at, found.observed_from, found.observed_until) == (placed.judged_at, AT, AT + timedelta(minutes=9))
    assert (found.checks, found.baseline.id, found.baseline.sha256) == (CODE, "law", sha256(LAW))
    assert found.fingerprint == identified(files).fingerprint.digest()


def test_the_diagram_that_the_baseline_asks_for_is_part_of_what_makes_the_system_itself() -> None:
    files = run_of()
    shown = {**files, "attestations/DOC.json": answer()}
    assert judge(shown, CHECKS, CODE).fingerprint == identified(shown).fingerprint.digest()
    assert judge(shown, CHECKS, CODE).fingerprint != judge(files, CHECKS, CODE).fingerprint


def test_where_nothing_was_seen_no_instant_is_told_and_no_evidence_lasts() -> None:
    files = run_of()
    unseen = {(sight.subject, sight.kind): NOTHING for sight in Order.read(files[store.ORDER]).plan}
    found = judged(run_of(unseen))
    assert (found.observed_from, found.observed_until, found.evidence_until) == (None, None, None)


def test_the_evidence_of_an_assessment_is_what_was_seen_and_answered_and_nothing_else() -> None:
    files = run_of(deviations="waivers: []\n")
    found = judged(files)
    seen = {path: data for path, data in files.items() if path.startswith("observations/")}
    assert {one.path: one.sha256 for one in found.evidence} == {
        path: sha256(data) for path, data in {**seen, "attestations/DOC.json": answer()}.items()
    }


def test_evidence_lasts_from_the_first_thing_that_was_seen() -> None:
    files = run_of({("web1:443", "http"): later(http(), timedelta(days=-3))})
    assert judged(files).evidence_until == AT + timedelta(days=365 - 3)


EACH_INPUT = pytest.mark.parametrize(
    ("path", "field"),
    [
        (store.ANCHORS, "trust_anchors"),
        (store.CRLS, "crls"),
        (store.PERMIT_ENVELOPE, "permit_envelope"),
        (store.TAILORING, "tailoring"),
    ],
)
EACH_READER = pytest.mark.parametrize(
    "read", [lambda files: judge(files, CHECKS, CODE), identified], ids=["judged", "identified"]
)


@EACH_INPUT
def test_a_file_that_the_order_does_not_name_is_judged_by_nobody(path: str, field: str) -> None:
    with pytest.raises(StoreError, match=f"^{path} lies in the run, and the order does not name it$"):
        judge({**run_of(), path: b"something"}, CHECKS, CODE)


@EACH_INPUT
def test_a_file_that_the_order_names_must_be_there_and_the_same(path: str, field: str) -> None:
    files = run_of(ordered={field: sha256(b"another")})
    with pytest.raises(StoreError, match=f"^{path} is missing from the run$"):
        judge(files, CHECKS, CODE)
    with pytest.raises(StoreError, match=f"^{path} is not the file the order names: its digest differs$"):
        judge({**files, path: b"something"}, CHECKS, CODE)


@pytest.mark.parametrize("field", ["trust_anchors", "crls", "permit_envelope"])
def test_a_file_that_the_order_names_and_that_is_the_same_is_judged(field: str) -> None:
    path = {"trust_anchors": store.ANCHORS, "crls": store.CRLS, "permit_envelope": store.PERMIT_ENVELOPE}[field]
    files = {**run_of(ordered={field: sha256(b"something")}), path: b"something"}
    assert judged(files).decision is Decision.AUTHORISE


def test_the_waivers_are_those_that_the_order_names_or_none() -> None:
    text = "waivers:\n" + waiver("TLS", "web1:8443")
    named = run_of({("web1:8443", "tls"): OLD}, text)
    assert [one.id for one in deviations_of(named, Order.read(named[store.ORDER])).waivers] == ["W-TLS"]
    with pytest.raises(StoreError, match=r"^inputs/deviations\.yaml is not the file the order names"):
        judged({**named, store.DEVIATIONS: text.replace("8443", "443").encode()})
    unnamed = {**run_of({("web1:8443", "tls"): OLD}), store.DEVIATIONS: text.encode()}
    assert judged(unnamed).decision is Decision.DENY  # a file nobody ordered waives nothing


def test_waivers_that_cannot_be_read_are_refused_by_their_place_in_the_run() -> None:
    with pytest.raises(InputError, match=r"^inputs/deviations\.yaml:1: "):
        judged(run_of(deviations="waver: []\n"))


def test_a_tailoring_that_cannot_be_read_is_refused_by_its_place_in_the_run() -> None:
    files = run_of(ordered={"tailoring": sha256(b"id: [\n")})
    with pytest.raises(StoreError, match=r"^inputs/tailoring\.yaml:"):
        judge({**files, store.TAILORING: b"id: [\n"}, CHECKS, CODE)


def test_a_baseline_that_cannot_be_read_is_refused_by_its_place_in_the_run() -> None:
    broken = LAW.replace(b"regime: TEST", b"regimes: TEST")
    files = {**run_of(), store.BASELINE: broken}
    placed = Order.read(files[store.ORDER]).model_copy(update={"baseline": sha256(broken)})
    for read in (lambda: bound_of(files, placed, CHECKS), lambda: identified({**files, store.ORDER: placed.written()})):
        with pytest.raises(InputError, match=r"^inputs/baseline\.yaml:3: "):
            read()


@EACH_READER
@pytest.mark.parametrize(
    ("peer", "told"),
    [
        (peer_certificate(revocation=NOTHING), "the chain was checked against other trust anchors than the order names"),
        (peer_certificate(trust=NOTHING), "the chain was looked up in other CRLs than the order names"),
    ],
    ids=["trust anchors", "CRLs"],
)
def test_a_chain_looked_up_in_what_the_order_does_not_name_is_judged_by_nobody(
    peer: Observation, told: str, read: Callable[[dict[str, bytes]], object]
) -> None:
    with pytest.raises(StoreError, match=f"^web1:443: {told}$"):
        read(run_of({("web1:443", "peer-certificate"): peer}))


@EACH_READER
def test_a_chain_looked_up_in_what_the_order_names_is_judged(read: Callable[[dict[str, bytes]], object]) -> None:
    anchors, crls = sha256(b"anchors"), sha256(b"crls")
    peer = peer_certificate(trust=Trust(anchors=anchors, faults=()), revocation=Revocation(crls=crls, revoked=False))
    seen = {(subject, "peer-certificate"): peer for subject in ("web1:443", "web1:8443")}
    files = {**run_of(seen, ordered={"trust_anchors": anchors, "crls": crls}), store.ANCHORS: b"anchors", store.CRLS: b"crls"}
    assert read(files)


@EACH_READER
def test_what_was_seen_and_not_planned_is_judged_by_nobody(read: Callable[[dict[str, bytes]], object]) -> None:
    stray = Sight(subject="web1:9", kind="tls")
    lost = Sighting(sight=stray, observed_at=AT, vantage=VANTAGE, result=tls()).written()
    with pytest.raises(StoreError, match=r"^an observation of tls at web1:9 was not planned$"):
        read({**run_of(), sighting_path(stray): lost})


def test_a_run_without_its_order_or_its_baseline_is_judged_by_nobody() -> None:
    for path in (store.ORDER, store.BASELINE):
        files = {name: data for name, data in run_of().items() if name != path}
        with pytest.raises(StoreError, match=f"^{path} is missing from the run$"):
            judge(files, CHECKS, CODE)


def test_the_baseline_s_own_end_ends_the_evidence_where_it_comes_first() -> None:
    end = AT + timedelta(days=9)
    ending = LAW.replace(b"T00:00:00+07:00}", f"T00:00:00+07:00, ends: {end.astimezone(UTC).isoformat()}}}".encode())
    assert judged(run_of(baseline=ending)).evidence_until == end


def unsigned(of: Scope = SCOPE) -> dict[str, Any]:
    """An inspection on a permit that nobody signed, by the agency's own inspector."""
    permit = order(load(LAW, "law", CHECKS), of).permit
    return {"kind": RunKind.INSPECTION, "permit": permit.model_copy(update={"kind": RunKind.INSPECTION})}


BELOW = SCOPE.model_copy(update={"system": SCOPE.system.model_copy(update={"level": 2})})
WEAK = peer_certificate(trust=NOTHING, revocation=NOTHING, leaf={"key": KeyAlgorithm.RSA, "key_bits": 1_024})
FED = LAW.replace(b"headings:", b"feeds: [{kind: kev, max_age_days: 14}]\nheadings:")
ADVICE = law("advice", ("TLS", "advisory", "tls-minimum-version", "{minimum: TLS 1.2}", ALL))


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        (run_of(of=BELOW), ReasonCode.LEVEL_BELOW_3, "the system is of level 2; only level 3 and above may connect"),
        (
            run_of({("web1:443", "peer-certificate"): WEAK}),
            ReasonCode.GATE_FAILED,
            "gate GATE is not satisfied at web1:443",
        ),
        (run_of(ordered=unsigned()), ReasonCode.PERMIT_UNSIGNED, "the inspection's permit is not signed"),
        (
            run_of(ordered=unsigned()),
            ReasonCode.INSPECTOR_NOT_INDEPENDENT,
            "inspector P2 belongs to A1, which the inspection is about",
        ),
        (run_of(baseline=ADVICE), ReasonCode.NO_RULE, "baseline advice selects no rule at this level"),
        (run_of({("web1:443", "tls"): NOTHING}), ReasonCode.UNDETERMINED, "TLS could not be determined at web1:443"),
        (run_of({("web1", "ports"): NOTHING}), ReasonCode.NOT_COVERED, "web1 is declared, and nothing of it was seen"),
        (
            run_of(baseline=FED, ordered={"feeds": ()}),
            ReasonCode.FEED_STALE,
            "a feed of kind kev is absent or more than 14 days old",
        ),
        (run_of({("web1:8443", "tls"): OLD}), ReasonCode.NOT_SATISFIED, "TLS is not satisfied at web1:8443"),
    ],
    ids=lambda value: str(value) if isinstance(value, ReasonCode) else "",
)
def test_each_reason_is_told_in_words_that_name_what_it_is_about(files: dict[str, bytes], code: ReasonCode, words: str) -> None:
    assert [reason.message.shown() for reason in judged(files).reasons if reason.code is code] == [words]
