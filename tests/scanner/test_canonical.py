"""The quick way of writing a record is the canonical one (RFC 8785), byte for byte, or is not taken."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.record import canonical, canonical_json

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.text('"\\\\.eE0123456789,:[')
    | st.integers(-(2**53) + 1, 2**53 - 1) | st.integers(-100, 100),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(JSON)
def test_the_quick_canonical_form_is_the_canonical_form(value: object) -> None:
    assert canonical_json(value) == canonical(value)


@pytest.mark.parametrize(
    "value",
    [1.0, 1e21, 1e-7, -0.0, [1.5, "a"], {"a": 10**15, "b": 2**53 - 1}, {"\uffff": 1, "\U00010000": 2}, {"\U0001f600": 1, "\ue000": 2},
     "\\", '\\"', '"', 'a\\"1.5', {"k": '\\\\"', "n": 0.5}, "\x7f\u2028\x00\x1f/", "Ủy ban", {"ư": 1, "u": 2, "đ": 3}, (1, 2), "9" * 20],
)  # fmt: skip
def test_what_the_quick_form_could_get_wrong_it_does_not(value: object) -> None:
    assert canonical_json(value) == canonical(value)


@pytest.mark.parametrize(
    "value", [2**53, -(2**53), 10**30, float("nan"), float("inf"), "\ud800", {"\udfff": 1}, [object()], {"a": b"x"}, {("a",): 1}]
)
def test_what_has_no_canonical_form_has_no_quick_one(value: object) -> None:
    with pytest.raises((ValueError, TypeError), match=r".") as wanted:
        canonical(value)
    with pytest.raises(type(wanted.value), match=r"."):
        canonical_json(value)
