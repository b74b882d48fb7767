"""Which format a file has, by what stands in it, and the parser that reads it; a file of no known format is an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from scanner.advisories import FeedKind
from scanner.feeds import (
    alpine_index,
    containers,
    csaf,
    debian_lists,
    debian_tracker,
    debsecan,
    endoflife,
    errata,
    osv,
    repository,
    risk,
    rpm_repository,
    secdb,
    updateinfo,
)
from scanner.feeds.containers import Document
from scanner.feeds.reading import SHAPE_ERRORS, FeedError, Parsed, Row, Tally, json_of
from scanner.feeds.repository import Vouched
from scanner.feeds.rpm_repository import RpmVouched
from scanner.i18n import _
from scanner.record import sha256

_JSON = (b"{", b"[")


@dataclass(frozen=True, slots=True)
class Index:
    """An index that a verified release file vouches for, by its digest."""

    vouched: Vouched | RpmVouched
    path: str


@dataclass(frozen=True, slots=True)
class _Source:
    """A file whose first document has been looked at."""

    path: Path
    first: Document
    rest: Iterator[Document]
    tally: Tally = field(default_factory=Tally)

    @property
    def archive(self) -> bool:
        """Whether this is a whole feed in an archive, and not one of its records alone."""
        return self.first.name != self.path.name

    def all(self) -> Iterator[tuple[str, bytes]]:
        """Every document that is JSON."""
        for document in chain((self.first,), self.rest):
            if document.data.lstrip()[:1] in _JSON:
                yield document.name, document.data

    def parsed(self, name: str, rows: Iterator[Row], kind: FeedKind = FeedKind.VENDOR) -> Parsed:
        """The source, being read."""
        return Parsed(name, kind, rows, self.tally)


def parsed(path: Path, indexes: Mapping[str, Index]) -> Parsed:
    """The file, ready to be read; `indexes` are those of verified release files by the SHA-256 of what they hold, unpacked."""
    source = _source(path)
    try:
        found = _recognised(source, indexes)
    except SHAPE_ERRORS as error:
        raise _told(path, error) from None
    return replace(found, rows=_guarded(found.rows, path))


def _guarded(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    """The rows; a fault outside any record spoils the file."""
    try:
        yield from rows
    except SHAPE_ERRORS as error:
        raise _told(path, error) from None


def _told(path: Path, error: Exception) -> FeedError:
    if isinstance(error, FeedError):
        return error
    return FeedError(_("{path}: not in the form this feed has; fetch it again").format(path=path))


def _recognised(source: _Source, indexes: Mapping[str, Index]) -> Parsed:
    index = indexes.get(sha256(source.first.data))
    if index is not None:
        return _index(source, index)
    text = source.first.data.decode("utf-8", "replace")
    head = source.first.data[:64].lstrip()
    if (listed := debian_lists.name_of(text[:500])) is not None:
        return source.parsed(listed, debian_lists.advisories(text, source.tally))
    if head[:1] in _JSON:
        return _json(source)
    if b"<metadata " in source.first.data[:300]:
        wanted = _("{path}: no repomd.xml given with it vouches for this index; give it and its signature too")
        raise FeedError(wanted.format(path=source.path))
    if head.startswith(b"<"):
        name = updateinfo.name_of(source.first.data)
        return source.parsed(name, updateinfo.advisories(source.first.data, source.tally))
    return _apkindex(source) if _is_apkindex(source.first) else _text(source, text)


def _source(path: Path) -> _Source:
    documents = containers.documents(path)
    for first in documents:
        if first.data.strip():
            return _Source(path, first, documents)
    raise FeedError(_("{path}: holds nothing; fetch it again").format(path=path))


def _index(source: _Source, index: Index) -> Parsed:
    data, tally = source.first.data, source.tally
    match index.vouched:
        case RpmVouched() as vouched:
            name, kind = vouched.pocket, FeedKind.VENDOR
            rows = rpm_repository.packages(data, vouched, name, tally)
        case vouched:
            name = repository.feed_of(vouched, index.path)
            kind = FeedKind.VENDOR if "-" in vouched.pocket else FeedKind.ARCHIVE
            rows = repository.packages(data.decode("utf-8", "replace"), vouched, name, tally)
    return Parsed(name, kind, rows, tally, signed=True)


def _json(source: _Source) -> Parsed:
    value, tally = json_of(source.first.data, str(source.path)), source.tally
    if osv.is_osv(value):
        return _osv(source, value)
    if csaf.is_vex(value):
        return source.parsed(csaf.NAME, csaf.advisories(source.all(), tally, whole=source.archive))
    match value:
        case {"catalogVersion": _, "dateReleased": _, "vulnerabilities": list()}:
            return source.parsed("kev", risk.kev(value, tally), FeedKind.KEV)
        case {"schema_version": _, "generated_at": _, "result": list()}:
            return source.parsed(endoflife.ENDOFLIFE, endoflife.api(value, tally), FeedKind.EOL)
        case {"schema_version": _, "data": list()}:
            name = _errata_name(value)
            return source.parsed(name, errata.advisories(value, name, tally))
        case {"distroversion": str(), "reponame": str(), "packages": list()}:
            return source.parsed(secdb.name_of(value), secdb.fixes(value, tally))
        case dict() if value:
            return _nested(source, value)
        case _:
            raise _unknown(source.path)


def _osv(source: _Source, value: dict[str, Any]) -> Parsed:
    name = osv.name_of(value)
    if name is None:
        raise FeedError(_("{path}: an OSV feed of a vendor that is not assessed").format(path=source.path))
    return source.parsed(name, osv.advisories(source.all(), name, source.tally, whole=source.archive))


def _errata_name(value: dict[str, Any]) -> str:
    releases = sorted({part["release"].partition(".el")[2][:2].rstrip("_.") for part in value["data"][0]["packages"]} - {""})
    return f"almalinux-errata-{'-'.join(releases)}"


def _nested(source: _Source, value: dict[str, Any]) -> Parsed:
    """The feeds whose outermost keys are names: told apart by one of their entries."""
    tally, inner = source.tally, next(iter(value.values()))
    match inner:
        case {"releases": list()}:
            return source.parsed(endoflife.ENDOFLIFE, endoflife.products(value, tally), FeedKind.EOL)
        case dict() if inner and isinstance(entry := next(iter(inner.values())), dict):
            if "releases" in entry:
                return source.parsed(debian_tracker.TRACKER, debian_tracker.tracker(value, tally))
            if all(isinstance(fix, dict) and "fixed_version" in fix for fix in entry.values()):
                return source.parsed(debian_tracker.CHANGELOGS, debian_tracker.changelogs(value, tally))
    raise _unknown(source.path)


def _is_apkindex(first: Document) -> bool:
    return first.name.startswith(".SIGN.") or first.name in (alpine_index.DESCRIPTION, alpine_index.INDEX)


def _apkindex(source: _Source) -> Parsed:
    found = {document.name: document.data.decode("utf-8", "replace") for document in chain((source.first,), source.rest)}
    if not {alpine_index.DESCRIPTION, alpine_index.INDEX} <= found.keys():
        raise _unknown(source.path)
    branch, part = alpine_index.place_of(found[alpine_index.DESCRIPTION], str(source.path))
    rows = alpine_index.packages(found[alpine_index.INDEX], branch, part, source.tally)
    return source.parsed(f"alpine-index-{branch}-{part}", rows)


def _text(source: _Source, text: str) -> Parsed:
    name, tally = source.path.name, source.tally
    head = text.partition("\n")[0]
    if head.startswith("#") and "score_date:" in head:
        return source.parsed("epss", risk.epss(text, name, tally), FeedKind.EPSS)
    if head.startswith("cve,published,cna_cvss"):
        return source.parsed("cvss", risk.vulnrichment(text, tally), FeedKind.CVSS)
    if head.startswith("version,codename,series,created,release,eol"):
        product = name.partition(".")[0]
        return source.parsed(f"distro-info-{product}", endoflife.distro_info(text, product, tally), FeedKind.EOL)
    if text.startswith(debsecan.MAGIC):
        feed = f"debsecan-{debsecan.codename_of(name)}"
        return source.parsed(feed, debsecan.vulnerabilities(text, name, tally))
    if (release := endoflife.release_of(name)) is not None:
        return source.parsed(f"debian-unsupported-{release}", endoflife.unsupported(text, release, tally))
    if text.startswith("Package: "):
        wanted = _("{path}: no release file given with it vouches for this index; give its InRelease too")
        raise FeedError(wanted.format(path=source.path))
    raise _unknown(source.path)


def _unknown(path: Path) -> FeedError:
    return FeedError(_("{path}: of no known format; docs/feeds.md lists the files that are read").format(path=path))
