"""Questionnaires: both formats carry the same, a round trip changes nothing, and every fault is told with its place."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import i18n, questionnaire_xlsx, questionnaire_yaml
from scanner.assessment import ControlClass
from scanner.attestations import Answer, Attestation
from scanner.baseline import load
from scanner.questionnaire import CLASSES, COLUMNS, Cell, Filled, answered, dated, sheet, written
from scanner.questionnaire_answers import MOST, Answered, answers_of
from scanner.record import sha256
from scanner.registry import load_checks
from scanner.strict_yaml import InputError

LAB = Path(__file__).resolve().parents[2] / "examples" / "lab-baseline.yaml"
BOUND = load(LAB.read_bytes(), LAB.name, load_checks())
AT = datetime(2026, 11, 23, 3, tzinfo=UTC)
DOCUMENTS = {"d1.pdf": b"decision", "hồ sơ/d8.pdf": b"report"}
WHO = {"by": "tran.thi.b", "role": "Trưởng phòng"}
FORMATS: dict[str, Any] = {"yaml": questionnaire_yaml, "xlsx": questionnaire_xlsx}
YES = {"answer": "yes", "document": "d1.pdf", "date": "2026-10-01", **WHO}


def digest(path: str) -> str:
    if path not in DOCUMENTS:
        raise InputError(f"{path!r}: No such file or directory")
    return sha256(DOCUMENTS[path])


def filled(form: str, answers: dict[str, dict[str, str]], held: dict[str, Attestation] | None = None) -> Filled:
    """The questionnaire as it comes back with these columns written over."""
    made = sheet(BOUND, 3, held or {})
    rows = tuple({**row, **answers.get(row["control"], {})} for row in made.rows)
    found: Filled = FORMATS[form].read(FORMATS[form].write(type(made)(made.head, rows)), f"q.{form}")
    return found


def taken(found: Filled, held: dict[str, Attestation] | None = None, at: datetime = AT) -> Answered:
    return answers_of(found, BOUND, 3, held or {}, digest, at)


def refused(found: Filled, held: dict[str, Attestation] | None = None) -> list[str]:
    with pytest.raises(InputError) as error:
        taken(found, held)
    return str(error.value).split("\n")


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_questionnaire_asks_for_every_document_of_the_level_and_answers_nothing(form: str) -> None:
    found = filled(form, {})
    assert [row["control"].text for row in found.rows] == ["D1", "D18", "D7", "D8"]
    asked = {column: cell.text for column, cell in found.rows[3].items()}
    assert asked["title_vi"] == "Báo cáo dò quét lỗ hổng, kiểm thử xâm nhập"
    assert (asked["class"], asked["max_age_days"], asked["clauses"]) == (
        "major / chính",
        "365",
        "Decree 331/2026/ND-CP, Art 27.3-27.4",
    )
    assert found.rows[2]["clauses"].text == "Circular 46/2022/TT-BCA, Art 6(2)(dd) (unverified / nguyên văn chưa được đối chiếu)"
    assert taken(found) == Answered((), (), ("D1", "D18", "D7", "D8"))


def test_what_is_asked_is_said_in_both_languages_as_the_catalogue_has_them() -> None:
    known = i18n.catalogue("vi").known
    assert {classed: f"{classed} / {known[classed]}" for classed in ControlClass} == CLASSES


@pytest.mark.parametrize("form", FORMATS)
def test_a_questionnaire_from_before_it_was_in_both_languages_is_taken(form: str) -> None:
    before = {"D7": {**YES, "class": "major", "clauses": "Circular 46/2022/TT-BCA, Art 6(2)(dd) (unverified)"}}
    assert [answer.control for answer in taken(filled(form, before)).changed] == ["D7"]
    told = refused(filled(form, {"D7": {**YES, "class": "minor", "clauses": "Circular 46/2022/TT-BCA, Art 6(2)(dd)"}}))
    assert ["class" in told[0], "clauses" in told[1]] == [True, True]


@pytest.mark.parametrize("form", FORMATS)
def test_exported_filled_imported_and_exported_again_it_is_the_same(form: str) -> None:
    answers = {
        "D1": YES,
        "D7": {"answer": "partly", "reason": "Hai trang\nthiếu; =1+1", "document": "d1.pdf", "date": "2026-10-01", **WHO},
        "D8": {"answer": "no", "reason": "_x0041_ chưa làm", **WHO},
    }
    first = taken(filled(form, answers))
    assert [answer.control for answer in first.changed] == ["D1", "D7", "D8"]
    assert (first.changed[0].document, first.changed[0].document_name) == (sha256(b"decision"), "d1.pdf")
    assert first.changed[0].dated == datetime(2026, 9, 30, 17, tzinfo=UTC)
    held = {answer.control: answer for answer in first.changed}
    again = sheet(BOUND, 3, held)
    for row in again.rows:
        given = answers.get(row["control"], {})
        expected = {column: given.get(column, "") for column in ("answer", "reason", "document", "date", "by", "role")}
        assert {column: row[column] for column in expected} == expected
    data = FORMATS[form].write(again)
    assert data == FORMATS[form].write(again)
    back = FORMATS[form].read(data, "again")
    assert [{column: cell.text for column, cell in row.items()} for row in back.rows] == [dict(row) for row in again.rows]
    assert taken(back, held, AT + timedelta(days=9)) == Answered((), ("D1", "D7", "D8"), ("D18",))


def test_both_formats_are_read_alike() -> None:
    answers = {"D1": YES, "D8": {**YES, "document": "hồ sơ/d8.pdf", "date": "2026-10-01T08:30:00+07:00"}}
    assert taken(filled("yaml", answers)) == taken(filled("xlsx", answers))


@given(
    st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn"), include_characters="\n"), max_size=40
        ),
        min_size=2,
        max_size=2,
    ),
    st.sampled_from(["no", "partly", "not-applicable"]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_written_comes_back(texts: list[str], answer: str) -> None:
    from scanner.questionnaire import tidy

    reason, role = (tidy(text) for text in texts)
    given = {"D7": {"answer": answer, "reason": reason, "by": "a", "role": role, "document": "d1.pdf", "date": "2026-10-01"}}
    for form in FORMATS:
        row = filled(form, given).rows[2]
        assert (row["reason"].text, row["role"].text, row["reason"].wrong) == (reason, role, "")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("control", "cells", "column", "told"),
    [
        ("D7", {"answer": "maybe"}, "answer", "'maybe' is no answer; write one of yes, partly, no, not-applicable"),
        ("D7", {**YES, "answer": "Yes"}, "answer", "'Yes' is no answer"),
        ("D7", {**YES, "answer": "partly"}, "reason", "D7: the answer partly needs a reason"),
        ("D7", {"answer": "no", **WHO}, "reason", "D7: the answer no needs a reason"),
        ("D7", {"answer": "not-applicable", **WHO}, "reason", "needs a reason"),
        ("D7", {**YES, "document": ""}, "document", "D7: the answer yes needs a document"),
        ("D7", {**YES, "document": "d9.pdf"}, "document", "'d9.pdf': No such file or directory"),
        ("D7", {**YES, "date": ""}, "date", "D7: the document's date is missing; from there it ages"),
        ("D7", {**YES, "date": "2026-11-24"}, "date", "2026-11-24 lies in the future"),
        ("D7", {**YES, "date": "01/10/2026"}, "date", "'01/10/2026' is not a date; write the day as 2026-11-23"),
        ("D7", {**YES, "date": "26-10-01"}, "date", "is not a date"),
        ("D7", {**YES, "date": "2026-02-30"}, "date", "is not a date"),
        ("D7", {**YES, "date": "2026-10-01T24:00:00+07:00"}, "date", "is not a date"),
        ("D7", {**YES, "date": "2026-10-01T08:00:00"}, "date", "is not a date"),
        ("D7", {**YES, "date": "2026-W05-1"}, "date", "is not a date"),
        ("D7", {**YES, "date": "46296"}, "date", "is not a date"),
        ("D7", {**YES, "date": "0001-01-01"}, "date", "is not a date"),
        ("D7", {**YES, "by": ""}, "by", "D7: say who answers, in by and role"),
        ("D7", {**YES, "role": ""}, "role", "D7: say who answers, in by and role"),
        ("D7", {**YES, "by": "Trần Thị B"}, "by", "letters a to z without marks"),
        ("D7", {**YES, "role": "chief\u202egnp"}, "role", "no control or formatting characters"),
        ("D7", {**YES, "reason": "x" * 10_001}, "reason", "at most 10000 characters"),
        ("D7", {**YES, "sha256": "0" * 64}, "sha256", "the document is another one than this digest names"),
        ("D7", {"answer": "no", "reason": "r", **WHO, "sha256": "0" * 64}, "sha256", "a digest without a document"),
        ("D7", {"reason": "because"}, "answer", "D7 has no answer; write one of"),
        (
            "D1",
            {"answer": "not-applicable", "reason": "r", **WHO},
            "answer",
            "D1 is a gate: its document cannot be answered away",
        ),
        ("D7", {"title_en": "Anything"}, "title_en", "what is asked was changed (title_en)"),
        ("D7", {"max_age_days": "9999"}, "max_age_days", "what is asked was changed (max_age_days)"),
        ("D7", {"control": "D77"}, "control", "no control is called 'D77'; did you mean D7?"),
        ("D7", {"control": "TLS-VERSION"}, "control", "TLS-VERSION asks for no document at this level"),
        ("D7", {"control": "", **YES}, "control", "the control is missing"),
        ("D7", {"control": "D1"}, "control", "D1 is answered twice; it stands at q."),
        ("D7", {"control": "D\u200b7"}, "control", "no control is called 'D\\u200b7'"),
    ],
)
def test_a_fault_is_told_with_its_place(form: str, control: str, cells: dict[str, str], column: str, told: str) -> None:
    number = ["D1", "D18", "D7", "D8"].index(control)
    found = filled(form, {control: cells})
    place = found.rows[number][column].place
    if form == "xlsx":
        assert place == f"q.xlsx:{chr(ord('A') + COLUMNS.index(column))}{7 + number}"
    else:
        lines = questionnaire_yaml.write(sheet(BOUND, 3, {})).decode().split("\n")
        begins = lines.index('  - control: "' + control + '"') + 1
        assert place == f"q.yaml:{begins + COLUMNS.index(column)}"
    assert [fault for fault in refused(found) if fault.startswith(f"{place}: ") and told in fault]


@pytest.mark.parametrize("form", FORMATS)
def test_all_faults_are_told_at_once(form: str) -> None:
    faults = refused(filled(form, {"D1": {"answer": "partly"}, "D7": {**YES, "date": "soon"}, "D8": {"control": "X"}}))
    assert len(faults) == 6, faults  # a reason, a document, by and role of D1; the date of D7; the name of D8
    many = Filled("q", {}, (), tuple(str(number) for number in range(MOST + 40)))
    told = refused(many)
    assert len(told) == MOST + 1
    assert told[-1] == "and 43 more"


@pytest.mark.parametrize("form", FORMATS)
def test_a_questionnaire_of_another_baseline_or_level_is_refused(form: str) -> None:
    for level, other in ((4, "level"), (3, "baseline_sha256")):
        made = sheet(BOUND, level, {})
        head = {**made.head, "baseline_sha256": "0" * 64} if other == "baseline_sha256" else made.head
        found = FORMATS[form].read(FORMATS[form].write(type(made)(head, made.rows)), "q")
        assert [fault for fault in refused(found) if f"{other} is " in fault and "export the questionnaire of this run" in fault]


def test_a_document_seen_before_need_not_lie_beside_the_questionnaire_again() -> None:
    before = taken(filled("yaml", {"D1": YES})).changed[0].model_copy(update={"document_name": "gone.pdf"})
    held = {"D1": before}
    corrected = taken(filled("yaml", {"D1": {"role": "Giám đốc"}}, held), held)
    assert (corrected.changed[0].document, corrected.changed[0].role) == (before.document, "Giám đốc")
    faults = refused(filled("yaml", {"D1": {"role": "Giám đốc", "sha256": ""}}, held), held)
    assert "'gone.pdf': No such file or directory" in faults[0]


def test_a_document_is_dated_by_day_in_viet_nam_or_by_instant() -> None:
    assert dated("2026-07-01") == datetime(2026, 6, 30, 17, tzinfo=UTC)
    assert written(dated("2026-07-01")) == "2026-07-01"
    assert written(dated("2026-07-01T00:00:00Z")) == "2026-07-01T07:00:00+07:00"


@given(st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1)))  # noqa: DTZ001 - hypothesis wants them naive
def test_every_date_that_is_written_is_read_as_itself(moment: datetime) -> None:
    instant = moment.replace(tzinfo=UTC, microsecond=0)
    assert dated(written(instant)) == instant


def test_an_answer_without_a_document_shows_no_date_that_nobody_gave() -> None:
    common: dict[str, Any] = {"control": "D7", "document": None, "reason": "r", "by": "a", "role": "b", "answered_at": AT}
    assert answered(Attestation(answer=Answer.NO, dated=AT, **common))["date"] == ""
    assert answered(Attestation(answer=Answer.NO, dated=AT - timedelta(days=1), **common))["date"] == "2026-11-22T10:00:00+07:00"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "not a questionnaire"),
        ("just words", "not a questionnaire"),
        ("controls: 3", "q.yaml:1: controls: the list of controls is missing"),
        ("controls: [3]", "not a control with its answer"),
        ("controls: [{control: D7, answer: 7}]", "answer: '7' is not text; put quotes round it"),
        ("controls: [{control: [D7]}]", "is not text"),
        ("controls: [{control: D7, answr: yes}]", "no key is called 'answr' here"),
        ("level: 3\nlevle: 3\ncontrols: []", "q.yaml:2: no key is called 'levle' here"),
        ("controls: [&a {control: D7}, *a]", "anchors and aliases"),
        ("controls: [", "q.yaml:"),
        ("controls: []\ncontrols: []", "stands twice"),
        ("", "empty"),
    ],
)
def test_a_broken_yaml_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(InputError, match=r"^q\.yaml") as error:
        taken(questionnaire_yaml.read(text.encode(), "q.yaml"))
    assert told in str(error.value)


def test_a_short_questionnaire_written_by_hand_is_enough() -> None:
    head = f"{{baseline: lab-baseline, baseline_sha256: {BOUND.digest}, level: 3, controls: "
    item = json.dumps([{"control": "D1", **YES}], ensure_ascii=False)
    found = taken(questionnaire_yaml.read(f"{head}{item}}}".encode(), "q.yaml"))
    assert [answer.control for answer in found.changed] == ["D1"]


def test_a_cell_that_holds_no_text_is_told_once() -> None:
    row = {column: Cell("", f"q:{column}") for column in COLUMNS}
    row |= {"control": Cell("D7", "q:control"), "answer": Cell("", "q:answer", "a formula")}
    made = sheet(BOUND, 3, {}).head
    faults = refused(Filled("q", {key: Cell(made[key], "q") for key in made}, (row,)))
    assert faults == ["q:answer: a formula"]
