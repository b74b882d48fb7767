"""An interrupted run goes on as it was ordered: whatever else is named beside --resume is compared with that, not passed over."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scanner.cli.in_process import clearance, refused
from tests.scanner.cli.test_bad_input import ADDRESS, BASELINE, write_permit, write_scope

LOOK = ("--timeout", "0.5", "--deadline", "2", "--ports", "9")
ORDERED = ("scope.yaml", "--permit", "permit.yaml", "--baseline", str(BASELINE))


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Path]:
    """A folder with a run for which there was no time."""
    with socket.create_server((ADDRESS, 0)) as silent:
        write_scope(tmp_path, port=silent.getsockname()[1])
        write_permit(tmp_path)
        done = clearance("scan", *ORDERED, "--out", "run", *LOOK, "--run-deadline", "1", folder=tmp_path)
        assert done.returncode == 130, done.stderr
        yield tmp_path


def test_what_was_ordered_may_be_named_again(begun: Path) -> None:
    done = clearance("scan", *ORDERED, "--resume", "--out", "run", *LOOK, folder=begun)
    assert done.returncode in (0, 14), done.stderr


@pytest.mark.parametrize("what", ["scope", "permit", "baseline", "deviations", "trust"])
def test_anything_else_is_refused_and_nothing_is_looked_at(what: str, begun: Path) -> None:
    before = sorted(path for path in (begun / "run").rglob("*") if path.is_file())
    words: tuple[str, ...] = ("--deviations", "other.yaml")
    (begun / "other.yaml").write_text("schema_version: 1\n")
    match what:
        case "scope":
            text = (begun / "scope.yaml").read_text("utf-8")
            (begun / "scope.yaml").write_text(text.replace("a.test", "b.test"), "utf-8")
            words = ("scope.yaml",)
        case "permit":
            write_permit(begun, begins=-3, ends=-2)
            words = ("--permit", "permit.yaml")
        case "baseline":
            words = ("--baseline", "npdb-2022")
        case "trust":
            words = ("--trust", "other.yaml")
    done = clearance("scan", *words, "--resume", "--out", "run", *LOOK, folder=begun)
    refused(done, 2, "was not ordered with it", "--resume")
    assert sorted(path for path in (begun / "run").rglob("*") if path.is_file()) == before
