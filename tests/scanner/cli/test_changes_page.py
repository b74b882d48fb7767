"""docs/changes.md: each example is run, and exits as the page says."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from scanner.cli import clearance
from scanner.drift import Ground
from scanner.stated import StatedGround
from scanner.store import packed
from tests.scanner.cli.test_drift import later, shelf
from tests.scanner.test_claims import INSPECTION, LAW, OLD, OWN, YES, kept, run_of

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "changes.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
RUN = [line for line in COMMANDS if "# exits" in line]

__all__ = ["shelf"]


def serial_of(folder: Path) -> str:
    """The serial of the certificate in this folder."""
    payload = json.loads((folder / "certificate.dsse.json").read_bytes())["payload"]
    return str(json.loads(base64.b64decode(payload))["predicate"]["serial"])


@pytest.fixture(scope="module")
def desk(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything the page's examples name."""
    folder = tmp_path_factory.mktemp("page")
    kept(folder / "run-october", run_of(OWN, YES))
    kept(folder / "run-november", run_of(OWN, YES, tls=OLD))
    (folder / "inspection.bundle").write_bytes(packed(run_of(INSPECTION, YES, tls=OLD)))
    for name, source in (("certificate.dsse.json", "certificate"), ("trust.dsse.json", "trust"), ("evidence.bundle", "bundle")):
        (folder / name).write_bytes((shelf / source).read_bytes())
    later(folder / "run-later")
    (statement,) = re.findall(r"```yaml\n(certificate: .*?)```", PAGE, re.DOTALL)
    (folder / "stated.yaml").write_text(statement.replace("SERIAL", serial_of(folder)), "utf-8")
    (folder / "law-2027.yaml").write_bytes(LAW.replace(b"id: law", b"id: law-2027").replace(b"TLS 1.2", b"TLS 1.3"))
    return folder


@pytest.mark.parametrize("line", RUN)
def test_each_example_exits_as_the_page_says(desk: Path, line: str) -> None:
    command, _, status = line.partition("  # exits ")
    words = [sys.executable, "-m", "scanner.cli", *shlex.split(command)[1:]]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=desk)
    assert done.returncode == int(status), done.stdout + done.stderr
    assert done.stdout


def test_every_example_names_verbs_and_options_that_there_are() -> None:
    assert len(RUN) == 6
    for line in COMMANDS:
        _, verb, *words = shlex.split(line.partition("  # ")[0])
        command = clearance.get_command(click.Context(clearance), verb)
        assert command is not None, verb
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_the_tables_of_reasons_are_the_enumerations() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert told == [*(ground.value for ground in Ground), *(ground.value for ground in StatedGround)]
