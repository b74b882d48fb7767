"""The quick ways by which large reports are read and shown: each says just what the slow way says, and leaves nothing behind."""

from __future__ import annotations

import gc
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.collector import few_collections
from scanner.inert import inert
from scanner.record import RecordError, parse_json


def test_text_that_is_printable_as_a_whole_holds_no_hidden_character() -> None:
    for point in range(0x110000):
        hidden = unicodedata.category(chr(point)) in ("Cc", "Cf", "Cs", "Co", "Cn")
        assert not (hidden and chr(point).isprintable()), hex(point)


@given(st.text(max_size=40))
def test_inert_text_is_the_same_whole_and_sign_by_sign(text: str) -> None:
    every = frozenset(range(0x110000))  # with glyphs given, each sign is looked at
    assert inert(text) == inert(text, glyphs=every)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"[" * 65 + b"]" * 65, "nested deeper"),
        (b'["' + b"[" * 200 + b'"]', ""),
        (rb'["\"' + b"[" * 200 + rb'\\"]', ""),
        (rb'["\\",' + b"[" * 70 + b"]" * 70 + b"]", "nested deeper"),
        (b'["' + b"[" * 100, "not JSON"),
        (b'["\\', "not JSON"),
    ],
)
def test_only_brackets_outside_of_strings_nest(data: bytes, told: str) -> None:
    if told:
        with pytest.raises(RecordError, match=told):
            parse_json(data)
    else:
        assert len(parse_json(data)) == 1


def fails_within() -> None:
    with few_collections():
        assert gc.isenabled()
        inside = gc.get_threshold()
        assert 700 < inside[0] < 1_000_000
        with few_collections():
            assert gc.get_threshold() == inside
        assert gc.get_threshold() == inside
        raise ValueError("within")


def test_the_collector_is_patient_only_meanwhile_and_never_turned_off() -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)
        with pytest.raises(ValueError, match="within"):
            fails_within()
        assert gc.get_threshold() == (700, 10, 10)
        for chosen in ((0, 10, 10), (5_000_000, 10, 10)):  # never, and more seldom still
            gc.set_threshold(*chosen)
            with few_collections():
                assert gc.get_threshold() == chosen
    finally:
        gc.set_threshold(*before)
