"""DefectDojo's generic findings import: what failed and what nobody could determine, with ids by which it knows them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scanner.assessment import ControlClass
from scanner.exports.items import Item, Judged, Result, pretty

_SEVERITY = {
    ControlClass.GATE: "Critical",
    ControlClass.MAJOR: "High",
    ControlClass.MINOR: "Medium",
    ControlClass.ADVISORY: "Info",
}


def as_defectdojo(runs: Sequence[Judged]) -> bytes:
    """The findings of one run that are not passed."""
    (run,) = runs
    assessment = run.assessment
    found = [
        _finding(item, f"{assessment.judged_at:%Y-%m-%d}") for item in run.items() if item.fails or item.result is Result.WAIVED
    ]
    return pretty({"name": f"Clearance {assessment.run}", "type": "Clearance", "findings": found})


def _finding(item: Item, day: str) -> dict[str, Any]:
    known, waived = item.result is not Result.UNDETERMINED, item.result is Result.WAIVED
    host, _colon, port = item.subject.partition(":")
    said = item.seen or item.result.value
    return {
        "title": f"{item.control} {item.title} @ {item.subject}" + ("" if known else " (not determined)"),
        "description": f"{item.control_title}\n\n{said}\n\n{'; '.join(item.clauses)}",
        "severity": _SEVERITY[item.classed],
        "mitigation": "\n".join(f"{product}: {text}" for product, text in item.fixes.items()),
        "date": day,
        "active": not waived,
        "verified": known and not waived,
        "risk_accepted": waived,
        "false_p": False,
        "static_finding": False,
        "dynamic_finding": True,
        "unique_id_from_tool": item.id,
        "vuln_id_from_tool": f"{item.control}/{item.check}",
        "component_name": item.check,
        "endpoints": [{"host": host, **({"port": int(port)} if port.isdigit() else {})}],
        "tags": [item.heading, item.classed.value, item.result.value],
    }
