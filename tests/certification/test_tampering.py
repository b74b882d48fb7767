"""No change of a single byte, anywhere in a certificate or in the evidence, is ever accepted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certification.refusals import Refusal
from certification.verify import verify
from scanner.store import ASSESSMENT
from tests.certification.stage import CODE, LATER, Case, Judge

CASE = Case()
CERTIFICATE = CASE.certificate()
NAMES = sorted(CASE.bundle)


def _changed(data: bytes, how: tuple[int, int, str]) -> bytes:
    """The bytes with one replaced, taken out or put in."""
    where, byte, what = how
    where %= len(data)
    match what:
        case "replace":
            return data[:where] + bytes([(data[where] + 1 + byte % 255) % 256]) + data[where + 1 :]
        case "remove":
            return data[:where] + data[where + 1 :]
        case _:
            return data[:where] + bytes([byte]) + data[where:]


changes: Any = st.tuples(st.integers(0, 10**7), st.integers(0, 255), st.sampled_from(["replace", "remove", "insert"]))


@settings(max_examples=400, deadline=None)
@given(changes)
def test_no_changed_byte_of_a_certificate_is_accepted(how: tuple[int, int, str]) -> None:
    with pytest.raises(Refusal):
        verify(_changed(CERTIFICATE, how), CASE.trust, LATER)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(NAMES), changes)
def test_no_changed_byte_of_any_evidence_file_is_accepted(name: str, how: tuple[int, int, str]) -> None:
    files = {**CASE.bundle, name: _changed(CASE.bundle[name], how)}
    judge = Judge(CASE.bundle[ASSESSMENT])
    with pytest.raises(Refusal):
        verify(CERTIFICATE, CASE.trust, LATER, files, judge, CODE)
    assert judge.asked == 0


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(NAMES), changes)
def test_no_changed_byte_of_any_evidence_file_is_approved(name: str, how: tuple[int, int, str]) -> None:
    mine = Case(CASE.bundle, trust=CASE.trust, request=CASE.request)
    mine.bundle = {**CASE.bundle, name: _changed(CASE.bundle[name], how)}
    with pytest.raises(Refusal):
        mine.approve("an")


@settings(max_examples=100, deadline=None)
@given(changes)
def test_no_changed_byte_of_a_request_is_approved(how: tuple[int, int, str]) -> None:
    mine = Case(CASE.bundle, trust=CASE.trust, request=_changed(CASE.request, how))
    with pytest.raises(Refusal):
        mine.approve("an")
