"""What changed between two baselines, told control by control, and never guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.baseline import BoundBaseline, load
from scanner.baseline_diff import difference
from scanner.check import Stricter
from scanner.registry import load_checks
from scanner.strictness import Turn, compared

CHECKS = load_checks()
NAMES = st.lists(st.sampled_from("abcd"), unique=True).map(tuple)


def control(name: str = "C-1", **changes: Any) -> dict[str, Any]:
    whole = {
        "id": name,
        "title": {"vi": name, "en": name},
        "heading": "all",
        "class": "major",
        "levels": [3, 4],
        "method": ["network"],
        "references": [{"source": "test", "clause": "1"}],
        "rules": [{"check": "host-password-strength", "parameters": {"length": 12}}],
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not None}


def baseline(*controls: dict[str, Any], **changes: Any) -> BoundBaseline:
    text = {
        "id": "test",
        "version": "1",
        "regime": "TEST",
        "title": {"vi": "Thử", "en": "Test"},
        "laboratory": True,
        "effective": {"begins": "2026-01-01T00:00:00+00:00"},
        "headings": [{"id": "all", "title": {"vi": "a", "en": "a"}}, {"id": "rest", "title": {"vi": "b", "en": "b"}}],
        "controls": list(controls),
        **changes,
    }
    ages = "{1: 365, 2: 365, 3: 365, 4: 365, 5: 365}"
    whole = json.dumps({**text, "evidence_max_age_days": "AGES"}, ensure_ascii=False).replace('"AGES"', ages)
    for level in range(1, 6):
        whole = whole.replace(f'"{level}": ', f"{level}: ")
    return load(whole.encode(), "test.yaml", CHECKS)


def told(old: BoundBaseline, new: BoundBaseline) -> list[tuple[str, str | None, str, tuple[int, ...]]]:
    return [(change.turn.value, change.control, change.said.shown(), change.levels) for change in difference(old, new).changes]


STRENGTH = "host-password-strength"
DOCUMENT = {"vi": "d", "en": "d"}


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ({}, {"class": "gate"}, ("stricter", "C-1", "class: major became gate", ())),
        ({}, {"class": "advisory"}, ("looser", "C-1", "class: major became advisory", ())),
        ({}, {"levels": [3, 4, 5]}, ("new", "C-1", "the control applies", (5,))),
        ({}, {"levels": [4]}, ("gone", "C-1", "the control applies", (3,))),
        ({}, {"heading": "rest"}, ("different", "C-1", "heading: all became rest", ())),
        (
            {},
            {"rules": [{"check": STRENGTH, "parameters": {"length": 12}, "at_level": {"4": {"length": 16}}}]},
            ("stricter", "C-1", f"{STRENGTH}: length 12 became 16", (4,)),
        ),
        (
            {},
            {"rules": [{"check": STRENGTH, "parameters": {"length": 8}}]},
            ("looser", "C-1", f"{STRENGTH}: length 12 became 8", (3, 4)),
        ),
        (
            {"attestation": {"document": DOCUMENT}},
            {"attestation": {"document": DOCUMENT, "max_age_days": {"3": 90}}},
            ("stricter", "C-1", "the document speaks for so many days: any became 90", (3,)),
        ),
        ({}, {"attestation": {"document": DOCUMENT}}, ("new", "C-1", "document: d", ())),
        ({"attestation": {"document": DOCUMENT}}, {}, ("gone", "C-1", "document: d", ())),
        (
            {"attestation": {"document": DOCUMENT}},
            {"attestation": {"document": DOCUMENT}, "rules": None},
            ("gone", "C-1", f"check {STRENGTH}", (3, 4)),
        ),
        (
            {"rules": [{"check": "patches-no-overdue"}]},
            {"rules": [{"check": "patches-no-overdue", "parameters": {"likely": 1}}]},
            ("different", "C-1", 'patches-no-overdue: likely "0.1" became "1"', (3, 4)),
        ),
    ],
)
def test_a_change_of_a_control_is_told_with_its_levels(before: dict[str, Any], after: dict[str, Any], change: Any) -> None:
    assert told(baseline(control(**before)), baseline(control(**after))) == [change]


def test_a_clause_that_changed_is_one_gone_and_one_new() -> None:
    new = control(references=[{"source": "test", "clause": "2", "unverified": True}])
    assert told(baseline(control()), baseline(new)) == [
        ("new", "C-1", "clause test, 2 (?)", ()),
        ("gone", "C-1", "clause test, 1", ()),
    ]


def test_controls_feeds_and_dates_that_come_and_go_are_told() -> None:
    old = baseline(control(), feeds=[{"kind": "kev", "max_age_days": 14}, {"kind": "eol", "max_age_days": 9}])
    new = baseline(
        control("C-2"),
        effective={"begins": "2027-01-01T00:00:00+07:00"},
        feeds=[{"kind": "kev", "max_age_days": 20}, {"kind": "epss", "max_age_days": 5}],
    )
    assert told(old, new) == [
        ("different", None, "in force: 2026-01-01T00:00Z /  became 2026-12-31T17:00Z / ", ()),
        ("gone", None, "feed eol", ()),
        ("new", None, "feed epss, at most 5 days old", ()),
        ("looser", None, "feed kev may be so many days old: 14 became 20", ()),
        ("gone", "C-1", "the control (major)", (3, 4)),
        ("new", "C-2", "the control (major)", (3, 4)),
    ]


def test_a_baseline_does_not_differ_from_itself() -> None:
    assert told(baseline(control()), baseline(control())) == []


@given(NAMES, NAMES)
def test_sets_are_stricter_one_way_and_looser_the_other(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    turn = compared(old, new, Stricter.SUBSET)
    if set(old) == set(new):
        assert turn is None
    elif set(new) < set(old):
        assert turn is Turn.STRICTER
    elif set(new) > set(old):
        assert turn is Turn.LOOSER
    else:
        assert turn is Turn.DIFFERENT
    assert compared(new, old, Stricter.SUPERSET) is turn


@given(st.none() | st.integers(), st.none() | st.integers(), st.sampled_from([Stricter.LOWER, Stricter.HIGHER]))
def test_numbers_are_stricter_one_way_and_looser_back_and_no_limit_is_loosest(old: Any, new: Any, way: Stricter) -> None:
    opposite = {None: None, Turn.STRICTER: Turn.LOOSER, Turn.LOOSER: Turn.STRICTER}
    assert compared(new, old, way) is opposite[compared(old, new, way)]
    if old is None and new is not None:
        assert compared(old, new, way) is Turn.STRICTER


def test_switches_are_stricter_as_declared_and_the_incomparable_is_only_different() -> None:
    assert compared(False, True, Stricter.TRUE) is Turn.STRICTER
    assert compared(False, True, Stricter.FALSE) is Turn.LOOSER
    assert compared(1, 2, Stricter.NONE) is Turn.DIFFERENT


PARAMETERS = [(check.id, field) for check in CHECKS.values() for field in check.parameters.model_fields]


@pytest.mark.parametrize(("check", "field"), PARAMETERS)
def test_every_parameter_declares_which_value_is_stricter_and_its_default_can_be_compared(check: str, field: str) -> None:
    parameters = CHECKS[check].parameters
    way, value = parameters.direction(field), getattr(parameters(), field)
    assert way is not None
    assert (way in {Stricter.SUBSET, Stricter.SUPERSET}) <= isinstance(value, tuple)
    assert (way in {Stricter.TRUE, Stricter.FALSE}) == isinstance(value, bool)
    assert compared(value, value, way) is None
