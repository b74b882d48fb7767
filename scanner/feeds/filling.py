"""Writing a feed's rows into a store that is being built."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import islice

from scanner.advisories import Advisory, Available, Coverage, Cve, FeedRef, Fix, FixStatus, Release
from scanner.feeds.reading import Row
from scanner.feeds.store import TABLES

_PIECE = 2_000
_INSERT = {
    "coverage": "INSERT INTO coverage VALUES (?,?,?,?)",
    "fix": "INSERT INTO fix VALUES (?,?,?,?,?,?,?,?,?,?,?)",
    "advisory": "INSERT INTO advisory VALUES (?,?,?,?,?,?)",
    "cve": "INSERT INTO cve VALUES (?,?,?,?,?,?,?,?,?)",
    "available": "INSERT INTO available VALUES (?,?,?,?,?,?,?,?)",
    "release": "INSERT INTO release VALUES (?,?,?)",
}
_DELETE = {table: f"DELETE FROM {table} WHERE {'name' if table == 'feed' else 'feed'} = ?" for table in TABLES}  # noqa: S608 - our own names


def forget(connection: sqlite3.Connection, feed: str) -> None:
    """Takes a feed out; the days on which its fixes were first seen stay."""
    for statement in _DELETE.values():
        connection.execute(statement, (feed,))


def fill(connection: sqlite3.Connection, feed: str, rows: Iterator[Row]) -> None:
    """Puts a feed's rows in, some at a time, so that no feed is ever in memory whole."""
    while piece := list(islice(rows, _PIECE)):
        tables: dict[str, list[tuple[object, ...]]] = {table: [] for table in _INSERT}
        for row in piece:
            table, values = _values(row)
            tables[table].append((feed, *values))
        for table, found in tables.items():
            if found:
                connection.executemany(_INSERT[table], found)


def enter(connection: sqlite3.Connection, ref: FeedRef) -> None:
    """Names the feed in the store, and notes for its undated fixes that they were there on its day."""
    connection.execute(
        "INSERT INTO feed VALUES (?,?,?,?,?,?,?)",
        (ref.name, ref.kind, _stamp(ref.generated_at), ref.sha256, ref.records, ref.malformed, ref.signed),
    )
    connection.execute(
        "INSERT OR IGNORE INTO first_seen SELECT DISTINCT namespace, package, advisory, fixed, ? FROM fix"
        " WHERE feed = ? AND status = ? AND since IS NULL",
        (ref.generated_at.date().isoformat(), ref.name, FixStatus.FIXED),
    )


def _values(row: Row) -> tuple[str, tuple[object, ...]]:
    match row:
        case Fix():
            architectures = " ".join(row.architectures)
            head = (row.namespace, row.package, row.advisory, row.module, row.channel, architectures)
            return "fix", (*head, row.status, row.fixed, _day(row.since), row.note)
        case Advisory():
            return "advisory", (row.id, row.title, row.severity, _day(row.published), json.dumps(row.cves))
        case Cve():
            risk = (row.id, row.cvss, row.vector, row.epss, row.percentile)
            return "cve", (*risk, _day(row.kev_added), _day(row.kev_due), row.kev_ransomware)
        case Available():
            return "available", (row.namespace, row.pocket, row.package, row.arch, row.version, row.source, row.module)
        case Coverage():
            return "coverage", (row.namespace, row.layer, row.pocket)
        case Release():
            return "release", (row.product, row.written())


def _day(found: date | None) -> str | None:
    return None if found is None else found.isoformat()


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def present(connection: sqlite3.Connection, feed: str, column: str, wanted: Iterable[str]) -> set[str]:
    """Which of these identifiers a feed still names."""
    table = {"advisory": "advisory", "cve": "cve", "namespace": "coverage"}[column]
    key = "namespace" if column == "namespace" else "id"
    query = f"SELECT 1 FROM {table} WHERE feed = ? AND {key} = ? LIMIT 1"  # noqa: S608 - names of our own tables
    return {name for name in wanted if connection.execute(query, (feed, name)).fetchone()}
