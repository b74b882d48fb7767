"""What another law would do to stored evidence: golden pairs of small baselines, and runs that stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scanner import store
from scanner.assessment import Decision
from scanner.baseline import load
from scanner.changes import Turn
from scanner.judge import judge
from scanner.observations import Sight, Sighting, TlsVersion
from scanner.order import Order
from scanner.record import sha256
from scanner.registry import code_digests, load_checks
from scanner.rejudging import Rejudged, placed_under, under, worst
from scanner.specimens import AT, SUITES, VANTAGE, tls
from scanner.store import StoreError, sighting_path
from scanner.targets import Speaks
from tests.checks.test_verdicts_of_the_baselines import GOOD, order, scope
from tests.printed import printed
from tests.scanner.test_changes import clearance

CHECKS = load_checks()
CODE = code_digests(CHECKS)
OLD_TLS = tls()
NEW_TLS = tls(accepts={TlsVersion.TLS_1_3: SUITES[TlsVersion.TLS_1_3]})
OPEN = ("PORTS", "advisory", "exposure-declared-answer", "{}", "[1, 2, 3, 4, 5]")


def law(name: str, *controls: tuple[str, str, str, str, str], begins: str = "2026-01-01", laboratory: bool = True) -> bytes:
    """A small baseline of these controls: id, class, check or `document`, parameters and levels."""
    lines = [
        f"id: {name}",
        'version: "1"',
        "regime: TEST",
        'title: {vi: "Thử", en: "Test"}',
        f"laboratory: {'true' if laboratory else 'false'}",
        f"effective: {{begins: {begins}T00:00:00+07:00}}",
        "evidence_max_age_days: {1: 365, 2: 365, 3: 365, 4: 365, 5: 365}",
        'headings: [{id: all, title: {vi: "Tất cả", en: "All"}}]',
        "controls:",
    ]
    for control, classed, check, parameters, levels in (*controls, OPEN):
        lines += [
            f"  - id: {control}",
            f'    title: {{vi: "{control}", en: "{control}"}}',
            "    heading: all",
            f"    class: {classed}",
            f"    levels: {levels}",
            f"    method: [{'document' if check == 'document' else 'network'}]",
            '    references: [{source: "test", clause: "1"}]',
        ]
        if check == "document":
            lines.append('    attestation: {document: {vi: "Tài liệu", en: "Document"}}')
        else:
            lines.append(f"    rules: [{{check: {check}, parameters: {parameters}}}]")
    return "\n".join(lines).encode() + b"\n"


ALL = "[1, 2, 3, 4, 5]"
LENIENT = law("lenient", ("TLS", "gate", "tls-minimum-version", "{minimum: TLS 1.2}", ALL))
STRICT = law("strict", ("TLS", "gate", "tls-minimum-version", "{minimum: TLS 1.3}", ALL))
WIDER = law(
    "wider",
    ("TLS", "gate", "tls-minimum-version", "{minimum: TLS 1.2}", ALL),
    ("HSTS", "major", "http-hsts", "{}", ALL),
)
PAPER = law("paper", ("TLS", "gate", "tls-minimum-version", "{minimum: TLS 1.2}", ALL), ("D1", "major", "document", "", ALL))
HIGHER = law("higher", ("TLS", "gate", "tls-minimum-version", "{minimum: TLS 1.3}", "[4, 5]"))
LATER = law("later", ("TLS", "gate", "tls-minimum-version", "{minimum: TLS 1.2}", ALL), begins="2030-01-01", laboratory=False)


def run_of(baseline: bytes, seen: Any = OLD_TLS) -> dict[str, bytes]:
    """A run of one web server ordered under this baseline, in which TLS was seen like this."""
    bound = load(baseline, "law", CHECKS)
    placed = order(bound, scope((443, Speaks.HTTPS)))
    files = {store.ORDER: placed.written(), store.BASELINE: baseline}
    for sight in placed.plan:
        result = seen if sight.kind == "tls" else GOOD[sight.kind]()
        sighting = Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=result)
        files[sighting_path(sight)] = sighting.written()
    return files


def rejudged(own: bytes, other: bytes, seen: Any = OLD_TLS) -> Rejudged:
    return under(run_of(own, seen), other, "other", CHECKS, CODE)


AUTHORISE, INCOMPLETE, DENY = Decision.AUTHORISE, Decision.INCOMPLETE, Decision.DENY


@pytest.mark.parametrize(
    ("own", "other", "before", "after", "turns", "unseen", "unanswered"),
    [
        (LENIENT, STRICT, AUTHORISE, DENY, {("TLS", Turn.WORSE)}, (), ()),
        (STRICT, LENIENT, DENY, AUTHORISE, {("TLS", Turn.FIXED)}, (), ()),
        (LENIENT, LENIENT, AUTHORISE, AUTHORISE, set(), (), ()),
        (LENIENT, WIDER, AUTHORISE, INCOMPLETE, {("HSTS", Turn.NEW)}, (("web1:443", "http"),), ()),
        (WIDER, LENIENT, AUTHORISE, AUTHORISE, set(), (), ()),
        (LENIENT, PAPER, AUTHORISE, INCOMPLETE, {("D1", Turn.NEW)}, (), ("D1",)),
        (LENIENT, HIGHER, AUTHORISE, INCOMPLETE, set(), (), ()),
        (LENIENT, LATER, AUTHORISE, AUTHORISE, set(), (), ()),
    ],
    ids=[
        "stricter",
        "looser",
        "the same",
        "wants more looked at",
        "wants less",
        "wants a document",
        "not of this level",
        "later",
    ],
)
def test_each_pair_of_laws_does_what_it_says(
    own: bytes,
    other: bytes,
    before: Decision,
    after: Decision,
    turns: set[tuple[str, Turn]],
    unseen: tuple[tuple[str, str], ...],
    unanswered: tuple[str, ...],
) -> None:
    found = rejudged(own, other)
    assert (found.comparison.before.decision, found.would_decide) == (before, after)
    assert {(change.control, change.turn) for change in found.comparison.changes} == turns
    assert tuple((sight.subject, sight.kind) for sight in found.never_looked_at) == unseen
    assert found.never_answered == unanswered
    assert found.is_worse is (before is AUTHORISE and (after is not AUTHORISE or found.calendar is not None))


def test_a_law_that_is_not_in_force_is_told_apart_from_what_it_would_decide() -> None:
    found = rejudged(LENIENT, LATER)
    assert found.calendar is not None
    assert "in force from 2030-01-01" in found.calendar.shown()
    assert (found.comparison.after.decision, found.would_decide) == (INCOMPLETE, AUTHORISE)
    assert rejudged(LENIENT, STRICT).calendar is None


def test_nobody_gets_as_much_under_a_law_that_is_not_in_force() -> None:
    assert rejudged(LENIENT, LATER).is_worse
    assert not rejudged(LATER, LATER).is_worse
    assert not rejudged(LATER, LENIENT).is_worse
    assert rejudged(LATER, STRICT).is_worse
    assert not rejudged(STRICT, LATER).is_worse


def test_a_run_that_gets_less_for_the_calendar_alone_is_counted(shelf: Path) -> None:
    (shelf / "later.yaml").write_bytes(LATER)
    done = clearance("evaluate", "--under", shelf / "later.yaml", shelf / "good", "--format", "json")
    (told,) = printed("evaluate", done.stdout)["runs"]
    assert (told["would_decide"], told["worse"]) == ("authorise", True)
    said = clearance("evaluate", "--under", shelf / "later.yaml", shelf / "good").stdout
    assert "✗" in said and "a decision under it would be incomplete" in said
    assert "1 of 1 run would get less" in said


def test_what_was_never_looked_at_is_not_checked_and_never_passes() -> None:
    found = rejudged(LENIENT, WIDER)
    change = next(change for change in found.comparison.changes if change.control == "HSTS")
    assert (change.after, change.seen_after and change.seen_after.shown()) == ("notchecked", "no probe ran")


def test_the_derived_order_differs_in_the_baseline_alone_and_carries_no_signature() -> None:
    files = {**run_of(LENIENT), store.SCAN_EVIDENCE: b"{}", store.EVALUATION: b"{}", store.MANIFEST: b"{}"}
    derived = placed_under(files, STRICT)
    was, now = (Order.read(found[store.ORDER]) for found in (files, derived))
    assert now == was.model_copy(update={"baseline": sha256(STRICT)})
    assert derived[store.BASELINE] == STRICT
    assert set(files) - set(derived) == {store.SCAN_EVIDENCE, store.EVALUATION, store.MANIFEST}


def test_evidence_that_does_not_belong_to_the_order_is_judged_by_no_law() -> None:
    stray = Sighting(sight=Sight(subject="web1:443", kind="http"), observed_at=AT, vantage=VANTAGE, result=GOOD["http"]())
    files = {**run_of(LENIENT), sighting_path(stray.sight): stray.written()}
    with pytest.raises(StoreError, match="was not planned"):
        under(files, WIDER, "wider", CHECKS, CODE)
    with pytest.raises(StoreError, match="digest differs"):
        under({**run_of(LENIENT), store.BASELINE: STRICT}, WIDER, "wider", CHECKS, CODE)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Two runs, of which one was judged, and two laws."""
    for name, seen in (("old", OLD_TLS), ("good", NEW_TLS)):
        run = store.Run(tmp_path / name)
        for path, data in run_of(LENIENT, seen).items():
            run.write(path, data)
        run.write_manifest()
    (tmp_path / "strict.yaml").write_bytes(STRICT)
    (tmp_path / "lenient.yaml").write_bytes(LENIENT)
    return tmp_path


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_runs_are_told_of_at_once_and_none_is_changed(shelf: Path) -> None:
    assert clearance("evaluate", shelf / "old").returncode == 0
    kept = everything(shelf)
    done = clearance("evaluate", "--under", shelf / "strict.yaml", shelf / "old", shelf / "good")
    assert done.returncode == 10, done.stderr
    assert f"✗ {shelf / 'old'} (R1, A1 S1): authorise under lenient, deny under strict" in done.stdout
    assert f"✓ {shelf / 'good'} (R1, A1 S1): authorise under lenient, authorise under strict" in done.stdout
    assert "TLS [gate] tls-minimum-version @ web1:443: pass > fail  accepts TLS 1.2" in done.stdout
    assert "1 of 2 runs would get less" in done.stdout
    assert everything(shelf) == kept
    assert clearance("evaluate", "--under", shelf / "strict.yaml", shelf / "good").returncode == 0


