"""Each case of decisions.yaml is decided as it says, with exactly its reasons in their order and exactly its score."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from scanner import scoring, strict_yaml
from scanner.advisories import FeedKind
from scanner.assessment import Decision, ReasonCode, Status
from scanner.attestations import Answer, Attestation, Deviations, Remediation, Waiver
from scanner.baseline import BoundBaseline, load
from scanner.evaluate import ATTESTATION, Answers, Sightings, evaluate
from scanner.findings import Finding
from scanner.observations import Reason, Sight, Sighting, TlsVersion, Unobserved
from scanner.order import Feed, Order
from scanner.patch_specimens import flaw, missing, patches, stranger
from scanner.plan import DERIVED, sights
from scanner.record import sha256
from scanner.registry import load_checks
from scanner.specimens import AT, SUITES, VANTAGE, host, http, peer_certificate, tls
from scanner.targets import AGENCY, Agency, Host, RunKind, Scope, Service, Speaks, System
from tests.checks.test_verdicts_of_the_baselines import GOOD, NAME, order

FILE = Path(__file__).with_name("decisions.yaml")
CASES: list[dict[str, Any]] = strict_yaml.parse(FILE.read_bytes(), FILE.name).value["cases"]
CHECKS = load_checks()
WORDS: dict[str, Any] = {
    "old-version": tls(accepts={**SUITES, TlsVersion.TLS_1_0: ("TLS_RSA_WITH_AES_128_CBC_SHA",)}),
    "other-name": peer_certificate(name_matches=False, leaf={"names": ("another.example.vn",)}),
    "no-hsts": http(headers={"strict-transport-security": None}),
    "other-name-and-revocation-unknown": peer_certificate(
        name_matches=False, leaf={"names": ("another.example.vn",)}, revocation=Unobserved(reason=Reason.NOT_GIVEN)
    ),
    "undecided": patches(undecided=(stranger(),)),
    "overdue-and-undecided": patches(undecided=(stranger(),), missing=(missing(flaw(400)),)),
    "no-nginx": host(nginx=None),
    "unreachable": Unobserved(reason=Reason.UNREACHABLE),
    "timed-out": Unobserved(reason=Reason.TIMED_OUT),
    "no-credential": Unobserved(reason=Reason.NO_CREDENTIAL),
}
"""What each word of a case means; `skipped` and `absent` are said of a sight and not seen."""
JUDGED_AT = AT + timedelta(hours=1)


def bound_of(case: dict[str, Any]) -> BoundBaseline:
    """The case's small baseline."""
    controls = []
    ports = [{"id": "PORTS", "class": "advisory", "check": "exposure-declared-answer"}] if case["controls"] else []
    for asked in (*case["controls"], *ports):
        document = asked["check"] == "document"
        decided: dict[str, Any] = (
            {} if document else {"rules": [{"check": check} for check in (asked["check"], asked.get("also")) if check]}
        )
        if document or asked.get("document"):
            decided["attestation"] = {"document": {"vi": "Tài liệu", "en": "Document"}, "max_age_days": {"3": 183}}
        common = {"heading": "all", "levels": [1, 2, 3, 4, 5], "method": ["document" if document else "network"]}
        named = {"id": asked["id"], "class": asked["class"], "title": {"vi": asked["id"], "en": asked["id"]}}
        controls.append({**named, **common, "references": [{"source": "test", "clause": "1"}], **decided})
    seconds = case.get("baseline_ends_after_seconds")
    ends = {} if seconds is None else {"ends": (JUDGED_AT + timedelta(seconds=seconds)).isoformat()}
    text = {
        "id": "golden",
        "version": "1",
        "regime": "TEST",
        "title": {"vi": "Thử", "en": "Test"},
        "laboratory": "baseline_ends_after_seconds" not in case,
        "effective": {"begins": "2026-01-01T00:00:00+00:00", **ends},
        "evidence_max_age_days": {str(level): 365 for level in range(1, 6)},
        "feeds": [{"kind": kind, "max_age_days": days} for kind, days in case.get("feeds", {}).items()],
        "headings": [{"id": "all", "title": {"vi": "Tất cả", "en": "All"}}],
        "controls": controls,
    }
    written = json.dumps(text, ensure_ascii=False)
    for level in range(1, 6):
        written = written.replace(f'"{level}": ', f"{level}: ")
    return load(written.encode(), "golden.yaml", CHECKS)


