"""Evidence: a sealed bundle whose every signature, digest and tie was verified. Nothing is judged again here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from certification.chronology import in_turn
from certification.evidence_statements import EvaluationStatement, PermitStatement, ScanEvidenceStatement
from certification.opening import Opened, opened
from certification.refusals import Code, Refusal
from certification.sealing import assessment_of, draft_evaluation, draft_scan_evidence, file_of, order_of, permit_in
from certification.statements import Subject
from certification.trust import TrustRoot
from scanner.assessment import Assessment
from scanner.findings import said
from scanner.likeness import is_among
from scanner.order import Order
from scanner.record import sha256
from scanner.run_files import (
    ANCHORS,
    BASELINE,
    CRLS,
    DEVIATIONS,
    EVALUATION,
    ORDER,
    PERMIT_ENVELOPE,
    SCAN_EVIDENCE,
    SIGNATURES,
    TAILORING,
    is_evidence,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A verified bundle."""

    files: Mapping[str, bytes]
    order: Order
    assessment: Assessment
    permit: Opened[PermitStatement]
    seal: Opened[ScanEvidenceStatement]
    evaluation: Opened[EvaluationStatement]
    observed_from: datetime
    observed_until: datetime
    evidence_until: datetime


def read_evidence(files: Mapping[str, bytes], trust: TrustRoot, at: datetime) -> Evidence:
    """The evidence in a bundle, verified from the outside in: seal, order, permit, assessment, evaluation."""
    # (1) the scanner instance sealed exactly these files; before this no file of the bundle is parsed
    seal = opened(file_of(files, SCAN_EVIDENCE), ScanEvidenceStatement, trust, at)
    same_files(seal.statement.subject, {path: data for path, data in files.items() if path not in SIGNATURES})
    # (2) and said about them what they say
    order = order_of(files)
    if draft_scan_evidence(files, seal.statement.predicate.stated_at) != seal.statement:
        raise Refusal(Code.SEAL_DIFFERS, said("the seal tells of run {run} what its files do not", run=order.run))
    # (3) every input is the one the order names
    _inputs(files, order)
    # (4) the permit is signed, and is the order's
    permit = permit_in(files, order, trust, at)
    # (5) the assessment is of this order and these files
    assessment = assessment_of(files)
    _assessed(files, order, assessment)
    # (6) an independent inspector whom the permit names signed that assessment
    evaluation = opened(file_of(files, EVALUATION), EvaluationStatement, trust, at)
    _evaluated(files, order, evaluation)
    # (7) something was seen, after it was permitted and ordered, and before it was sealed and evaluated
    first, last, until = assessment.observed_from, assessment.observed_until, assessment.evidence_until
    if first is None or last is None or until is None:
        raise Refusal(Code.NOTHING_OBSERVED, said("nothing was observed in run {run}", run=order.run))
    permitted = permit.statement.predicate.stated_at
    in_turn(permitted, order.ordered_at, first, last, seal.statement.predicate.stated_at)
    in_turn(last, evaluation.statement.predicate.stated_at)
    return Evidence(files, order, assessment, permit, seal, evaluation, first, last, until)


def same_files(subjects: tuple[Subject, ...], files: Mapping[str, bytes]) -> None:
    """Returns where these subjects are exactly these files: none more, none fewer, none changed."""
    signed = {subject.name: subject.digests.sha256 for subject in subjects}
    for path in sorted(files.keys() - signed.keys()):
        raise Refusal(Code.EVIDENCE_ADDED, said("{path} was not signed for", path=path))
    for path in sorted(signed.keys() - files.keys()):
        raise Refusal(Code.EVIDENCE_REMOVED, said("{path} is missing", path=path))
    for path, digest in signed.items():
        if sha256(files[path]) != digest:
            raise Refusal(Code.EVIDENCE_CHANGED, said("{path} was changed after it was signed for", path=path))


def _inputs(files: Mapping[str, bytes], order: Order) -> None:
    named = {
        BASELINE: order.baseline,
        TAILORING: order.tailoring,
        DEVIATIONS: order.deviations,
        ANCHORS: order.trust_anchors,
        CRLS: order.crls,
        PERMIT_ENVELOPE: order.permit_envelope,
    }
    for path, digest in named.items():
        if (sha256(files[path]) if path in files else None) != digest:
            raise Refusal(Code.INPUT_DIFFERS, said("{path} is not what the order names", path=path))


def _assessed(files: Mapping[str, bytes], order: Order, assessment: Assessment) -> None:
    scope = order.scope
    evidence = {path: sha256(data) for path, data in files.items() if is_evidence(path)}
    told = {
        "run": (assessment.run, order.run),
        "kind": (assessment.kind, order.kind),
        "order": (assessment.order, sha256(files[ORDER])),
        "agency": (assessment.agency, scope.agency.code),
        "agency_name": (assessment.agency_name, scope.agency.name),
        "echelon": (assessment.echelon, scope.agency.echelon),
        "system": (assessment.system, scope.system.id),
        "system_name": (assessment.system_name, scope.system.name),
        "level": (assessment.level, scope.system.level),
        "judged_at": (assessment.judged_at, order.judged_at),
        "baseline": (assessment.baseline.sha256, order.baseline),
        "tailoring": (assessment.baseline.tailoring and assessment.baseline.tailoring.sha256, order.tailoring),
        "evidence": ({file.path: file.sha256 for file in assessment.evidence}, evidence),
    }
    for name, (seen, wanted) in told.items():
        if seen != wanted:
            raise Refusal(Code.ASSESSMENT_DIFFERS, said("the assessment is of another {name}", name=name))


def _evaluated(files: Mapping[str, bytes], order: Order, evaluation: Opened[EvaluationStatement]) -> None:
    statement, signer = evaluation.statement, evaluation.signer
    holder = signer.known.holder
    if draft_evaluation(files, holder, statement.predicate.stated_at) != statement:
        raise Refusal(Code.EVALUATION_DIFFERS, said("{holder} evaluated another assessment", holder=holder))
    if holder not in {inspector.person for inspector in order.permit.inspectors}:
        raise Refusal(Code.INSPECTOR_NOT_PERMITTED, said("{holder} is not an inspector of the permit", holder=holder))
    known = () if signer.person is None else (signer.person.organisation,)
    organisations = (*known, *(inspector.organisation for inspector in order.permit.inspectors))
    scope = order.scope
    own = (scope.agency.code, scope.agency.name.vi, scope.agency.name.en, scope.system.operator)
    for organisation in organisations:
        # Decree 331/2026 art. 31.2c: neither of the agency nor of the operator
        if is_among(organisation, own):
            message = said("an inspector of {organisation}, which the inspection is about", organisation=organisation)
            raise Refusal(Code.INSPECTOR_NOT_INDEPENDENT, message)
