"""The project's own promises: locked dependencies, true documents, no trace of the machine it was made on."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

from scanner.cli import COMMANDS, clearance
from scanner.cli.exits import ExitStatus
from scanner.registry import load_checks
from tools import messages

ROOT = Path(__file__).resolve().parent.parent
LOCKED = (ROOT / "requirements" / "dev.txt").read_text("utf-8")
EACH_LOCK = pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements/*.txt")), ids=lambda path: path.stem)


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@EACH_LOCK
def test_every_locked_dependency_has_a_version_and_a_hash(lock: Path) -> None:
    entries = re.split(r"\n(?=[a-z])", lock.read_text("utf-8").split("\n", 1)[1])
    assert len(entries) >= 5
    for entry in entries:
        assert re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==[^\s]+ \\\n    --hash=sha256:[0-9a-f]{64}", entry), entry[:80]


@EACH_LOCK
def test_the_lock_names_no_index_and_no_path(lock: Path) -> None:
    outside = r"https?://|--index|--extra-index|--find-links|file:|/home/|/root/|/tmp/|/dev/"
    assert not re.search(outside, lock.read_text("utf-8"))


def test_what_two_locks_name_is_the_same_version() -> None:
    """The mutation run adds to the environment of the tests and changes nothing in it, and what a site runs is what was tested."""
    versions = {path.stem: dict(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", path.read_text("utf-8"), re.MULTILINE))
                for path in ROOT.glob("requirements/*.txt")}  # fmt: skip
    assert set(versions) == {"build", "dev", "mutation", "run"}
    own = versions.pop("dev")
    for added in versions.values():
        assert {name: version for name, version in added.items() if own.get(name, version) != version} == {}
    assert set(own) & set(versions["mutation"]) >= {"pytest", "rich", "click"}
    assert set(versions["run"]) <= set(own)
    assert set(versions["build"]) - set(own) == {"setuptools"}


def test_what_a_site_runs_is_locked_with_every_extra_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {re.split(r"[=>]", line)[0].lower().replace(".", "-") for lines in lists for line in lines}
    run = (ROOT / "requirements" / "run.txt").read_text("utf-8")
    asked = set(
        re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(?:(?!\n[a-z]).)*clearance \(pyproject\.toml\)", run, re.MULTILINE | re.DOTALL)
    )
    assert asked == declared


def test_every_declared_dependency_is_locked() -> None:
    declared = {line.split("==")[0].strip() for line in (ROOT / "requirements" / "dev.in").read_text("utf-8").split() if line}
    locked = {re.split(r"[=\[]", line)[0] for line in LOCKED.splitlines() if re.match(r"^[a-z0-9]", line)}
    assert not {name for name in declared if name.lower().replace(".", "-") not in locked}


def test_the_table_of_exit_statuses_is_the_enumeration() -> None:
    table = (ROOT / "docs" / "exit-statuses.md").read_text("utf-8")
    found = {(int(status), name) for status, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", table, re.MULTILINE)}
    assert found == {(status.value, status.name) for status in ExitStatus}


def test_the_licence_is_the_affero_gpl() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in text
    assert "Version 3, 19 November 2007" in text
    assert len(text) > 30_000


@pytest.mark.parametrize("name", COMMANDS)
def test_every_verb_explains_itself(name: str) -> None:
    context = click.Context(clearance, info_name="clearance")
    command = clearance.get_command(context, name)
    assert command is not None
    assert command.help
    assert len(command.help.split()) > 3


def test_the_files_named_in_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"examples/[a-z.]+", readme):
        assert (ROOT / name).exists(), name


def test_the_catalogue_holds_every_message() -> None:
    assert messages.TEMPLATE.read_bytes() == messages.template_bytes(), "run `make messages`"
    text = messages.TEMPLATE.read_text("utf-8")
    assert len(load_checks()) >= 15
    for check in load_checks().values():
        assert re.search(rf"checks/{check.id}\b", text), check.id


def test_no_file_is_larger_than_a_reader_can_hold() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _tracked()
        if path.suffix == ".py" and (lines := path.read_text("utf-8").count("\n")) > 500
    }
    assert not long


def test_the_makefile_promises_what_the_readme_says() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in ("demo", "test", "lint", "install", "lock", "messages", "format", "clean"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_continuous_integration_runs_make_test_with_the_shared_data() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "set -euo pipefail" in script
    assert "make test" in script
    assert "CLEARANCE_SHARED_REQUIRED=1" in script
