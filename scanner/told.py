"""What this invocation said to the person and what it found, kept for `--format json`; kept only where that was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Told:
    """The lines that were said, and what was found, as data; None where a command finds nothing that its lines do not say."""

    lines: list[str] = field(default_factory=list)
    found: Any = None


_kept: Told | None = None


def keep() -> None:
    """From now on what is said and found is kept."""
    global _kept  # noqa: PLW0603 - one invocation a process, like the language
    _kept = Told()


def note(text: str) -> None:
    """Keeps this line where it was asked for."""
    if _kept is not None:
        _kept.lines.extend(line for line in text.splitlines() if line.strip())


def find(value: Any) -> None:
    """Keeps what was found, as values of JSON, where it was asked for."""
    if _kept is not None:
        _kept.found = value


def taken() -> Told:
    """What was said and found since, and nothing is kept any more; nothing where nobody asked."""
    global _kept
    told, _kept = _kept or Told(), None
    return told
