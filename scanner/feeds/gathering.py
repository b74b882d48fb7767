"""Gathering: vendors' files fetched from the addresses in a settings file, for a site that has a network. The only code here that uses one."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Annotated
from urllib.parse import urljoin, urlsplit

import requests
from pydantic import Field, ValidationError

from scanner.feeds.bundle import PAPERS, Url
from scanner.feeds.containers import FILE_LIMIT
from scanner.feeds.gathered import RECORD, Gathered, GatheredFile, record_in
from scanner.feeds.reading import FeedError
from scanner.i18n import _
from scanner.record import Name, Record, explained
from scanner.refused_files import why

_REDIRECTS = 3
_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_PIECE = 256 * 1024


class Source(Record):
    """One file and where its vendor publishes it."""

    file: Name
    url: Url
    limit: Annotated[int, Field(ge=1, le=FILE_LIMIT)] = FILE_LIMIT
    """No more bytes are fetched."""
    seconds: Annotated[int, Field(ge=1, le=7_200)] = 1_800


class Settings(Record):
    """Where to gather from."""

    ca: str | None = None
    """A file of CA certificates that takes the place of the system's, for a site behind a proxy of its own."""
    feed: tuple[Source, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file that lies in the folder now."""

    path: Path
    file: GatheredFile
    size: int


def read_settings(data: bytes, name: str) -> Settings:
    """The settings in this TOML; raises FeedError with the first fault."""
    try:
        value = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FeedError(_("{path}: not TOML: {why}").format(path=name, why=error)) from None
    try:
        found = Settings.model_validate_json(json.dumps(value, default=str))
    except ValidationError as error:
        raise FeedError(f"{name}: {explained(error)}") from None
    files = [source.file for source in found.feed]
    if len(set(files)) != len(files):
        raise FeedError(_("{path}: a file stands twice").format(path=name))
    if taken := {RECORD, *PAPERS}.intersection(files):
        text = _("{path}: no feed's file may be called {name}; papers of gatherings and bundles are called so")
        raise FeedError(text.format(path=name, name=min(taken)))
    return found


def gather(settings: Settings, folder: Path) -> Iterator[Fetched]:
    """Fetches each file whole, or leaves the one that is there; of each it is recorded what its server states."""
    folder.mkdir(parents=True, exist_ok=True)
    record = record_in(folder) or Gathered()
    with requests.Session() as session:
        session.auth = _nobody
        for source in settings.feed:
            try:
                found = _fetched(session, source, settings.ca, folder)
                record = record.joined(found.file)
                with _whole(folder / RECORD) as file:
                    file.write(record.written())
            except (requests.RequestException, OSError) as error:
                raise FeedError(_("{url}: cannot be fetched ({why})").format(url=source.url, why=_why(error))) from None
            yield found


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No credentials, not even those that a .netrc of the operator would offer."""
    return request


def _fetched(session: requests.Session, source: Source, ca: str | None, folder: Path) -> Fetched:
    deadline = time.monotonic() + source.seconds
    with _answered(session, source.url, ca) as answer, _whole(folder / source.file) as file:
        size, digest = 0, hashlib.sha256()
        for piece in answer.iter_content(_PIECE):
            size += len(piece)
            if size > source.limit:
                raise FeedError(_("{path}: larger than {limit} bytes").format(path=source.url, limit=source.limit))
            if time.monotonic() > deadline:
                text = _("{url}: not whole after {count} seconds")
                raise FeedError(text.format(url=source.url, count=source.seconds))
            file.write(piece)
            digest.update(piece)
        if size == 0:
            raise FeedError(_("{url}: an empty answer").format(url=source.url))
        stated = answer.headers.get("Content-Length", "")
        if "Content-Encoding" not in answer.headers and stated.isdigit() and int(stated) != size:
            text = _("{url}: {size} bytes where {stated} were announced")
            raise FeedError(text.format(url=source.url, size=size, stated=stated))
        changed = _changed(answer)
    one = GatheredFile(name=source.file, url=source.url, sha256=digest.hexdigest(), last_modified=changed)
    return Fetched(folder / source.file, one, size)


@contextmanager
def _answered(session: requests.Session, url: str, ca: str | None) -> Iterator[requests.Response]:
    """The answer, after at most a few redirects, each to the same host over TLS."""
    host = urlsplit(url).netloc
    for _hop in range(_REDIRECTS + 1):
        answer = session.get(
            url,
            stream=True,
            verify=ca or True,
            allow_redirects=False,
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            headers={"Accept-Encoding": "identity"},
        )
        with answer:
            if not answer.is_redirect:
                if answer.status_code != 200:
                    raise FeedError(_("{url}: status {status}").format(url=url, status=answer.status_code))
                yield answer
                return
            url = urljoin(url, answer.headers["Location"])
        if urlsplit(url).scheme != "https" or urlsplit(url).netloc != host:
            text = _("{host} sends to another address, {url}; write that one into the settings if it is right")
            raise FeedError(text.format(host=host, url=url[:200]))
    raise FeedError(_("{url}: more than {count} redirects").format(url=url, count=_REDIRECTS))


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name only when it was written whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _changed(answer: requests.Response) -> datetime | None:
    """When the server says that the file was last changed; None where it says nothing that can be read."""
    try:
        found = parsedate_to_datetime(answer.headers["Last-Modified"])
        changed = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return changed if changed.year >= 1970 else None


def _why(error: Exception) -> str:
    match error:
        case requests.exceptions.SSLError():
            return _("its certificate does not verify")
        case requests.Timeout():
            return _("no answer in time")
        case requests.ConnectionError():
            return _("no connection")
        case OSError() if error.errno:
            return why(error)
        case _:
            return _("the answer broke off, or cannot be read")
