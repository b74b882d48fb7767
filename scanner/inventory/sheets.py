"""Inventories as workbooks: written as text alone, read within limits, without formulas; every value with its cell."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from scanner.i18n import _
from scanner.inventory.rows import COLUMNS, HEADINGS, NEEDED, NUMBERS, ROWS, Fault, Row, Table, columns, is_head, without_head
from scanner.inventory.separated import TITLE_ROWS, cell
from scanner.strict_yaml import InputError
from scanner.targets import Speaks
from scanner.workbooks import merged_ranges, unreadable

LIMIT, TAGS = 32 * 1024 * 1024, 1_500_000
"""Of a workbook, unpacked: some thousand hosts; a hostile one is refused before a library reads it."""
_WIDTH = 60
_SHEET = "Systems"
_HELP = (
    "One row for each service; repeat host and address, or leave the address empty below the first. Only host and address are needed.",
    "Mỗi dịch vụ một dòng; lặp lại máy chủ và địa chỉ, hoặc để trống địa chỉ ở các dòng sau. Chỉ bắt buộc máy chủ và địa chỉ.",
)


def read(data: bytes, name: str) -> Table:
    """The table on the first sheet that has one; raises InputError where there is none, or no workbook within the limits."""
    merged = merged_ranges(data, name, limit=LIMIT, tags=TAGS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that do not matter here
            sheets = _sheets(data)
    except InputError:
        raise
    except Exception:  # noqa: BLE001 - a hostile workbook ends in openpyxl in any way there is
        raise unreadable(name) from None
    for title, rows in sheets.items():
        at = next((number for number, row in enumerate(rows[:TITLE_ROWS]) if is_head([_shown(value) for value in row])), None)
        if at is not None:
            table = _table(title, rows, at, name)
            below = [where for where in merged if _row_of(where) > at + 1]
            if below:
                raise InputError(f"{name}: {below[0]}: " + _("merged cells; undo that, and write each value in its own row"))
            table.notes += [
                Fault(other, _("this sheet has no headings of an inventory and is left out"))
                for other in sheets
                if other != title
            ]
            return table
    raise without_head(name)


def write(rows: Sequence[dict[str, str]]) -> bytes:
    """The workbook of these rows, or the template where there are none; the same bytes for the same rows."""
    import xlsxwriter

    target = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(target, plain)
    book.set_properties({"title": _SHEET, "created": datetime(2026, 1, 1, tzinfo=UTC)})
    page = book.add_worksheet(_SHEET)
    text = book.add_format({"num_format": "@"})
    bold = book.add_format({"bold": True, "bg_color": "#D9E2F3", "text_wrap": True, "border": 1, "num_format": "@"})
    for line, sentence in enumerate(_HELP):
        page.write_string(line, 0, sentence)
    head = len(_HELP)
    for at, column in enumerate(COLUMNS):
        english, vietnamese = HEADINGS[column][:2]
        page.set_column(at, at, 20, text)
        page.write_string(head, at, f"{english} / {vietnamese}" + (" *" if column in NEEDED else ""), bold)
    for number, row in enumerate(rows, start=head + 1):
        for at, column in enumerate(COLUMNS):
            if row[column]:
                page.write_string(number, at, row[column], text)
    for column, allowed in (("speaks", [str(word) for word in Speaks]), ("transport", ["tcp", "udp"])):
        at = COLUMNS.index(column)
        page.data_validation(head + 1, at, head + 2_000, at, {"validate": "list", "source": allowed, "ignore_blank": True})
    page.freeze_panes(head + 1, 1)
    book.close()
    return target.getvalue()


def _sheets(data: bytes) -> dict[str, list[tuple[Any, ...]]]:
    from openpyxl import load_workbook

    book: Any = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    found = {}
    for page in book.worksheets[:20]:
        page.reset_dimensions()  # what a file says of its own size is not believed
        found[str(page.title)] = [
            tuple((item.value, item.data_type) for item in row) for row in page.iter_rows(max_row=ROWS + 50, max_col=_WIDTH)
        ]
    return found


def _table(title: str, rows: list[tuple[Any, ...]], at: int, name: str) -> Table:
    table = Table(_("sheet {title!r}").format(title=title[:60]))
    where = columns([(cell(position, at + 1), _shown(item)) for position, item in enumerate(rows[at])], table, name)
    for number, row in enumerate(rows[at + 1 :], start=at + 2):
        values, faults = {}, []
        for position, column in where.items():
            value, kind = row[position] if position < len(row) else (None, "n")
            try:
                values[column] = table.text(_text(value, kind, column))
            except ValueError as error:
                faults.append(Fault(cell(position, number), str(error)))
        places = {column: cell(position, number) for position, column in where.items()}
        table.add(Row(values, places, cell(0, number), tuple(faults)), name)
    return table


def _shown(item: tuple[Any, str]) -> str:
    value, kind = item
    return value.strip().removesuffix("*").strip() if isinstance(value, str) and kind == "s" else ""


def _text(value: Any, kind: str, column: str) -> str:
    if value is None:
        return ""
    if kind == "f":
        raise ValueError(_("a formula; write its value as text"))
    if kind == "e":
        raise ValueError(_("an error of the spreadsheet; write the value as text"))
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if column in NUMBERS:
        raise ValueError(_("a whole number is wanted, not {value}").format(value=str(value)[:60]))
    raise ValueError(_("{value!r} is not text; format the cell as text and write it again").format(value=str(value)[:60]))


def _row_of(reference: str) -> int:
    digits = "".join(sign for sign in reference.rpartition(":")[2] if sign.isdigit())
    return int(digits or 0)
