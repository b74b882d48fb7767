"""Debian's lists of advisories (DSA/list, DLA/list): the only place where Debian says on which day a fix was published.

They tell of advisories only, not of every flaw, so on their own they cover no release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from scanner.advisories import Advisory, Fix, FixStatus
from scanner.feeds import places
from scanner.feeds.reading import Row, Tally, cves_in, each, title

_HEAD = re.compile(r"\[(\d{1,2} \w{3} \d{4})\] (D[SL]A-\d+(?:-\d+)?) (.*)")
_FIXED = re.compile(r"\[(\w+)\] - (\S+) (\S+)")
_STATUSES = {
    "<not-affected>": FixStatus.NOT_AFFECTED,
    "<end-of-life>": FixStatus.UNSUPPORTED,
    "<unfixed>": FixStatus.NO_FIX_YET,
    "<ignored>": FixStatus.WILL_NOT_FIX,
    "<postponed>": FixStatus.POSTPONED,
    "<no-dsa>": FixStatus.NO_FIX_YET,
    "<undetermined>": FixStatus.UNDETERMINED,
}


@dataclass(slots=True)
class _Block:
    published: date
    id: str
    title: str
    lines: list[str] = field(default_factory=list)


def name_of(head: str) -> str | None:
    """The feed's name by the first line of the list; None where it is no such list."""
    found = _HEAD.match(head)
    return None if found is None else f"debian-{found[2][:3].lower()}"


def advisories(text: str, tally: Tally) -> Iterator[Row]:
    """The rows of the list; a regression update without CVEs inherits those of the advisory it mends."""
    blocks = list(_blocks(text, tally))
    stated = {block.id: cves_in(block.lines) for block in blocks}

    def read(block: _Block) -> Iterator[Row]:
        cves = stated[block.id] or stated.get(re.sub(r"-\d+$", "-1", block.id), ())
        yield Advisory(id=block.id, title=title(block.title), published=block.published, cves=cves)
        tally.saw(block.published)
        yield from _fixes(block, tally)

    yield from each(tally, ((block.id, block) for block in blocks), read)


def _blocks(text: str, tally: Tally) -> Iterator[_Block]:
    block: _Block | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        head = _HEAD.match(line)
        if head is not None:
            if block is not None:
                yield block
            block = None
            try:
                published = datetime.strptime(head[1], "%d %b %Y").replace(tzinfo=UTC).date()
            except ValueError as error:
                tally.spoiled(f"line {number}", error)
                continue
            block = _Block(published, head[2], head[3])
        elif line.strip() and block is not None:
            block.lines.append(line.strip())
        elif line.strip():
            tally.spoiled(f"line {number}", ValueError("a line that belongs to no advisory"))
    if block is not None:
        yield block


def _fixes(block: _Block, tally: Tally) -> Iterator[Fix]:
    for line in block.lines:
        found = _FIXED.match(line)
        if found is None:
            continue
        namespace = places.of_debian(found[1])
        if namespace is None:
            tally.outside += 1
            continue
        status = _STATUSES.get(found[3], FixStatus.FIXED)
        yield Fix(
            namespace=namespace,
            package=found[2],
            advisory=block.id,
            status=status,
            fixed=found[3] if status is FixStatus.FIXED else None,
            since=block.published,
        )
