"""What the scanner instance and the inspector sign about a run: what follows from its files and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from certification.evidence_statements import (
    ControlVerdict,
    Coverage,
    EvaluationPredicate,
    EvaluationStatement,
    PermitStatement,
    ScanEvidencePredicate,
    ScanEvidenceStatement,
)
from certification.opening import Opened, in_role
from certification.permits import opened_permit
from certification.refusals import Code, Refusal
from certification.signers import Signer, signed
from certification.statements import file_subjects, subjects
from certification.trust import TrustRoot
from scanner.assessment import Assessment, Status
from scanner.findings import said
from scanner.observations import Reason, Unobserved
from scanner.order import Order
from scanner.record import RecordError, sha256
from scanner.store import ASSESSMENT, JOURNAL, MANIFEST, ORDER, PERMIT_ENVELOPE, SIGNATURES, StoreError, manifest_of, sightings
from scanner.targets import RunKind

_INTERFERENCE = (Reason.BLOCKED, Reason.RESET, Reason.TIMED_OUT)


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turns a record or a run that cannot be read into a refusal."""
    try:
        yield
    except (RecordError, StoreError) as error:
        raise Refusal(Code.EVIDENCE_MALFORMED, said("{where}: {why}", where=where, why=str(error))) from None


def file_of(files: Mapping[str, bytes], path: str) -> bytes:
    """One file of the run; refuses a run without it."""
    if path not in files:
        raise Refusal(Code.EVIDENCE_MISSING, said("{path} is missing", path=path))
    return files[path]


def order_of(files: Mapping[str, bytes]) -> Order:
    """The order of the run."""
    with reading(ORDER):
        return Order.read(file_of(files, ORDER))


def assessment_of(files: Mapping[str, bytes]) -> Assessment:
    """The assessment of the run."""
    with reading(ASSESSMENT):
        return Assessment.read(file_of(files, ASSESSMENT))


def permit_in(files: Mapping[str, bytes], order: Order, trust: TrustRoot, at: datetime) -> Opened[PermitStatement]:
    """The signed permit of a run, which is its order's; refuses a self-check, a run without one, and an order that permits itself more."""
    if order.kind is RunKind.SELF_CHECK:
        raise Refusal(Code.SELF_CHECK, said("run {run} is a self-check", run=order.run))
    if order.permit_envelope is None:
        raise Refusal(Code.PERMIT_UNSIGNED, said("run {run} has no signed permit", run=order.run))
    permit = opened_permit(file_of(files, PERMIT_ENVELOPE), trust, at)
    if permit.statement.predicate.permit != order.permit:
        raise Refusal(Code.PERMIT_DIFFERS, said("the order's permit is not the one that was signed"))
    return permit


def draft_scan_evidence(files: Mapping[str, bytes], at: datetime) -> ScanEvidenceStatement:
    """The seal of a run: its subjects are every file but the signatures and the journal, the manifest among them."""
    order, assessment = order_of(files), assessment_of(files)
    if file_of(files, MANIFEST) != manifest_of(files).written():
        raise Refusal(Code.MANIFEST_DIFFERS, said("the manifest does not list exactly the files of the run"))
    return ScanEvidenceStatement(
        subject=file_subjects({path: data for path, data in files.items() if path not in (JOURNAL, *SIGNATURES)}),
        predicate=ScanEvidencePredicate(
            stated_at=at,
            run=order.run,
            kind=order.kind,
            order_sha256=sha256(files[ORDER]),
            order_nonce=order.nonce,
            baseline_sha256=order.baseline,
            tool=order.tool,
            checks=order.checks,
            observed_from=assessment.observed_from,
            observed_until=assessment.observed_until,
            coverage=_coverage(files, order),
        ),
    )


def _coverage(files: Mapping[str, bytes], order: Order) -> Coverage:
    with reading("observations"):
        results = [sighting.result for sighting, _ in sightings(files).values()]
    reasons = [result.reason for result in results if isinstance(result, Unobserved)]
    return Coverage(
        planned=len(order.plan),
        seen=len(results) - len(reasons),
        unobserved=len(reasons),
        skipped=len(order.skipped),
        interfered=sum(reason in _INTERFERENCE for reason in reasons),
    )


def draft_evaluation(files: Mapping[str, bytes], inspector: str, at: datetime) -> EvaluationStatement:
    """The evaluation of a run by this inspector; its subject is the assessment."""
    order, assessment = order_of(files), assessment_of(files)
    return EvaluationStatement(
        subject=subjects({ASSESSMENT: sha256(files[ASSESSMENT])}),
        predicate=EvaluationPredicate(
            stated_at=at,
            inspector=inspector,
            run=order.run,
            order_sha256=sha256(files[ORDER]),
            order_nonce=order.nonce,
            policy=assessment.baseline,
            deviations_sha256=order.deviations,
            results=tuple(ControlVerdict(control=control.id, status=control.status) for control in assessment.controls),
            inconclusive=tuple(
                control.id
                for control in assessment.controls
                if any(subject.status is Status.UNDETERMINED for subject in control.subjects)
            ),
            passed=assessment.tally.passed,
            counted=assessment.tally.counted,
            decision=assessment.decision,
        ),
    )


def sign_scan_evidence(files: Mapping[str, bytes], signer: Signer, at: datetime) -> bytes:
    """The seal of a run in its envelope: scan-evidence.dsse.json."""
    return signed(draft_scan_evidence(files, at), signer)


def sign_evaluation(files: Mapping[str, bytes], signer: Signer, trust: TrustRoot, at: datetime) -> bytes:
    """The evaluation of a run in its envelope: evaluation.dsse.json; the key tells who the inspector is. Refuses one whose order is not as permitted."""
    key = trust.key(signer.keyid)
    in_role(key, EvaluationStatement.role)
    key.valid(at, at)
    order = order_of(files)
    if order.kind is not RunKind.SELF_CHECK:
        permit_in(files, order, trust, at)
    return signed(draft_evaluation(files, key.known.holder, at), signer)
