"""Workbooks that come back in every state: told cell by cell, or refused whole, and never believed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from scanner import questionnaire_xlsx
from scanner.questionnaire import sheet
from scanner.strict_yaml import InputError
from scanner.workbooks import LIMIT
from tests.scanner.test_questionnaire import BOUND, WHO, refused, taken

EMPTY = questionnaire_xlsx.write(sheet(BOUND, 3, {}))


def edited(change: Callable[[Any], None]) -> bytes:
    """The empty questionnaire after a person's office program saved this change."""
    book = load_workbook(io.BytesIO(EMPTY))
    change(book["Questionnaire"])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def put(**cells: Any) -> Callable[[Any], None]:
    def change(page: Any) -> None:
        for place, value in cells.items():
            page[place] = value

    return change


def repacked(**parts: bytes | None) -> bytes:
    """The empty questionnaire with parts replaced, added or taken away; __ stands for / and _dot_ for a dot."""
    changed = {name.replace("__", "/").replace("_dot_", "."): data for name, data in parts.items()}
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(EMPTY)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changed:
                new.writestr(name, old.read(name))
        for name, data in changed.items():
            if data is not None:
                new.writestr(name, data)
    return target.getvalue()


def part(name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(EMPTY)) as archive:
        return archive.read(name)


def read_and_refused(data: bytes) -> list[str]:
    return refused(questionnaire_xlsx.read(data, "q.xlsx"))


YES = {"I9": "yes", "K9": "d1.pdf", "M9": WHO["by"], "N9": WHO["role"]}


def test_what_an_office_program_saved_is_read() -> None:
    found = taken(questionnaire_xlsx.read(edited(put(**YES, L9="2026-10-01")), "q.xlsx"))
    assert [(answer.control, answer.answer.value) for answer in found.changed] == [("D7", "yes")]


@pytest.mark.parametrize("day", [date(2026, 10, 1), datetime(2026, 10, 1)])  # noqa: DTZ001 - cells have no zone
def test_a_date_may_be_a_date(day: date) -> None:
    found = taken(questionnaire_xlsx.read(edited(put(**YES, L9=day)), "q.xlsx"))
    assert f"{found.changed[0].dated:%Y-%m-%dT%H:%M}" == "2026-09-30T17:00"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({**YES, "J9": "=1+1"}, "q.xlsx:J9: a formula; write its value as text"),
        ({**YES, "I9": '=WEBSERVICE("http://192.0.2.1/")'}, "q.xlsx:I9: a formula"),
        ({"A9": '="D7"'}, "q.xlsx:A9: a formula"),
        ({"B2": "=1"}, "q.xlsx:B2: a formula"),
        ({**YES, "L9": datetime(2026, 10, 1, 8)}, "q.xlsx:L9: a date with a time and no time zone"),  # noqa: DTZ001
        ({**YES, "L9": 46296}, "q.xlsx:L9: '46296' is not text; format the cell as text"),
        ({**YES, "L9": time(8)}, "q.xlsx:L9: "),
        ({**YES, "N9": 3}, "q.xlsx:N9: '3' is not text"),
        ({**YES, "I9": True}, "q.xlsx:I9: 'True' is not text"),
        ({**YES, "J9": "#N/A"}, "q.xlsx:J9: '#N/A' is not text"),
        ({"I6": "Answers"}, "q.xlsx:I6: the heading is 'Answers', and should be 'Answer / Trả lời'"),
        ({"A6": None}, "q.xlsx:A6: the heading is ''"),
        ({"P9": "a note"}, "q.xlsx:P9: stands beside the questionnaire"),
        ({"B3": "f" * 64}, "q.xlsx:B3: baseline_sha256 is "),
        ({"A4": None}, "q.xlsx: level is ''"),
        ({"A20": "D99"}, "q.xlsx:A20: no control is called 'D99'"),
        ({"A20": "D1"}, "q.xlsx:A20: D1 is answered twice; it stands at q.xlsx:A7 already"),
    ],
)
def test_a_cell_that_cannot_be_taken_is_named(cells: dict[str, Any], told: str) -> None:
    assert [fault for fault in read_and_refused(edited(put(**cells))) if fault.startswith(told)]


def test_what_a_file_says_of_its_own_size_is_not_believed() -> None:
    page = part("xl/worksheets/sheet1.xml")
    assert b'<dimension ref="A1:O10"/>' in page
    lying = repacked(xl__worksheets__sheet1_dot_xml=page.replace(b'<dimension ref="A1:O10"/>', b'<dimension ref="A1:C8"/>'))
    assert len(questionnaire_xlsx.read(lying, "q.xlsx").rows) == 4
    assert taken(questionnaire_xlsx.read(lying, "q.xlsx")).open == ("D1", "D18", "D7", "D8")


def test_merged_cells_are_named() -> None:
    faults = read_and_refused(edited(lambda page: page.merge_cells("I7:I10")))
    assert "q.xlsx:I7:I10: merged cells; undo that, and answer each control in its own row" in faults


def test_a_moved_column_is_told_for_each_heading() -> None:
    faults = read_and_refused(edited(lambda page: page.delete_cols(2)))
    assert len([fault for fault in faults if "the heading is" in fault]) == 14


