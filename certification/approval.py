"""Approvals: two authorities sign the same bytes, each after its own station has worked out what they must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from certification.authorisation import AuthorisationPredicate, AuthorisationStatement
from certification.envelope import Envelope
from certification.field_check import words_of
from certification.grounds import draft_authorisation, follows
from certification.opening import in_role, opened
from certification.policy import below_ceiling, fresh, in_force, sound
from certification.qr_token import QrSignature, QrWords
from certification.quorum import apart
from certification.recomputing import Rejudge, recomputed
from certification.refusals import Code, Refusal
from certification.rendering import rendered
from certification.signers import Signer
from certification.trust import TrustedKey, TrustRoot
from scanner.findings import said
from scanner.run_files import FileDigest


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
    in_role(key, AuthorisationStatement.role)
    key.valid(at, at)
    already: tuple[TrustedKey, ...] = ()
    # (2) what the bundle and the request lead to; what another has begun must be exactly that
    if authorisation is None:
        statement = draft_authorisation(bundle, request, trust, at)
        envelope = Envelope(statement.written())
    else:
        begun = opened(authorisation, AuthorisationStatement, trust, at)
        statement, envelope, already = begun.statement, begun.envelope, begun.signers
        for other in already:
            other.lasts(at)
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


def grantable(granted: AuthorisationPredicate, trust: TrustRoot, at: datetime) -> None:
    """Returns where it may still be granted at this instant: evidence still young, in force, within today's ceiling."""
    fresh(granted.scan_started, at)
    in_force(granted, at)
    below_ceiling(granted.scope, granted.agency, trust, at)


def for_request(granted: AuthorisationPredicate, request: bytes) -> None:
    """Returns where the authorisation answers this very request."""
    if granted.request_envelope() != request:
        raise Refusal(Code.REQUEST_DIFFERS, said("{serial} answers another request", serial=granted.serial))


def _not_yet(key: TrustedKey, already: Sequence[TrustedKey]) -> None:
    for other in already:
        if other.known.holder == key.known.holder or other.known.authority == key.known.authority:
            message = said(
                "{person} has approved for {authority}", person=other.known.holder, authority=str(other.known.authority)
            )
            raise Refusal(Code.APPROVED_ALREADY, message)
