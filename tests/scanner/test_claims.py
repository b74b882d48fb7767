"""What the agency claimed against what the inspector saw: nothing that does not hold is quiet, and the wrong runs are refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scanner import store
from scanner.attestations import Answer, Attestation
from scanner.baseline import load
from scanner.claims import Weighed, weighed
from scanner.drift import What
from scanner.judge import identified, judge
from scanner.observations import Observation, Reason, Sighting, TlsVersion, Unobserved
from scanner.registry import code_digests, load_checks
from scanner.specimens import AT, SUITES, VANTAGE, peer_certificate, tls
from scanner.store import packed, sighting_path
from scanner.targets import Host, RunKind, Scope, Speaks
from tests.checks.test_verdicts_of_the_baselines import GOOD, order, scope
from tests.printed import printed
from tests.scanner.test_changes import clearance
from tests.scanner.test_rejudging import ALL, law

CHECKS = load_checks()
CODE = code_digests(CHECKS)
LAW = law(
    "law",
    ("TLS", "major", "tls-minimum-version", "{minimum: TLS 1.2}", ALL),
    ("PEER", "major", "peer-certificate-key-size", "{}", ALL),
    ("NET-09", "major", "document", "", ALL),
    ("HINT", "advisory", "tls-modern-offered", "{at_least: TLS 1.3}", ALL),
).replace(b"controls:", b"diagram: NET-09\ncontrols:")
BOTH = LAW.replace(
    b"    rules: [{check: tls-minimum", b'    attestation: {document: {vi: "x", en: "x"}}\n    rules: [{check: tls-minimum'
)
FEWER = law("law", ("PEER", "major", "peer-certificate-key-size", "{}", ALL), ("NET-09", "major", "document", "", ALL)).replace(
    b"controls:", b"diagram: NET-09\ncontrols:"
)
OLD = tls(accepts={**SUITES, TlsVersion.TLS_1_0: ("TLS_RSA_WITH_AES_128_CBC_SHA",)})
DATED = tls(accepts={TlsVersion.TLS_1_2: SUITES[TlsVersion.TLS_1_2]})
BLIND = Unobserved(reason=Reason.TIMED_OUT)


def peer(**leaf: Any) -> Observation:
    nothing = Unobserved(reason=Reason.NOT_GIVEN)
    return peer_certificate(leaf=leaf, trust=nothing, revocation=nothing)


SCOPE = scope((443, Speaks.HTTPS))
SEEN: dict[str, Observation | Unobserved] = {"tls": tls(), "peer-certificate": peer()}


def answer(control: str, says: Answer = Answer.YES, document: str = "55" * 32, by: str = "an") -> Attestation:
    reason = "" if says is Answer.YES else "because"
    return Attestation(
        control=control,
        answer=says,
        document=document,
        dated=AT,
        reason=reason,
        by=by,
        role="Head",
        answered_at=AT + timedelta(hours=1),
    )


def run_of(kind: RunKind, *answers: Attestation, of: Scope = SCOPE, baseline: bytes = LAW, **changes: Any) -> dict[str, bytes]:
    """The files of a judged run of this kind in which these kinds of observation differ."""
    placed = order(load(baseline, "law", CHECKS), of)
    permit = placed.permit.model_copy(update={"kind": kind})
    placed = placed.model_copy(update={"kind": kind, "permit": permit, "run": f"R-{kind}"})
    files = {store.ORDER: placed.written(), store.BASELINE: baseline}
    for sight in placed.plan:
        result = changes.get(sight.kind.replace("-", "_")) or SEEN.get(sight.kind) or GOOD[sight.kind]()
        sighting = Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=result)
        files[sighting_path(sight)] = sighting.written()
    files |= {f"attestations/{one.control}.json": one.written() for one in answers}
    files[store.ASSESSMENT] = judge(files, CHECKS, CODE).written()
    return {**files, store.MANIFEST: store.manifest_of(files).written()}


OWN, INSPECTION = RunKind.SELF_CHECK, RunKind.INSPECTION
YES = answer("NET-09")


def against(claims: dict[str, bytes], seen: dict[str, bytes]) -> Weighed:
    told = [judge(files, CHECKS, CODE) for files in (claims, seen)]
    answers = [{control: one for control, (one, _) in store.attestations(files).items()} for files in (claims, seen)]
    return weighed(told[0], told[1], (answers[0], answers[1]), (identified(claims), identified(seen)))


def test_claims_that_the_inspector_finds_so_hold() -> None:
    found = against(run_of(OWN, YES), run_of(INSPECTION, YES))
    assert found.holds is True
    assert (found.contradicted, found.other_documents, found.refuted, found.unconfirmed) == ((), (), (), ())
    assert [one for one in found.system.drifted if one.before or one.after] == []


@pytest.mark.parametrize(
    ("seen", "holds", "refuted", "unconfirmed"),
    [
        ({"tls": OLD}, False, {"TLS"}, set()),
        ({"tls": BLIND}, None, set(), {"TLS", "HINT"}),
        ({"tls": DATED}, True, {"HINT"}, set()),
        ({"peer_certificate": BLIND}, None, set(), {"PEER"}),
    ],
    ids=["it fails", "nobody could see", "only advice is not followed", "the key was not seen"],
)
def test_a_finding_that_differs_is_told_by_its_weight(
    seen: dict[str, Any], holds: bool | None, refuted: set[str], unconfirmed: set[str]
) -> None:
    found = against(run_of(OWN, YES), run_of(INSPECTION, YES, **seen))
    assert found.holds is holds
    assert {change.control for change in found.refuted} == refuted
    assert {change.control for change in found.unconfirmed} == unconfirmed


def test_what_the_agency_told_of_itself_refutes_nothing() -> None:
    found = against(run_of(OWN, YES, tls=OLD), run_of(INSPECTION, YES, tls=OLD))
    assert (found.holds, found.refuted) == (True, ())


def test_a_failure_of_what_nobody_claimed_refutes_nothing_and_is_told(tmp_path: Path) -> None:
    """The agency could not see it, or its baseline did not ask: that is no claim."""
    found = against(run_of(OWN, YES, tls=BLIND), run_of(INSPECTION, YES, tls=OLD))
    assert (found.refuted, {change.control for change in found.unclaimed}) == ((), {"TLS"})
    assert found.holds is not False
    left_out = against(run_of(OWN, YES, baseline=FEWER), run_of(INSPECTION, YES, tls=OLD))
    assert (left_out.refuted, "TLS" in {change.control for change in left_out.unclaimed}) == ((), True)
    own, seen = kept(tmp_path / "own", run_of(OWN, YES, tls=BLIND)), kept(tmp_path / "seen", run_of(INSPECTION, YES, tls=OLD))
    done = clearance("compare", f"self:{own}", f"inspection:{seen}")
    assert done.returncode != 10, done.stdout
    assert "Fails, and the agency claimed nothing of it (1)" in done.stdout
    assert done.stdout.endswith("! 1 finding of which it claimed nothing fails\n")


def test_what_is_no_bundle_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "permit.yaml").write_text("decision: 1/QD\n")
    own = kept(tmp_path / "own", run_of(OWN, YES))
    for words in (("compare", f"self:{tmp_path}/permit.yaml", f"inspection:{own}"), ("diff", own, tmp_path / "permit.yaml")):
        done = clearance(*words)
        assert (done.returncode, f"{tmp_path}/permit.yaml: not a bundle" in done.stderr) == (12, True), done.stderr


@pytest.mark.parametrize(
    ("claim", "inspector", "contradicted"),
    [
        (Answer.YES, Answer.NO, True),
        (Answer.YES, Answer.PARTLY, True),
        (Answer.NOT_APPLICABLE, Answer.NO, True),
        (Answer.YES, Answer.YES, False),
        (Answer.NO, Answer.NO, False),
        (Answer.PARTLY, Answer.NO, False),
    ],
)
def test_a_good_answer_is_contradicted_by_a_worse_one(claim: Answer, inspector: Answer, contradicted: bool) -> None:
    found = against(run_of(OWN, answer("NET-09", claim)), run_of(INSPECTION, answer("NET-09", inspector, "66" * 32, "dung")))
    assert [one.control for one in found.contradicted] == (["NET-09"] if contradicted else [])
    if contradicted:
        assert found.holds is False
        assert found.contradicted[0].inspector is not None
        assert (found.contradicted[0].claimed.by, found.contradicted[0].inspector.by) == ("an", "dung")
        assert (found.contradicted[0].claimed.document, found.contradicted[0].inspector.document) == ("55" * 32, "66" * 32)


@pytest.mark.parametrize(("says", "contradicted"), [(None, False), (Answer.YES, False), (Answer.NO, True)])
def test_an_answer_to_what_the_inspection_does_not_ask_is_contradicted_by_another_answer_alone(
    says: Answer | None, contradicted: bool
) -> None:
    inspector = () if says is None else (answer("TLS", says, by="dung"),)
    found = against(run_of(OWN, YES, answer("TLS"), baseline=BOTH), run_of(INSPECTION, YES, *inspector))
    assert [one.control for one in found.contradicted] == (["TLS"] if contradicted else [])
    assert all(one.failing == () for one in found.contradicted)


def test_a_yes_is_contradicted_by_what_was_seen() -> None:
    found = against(run_of(OWN, YES, answer("TLS"), baseline=BOTH), run_of(INSPECTION, YES, baseline=BOTH, tls=OLD))
    assert [(one.control, one.inspector, [finding.subject for finding in one.failing]) for one in found.contradicted] == [
        ("TLS", None, ["web1:443"])
    ]


def test_a_claim_that_the_inspection_never_asked_after_is_not_confirmed() -> None:
    found = against(run_of(OWN, YES), run_of(INSPECTION, YES, baseline=FEWER))
    assert (found.holds, found.refuted, found.contradicted) == (None, (), ())
    assert [(one.control, one.subject) for one in found.not_inspected] == [("TLS", "web1:443")]
    bad = against(run_of(OWN, YES, tls=OLD), run_of(INSPECTION, YES, baseline=FEWER))
    assert bad.not_inspected == ()  # what the agency itself told of as failing is no claim


def test_another_document_is_told_and_is_another_diagram() -> None:
    found = against(run_of(OWN, YES), run_of(INSPECTION, answer("NET-09", document="66" * 32)))
    assert found.other_documents == ("NET-09",)
    assert [(one.name, one.what) for one in found.system.drifted if one.before] == [("document", What.CHANGED)]


def test_hosts_and_endpoints_of_one_and_not_of_the_other_are_told_and_another_machine_is() -> None:
    more = scope((443, Speaks.HTTPS), (80, Speaks.HTTP))
    added = more.model_copy(update={"hosts": (*more.hosts, Host(id="web2", address="192.0.2.9"))})
    found = against(run_of(OWN, YES), run_of(INSPECTION, YES, of=added, peer_certificate=peer(spki_sha256="88" * 32)))
    told = {(one.subject, one.what) for one in found.system.drifted}
    assert told >= {("web1:80", What.ADDED), ("web2", What.ADDED), ("web1:443", What.CHANGED)}
    assert found.holds is False
    fewer = against(run_of(OWN, YES, of=added), run_of(INSPECTION, YES))
    assert {(one.subject, one.what) for one in fewer.system.drifted} >= {("web1:80", What.GONE), ("web2", What.GONE)}


def kept(folder: Path, files: dict[str, bytes]) -> Path:
    run = store.Run(folder)
    for path, data in files.items():
        run.write(path, data)
    return folder


def test_runs_and_bundles_are_compared_and_the_exit_status_says_whether_claims_hold(tmp_path: Path) -> None:
    own = kept(tmp_path / "own", run_of(OWN, YES, answer("TLS"), baseline=BOTH))
    (tmp_path / "seen.bundle").write_bytes(packed(run_of(INSPECTION, YES, baseline=BOTH, tls=OLD)))
    done = clearance("compare", f"self:{own}", f"inspection:{tmp_path / 'seen.bundle'}")
    assert done.returncode == 10, done.stdout + done.stderr
    for words in (
        "TLS: yes (an), in the inspection: nobody was asked",
        "✗ tls-minimum-version @ web1:443",
        "Fails, and the agency found it in order (1)",
        "✗ what the agency claimed does not hold",
    ):
        assert words in done.stdout, done.stdout
    blind = kept(tmp_path / "blind", run_of(INSPECTION, YES, baseline=BOTH, tls=BLIND))
    assert clearance("compare", f"self:{own}", f"inspection:{blind}").returncode == 11
    less = kept(tmp_path / "less", run_of(INSPECTION, YES, baseline=FEWER))
    done = clearance("compare", f"self:{own}", f"inspection:{less}")
    assert (done.returncode, "  ? TLS tls-minimum-version @ web1:443" in done.stdout) == (11, True), done.stdout + done.stderr
    same = kept(tmp_path / "same", run_of(INSPECTION, YES, answer("TLS"), baseline=BOTH))
    done = clearance("compare", f"self:{own}", f"inspection:{same}", "--format", "json")
    assert (done.returncode, printed("compare", done.stdout)["holds"]) == (0, True), done.stderr


def test_the_wrong_runs_are_refused_with_what_to_do(tmp_path: Path) -> None:
    own, seen = (kept(tmp_path / kind, run_of(kind, YES)) for kind in (OWN, INSPECTION))
    other = SCOPE.model_copy(update={"system": SCOPE.system.model_copy(update={"id": "S2"})})
    strange = kept(tmp_path / "strange", run_of(INSPECTION, YES, of=other))
    forged = tmp_path / "forged.bundle"
    forged.write_bytes(packed({**run_of(INSPECTION, YES), store.BASELINE: LAW + b"#"}))
    for words, status, complaint in (
        ((f"self:{own}", f"inspection:{own}"), 2, "clearance diff"),
        ((f"self:{seen}", f"inspection:{seen}"), 2, "a self-check belongs here"),
        ((f"self:{own}", f"inspection:{strange}"), 2, "name two runs of one system"),
        ((f"{own}", f"inspection:{seen}"), 2, "write self:RUN"),
        ((f"inspection:{seen}", f"self:{own}"), 2, "write self:RUN"),
        ((f"self:{own}", "inspection:"), 2, "write inspection:RUN"),
        ((f"self:{own}", f"inspection:{forged}"), 12, "not what its manifest says"),
    ):
        done = clearance("compare", *words)
        assert (done.returncode, complaint in done.stderr, done.stdout) == (status, True, ""), (words, done.stderr)


def test_diff_reads_bundles_too(tmp_path: Path) -> None:
    for name, seen in (("before", tls()), ("after", OLD)):
        (tmp_path / name).write_bytes(packed(run_of(INSPECTION, YES, tls=seen)))
    done = clearance("diff", tmp_path / "before", tmp_path / "after")
    assert (done.returncode, "TLS [major] tls-minimum-version @ web1:443: pass > fail" in done.stdout) == (10, True), done.stderr
