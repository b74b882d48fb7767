"""Every verb that prints JSON of its own has its schema, and what it prints is as the schema says (the other verbs' in the tests of each)."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from scanner.cli.printed import PRINTED
from tests.certification.test_ledger import Desk, desk
from tests.printed import SCHEMAS, printed
from tests.scanner.cli.in_process import clearance
from tests.scanner.cli.test_every_command import ALL

__all__ = ["desk"]
ELSEWHERE = {"plan", "explain"}
"""Those that print a record which is not of the command line."""

FILES = {"report", "questionnaire"}
"""Those whose --format is the kind of file they write: a report's forms have schemas of others (docs/formats.md), a questionnaire is no JSON."""


@pytest.mark.parametrize("words", sorted(set(ALL) - {(name,) for name in FILES}), ids=" ".join)
def test_each_verb_names_the_schema_of_its_json(words: tuple[str, ...]) -> None:
    (form,) = [parameter for parameter in ALL[words].params if "--format" in parameter.opts]
    assert isinstance(form, click.Option) and isinstance(form.type, click.Choice) and "json" in form.type.choices
    (name,) = re.findall(r"docs/schemas/([a-z-]+)\.schema\.json", form.help or "")
    assert (SCHEMAS / f"{name}.schema.json").is_file()
    own = "-".join(words)
    assert (name == own) == (own in PRINTED or own in ELSEWHERE), "the schema of that name is the one named"


@pytest.mark.parametrize("words", ["baseline show", "baseline coverage", "checks list", "baseline diff npdb-2022 npdb-2026"])
def test_content_is_printed_as_its_schema_says(words: str, tmp_path: Path) -> None:
    done = clearance(*words.split(), "--format", "json", folder=tmp_path)
    assert printed("-".join(words.split()[:2]), done.stdout)


def test_status_is_printed_as_its_schema_says(desk: Desk) -> None:
    desk.issue()
    (row,) = printed("status", desk.good("status", "all", "--log", "log", "--trust", "root", "--format", "json").splitlines()[0])
    assert row["state"] == "official"
    with pytest.raises(Exception, match="is not valid under any of the given schemas"):
        printed("status", '[{"serial": 3}]')
