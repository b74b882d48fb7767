"""The feed in the format of debsecan: one release, whose name stands in the name of the file and nowhere inside."""

from __future__ import annotations

import re
from collections.abc import Iterator

from univers.versions import DebianVersion

from scanner.advisories import Advisory, Coverage, Fix, FixStatus, Layer
from scanner.feeds import places
from scanner.feeds.reading import FeedError, Row, Tally, cves_in, each, title
from scanner.i18n import _

MAGIC = "VERSION 1\n"


def codename_of(name: str) -> str:
    """The release that a file of this name is about."""
    found: list[str] = [word for word in re.findall(r"[a-z]+", name) if word in places.DEBIAN]
    if len(found) != 1:
        raise FeedError(
            _("{path}: which release is this about? call the file after its codename, as in debsecan-bookworm.zlib").format(
                path=name
            )
        )
    return found[0]


def vulnerabilities(text: str, name: str, tally: Tally) -> Iterator[Row]:
    """The rows of the file: first the advisories, one a line, then the packages, which point to them by number."""
    codename = codename_of(name)
    namespace = f"debian:{places.DEBIAN[codename]}"
    blocks = text.removeprefix(MAGIC).split("\n\n")
    if len(blocks) < 2:
        raise FeedError(_("{path}: ends before its packages; fetch it again").format(path=name))
    ids = [line.split(",", 1)[0] for line in blocks[0].splitlines()]

    def advisory(line: str) -> Iterator[Row]:
        found, _urgency, description = line.split(",", 2)
        yield Advisory(id=found, title=title(description), cves=cves_in((found,)))

    def package(line: str) -> Iterator[Row]:
        source, number, flags, unstable, others = line.split(",", 4)
        fixed = _first_fixed(unstable, others.split()) if flags[3] == "F" else None
        yield Fix(
            namespace=namespace,
            package=source,
            advisory=ids[int(number)],
            status=FixStatus.FIXED if fixed else FixStatus.NO_FIX_YET,
            fixed=fixed,
        )

    yield from each(tally, _numbered(blocks[0], 2), advisory)
    yield from each(tally, _numbered(blocks[1], 3 + len(ids)), package)
    yield Coverage(namespace=namespace, layer=Layer.ADVISORIES, feed=f"debsecan-{codename}")


def _numbered(block: str, first: int) -> Iterator[tuple[str, str]]:
    return ((f"line {number}", line) for number, line in enumerate(block.splitlines(), start=first))


def _first_fixed(unstable: str, others: list[str]) -> str | None:
    """The release's own first fixed version; unstable's stands only where the release has none of its own."""
    return min(others, key=DebianVersion) if others else unstable or None
