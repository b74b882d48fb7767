"""Inventories as CSV: comma, semicolon or tab, UTF-8 with or without a mark, UTF-16; every value with its cell."""

from __future__ import annotations

import csv
import io

from scanner.i18n import _
from scanner.inventory.rows import COLUMNS, NEEDED, Row, Table, columns, heading, is_head, without_head
from scanner.strict_yaml import InputError

LIMIT = 16 * 1024 * 1024
TITLE_ROWS = 10
"""Rows that may stand above the headings."""
_WIDTH = 200
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}


def read(data: bytes, name: str) -> Table:
    """The table in this file; raises InputError where it is none, with what to do."""
    text, encoding = _decoded(data, name)
    first, _end, rest = text.partition("\n")
    separator, skipped = _separator(text), 0
    if first.strip().casefold().startswith("sep=") and first.strip()[4:5] in _SEPARATORS:
        text, separator, skipped = rest, first.strip()[4], 1
    table = Table(f"{encoding}, {_SEPARATORS[separator]}")
    where: dict[int, str] = {}
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for number, cells in enumerate(lines, start=1 + skipped):
            if len(cells) > _WIDTH:
                raise InputError(f"{name}: A{number}: " + _("more than {columns} columns").format(columns=_WIDTH))
            if where:
                _take(table, cells, number, where, name)
            elif is_head(cells):
                where = columns([(cell(at, number), table.text(text)) for at, text in enumerate(cells)], table, name)
            elif number > TITLE_ROWS + skipped:
                break
    except csv.Error as error:
        raise InputError(f"{name}: " + _("line {line}: {error}").format(line=lines.line_num + skipped, error=error)) from None
    if not where:
        raise without_head(name)
    return table


def write(rows: list[dict[str, str]]) -> bytes:
    """The rows as CSV with commas, in UTF-8 with the mark by which spreadsheets know it."""
    target = io.StringIO(newline="")
    writer = csv.DictWriter(target, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue().encode("utf-8-sig")


def cell(at: int, number: int) -> str:
    """A cell's name as a spreadsheet shows it: D17."""
    letters = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{number}"


def _take(table: Table, cells: list[str], number: int, where: dict[int, str], name: str) -> None:
    found = {where[at]: table.text(text) for at, text in enumerate(cells) if at in where}
    places = {column: cell(at, number) for at, column in where.items()}
    table.add(Row(found, places, cell(0, number)), name)


def _decoded(data: bytes, name: str) -> tuple[str, str]:
    if len(data) > LIMIT:
        raise InputError(f"{name}: " + _("larger than {limit} bytes").format(limit=LIMIT))
    encoding, shown = "utf-8", "UTF-8"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding, shown = "utf-16", "UTF-16"
    elif data[:3] == b"\xef\xbb\xbf":
        encoding, shown = "utf-8-sig", "UTF-8"
    elif data[1:2] == b"\0":
        encoding, shown = "utf-16-le", "UTF-16"
    elif data[:1] == b"\0":
        encoding, shown = "utf-16-be", "UTF-16"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise InputError(f"{name}: " + _("not UTF-8 and not UTF-16 text; save it as CSV UTF-8 or as .xlsx")) from None
    if "\0" in text:
        raise InputError(f"{name}: " + _("holds NUL bytes, which no CSV does"))
    return text, shown


def _separator(text: str) -> str:
    """The sign that parts the headings best."""
    lines = text.splitlines()[: TITLE_ROWS + 1]

    def known(sign: str) -> int:
        rows = [{heading(part.strip(' "')) for part in line.split(sign)} - {None} for line in lines]
        return max((len(row) for row in rows if set(NEEDED) <= row), default=0)

    return max(_SEPARATORS, key=known)
