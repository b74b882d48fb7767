"""Debian's tracker (JSON), and the feed of fixes derived from Debian's changelogs, which has a like shape, and dates.

The tracker speaks of every source package. The changelogs are those of some, so on their own they cover no release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from univers.versions import DebianVersion

from scanner.advisories import Advisory, Coverage, Fix, FixStatus, Layer, Severity, worst
from scanner.feeds import places
from scanner.feeds.reading import Row, Tally, cves_in, day, each, severity, title

TRACKER = "debian-tracker"
CHANGELOGS = "debian-changelogs"

_OPEN = {
    "ignored": FixStatus.WILL_NOT_FIX,
    "postponed": FixStatus.POSTPONED,
}


def tracker(value: Mapping[str, Any], tally: Tally) -> Iterator[Row]:
    """The rows of {source: {CVE: {releases: {codename: {status ...}}}}}."""
    namespaces: set[str] = set()
    told: set[str] = set()

    def read(item: tuple[str, str, Mapping[str, Any]]) -> Iterator[Row]:
        source, advisory, entry = item
        for codename, said in entry["releases"].items():
            namespace = places.of_debian(codename)
            if namespace is None:
                tally.outside += 1
                continue
            yield _fix(namespace, source, advisory, said)
            namespaces.add(namespace)
        if advisory not in told:
            yield Advisory(
                id=advisory, title=title(entry.get("description", "")), severity=_rated(entry), cves=cves_in((advisory,))
            )
            told.add(advisory)

    yield from each(tally, _entries(value), read)
    for namespace in sorted(namespaces):
        yield Coverage(namespace=namespace, layer=Layer.ADVISORIES, feed=TRACKER)


def changelogs(value: Mapping[str, Any], tally: Tally) -> Iterator[Row]:
    """The rows of {codename: {source: {CVE: {fixed_version, date}}}}."""
    told: set[str] = set()
    for codename, sources in value.items():
        namespace = places.of_debian(codename)
        if namespace is None:
            tally.outside += len(sources)
            continue

        def read(item: tuple[str, str, Mapping[str, Any]], namespace: str = namespace) -> Iterator[Row]:
            source, advisory, entry = item
            since = day(entry["date"])
            yield Fix(
                namespace=namespace,
                package=source,
                advisory=advisory,
                status=FixStatus.FIXED,
                fixed=entry["fixed_version"],
                since=since,
            )
            tally.saw(since)
            if advisory not in told:
                yield Advisory(id=advisory, cves=cves_in((advisory,)))
                told.add(advisory)

        yield from each(tally, _entries(sources), read)


def _entries(value: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str, Mapping[str, Any]]]]:
    for source, advisories in value.items():
        for advisory, entry in advisories.items():
            yield f"{source} {advisory}", (source, advisory, entry)


def _fix(namespace: str, source: str, advisory: str, said: Mapping[str, Any]) -> Fix:
    fixed = said.get("fixed_version")
    status = _status(said, fixed)
    return Fix(
        namespace=namespace,
        package=source,
        advisory=advisory,
        status=status,
        fixed=fixed if status is FixStatus.FIXED else None,
        note=title(said.get("nodsa", "")),
    )


def _status(said: Mapping[str, Any], fixed: str | None) -> FixStatus:
    """The status of one release; a fix that no pocket of the release holds yet is none."""
    urgency = said.get("urgency", "")
    match said["status"]:
        case "resolved" if fixed == "0":
            return FixStatus.NOT_AFFECTED
        case "resolved" if fixed is not None:
            return FixStatus.FIXED if _offered(fixed, said.get("repositories", {}).values()) else FixStatus.NO_FIX_YET
        case "undetermined":
            return FixStatus.UNDETERMINED
        case "open" if urgency == "end-of-life":
            return FixStatus.UNSUPPORTED
        case "open" if urgency == "unimportant":
            return FixStatus.WILL_NOT_FIX
        case "open":
            return _OPEN.get(said.get("nodsa_reason", ""), FixStatus.NO_FIX_YET)
        case other:
            raise ValueError(f"no status is called {other!r}")


def _offered(fixed: str, offered: Any) -> bool:
    versions = list(offered)
    if not versions or fixed in versions:
        return True
    wanted = DebianVersion(fixed)
    return any(DebianVersion(version) >= wanted for version in versions)


def _rated(entry: Mapping[str, Any]) -> Severity:
    """The urgency the tracker gives, which it does ever more rarely; stars mark a rating that is not by hand."""
    return worst(severity(said.get("urgency", "").rstrip("*")) for said in entry["releases"].values())
