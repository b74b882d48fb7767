"""Gathering: vendors' files fetched from the addresses in a settings file, for a site that has a network. The only code here that uses one."""

from __future__ import annotations

import json
import os
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Annotated
from urllib.parse import urljoin, urlsplit

import requests
from pydantic import Field, ValidationError

from scanner.feeds.bundle import Url
from scanner.feeds.containers import FILE_LIMIT
from scanner.feeds.reading import FeedError
from scanner.record import Name, Record, explained

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

    source: Source
    path: Path
    size: int


def read_settings(data: bytes, name: str) -> Settings:
    """The settings in this TOML; raises FeedError with the first fault."""
    try:
        value = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FeedError(f"{name}: not TOML: {error}") from None
    try:
        found = Settings.model_validate_json(json.dumps(value, default=str))
    except ValidationError as error:
        raise FeedError(f"{name}: {explained(error)}") from None
    files = [source.file for source in found.feed]
    if len(set(files)) != len(files):
        raise FeedError(f"{name}: a file stands twice")
    return found


def gather(settings: Settings, folder: Path) -> Iterator[Fetched]:
    """Fetches each file whole, or leaves the one that is there; a file's time is the one its server states."""
    folder.mkdir(parents=True, exist_ok=True)
    with requests.Session() as session:
        session.auth = _nobody
        for source in settings.feed:
            try:
                yield _fetched(session, source, settings.ca, folder)
            except (requests.RequestException, OSError) as error:
                raise FeedError(f"{source.url}: cannot be fetched ({_why(error)})") from None


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No credentials, not even those that a .netrc of the operator would offer."""
    return request


def _fetched(session: requests.Session, source: Source, ca: str | None, folder: Path) -> Fetched:
    deadline = time.monotonic() + source.seconds
    with _answered(session, source.url, ca) as answer, _whole(folder / source.file) as file:
        size = 0
        for piece in answer.iter_content(_PIECE):
            size += len(piece)
            if size > source.limit:
                raise FeedError(f"{source.url}: larger than {source.limit} bytes")
            if time.monotonic() > deadline:
                raise FeedError(f"{source.url}: not whole after {source.seconds} seconds")
            file.write(piece)
        if size == 0:
            raise FeedError(f"{source.url}: an empty answer")
        stated = answer.headers.get("Content-Length", "")
        if "Content-Encoding" not in answer.headers and stated.isdigit() and int(stated) != size:
            raise FeedError(f"{source.url}: {size} bytes where {stated} were announced")
        _stamp(file, answer)
    return Fetched(source, folder / source.file, size)


@contextmanager
def _answered(session: requests.Session, url: str, ca: str | None) -> Iterator[requests.Response]:
    """The answer, after at most a few redirects, each to the same host over TLS."""
    host = urlsplit(url).netloc
    for _ in range(_REDIRECTS + 1):
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
                    raise FeedError(f"{url}: status {answer.status_code}")
                yield answer
                return
            url = urljoin(url, answer.headers["Location"])
        if urlsplit(url).scheme != "https" or urlsplit(url).netloc != host:
            raise FeedError(f"{host} sends to another address, {url[:200]}; write that one into the settings if it is right")
    raise FeedError(f"{url}: more than {_REDIRECTS} redirects")


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


def _stamp(file: IO[bytes], answer: requests.Response) -> None:
    """Gives the file the time at which its server says that it was last changed; without one it keeps that of fetching."""
    try:
        changed = parsedate_to_datetime(answer.headers["Last-Modified"]).timestamp()
    except (KeyError, ValueError, TypeError, OverflowError):
        return
    file.flush()
    os.utime(file.fileno(), (changed, changed))


def _why(error: Exception) -> str:
    match error:
        case requests.exceptions.SSLError():
            return "its certificate does not verify"
        case requests.Timeout():
            return "no answer in time"
        case _:
            return type(error).__name__
