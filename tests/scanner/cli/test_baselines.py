"""The verbs about baselines, as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.printed import printed
from tests.scanner.cli.test_bad_input import BASELINE, ROOT, clearance

NATIONAL = ROOT / "checks" / "baselines" / "npdb-2026.yaml"


def test_a_change_is_told_under_its_control(tmp_path: Path) -> None:
    text = NATIONAL.read_text("utf-8")
    stricter = text.replace("parameters: {minimum: TLS 1.2}", "parameters: {minimum: TLS 1.3}", 1)
    assert stricter != text
    (tmp_path / "mine.yaml").write_text(stricter, encoding="utf-8")
    done = clearance("baseline", "diff", "npdb-2026", "mine.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    want = '\n\nNET-01\n  stricter: tls-minimum-version: minimum "TLS 1.2" became "TLS 1.3" (levels 3, 4, 5)\n'
    assert done.stdout.endswith(want)
    done = clearance("baseline", "diff", "npdb-2026", "mine.yaml", "--format", "json", folder=tmp_path)
    assert [change["turn"] for change in printed("baseline-diff", done.stdout)["changes"]] == ["stricter"]


def test_the_same_demands_the_same(tmp_path: Path) -> None:
    done = clearance("baseline", "diff", BASELINE, BASELINE, folder=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, ["They demand the same."])


def test_an_unknown_baseline_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    done = clearance("baseline", "diff", "npdb-2062", BASELINE, folder=tmp_path)
    assert done.returncode == 2
    assert "no baseline is called npdb-2062; name a file, or one of those that are shipped: npdb-2016" in done.stderr
    assert "npdb-2026" in done.stderr


def test_coverage_counts_every_control(tmp_path: Path) -> None:
    done = clearance("baseline", "coverage", "--format", "json", folder=tmp_path)
    found = json.loads(done.stdout)
    whole = found["counts"][-1]
    assert whole["automatically"] + whole["partly"] + whole["by_document"] == len(found["controls"]) > 100
    text = clearance("baseline", "coverage", folder=tmp_path).stdout.splitlines()
    assert len(text) == len(found["controls"]) + 7
    assert text[-1].startswith(f"in all: {whole['automatically']} of {len(found['controls'])} controls decided automatically")


def test_the_shipped_baseline_points_editors_to_the_schema_that_is_printed(tmp_path: Path) -> None:
    place = NATIONAL.read_text("utf-8").splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    done = clearance("baseline", "schema", folder=tmp_path)
    assert (NATIONAL.parent / place).read_text("utf-8") == done.stdout
