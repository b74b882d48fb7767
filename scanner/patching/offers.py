"""Repositories against packages: which have a newer version waiting, and which were never the vendor's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from scanner.advisories import Available
from scanner.namespaces import RPM_VENDORS
from scanner.observations.base import Reason, Unobserved
from scanner.observations.host import Package
from scanner.observations.patches import Unjudged, Update
from scanner.patching.index import Index
from scanner.versions import IncomparableError, Scheme, compare, latest

_ANY = ("all", "noarch")
_DIST = re.compile(r"\.(?:module[_+])?el([0-9]{1,2})(?![0-9])")


def updates(
    index: Index, packages: list[Package], namespaces: tuple[str, ...], scheme: Scheme
) -> tuple[Update, ...] | Unobserved:
    """The packages of which a newer version is offered; a version that cannot be compared is told elsewhere."""
    if (absent := _unoffered(index, namespaces)) is not None:
        return absent
    return tuple(_updates(index, packages, namespaces, scheme))


def _updates(index: Index, packages: list[Package], namespaces: tuple[str, ...], scheme: Scheme) -> Iterator[Update]:
    installed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for package in packages:
        if ".module" not in package.version:  # the index that is read leaves modules out
            installed[package.name, package.architecture].append(package.version)
    for (name, architecture), versions in installed.items():
        offers = _offers(index, namespaces, name, architecture)
        if not offers:
            continue
        try:
            mine, best = latest(scheme, *versions), _best(offers, scheme)
            if compare(scheme, mine, best.version) < 0:
                yield Update(package=name, architecture=architecture, installed=mine, offered=best.version, pocket=best.pocket)
        except IncomparableError:
            continue  # such a package is a stranger below


def strangers(
    index: Index, packages: Iterable[Package], namespaces: tuple[str, ...], scheme: Scheme
) -> tuple[Unjudged, ...] | Unobserved:
    """The packages that are none of the vendor's: by the vendor an rpm names, by the repositories' lists for deb and apk."""
    if scheme is Scheme.RPM:
        return tuple(_of_another_vendor(packages, namespaces))
    if (absent := _unoffered(index, namespaces)) is not None:
        return absent
    return tuple(_never_offered(index, packages, namespaces, scheme))


def _of_another_vendor(packages: Iterable[Package], namespaces: tuple[str, ...]) -> Iterator[Unjudged]:
    for package in packages:
        dist = _DIST.search(package.version)
        if package.vendor == "":
            yield _stranger(package, "it names no vendor")
        elif (vendor := RPM_VENDORS.get(package.vendor)) is None:
            yield _stranger(package, f"its vendor is {package.vendor}")
        elif not any(namespace.startswith(f"{vendor}:") for namespace in namespaces):
            yield _stranger(package, f"its vendor is {package.vendor}, which is not the system's")
        elif dist is not None and f"{vendor}:{dist[1]}" not in namespaces:
            yield _stranger(package, "it was built for another release")


def _never_offered(index: Index, packages: Iterable[Package], namespaces: tuple[str, ...], scheme: Scheme) -> Iterator[Unjudged]:
    for package in packages:
        offers = _offers(index, namespaces, package.name, package.architecture)
        if not offers:
            yield _stranger(package, "no list of the vendor's names it")
            continue
        try:
            if compare(scheme, _best(offers, scheme).version, package.version) < 0:
                yield _stranger(package, "it is newer than any that the vendor offers")
        except IncomparableError as error:
            yield _stranger(package, str(error))


def _offers(index: Index, namespaces: tuple[str, ...], name: str, architecture: str) -> list[Available]:
    return [offer for offer in index.available(namespaces, name) if offer.arch in (architecture, *_ANY) or architecture in _ANY]


def _best(offers: list[Available], scheme: Scheme) -> Available:
    """The newest; a version in several parts of the repository is told of the first by name."""
    newest = latest(scheme, *(offer.version for offer in offers))
    return min((offer for offer in offers if offer.version == newest), key=lambda offer: offer.pocket)


def _unoffered(index: Index, namespaces: tuple[str, ...]) -> Unobserved | None:
    missing = [namespace for namespace in namespaces if namespace not in index.offered]
    if not missing:
        return None
    return Unobserved(reason=Reason.NOT_GIVEN, detail=f"no feed tells what the repositories of {', '.join(missing)} offer")


def _stranger(package: Package, why: str) -> Unjudged:
    return Unjudged(package=package.name, version=package.version, why=why)
