"""Recognising protocols: any bytes are met, and what is not certain is not claimed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.probes import protocols, stores

BEGINNINGS = st.sampled_from(
    [
        b"",
        b"\xff\xfd\x18",
        b"\xff\xfa",
        b"RFB 003.008\n",
        b"220-",
        b"-ERR ",
        b"+",
        b"$9\r\n",
        b"HTTP/1.1 200",
        b"\x16\x03\x01",
        b"\x4a\x00\x00\x00\x0a5",
        b"\x45\x00\x00\x00\xff",
        b"\x2a\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\xdd\x07\x00\x00",
    ]
)


@given(BEGINNINGS, st.binary(max_size=300))
def test_any_bytes_are_recognised_or_not_and_never_a_crash(beginning: bytes, rest: bytes) -> None:
    said = beginning + rest
    found = [
        protocols.greeted(said),
        protocols.complained(said),
        protocols.featured(said),
        protocols.helloed(said),
        protocols.vnc_strangers(said, protocols.vnc_version(said)),
        stores.pinged(said),
        stores.http(said),
        stores.couchdb(said),
        stores.postgresql(said),
        stores.mongo_listed(said),
    ]
    for one in found:
        assert one is None or re.fullmatch("[a-z0-9-]{1,40}", one.protocol)
        assert one is None or one.strangers is not None or one.doubt
    assert protocols.tls(said) in (True, False)
    assert stores.mongo_answered(said, stores.MONGO_LIST) in (True, False)


@given(st.binary(max_size=600))
def test_declining_answers_each_proposal_and_nothing_else(said: bytes) -> None:
    no = protocols.declined(said)
    assert len(no) % 3 == 0
    assert all(no[at] == 0xFF and no[at + 1] in (0xFC, 0xFE) for at in range(0, len(no), 3))
    assert len(no) // 3 <= said.count(b"\xff")


@given(st.integers(0, 255), st.integers(0, 255))
def test_a_telnet_server_is_refused_what_it_proposes_and_is_not_answered_when_it_refuses(option: int, other: int) -> None:
    said = bytes((0xFF, 0xFD, option, 0xFF, 0xFB, other, 0xFF, 0xFC, 1, 0xFF, 0xFE, 2))
    assert protocols.declined(said) == bytes((0xFF, 0xFC, option, 0xFF, 0xFE, other))


@given(st.binary(max_size=200).filter(lambda said: not said.startswith((b"-NOAUTH", b"-DENIED", b"-ERR operation", b"CLIENT_"))))
def test_only_a_refusal_says_that_a_store_is_closed(said: bytes) -> None:
    found = stores.pinged(said)
    assert found is None or found.strangers is not False


@pytest.mark.parametrize(
    "said", [b"-ERR unknown command 'PING'\r\n", b"-ERR what\r\n", b"+OK\r\n", b"ERROR\r\n", b"-NOPERM no permissions\r\n"]
)
def test_a_complaint_about_ping_is_no_pop3_and_shows_nothing_about_strangers(said: bytes) -> None:
    found = stores.pinged(said) or protocols.complained(said)
    assert found is None or (found.protocol == "redis" and found.strangers is None)


@pytest.mark.parametrize(
    ("said", "is_tls"),
    [
        (b"\x16\x03\x03\x00\x7a", True),
        (b"\x15\x03\x01\x00\x02\x02\x28", True),
        (b"\x15\x03\x01\x00\x09", False),
        (b"\x16\x03\x05\x00\x7a", False),
        (b"\x16\x03\x03\xff\xff", False),
        (b"\x16\x03\x03", False),
        (b"HTTP/1.1 400 Bad Request", False),
    ],
)
def test_tls_is_a_whole_record_header(said: bytes, is_tls: bool) -> None:
    assert protocols.tls(said) is is_tls


def test_the_longest_greeting_is_recognised_without_delay() -> None:
    """Words made to send a pattern back and forth; the test ends, and so does a scan."""
    for said in (
        b"220-a\n" * 680,
        b"\xff\xfa" * 2_048,
        b"220 " + b"ESMT" * 1_000,
        b"login" * 800,
        b"<?xml " * 600,
        b"\x1b[" * 2_000,
    ):
        assert protocols.greeted(said[:4_096]) in (None, protocols.Recognised("telnet"))
        assert protocols.complained(said[:4_096]) is None
