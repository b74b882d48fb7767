"""The states of a gateway on disk: each in a folder of its own, written whole before `current` points to it, and the memory beside them."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from certification.high_water import Mark, read_mark
from certification.refusals import Code, Refusal
from gateway.fault import GatewayError
from scanner.findings import said

CURRENT, MARK, LOCK, STATES = "current", "mark.json", "lock", "states"
CLOSED = "closed"
"""The state in which nobody is let in."""
KEPT = 3
"""States that are kept to look at afterwards, the one in force among them."""
_MARK_LIMIT = 64 * 1024 * 1024
_SMALL = 64 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class States:
    """The folder of one gateway."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """One program at a time changes the states."""
        with _failing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            (self.folder / STATES).mkdir(exist_ok=True, mode=0o750)
            handle = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise GatewayError(said("another `gateway apply` is at work in {folder}", folder=str(self.folder))) from None
            yield
        finally:
            os.close(handle)

    def mark(self) -> Mark | None:
        """What was applied last; None at a gateway's very first time. Refuses where it is lost while a state is in force."""
        path = self.folder / MARK
        try:
            with path.open("rb") as file:
                return read_mark(file.read(_MARK_LIMIT + 1))
        except FileNotFoundError:
            if any(place.name != CLOSED for place in self._places()):
                message = said("{path} is not there; restore it; whoever removes {states} begins anew",
                               path=str(path), states=str(self.folder / STATES))  # fmt: skip
                raise Refusal(Code.MARK_LOST, message) from None
            return None
        except OSError as error:
            raise GatewayError(said("{path}: {why}", path=str(path), why=error.strerror or "")) from None

    def remember(self, mark: Mark) -> None:
        """Keeps the memory; it is on the disk when this returns."""
        with _failing(self.folder):
            new = self.folder / f".{MARK}.new"
            _write(new, mark.written())
            new.replace(self.folder / MARK)
            _flush(self.folder)

    def current(self) -> str | None:
        """The name of the state in force."""
        link = self.folder / CURRENT
        return link.readlink().name if link.is_symlink() else None

    def _places(self) -> Iterator[Path]:
        return (self.folder / STATES).iterdir()

    def read(self, path: str) -> bytes | None:
        """A small file of the state in force; None where there is none."""
        try:
            with (self.folder / CURRENT / path).open("rb") as file:
                return file.read(_SMALL)
        except OSError:
            return None

    def files(self) -> dict[str, bytes]:
        """All files of the state in force."""
        with _failing(self.folder):
            return {path.name: path.read_bytes() for path in (self.folder / CURRENT).iterdir()}

    def place(self, name: str) -> Path:
        """Where the state of this name lies."""
        if not _NAME.fullmatch(name):
            raise GatewayError(said("{word} cannot stand in a gateway's configuration", word=name))
        return self.folder / STATES / name

    def write(self, name: str, files: Mapping[str, bytes]) -> Path:
        """Writes a state whole, in the place of an older one of this name that is not in force."""
        place = self.place(name)
        with _failing(place):
            if place.exists():
                shutil.rmtree(place)
            place.mkdir(mode=0o750)
            for path, data in files.items():
                _write(place / path, data)
            _flush(place)
            _flush(place.parent)
        return place

    def swap(self, name: str | None) -> None:
        """Puts the state of this name in force, at one stroke; none at all where it is None."""
        with _failing(self.folder):
            link = self.folder / CURRENT
            if name is None:
                link.unlink(missing_ok=True)
            else:
                new = self.folder / f".{CURRENT}.new"
                new.unlink(missing_ok=True)
                new.symlink_to(Path(STATES) / name)
                new.replace(link)
            _flush(self.folder)

    def prune(self) -> None:
        """Removes all states but the newest few."""
        with _failing(self.folder):
            found = sorted(self._places(), key=lambda place: place.stat().st_mtime, reverse=True)
            for place in [place for place in found if place.name != self.current()][KEPT - 1 :]:
                shutil.rmtree(place)


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GatewayError(said("{path}: {why}", path=str(path), why=error.strerror or str(error))) from None
