"""The one shape every inventory is read into: a row for each service of a host, each value with the place where it stands."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scanner.i18n import _, language
from scanner.inventory.units import plain
from scanner.strict_yaml import InputError

ROWS = 20_000
"""The rows of one inventory that are read."""

HEADINGS: dict[str, tuple[str, ...]] = {
    "host": ("Host", "Máy chủ", "id", "ten may", "ten may chu", "ma may chu", "hostname", "may"),
    "address": ("Address", "Địa chỉ", "ip", "dia chi ip", "ip address"),
    "unit": ("Unit", "Đơn vị", "don vi quan ly", "tinh", "province"),
    "port": ("Port", "Cổng", "cong dich vu"),
    "transport": ("Transport", "Giao vận", "tcp udp"),
    "speaks": ("Speaks", "Giao thức", "protocol", "service", "dich vu"),
    "name": ("Name", "Tên miền", "domain", "dns name", "fqdn"),
    "login_user": ("Login user", "Tài khoản đăng nhập", "user", "tai khoan"),
    "login_port": ("Login port", "Cổng đăng nhập"),
    "login_key": ("Login key file", "Tệp khóa đăng nhập", "key file", "login key"),
    "login_host_keys": ("Host keys", "Khóa của máy chủ", "login host keys"),
    "via_address": ("Jump address", "Địa chỉ máy trung gian", "via address"),
    "via_user": ("Jump user", "Tài khoản máy trung gian", "via user"),
    "via_port": ("Jump port", "Cổng máy trung gian", "via port"),
    "via_key": ("Jump key file", "Tệp khóa máy trung gian", "via key"),
    "via_host_keys": ("Jump host keys", "Khóa của máy trung gian", "via host keys"),
}
"""Each column with its heading in English and Vietnamese, and other words it is known by; the first two are written."""

COLUMNS = tuple(HEADINGS)
NUMBERS = ("port", "login_port", "via_port")
"""The columns that hold whole numbers."""
OF_A_SERVICE = ("port", "transport", "speaks", "name")
"""The columns that belong to the row's service; all others belong to its host."""
NEEDED = ("host", "address")

_KNOWN = {plain(word): column for column, words in HEADINGS.items() for word in (column, *words)}


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was written, trimmed and in NFC."""

    values: Mapping[str, str]
    places: Mapping[str, str]
    """Where each value stands, as a person finds it: a cell, a line, a host."""
    at: str
    """Where the row itself stands."""
    faults: tuple[Fault, ...] = ()
    """What the reader could not read as text."""

    def place(self, column: str) -> str:
        """Where this column's value stands, or would."""
        return self.places.get(column, self.at)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place."""

    place: str
    message: str


@dataclass(slots=True)
class Table:
    """What a reader found in a file."""

    what: str
    """What was read, for the person: the sheet, the encoding."""
    rows: list[Row] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    """What was left out or filled in, and stops nothing."""
    respelt: int = 0
    """Values that were not in NFC as they were written."""

    def text(self, value: str) -> str:
        """A value in NFC and trimmed; counts those that were written otherwise."""
        found = unicodedata.normalize("NFC", value)
        self.respelt += found != value
        return found.strip()

    def add(self, row: Row, name: str) -> None:
        """Takes one row more; raises InputError beyond the limit, and leaves out a row without a value."""
        if len(self.rows) >= ROWS:
            raise InputError(f"{name}: {row.at}: " + _("more than {rows} rows; split the inventory").format(rows=ROWS))
        if any(row.values.values()) or row.faults:
            self.rows.append(row)


def heading_of(column: str) -> str:
    """The column's heading in the chosen language, as the template has it."""
    english, vietnamese = HEADINGS[column][:2]
    return vietnamese if language() == "vi" else english


def heading(text: str) -> str | None:
    """The column a heading means, in either language or both (`Host / Máy chủ`); None where it means none."""
    parts = [text, *text.split("/")]
    return next((_KNOWN[plain(part)] for part in parts if plain(part) in _KNOWN), None)


def is_head(cells: Sequence[str]) -> bool:
    """Whether these cells are the row of headings."""
    found = {heading(cell) for cell in cells}
    return all(column in found for column in NEEDED)


def columns(cells: Iterable[tuple[str, str]], table: Table, name: str) -> dict[int, str]:
    """Which column stands at which position, for cells given as place and text; raises InputError where one stands twice."""
    found: dict[int, str] = {}
    for position, (place, text) in enumerate(cells):
        column = heading(text)
        if column is None:
            if text:
                message = _("{heading!r} is no column of an inventory and is left out").format(heading=text[:60])
                table.notes.append(Fault(place, message))
        elif column in found.values():
            raise InputError(f"{name}: {place}: " + _("the column “{column}” stands twice").format(column=heading_of(column)))
        else:
            found[position] = column
    return found


def without_head(name: str) -> InputError:
    """The error to raise about a table in which no row of headings was found."""
    text = _("no row of headings with {needed}; `clearance init` writes a template (the first rows may hold a title)")
    return InputError(f"{name}: " + text.format(needed=", ".join(map(heading_of, NEEDED))))
