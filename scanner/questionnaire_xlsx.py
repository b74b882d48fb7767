"""Questionnaires as workbooks: text cells only when written; when read, bounded, with no formula, and every fault with its cell."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from typing import Any

from scanner.i18n import _
from scanner.questionnaire import ANSWERED, ANSWERS, COLUMNS, HEAD, Cell, Filled, Sheet, quoted, tidy
from scanner.strict_yaml import InputError
from scanner.workbooks import merged_ranges, unreadable

TITLE = "Questionnaire"
ROWS, WIDTH = 2_000, 40
"""The rows and columns that are read."""

_HEADINGS = {
    "control": ("Control / Yêu cầu", 18),
    "class": ("Class / Loại", 13),
    "title_vi": ("Tên (vi)", 40),
    "title_en": ("Title (en)", 40),
    "document_vi": ("Tài liệu cần nộp (vi)", 36),
    "document_en": ("Document asked (en)", 36),
    "max_age_days": ("Maximum age in days / Số ngày tối đa", 12),
    "clauses": ("Clauses / Căn cứ", 36),
    "answer": ("Answer / Trả lời", 16),
    "reason": ("Reason / Lý do", 40),
    "document": ("Document file / Tệp tài liệu", 30),
    "date": ("Document date / Ngày tài liệu", 16),
    "by": ("Answered by / Người trả lời", 20),
    "role": ("Role / Chức vụ", 20),
    "sha256": ("SHA-256", 20),
}
_HELP = (
    "yes = có, partly = một phần, no = không, not-applicable = không áp dụng. Date / Ngày: 2026-11-23. "
    "The document is a path beside this file / Tệp nằm cùng thư mục với phiếu này."
)
_HEADING_ROW = len(HEAD) + 2
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]")
_RETURN = "_x000D_"
"""A carriage return as office programs write it, when a text was pasted."""


def write(sheet: Sheet) -> bytes:
    """The workbook's bytes; the same for the same questionnaire."""
    import xlsxwriter

    target = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(target, plain)
    book.set_properties(
        {"title": TITLE, "created": datetime(2026, 1, 1, tzinfo=UTC)}
    )  # the bytes say nothing of when they were made
    page = book.add_worksheet(TITLE)
    common = {"num_format": "@", "text_wrap": True, "valign": "top", "border": 1}
    locked = book.add_format({**common, "bg_color": "#F2F2F2"})
    free = book.add_format({**common, "locked": False})
    bold = book.add_format({**common, "bold": True, "bg_color": "#D9E2F3"})
    for at, key in enumerate(HEAD):
        page.write_string(at, 0, key, locked)
        page.write_string(at, 1, sheet.head[key], locked)
    page.write_string(len(HEAD), 0, _HELP)
    for at, column in enumerate(COLUMNS):
        heading, width = _HEADINGS[column]
        page.set_column(at, at, width)
        page.write_string(_HEADING_ROW - 1, at, heading, bold)
    for number, row in enumerate(sheet.rows, start=_HEADING_ROW):
        for at, column in enumerate(COLUMNS):
            page.write_string(number, at, _UNWRITABLE.sub("\ufffd", row[column]), free if column in ANSWERED else locked)
    last = max(_HEADING_ROW, _HEADING_ROW + len(sheet.rows) - 1)
    page.autofilter(_HEADING_ROW - 1, 0, last, len(COLUMNS) - 1)
    page.freeze_panes(_HEADING_ROW, 1)
    answer = COLUMNS.index("answer")
    page.data_validation(_HEADING_ROW, answer, last, answer, {"validate": "list", "source": list(ANSWERS), "ignore_blank": True})
    page.protect("", {"autofilter": True, "format_columns": True, "format_rows": True, "sort": True})
    book.close()
    return target.getvalue()


def read(data: bytes, name: str) -> Filled:
    """The questionnaire in this workbook, with the faults of its form; raises InputError where it is no workbook within the limits."""
    merged = merged_ranges(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that openpyxl does not know, and that do not matter here
            rows = _rows(data, name)
    except InputError:
        raise
    except Exception:  # noqa: BLE001 - a hostile workbook ends in openpyxl in any way there is
        raise unreadable(name) from None
    faults = [f"{name}:{where}: " + _("merged cells; undo that, and answer each control in its own row") for where in merged]
    head = {row[0].text: row[1] for row in rows[: len(HEAD)] if row[0].text in HEAD}
    headings = rows[_HEADING_ROW - 1] if len(rows) >= _HEADING_ROW else []
    strange = list(_of_headings(headings, name))
    faults += strange
    found = () if strange else tuple(dict(zip(COLUMNS, row, strict=False)) for row in rows[_HEADING_ROW:])
    faults += [] if strange else list(_beside(rows[_HEADING_ROW:]))
    return Filled(name, head, found, tuple(faults))


def _rows(data: bytes, name: str) -> list[list[Cell]]:
    from openpyxl import load_workbook
    from openpyxl.utils import get_column_letter

    book: Any = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    if book.sheetnames != [TITLE]:
        text = _("the workbook has the sheets {sheets}; keep the sheet {title} alone")
        raise InputError(f"{name}: " + text.format(sheets=quoted(", ".join(book.sheetnames)), title=TITLE))
    page = book[TITLE]
    page.reset_dimensions()  # what a file says of its own size is not believed
    rows = []
    for number, row in enumerate(page.iter_rows(max_row=ROWS + 1, max_col=WIDTH), start=1):
        cells = [_cell(cell, f"{name}:{get_column_letter(at)}{number}") for at, cell in enumerate(row, start=1)]
        if number > ROWS:
            raise InputError(f"{name}:A{number}: " + _("more than {rows} rows; empty the rest").format(rows=ROWS))
        rows.append(cells + [Cell("", f"{name}:{get_column_letter(at + 1)}{number}") for at in range(len(cells), len(COLUMNS))])
    return rows


def _cell(cell: Any, place: str) -> Cell:
    value = cell.value
    if value is None:
        return Cell("", place)
    if cell.data_type == "f":
        return Cell("", place, _("a formula; write its value as text"))
    if isinstance(value, str) and cell.data_type != "e":
        return Cell(tidy(value.replace(_RETURN, "\r")), place)
    if isinstance(value, datetime) and value.time() == time():
        return Cell(value.date().isoformat(), place)
    if isinstance(value, datetime):
        return Cell("", place, _("a date with a time and no time zone; write the day, or text as 2026-11-23T08:00:00+07:00"))
    return Cell("", place, _("{value} is not text; format the cell as text and write it again").format(value=quoted(str(value))))


def _of_headings(row: Sequence[Cell], name: str) -> Iterator[str]:
    if not row:
        yield f"{name}:A{_HEADING_ROW}: " + _("the row of headings is missing; export the questionnaire anew")
    for column, cell in zip(COLUMNS, row, strict=False):
        if cell.text != _HEADINGS[column][0]:
            message = _("the heading is {found}, and should be {expected}")
            yield f"{cell.place}: " + message.format(found=quoted(cell.text), expected=quoted(_HEADINGS[column][0]))


def _beside(rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    for row in rows:
        for cell in row[len(COLUMNS) :]:
            if not cell.blank:
                yield f"{cell.place}: " + _("stands beside the questionnaire; take it away")
