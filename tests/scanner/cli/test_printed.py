"""Every verb that prints JSON of its own has its schema, and what it prints is as the schema says (the other verbs' in the tests of each)."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.cli.printed import PRINTED
from tests.certification.test_ledger import Desk, desk
from tests.printed import SCHEMAS, printed
from tests.scanner.cli.in_process import clearance
from tests.scanner.cli.test_every_command import ALL

__all__ = ["desk"]
OTHERWISE = {
    "plan",
    "runs-list",
    "runs-show",
    "runs-prune",
    "explain",
    "report",
    "inventory-import",
    "inventory-export",
    "questionnaire",
}
"""Those whose schemas bear another name, and what writes files of other forms."""


def test_each_verb_with_json_of_its_own_has_a_schema() -> None:
    own = set()
    for words, verb in ALL.items():
        for parameter in verb.params:
            if "--format" in parameter.opts and "docs/schemas/outcome.schema.json" not in (getattr(parameter, "help", "") or ""):
                own.add("-".join(words))
    assert own - OTHERWISE == set(PRINTED), own ^ set(PRINTED)
    named = {
        help_
        for verb in ALL.values()
        for each in verb.params
        if (help_ := getattr(each, "help", None) or "").startswith("json: docs")
    }
    assert len(named) > 12 and all((SCHEMAS.parent.parent / text.split()[1].rstrip(".")).is_file() for text in named)
    assert all((SCHEMAS / f"{name}.schema.json").is_file() for name in PRINTED)


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