def test_a_broken_run_hides_no_other_and_is_not_passed_over(shelf: Path) -> None:
    (shelf / "old" / store.BASELINE).write_bytes(STRICT)
    done = clearance("evaluate", "--under", shelf / "strict.yaml", shelf / "old", shelf / "good", "--format", "json")
    assert done.returncode == 12, done.stderr
    told = printed("evaluate", done.stdout)
    assert [(Path(run["folder"]).name, run["would_decide"]) for run in told["runs"]] == [("good", "authorise")]
    assert [Path(run["folder"]).name for run in told["broken"]] == ["old"]
    assert "not what the manifest says" in done.stderr


@pytest.mark.parametrize(("code", "other_code"), [(CODE, False), ((), True)])
def test_the_decision_that_lies_in_a_run_and_whether_other_code_made_it_are_told(code: Any, other_code: bool) -> None:
    files = run_of(LENIENT)
    assessment = judge(files, CHECKS, code).model_copy(update={"decision": DENY})
    found = under({**files, store.ASSESSMENT: assessment.written()}, STRICT, "strict", CHECKS, CODE)
    assert (found.stored, found.other_code) == (DENY, other_code)
    unjudged = under(files, STRICT, "strict", CHECKS, CODE)
    assert (unjudged.stored, unjudged.other_code) == (None, False)


