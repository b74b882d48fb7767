"""What this invocation said to the person, kept for `--format json`; kept only where that was asked for."""

from __future__ import annotations

_kept: list[str] | None = None


def keep() -> None:
    """From now on what is said is kept."""
    global _kept  # noqa: PLW0603 - one invocation a process, like the language
    _kept = []


def note(text: str) -> None:
    """Keeps this where it was asked for."""
    if _kept is not None:
        _kept.extend(line for line in text.splitlines() if line.strip())


def taken() -> list[str] | None:
    """What was said since, and nothing is kept any more; None where nobody asked."""
    global _kept
    found, _kept = _kept, None
    return found
