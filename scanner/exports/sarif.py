"""SARIF 2.1.0 (errata 01): a run for each judgement, a rule for each control and check, a result for each finding and one for the decision.

What nobody could determine has the kind `open` (section 3.27.9), which is no pass; and because many readers look at failures only, a decision
other than authorise is a failure of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scanner.assessment import ControlClass, Decision
from scanner.exports.items import Item, Judged, Result, on_one_line, pretty, stable

_LEVEL = {ControlClass.GATE: "error", ControlClass.MAJOR: "error", ControlClass.MINOR: "warning", ControlClass.ADVISORY: "note"}
_KIND = {
    Result.PASS: "pass",
    Result.FAIL: "fail",
    Result.WAIVED: "fail",
    Result.UNDETERMINED: "open",
    Result.NOT_APPLICABLE: "notApplicable",
}
DECISION_RULE = "clearance-decision"


def as_sarif(runs: Sequence[Judged]) -> bytes:
    """The log of these judgements."""
    return pretty(
        {
            "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
            "version": "2.1.0",
            "runs": [_run(run) for run in runs],
        }
    )


def _run(run: Judged) -> dict[str, Any]:
    assessment = run.assessment
    items = list(run.items())
    rules: dict[str, dict[str, Any]] = {DECISION_RULE: _decision_rule()}
    for item in items:
        rules.setdefault(_rule_id(item), _rule(item))
    index = {name: number for number, name in enumerate(rules)}
    return {
        "tool": {
            "driver": {
                "name": "Clearance",
                "fullName": assessment_tool(run),
                "rules": list(rules.values()),
            }
        },
        "automationDetails": {
            "id": f"{assessment.agency}/{assessment.system}/{assessment.run}",
            "guid": stable("run", *run.place, assessment.run),
        },
        "invocations": [
            {
                "executionSuccessful": not any(item.result is Result.UNDETERMINED for item in items),
                "endTimeUtc": f"{assessment.judged_at:%Y-%m-%dT%H:%M:%SZ}",
            }
        ],
        "results": [_decision(run, index[DECISION_RULE]), *(_result(item, index[_rule_id(item)]) for item in items)],
        "properties": {"decision": assessment.decision.value, "baseline": assessment.baseline.model_dump(mode="json")},
    }


def assessment_tool(run: Judged) -> str:
    """Name and version of the program that looked."""
    return on_one_line(run.order.tool)


def _rule_id(item: Item) -> str:
    return f"{item.control}/{item.check}"


def _rule(item: Item) -> dict[str, Any]:
    help_text = "\n".join(f"{product}: {text}" for product, text in item.fixes.items()) or "; ".join(item.clauses)
    return {
        "id": _rule_id(item),
        "name": item.check,
        "shortDescription": {"text": item.title},
        "fullDescription": {"text": f"{item.control} {item.control_title} ({'; '.join(item.clauses)})"},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": _LEVEL[item.classed]},
        "properties": {"class": item.classed.value, "tags": [item.heading]},
    }


def _result(item: Item, index: int) -> dict[str, Any]:
    kind = _KIND[item.result]
    found: dict[str, Any] = {
        "ruleId": _rule_id(item),
        "ruleIndex": index,
        "kind": kind,
        "level": _LEVEL[item.classed] if kind == "fail" else "none",
        "message": {"text": item.seen or item.result.value},
        "locations": [_location(item)],
        "partialFingerprints": {"clearanceFinding/v1": item.known_by},
        "guid": stable("result", item.run, item.known_by),
        "properties": {"result": item.result.value, "evidence": item.evidence},
    }
    if item.result is Result.WAIVED:
        found["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": f"{item.waiver or 'accepted'} until {item.until or '?'}"}
        ]
    return found


def _location(item: Item) -> dict[str, Any]:
    return {
        "logicalLocations": [
            {"name": item.subject, "fullyQualifiedName": f"{item.agency}/{item.system}/{item.subject}", "kind": "resource"}
        ]
    }


def _decision_rule() -> dict[str, Any]:
    return {
        "id": DECISION_RULE,
        "name": "decision",
        "shortDescription": {"text": "The decision of the judgement"},
        "defaultConfiguration": {"level": "error"},
    }


def _decision(run: Judged, index: int) -> dict[str, Any]:
    assessment = run.assessment
    good = assessment.decision is Decision.AUTHORISE
    reasons = ", ".join(dict.fromkeys(reason.code.value for reason in assessment.reasons)) or "no reason against it"
    return {
        "ruleId": DECISION_RULE,
        "ruleIndex": index,
        "kind": "pass" if good else "fail",
        "level": "none" if good else "error",
        "message": {"text": f"{assessment.decision.value}: {reasons}"},
        "locations": [
            {
                "logicalLocations": [
                    {
                        "name": assessment.system,
                        "fullyQualifiedName": f"{assessment.agency}/{assessment.system}",
                        "kind": "resource",
                    }
                ]
            }
        ],
        "partialFingerprints": {"clearanceFinding/v1": stable("decision", assessment.agency, assessment.system)},
        "guid": stable("result", *run.place, assessment.run, "decision"),
    }
