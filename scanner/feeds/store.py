"""The feed store: one SQLite file, built new at each import, opened read-only and immutable while scanning."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from scanner.advisories import FeedKind, FeedRef
from scanner.feeds.reading import FeedError, StaleFeedError
from scanner.i18n import _

VERSION = 1
SCHEMA = """
CREATE TABLE state(version INTEGER NOT NULL, serial INTEGER NOT NULL, bundle INTEGER NOT NULL);
CREATE TABLE feed(
  name TEXT PRIMARY KEY, kind TEXT NOT NULL, generated_at TEXT NOT NULL, sha256 TEXT NOT NULL,
  records INTEGER NOT NULL, malformed INTEGER NOT NULL, signed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE coverage(feed TEXT NOT NULL, namespace TEXT NOT NULL, layer TEXT NOT NULL, pocket TEXT);
CREATE TABLE fix(
  feed TEXT NOT NULL, namespace TEXT NOT NULL, package TEXT NOT NULL, advisory TEXT NOT NULL, module TEXT, channel TEXT NOT NULL,
  architectures TEXT NOT NULL, status TEXT NOT NULL, fixed TEXT, since TEXT, note TEXT NOT NULL
);
CREATE TABLE advisory(
  feed TEXT NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, severity TEXT NOT NULL, published TEXT, cves TEXT NOT NULL
);
CREATE TABLE cve(
  feed TEXT NOT NULL, id TEXT NOT NULL, cvss REAL, vector TEXT, epss REAL, percentile REAL, kev_added TEXT, kev_due TEXT,
  kev_ransomware INTEGER NOT NULL
);
CREATE TABLE available(
  feed TEXT NOT NULL, namespace TEXT NOT NULL, pocket TEXT NOT NULL, package TEXT NOT NULL, arch TEXT NOT NULL,
  version TEXT NOT NULL, source TEXT NOT NULL, module TEXT
);
CREATE TABLE release(feed TEXT NOT NULL, product TEXT NOT NULL, record BLOB NOT NULL);
CREATE TABLE first_seen(
  namespace TEXT NOT NULL, package TEXT NOT NULL, advisory TEXT NOT NULL, fixed TEXT NOT NULL, day TEXT NOT NULL,
  PRIMARY KEY (namespace, package, advisory, fixed)
) WITHOUT ROWID;
"""
INDEXES = """
CREATE INDEX IF NOT EXISTS fix_by_package ON fix(namespace, package);
CREATE INDEX IF NOT EXISTS advisory_by_id ON advisory(id);
CREATE INDEX IF NOT EXISTS cve_by_id ON cve(id);
CREATE INDEX IF NOT EXISTS available_by_package ON available(namespace, package);
CREATE INDEX IF NOT EXISTS release_by_product ON release(product);
"""
TABLES = ("coverage", "fix", "advisory", "cve", "available", "release", "feed")
"""The tables whose rows belong to a feed; `feed` names it `name`."""


class Store:
    """An opened feed store, of which nothing can be changed."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path

    @property
    def serial(self) -> int:
        """How many imports have changed it."""
        return int(self.connection.execute("SELECT serial FROM state").fetchone()[0])

    @property
    def bundle(self) -> int:
        """The serial of the newest bundle that was imported; 0 where none was."""
        return int(self.connection.execute("SELECT bundle FROM state").fetchone()[0])

    def feeds(self) -> tuple[FeedRef, ...]:
        """Every feed in it, by name."""
        rows = self.connection.execute(
            "SELECT name, kind, generated_at, sha256, records, malformed, signed FROM feed ORDER BY name"
        )
        return tuple(
            FeedRef(
                name=name,
                kind=FeedKind(kind),
                generated_at=datetime.fromisoformat(generated_at),
                sha256=digest,
                records=records,
                malformed=malformed,
                signed=bool(signed),
            )
            for name, kind, generated_at, digest, records, malformed, signed in rows
        )

    def namespaces(self, feed: str) -> tuple[str, ...]:
        """The releases a feed covers."""
        rows = self.connection.execute("SELECT DISTINCT namespace FROM coverage WHERE feed = ? ORDER BY namespace", (feed,))
        return tuple(namespace for (namespace,) in rows)


@contextmanager
def opened(path: Path, now: datetime) -> Iterator[Store]:
    """The store in this file; raises FeedError where it is none, or where the clock stands before its newest feed."""
    if not path.is_file():
        raise FeedError(_("{path}: no feed store is here; make one with: clearance feeds import FILE...").format(path=path))
    # A name may hold characters that mean something in a URI; as_uri() escapes them.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            version = connection.execute("SELECT version FROM state").fetchone()
            if version != (VERSION,):
                text = _("{path}: a feed store of another version; import the feeds anew into another file")
                raise FeedError(text.format(path=path))
            store = Store(connection, path)
            _guard_clock(store, now)
            yield store
    except sqlite3.DatabaseError:
        raise FeedError(_("{path}: not a feed store, or a damaged one; import the feeds anew").format(path=path)) from None


def _guard_clock(store: Store, now: datetime) -> None:
    for feed in store.feeds():
        if feed.generated_at > now:
            text = _("{path}: {feed} was made at {made}, after this machine's clock; set the clock")
            made = f"{feed.generated_at:%Y-%m-%dT%H:%M:%SZ}"
            raise StaleFeedError(text.format(path=store.path, feed=feed.name, made=made))
