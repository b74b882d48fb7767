"""The example for cron and systemd timers: it runs, says how it went by its exit status, and its units are what systemd reads."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scanner.cli.test_bad_input import BASELINE, write_permit, write_scope

ROOT = Path(__file__).resolve().parent.parent
NIGHTLY = ROOT / "examples" / "nightly"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with settings whose only host is not reachable, and `clearance` on a path of its own."""
    folder = tmp_path / "srv"
    folder.mkdir()
    write_scope(folder)
    write_permit(folder)
    (folder / "clearance.toml").write_text(
        f'scope = "scope.yaml"\npermit = "permit.yaml"\nruns = "runs"\nbaseline = "{BASELINE}"\nports = "9"\ntimeout = 0.5\n',
        "utf-8",
    )
    program = tmp_path / "bin" / "clearance"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexport PYTHONPATH={ROOT}\nexec {sys.executable} -m scanner.cli "$@"\n')
    program.chmod(0o700)
    return folder


def night(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{folder.parent / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8", **more}
    command = [str(NIGHTLY / "clearance-nightly"), *(words or (str(folder),))]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_a_night_leaves_one_line_and_its_exit_status(place: Path) -> None:
    done = night(place)
    assert (done.returncode, done.stdout) == (14, "")
    assert "nothing could be reached" in done.stderr
    (line,) = (place / "nightly.log").read_text("utf-8").splitlines()
    assert "exit 14" in line
    assert "H47" in line  # the one verdict line of --quiet
    assert len([run for run in (place / "runs").iterdir() if run.is_dir()]) == 1
    (place / "scope.yaml").write_text("nonsense: true\n", "utf-8")
    again = night(place)
    assert again.returncode == 2
    assert "the check itself failed (exit 2)" in again.stderr
    assert len((place / "nightly.log").read_text("utf-8").splitlines()) == 2


def test_a_run_that_goes_takes_its_reports_with_it_and_no_others(place: Path) -> None:
    kept = place / "runs" / "R-20250101-000000-abcdef.html"
    kept.parent.mkdir()
    kept.write_text("of a run that was put elsewhere by hand")
    assert night(place, CLEARANCE_KEEP="1", CLEARANCE_DAYS="0").returncode == 14
    (first,) = (run for run in kept.parent.iterdir() if run.is_dir())
    further = first.with_name(f"{first.name}-2.html")
    further.write_text("a further file of that report")
    assert first.with_name(f"{first.name}.html").is_file()
    assert night(place, CLEARANCE_KEEP="1", CLEARANCE_DAYS="0").returncode == 14
    (second,) = (run for run in kept.parent.iterdir() if run.is_dir())
    assert second != first
    assert {page.name for page in kept.parent.glob("*.html")} == {kept.name, f"{second.name}.html"}


def test_its_own_words_are_in_the_language_of_the_folder(place: Path) -> None:
    with (place / "clearance.toml").open("a") as file:
        file.write('lang = "vi"\n')
    assert "không tới được máy nào" in night(place).stderr
    (place / "scope.yaml").write_text("nonsense: true\n", "utf-8")
    assert "chính việc kiểm tra bị lỗi (mã thoát 2): lỗi" in night(place).stderr


def test_what_is_wrong_with_the_call_has_a_documented_status(place: Path) -> None:
    for words in ((str(place), "more"), (str(place / "missing"),)):
        assert night(place, *words).returncode == 2
    bare = place.parent / "bare"
    bare.mkdir()
    for name in ("bash", "sed", "head", "env"):
        (bare / name).symlink_to(str(shutil.which(name)))
    done = night(place, PATH=str(bare))
    assert (done.returncode, done.stdout) == (2, "")
    assert "no 'clearance' is on the PATH" in done.stderr


def test_two_nights_do_not_meet(place: Path) -> None:
    with (place / ".nightly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = night(place)
    assert done.returncode == 13
    assert "still under way" in done.stderr
    assert not (place / "runs").exists()


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not on this machine")
    for name in ("clearance-nightly.service", "clearance-nightly.timer"):
        text = (NIGHTLY / name).read_text("utf-8").replace("/usr/local/bin/clearance-nightly", str(NIGHTLY / "clearance-nightly"))
        (tmp_path / name).write_text(text, "utf-8")
    command = [analyze, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if "clearance-nightly" in line]
    assert not ours
    path = re.search(r"^PATH=(.*)$", (NIGHTLY / "crontab").read_text("utf-8"), re.MULTILINE)
    assert path is not None
    assert f"\nEnvironment=PATH={path[1]}\n" in (NIGHTLY / "clearance-nightly.service").read_text("utf-8")
    when = "*-*-* 22:30:00"
    assert f"OnCalendar={when}" in (tmp_path / "clearance-nightly.timer").read_text("utf-8")
    assert subprocess.run([analyze, "calendar", when], capture_output=True, timeout=60, check=False).returncode == 0
