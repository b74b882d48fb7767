"""A clock that ran backwards is refused before anything is judged or signed by it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certification.refusals import Code
from scanner.cli import clock
from tests.certification.stage import refused
from tests.scanner.test_changes import ROOT

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLEARANCE_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(clock, "_seen", None)
    return tmp_path / "state" / "clock"


def again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a new process would begin."""
    monkeypatch.setattr(clock, "_seen", None)


def test_what_was_seen_last_is_kept_for_the_next_command(mark: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock.steady(NOON) == NOON
    assert mark.read_text() == "2026-11-26T12:00:00Z\n"
    assert mark.stat().st_mode & 0o777 == 0o600
    again(monkeypatch)
    assert clock.steady(NOON - timedelta(minutes=5)) == NOON - timedelta(minutes=5)
    with refused(Code.CLOCK_BACKWARDS) as told:
        clock.steady(NOON - timedelta(minutes=5, seconds=1))
    assert str(mark) in str(told.value)
    assert mark.read_text() == "2026-11-26T12:00:00Z\n"
    clock.steady(NOON + timedelta(hours=1))
    assert mark.read_text() == "2026-11-26T13:00:00Z\n"
    with refused(Code.CLOCK_BACKWARDS):
        clock.steady(NOON)


@pytest.mark.parametrize("text", ["", "yesterday", "\xff" * 100, "2026-11-26T12:00:00+07:00"])
def test_a_mark_nobody_can_read_is_written_anew(mark: Path, text: str) -> None:
    mark.parent.mkdir()
    mark.write_text(text, "latin-1")
    assert clock.steady(NOON) == NOON
    assert mark.read_text() == "2026-11-26T12:00:00Z\n"


def test_where_no_mark_can_be_kept_none_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again(monkeypatch)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLEARANCE_STATE", str(tmp_path / "file" / "state"))
    assert clock.steady(NOON) == NOON


def test_a_command_under_a_clock_set_back_ends_as_a_trust_failure(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text(f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}\n")
    environment = {**os.environ, "CLEARANCE_STATE": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scanner.cli", "permit", "--help"]
    assert subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False).returncode == 0
    command[3:] = ["trust", "show", str(ROOT / "README.md")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "clock-backwards" in done.stderr) == (12, True), done.stderr
