"""The run folder: written whole or not at all, never overwritten by another story, read with every digest checked."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from scanner.attestations import Attestation
from scanner.bundle import BUNDLE_LIMIT, packed, unpacked
from scanner.faults import InputError, StoreError
from scanner.i18n import _
from scanner.observations import Sighting
from scanner.order import Order
from scanner.record import JSON_LIMIT, Record, RecordError, Sorted, sha256
from scanner.refused_files import why
from scanner.run_files import (
    ADVISORIES,
    ANCHORS,
    ASSESSMENT,
    BASELINE,
    CONTACT,
    CRLS,
    DEVIATIONS,
    EVALUATION,
    JOURNAL,
    MANIFEST,
    ORDER,
    PATH,
    PERMIT_ENVELOPE,
    SCAN_EVIDENCE,
    SIGNATURES,
    TAILORING,
    FileDigest,
)
from scanner.sights import Sight

__all__ = [
    "ADVISORIES",
    "ANCHORS",
    "ASSESSMENT",
    "BASELINE",
    "BUNDLE_LIMIT",
    "CONTACT",
    "CRLS",
    "DEVIATIONS",
    "EVALUATION",
    "JOURNAL",
    "MANIFEST",
    "ORDER",
    "PERMIT_ENVELOPE",
    "SCAN_EVIDENCE",
    "SIGNATURES",
    "TAILORING",
    "Manifest",
    "Run",
    "StoreError",
    "attestations",
    "manifest_of",
    "packed",
    "sighting_path",
    "sightings",
    "unpacked",
    "unwritable",
]
"""Whoever works on a run folder finds the names of its files, the bundle and the fault here too."""


R = TypeVar("R", bound=Record)
_PATH = re.compile(PATH)
_TRIES = 4
"""How often a run's lock is asked for."""


class Manifest(Record):
    """The SHA-256 of every file of the run."""

    schema_version: Literal[1] = 1
    files: Sorted[FileDigest]


def sighting_path(sight: Sight) -> str:
    """Where a sighting lies in the run folder."""
    return f"observations/{sight.kind}/{sight.subject.replace(':', '_').replace('/', '.')}.json"


def manifest_of(files: Mapping[str, bytes]) -> Manifest:
    """The manifest that belongs to these files; itself, its signatures and the journal stand outside it."""
    outside = (MANIFEST, JOURNAL, *SIGNATURES)
    return Manifest(
        files=tuple(FileDigest(path=path, sha256=sha256(data)) for path, data in files.items() if path not in outside)
    )


