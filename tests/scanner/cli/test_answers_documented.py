"""The commands of docs/answers.md run as they stand there, and the answer it shows is one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.baseline import load
from scanner.ordering import read_scope
from scanner.record import sha256
from scanner.registry import load_checks
from scanner.store import BASELINE, Run
from tests.checks.test_baselines import NATIONAL
from tests.checks.test_verdicts_of_the_baselines import order
from tests.scanner.cli.in_process import clearance

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "answers.md").read_text("utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """What the page says lies there: a run of the example's scope by the national baseline, the scope, the waivers, a document."""
    bound = load(NATIONAL.read_bytes(), NATIONAL.name, load_checks())
    placed = order(bound, read_scope(ROOT / "examples" / "scope.yaml").model_copy(update={"agency": _agency()}))
    Run.create(tmp_path / "run", placed, {BASELINE: NATIONAL.read_bytes()}).write_manifest()
    for name in ("scope.yaml", "waivers.yaml"):
        (tmp_path / name).write_bytes((ROOT / "examples" / name).read_bytes())
    (tmp_path / "decision.pdf").write_bytes(b"%PDF decision")
    return tmp_path


def _agency() -> object:
    found = read_scope(ROOT / "examples" / "scope.yaml").agency
    return found.model_copy(update={"code": "A1"})  # whom the permit of the tests is for


def test_the_commands_of_the_page_run(desk: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    shim = desk / "bin" / "clearance"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m scanner.cli "$@"\n')
    shim.chmod(0o755)
    environment = {**os.environ, "PATH": f"{shim.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    script = "set -eu\n" + "\n".join(blocks)
    done = subprocess.run(
        ["sh", "-c", script], cwd=desk, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "✓ D1: yes, by tran.thi.b" in done.stderr
    assert "0 answers taken, 1 unchanged" in done.stderr
    assert json.loads(done.stdout)["faults"] == []


def test_the_answer_of_the_page_is_taken(desk: Path) -> None:
    shown = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    clearance("questionnaire", "run", "--out", "whole.yaml", folder=desk)
    head = (desk / "whole.yaml").read_text("utf-8").partition("controls:\n")
    (desk / "short.yaml").write_text(head[0] + head[1] + shown[1], "utf-8")
    done = clearance("attest", "run", "--questionnaire", "short.yaml", folder=desk)
    assert done.returncode == 0, done.stderr
    kept = json.loads((desk / "run" / "attestations" / "D1.json").read_bytes())
    assert (kept["document"], kept["dated"]) == (sha256(b"%PDF decision"), "2026-03-01T17:00:00Z")
