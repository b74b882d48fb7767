"""Files as vendors pack them: plain, gzip, xz, bzip2, zlib, zip and tar, each read within limits, whatever it claims."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from scanner.feeds.reading import FeedError
from scanner.i18n import _
from scanner.refused_files import why

FILE_LIMIT = 1024 * 1024 * 1024
"""No file is larger, as it lies on disk."""
DOCUMENT_LIMIT = 512 * 1024 * 1024
"""No document is larger, unpacked."""
TOTAL_LIMIT = 64 * 1024 * 1024 * 1024
"""All documents of a file together, unpacked; they are read one by one, and no more than one is in memory."""
MEMBERS_LIMIT = 1_000_000
_PIECE = 1024 * 1024
_OPENERS = ((b"\x1f\x8b", gzip.open), (b"\xfd7zXZ\x00", lzma.open), (b"BZh", bz2.open))
_UNPACKING = (
    OSError,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    NotImplementedError,
    RuntimeError,
)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a feed's file, by its name in the archive or the file's own."""

    name: str
    data: bytes


def digest_of(path: Path) -> str:
    """The SHA-256 of a file; raises FeedError where it cannot be read or is too large."""
    found, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                size += len(piece)
                if size > FILE_LIMIT:
                    raise FeedError(_("{path}: larger than {limit} bytes").format(path=path, limit=FILE_LIMIT))
                found.update(piece)
    except OSError as error:
        raise FeedError(f"{path}: {why(error)}") from None
    return found.hexdigest()


def documents(path: Path, *, document_limit: int = DOCUMENT_LIMIT, total_limit: int = TOTAL_LIMIT) -> Iterator[Document]:
    """The documents in this file, one after the other; raises FeedError where one is too large or the packing is broken."""
    budget = _Budget(str(path), document_limit, total_limit)
    try:
        yield from _documents(path, budget)
    except _UNPACKING as error:
        if isinstance(error, OSError) and error.errno:
            raise FeedError(f"{path}: {why(error)}") from None
        raise FeedError(_("{path}: cannot be unpacked: damaged or cut short; fetch it again").format(path=path)) from None


@dataclass(slots=True)
class _Budget:
    path: str
    document: int
    total: int
    members: int = 0

    def read(self, file: IO[bytes], name: str) -> bytes:
        """A document's bytes: read to the limit and one further, so that a bomb ends here."""
        self.members += 1
        if self.members > MEMBERS_LIMIT:
            raise FeedError(_("{path}: more than {limit} members").format(path=self.path, limit=MEMBERS_LIMIT))
        limit = min(self.document, self.total)
        pieces, size = [], 0
        while piece := file.read(min(_PIECE, limit - size + 1)):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                text = _("{path}: {name!r} unpacks to more than {limit} bytes")
                raise FeedError(text.format(path=self.path, name=name, limit=limit))
        self.total -= size
        return b"".join(pieces)


def _documents(path: Path, budget: _Budget) -> Iterator[Document]:
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PK"):
        yield from _zipped(path, budget)
        return
    with _unpacked(path, head) as file:
        if _is_tar(file):
            yield from _tarred(file, budget)
        else:
            yield Document(path.name, budget.read(file, path.name))


def _zipped(path: Path, budget: _Budget) -> Iterator[Document]:
    with zipfile.ZipFile(path) as archive:
        # Members are read where they lie and never written: a name that climbs out of a folder leads nowhere.
        for member in archive.infolist():
            if not member.is_dir():
                with archive.open(member) as file:
                    yield Document(member.filename, budget.read(file, member.filename))


def _tarred(file: IO[bytes], budget: _Budget) -> Iterator[Document]:
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for member in archive:
            if member.isfile() and (found := archive.extractfile(member)) is not None:
                yield Document(member.name, budget.read(found, member.name))


def _is_tar(file: IO[bytes]) -> bool:
    head = file.read(512)
    file.seek(0)
    return head[257:262] == b"ustar"


@contextmanager
def _unpacked(path: Path, head: bytes) -> Iterator[IO[bytes]]:
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        text = _("{path}: packed with zstd, which is not read; pack it anew: zstd -dc {name} | xz > {stem}.xz")
        raise FeedError(text.format(path=path, name=path.name, stem=path.stem))
    if head[:1] == b"\x78" and int.from_bytes(head[:2], "big") % 31 == 0:
        with path.open("rb") as file:
            yield cast("IO[bytes]", _Inflated(file))
        return
    opener = next((found for magic, found in _OPENERS if head.startswith(magic)), None)
    with path.open("rb") if opener is None else opener(path, "rb") as file:
        yield cast("IO[bytes]", file)


class _Inflated:
    """A zlib stream as a file: only as much is inflated as is asked for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._inflate = file, zlib.decompressobj()

    def read(self, size: int) -> bytes:
        """At most this many bytes; none at the end of the stream."""
        while not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._file.read(_PIECE)
            if not data:
                raise EOFError("the stream ends early")
            if found := self._inflate.decompress(data, size):
                return found
        return b""

    def seek(self, _offset: int) -> None:
        """Back to the beginning."""
        self._file.seek(0)
        self._inflate = zlib.decompressobj()
