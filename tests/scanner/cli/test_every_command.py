"""What holds of every command: an example that parses, --format json, a man page, and a start that loads nothing heavy."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator

from scanner.cli import clearance as root
from scanner.cli.leaves import WRITE_FILES
from scanner.cli.listed import Listed
from tests.scanner.cli.in_process import clearance
from tools import man, summaries
from tools.schemas import SCHEMAS

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("pydantic", "rich", "cryptography", "ruamel", "jinja2", "sslyze", "nassl", "paramiko", "asyncssh", "requests", "openpyxl",
         "xlsxwriter", "securesystemslib", "sqlite3", "asyncio")  # fmt: skip
NOT_FOR_VERIFYING = ("sslyze", "nassl", "paramiko", "asyncssh", "requests", "openpyxl", "xlsxwriter", "jinja2", "scanner.probes",
                     "scanner.scan", "scanner.discovery", "checks", "typst", "asyncio")  # fmt: skip


def walk(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        under = command.get_command(context, name)
        assert under is not None
        yield from walk(under, (*words, name))


ALL = dict(walk(root))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_shows_an_example_that_it_would_take(words: tuple[str, ...]) -> None:
    command = ALL[words]
    shown = command.get_help(click.Context(command, info_name=" ".join(("clearance", *words)), max_content_width=10_000))
    assert re.search(r"Examples?:", shown), shown
    told = " ".join(shown.split("Example", 1)[1].split("\n\n")[0].split())
    examples = [re.split(r", which| > ", found)[0] for found in re.findall(r"clearance (?:(?! clearance ).)*", told)]
    assert examples
    for example in examples:
        typed = shlex.split(example)
        assert typed[1 : len(words) + 1] == list(words), example
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        used = {word for word in typed if word.startswith("--")}
        assert used <= known, f"{example}: {used - known}"
        needed = {option.opts[0] for option in command.params if isinstance(option, click.Option) and option.required}
        assert needed <= used, f"{example}: {needed - used}"


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_can_answer_in_json(words: tuple[str, ...]) -> None:
    (option,) = [option for option in ALL[words].params if "--format" in option.opts]
    assert isinstance(option.type, click.Choice | Listed)
    assert "json" in option.type.choices or words[-1] in WRITE_FILES


def test_the_outcome_of_a_command_is_data_that_its_schema_describes(tmp_path: Path) -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / "outcome.schema.json").read_bytes())
    words = ("permit", "new", "p.yaml", "--agency", "H15", "--decision", "1/QD", "--address", "10.0.0.0/8", "--format", "json")
    for status in (0, 2):
        done = clearance(*words, folder=tmp_path)
        told = json.loads(done.stdout)
        Draft202012Validator(schema).validate(told)
        assert (done.returncode, told["exit_status"], told["command"]) == (status, status, "permit new")
        assert told["error"] is None if status == 0 else "exists already" in told["error"]
    printed = json.loads(clearance("baseline", "schema", "--format", "json", folder=tmp_path).stdout)["printed"]
    assert json.loads("\n".join(printed))["title"] == "Baseline"
    usage = json.loads(clearance("seal", "--format", "json", folder=tmp_path).stdout or "{}")
    assert usage == {} or usage["exit_status"] == 2


def test_the_schemas_are_those_of_the_records() -> None:
    for path, made in SCHEMAS.items():
        assert path.read_bytes() == made(), "run `python -m tools.schemas`"
        Draft202012Validator.check_schema(json.loads(path.read_bytes()))


def test_the_summaries_are_those_of_the_verbs() -> None:
    assert summaries.FILE.read_bytes() == summaries.written(), "run `python -m tools.summaries`"


def _loaded(*words: str) -> set[str]:
    code = f"import sys; sys.argv = ['clearance', *{list(words)!r}]\nfrom scanner.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, env=environment)
    return set(done.stderr.splitlines())


def test_help_loads_nothing_heavy() -> None:
    loaded = _loaded("--help") - {"pydantic.plugin._loader"}  # the answer that there are no plug-ins, which loads nothing
    assert "scanner.cli" in loaded
    assert not [name for name in loaded if name.split(".")[0] in HEAVY]


def test_verify_loads_no_scanner_and_no_check() -> None:
    loaded = _loaded("verify", str(ROOT / "README.md"), "--trust", str(ROOT / "README.md"))
    assert "certification.trust" in loaded
    assert not [name for name in loaded if any(name == heavy or name.startswith(f"{heavy}.") for heavy in NOT_FOR_VERIFYING)]


def test_bash_completes_verbs_and_options(tmp_path: Path) -> None:
    script = clearance("completion", "bash", folder=tmp_path).stdout
    for shell in ("zsh", "fish"):
        assert "_CLEARANCE_COMPLETE" in clearance("completion", shell, folder=tmp_path).stdout
    program = tmp_path / "clearance"
    program.write_text(f'#!/bin/sh\nexport PYTHONPATH={ROOT}\nexec {sys.executable} -m scanner.cli "$@"\n')
    program.chmod(0o700)
    (tmp_path / "c.bash").write_text(script)
    bash = shutil.which("bash")
    assert bash is not None
    for typed, wanted in ((["clearance", "inv"], {"inventory"}), (["clearance", "log", "co"], {"cosign"}),
                          (["clearance", "plan", "--ba"], {"--baseline"})):  # fmt: skip
        line = shlex.join(typed)
        asked = f"source {tmp_path}/c.bash; COMP_WORDS=({line}); COMP_CWORD={len(typed) - 1}; _clearance_completion clearance; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        done = subprocess.run([bash, "-c", asked], capture_output=True, text=True, timeout=60, check=True, env=environment)
        assert set(done.stdout.split()) == wanted, done.stderr


def test_a_man_page_is_made_of_every_command(tmp_path: Path) -> None:
    pages = man.written(tmp_path)
    assert {page.name for page in pages} >= {"clearance.1", "clearance-scan.1", "clearance-log-cosign.1"}
    assert len(pages) > len(ALL)
    groff = shutil.which("groff")
    assert groff is not None
    for page in (tmp_path / "clearance.1", tmp_path / "clearance-inventory-import.1"):
        done = subprocess.run([groff, "-man", "-Tutf8", "-ww", page], capture_output=True, text=True, timeout=60, check=True)
        assert not done.stderr
        shown = re.sub(r"\x1b\[[0-9]*m|.\x08", "", done.stdout).replace("‐", "-").replace("−", "-")
        assert {"NAME", "SYNOPSIS", "EXIT STATUS"} <= set(shown.splitlines())
    assert "--skip-bad" in shown
