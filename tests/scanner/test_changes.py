"""What changed between two judgements: each pair of outcomes has its word, and nothing that got worse is quiet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import store
from scanner.advisories import FeedKind
from scanner.assessment import Assessment, ControlClass
from scanner.changes import LOUD, Change, Turn, compared
from scanner.cli.changes import line
from scanner.findings import Finding, Outcome, finding_id, said
from scanner.i18n import speaking
from scanner.judge import judge
from scanner.order import Feed
from scanner.specimens import AT
from scanner.store import Run
from tests.printed import printed
from tests.scanner.patching.hosts import fix, slice_of
from tests.scanner.patching.test_judging import CHECKS, HOST, OFFERS, files

ROOT = Path(__file__).resolve().parents[2]
BASE = judge(files(slice_of(*OFFERS, fix("curl", "7.88-1"), asked=HOST)), CHECKS, ())
CONTROLS = {control.id: control.classed for control in BASE.controls}
PASS, FAIL, NOT, UNSEEN, ERROR = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.NOT_APPLICABLE,
    Outcome.NOT_CHECKED,
    Outcome.ERROR,
)


def finding(outcome: Outcome, subject: str = "web1", control: str = "PAT-01-OVERDUE", seen: str = "seen") -> Finding:
    check = "patches-no-overdue"
    return Finding(
        id=finding_id(control, check, subject),
        control=control,
        check=check,
        subject=subject,
        outcome=outcome,
        seen=said("{what}", what=seen),
        confidence=None,
        evidence=None,
    )


def judged(*findings: Finding, **changes: Any) -> Assessment:
    return BASE.model_copy(update={"findings": findings, **changes})


@pytest.mark.parametrize(
    ("was", "now", "turn"),
    [
        (PASS, FAIL, Turn.WORSE),
        (NOT, FAIL, Turn.WORSE),
        (UNSEEN, FAIL, Turn.WORSE),
        (ERROR, FAIL, Turn.WORSE),
        (None, FAIL, Turn.NEW),
        (None, UNSEEN, Turn.NEW),
        (PASS, UNSEEN, Turn.NO_LONGER_ASSESSED),
        (FAIL, UNSEEN, Turn.NO_LONGER_ASSESSED),
        (NOT, ERROR, Turn.NO_LONGER_ASSESSED),
        (FAIL, None, Turn.GONE),
        (UNSEEN, None, Turn.GONE),
        (FAIL, FAIL, Turn.STILL_OPEN),
        (UNSEEN, ERROR, Turn.STILL_NOT_ASSESSED),
        (FAIL, PASS, Turn.FIXED),
        (FAIL, NOT, Turn.FIXED),
        (UNSEEN, PASS, Turn.BETTER),
        (ERROR, NOT, Turn.BETTER),
        (PASS, PASS, None),
        (NOT, PASS, None),
        (PASS, NOT, None),
        (None, PASS, None),
        (None, NOT, None),
        (PASS, None, None),
    ],
)
def test_each_pair_of_outcomes_has_its_word(was: Outcome | None, now: Outcome | None, turn: Turn | None) -> None:
    before, after = (judged(*([finding(outcome)] if outcome else [])) for outcome in (was, now))
    found = compared(before, after)
    assert [change.turn for change in found.changes] == ([turn] if turn else [])
    assert [(change.before, change.after) for change in found.changes] == ([(was, now)] if turn else [])
    assert found.is_worse is (turn in LOUD)


def test_advice_that_is_not_followed_makes_nothing_worse() -> None:
    advice = next(control for control, classed in CONTROLS.items() if not classed.mandatory)
    found = compared(judged(finding(PASS, control=advice)), judged(finding(FAIL, control=advice)))
    assert ([change.turn for change in found.changes], found.is_worse) == ([Turn.WORSE], False)


def test_what_differs_in_how_it_was_judged_is_told_first() -> None:
    other = BASE.baseline.model_copy(update={"sha256": "11" * 32})
    found = compared(judged(finding(PASS)), judged(finding(PASS, "web2"), baseline=other))
    assert (found.other_baseline, found.other_checks) == (True, False)
    assert (found.subjects_gone, found.subjects_new) == (("web1",), ("web2",))


def test_reasons_and_feeds_that_differ_are_told() -> None:
    fewer = BASE.model_copy(update={"reasons": BASE.reasons[1:]})
    first = BASE.reasons[0]
    assert (compared(BASE, fewer).reasons_gone, compared(BASE, fewer).reasons_new) == ((first,), ())
    assert (compared(fewer, BASE).reasons_gone, compared(fewer, BASE).reasons_new) == ((), (first,))
    feeds = (Feed(name="a", kind=FeedKind.VENDOR, sha256="11" * 32, dated=AT),)
    assert [compared(BASE, BASE, given).other_feeds for given in ((feeds, feeds), (feeds, ()), ((), ()))] == [False, True, False]


def test_what_is_still_open_tells_also_what_it_was() -> None:
    found = compared(judged(finding(FAIL, seen="one thing")), judged(finding(FAIL, seen="two things")))
    assert line(found.changes[0]).endswith("two things  (was: one thing)")
    same = compared(judged(finding(FAIL)), judged(finding(FAIL)))
    assert "was" not in line(same.changes[0])


OUTCOMES = st.sampled_from(list(Outcome))
SETS = st.dictionaries(st.sampled_from(["web1", "web2", "web3"]), OUTCOMES)


@settings(max_examples=150, deadline=None)
@given(SETS, SETS)
def test_nothing_that_fails_or_is_not_assessed_now_is_left_out(was: dict[str, Outcome], now: dict[str, Outcome]) -> None:
    before, after = (judged(*(finding(outcome, name) for name, outcome in found.items())) for found in (was, now))
    found = compared(before, after)
    told = {change.subject: change.turn for change in found.changes}
    assert {name for name, outcome in now.items() if outcome in (FAIL, UNSEEN, ERROR)} <= set(told)
    assert {name for name, outcome in was.items() if outcome in (FAIL, UNSEEN, ERROR)} <= set(told)
    assert not compared(after, after).is_worse
    assert compared(before, after).written() == found.written()


def clearance(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scanner.cli", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)


def on_disk(folder: Path, given: dict[str, bytes]) -> Path:
    """A run folder with these files, judged by this installation."""
    run = Run(folder)
    for path, data in given.items():
        run.write(path, data)
    run.write_manifest()
    done = clearance("evaluate", folder)
    assert (folder / store.ASSESSMENT).is_file(), done.stderr
    return folder


def test_two_runs_on_disk_are_compared_and_a_run_that_got_worse_exits_by_it(tmp_path: Path) -> None:
    clean = on_disk(tmp_path / "before", files(slice_of(*OFFERS, fix("curl", "7.88-1"), asked=HOST)))
    lacking = on_disk(tmp_path / "after", files(slice_of(*OFFERS, fix("curl", "7.88-2", since=None), asked=HOST)))
    done = clearance("diff", clean, lacking)
    assert done.returncode == 10, done.stderr
    assert "fails now, and did not before (1)" in done.stdout
    assert (
        "PAT-01-OVERDUE [major] patches-no-overdue @ web1: pass > fail  overdue upgrades (1): curl 7.88-1 to 7.88-2"
        in done.stdout
    )
    done = clearance("diff", lacking, clean)
    assert done.returncode == 0, done.stderr
    assert "fixed (1)" in done.stdout
    told = printed("diff", clearance("diff", lacking, clean, "--format", "json").stdout)
    assert {change["turn"] for change in told["changes"]} >= {"fixed", "still-not-assessed"}
    assert clearance("diff", clean, clean).returncode == 0


def test_a_run_that_is_not_judged_or_was_changed_since_is_refused(tmp_path: Path) -> None:
    clean = on_disk(tmp_path / "run", files(slice_of(*OFFERS, asked=HOST)))
    (clean / "observations" / "host" / "web1.json").write_bytes(b"{}")
    assert clearance("diff", clean, clean).returncode == 12
    (clean / store.ASSESSMENT).unlink()
    done = clearance("diff", clean, clean)
    assert (done.returncode, "run `clearance evaluate" in done.stderr) == (2, True)


def test_outcomes_are_told_in_the_language_chosen() -> None:
    told: dict[str, Any] = {
        "control": "C",
        "classed": ControlClass.MAJOR,
        "check": "k",
        "subject": "web1",
        "seen_before": None,
        "seen_after": None,
    }
    found = Change(turn=Turn.WORSE, before=Outcome.PASS, after=Outcome.FAIL, **told)
    with speaking("vi"):
        assert "đạt > không đạt" in line(found)
        assert "chưa kiểm tra" in line(found.model_copy(update={"after": Outcome.NOT_CHECKED}))
