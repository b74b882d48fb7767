"""Approvals: two authorities sign the same bytes, each after its own station has worked out what they must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from certification.authorisation import AuthorisationPredicate, AuthorisationStatement
from certification.envelope import Envelope
from certification.evidence import same_name
from certification.grounds import as_asked, draft_authorisation, follows, opened_request
from certification.opening import in_role, opened
from certification.policy import below_ceiling, examined, fresh, in_force
from certification.qr_token import QrSignature, QrWords
from certification.recomputing import Rejudge, recomputed
from certification.refusals import Code, Refusal
from certification.rendering import rendered
from certification.signers import Signer
from certification.trust import TrustedKey, TrustRoot
from scanner.findings import said
from scanner.order import FileDigest
from scanner.record import sha256

QUORUM = 2
"""Authorities that must sign. A constant: no file and no option lowers it."""


@dataclass(frozen=True, slots=True)
class Approved:
    """What one act of approval leaves: the authorisation, and the signer's signature of its QR token."""

    authorisation: bytes
    words: QrWords
    small: QrSignature | None
    """None where the signer's key has no signature that fits into a code."""


def approved(  # noqa: PLR0913 - what an approval rests on, the means by name
    bundle: Mapping[str, bytes],
    request: bytes,
    trust: TrustRoot,
    at: datetime,
    *,
    signer: Signer,
    rejudge: Rejudge,
    confirm: Callable[[str], bool],
    code_digests: Iterable[FileDigest] | None = None,
    authorisation: bytes | None = None,
) -> Approved:
    """The authorisation with this signer's approval, and the signature over its QR token made in the same act.

    Nothing is signed on trust: all is worked out again from the bundle first. `confirm` is shown what will be signed,
    in full, and may still say no.
    """
    # (1) a key of an approver, valid now
    trust.current(at)
    key = trust.key(signer.keyid)
    in_role(key, AuthorisationStatement)
    key.valid(at, at)
    already: tuple[TrustedKey, ...] = ()
    # (2) what the bundle and the request lead to; what another has begun must be exactly that
    if authorisation is None:
        statement = draft_authorisation(bundle, request, trust, at)
        envelope = Envelope(statement.written())
    else:
        begun = opened(authorisation, AuthorisationStatement, trust, at)
        statement, envelope, already = begun.statement, begun.envelope, begun.signers
        sound(statement, trust, at)
        follows(statement, bundle, trust, at)
        for_request(statement.predicate, request)
    grantable(statement.predicate, trust, at)
    # (3) the same judgement, made again on this station
    recomputed(bundle, rejudge, code_digests)
    # (4) somebody who may approve this, and has not yet
    key.valid(statement.predicate.stated_at, at)
    apart((*already, key), statement.predicate)
    _not_yet(key, already)
    # (5) the person agrees to these very bytes
    if not confirm(rendered(statement)):
        raise Refusal(Code.NOT_CONFIRMED, said("nothing was signed"))
    words = words_of(statement)
    signature, small = signer.sign_both(statement, words)
    return Approved(envelope.signed_also(signature).written(), words, small)


def words_of(statement: AuthorisationStatement) -> QrWords:
    """What the QR token of this authorisation says: nothing that does not follow from its payload."""
    granted = statement.predicate
    return QrWords(
        serial=granted.serial,
        kind=granted.kind.value,
        agency=granted.agency.code,
        system=granted.system.id,
        echelon=granted.agency.echelon,
        apis=granted.scope.apis,
        not_before=granted.not_before,
        not_after=granted.not_after,
        authorisation=sha256(statement.written()),
        conditions=len(granted.conditions),
    )


def sound(statement: AuthorisationStatement, trust: TrustRoot, at: datetime) -> None:
    """Returns where the authorisation stands by its own words: policy allows it, its agency asked for it."""
    granted = statement.predicate
    examined(granted, trust)
    as_asked(granted, opened_request(granted.request_envelope(), trust, at).statement.predicate)


def grantable(granted: AuthorisationPredicate, trust: TrustRoot, at: datetime) -> None:
    """Returns where it may still be granted at this instant: evidence still young, in force, within today's ceiling."""
    fresh(granted.scan_started, at)
    in_force(granted, at)
    below_ceiling(granted.scope, granted.agency.echelon, trust, at)


def for_request(granted: AuthorisationPredicate, request: bytes) -> None:
    """Returns where the authorisation answers this very request."""
    if granted.request_envelope() != request:
        raise Refusal(Code.REQUEST_DIFFERS, said("{serial} answers another request", serial=granted.serial))


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


def _not_yet(key: TrustedKey, already: Sequence[TrustedKey]) -> None:
    for other in already:
        if other.known.holder == key.known.holder or other.known.authority == key.known.authority:
            message = said(
                "{person} has approved for {authority}", person=other.known.holder, authority=str(other.known.authority)
            )
            raise Refusal(Code.APPROVED_ALREADY, message)
