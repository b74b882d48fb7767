"""The record of a gathering, which lies beside the files: where each came from, its digest, and when its server says it was changed.

What a file system says of a file's time is never asked: it tells when the file came to lie here, and every copy makes it anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from scanner.feeds.bundle import Url
from scanner.feeds.reading import FeedError
from scanner.i18n import _
from scanner.record import Instant, Name, Record, RecordError, Sha256, Sorted
from scanner.refused_files import why

RECORD = "gathered.json"
_LIMIT = 4 * 1024 * 1024


class GatheredFile(Record):
    """One file as it was fetched."""

    name: Name
    url: Url
    """The address in the settings; a redirect to the same host may have led on from it."""
    sha256: Sha256
    last_modified: Instant | None
    """When its server says that it was last changed; None where it says nothing that can be read."""


class Gathered(Record):
    """What was fetched into a folder, each file as it was fetched last."""

    schema_version: Literal[1] = 1
    files: Sorted[GatheredFile] = ()

    def joined(self, file: GatheredFile) -> Gathered:
        """The record with this file, in the place of one of the same name."""
        return Gathered(files=(*(one for one in self.files if one.name != file.name), file))

    def fetched(self, path: Path, url: str, digest: str) -> GatheredFile:
        """What is known of this file; raises FeedError where it was not fetched from this address, or is not the file that was."""
        found = next((one for one in self.files if one.name == path.name), None)
        if found is None:
            text = _("{path}: no record tells where it was fetched from; fetch it with: clearance feeds gather")
            raise FeedError(text.format(path=path))
        if found.url != url:
            text = _("{path}: fetched from {fetched}, and not from {url}, which the settings name; gather it anew")
            raise FeedError(text.format(path=path, fetched=found.url, url=url))
        if found.sha256 != digest:
            text = _("{path}: not the file that was fetched: its digest differs from the one recorded; gather it anew")
            raise FeedError(text.format(path=path))
        return found


def record_in(folder: Path) -> Gathered | None:
    """The record in this folder; None where there is none, and a FeedError where it cannot be read."""
    path = folder / RECORD
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FeedError(f"{path}: {why(error)}") from None
    try:
        return Gathered.read(data, limit=_LIMIT)
    except RecordError:
        raise FeedError(_("{path}: not the record of a gathering; gather into another folder").format(path=path)) from None
