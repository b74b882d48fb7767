"""Importing: vendors' files into a new store, checked against the one before, and swapped in whole or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from scanner.advisories import FeedRef
from scanner.feeds import containers, filling, formats, repository, rpm_repository, sanity
from scanner.feeds.formats import Index
from scanner.feeds.reading import FeedError, Parsed, StaleFeedError
from scanner.feeds.store import INDEXES, SCHEMA, VERSION, Store, opened
from scanner.i18n import _
from scanner.refused_files import why

_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator gave beside the files."""

    now: datetime
    keyring: Path | None = None
    """The vendors' keys with which release files are verified."""
    dated: Mapping[str, datetime] = field(default_factory=dict)
    """When files were made whose format holds no date, by their names; a bundle's manifest states it."""
    accept_loss: frozenset[str] = frozenset()
    """Feeds that may hold less than the edition before."""
    bundle: int | None = None
    """The serial of the bundle the files came in."""


@dataclass(frozen=True, slots=True)
class Imported:
    """One file's outcome."""

    ref: FeedRef
    changed: bool
    examples: tuple[str, ...] = ()
    """The first records that could not be read."""
    dated_inside: bool | None = None
    """Whether its date stands in the file itself; None of a file that was here already, which is not read again."""


def imported(files: Iterable[Path], path: Path, wish: Wish) -> tuple[Imported, ...]:
    """Imports these files; the store changes only where every one of them could be taken, and something in them is new."""
    releases, others = _sorted(files)
    indexes = _vouched(releases, wish)
    found: dict[str, Imported] = {}
    try:
        with _building(path, wish) as draft:
            for file in others:
                one = _taken(draft.connection, file, indexes, wish)
                if one.ref.name in found:
                    raise FeedError(
                        _("{path}: the feed {feed} was given twice; import one file of it").format(path=file, feed=one.ref.name)
                    )
                found[one.ref.name] = one
            _finish(draft, wish, changed=any(one.changed for one in found.values()))
    except sqlite3.DatabaseError as error:
        raise FeedError(_("{path}: {why}; the store is as it was").format(path=path, why=error)) from None
    return tuple(found.values())


def _finish(draft: _Draft, wish: Wish, *, changed: bool) -> None:
    """Closes the draft; where nothing in it is new, it is let go and the store stays as it is, byte for byte."""
    connection = draft.connection
    current = int(connection.execute("SELECT bundle FROM state").fetchone()[0])
    bundle = current if wish.bundle is None else wish.bundle
    if bundle < current:
        text = _("bundle {serial} is older than bundle {current}, which is here: a roll-back")
        raise StaleFeedError(text.format(serial=bundle, current=current))
    draft.keep = changed or bundle > current
    if draft.keep:
        connection.execute("UPDATE state SET serial = serial + 1, bundle = ?", (bundle,))
        connection.executescript(INDEXES)
        connection.commit()


def _sorted(files: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    releases: list[Path] = []
    others: list[Path] = []
    for file in files:
        try:
            with file.open("rb") as opened_file:
                head = opened_file.read(512)
        except OSError as error:
            raise FeedError(f"{file}: {why(error)}") from None
        if head.startswith(_SIGNATURE):
            continue  # read with the file it signs
        release = repository.is_release(head) or rpm_repository.is_release(head)
        (releases if release else others).append(file)
    return releases, others


def _vouched(releases: Iterable[Path], wish: Wish) -> dict[str, Index]:
    found = {}
    for file in releases:
        reader = rpm_repository if file.name.endswith("repomd.xml") else repository
        vouched = reader.verified(file, wish.keyring)
        found.update({digest: Index(vouched, name) for digest, name in vouched.digests.items()})
    return found


@dataclass(slots=True)
class _Draft:
    connection: sqlite3.Connection
    keep: bool = False


@contextmanager
def _building(path: Path, wish: Wish) -> Iterator[_Draft]:
    """A new store beside the old one, with what the old one held; it takes the old one's place where it is to be kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    os.close(handle)
    new = Path(name)
    try:
        if path.exists():
            with opened(path, wish.now):  # a store that cannot be opened is not built upon
                shutil.copyfile(path, new)
        with closing(sqlite3.connect(new)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # the file counts only after the fsync below
            connection.execute("PRAGMA journal_mode = OFF")
            if not path.exists():
                connection.executescript(SCHEMA)
                connection.execute("INSERT INTO state VALUES (?, 0, 0)", (VERSION,))
            draft = _Draft(connection)
            yield draft
        if draft.keep:
            with new.open("rb") as file:
                os.fsync(file.fileno())
            new.chmod(0o644)
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _taken(connection: sqlite3.Connection, file: Path, indexes: Mapping[str, Index], wish: Wish) -> Imported:
    digest = containers.digest_of(file)
    refs = {ref.name: ref for ref in Store(connection, file).feeds()}
    here = next((ref for ref in refs.values() if ref.sha256 == digest), None)
    if here is not None:
        return Imported(here, changed=False)
    parsed = formats.parsed(file, indexes)
    before = refs.get(parsed.name)
    wanted = {} if before is None else sanity.canaries(connection, before)
    filling.forget(connection, parsed.name)
    filling.fill(connection, parsed.name, parsed.rows)
    sanity.readable(str(file), parsed.tally)
    ref = _ref(file, parsed, digest, wish)
    sanity.in_order(ref, before, wish.now)
    filling.enter(connection, ref)
    sanity.well_known(connection, ref)
    if before is not None and ref.name not in wish.accept_loss:
        complaint = sanity.lost(ref, before) or sanity.missing(connection, ref, wanted)
        if complaint is not None:
            raise FeedError(
                _("{complaint}; if that is right, say --accept-loss {feed}").format(complaint=complaint, feed=ref.name)
            )
    return Imported(ref, changed=True, examples=tuple(parsed.tally.examples), dated_inside=parsed.tally.newest is not None)


def _ref(file: Path, parsed: Parsed, digest: str, wish: Wish) -> FeedRef:
    made = parsed.tally.newest or wish.dated.get(file.name)
    if made is None:
        text = _("{path}: no date stands in files of this format; say when it was made: --dated {name}=INSTANT")
        raise FeedError(text.format(path=file, name=file.name))
    return FeedRef(
        name=parsed.name,
        kind=parsed.kind,
        generated_at=made,
        sha256=digest,
        records=parsed.tally.read,
        malformed=parsed.tally.malformed,
        signed=parsed.signed,
    )
