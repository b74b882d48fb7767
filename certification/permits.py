"""Permits: signed by the owner's authority, and verified before the first packet."""

from __future__ import annotations

from datetime import datetime

from certification.evidence_statements import PermitPredicate, PermitStatement
from certification.keyring import HolderKind
from certification.opening import Opened, opened
from certification.refusals import Code, Refusal
from certification.signers import Signer, signed
from certification.statements import subjects
from certification.trust import TrustedKey, TrustRoot
from scanner.findings import said
from scanner.targets import Permit


def draft_permit(permit: Permit, at: datetime) -> PermitStatement:
    """The statement by which the owner's authority grants this permit."""
    return PermitStatement(
        subject=subjects({"permit.json": permit.digest()}), predicate=PermitPredicate(stated_at=at, permit=permit)
    )


def sign_permit(permit: Permit, signer: Signer, at: datetime) -> bytes:
    """The permit in its envelope: inputs/permit.dsse.json."""
    return signed(draft_permit(permit, at), signer)


def verified_permit(envelope: bytes, trust: TrustRoot, at: datetime) -> Permit:
    """The permit in this envelope, signed by whom it names as permitting, in force of this trust root."""
    trust.current(at)
    return opened_permit(envelope, trust, at).statement.predicate.permit


def opened_permit(envelope: bytes, trust: TrustRoot, at: datetime) -> Opened[PermitStatement]:
    """The signed permit, and who signed it."""
    found = opened(envelope, PermitStatement, trust, at)
    permit = found.statement.predicate.permit
    if not _permitting(permit, found.signer):
        message = said(
            "signed by {seen}, and permitted by {wanted}",
            seen=found.signer.known.holder,
            wanted=permit.permitted_by.person,
        )
        raise Refusal(Code.PERMIT_SIGNER, message)
    return found


def _permitting(permit: Permit, signer: TrustedKey) -> bool:
    """A person signs in person; an agency's key signs for the agency itself or for the organisation that permits."""
    holder = signer.known.holder
    if signer.known.holder_kind is HolderKind.PERSON:
        return holder == permit.permitted_by.person
    return holder in (permit.agency, permit.permitted_by.organisation)
