"""What every export says of a finding: one row, in words that mean the same in each format."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from scanner.assessment import Assessment, Condition, ControlClass, ControlResult, Decision, Status
from scanner.findings import Finding, Outcome
from scanner.i18n import _, shown
from scanner.inert import inert
from scanner.observations.patches import PatchesObservation
from scanner.order import Order

_NAMESPACE = uuid.UUID("6f1c2f0e-8f1b-5a54-9d0a-2f6f0b6c9a11")
"""Of our own, so that the ids of one finding are the same in every run and export (RFC 9562 section 5.5)."""


class Result(StrEnum):
    """How a finding ended, once waivers are counted."""

    PASS = "pass"  # noqa: S105 - it is no password
    FAIL = "fail"
    WAIVED = "waived"
    """Failed, and accepted until a day."""
    UNDETERMINED = "undetermined"
    """Not checked, or an error: nobody knows, and it counts as not passed."""
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True, slots=True)
class Item:
    """One finding with its control, ready to be written in any format; every text is inert."""

    id: str
    agency: str
    system: str
    run: str
    control: str
    control_title: str
    heading: str
    classed: ControlClass
    clauses: tuple[str, ...]
    check: str
    title: str
    subject: str
    result: Result
    outcome: Outcome
    confidence: str
    seen: str
    fixes: Mapping[str, str]
    evidence: str
    waiver: str
    until: str

    @property
    def known_by(self) -> str:
        """By what trackers know the finding again: the same in every run of this system, and another for every other system."""
        return stable("finding", self.agency, self.system, self.id)

    @property
    def fails(self) -> bool:
        """Whether something has to be done: it failed, or nobody knows."""
        return self.result in (Result.FAIL, Result.UNDETERMINED)


@dataclass(frozen=True, slots=True)
class Judged:
    """A stored judgement, with what the catalogue of checks says, and its patches where there are any."""

    assessment: Assessment
    order: Order
    titles: Mapping[str, str]
    fixes: Mapping[str, Mapping[str, str]]
    patches: Mapping[str, PatchesObservation] = field(default_factory=dict)
    """By host."""
    language: str = "en"

    def items(self) -> Iterator[Item]:
        """One item for each finding, in the assessment's order."""
        assessment = self.assessment
        controls = {control.id: control for control in assessment.controls}
        conditions = {(each.control, each.subject): each for each in assessment.conditions}
        statuses = {(control.id, each.subject): each.status for control in assessment.controls for each in control.subjects}
        told = {
            (finding.control, finding.subject) for finding in assessment.findings if finding.outcome is not Outcome.NOT_APPLICABLE
        }
        for finding in assessment.findings:
            key = (finding.control, finding.subject)
            status = statuses.get(key)
            if status is Status.UNDETERMINED and key in told:
                status = None  # another finding says why; this one does not apply
            yield self._item(finding, controls[finding.control], status, conditions.get(key))

    @property
    def decided(self) -> Result:
        """The decision as a result: anything but authorise is none that passes."""
        match self.assessment.decision:
            case Decision.AUTHORISE:
                return Result.PASS
            case Decision.INCOMPLETE:
                return Result.UNDETERMINED
            case _:
                return Result.FAIL

    @property
    def reasons(self) -> str:
        """The codes of the reasons, each once."""
        return ", ".join(dict.fromkeys(reason.code.value for reason in self.assessment.reasons))

    @property
    def place(self) -> tuple[str, str]:
        """What tells this system's ids from another's."""
        return self.assessment.agency, self.assessment.system

    def _item(self, finding: Finding, control: ControlResult, status: Status | None, condition: Condition | None) -> Item:
        title = self.titles.get(finding.check, "")
        return Item(
            id=finding.id,
            agency=self.assessment.agency,
            system=self.assessment.system,
            run=self.assessment.run,
            control=control.id,
            control_title=on_one_line(control.title.vi if self.language == "vi" else control.title.en),
            heading=control.heading,
            classed=control.classed,
            clauses=tuple(
                on_one_line(f"{clause.source}, {clause.clause}" + (" (?)" if clause.unverified else ""))
                for clause in control.clauses
            ),
            check=finding.check,
            title=on_one_line(_(title) if title else _("A person's answer")),
            subject=finding.subject,
            result=result_of(finding.outcome, status),
            outcome=finding.outcome,
            confidence="" if finding.confidence is None else finding.confidence.value,
            seen=on_one_line(shown(finding.seen)),
            fixes={product: on_one_line(_(text)) for product, text in self.fixes.get(finding.check, {}).items()},
            evidence=finding.evidence or "",
            waiver="" if condition is None else (condition.waiver or condition.owner or ""),
            until="" if condition is None else f"{condition.due:%Y-%m-%dT%H:%M:%SZ}",
        )


def result_of(outcome: Outcome, status: Status | None) -> Result:
    """How a finding of this outcome ended, at a subject of this status."""
    match outcome:
        case Outcome.PASS:
            return Result.PASS
        case Outcome.FAIL:
            return Result.WAIVED if status is Status.WAIVED else Result.FAIL
        case Outcome.NOT_APPLICABLE:
            # where nothing at all applied, the control is undetermined, and so is this
            return Result.UNDETERMINED if status is Status.UNDETERMINED else Result.NOT_APPLICABLE
        case _:
            return Result.UNDETERMINED


def on_one_line(text: str) -> str:
    """Inert text in which line breaks and tabs are spaces, as a cell or an attribute takes it."""
    return inert(text.replace("\n", " ").replace("\t", " "))


def stable(*words: str) -> str:
    """The UUID of these words: the same in every run, on every machine."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps(words, ensure_ascii=False)))


def pretty(value: Any) -> bytes:
    """JSON that people can read, whose bytes depend on nothing but the value."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
