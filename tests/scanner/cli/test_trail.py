"""Who ran which command on a run is kept beside it, and nothing else of what they typed."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.cli.trail import note, trail
from scanner.store import JOURNAL, ORDER, Run, packed
from tests.scanner.cli.test_rechecking import Web, desk, id_of, web
from tests.scanner.test_changes import ROOT, clearance

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


def inside(folder: Path, *words: str | Path) -> int:
    """The exit status of a command that was started in this folder."""
    command = [sys.executable, "-m", "scanner.cli", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False, cwd=folder).returncode


def test_a_run_whose_folder_nobody_typed_keeps_who_made_it(desk: Path, web: Web, tmp_path: Path) -> None:
    web.redirects = False
    words = ("--permit", desk / "permit.yaml", "--baseline", desk / "law.yaml", "--ports", str(web.port))
    assert inside(tmp_path, "scan", desk / "scope.yaml", *words) == 0
    (run,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    assert [(who, verb, status) for _at, who, verb, status in trail(run)] == [(getpass.getuser(), "scan", 0)]
    (tmp_path / "clearance.toml").write_text(
        f'scope = "{desk / "scope.yaml"}"\npermit = "{desk / "permit.yaml"}"\nbaseline = "{desk / "law.yaml"}"\n'
        f'ports = "{web.port}"\nruns = "nights"\n',
        "utf-8",
    )
    assert inside(tmp_path, "--quiet", "check") == 10
    (night,) = (path for path in (tmp_path / "nights").iterdir() if path.is_dir())
    assert [(verb, status) for _at, _who, verb, status in trail(night)] == [("check", 10)]
    assert "check  10" in clearance("runs", "show", night).stdout


def test_looking_again_is_kept_in_both_runs_and_once_in_each(desk: Path, web: Web, tmp_path: Path) -> None:
    web.redirects = False
    again, before = tmp_path / "again", len(trail(desk / "run"))
    finding = id_of(desk, "http-redirects-to-https")
    done = clearance("recheck", desk / "run", "--finding", finding, "--permit", desk / "permit.yaml", "--out", again)
    assert done.returncode == 10, done.stderr
    assert [(verb, status) for _at, _who, verb, status in trail(again)] == [("recheck", 10)]
    assert [(verb, status) for _at, _who, verb, status in trail(desk / "run")[before:]] == [("recheck", 10)]
