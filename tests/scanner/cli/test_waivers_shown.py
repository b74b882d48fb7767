"""Waivers are shown in every output, each with its expiry: those that hold, and those that cover nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from scanner.attestations import Answer, Attestation
from scanner.baseline import load
from scanner.record import sha256
from scanner.registry import load_checks
from scanner.specimens import AT
from scanner.store import BASELINE, DEVIATIONS, Run
from scanner.targets import Speaks
from tests.checks.test_verdicts_of_the_baselines import order, scope
from tests.scanner.cli.in_process import clearance
from tests.scanner.cli.test_answers import LAB

JUDGED = AT + timedelta(hours=1)


def waiver(name: str, control: str, subject: str, expires: datetime) -> dict[str, str]:
    return {
        "id": name,
        "control": control,
        "subject": subject,
        "reason": "r",
        "compensating_measure": "m",
        "requester": "a.b",
        "approver": "c.d",
        "issued": (AT - timedelta(days=30)).isoformat(),
        "expires": expires.isoformat(),
    }


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A run with two majors answered no: for D7 a waiver that holds for a second more, for D8 one that just expired; and one for nothing."""
    waivers = [
        waiver("W-HOLDS", "D7", "agency", JUDGED + timedelta(seconds=1)),
        waiver("W-EXPIRED", "D8", "agency", JUDGED),
        waiver("W-NOTHING", "TLS-STRENGTH", "web1:443", JUDGED + timedelta(days=9)),
    ]
    deviations = json.dumps({"waivers": waivers}).encode()
    bound = load(LAB, "lab-baseline.yaml", load_checks())
    placed = order(bound, scope((443, Speaks.HTTPS)))
    placed = placed.model_copy(update={"deviations": sha256(deviations)})
    run = Run.create(tmp_path / "run", placed, {BASELINE: LAB, DEVIATIONS: deviations})
    for control in ("D7", "D8"):
        no = Attestation(
            control=control, answer=Answer.NO, document=None, dated=AT, reason="r", by="a.b", role="Head", answered_at=AT
        )
        run.write(f"attestations/{control}.json", no.written())
    run.write_manifest()
    return tmp_path


def test_an_expired_waivers_finding_counts_again_and_a_valid_one_holds(desk: Path) -> None:
    clearance("evaluate", "run", folder=desk)
    assessment = json.loads((desk / "run" / "assessment.json").read_bytes())
    statuses = {control["id"]: control["status"] for control in assessment["controls"]}
    assert (statuses["D7"], statuses["D8"]) == ("waived", "not-satisfied")
    codes = {reason["control"]: reason["code"] for reason in assessment["reasons"] if reason["control"] in ("D7", "D8")}
    assert codes == {"D7": "control-waived", "D8": "control-not-satisfied"}


def test_every_output_shows_what_is_waived_until_when_and_what_covers_nothing(desk: Path) -> None:
    ends, later = f"{JUDGED:%Y-%m-%d %H:%M} UTC", f"{JUDGED + timedelta(days=9):%Y-%m-%d %H:%M} UTC"
    done = clearance("evaluate", "run", folder=desk)
    nothing = (f"W-EXPIRED (D8 at agency, until {ends})", f"W-NOTHING (TLS-STRENGTH at web1:443, until {later})")
    assert f"! condition: D7 at agency by {ends} (W-HOLDS)" in done.stderr
    for line in nothing:
        assert f"! waiver that covers nothing: {line}" in done.stderr
    page = clearance("report", "run", "--out", "-", folder=desk).stdout
    for text in ("W-HOLDS", ends, *nothing):
        assert text in page, text
    data = json.loads(clearance("report", "run", "--format", "json", "--out", "-", folder=desk).stdout)
    assert data["unmatched_waivers"] == ["W-EXPIRED", "W-NOTHING"]
    assert [(found["waiver"], found["due"]) for found in data["conditions"]] == [
        ("W-HOLDS", f"{JUDGED + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}")
    ]
