"""Envelopes: one written form, and nothing else is read."""

from __future__ import annotations

import base64
import json

import pytest

from certification.envelope import PAYLOAD_TYPE, SIGNATURES_LIMIT, Envelope, read_envelope
from certification.keys import Signature
from certification.refusals import Code
from scanner.record import canonical
from tests.certification.stage import refused

GOOD = Envelope(b'{"a":1}').signed_also(Signature("22" * 32, "ff00")).signed_also(Signature("11" * 32, "ee"))


def test_what_was_written_is_read_back_and_written_the_same() -> None:
    assert read_envelope(GOOD.written()) == GOOD
    assert [signature.keyid for signature in GOOD.signatures] == ["11" * 32, "22" * 32]


def test_the_encoding_that_is_signed_is_that_of_the_dsse_specification() -> None:
    assert GOOD.pae() == b'DSSEv1 28 application/vnd.in-toto+json 7 {"a":1}'


def _changed(**changes: object) -> bytes:
    return canonical({**json.loads(GOOD.written()), **changes})


def _signature(**changes: object) -> bytes:
    first, second = json.loads(GOOD.written())["signatures"]
    return _changed(signatures=[{**first, **changes}, second])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", Code.ENVELOPE_MALFORMED),
        (b"\xff\xfe", Code.ENVELOPE_MALFORMED),
        (b"[]", Code.ENVELOPE_MALFORMED),
        (b'{"payload":"\\ud800"}', Code.ENVELOPE_MALFORMED),
        (b'{"payload":NaN}', Code.ENVELOPE_MALFORMED),
        (b'{"payload":1e999}', Code.ENVELOPE_MALFORMED),
        (b'{"payload":12345678901234567890}', Code.ENVELOPE_MALFORMED),
        (b'{"payload":"","payload":""}', Code.ENVELOPE_MALFORMED),
        (b"[" * 100_000, Code.ENVELOPE_MALFORMED),
        (_changed(more=1), Code.ENVELOPE_MALFORMED),
        (_changed(payload="?"), Code.ENVELOPE_MALFORMED),
        (_changed(payload=7), Code.ENVELOPE_MALFORMED),
        (_changed(payloadType="application/json"), Code.PAYLOAD_TYPE),
        (_changed(payloadType=PAYLOAD_TYPE.upper()), Code.PAYLOAD_TYPE),
        (_changed(signatures=[]), Code.SIGNATURE_COUNT),
        (
            _changed(signatures=[{"keyid": f"{n:064x}", "sig": "AA=="} for n in range(SIGNATURES_LIMIT + 1)]),
            Code.SIGNATURE_COUNT,
        ),
        (_changed(signatures=[{"keyid": "11" * 32, "sig": "AA=="}] * 2), Code.SIGNATURE_REPEATED),
        (_changed(signatures=json.loads(GOOD.written())["signatures"][::-1]), Code.ENVELOPE_NOT_CANONICAL),
        (_signature(sig=""), Code.ENVELOPE_MALFORMED),
        (_signature(sig=base64.b64encode(bytes(2_000)).decode()), Code.ENVELOPE_MALFORMED),
        (_signature(keyid="11"), Code.ENVELOPE_MALFORMED),
        (_signature(keyid=None), Code.ENVELOPE_MALFORMED),
        (_signature(cert="x"), Code.ENVELOPE_MALFORMED),
        (_signature(sig="7h=="), Code.ENVELOPE_NOT_CANONICAL),
        (GOOD.written() + b"\n", Code.ENVELOPE_NOT_CANONICAL),
        (GOOD.written().replace(b":", b": ", 1), Code.ENVELOPE_NOT_CANONICAL),
    ],
)
def test_anything_but_the_one_written_form_is_refused(data: bytes, code: Code) -> None:
    with refused(code):
        read_envelope(data)


def test_a_key_does_not_sign_twice() -> None:
    with refused(Code.SIGNATURE_REPEATED):
        GOOD.signed_also(Signature("11" * 32, "aa"))
