"""The operators' trail: who ran which command on a run and how it ended, kept in the run's journal. It is no evidence, and signs nothing.

Only the verb, the login name and the exit status are kept: other words of a command line may be secret or confidential.
"""

from __future__ import annotations

import getpass
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

_READS_ONLY = "--under"
_DONE = (0, 10, 11, 14, 130)
"""Statuses of a command that did something; one that was refused left the run as it was."""
_worked_on: set[Path] = set()
"""The runs this command made or went on with: whoever leaves the folder to the settings or to the program types none."""


def worked_on(folder: Path) -> None:
    """Remembers that this command works on the run in this folder, until it is noted."""
    _worked_on.add(folder)


def note(words: Sequence[str], status: int) -> None:
    """Adds one line to the journal of each run these words name, or this command worked on.

    A journal that cannot be written keeps none, and stops nobody.
    """
    from scanner.cli import COMMANDS, KEPT

    unnamed = sorted(_worked_on)
    _worked_on.clear()
    verb = next((word for word in words if word in COMMANDS), "")
    if verb not in KEPT or _READS_ONLY in words or status not in _DONE:
        return
    folders = [*_folders(words), *unnamed]
    if not folders:  # as after `scan --help`, which should load no more for it
        return
    from scanner.store import Run, StoreError

    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for folder in {one.resolve(): one for one in _runs(folders)}.values():
        with suppress(StoreError, OSError, sqlite3.Error), Run(folder).journal() as journal:
            journal.execute("CREATE TABLE IF NOT EXISTS command (at TEXT, who TEXT, verb TEXT, status INTEGER)")
            journal.execute("INSERT INTO command VALUES (?, ?, ?, ?)", (at, _who(), verb, status))


def trail(folder: Path) -> list[tuple[str, str, str, int]]:
    """When, who, which verb and how it ended, oldest first; nothing where no trail was kept."""
    from scanner.store import Run, StoreError

    with suppress(StoreError, OSError, sqlite3.Error), Run(folder).journal() as journal:
        return [tuple(row) for row in journal.execute("SELECT at, who, verb, status FROM command ORDER BY rowid")]
    return []


def _folders(words: Sequence[str]) -> Iterator[Path]:
    """The folders among these words."""
    for word in dict.fromkeys(words):
        with suppress(OSError, ValueError):
            name = word.partition("=")[2] if word.startswith("--") else word
            if name and Path(name).is_dir():
                yield Path(name)


def _runs(folders: Sequence[Path]) -> Iterator[Path]:
    """The scanned runs among these folders; one without a journal was put there by hand, and is left as it is."""
    from scanner.run_files import JOURNAL, ORDER

    for folder in folders:
        with suppress(OSError):
            if (folder / ORDER).is_file() and (folder / JOURNAL).is_file():
                yield folder


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        import os

        return f"uid {os.getuid()}"
