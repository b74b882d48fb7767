"""The bundle that travels to a site without a network: vendors' own files in one tar, and a manifest of them."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from scanner.feeds.containers import FILE_LIMIT, digest_of
from scanner.feeds.reading import FeedError, ForgedFeedError, StaleFeedError
from scanner.findings import Message, said
from scanner.i18n import _, shown
from scanner.record import Instant, Name, Record, Sha256, Sorted
from scanner.refused_files import why

MANIFEST = "manifest.json"
GATHERED = "gathered.dsse.json"
APPROVED = "approved.dsse.json"
PAPERS = (MANIFEST, GATHERED, APPROVED)
_PAPER_LIMIT = 4 * 1024 * 1024

Url = Annotated[str, StringConstraints(max_length=500, pattern=r"^https://[\x21-\x7e]+$")]


class DateFrom(StrEnum):
    """Who says when a feed was made."""

    FILE = "file"
    """The file itself, inside."""
    SERVER = "server"
    """The server that it was fetched from, as when the file was last changed."""
    GATHERER = "gatherer"
    """The person who gathered it, for nobody else does."""


class BundledFile(Record):
    """One file as its vendor published it."""

    name: Name
    url: Url
    sha256: Sha256
    size: Annotated[int, Field(ge=1, le=FILE_LIMIT)]
    feed: Name | None
    """The feed it holds; None for a release file, which only vouches for others."""
    generated_at: Instant | None
    date_from: DateFrom | None = None
    """Who says so; None for a release file, and in bundles made before this was kept."""
    records: Annotated[int, Field(ge=0)]


class FeedManifest(Record):
    """What a bundle holds, and its place in the order of bundles."""

    schema_version: Literal[1] = 1
    serial: Annotated[int, Field(ge=1)]
    previous: Annotated[int, Field(ge=0)]
    """The serial of the bundle before; 0 for the first."""
    created: Instant
    expires: Instant
    files: Annotated[Sorted[BundledFile], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.previous >= self.serial:
            raise ValueError("the bundle before has the higher serial")
        if self.expires <= self.created:
            raise ValueError("it expires before it was made")
        names = [file.name for file in self.files]
        if len(set(names)) != len(names) or set(names) & set(PAPERS):
            raise ValueError("a file's name stands twice")
        return self

    def valid(self, at: datetime) -> None:
        """Returns where the bundle may be imported at this instant."""
        if at < self.created:
            text = _("bundle {serial} was made at {made}, after this machine's clock")
            raise StaleFeedError(text.format(serial=self.serial, made=f"{self.created:%Y-%m-%dT%H:%M:%SZ}"))
        if at >= self.expires:
            text = _("bundle {serial} expired at {ended}; ask for a newer one")
            raise StaleFeedError(text.format(serial=self.serial, ended=f"{self.expires:%Y-%m-%dT%H:%M:%SZ}"))


def write(path: Path, papers: Mapping[str, bytes], folder: Path, manifest: FeedManifest) -> None:
    """Writes the bundle; its bytes depend on its papers and files and nothing else."""
    with path.open("wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in PAPERS:
            if name in papers:
                tar.addfile(_member(name, len(papers[name])), io.BytesIO(papers[name]))
        for entry in manifest.files:
            with (folder / entry.name).open("rb") as content:
                tar.addfile(_member(entry.name, entry.size), content)


def papers(path: Path) -> dict[str, bytes]:
    """The manifest and the envelopes at the head of the bundle; nothing behind them is read."""
    found = {}
    with _opened(path) as tar:
        for name, size, content in _members(path, tar):
            if name not in PAPERS:
                break
            if size > _PAPER_LIMIT:
                text = _("{path}: {name} is larger than {limit} bytes")
                raise FeedError(text.format(path=path, name=name, limit=_PAPER_LIMIT))
            found[name] = content.read()
    if MANIFEST not in found:
        raise FeedError(_("{path}: not a feed bundle ({name} does not come first)").format(path=path, name=MANIFEST))
    return found


def is_bundle(path: Path) -> bool:
    """Whether this file begins as a bundle does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MANIFEST) + 1) == MANIFEST.encode() + b"\0"
    except OSError as error:
        raise FeedError(f"{path}: {why(error)}") from None


def unpack(path: Path, manifest: FeedManifest, folder: Path) -> list[Path]:
    """Writes the bundle's files into an empty folder; raises ForgedFeedError where they are not exactly those of the manifest.

    The manifest's signatures were verified before: what does not agree with it is not what was signed.
    """
    wanted, where = {entry.name: entry for entry in manifest.files}, str(path)
    with _opened(path, signed=True) as tar:
        for name, size, content in _members(path, tar, signed=True):
            if name in PAPERS:
                continue
            entry = wanted.pop(name, None)
            if entry is None or entry.size != size:
                raise ForgedFeedError(said("{path}: holds {name}, which the manifest does not list so", path=where, name=name))
            target = folder / name
            with target.open("xb") as file:
                shutil.copyfileobj(content, file)
            if digest_of(target) != entry.sha256:
                seen = said("{path}: {name} is not the file the manifest lists: its digest differs", path=where, name=name)
                raise ForgedFeedError(seen)
    if wanted:
        raise ForgedFeedError(said("{path}: lacks {names}", path=where, names=", ".join(sorted(wanted))))
    return [folder / entry.name for entry in manifest.files]


def _members(path: Path, tar: tarfile.TarFile, *, signed: bool = False) -> Iterator[tuple[str, int, IO[bytes]]]:
    for member in tar:
        # Only a plain file with a name that cannot leave the folder has a place in a bundle.
        if not member.isreg() or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", member.name):
            seen = said("{path}: holds {name}, which has no place in a bundle", path=str(path), name=member.name[:80])
            raise _fault(seen, signed=signed)
        content = tar.extractfile(member)
        if content is not None:
            yield member.name, member.size, content


@contextmanager
def _opened(path: Path, *, signed: bool = False) -> Iterator[tarfile.TarFile]:
    """The bundle as a tar; `signed` says that its manifest was verified, so that a fault is no mistake about which file it is."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError, UnicodeError):
        seen = said("{path}: not a feed bundle: not a tar file, or cut short", path=str(path))
        raise _fault(seen, signed=signed) from None
    except OSError as error:
        raise FeedError(f"{path}: {why(error)}") from None


def _fault(seen: Message, *, signed: bool) -> FeedError:
    return ForgedFeedError(seen) if signed else FeedError(shown(seen))


def _member(name: str, size: int) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size, found.mode = size, 0o644
    return found
