"""The QR token: base45, what it says, and that two authorities signed exactly that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certification import base45
from certification.authorisation import AuthorisationStatement
from certification.envelope import read_envelope
from certification.field_check import belongs, field_check, words_of
from certification.keyring import RootKind
from certification.qr_token import SIGNED, QrSignature, QrToken, joined, read_token, signed_bytes
from certification.refusals import Code, Refusal
from certification.statements import read_statement
from certification.verify import verify
from tests.certification.papers import CASE_, Made, made
from tests.certification.stage import LATER, SEEN, known, refused, root, signer

__all__ = ["made"]


@pytest.mark.parametrize(
    ("data", "text"), [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0")]
)
def test_base45_is_that_of_the_rfc(data: bytes, text: str) -> None:
    assert base45.encoded(data) == text
    assert base45.decoded(text) == data


@given(st.binary(max_size=60))
def test_whatever_is_written_in_base45_is_read_back(data: bytes) -> None:
    assert base45.decoded(base45.encoded(data)) == data


@given(st.text(alphabet="0AZ %:ab", max_size=12))
def test_one_text_for_each_sequence_of_bytes(text: str) -> None:
    try:
        data = base45.decoded(text)
    except ValueError:
        return
    assert base45.encoded(data) == text


def test_a_token_is_verified_with_the_trust_root_alone(made: Made) -> None:
    text = made.token.text()
    assert len(text) < 600
    seen = field_check(text, CASE_.trust, LATER)
    granted = verify(made.certificate, CASE_.trust, LATER).granted
    assert (seen.words.serial, seen.words.agency, seen.words.apis) == (granted.serial, "P01", granted.scope.apis)
    assert {key.known.holder for key in seen.signers} == {"an", "binh"}
    assert read_token(text + "\n").text() == text


def test_no_changed_sign_of_a_token_is_accepted(made: Made) -> None:
    text = made.token.text()
    for place in range(len(text)):
        for sign in ("0", "Z"):
            changed = text[:place] + sign + text[place + 1 :]
            if changed != text:
                with pytest.raises(Refusal):
                    field_check(changed, CASE_.trust, LATER)


@given(st.binary(max_size=120))
@settings(max_examples=200)
def test_any_bytes_are_a_token_or_refused(data: bytes) -> None:
    for text in (SIGNED + base45.encoded(data), data.decode("latin-1")):
        with pytest.raises(Refusal):
            field_check(text, CASE_.trust, LATER)


def test_one_authority_one_person_or_one_key_is_not_enough(made: Made) -> None:
    first, second = made.token.signatures
    words = made.token.words
    with refused(Code.QUORUM_MISSING):
        field_check(QrToken(words, (first,)).text(), CASE_.trust, LATER)
    with pytest.raises(Refusal, match=r"signature-repeated|quorum"):
        field_check(QrToken(words, (first, first)).text(), CASE_.trust, LATER)
    chi = signer("chi").sign_both(read_statement(read_envelope(made.certificate).payload, AuthorisationStatement), words)[1]
    an = next(one for one in (first, second) if signer("an").keyid.startswith(one.keyid[:32]))
    assert chi is not None
    with refused(Code.QUORUM_ONE_AUTHORITY):
        field_check(QrToken(words, (an, chi)).text(), CASE_.trust, LATER)


def test_only_approvers_keys_and_only_over_tokens(made: Made) -> None:
    words = made.token.words
    statement = read_statement(read_envelope(made.certificate).payload, AuthorisationStatement)
    dung = signer("dung").sign_both(statement, words)[1]
    assert dung is not None
    with refused(Code.KEY_ROLE):
        field_check(QrToken(words, (made.token.signatures[0], dung)).text(), CASE_.trust, LATER)
    one = made.token.signatures[0]
    envelope = QrSignature(one.keyid, one.algorithm, bytes.fromhex(signer("an").sign(statement).signature)[:64].ljust(64, b"\0"))
    with refused(Code.SIGNATURE_WRONG):
        field_check(QrToken(words, (envelope, made.token.signatures[1])).text(), CASE_.trust, LATER)
    assert signed_bytes(words, -8) != read_envelope(made.certificate).pae()


def test_a_token_counts_in_its_time_and_below_the_ceiling(made: Made) -> None:
    words = made.token.words
    with refused(Code.EXPIRED):
        field_check(made.token.text(), CASE_.trust, words.not_after)
    with refused(Code.NOT_YET_VALID):
        field_check(made.token.text(), CASE_.trust, words.not_before - timedelta(seconds=1))
    less = tuple(each.model_copy(update={"apis": ("read",)}) for each in CASE_.trust.keyring.ceilings)
    with refused(Code.ABOVE_CEILING):
        field_check(made.token.text(), root(ceilings=less), LATER)
    revoked = known("binh", CASE_.trust.key(signer("binh").keyid).known.role, authority="ministry-b", revoked_at=SEEN)
    keys = tuple(revoked if key.holder == "binh" else key for key in CASE_.trust.keyring.keys)
    with refused(Code.KEY_REVOKED):
        field_check(made.token.text(), root(keys=keys), LATER)


def test_a_token_of_an_exercise_says_so_and_counts_under_no_production_root(made: Made) -> None:
    statement = read_statement(read_envelope(made.certificate).payload, AuthorisationStatement)
    assert not made.token.words.laboratory
    baseline = statement.predicate.baseline.model_copy(update={"laboratory": True})
    exercise = statement.model_copy(update={"predicate": statement.predicate.model_copy(update={"baseline": baseline})})
    words = words_of(exercise)
    text = joined(words, [signer(name).sign_both(exercise, words)[1] for name in ("an", "binh")]).text()
    with refused(Code.BASELINE_LABORATORY):
        field_check(text, CASE_.trust, LATER)
    assert field_check(text, root(kind=RootKind.LABORATORY), LATER).words.laboratory


def test_a_token_of_another_certificate_does_not_belong(made: Made) -> None:
    statement = read_statement(read_envelope(made.certificate).payload, AuthorisationStatement)
    belongs(made.token.text(), statement, CASE_.trust, LATER)
    other = statement.model_copy(update={"predicate": statement.predicate.model_copy(update={"serial": "CC-other"})})
    with refused(Code.QR_DIFFERS):
        belongs(made.token.text(), other, CASE_.trust, LATER)


def test_where_a_signature_does_not_fit_the_code_holds_the_digest_and_says_so(made: Made) -> None:
    pointer = joined(made.token.words, [made.token.signatures[0], None]).text()
    assert len(pointer) < 150
    with refused(Code.QR_POINTER) as told:
        field_check(pointer, CASE_.trust, LATER)
    assert made.token.words.serial in str(told.value)
    for broken in ("NPD0:", "NPD0:AAA", "NPD2:" + pointer[5:]):
        with refused(Code.QR_MALFORMED):
            field_check(broken, CASE_.trust, LATER)
