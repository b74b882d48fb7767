"""Where people and organisations have to be apart, spelling alone never sets them apart."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from certification.refusals import Code
from certification.trust import draft_keyring
from certification.verify import verify
from scanner.attestations import Waiver
from scanner.likeness import is_among, likeness
from scanner.specimens import AT
from tests.certification.stage import LATER, NAME, Case, keyring, refused, restated, root

AGENCY = "Ủy ban nhân dân tỉnh Hư Cấu"
SPELLINGS = (
    AGENCY,
    "Uỷ ban nhân dân tỉnh Hư Cấu",
    "  ỦY  BAN NHÂN DÂN TỈNH HƯ CẤU.",
    "Ủy\N{NO-BREAK SPACE}ban nhân dân – tỉnh Hư Cấu",
    unicodedata.normalize("NFC", "Ủy ban nhân dân tỉnh Hư Cấu’"),
    "P01",
    "p-01",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_approver_of_the_agency_is_one_however_the_agency_is_written(spelling: str) -> None:
    assert NAME.vi == AGENCY
    people = tuple(each.model_copy(update={"organisation": spelling}) if each.id == "an" else each for each in keyring().people)
    with refused(Code.APPROVER_OF_AGENCY):
        verify(Case().certificate(), root(people=people), LATER)


@pytest.mark.parametrize("inspector", ["An", "AN", "a.n"])
def test_an_approver_who_inspected_is_one_however_the_inspector_is_written(inspector: str) -> None:
    case = Case()
    with refused(Code.APPROVER_IS_INSPECTOR):
        verify(restated(case.certificate(), inspectors=(inspector,)), case.trust, LATER)


@pytest.mark.parametrize("name", ["An", "a-n"])
def test_a_trust_root_names_nobody_twice_in_two_spellings(name: str) -> None:
    person = next(each for each in keyring().people if each.id == "an").model_copy(update={"id": name, "authority": "ministry-b"})
    with refused(Code.ROOT_INCONSISTENT):
        draft_keyring(keyring(more_people=(person,)))


@pytest.mark.parametrize("approver", ["nguyen.van.a", "Nguyen.Van.A", "NGUYEN-VAN_A"])
def test_a_waiver_is_asked_for_and_granted_by_two_people(approver: str) -> None:
    with pytest.raises(ValidationError, match="are the same person"):
        Waiver(
            id="W", control="C", subject="web1", reason="r", compensating_measure="m", requester="nguyen.van.a", approver=approver,
            issued=AT, expires=AT + timedelta(days=1),
        )  # fmt: skip


@given(st.text(max_size=40))
def test_a_name_is_like_itself_in_any_form_and_spacing(name: str) -> None:
    assert is_among(unicodedata.normalize("NFD", name), [unicodedata.normalize("NFC", name)])
    assert is_among(f" {name}\N{NO-BREAK SPACE}", [name])


def test_names_of_different_letters_are_different() -> None:
    assert not is_among("Sở Y tế", ["Sở Tư pháp", ""])
    assert likeness("Đà Nẵng") == likeness("đà nẵng") == "danang"