def subjects(case: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Host, subject and entry of everything that is declared."""
    for entry in case["seen"]:
        name, _, port = entry["at"].partition(":")
        for number in range(entry.get("count", 1)):
            host = f"{name}{number + 1:04}" if "count" in entry else name
            yield host, f"{host}:{port}" if port else host, entry


def scope_of(case: dict[str, Any]) -> Scope:
    hosts = []
    for number, (name, subject, entry) in enumerate(subjects(case)):
        port = subject.partition(":")[2]
        speaks = Speaks(entry.get("speaks", "https"))
        services = (Service(port=int(port), transport="tcp", speaks=speaks, name="dvc.example.vn"),) if port else ()
        hosts.append(Host(id=name, address=f"192.0.{2 + number // 250}.{1 + number % 250}", services=services))
    return Scope(
        agency=Agency(code="A1", name=NAME, echelon="province"),
        system=System(id="S1", name=NAME, level=case.get("level", 3), operator="Operator"),
        hosts=tuple(hosts),
    )


def order_of(case: dict[str, Any], bound: BoundBaseline, scope: Scope) -> Order:
    entries = {subject: entry for _, subject, entry in subjects(case)}
    planned = sights(scope, bound)
    skipped = [sight for sight in planned if entries.get(sight.subject, {}).get(sight.kind) == "skipped"]
    ages = case.get("feeds_aged", {kind: [case.get("feeds_aged_days", 0)] for kind in case.get("feeds", {})})
    feeds = [
        Feed(name=f"{kind}-{number}", kind=FeedKind(kind), sha256=sha256(b"feed"), dated=JUDGED_AT - timedelta(days=age))
        for kind, of_kind in ages.items()
        for number, age in enumerate(of_kind)
    ]
    inspection = {"kind": RunKind.INSPECTION} if case.get("inspection") else {}
    whole = order(bound, scope)
    return whole.model_copy(
        update={
            **inspection,
            "judged_at": JUDGED_AT
            + timedelta(days=case.get("judged_after_days", 0), seconds=case.get("judged_after_seconds", 0)),
            "feeds": tuple(feeds),
            "skipped": tuple(skipped),
        }
    )


def seen_of(case: dict[str, Any], placed: Order) -> Sightings:
    """What was seen: of a kind that an entry does not name, something good; what is derived follows what it is derived from."""
    entries = {subject: entry for _, subject, entry in subjects(case)}
    found: dict[Sight, tuple[Sighting, str]] = {}
    for sight in placed.plan:
        word = entries.get(sight.subject, {}).get(sight.kind, "good")
        if word in ("absent", "skipped"):
            continue
        result = GOOD[sight.kind]() if word == "good" else WORDS[word]
        for kind in (sight.kind, *(kind for kind, base in DERIVED.items() if base == sight.kind)):
            made = Sight(subject=sight.subject, kind=kind)
            derived = entries.get(sight.subject, {}).get(kind, "good")
            what = WORDS[derived] if derived in WORDS and kind != sight.kind else GOOD[kind]()
            what = result if kind == sight.kind or isinstance(result, Unobserved) else what
            found[made] = (Sighting(sight=made, observed_at=AT, vantage=VANTAGE, result=what), "00" * 32)
    return found


def answers_of(case: dict[str, Any]) -> Answers:
    found = {}
    for control, said in case.get("documents", {}).items():
        answer, _, age = str(said).partition(", dated ")
        days = int(age.split()[0]) if age else 1
        dated = JUDGED_AT - timedelta(days=days)
        document = sha256(b"document") if answer in ("yes", "partly") else None
        found[control] = (
            Attestation(
                control=control,
                answer=Answer(answer),
                document=document,
                dated=dated,
                reason="" if answer == "yes" else "a reason",
                by="P1",
                role="head",
                answered_at=JUDGED_AT,
            ),
            "00" * 32,
        )
    return found


def deviations_of(case: dict[str, Any]) -> Deviations:
    month = 30 * 86_400
    return Deviations(
        waivers=tuple(
            Waiver(
                id=f"W{number}",
                control=one["control"],
                subject=one["subject"],
                reason="old client",
                compensating_measure="filtered",
                requester="a.b",
                approver="c.d",
                issued=JUDGED_AT + timedelta(seconds=one.get("issued_after_seconds", -86_400)),
                expires=JUDGED_AT + timedelta(seconds=one.get("expires_after_seconds", month)),
            )
            for number, one in enumerate(case.get("waivers", ()), start=1)
        ),
        remediations=tuple(
            Remediation(
                control=one["control"],
                subject=one["subject"],
                owner="IT",
                due=JUDGED_AT + timedelta(seconds=one.get("due_after_seconds", month)),
                action="upgrade",
            )
            for one in case.get("plans", ())
        ),
    )


def told(why: tuple[Any, ...], wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The reasons as a case writes them: those that it counts are counted, without their subjects."""
    counted = {(one["code"], one["control"]) for one in wanted if "times" in one}
    rows = []
    for reason in why:
        row = {"code": str(reason.code), "control": reason.control, "subject": reason.subject}
        if (row["code"], row["control"]) in counted:
            del row["subject"]
        rows.append(tuple((key, value) for key, value in row.items() if value is not None))
    return [
        {**dict(row), **({"times": len(alike)} if (dict(row)["code"], dict(row).get("control")) in counted else {})}
        for row, alike in ((row, list(group)) for row, group in groupby(rows))
    ]


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_each_case_is_decided_as_it_says(case: dict[str, Any]) -> None:
    bound, scope = bound_of(case), scope_of(case)
    placed = order_of(case, bound, scope)
    looked, deviations = seen_of(case, placed), deviations_of(case)
    findings = evaluate(placed, bound, looked, answers_of(case))
    standings = scoring.standings(placed, bound, findings, deviations)
    why = scoring.reasons(placed, bound, standings, looked)
    tally = scoring.tally(standings)
    assert told(why, case["reasons"]) == case["reasons"]
    assert scoring.decide(why) == case["decision"]
    assert f"{tally.passed}/{tally.counted} {tally.percent} %" == case["score"]
    assert list(scoring.unmatched(standings, deviations)) == case.get("unmatched", [])
    assert tally.assessed == case.get("assessed", tally.assessed)
    for place, words in case.get("says", {}).items():
        assert said_at(place, findings) == words


def said_at(place: str, findings: tuple[Finding, ...]) -> str:
    """What the findings of a control at a subject say: outcome, confidence, whether there is evidence, and the words."""
    told = []
    for finding in sorted(findings, key=lambda one: one.check == ATTESTATION):
        if f"{finding.control} {finding.subject}" == place:
            head = " ".join(str(part) for part in (finding.outcome, finding.confidence) if part is not None)
            told.append(
                f"{head}{', with evidence' if finding.evidence and finding.subject != AGENCY else ''}: {finding.seen.shown()}"
            )
    return " | ".join(told)


def test_of_nothing_the_worst_is_undetermined() -> None:
    assert scoring.worst(()) is Status.UNDETERMINED


def test_the_worst_status_is_the_one_that_stands_most_in_the_way() -> None:
    order = [Status.SATISFIED, Status.NOT_APPLICABLE, Status.WAIVED, Status.UNDETERMINED, Status.NOT_SATISFIED]
    assert set(order) == set(Status)
    for number, status in enumerate(order):
        assert {scoring.worst((other, status)) for other in order[: number + 1]} == {status}


def test_every_decision_and_every_reason_has_a_case() -> None:
    assert {case["decision"] for case in CASES} == {str(decision) for decision in Decision}
    assert {reason["code"] for case in CASES for reason in case["reasons"]} == {str(code) for code in ReasonCode}
    assert len({case["case"] for case in CASES}) == len(CASES) >= 30