def test_of_several_runs_the_decision_that_grants_least_is_the_worst() -> None:
    ranked = [Decision.AUTHORISE, Decision.AUTHORISE_TRIAL, Decision.INCOMPLETE, Decision.DENY]
    assert set(ranked) == set(Decision)
    for number, decision in enumerate(ranked):
        assert {worst([other, decision]) for other in ranked[: number + 1]} == {decision}
    assert worst([]) is Decision.AUTHORISE


def test_a_stored_decision_by_other_code_is_told_beside(shelf: Path) -> None:
    run = store.Run(shelf / "old")
    assessment = judge(run.files(), CHECKS, ()).model_copy(update={"decision": DENY})
    run.write(store.ASSESSMENT, assessment.written())
    done = clearance("evaluate", "--under", shelf / "lenient.yaml", shelf / "old")
    assert "the run holds the decision deny" in done.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("old", "good"), "--under BASELINE"),
        (("old", "--under", "lenient.yaml", "--signer", "file:x.pem"), "leave --signer out"),
        (("old", "--under", "nothing.yaml"), "No such file"),
        ((), "Missing argument"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_what_to_do(shelf: Path, words: tuple[str, ...], complaint: str) -> None:
    names = ("old", "good", "lenient.yaml", "nothing.yaml")
    done = clearance("evaluate", *(str(shelf / word) if word in names else word for word in words))
    assert (done.returncode, complaint in done.stderr) == (2, True), done.stderr