class Run:
    """A run folder on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, order: Order, inputs: Mapping[str, bytes]) -> Run:
        """A new run folder with its order and inputs; refuses a folder that holds anything."""
        if folder.exists() and any(folder.iterdir()):
            raise StoreError(
                _("{folder}: already holds a run; name another folder, or go on with --resume").format(folder=folder)
            )
        run = cls(folder)
        for path, data in inputs.items():
            run.write(path, data)
        run.write(ORDER, order.written())
        return run

    @classmethod
    def opened(cls, folder: Path) -> Run:
        """The run in this folder; raises InputError where there is none."""
        if not (folder / ORDER).is_file():
            raise InputError(_("{folder}: no run here ({file} is missing)").format(folder=folder, file=ORDER))
        return cls(folder)

    def write(self, path: str, data: bytes) -> None:
        """Writes one file whole: a reader sees the old one or the new one, also after a crash or on a full disk."""
        if not _PATH.match(path):
            raise StoreError(f"{path!r} is not a path inside a run")
        target = self.folder / path
        name = None
        try:
            if not self.folder.is_dir():
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # what it will hold is confidential
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except OSError as error:
            if name is not None:
                Path(name).unlink(missing_ok=True)
            raise StoreError(_("{path}: {why}; nothing was half-written").format(path=target, why=why(error))) from error

    def read(self, path: str) -> bytes:
        """One file's bytes; raises StoreError where it is missing, too large or a link."""
        target = self.folder / path
        try:
            if target.is_symlink() or not target.is_file():
                raise StoreError(_("{path}: missing or not a plain file").format(path=target))
            if target.stat().st_size > JSON_LIMIT:
                raise StoreError(_("{path}: larger than {limit} bytes").format(path=target, limit=JSON_LIMIT))
            return target.read_bytes()
        except OSError as error:
            raise StoreError(f"{target}: {why(error)}") from error

    def has(self, path: str) -> bool:
        """Whether the run holds this file."""
        return (self.folder / path).is_file()

    def files(self) -> dict[str, bytes]:
        """Every file of the run by its path, the journal left out."""
        found = {}
        for target in sorted(self.folder.rglob("*")):
            path = target.relative_to(self.folder).as_posix()
            if target.is_dir() or path.split("/")[-1].startswith(".new-") or path.startswith(JOURNAL):
                continue
            if not _PATH.match(path):
                raise StoreError(_("{path}: does not belong in a run folder").format(path=target))
            found[path] = self.read(path)
        return found

    @property
    def order(self) -> Order:
        """The order of the run."""
        return _whole(Order, self.read(ORDER), self.folder / ORDER)

    def write_sighting(self, sighting: Sighting) -> None:
        """Keeps one sighting; the file is complete when this returns."""
        self.write(sighting_path(sighting.sight), sighting.written())

    def write_manifest(self) -> Manifest:
        """Writes and returns the manifest of what the folder holds now."""
        manifest = manifest_of(self.files())
        self.write(MANIFEST, manifest.written())
        return manifest

    def insist_on_manifest(self) -> None:
        """Raises StoreError where evidence is not what the manifest says; an interrupted scan has none yet."""
        if not self.has(MANIFEST):
            return
        files = self.files()
        listed = _whole(Manifest, files[MANIFEST], self.folder / MANIFEST)
        for entry in listed.files:
            if entry.path.startswith(("observations/", "attestations/", "inputs/", ORDER, CONTACT)) and (
                entry.path not in files or sha256(files[entry.path]) != entry.sha256
            ):
                text = _("{path}: not what the manifest says; it was changed or lost")
                raise StoreError(text.format(path=self.folder / entry.path))

    def damage(self, *, thoroughly: bool) -> str | None:
        """The first file that is not what the manifest says; None where all are, and where there is no manifest yet.

        Where not every digest is to be computed anew, a file that nobody touched since the manifest was written counts as what it was then.
        """
        if not self.has(MANIFEST):
            return None
        try:
            listed = _whole(Manifest, self.read(MANIFEST), self.folder / MANIFEST)
            written = (self.folder / MANIFEST).lstat().st_ctime_ns
        except (StoreError, OSError):
            return MANIFEST
        for entry in listed.files:
            try:
                found = (self.folder / entry.path).lstat()
                touched = thoroughly or found.st_ctime_ns >= written
                if not stat.S_ISREG(found.st_mode) or (touched and sha256(self.read(entry.path)) != entry.sha256):
                    return entry.path
            except (StoreError, OSError):
                return entry.path
        return None

    @contextmanager
    def held(self) -> Iterator[None]:
        """While this holds no other process scans into this folder; raises StoreError where one does."""
        path = self.folder / f"{JOURNAL}.lock"
        with path.open("w") as file:
            for left in reversed(range(_TRIES)):
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if left:
                        time.sleep(0.05)  # whoever only asks whether a scan is under way holds it for an instant
                        continue
                    text = _("{folder}: another scan writes into this run; wait for it, or begin a run of your own")
                    raise StoreError(text.format(folder=self.folder)) from None
            yield

    @property
    def is_held(self) -> bool:
        """Whether a scan writes into this folder now; where that cannot be told, one might."""
        try:
            with (self.folder / f"{JOURNAL}.lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def reopen(self) -> None:
        """Makes a run whose manifest holds one that is still scanned: what was seen is whole until here, and more is to come."""
        self.insist_on_manifest()
        (self.folder / MANIFEST).unlink(missing_ok=True)

    @contextmanager
    def journal(self) -> Iterator[sqlite3.Connection]:
        """The run's journal: progress for people and for --resume; not evidence."""
        connection = sqlite3.connect(self.folder / JOURNAL, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS event (at TEXT, subject TEXT, kind TEXT, what TEXT, seconds REAL)")
            yield connection
        except sqlite3.Error as error:
            raise unwritable(self.folder / JOURNAL, error) from OSError(str(error))
        finally:
            connection.close()


def unwritable(journal: Path, error: sqlite3.Error) -> StoreError:
    """What to raise where the journal cannot be written, for want of space most often."""
    return StoreError(_("{path}: {why}; what was seen is kept").format(path=journal, why=error))


def sightings(files: Mapping[str, bytes]) -> dict[Sight, tuple[Sighting, str]]:
    """The sightings among these files, each with its file's digest; each must lie where its sight belongs."""
    found = {}
    for path, data in sorted(files.items()):
        if path.startswith("observations/"):
            sighting = _whole(Sighting, data, path)
            if sighting_path(sighting.sight) != path:
                raise StoreError(f"{path}: holds {sighting.sight.kind} of {sighting.sight.subject}")
            found[sighting.sight] = (sighting, sha256(data))
    return found


def attestations(files: Mapping[str, bytes]) -> dict[str, tuple[Attestation, str]]:
    """The attestations among these files by control, each with its file's digest."""
    found = {}
    for path, data in sorted(files.items()):
        if path.startswith("attestations/"):
            attestation = _whole(Attestation, data, path)
            if path != f"attestations/{attestation.control}.json":
                raise StoreError(f"{path}: holds an answer to {attestation.control}")
            found[attestation.control] = (attestation, sha256(data))
    return found


def _whole(kind: type[R], data: bytes, where: object) -> R:
    try:
        return kind.read(data)
    except RecordError as error:
        raise StoreError(f"{where}: {error}") from error
