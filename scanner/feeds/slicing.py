"""Cutting the slice of one run out of the store: what was asked for and nothing else, the same bytes from the same feeds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from scanner.advisories import (
    Advisories,
    Advisory,
    Asked,
    Available,
    Coverage,
    Cve,
    Dated,
    FeedKind,
    FeedRef,
    Fix,
    FixStatus,
    Layer,
    Release,
    Severity,
    worst,
)
from scanner.feeds.store import Store

_PIECE = 500


def cut(store: Store, packages: Mapping[str, Iterable[str]], products: Iterable[str]) -> Advisories:
    """The slice: `packages` are the names wanted in each namespace, `products` those whose support dates are wanted."""
    asked = tuple(Asked(namespace=namespace, packages=tuple(names)) for namespace, names in packages.items())
    rows = [row for one in asked for row in _rows(store, "fix", one)]
    fixes = _dated(store, rows)
    advisories = tuple(_advisories(store, {fix.advisory for fix in fixes}))
    covered = tuple(_covered(store, [one.namespace for one in asked]))
    available = [row for one in asked for row in _rows(store, "available", one)]
    spoke = {row[0] for row in (*rows, *available)} | {one.feed for one in covered}
    return Advisories(
        feeds=tuple(ref for ref in store.feeds() if ref.name in spoke or _of_all(ref)),
        covered=covered,
        asked=asked,
        fixes=fixes,
        advisories=advisories,
        cves=tuple(_cves(store, {cve for advisory in advisories for cve in advisory.cves})),
        available=tuple(_available(row) for row in available),
        releases=tuple(_releases(store, products)),
    )


def _of_all(ref: FeedRef) -> bool:
    """Whether a feed speaks of all packages alike, so that its silence counts too."""
    return ref.kind not in (FeedKind.VENDOR, FeedKind.ARCHIVE)


def _rows(store: Store, table: str, asked: Asked) -> Iterator[tuple[Any, ...]]:
    for piece in _pieces(asked.packages):
        marks = ",".join("?" * len(piece))
        query = f"SELECT * FROM {table} WHERE namespace = ? AND package IN ({marks})"  # noqa: S608 - our own name, and marks
        yield from store.connection.execute(query, (asked.namespace, *piece))


def _dated(store: Store, rows: Sequence[tuple[Any, ...]]) -> tuple[Fix, ...]:
    """The fixes; one without a day takes it from another advisory of the same version, else from the day it was first seen."""
    fixes = [_fix(row) for row in rows]
    stated: dict[tuple[str, str, str | None], date] = {}
    for fix in fixes:
        if fix.since is not None and fix.status is FixStatus.FIXED:
            key = (fix.namespace, fix.package, fix.fixed)
            stated[key] = min(fix.since, stated.get(key, fix.since))
    return tuple(_with_day(store, fix, stated) for fix in fixes)


def _with_day(store: Store, fix: Fix, stated: Mapping[tuple[str, str, str | None], date]) -> Fix:
    if fix.since is not None or fix.status is not FixStatus.FIXED:
        return fix
    known = stated.get((fix.namespace, fix.package, fix.fixed))
    if known is not None:
        return fix.model_copy(update={"since": known})
    query = "SELECT day FROM first_seen WHERE namespace = ? AND package = ? AND advisory = ? AND fixed = ?"
    seen = store.connection.execute(query, (fix.namespace, fix.package, fix.advisory, fix.fixed)).fetchone()
    return fix if seen is None else fix.model_copy(update={"since": date.fromisoformat(seen[0]), "dated": Dated.OBSERVED})


def _fix(row: tuple[Any, ...]) -> Fix:
    _, namespace, package, advisory, module, channel, architectures, status, fixed, since, note = row
    return Fix(
        namespace=namespace,
        package=package,
        advisory=advisory,
        module=module,
        channel=channel,
        architectures=tuple(architectures.split()),
        status=FixStatus(status),
        fixed=fixed,
        since=_day(since),
        note=note,
    )


def _available(row: tuple[Any, ...]) -> Available:
    _, namespace, pocket, package, arch, version, source, module = row
    return Available(
        namespace=namespace, pocket=pocket, package=package, arch=arch, version=version, source=source, module=module
    )


def _covered(store: Store, namespaces: Iterable[str]) -> Iterator[Coverage]:
    for namespace in namespaces:
        query = "SELECT feed, layer, pocket FROM coverage WHERE namespace = ?"
        for feed, layer, pocket in store.connection.execute(query, (namespace,)):
            yield Coverage(namespace=namespace, layer=Layer(layer), feed=feed, pocket=pocket)


def _advisories(store: Store, ids: set[str]) -> Iterator[Advisory]:
    """One advisory for each id, made of what every feed says of it."""
    found: dict[str, Advisory] = {}
    for piece in _pieces(sorted(ids)):
        marks = ",".join("?" * len(piece))
        query = f"SELECT id, title, severity, published, cves FROM advisory WHERE id IN ({marks}) ORDER BY feed, title, cves"  # noqa: S608 - marks
        for advisory, heading, severity, published, cves in store.connection.execute(query, piece):
            one = Advisory(
                id=advisory,
                title=heading,
                severity=Severity(severity),
                published=_day(published),
                cves=tuple(json.loads(cves)),
            )
            found[advisory] = _joined(found[advisory], one) if advisory in found else one
    return iter(found.values())


def _joined(one: Advisory, other: Advisory) -> Advisory:
    """Both advisories as one: the first title, the worst rating, the earliest day, all CVEs."""
    days = [found for found in (one.published, other.published) if found is not None]
    return Advisory(
        id=one.id,
        title=one.title or other.title,
        severity=worst((one.severity, other.severity)),
        published=min(days, default=None),
        cves=(*one.cves, *other.cves),
    )


def _cves(store: Store, ids: set[str]) -> Iterator[Cve]:
    """One record for each CVE of which a feed says anything, with what each of them says."""
    query = (
        "SELECT id, max(cvss), max(vector), max(epss), max(percentile), min(kev_added), min(kev_due), max(kev_ransomware)"
        " FROM cve WHERE id IN ({marks}) GROUP BY id"
    )
    for piece in _pieces(sorted(ids)):
        for row in store.connection.execute(query.format(marks=",".join("?" * len(piece))), piece):
            cve, cvss, vector, epss, percentile, added, due, ransomware = row
            yield Cve(
                id=cve,
                cvss=cvss,
                vector=vector,
                epss=epss,
                percentile=percentile,
                kev_added=_day(added),
                kev_due=_day(due),
                kev_ransomware=bool(ransomware),
            )


def _releases(store: Store, products: Iterable[str]) -> Iterator[Release]:
    for product in sorted(set(products)):
        for (record,) in store.connection.execute("SELECT record FROM release WHERE product = ?", (product,)):
            yield Release.read(record)


def _pieces(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[at : at + _PIECE] for at in range(0, len(names), _PIECE))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
