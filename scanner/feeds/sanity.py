"""Whether a new edition of a feed may take the place of the one before: nothing lost, nothing rolled back, nothing from the future."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from scanner.advisories import FeedKind, FeedRef
from scanner.feeds.filling import present
from scanner.feeds.reading import FeedError, StaleFeedError, Tally
from scanner.i18n import _

_KEPT = 0.95
"""A new edition holds at least this part of the records of the one before."""
_SPOILED = 0.01
"""More than this part of malformed records, and the format is another than the parser knows."""
_SAMPLE = 20
_WELL_KNOWN = {FeedKind.KEV: ("CVE-2021-44228", "CVE-2017-0144")}
"""CVEs without which a feed of this kind is none: they were exploited all over the world and stay in the catalogue for ever."""


def readable(name: str, tally: Tally) -> None:
    """Raises FeedError where nothing, or too little, of the file could be read."""
    if tally.read == 0:
        raise FeedError(
            _("{path}: nothing in it could be read{examples}; fetch it again").format(path=name, examples=_told(tally))
        )
    if tally.malformed > _SPOILED * (tally.read + tally.malformed):
        text = _("{path}: {malformed} of {count} records cannot be read{examples}")
        count = tally.read + tally.malformed
        raise FeedError(text.format(path=name, malformed=tally.malformed, count=count, examples=_told(tally)))


def in_order(ref: FeedRef, before: FeedRef | None, now: datetime) -> None:
    """Raises StaleFeedError where the edition is older than the one before, or younger than the clock."""
    made = f"{ref.generated_at:%Y-%m-%dT%H:%M:%SZ}"
    if ref.generated_at > now:
        text = _("{feed}: made at {made}, after this machine's clock; set the clock")
        raise StaleFeedError(text.format(feed=ref.name, made=made))
    if before is not None and ref.generated_at < before.generated_at:
        text = _("{feed}: made at {made}, before the edition that is here ({before}): a roll-back")
        raise StaleFeedError(text.format(feed=ref.name, made=made, before=f"{before.generated_at:%Y-%m-%dT%H:%M:%SZ}"))


def lost(ref: FeedRef, before: FeedRef) -> str | None:
    """What to say where the edition holds too few of the records of the one before; None where it does not."""
    if ref.records < _KEPT * before.records:
        text = _("{feed}: {count} records where the edition before had {before}")
        return text.format(feed=ref.name, count=ref.records, before=before.records)
    return None


def canaries(connection: sqlite3.Connection, ref: FeedRef) -> dict[str, list[str]]:
    """Some identifiers of the edition that is here, evenly spread, and its namespaces: a new edition must name them too."""
    found = {"namespace": _column(connection, "SELECT DISTINCT namespace FROM coverage WHERE feed = ? ORDER BY 1", ref.name)}
    for table in ("advisory", "cve"):
        ids = _column(connection, f"SELECT DISTINCT id FROM {table} WHERE feed = ? ORDER BY 1", ref.name)  # noqa: S608 - ours
        found[table] = ids[:: max(1, len(ids) // _SAMPLE)]
    return found


def missing(connection: sqlite3.Connection, ref: FeedRef, wanted: dict[str, list[str]]) -> str | None:
    """What to say where the new edition lacks a release or more than a tenth of the sample; None where all is there."""
    for column, names in wanted.items():
        gone = sorted(set(names) - present(connection, ref.name, column, names))
        if gone and (column == "namespace" or len(gone) > len(names) // 10):
            return _("{feed}: no longer names {names}").format(feed=ref.name, names=", ".join(gone[:5]))
    return None


def well_known(connection: sqlite3.Connection, ref: FeedRef) -> None:
    """Raises FeedError where a CVE is missing without which the feed cannot be what it claims to be."""
    wanted: Iterable[str] = _WELL_KNOWN.get(ref.kind, ())
    gone = sorted(set(wanted) - present(connection, ref.name, "cve", wanted))
    if gone:
        raise FeedError(_("{feed}: does not name {names}; it is no whole edition").format(feed=ref.name, names=", ".join(gone)))


def _column(connection: sqlite3.Connection, query: str, feed: str) -> list[str]:
    return [name for (name,) in connection.execute(query, (feed,))]


def _told(tally: Tally) -> str:
    return f" ({'; '.join(tally.examples[:2])})" if tally.examples else ""