def test_sorted_rows_and_other_widths_change_nothing() -> None:
    def change(page: Any) -> None:
        row = [page.cell(10, at).value for at in range(1, 16)]
        for at in range(1, 16):
            page.cell(10, at).value, page.cell(7, at).value = page.cell(7, at).value, row[at - 1]
        page.column_dimensions["A"].width = 99

    assert taken(questionnaire_xlsx.read(edited(change), "q.xlsx")).open == ("D1", "D18", "D7", "D8")


def test_text_that_looks_like_a_formula_is_written_as_text_and_without_links() -> None:
    row = {**sheet(BOUND, 3, {}).rows[0], "reason": '=HYPERLINK("http://192.0.2.1/")', "document": "http://192.0.2.1/"}
    made = questionnaire_xlsx.write(type(sheet(BOUND, 3, {}))(sheet(BOUND, 3, {}).head, (row,)))
    page: Any = load_workbook(io.BytesIO(made))["Questionnaire"]
    assert {cell.data_type for cells in page.iter_rows() for cell in cells if cell.value is not None} == {"s"}
    assert not page._hyperlinks
    assert (page.freeze_panes, page.auto_filter.ref) == ("B7", "A6:O7")
    assert [rule.formula1 for rule in page.data_validations.dataValidation] == ['"yes,partly,no,not-applicable"']
    assert page.protection.sheet
    assert (page["A7"].protection.locked, page["I7"].protection.locked) == (True, False)


def a_bomb() -> bytes:
    return repacked(xl__sharedStrings_dot_xml=b"<sst>" + b" " * (LIMIT + 1) + b"</sst>")


def entities() -> bytes:
    text = part("xl/sharedStrings.xml").split(b"?>", 1)[1]
    many = b"".join(b'<!ENTITY a%d "%s">' % (at, b"&a%d;" % (at - 1) * 10) for at in range(1, 10))
    return repacked(xl__sharedStrings_dot_xml=b'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a0 "ha">' + many + b"]>" + text)


def lying_size() -> bytes:
    """A part whose entry claims fewer bytes than it unpacks to."""
    data = bytearray(a_bomb())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (100).to_bytes(4, "little")
    return bytes(data)


def far_away() -> bytes:
    """A cell in the last row there is, in a file of a few bytes."""
    page = part("xl/worksheets/sheet1.xml")
    cell = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
    return repacked(xl__worksheets__sheet1_dot_xml=page.replace(b"</sheetData>", cell))


def many_cells() -> bytes:
    """Nearly a million cells in a few kilobytes."""
    page = part("xl/worksheets/sheet1.xml")
    return repacked(
        xl__worksheets__sheet1_dot_xml=page.replace(b"</sheetData>", b"<row>" + b"<c/>" * 900_000 + b"</row></sheetData>")
    )


def two_sheets() -> bytes:
    book = load_workbook(io.BytesIO(EMPTY))
    book.create_sheet("Ghi chú")
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def another_workbook() -> bytes:
    target = io.BytesIO()
    Workbook().save(target)
    return target.getvalue()


def doubled() -> bytes:
    target = io.BytesIO(EMPTY)
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("xl/workbook.xml", b"<other/>")
    return target.getvalue()


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (a_bomb, "unpacks to more than"),
        (lying_size, "not a workbook that can be read"),
        (entities, "defines entities"),
        (many_cells, "more cells and formats than"),
        (far_away, "more than 2000 rows"),
        (two_sheets, "keep the sheet Questionnaire alone"),
        (another_workbook, "has the sheets 'Sheet'"),
        (doubled, "have one name"),
        (lambda: b"\xd0\xcf\x11\xe0" + bytes(600), "password-protected"),
        (lambda: bytes(LIMIT + 1), "larger than"),
        (lambda: b"", "not a workbook"),
        (lambda: b"PK\x03\x04 and nothing", "not a workbook"),
        (lambda: EMPTY[:-40], "not a workbook"),
        (lambda: repacked(xl__workbook_dot_xml=None), "not a workbook"),
        (lambda: repacked(xl__workbook_dot_xml=b"<a><b></a>"), "not a workbook"),
        (lambda: repacked(xl__worksheets__sheet1_dot_xml=None), "keep the sheet Questionnaire alone"),
        (lambda: repacked(xl__vbaProject_dot_bin=b"macros"), "holds macros"),
        (lambda: repacked(**{f"x{at}": b"" for at in range(300)}), "200 parts"),
    ],
)
def test_a_hostile_workbook_is_refused_whole(made: Callable[[], bytes], told: str) -> None:
    with pytest.raises(InputError, match=r"^q\.xlsx") as error:
        questionnaire_xlsx.read(made(), "q.xlsx")
    assert told in str(error.value)


@pytest.mark.parametrize("broken", range(0, len(EMPTY), 211))
def test_a_changed_byte_never_ends_in_anything_but_an_answer_or_a_refusal(broken: int) -> None:
    data = bytearray(EMPTY)
    data[broken] ^= 0xFF
    try:
        found = questionnaire_xlsx.read(bytes(data), "q.xlsx")
    except InputError:
        return
    assert not any(row["answer"].text for row in found.rows)
