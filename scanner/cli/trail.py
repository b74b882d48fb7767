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


def note(words: Sequence[str], status: int) -> None:
    """Adds one line to the journal of each run these words name; a journal that cannot be written keeps none, and stops nobody."""
    from scanner.cli import COMMANDS, KEPT
    from scanner.store import Run, StoreError

    verb = next((word for word in words if word in COMMANDS), "")
    if verb not in KEPT or _READS_ONLY in words or status not in _DONE:
        return
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for folder in _runs(words):
        with suppress(StoreError, OSError, sqlite3.Error), Run(folder).journal() as journal:
            journal.execute("CREATE TABLE IF NOT EXISTS command (at TEXT, who TEXT, verb TEXT, status INTEGER)")
            journal.execute("INSERT INTO command VALUES (?, ?, ?, ?)", (at, _who(), verb, status))


def trail(folder: Path) -> list[tuple[str, str, str, int]]:
    """When, who, which verb and how it ended, oldest first; nothing where no trail was kept."""
    from scanner.store import Run, StoreError

    with suppress(StoreError, OSError, sqlite3.Error), Run(folder).journal() as journal:
        return [tuple(row) for row in journal.execute("SELECT at, who, verb, status FROM command ORDER BY rowid")]
    return []


def _runs(words: Sequence[str]) -> Iterator[Path]:
    """The scanned runs among these words; one without a journal was put there by hand, and is left as it is."""
    from scanner.store import JOURNAL, ORDER

    for word in dict.fromkeys(words):
        with suppress(OSError, ValueError):
            folder = Path(word.partition("=")[2] if word.startswith("--") else word)
            if (folder / ORDER).is_file() and (folder / JOURNAL).is_file():
                yield folder


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        import os

        return f"uid {os.getuid()}"
