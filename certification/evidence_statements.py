"""The statements that evidence rests on: the permit, the scanner's seal and the inspector's evaluation."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from certification.statements import Predicate, Role, Statement, subjects
from scanner.assessment import BaselineRef, Count, Decision, Status
from scanner.record import Instant, Name, Record, Sha256, Sorted, Text
from scanner.run_files import FileDigest
from scanner.targets import Permit, RunKind


class PermitPredicate(Predicate):
    """The permit that is granted."""

    permit: Permit


class PermitStatement(Statement):
    """The owner's authority permits an inspection."""

    role: ClassVar[Role] = Role.OWNER
    predicate_type: Literal["urn:npd:clearance:permit/v1"] = Field(default="urn:npd:clearance:permit/v1", alias="predicateType")
    predicate: PermitPredicate

    @model_validator(mode="after")
    def _about_its_permit(self) -> Self:
        if self.subject != subjects({"permit.json": self.predicate.permit.digest()}):
            raise ValueError("the subject is not the permit in the predicate")
        return self


class Coverage(Record):
    """How much of the plan was seen, and what stood in the way."""

    planned: Count
    seen: Count
    unobserved: Count
    skipped: Count
    interfered: Count
    """Sights that ended in a block, a reset or a time-out: signs of interference with the scan."""


class ScanEvidencePredicate(Predicate):
    """What the scanner instance vouches for: this order, by this tool, gathered these files."""

    run: Name
    kind: RunKind
    order_sha256: Sha256
    order_nonce: Sha256
    baseline_sha256: Sha256
    tool: Text
    checks: Sorted[FileDigest]
    observed_from: Instant | None
    observed_until: Instant | None
    coverage: Coverage


class ScanEvidenceStatement(Statement):
    """The scanner instance seals a run: the manifest and every file in it are subjects."""

    role: ClassVar[Role] = Role.SCANNER_INSTANCE
    predicate_type: Literal["urn:npd:clearance:scan-evidence/v1"] = Field(
        default="urn:npd:clearance:scan-evidence/v1", alias="predicateType"
    )
    predicate: ScanEvidencePredicate


class ControlVerdict(Record):
    """One control's status, as the inspector signs it."""

    control: Name
    status: Status


class EvaluationPredicate(Predicate):
    """The inspector's evaluation, after the SLSA verification summary: verifier, policy and result."""

    inspector: Name
    run: Name
    order_sha256: Sha256
    order_nonce: Sha256
    policy: BaselineRef
    deviations_sha256: Sha256 | None
    results: tuple[ControlVerdict, ...]
    inconclusive: Sorted[Name]
    """Controls that are undetermined somewhere."""
    passed: Count
    counted: Count
    decision: Decision


class EvaluationStatement(Statement):
    """An inspector signs an assessment."""

    role: ClassVar[Role] = Role.INSPECTOR
    predicate_type: Literal["urn:npd:clearance:evaluation/v1"] = Field(
        default="urn:npd:clearance:evaluation/v1", alias="predicateType"
    )
    predicate: EvaluationPredicate
