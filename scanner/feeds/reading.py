"""What every parser shares: the rows it yields, and the tally in which no record is lost without being counted."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from scanner.advisories import Advisory, Available, Coverage, Cve, FeedKind, Fix, Release, Severity
from scanner.findings import Message
from scanner.i18n import _, shown
from scanner.record import escaped

Row = Fix | Advisory | Cve | Available | Release | Coverage
T = TypeVar("T")

SHAPE_ERRORS = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)
"""What a parser raises at a shape it does not know."""

_EXAMPLES = 5
_TITLE = 200
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}")
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "important": Severity.HIGH,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "negligible": Severity.NEGLIGIBLE,
    "unimportant": Severity.NEGLIGIBLE,
}


class FeedError(ValueError):
    """A feed's file that cannot be used: what, where, what to do."""


class ForgedFeedError(FeedError):
    """A feed's bytes that are not those that somebody signed: its vendor, or who bundled it."""

    def __init__(self, seen: Message) -> None:
        super().__init__(shown(seen))
        self.seen = seen


class StaleFeedError(FeedError):
    """A feed older than the one already there, or younger than the clock: a roll-back or a wrong clock."""


@dataclass(slots=True)
class Tally:
    """What became of a file's records: how many were read, how many could not be, and the newest date inside."""

    read: int = 0
    malformed: int = 0
    outside: int = 0
    """Records of releases and products that are not assessed: left out, and counted."""
    examples: list[str] = field(default_factory=list)
    newest: datetime | None = None

    def spoiled(self, where: str, error: Exception) -> None:
        """Counts a record that could not be read; the first few are told with their place."""
        self.malformed += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{escaped(where, limit=100)}: {_trouble(error)}")

    def saw(self, moment: datetime | date | None) -> None:
        """Notes a date that stands inside the feed."""
        if moment is None:
            return
        if not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
        if self.newest is None or moment > self.newest:
            self.newest = moment


def _trouble(error: Exception) -> str:
    """Why a record could not be read, in words."""
    if isinstance(error, KeyError):
        return _("{name} is missing").format(name=escaped(str(error), limit=120))
    said = escaped(str(error), limit=120) if isinstance(error, ValueError) else ""
    return said or _("not in the form this feed has")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A feed's file being read: its rows come one by one, and the tally is whole when they have ended."""

    name: str
    kind: FeedKind
    rows: Iterator[Row]
    tally: Tally
    signed: bool = False
    """Whether a release file whose signature was verified vouches for it."""


def each(tally: Tally, items: Iterable[tuple[str, T]], reader: Callable[[T], Iterable[Row]]) -> Iterator[Row]:
    """The rows of every item; an item that cannot be read is counted and the next one read."""
    for where, item in items:
        try:
            rows = list(reader(item))
        except SHAPE_ERRORS as error:
            tally.spoiled(where, error)
        else:
            tally.read += 1
            yield from rows


def json_of(data: bytes, where: str) -> Any:
    """A vendor's JSON; raises FeedError where it is none or is nested too deeply."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise FeedError(_("{path}: not JSON").format(path=where)) from None


def stanzas(text: str) -> Iterator[tuple[str, str]]:
    """The paragraphs between empty lines, each with its number for its place."""
    found = (stanza for stanza in text.split("\n\n") if stanza.strip())
    return ((f"stanza {number}", stanza) for number, stanza in enumerate(found, start=1))


def csv_lines(text: str, first: int) -> Iterator[tuple[str, dict[str, str]]]:
    """The lines below the head of a CSV file, counted from `first`; raises FeedError where it is none."""
    try:
        for number, line in enumerate(csv.DictReader(io.StringIO(text, newline="")), start=first):
            yield f"line {number}", line
    except csv.Error as error:
        raise FeedError(_("not CSV: {why}").format(why=error)) from None


def title(text: str) -> str:
    """The beginning of a vendor's title as printable ASCII."""
    line = text[: _TITLE + 1].partition("\n")[0]
    if len(line) <= _TITLE and line.isascii() and line.isprintable() and "\\" not in line:
        return line
    return escaped(line[:_TITLE])


def day(text: str) -> date:
    """The day in an ISO date or instant."""
    return date.fromisoformat(text[:10])


def instant(text: str) -> datetime:
    """The instant in ISO 8601; one without a zone is UTC."""
    if len(text) > 40:
        raise ValueError("no instant is so long")
    # Python 3.11 reads three or six digits of a second, and vendors write from one to nine.
    found = datetime.fromisoformat(re.sub(r"\.\d+", "", text))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def severity(word: object) -> Severity:
    """A vendor's rating in our spelling."""
    return _SEVERITIES.get(str(word).strip().lower(), Severity.UNKNOWN)


def cves_in(words: Iterable[object]) -> tuple[str, ...]:
    """The CVE ids among a vendor's references."""
    return tuple(sorted({found for word in words for found in _CVE.findall(str(word))}))
