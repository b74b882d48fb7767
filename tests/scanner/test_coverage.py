"""Coverage is counted from what decides a control, and the schema for editors is that of the reader."""

from __future__ import annotations

import json

import pytest

from scanner.baseline import load
from scanner.cli.look import national_baseline
from scanner.coverage import Decided, coverage, covered
from scanner.evaluate import evaluate
from scanner.schemas import baseline_schema
from scanner.targets import Speaks
from tests.checks.test_verdicts_of_the_baselines import answered, order, scope, seen
from tests.scanner.test_baseline_diff import CHECKS, DOCUMENT, baseline, control
from tools.schemas import BASELINE


def test_a_control_is_decided_by_its_checks_its_document_or_both() -> None:
    document = {"document": DOCUMENT}
    found = coverage(
        baseline(
            control("C-1"),
            control("C-2", attestation=document, levels=[4]),
            control("C-3", attestation=document, rules=None, levels=[4, 5]),
        ).baseline
    )
    assert [row.decided for row in found.controls] == [Decided.AUTOMATICALLY, Decided.PARTLY, Decided.BY_DOCUMENT]
    assert [(row.automatically, row.partly, row.by_document) for row in found.counts] == [
        (0, 0, 0),
        (0, 0, 0),
        (1, 0, 0),
        (1, 1, 1),
        (0, 0, 1),
        (1, 1, 1),
    ]


def test_a_baseline_of_no_control_covers_nothing() -> None:
    assert {row.controls for row in coverage(baseline().baseline).counts} == {0}


def test_the_stored_schema_is_in_date() -> None:
    assert BASELINE.read_bytes() == baseline_schema(), "run `python -m tools.schemas`"


def test_the_schema_knows_a_control_by_the_words_of_the_file() -> None:
    schema = json.loads(baseline_schema())["$defs"]["Control"]
    assert "class" in schema["properties"]
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("answers", ["none", "all"])
def test_findings_tell_the_coverage_of_their_baseline_at_their_level(answers: str) -> None:
    bound = load(national_baseline().read_bytes(), "npdb-2026.yaml", CHECKS)
    placed = order(bound, scope((22, Speaks.SSH), (443, Speaks.HTTPS)))
    findings = evaluate(placed, bound, seen(placed), answered(bound) if answers == "all" else {})
    count = covered(findings, 3)
    assert count == next(row for row in coverage(bound.baseline).counts if row.level == 3)
    assert min(count.automatically, count.partly, count.by_document) > 0
