"""`--fail-on` makes an exit status stricter and never looser, and changes neither the decision, nor the assessment, nor the verdict line."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scanner.baseline import load
from scanner.observations import Observation, Reason, Unobserved
from scanner.record import sha256
from scanner.specimens import AT, http, tls
from scanner.store import BASELINE, DEVIATIONS, Run
from scanner.targets import Speaks
from tests.checks.test_verdicts_of_the_baselines import order, scope, seen
from tests.scanner.cli.in_process import clearance, refused
from tests.scanner.cli.test_waivers_shown import waiver
from tests.scanner.test_judging import BAD_TLS, CHECKS, baseline_file, control

WEB = "web1:443"
DUE = AT + timedelta(days=9)
TALKS = http(headers={"server": "nginx/1.18.0"})
WAIVED = {"waivers": [waiver("W1", "MINOR", WEB, DUE)]}
PLANNED = {
    "remediations": [{"control": "MINOR", "subject": WEB, "owner": "a.b", "due": f"{DUE:%Y-%m-%dT%H:%M:%SZ}", "action": "x"}]
}
CONTROLS = [
    control("GATE", "gate"),
    control("MINOR", "minor", "http-no-version-disclosure"),
    control("ORDER", "advisory", "tls-server-order"),
    control("PORTS", "major", "exposure-only-declared"),
]
GOOD: dict[str, Any] = {}
DISORDERLY = {"tls": tls(prefers_own_order=False)}
UNORDERED = {"tls": tls(prefers_own_order=Unobserved(reason=Reason.TIMED_OUT))}
BAD = {"tls": BAD_TLS}
UNSEEN = {"http": Unobserved(reason=Reason.TIMED_OUT), **DISORDERLY}
COVERED = {"http": TALKS}


def kept(folder: Path, deviations: dict[str, Any] | None, changed: dict[str, Observation | Unobserved]) -> None:
    """A run in which everything was seen and was good, but for what is changed, judged by a gate, a minor and an advisory control."""
    data = baseline_file(CONTROLS)
    files = {BASELINE: data}
    placed = order(load(data, "test.yaml", CHECKS), scope((443, Speaks.HTTPS)))
    if deviations is not None:
        files[DEVIATIONS] = json.dumps(deviations).encode()
        placed = placed.model_copy(update={"deviations": sha256(files[DEVIATIONS])})
    run = Run.create(folder, placed, files)
    for sight, (sighting, _digest) in seen(placed, **changed).items():
        if sight in placed.plan:
            run.write_sighting(sighting)
    run.write_manifest()


@pytest.mark.parametrize(
    ("changed", "deviations", "decision", "statuses", "named"),
    [
        (GOOD, None, "authorise", (0, 0, 0), ()),
        (DISORDERLY, None, "authorise", (0, 10, 0), ("ORDER @ web1:443",)),
        (UNORDERED, None, "authorise", (0, 11, 0), ("ORDER @ web1:443",)),
        (COVERED, WAIVED, "authorise", (0, 0, 10), ("MINOR @ web1:443",)),
        (COVERED, PLANNED, "authorise", (0, 0, 10), ("MINOR @ web1:443",)),
        ({**COVERED, **DISORDERLY}, WAIVED, "authorise", (0, 10, 10), ("MINOR @ web1:443", "ORDER @ web1:443")),
        (BAD, None, "deny", (10, 10, 10), ()),
        (UNSEEN, None, "incomplete", (11, 11, 11), ()),
    ],
)
def test_an_exit_status_gets_stricter_and_never_looser(
    tmp_path: Path,
    changed: dict[str, Any],
    deviations: dict[str, Any] | None,
    decision: str,
    statuses: tuple[int, int, int],
    named: tuple[str, ...],
) -> None:
    kept(tmp_path / "run", deviations, changed)
    plain = clearance("evaluate", "run", folder=tmp_path)
    before = (tmp_path / "run" / "assessment.json").read_bytes()
    assert json.loads(before)["decision"] == decision
    assert plain.returncode == statuses[0], plain.stderr
    for words, status in zip(("advisory", "waived"), statuses[1:], strict=True):
        done = clearance("evaluate", "run", "--fail-on", words, folder=tmp_path)
        assert done.returncode == status, done.stderr
    both = clearance("evaluate", "run", "--fail-on", "advisory", "--fail-on", "waived", folder=tmp_path)
    assert both.returncode == max(statuses)
    assert both.stderr.startswith(plain.stderr)
    assert (tmp_path / "run" / "assessment.json").read_bytes() == before
    added = both.stderr.removeprefix(plain.stderr)
    assert ("by --fail-on, not by the decision" in added) == bool(named)
    assert all(place in added for place in named)
    quiet = [clearance("-q", "evaluate", "run", *more, folder=tmp_path) for more in ((), ("--fail-on", "waived"))]
    assert (quiet[0].stdout, quiet[0].stderr) == (quiet[1].stdout, quiet[1].stderr)


def test_what_it_does_not_go_with_is_refused(tmp_path: Path) -> None:
    kept(tmp_path / "run", None, GOOD)
    refused(clearance("evaluate", "run", "--fail-on", "deny", folder=tmp_path), 2, "--fail-on")
    done = clearance("evaluate", "run", "--under", "npdb-2026", "--fail-on", "waived", folder=tmp_path)
    refused(done, 2, "leave it or --under out")
    assert not (tmp_path / "run" / "assessment.json").exists()
