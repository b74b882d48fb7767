"""How long sights took in earlier runs: read from their journals, for estimates alone."""

from __future__ import annotations

import sqlite3
import statistics
from collections import defaultdict
from pathlib import Path

from scanner.store import JOURNAL, ORDER

_RUNS = 20
"""The newest runs that are read."""
_EVENTS = 50_000


def seconds_by_kind(runs: Path, without: Path | None = None) -> dict[str, float]:
    """The median seconds of a sight of each kind, over the newest runs in this folder; empty where there is none."""
    found = [order.parent for order in runs.glob(f"*/{ORDER}") if order.parent != without] if runs.is_dir() else []
    newest = sorted(found, key=lambda run: (run / ORDER).stat().st_mtime, reverse=True)[:_RUNS]
    taken: dict[str, list[float]] = defaultdict(list)
    for run in newest:
        for kind, seconds in _events(run / JOURNAL):
            taken[kind].append(seconds)
    return {kind: statistics.median(seconds) for kind, seconds in sorted(taken.items())}


def _events(journal: Path) -> list[tuple[str, float]]:
    """What a journal tells; a broken one tells nothing, for an estimate does without."""
    if not journal.is_file() or journal.is_symlink():
        return []
    try:
        connection = sqlite3.connect(f"file:{journal.absolute()}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT kind, seconds FROM event LIMIT ?", (_EVENTS,)).fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return []
    return [
        (kind, seconds) for kind, seconds in rows if isinstance(kind, str) and isinstance(seconds, int | float) and seconds >= 0
    ]
