"""The field check: a QR token verified with the trust root alone, as by an inspector with a phone's text and no network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from certification.keyring import RootKind
from certification.keys import Signature, verified
from certification.opening import in_role
from certification.qr_token import QrSignature, QrToken, QrWords, der, joined, read_token, signed_bytes
from certification.quorum import quorum
from certification.refusals import Code, Refusal
from certification.statements import Role
from certification.trust import TrustedKey, TrustRoot
from scanner.findings import said
from scanner.record import sha256

if TYPE_CHECKING:
    from certification.authorisation import AuthorisationStatement


@dataclass(frozen=True, slots=True)
class Seen:
    """What a token says, and who signed it."""

    words: QrWords
    signers: tuple[TrustedKey, ...]


def field_check(text: str, trust: TrustRoot, at: datetime) -> Seen:
    """What the token in this text grants now; refuses one that two authorities did not sign, or that is not in its time.

    Whether the certificate was suspended or revoked since no token can say, nor whether it stands in a log.
    """
    token = read_token(text)
    signers = _signers(token, trust, at)
    quorum(signers)
    words = token.words
    if words.laboratory and trust.keyring.kind is RootKind.PRODUCTION:
        raise Refusal(Code.BASELINE_LABORATORY, said("{serial} rests on a baseline made for exercises", serial=words.serial))
    if at < words.not_before:
        raise Refusal(Code.NOT_YET_VALID, said("valid from {day} UTC", day=f"{words.not_before:%Y-%m-%d %H:%M:%S}"))
    if at >= words.not_after:
        raise Refusal(Code.EXPIRED, said("valid until {day} UTC", day=f"{words.not_after:%Y-%m-%d %H:%M:%S}"))
    trust.of_echelon(words.agency, words.echelon, at)
    beyond = sorted(set(words.apis) - set(trust.ceiling(words.echelon, at).apis))
    if beyond:
        message = said("echelon {echelon} may not use {apis}", echelon=words.echelon, apis=", ".join(beyond))
        raise Refusal(Code.ABOVE_CEILING, message)
    return Seen(words, signers)


def belongs(text: str, statement: AuthorisationStatement, trust: TrustRoot, at: datetime) -> None:
    """Returns where the token in this text is the one of this authorisation, signed by two authorities; or the pointer to it."""
    text = text.strip("\r\n")
    if text == joined(words_of(statement), (None,)).text():
        return
    token = read_token(text)
    if token.words != words_of(statement):
        raise Refusal(
            Code.QR_DIFFERS, said("the code is that of another certificate than {serial}", serial=statement.predicate.serial)
        )
    quorum(_signers(token, trust, at))


def _signers(token: QrToken, trust: TrustRoot, at: datetime) -> tuple[TrustedKey, ...]:
    found = []
    for one in token.signatures:
        key = _key(one, trust)
        in_role(key, Role.APPROVER)
        made = Signature(key.known.keyid, der(one.algorithm, one.signature).hex())
        verified(key.verifier, made, signed_bytes(token.words, one.algorithm))
        key.valid(token.words.not_before, at)
        found.append(key)
    if len({key.known.keyid for key in found}) != len(found):
        raise Refusal(Code.SIGNATURE_REPEATED, said("one key signed twice"))
    return tuple(found)


def _key(one: QrSignature, trust: TrustRoot) -> TrustedKey:
    fitting = [key for keyid, key in trust.keys.items() if keyid.startswith(one.keyid)]
    if len(fitting) != 1:
        raise Refusal(Code.KEY_UNKNOWN, said("key {key} does not stand in the trust root", key=one.keyid))
    return fitting[0]


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
        laboratory=granted.baseline.laboratory,
    )
