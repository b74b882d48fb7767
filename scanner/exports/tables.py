"""Tables: a row for each finding, as lines of JSON and as CSV that Excel opens with its letters and without running anything."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from scanner.exports.items import Item, Judged, stable

COLUMNS = (
    "agency", "system", "run", "control", "class", "heading", "control title", "check", "title", "subject", "result", "seen",
    "clauses", "fix", "waiver or owner", "until", "confidence", "id", "evidence",
)  # fmt: skip
_STARTS = ("=", "+", "-", "@", "\t", "\r", "|", "%")


def cells(item: Item) -> tuple[str, ...]:
    """The cells of a row, in the order of the columns."""
    fix = " / ".join(f"{product}: {text}" for product, text in item.fixes.items()) if item.fails else ""
    return (
        item.agency, item.system, item.run, item.control, item.classed.value, item.heading, item.control_title, item.check, item.title,
        item.subject, item.result.value, item.seen, "; ".join(item.clauses), fix, item.waiver, item.until, item.confidence, item.id, item.evidence,
    )  # fmt: skip


def decision_cells(run: Judged) -> tuple[str, ...]:
    """The row of a run's decision, before those of its findings: a table of passes alone says nothing of it."""
    assessment = run.assessment
    said = {
        "agency": assessment.agency,
        "system": assessment.system,
        "run": assessment.run,
        "check": "decision",
        "title": assessment.decision.value,
        "subject": assessment.system,
        "result": run.decided.value,
        "seen": run.reasons,
        "id": stable("decision", *run.place),
    }
    return tuple(said.get(column, "") for column in COLUMNS)


def as_csv(runs: Sequence[Judged]) -> bytes:
    """CSV with a byte order mark, by which Excel knows that it is UTF-8; a cell that would be taken for a formula begins with an apostrophe."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for run in runs:
        writer.writerow([defused(cell) for cell in decision_cells(run)])
        writer.writerows([defused(cell) for cell in cells(item)] for item in run.items())
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()


def defused(cell: str) -> str:
    """The cell as text to a spreadsheet."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_STARTS) else cell


def as_jsonl(runs: Sequence[Judged]) -> bytes:
    """A line for each finding, and before those of a run a line with its decision."""
    lines: list[dict[str, object]] = []
    for run in runs:
        assessment = run.assessment
        lines.append(
            {
                "record": "run",
                "run": assessment.run,
                "kind": assessment.kind.value,
                "agency": assessment.agency,
                "system": assessment.system,
                "level": assessment.level,
                "judged_at": f"{assessment.judged_at:%Y-%m-%dT%H:%M:%SZ}",
                "decision": assessment.decision.value,
                "reasons": [
                    {"code": reason.code.value, "control": reason.control, "subject": reason.subject}
                    for reason in assessment.reasons
                ],
                "passed": assessment.tally.passed,
                "counted": assessment.tally.counted,
                "assessed": assessment.tally.assessed,
                "baseline": assessment.baseline.model_dump(mode="json"),
            }
        )
        for item in run.items():
            names = [column.replace(" ", "_") for column in COLUMNS]
            values: dict[str, object] = dict(zip(names, cells(item), strict=True))
            lines.append({"record": "finding", **values, "clauses": list(item.clauses)})
    return b"".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for line in lines)
