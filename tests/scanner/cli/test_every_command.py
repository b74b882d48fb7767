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
import pexpect
import pytest
from jsonschema import Draft202012Validator

from scanner.cli import clearance as root
from scanner.cli.exits import ExitStatus
from scanner.cli.leaves import WRITE_FILES
from scanner.cli.listed import Listed
from scanner.registry import load_checks
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


@pytest.fixture
def completing(tmp_path: Path) -> dict[str, str]:
    """An environment in whose PATH `clearance` stands, with the scripts of all shells in the folder of the test."""
    program = tmp_path / "clearance"
    program.write_text(f'#!/bin/sh\nexport PYTHONPATH={ROOT}\nexec {sys.executable} -m scanner.cli "$@"\n')
    program.chmod(0o700)
    for shell in ("bash", "zsh", "fish"):
        (tmp_path / f"c.{shell}").write_text(clearance("completion", shell, folder=tmp_path).stdout)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "TERM": "dumb"}


COMPLETED = (
    (["clearance", "inv"], {"inventory"}),
    (["clearance", "log", "co"], {"cosign"}),
    (["clearance", "plan", "--ba"], {"--baseline"}),
    (["clearance", "explain", "tls-minimum-"], {"tls-minimum-version"}),
    (["clearance", "check", "--baseline", "npdb-2"], {"npdb-2016", "npdb-2022", "npdb-2026"}),
    (["clearance", "baseline", "diff", "npdb-2022", "npdb-2026"], {"npdb-2026"}),
)


def test_bash_completes_verbs_options_checks_and_baselines(tmp_path: Path, completing: dict[str, str]) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    for typed, wanted in COMPLETED:
        line = shlex.join(typed)
        asked = f"source {tmp_path}/c.bash; COMP_WORDS=({line}); COMP_CWORD={len(typed) - 1}; _clearance_completion clearance; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        done = subprocess.run([bash, "-c", asked], capture_output=True, text=True, timeout=60, check=True, env=completing)
        assert set(done.stdout.split()) == wanted, done.stderr


def test_fish_completes_the_same_and_shows_a_description_with_its_commas(tmp_path: Path, completing: dict[str, str]) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not on this machine")
    for typed, wanted in COMPLETED:
        asked = f"source {tmp_path}/c.fish; complete -C {shlex.quote(shlex.join(typed))}"
        done = subprocess.run(
            [fish, "-c", asked], capture_output=True, text=True, timeout=60, check=True, env=completing, cwd=tmp_path
        )
        assert {line.split("\t")[0] for line in done.stdout.splitlines()} >= wanted, done.stderr
    asked = f"source {tmp_path}/c.fish; complete -C 'clearance explain '"
    done = subprocess.run(
        [fish, "-c", asked], capture_output=True, text=True, timeout=60, check=True, env=completing, cwd=tmp_path
    )
    shown = dict(line.split("\t") for line in done.stdout.splitlines())
    titles = {name: check.title for name, check in load_checks().items()}
    assert shown == titles
    assert any("," in title for title in titles.values())


def test_zsh_completes_by_a_file_in_a_folder_of_fpath(tmp_path: Path, completing: dict[str, str]) -> None:
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("zsh is not on this machine")
    (tmp_path / ".zfunc").mkdir()
    (tmp_path / "c.zsh").rename(tmp_path / ".zfunc" / "_clearance")
    (tmp_path / ".zshrc").write_text("fpath=(~/.zfunc $fpath)\nautoload -Uz compinit && compinit\nPS1='ready> '\n")
    shell = pexpect.spawn(zsh, ["-i"], env=completing, timeout=60, encoding="utf-8", dimensions=(40, 200), cwd=tmp_path)
    try:
        shell.expect("ready> ")
        shell.send("clearance explain tls-minimum-\t")
        shell.expect("version")
        shell.send("\x15clearance log co\t")
        shell.expect("sign")
    finally:
        shell.close(force=True)


def test_a_man_page_is_made_of_every_command(tmp_path: Path) -> None:
    pages = man.written(tmp_path)
    assert {page.name for page in pages} >= {"clearance.1", "clearance-scan.1", "clearance-log-cosign.1"}
    assert len(pages) > len(ALL)
    groff = shutil.which("groff")
    assert groff is not None
    for page in pages:
        done = subprocess.run(
            [groff, "-Kutf8", "-man", "-Tutf8", "-ww", page], capture_output=True, text=True, timeout=60, check=True
        )
        assert not done.stderr
        shown = re.sub(r"\x1b\[[0-9]*m|.\x08", "", done.stdout).replace("‐", "-").replace("−", "-")
        sections = re.split(r"^(?=[A-Z]{2})", shown, flags=re.MULTILINE)
        by_name = {section.split("\n", 1)[0]: section for section in sections}
        assert {"NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS"} <= set(by_name), page
        assert "-h, --help" in by_name["OPTIONS"]
        assert "Example" not in by_name.get("DESCRIPTION", "")
        words = " ".join(by_name["EXIT STATUS"].split())
        assert all(f"{status.value} {status.name} " in words for status in ExitStatus)
        assert "Nothing at all was reachable." in words
        assert page.stem.replace("-", " ") in by_name.get("EXAMPLE", page.stem.replace("-", " "))
    assert "\\-\\-answer" in (tmp_path / "clearance-attest.1").read_text("utf-8")  # an option without words is one
    explain = (tmp_path / "clearance-explain.1").read_text("utf-8")
    assert "\\fBCHECK" not in explain  # it stands in the synopsis, and nothing is said of it
    assert "clearance explain tls\\-minimum\\-version \\-\\-run" in explain.split(".SH EXAMPLE")[1]
    assert "\\-\\-skip\\-bad" in (tmp_path / "clearance-inventory-import.1").read_text("utf-8")
