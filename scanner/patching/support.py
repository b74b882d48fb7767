"""Until when the operating system and known software are supported, by sources that know nothing of any flaw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from scanner.advisories import Release
from scanner.namespaces import product_of
from scanner.observations.base import Reason, Unobserved
from scanner.observations.host import OsRelease
from scanner.observations.patches import Support, Unjudged
from scanner.patching.index import Index

_UPSTREAM = re.compile(r"(?:[0-9]+:)?([0-9][0-9A-Za-z.]*)")


def of_system(index: Index, system: OsRelease, namespaces: tuple[str, ...]) -> tuple[Support, ...] | Unobserved:
    """The support of the operating system's release, by every source that knows it."""
    product = product_of(system)
    cycle = namespaces[0].split(":")[1].removeprefix("v")
    found = tuple(
        support for release in index.releases(product or "") if release.cycle == cycle for support in _supports(release)
    )
    if found:
        return found
    return Unobserved(reason=Reason.NOT_GIVEN, detail=f"no feed tells until when {system.id} {cycle} is supported")


def of_strangers(index: Index, strangers: Iterable[Unjudged]) -> Iterator[Support]:
    """The support of the branch that each stranger belongs to, where its product is known by the package's name."""
    for stranger in strangers:
        upstream = _UPSTREAM.match(stranger.version)
        product = re.sub(r"-?[0-9.]+$", "", stranger.package)
        if upstream is None:
            continue
        branches = [one for one in index.releases(product) if f"{upstream[1]}.".startswith(f"{one.cycle}.")]
        if branches:
            longest = max(len(one.cycle) for one in branches)
            yield from (found for one in branches if len(one.cycle) == longest for found in _supports(one))


def _supports(release: Release) -> Iterator[Support]:
    if release.eol is not None:
        yield Support(product=release.product, cycle=release.cycle, ends=release.eol, source=release.source)
    for tier in release.extended:
        yield Support(product=release.product, cycle=release.cycle, tier=tier.name, ends=tier.ends, source=release.source)
