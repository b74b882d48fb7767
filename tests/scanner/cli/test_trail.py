"""Who ran which command on a run is kept beside it, and nothing else of what they typed."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from scanner.cli.trail import note, trail
from scanner.store import JOURNAL, ORDER, Run, packed
from tests.scanner.cli.test_rechecking import Web, desk, web
from tests.scanner.test_changes import clearance

__all__ = ["Web", "desk", "web"]


def test_each_command_on_a_scanned_run_is_kept_with_who_and_how_it_ended(desk: Path, tmp_path: Path) -> None:
    run, before = desk / "run", (desk / "run" / "order.json").read_bytes()
    assert [(verb, status) for _at, _who, verb, status in trail(run)] == [("scan", 0), ("evaluate", 10)]
    clearance("keys", "new", tmp_path / "k.pem", "--unencrypted")
    clearance("seal", run, "--signer", f"file:{tmp_path / 'k.pem'}", "--out", tmp_path / "b")
    clearance("report", run, "--out", tmp_path / "r.html")
    clearance("evaluate", "--under", desk / "law.yaml", run)
    rows = trail(run)
    assert [(verb, status) for _at, _who, verb, status in rows] == [("scan", 0), ("evaluate", 10), ("seal", 0), ("report", 0)]
    assert {who for _at, who, _verb, _status in rows} == {getpass.getuser()}
    assert (run / "order.json").read_bytes() == before
    assert not any(path.startswith(JOURNAL) for path in Run(run).files())
    assert b"k.pem" not in (run / JOURNAL).read_bytes()
    assert packed(Run(run).files())


def test_a_run_without_a_journal_keeps_none(tmp_path: Path) -> None:
    assert trail(tmp_path) == []


def test_a_run_that_a_command_was_only_started_in_keeps_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, other = tmp_path / "here", tmp_path / "other"
    for folder in (here, other):
        folder.mkdir()
        (folder / ORDER).write_bytes(b"{}")
        (folder / JOURNAL).touch()
    monkeypatch.chdir(here)
    note(["--quiet", "report", str(other), "--out", "r.html", "--lang=vi"], 0)
    assert trail(here) == []
    assert [(verb, status) for _at, _who, verb, status in trail(other)] == [("report", 0)]
    note(["report", "."], 0)
    assert [verb for _at, _who, verb, _status in trail(here)] == ["report"]
