"""Alpine's APKINDEX: which version of each package a repository offers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from scanner.advisories import Available, Coverage, Layer
from scanner.feeds.reading import FeedError, Row, Tally, each, stanzas
from scanner.i18n import _

INDEX = "APKINDEX"
DESCRIPTION = "DESCRIPTION"


def place_of(description: str, where: str) -> tuple[str, str]:
    """Branch and repository by the description in the archive, as in "v3.20.3-12-g... main" or "main v3.20-..."."""
    words = description.split()
    branch = next((".".join(word.split("-")[0].split(".")[:2]) for word in words if word.startswith("v3.")), None)
    repository = next((word for word in words if word in ("main", "community", "testing")), None)
    if branch is None or repository is None:
        raise FeedError(_("{path}: its description names no branch and repository").format(path=where))
    return branch, repository


def packages(text: str, branch: str, repository: str, tally: Tally) -> Iterator[Row]:
    """The rows of the index; it is as old as its newest package."""
    namespace = f"alpine:{branch}:{repository}"

    def read(stanza: str) -> Iterator[Row]:
        fields: dict[str, str] = dict(line.split(":", 1) for line in stanza.splitlines())
        tally.saw(datetime.fromtimestamp(int(fields["t"]), UTC))
        yield Available(
            namespace=namespace,
            pocket=repository,
            package=fields["P"],
            arch=fields["A"],
            version=fields["V"],
            source=fields.get("o", fields["P"]),
        )

    yield from each(tally, stanzas(text), read)
    yield Coverage(namespace=namespace, layer=Layer.REPOSITORY, feed=f"alpine-index-{branch}-{repository}", pocket=repository)
