"""A scan whose time is over ends in order: what was left shows as not assessed, nothing passes by it, and the run goes on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.assessment import Assessment, Decision
from scanner.findings import Outcome
from scanner.store import ASSESSMENT, MANIFEST, Run, sightings
from tests.scanner.cli.test_bad_input import ADDRESS, BASELINE, clearance, write_permit, write_scope

LOOK = (
    "--permit",
    "permit.yaml",
    "--baseline",
    str(BASELINE),
    "--out",
    "run",
    "--rate",
    "gentle",
    "--timeout",
    "1",
    "--ports",
    "9",
)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Path]:
    """A folder with a scope and a permit for one endpoint that takes every connection and answers nothing."""
    with socket.create_server((ADDRESS, 0)) as silent:
        write_scope(tmp_path, port=silent.getsockname()[1])
        write_permit(tmp_path)
        yield tmp_path


def test_a_scan_out_of_time_says_what_is_left_and_goes_on(slow: Path) -> None:
    done = clearance("scan", "scope.yaml", *LOOK, "--run-deadline", "1", folder=slow)
    assert done.returncode == 130, done.stderr
    assert "the time allowed is over" in done.stderr and "clearance scan --resume --out run" in done.stderr
    run = Run.opened(slow / "run")
    left = set(run.order.plan) - set(sightings(run.files()))
    assert left and (slow / "run" / MANIFEST).is_file()
    assert clearance("evaluate", "run", folder=slow).returncode == 11
    judged = Assessment.read((slow / "run" / ASSESSMENT).read_bytes())
    assert judged.decision is Decision.INCOMPLETE
    unseen = {(sight.subject, sight.kind) for sight in left}
    told = [finding for finding in judged.findings if finding.seen.text == "no probe ran"]
    assert unseen and told and {finding.outcome for finding in told} == {Outcome.NOT_CHECKED}
    again = clearance("scan", "--resume", "--out", "run", "--timeout", "0.5", "--deadline", "3", "--ports", "9", folder=slow)
    assert again.returncode in (0, 14), again.stderr
    assert set(sightings(run.files())) == set(run.order.plan)


def test_a_check_out_of_time_reports_what_it_has(slow: Path) -> None:
    done = clearance("check", "scope.yaml", *LOOK, "--host-deadline", "1", folder=slow)
    assert done.returncode in (11, 14), done.stderr
    assert "the time allowed is over" in done.stderr
    assert (slow / "run" / ASSESSMENT).is_file()
