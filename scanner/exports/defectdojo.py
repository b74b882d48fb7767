"""DefectDojo's generic findings import: what failed and what nobody could determine, with ids by which it knows them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scanner.assessment import ControlClass
from scanner.exports.items import Item, Judged, Result, pretty, stable

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
    if run.decided is not Result.PASS:
        found.insert(0, _decision(run, f"{assessment.judged_at:%Y-%m-%d}"))
    return pretty({"name": f"Clearance {assessment.run}", "type": "Clearance", "findings": found})


def _decision(run: Judged, day: str) -> dict[str, Any]:
    """What stands for the decision: a run that is not authorised is never an empty list, which would close everything."""
    assessment = run.assessment
    return {
        "title": f"Decision: {assessment.decision.value}",
        "description": run.reasons or assessment.decision.value,
        "severity": "Critical" if run.decided is Result.FAIL else "High",
        "date": day,
        "active": True,
        "verified": run.decided is Result.FAIL,
        "static_finding": False,
        "dynamic_finding": True,
        "unique_id_from_tool": stable("decision", *run.place),
        "vuln_id_from_tool": "decision",
        "component_name": "decision",
        "tags": [run.decided.value],
    }


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
        "unique_id_from_tool": item.known_by,
        "vuln_id_from_tool": f"{item.control}/{item.check}",
        "component_name": item.check,
        "endpoints": [{"host": host, **({"port": int(port)} if port.isdigit() else {})}],
        "tags": [item.heading, item.classed.value, item.result.value],
    }
