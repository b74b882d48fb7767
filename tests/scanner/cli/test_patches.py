"""From feeds and a login to a real SSH server to findings about patches: what an agency sees that checks itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scanner.assessment import Assessment
from scanner.record import sha256
from tests.scanner.cli.test_doctor import desk
from tests.scanner.feeds.editions import kev, tracker, written
from tests.scanner.probes import login_hosts
from tests.scanner.probes.login_hosts import Premises

ROOT = Path(__file__).resolve().parents[3]
HELD, FIXED = "1:9.2p1-2+deb12u7", "1:9.2p1-2+deb12u10"
"""The version of openssh-server that the server's own package list names, and the one that mends it."""
RELEASES = """version,codename,series,created,release,eol,eol-lts,eol-elts
12,Bookworm,bookworm,2021-08-14,2023-06-10,2020-01-01,2039-06-30,2040-06-30
"""


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with login_hosts.premises(tmp_path_factory.mktemp("premises")) as found:
        yield found


def clearance(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "scanner.cli", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def findings(folder: Path) -> dict[str, dict[str, Any]]:
    assessed = json.loads((folder / "run" / "assessment.json").read_text())
    return {one["check"]: one for one in assessed["findings"] if one["subject"] == "app1"}


def shown(finding: dict[str, Any]) -> str:
    return str(finding["seen"]["text"]).format(**{one["name"]: one["value"] for one in finding["seen"]["values"]})


def test_an_agency_learns_which_fixes_its_host_lacks_and_since_when(tmp_path: Path, premises: Premises) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    folder = desk(tmp_path, premises)
    day = now - timedelta(days=40)
    advisory = (
        f"[{day:%d %b %Y}] DSA-9000-1 openssh - security update\n\t{{CVE-2026-1000}}\n\t[bookworm] - openssh-server {FIXED}\n"
    )
    feeds = [
        written(folder / "tracker.json", tracker({"openssh-server": FIXED, "zsh": "9-9"})),
        written(folder / "list", advisory),
        written(folder / "kev.json", kev(f"{now - timedelta(days=1):%Y-%m-%d}", ["CVE-2026-1000"])),
        written(folder / "debian.csv", RELEASES),
    ]
    dated = [word for file in (feeds[0], feeds[3]) for word in ("--dated", f"{file.name}={now:%Y-%m-%dT%H:%M:%SZ}")]
    done = clearance(folder, "feeds", "import", *(file.name for file in feeds), *dated)
    assert done.returncode == 0, done.stderr
    words = ("--permit", "permit.yaml", "--out", "run", "--feeds", "feeds.sqlite", "--timeout", "20", "--ports", "9")
    assert clearance(folder, "scan", "scope.yaml", *words).returncode == 0
    assert clearance(folder, "evaluate", "run").returncode == 10  # a known-exploited flaw fails a gate
    found = findings(folder)
    overdue = found["patches-no-overdue"]
    assert overdue["outcome"] == "fail"
    # KEV's own date lies before the fix; 14 days after the fix came out it is overdue
    assert shown(overdue) == f"overdue upgrades (1): openssh-server {HELD} to {FIXED} (1 CVE, 1 known exploited, overdue 26 days)"
    assert found["patches-no-exploited"]["outcome"] == "fail"
    supported = found["patches-release-supported"]
    assert (supported["outcome"], "2039-06-30" in shown(supported)) == ("pass", True)
    for check in ("patches-known-origin", "patches-no-pending-updates"):
        assert (found[check]["outcome"], "repositories" in shown(found[check])) == ("notchecked", True)  # no list was given
    report = clearance(folder, "report", "run")
    assert report.returncode in (0, 10), report.stderr
    cut = folder / "run" / "inputs" / "advisories.json"
    told = Assessment.read((folder / "run" / "assessment.json").read_bytes())
    assert sha256(cut.read_bytes()) in {entry.sha256 for entry in told.evidence}
    cut.write_bytes(cut.read_bytes().replace(b"CVE-2026-1000", b"CVE-2026-1001"))
    refused = clearance(folder, "report", "run")
    assert refused.returncode == 12, refused.stderr
