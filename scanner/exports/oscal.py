"""OSCAL assessment results: an observation for each finding, a finding for each control at each subject. Undetermined is never satisfied."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from scanner.assessment import Status
from scanner.exports.items import Item, Judged, on_one_line, pretty, stable

VERSION = "1.2.1"
"""Of OSCAL, as it stands in the file."""
_SATISFIED = (Status.SATISFIED, Status.NOT_APPLICABLE)
_REASON = {Status.SATISFIED: "pass", Status.NOT_SATISFIED: "fail"}


def as_oscal(runs: Sequence[Judged]) -> bytes:
    """The results of these judgements, one for each."""
    return of_version(runs, VERSION)


def of_version(runs: Sequence[Judged], version: str) -> bytes:
    """The same, said to be of this version of OSCAL."""
    last = max(run.assessment.judged_at for run in runs)
    names = [run.assessment.run for run in runs]
    whose = [word for run in runs for word in (*run.place, run.assessment.run)]
    return pretty(
        {
            "assessment-results": {
                "uuid": stable("oscal", *whose),
                "metadata": {
                    "title": "Clearance: results of inspection and assessment",
                    "last-modified": f"{last:%Y-%m-%dT%H:%M:%SZ}",
                    "version": ", ".join(names)[:200],
                    "oscal-version": version,
                },
                "import-ap": {"href": f"#{stable('order', *names)}"},
                "results": [_result(run) for run in runs],
                "back-matter": {
                    "resources": [
                        {
                            "uuid": stable("order", *whose),
                            "title": "Orders of the runs",
                            "description": "; ".join(f"{run.assessment.run}: SHA-256 {run.assessment.order}" for run in runs),
                        }
                    ]
                },
            }
        }
    )


def _result(run: Judged) -> dict[str, Any]:
    assessment = run.assessment
    start = assessment.observed_from or assessment.judged_at
    by_place: dict[tuple[str, str], list[Item]] = defaultdict(list)
    items = list(run.items())
    for item in items:
        by_place[item.control, item.subject].append(item)
    found: dict[str, Any] = {
        "uuid": stable("result", *run.place, assessment.run),
        "title": f"{assessment.agency} {assessment.system}: {assessment.decision.value}",
        "description": on_one_line(
            f"Decision {assessment.decision.value}; {assessment.tally.passed} of {assessment.tally.counted} passed, "
            f"{assessment.tally.assessed} assessed; baseline {assessment.baseline.id} {assessment.baseline.version}."
        ),
        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{assessment.judged_at:%Y-%m-%dT%H:%M:%SZ}",
        "props": [
            _prop("decision", assessment.decision.value),
            _prop("run", assessment.run),
            _prop("kind", assessment.kind.value),
        ],
        "reviewed-controls": {
            "control-selections": [{"include-controls": [{"control-id": _token(one.id)} for one in assessment.controls]}]
        },
    }
    if not assessment.controls:
        found["reviewed-controls"] = {"control-selections": [{"description": "none", "include-all": {}}]}
    if items:
        found["observations"] = [_observation(item, found["end"]) for item in items]
    findings = [
        _finding(run, control.id, control.title.en, each.subject, each.status, by_place[control.id, each.subject])
        for control in assessment.controls
        for each in control.subjects
    ]
    if findings:
        found["findings"] = findings
    return found


def _observation(item: Item, at: str) -> dict[str, Any]:
    return {
        "uuid": stable("observation", item.run, item.known_by),
        "title": item.title,
        "description": item.seen or item.result.value,
        "methods": ["EXAMINE" if item.check == "attestation" else "TEST"],
        "props": [_prop("result", item.result.value), _prop("check", item.check), _prop("finding-id", item.id)],
        "subjects": [
            {
                "subject-uuid": stable("subject", item.agency, item.system, item.subject),
                "type": "component",
                "title": item.subject,
            }
        ],
        "collected": at,
    }


def _finding(run: Judged, control: str, title: str, subject: str, status: Status, items: list[Item]) -> dict[str, Any]:
    assessment = run.assessment
    state = "satisfied" if status in _SATISFIED else "not-satisfied"
    found: dict[str, Any] = {
        "uuid": stable("finding", *run.place, assessment.run, control, subject),
        "title": on_one_line(f"{control} at {subject}: {status.value}"),
        "description": on_one_line(title),
        "target": {
            "type": "objective-id",
            "target-id": _token(control),
            "status": {"state": state, "reason": _REASON.get(status, "other"), "remarks": status.value},
        },
    }
    if items:
        found["related-observations"] = [{"observation-uuid": stable("observation", item.run, item.known_by)} for item in items]
    return found


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value, "ns": "urn:npd:clearance"}


def _token(name: str) -> str:
    """The id as a token of OSCAL's, which begins with a letter."""
    return name if name[:1].isalpha() or name[:1] == "_" else f"_{name}"
