"""The quorum: two authorities' approvers must have signed, and none of them may have inspected the system or belong to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from certification.refusals import Code, Refusal
from certification.trust import TrustedKey
from scanner.findings import said

if TYPE_CHECKING:
    from certification.authorisation import AuthorisationPredicate

QUORUM = 2
"""Authorities that must sign. A constant: no file and no option lowers it."""


def quorum(signers: Sequence[TrustedKey]) -> None:
    """Returns where two authorities approved, by two people with two keys: these are counted, not key ids."""
    # A person acts for one authority only (a trust root is refused otherwise): two authorities are two people.
    keys = {signer.known.keyid for signer in signers}
    people = {signer.known.holder for signer in signers}
    authorities = {signer.known.authority for signer in signers if signer.known.authority is not None}
    if len(keys) < QUORUM:
        raise Refusal(Code.QUORUM_MISSING, said("{count} of {wanted} approvals", count=len(keys), wanted=QUORUM))
    if len(people) < QUORUM:
        raise Refusal(Code.QUORUM_ONE_PERSON, said("all approvals are by {person}", person=", ".join(people)))
    if len(authorities) < QUORUM:
        message = said("all approvals are for {authority}", authority=", ".join(authorities))
        raise Refusal(Code.QUORUM_ONE_AUTHORITY, message)


def apart(signers: Sequence[TrustedKey], granted: AuthorisationPredicate) -> None:
    """Returns where no approver inspected the system, or belongs to its agency or operator."""
    own = (granted.agency.code, granted.agency.name.vi, granted.agency.name.en, granted.system.operator)
    for signer in signers:
        holder = signer.known.holder
        if holder in granted.inspectors:
            raise Refusal(Code.APPROVER_IS_INSPECTOR, said("{person} inspected the system", person=holder))
        if signer.person is None or same_name(signer.person.organisation, own):
            raise Refusal(Code.APPROVER_OF_AGENCY, said("{person} belongs to the agency or the operator", person=holder))


def same_name(organisation: str, names: Iterable[str]) -> bool:
    """Whether this organisation is one of these, however it is capitalised."""
    return organisation.strip().casefold() in {name.strip().casefold() for name in names}
