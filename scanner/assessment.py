"""The Assessment: what was judged, from what, and what follows; the record that is reported, approved and hashed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from scanner.decision import BaselineRef, Condition, Decision, Level, TailoringRef
from scanner.findings import Finding, Message
from scanner.record import Instant, Name, Record, Sha256, Sorted, Text
from scanner.run_files import FileDigest
from scanner.sights import SubjectId
from scanner.targets import BilingualText, RunKind

__all__ = [
    "Assessment",
    "BaselineRef",
    "Clause",
    "Condition",
    "ControlClass",
    "ControlResult",
    "Count",
    "Decision",
    "DecisionReason",
    "HeadingTally",
    "ReasonCode",
    "Status",
    "SubjectStatus",
    "TailoringRef",
    "Tally",
]

Count = Annotated[int, Field(ge=0)]


class Status(StrEnum):
    """A control's status at a subject, or at its worst subject (OSCAL objective status, and waived)."""

    SATISFIED = "satisfied"
    NOT_APPLICABLE = "not-applicable"
    """Only by a person's recorded reason."""
    WAIVED = "waived"
    UNDETERMINED = "undetermined"
    NOT_SATISFIED = "not-satisfied"


class ControlClass(StrEnum):
    """What a control's failure means (DESIGN glossary, Class of a control)."""

    GATE = "gate"
    MAJOR = "major"
    MINOR = "minor"
    ADVISORY = "advisory"

    @property
    def mandatory(self) -> bool:
        """Whether an undetermined or failed control stands in the way of a certificate."""
        return self is not ControlClass.ADVISORY


class ReasonCode(StrEnum):
    """Why a decision is not a plain authorise; in the order of the truth table."""

    LEVEL_BELOW_3 = "level-below-3"
    GATE_FAILED = "gate-failed"
    PERMIT_UNSIGNED = "permit-unsigned"
    INSPECTOR_NOT_INDEPENDENT = "inspector-not-independent"
    BASELINE_NOT_IN_FORCE = "baseline-not-in-force"
    NO_RULE = "no-rule-selected"
    UNDETERMINED = "control-undetermined"
    NOT_COVERED = "inventory-not-covered"
    FEED_STALE = "feed-stale"
    NOT_SATISFIED = "control-not-satisfied"
    WAIVED = "control-waived"
    PLANNED = "remediation-planned"


class DecisionReason(Record):
    """One reason, with the control, subject and findings it comes from."""

    code: ReasonCode
    leads_to: Decision
    message: Message
    control: Name | None = None
    subject: SubjectId | None = None
    findings: Sorted[str] = ()


class Clause(Record):
    """Where a control comes from."""

    source: Text
    clause: Text
    unverified: bool = False
    """The clause's own text was not found (LAW section 9)."""


class SubjectStatus(Record):
    """A control's status at one subject."""

    subject: SubjectId
    status: Status
    findings: Sorted[str]


class ControlResult(Record):
    """One applicable control, its status at each subject, and its worst."""

    id: Name
    title: BilingualText
    heading: Name
    classed: ControlClass
    clauses: tuple[Clause, ...]
    status: Status
    """Of the worst subject."""
    subjects: tuple[SubjectStatus, ...]


class Tally(Record):
    """The number that never decides, with what it is made of: mandatory findings only."""

    passed: Count
    counted: Count
    """Passed, failed, waived, not checked and in error."""
    assessed: Count
    """Passed, failed and waived: what could be seen."""
    capped: bool
    """A gate failed or is undetermined: the percentage shown is at most 49."""
    percent: Annotated[int, Field(ge=0, le=100)]
    """passed / counted, rounded down, capped."""


class HeadingTally(Record):
    """The tally of one heading of the report (Circular 46/2022 art. 6(2))."""

    heading: Name
    tally: Tally


class Assessment(Record):
    """Everything a reader, an approver and a verifier need to know about a judgement."""

    schema_version: Literal[1] = 1
    run: Name
    kind: RunKind
    order: Sha256
    """Digest of order.json, and with it of scope, permit and inputs."""
    agency: Name
    agency_name: BilingualText
    echelon: Name
    system: Name
    system_name: BilingualText
    level: Level
    judged_at: Instant
    observed_from: Instant | None
    observed_until: Instant | None
    """First and last instant at which anything was seen; None where nothing was."""
    evidence_until: Instant | None
    """When the evidence is too old to rest a certificate on: oldest observation plus the baseline's maximum age, or when the baseline's
    regime serves nobody any more, where that is earlier."""
    fingerprint: Sha256
    """Digest of the system's Fingerprint, as far as it was seen: when its parts change, the certificate lapses."""
    baseline: BaselineRef
    checks: Sorted[FileDigest]
    """Digests of the code that judged."""
    evidence: Sorted[FileDigest]
    """Digests of every observation and attestation judged."""
    findings: tuple[Finding, ...]
    """One for every rule at every applicable subject, by control, check and subject."""
    controls: tuple[ControlResult, ...]
    tally: Tally
    headings: tuple[HeadingTally, ...]
    unmatched_waivers: Sorted[Name]
    decision: Decision
    reasons: tuple[DecisionReason, ...]
    conditions: tuple[Condition, ...]
