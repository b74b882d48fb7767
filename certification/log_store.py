"""Where a log's entries lie: an interface small enough for another database, and SQLite, where nothing can be changed or taken out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from certification.merkle import grown, leaf_hash
from certification.refusals import Code, Refusal
from scanner.findings import said

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (origin TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS entry (
  position INTEGER PRIMARY KEY, leaf BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, serial TEXT NOT NULL, logged_at TEXT NOT NULL,
  envelope BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entry_serial ON entry (serial);
CREATE TABLE IF NOT EXISTS node (level INTEGER, place INTEGER, hash BLOB NOT NULL, PRIMARY KEY (level, place)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoint (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;
CREATE TRIGGER IF NOT EXISTS entry_stays BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'a log only grows'); END;
CREATE TRIGGER IF NOT EXISTS entry_remains BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'a log only grows'); END;
CREATE TRIGGER IF NOT EXISTS node_stays BEFORE UPDATE ON node BEGIN SELECT RAISE(ABORT, 'a log only grows'); END;
CREATE TRIGGER IF NOT EXISTS node_remains BEFORE DELETE ON node BEGIN SELECT RAISE(ABORT, 'a log only grows'); END;
"""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One signed statement in the log."""

    position: int
    leaf: bytes
    """The leaf hash of the statement's payload; of the payload and not of the envelope, whose signatures can be varied."""
    kind: str
    """The statement's predicate type."""
    serial: str
    """The serial of the certificate it is about."""
    logged_at: str
    envelope: bytes


class Entries(Protocol):
    """Entries that can be read in order."""

    def entries(self, start: int = 0, serial: str | None = None) -> Iterator[LogEntry]:
        """The entries from a position on, in order; those about one certificate where `serial` is given."""


class LogStore(Protocol):
    """Entries and the complete subtrees over them; only ever appended to."""

    @property
    def origin(self) -> str:
        """The log's name."""

    @property
    def size(self) -> int:
        """How many entries there are."""

    def node(self, level: int, index: int) -> bytes:
        """The hash of the subtree over the 2**level leaves from index * 2**level on."""

    def append(self, payload: bytes, envelope: bytes, kind: str, serial: str, logged_at: str) -> int:
        """The position of this payload, which is appended where it is not in the log yet; durable when this returns."""

    def position(self, payload: bytes) -> int | None:
        """Where this payload stands; None where it is not in the log."""

    def entries(self, start: int = 0, serial: str | None = None) -> Iterator[LogEntry]:
        """The entries from a position on, in order; those about one certificate where `serial` is given."""

    def last(self) -> LogEntry | None:
        """The last entry; None where there is none."""

    def checkpoint(self) -> bytes | None:
        """The newest signed checkpoint; None where none was signed yet."""

    def checkpoints(self) -> Iterator[bytes]:
        """All signed checkpoints that are kept, the newest first."""

    def keep_checkpoint(self, size: int, note: bytes) -> None:
        """Keeps a signed checkpoint; durable when this returns. One of a size that is kept replaces it: it has more cosignatures."""


class SqliteLog:
    """A log in one SQLite file, for one writing program at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self.origin: str = connection.execute("SELECT origin FROM about").fetchone()[0]

    @property
    def size(self) -> int:
        """How many entries there are."""
        return int(self._connection.execute("SELECT coalesce(max(position) + 1, 0) FROM entry").fetchone()[0])

    def node(self, level: int, index: int) -> bytes:
        """The hash of the subtree over the 2**level leaves from index * 2**level on; refuses where the file has lost it."""
        found = self._connection.execute("SELECT hash FROM node WHERE level = ? AND place = ?", (level, index)).fetchone()
        if found is None:
            raise _broken(self._path, f"the subtree {level}/{index} is missing")
        return bytes(found[0])

    def append(self, payload: bytes, envelope: bytes, kind: str, serial: str, logged_at: str) -> int:
        """The position of this payload, which is appended where it is not in the log yet; durable when this returns."""
        leaf = leaf_hash(payload)
        with self._writing():
            held = self.position(payload)
            if held is not None:
                return held
            place = self.size
            self._connection.execute(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", (place, leaf, kind, serial, logged_at, envelope)
            )
            self._connection.executemany("INSERT INTO node VALUES (?, ?, ?)", list(grown(self, place, leaf)))
        return place

    def position(self, payload: bytes) -> int | None:
        """Where this payload stands; None where it is not in the log."""
        found = self._connection.execute("SELECT position FROM entry WHERE leaf = ?", (leaf_hash(payload),)).fetchone()
        return None if found is None else int(found[0])

    def entries(self, start: int = 0, serial: str | None = None) -> Iterator[LogEntry]:
        """The entries from a position on, in order; those about one certificate where `serial` is given."""
        where = "position >= ?" + ("" if serial is None else " AND serial = ?")
        rows = self._connection.execute(
            f"SELECT position, leaf, kind, serial, logged_at, envelope FROM entry WHERE {where} ORDER BY position",  # noqa: S608 - two fixed texts
            (start,) if serial is None else (start, serial),
        )
        return (LogEntry(*row) for row in rows)

    def last(self) -> LogEntry | None:
        """The last entry; None where there is none."""
        return next(self.entries(self.size - 1), None)

    def checkpoint(self) -> bytes | None:
        """The newest signed checkpoint; None where none was signed yet."""
        return next(self.checkpoints(), None)

    def checkpoints(self) -> Iterator[bytes]:
        """All signed checkpoints that are kept, the newest first."""
        return (bytes(row[0]) for row in self._connection.execute("SELECT note FROM checkpoint ORDER BY size DESC"))

    def keep_checkpoint(self, size: int, note: bytes) -> None:
        """Keeps a signed checkpoint; durable when this returns."""
        with self._writing():
            self._connection.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?)", (size, note))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _broken(self._path, str(error)) from None


@contextmanager
def opened(path: Path, origin: str | None = None) -> Iterator[SqliteLog]:
    """The log in this file, made where `origin` names one that is not there; refuses one that is another's, or no log."""
    if origin is None and not path.is_file():
        raise _broken(path, "there is no log here")
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            # An entry that a checkpoint signs must outlive a power cut, or the log would fork after it.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.executescript(_SCHEMA)
            held = connection.execute("SELECT origin FROM about").fetchall()
            if not held and origin is not None:
                connection.execute("INSERT INTO about VALUES (?)", (origin,))
            elif len(held) != 1 or (origin is not None and held[0][0] != origin):
                raise _broken(path, "it is not the log that is wanted")
            yield SqliteLog(connection, path)
    except sqlite3.Error as error:
        raise _broken(path, str(error)) from None


def _broken(path: Path, why: str) -> Refusal:
    return Refusal(Code.LOG_BROKEN, said("{path}: {why}", path=str(path), why=why))
