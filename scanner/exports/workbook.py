"""The workbook: a sheet of findings and one of decisions, for Excel, with filters and frozen headings; nothing in it is a formula or a link."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime

from scanner.exports.items import Judged, Result
from scanner.exports.tables import COLUMNS, cells

_WIDTHS = {"control title": 40, "title": 36, "seen": 50, "clauses": 30, "fix": 50, "subject": 18, "control": 16, "check": 26}
_COLOURS = {
    Result.FAIL: "#F8D7DA", Result.UNDETERMINED: "#FFE8B3", Result.WAIVED: "#E2E3F3", Result.PASS: "#DFF0D8", Result.NOT_APPLICABLE: "#EEEEEE",
}  # fmt: skip
_DECISIONS = (
    "agency",
    "agency name",
    "system",
    "level",
    "run",
    "kind",
    "judged at",
    "decision",
    "passed",
    "counted",
    "assessed",
    "reasons",
)
_MADE = datetime(2026, 1, 1, tzinfo=UTC)
"""Stands in every workbook as its date, so that the same runs give the same bytes."""


def as_xlsx(runs: Sequence[Judged]) -> bytes:
    """The workbook."""
    from xlsxwriter import Workbook

    buffer = io.BytesIO()
    safe = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with Workbook(buffer, safe) as book:
        book.set_properties({"created": _MADE, "title": "Clearance"})
        head = book.add_format({"bold": True, "bg_color": "#D9E2EC", "text_wrap": True, "valign": "top"})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        colours = {result: book.add_format({"bg_color": colour, "valign": "top"}) for result, colour in _COLOURS.items()}
        decisions = book.add_worksheet("Decisions")
        rows = [
            (
                run.assessment.agency, run.assessment.agency_name.vi, run.assessment.system, run.assessment.level, run.assessment.run,
                run.assessment.kind.value, f"{run.assessment.judged_at:%Y-%m-%d %H:%M} UTC", run.assessment.decision.value,
                run.assessment.tally.passed, run.assessment.tally.counted, run.assessment.tally.assessed,
                "; ".join(f"{reason.code.value} {reason.control or ''} {reason.subject or ''}".strip() for reason in run.assessment.reasons)[:30_000],
            )
            for run in runs
        ]  # fmt: skip
        for column, name in enumerate(_DECISIONS):
            decisions.write_string(0, column, name, head)
        for number, row in enumerate(rows, 1):
            for column, value in enumerate(row):
                if isinstance(value, int):
                    decisions.write_number(number, column, value, wrap)
                else:
                    decisions.write_string(number, column, value, wrap)
        _finish(decisions, len(rows), len(_DECISIONS))
        findings = book.add_worksheet("Findings")
        for column, name in enumerate(COLUMNS):
            findings.write_string(0, column, name, head)
            findings.set_column(column, column, _WIDTHS.get(name, 14))
        number = 0
        for run in runs:
            for item in run.items():
                number += 1
                for column, cell in enumerate(cells(item)):
                    findings.write_string(number, column, cell, colours[item.result] if COLUMNS[column] == "result" else wrap)
        _finish(findings, number, len(COLUMNS))
    return buffer.getvalue()


def _finish(sheet: object, rows: int, columns: int) -> None:
    from xlsxwriter.worksheet import Worksheet

    assert isinstance(sheet, Worksheet)  # noqa: S101 - made by the line before; the library has no types
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(rows, 1), columns - 1)
