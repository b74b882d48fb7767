"""The quorum: two authorities' approvers must have signed, and none of them may have inspected the system or belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from certification.refusals import Code, Refusal
from certification.trust import TrustedKey
from scanner.findings import said
from scanner.likeness import is_among, likeness

if TYPE_CHECKING:
    from certification.authorisation import AuthorisationPredicate

QUORUM = 2
"""Authorities that must sign. A constant: no file and no option lowers it."""


def quorum(signers: Sequence[TrustedKey]) -> None:
    """Returns where two authorities approved, by two people with two keys: these are counted, not key ids."""
    # A person acts for one authority only (a trust root is refused otherwise): two authorities are two people.
    keys = {signer.known.keyid for signer in signers}
    people = {likeness(signer.known.holder): signer.known.holder for signer in signers}
    authorities = {likeness(name): name for signer in signers if (name := signer.known.authority) is not None}
    if len(keys) < QUORUM:
        raise Refusal(
            Code.QUORUM_MISSING,
            said(
                "{count} of {wanted} approvals, by {people}",
                count=len(keys),
                wanted=QUORUM,
                people=", ".join(people.values()) or "-",
            ),
        )
    if len(people) < QUORUM:
        raise Refusal(Code.QUORUM_ONE_PERSON, said("all approvals are by {person}", person=", ".join(people.values())))
    if len(authorities) < QUORUM:
        message = said("all approvals are for {authority}", authority=", ".join(authorities.values()))
        raise Refusal(Code.QUORUM_ONE_AUTHORITY, message)


def apart(signers: Sequence[TrustedKey], granted: AuthorisationPredicate) -> None:
    """Returns where no approver inspected the system, or belongs to its agency or operator."""
    own = (granted.agency.code, granted.agency.name.vi, granted.agency.name.en, granted.system.operator)
    for signer in signers:
        holder = signer.known.holder
        if is_among(holder, granted.inspectors):
            raise Refusal(Code.APPROVER_IS_INSPECTOR, said("{person} inspected the system", person=holder))
        if signer.person is None or is_among(signer.person.organisation, own):
            raise Refusal(Code.APPROVER_OF_AGENCY, said("{person} belongs to the agency or the operator", person=holder))
