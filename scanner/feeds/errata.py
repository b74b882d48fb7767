"""AlmaLinux's errata (errata.full.json), which names module streams and architectures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from scanner.advisories import Advisory, Coverage, Layer
from scanner.feeds import places
from scanner.feeds.builds import Build, Builds, fixes
from scanner.feeds.reading import Row, Tally, cves_in, each, severity, title


def advisories(value: Mapping[str, Any], feed: str, tally: Tally) -> Iterator[Row]:
    """The rows of {data: [{id, issued_date, packages ...}]}."""
    namespaces: set[str] = set()

    def read(entry: Mapping[str, Any]) -> Iterator[Row]:
        issued = datetime.fromtimestamp(int(entry["issued_date"]), UTC)
        tally.saw(datetime.fromtimestamp(int(entry["updated_date"]), UTC))
        yield Advisory(
            id=entry["id"],
            title=title(entry["title"]),
            severity=severity(entry.get("severity")),
            published=issued.date(),
            cves=cves_in(reference["id"] for reference in entry["references"]),
        )
        for fix in fixes(entry["id"], _builds(entry, tally), issued.date()):
            namespaces.add(fix.namespace)
            yield fix

    yield from each(tally, ((str(entry.get("id")), entry) for entry in value["data"]), read)
    for namespace in sorted(namespaces):
        yield Coverage(namespace=namespace, layer=Layer.ADVISORIES, feed=feed)


def _builds(entry: Mapping[str, Any], tally: Tally) -> Builds:
    found: dict[Build, set[str]] = defaultdict(set)
    for package in entry["packages"]:
        if package["arch"] == "src":
            continue
        namespace = places.of_erratum(entry["id"], package["release"]) or _by_neighbours(entry)
        if namespace is None:
            tally.outside += 1
            continue
        version = f"{package['epoch']}:{package['version']}-{package['release']}"
        for stream in _streams(package, entry):
            found[namespace, package["name"], version, stream].add(package["arch"])
    return found


def _streams(package: Mapping[str, Any], entry: Mapping[str, Any]) -> tuple[str | None, ...]:
    """The module stream of a package: the first two of name:stream:version:context:arch."""
    if module := package.get("module"):
        return (":".join(str(module).split(":")[:2]),)
    return places.streams_of(f".{package['release']}", entry["title"])


def _by_neighbours(entry: Mapping[str, Any]) -> str | None:
    """The one namespace of the advisory's other packages, for a package whose release carries no dist tag."""
    found = {places.of_erratum(entry["id"], package["release"]) for package in entry["packages"]} - {None}
    return found.pop() if len(found) == 1 else None
