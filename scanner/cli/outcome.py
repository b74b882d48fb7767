"""The outcome of a command as data: what `--format json` prints where a command has no data of its own."""

from __future__ import annotations

from typing import Any, Literal

from scanner.record import Record


class Outcome(Record):
    """How a command ended, and what it said and printed on the way."""

    schema_version: Literal[1] = 1
    command: str
    exit_status: int
    exit_name: str
    """The name of the status in docs/exit-statuses.md."""
    said: tuple[str, ...]
    """The lines for a person, which stood on stderr too."""
    printed: tuple[str, ...]
    """The lines that would have stood on stdout."""
    error: str | None
    """What went wrong, and what to do; null where nothing did."""
    code: str | None
    """The code of a refusal, as `suspended`; null of any other error, and where there was none."""
    found: Any
    """What the command found, as data: of the commands that have a schema of their own, else null."""
