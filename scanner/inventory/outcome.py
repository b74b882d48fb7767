"""What an import did, as data."""

from __future__ import annotations

from typing import Literal

from scanner.record import Record


class Placed(Record):
    """What is said of one place of the file."""

    place: str
    message: str


class Renamed(Record):
    """A unit that has another name today."""

    place: str
    old: str
    new: str


class Changes(Record):
    """The hosts of the scope that changed, by their ids."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


class Imported(Record):
    """What was read, what was wrong with it, and what it changed."""

    schema_version: Literal[1] = 1
    rows: int
    imported: bool
    changes: Changes | None
    """Null where nothing was imported."""
    left_out: tuple[str, ...]
    """The hosts with a faulty row, which --skip-bad leaves out whole."""
    errors: tuple[Placed, ...]
    notes: tuple[Placed, ...]
    renames: tuple[Renamed, ...]
