"""docs/THREATS.md has a row for each attack, and every test it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [line for line in (ROOT / "docs" / "THREATS.md").read_text("utf-8").splitlines() if re.match(r"\| \d+ \|", line)]


def test_there_is_a_row_for_each_attack_in_order() -> None:
    assert [int(row.split("|")[1]) for row in ROWS] == list(range(1, 32))


def test_every_row_names_tests_that_are_there_or_says_why_not() -> None:
    for row in ROWS:
        attack, defence, tried = (part.strip() for part in row.split("|")[2:5])
        assert attack
        assert defence
        named = re.findall(r"`(tests/[a-z_/0-9]+\.py)::(test_[a-z0-9_]+)`", tried)
        assert named or tried.startswith("not tried: "), row
        for path, name in named:
            tree = ast.parse((ROOT / path).read_text("utf-8"))
            functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert name in functions, f"{path}::{name}"
