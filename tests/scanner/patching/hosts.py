"""Hosts to look up: with a few packages, or with the package list of a real system; and slices cut from feeds."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from scanner.advisories import (
    Advisories,
    Advisory,
    Asked,
    Available,
    Coverage,
    Cve,
    FeedKind,
    FeedRef,
    Fix,
    FixStatus,
    Layer,
    Release,
)
from scanner.feeds.importing import Wish, imported
from scanner.feeds.reading import cves_in
from scanner.feeds.slicing import cut
from scanner.feeds.store import opened
from scanner.namespaces import wanted
from scanner.observations import HostObservation, OsRelease, Package, PatchesObservation, Standing, Unobserved
from scanner.patching import Index, patches
from scanner.probes.collection.packages import packages
from scanner.probes.collection.sections import Collected, Section
from scanner.specimens import host
from tests.scanner.feeds.editions import NOW

FORMAT = "${db:Status-Status}\t${binary:Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n"


def package(name: str, version: str, **more: str) -> Package:
    """An installed package, its own source unless said otherwise."""
    given = {"architecture": "amd64", "source": name, "source_version": version, **more}
    return Package(name=name, version=version, **given)


def of(system: str, version_id: str, *installed: Package, **changes: Any) -> HostObservation:
    """A host of this system with these packages."""
    named = OsRelease(id=system, version_id=version_id, pretty_name=f"{system} {version_id}")
    return host(os=named, packages=installed, **changes)


def dpkg(status: bytes, folder: Path) -> tuple[Package, ...]:
    """The packages of a dpkg status file, as dpkg-query prints them and the collection reads them."""
    (folder / "updates").mkdir(parents=True)
    (folder / "status").write_bytes(status)
    said = subprocess.run(["dpkg-query", f"--admindir={folder}", "-W", "-f", FORMAT], capture_output=True, check=True)
    found = packages(Collected({"dpkg": Section(said.stdout, 0)}, begun=True, complete=True))
    assert not isinstance(found, Unobserved)
    return found


def unpacked(path: Path) -> bytes:
    """What a gzip file holds."""
    return gzip.decompress(path.read_bytes())


def slice_for(host_: HostObservation, store: Path, files: Iterable[Path], now: datetime = NOW, **wish: Any) -> Advisories:
    """The slice of these feeds that belongs to the host, as a scan cuts it."""
    given = tuple(files)
    imported(given, store, Wish(now=now, dated={file.name: now for file in given}, **wish))
    asked = wanted([host_])
    with opened(store, now) as found:
        return cut(found, asked.packages, asked.products)


def looked_up(host_: HostObservation, slice_: Advisories, now: datetime = NOW) -> PatchesObservation:
    """How the host stands."""
    found = patches(host_, Index(slice_), now)
    assert isinstance(found, PatchesObservation), found
    return found


REF = FeedRef(name="feed", kind=FeedKind.VENDOR, generated_at=NOW, sha256="00" * 32, records=1)
DAY = date(2026, 10, 1)


def fix(package_: str, fixed: str | None, advisory: str = "CVE-2026-1000", **more: Any) -> Fix:
    """A fix in this version, or, without one, another status."""
    status = FixStatus.FIXED if fixed else FixStatus.NO_FIX_YET
    given = {"namespace": "debian:12", "status": status, "since": DAY if fixed else None}
    return Fix(package=package_, fixed=fixed, advisory=advisory, **{**given, **more})


def offer(package_: str, version: str, **more: Any) -> Available:
    """A version that a repository offers."""
    given = {"namespace": "debian:12", "pocket": "bookworm", "arch": "amd64", "source": package_}
    return Available(package=package_, version=version, **{**given, **more})


def slice_of(
    *rows: Fix | Available | Advisory | Cve | Release, asked: HostObservation | None = None, **changes: Any
) -> Advisories:
    """A slice with these rows, that was asked for every name in them and on the host.

    It covers the advisories of every namespace in them, and the repositories of those of which something is offered.
    """
    fixes = tuple(row for row in rows if isinstance(row, Fix))
    offers = tuple(row for row in rows if isinstance(row, Available))
    names = {row.package for row in fixes} | {row.package for row in offers}
    wants = {} if asked is None else wanted([asked]).packages
    namespaces = {row.namespace for row in fixes} | {row.namespace for row in offers} | set(wants)
    told = {row.id for row in rows if isinstance(row, Advisory)}
    advisories = [Advisory(id=one, cves=cves_in((one,))) for one in sorted({fix.advisory for fix in fixes} - told)]
    good: dict[str, Any] = {
        "feeds": (REF,),
        "covered": (
            *(Coverage(namespace=one, layer=Layer.ADVISORIES, feed="feed") for one in sorted(namespaces)),
            *(Coverage(namespace=one, layer=Layer.REPOSITORY, feed="feed") for one in sorted({row.namespace for row in offers})),
        ),
        "asked": tuple(Asked(namespace=one, packages=tuple(names | wants.get(one, set()))) for one in sorted(namespaces)),
        "fixes": fixes,
        "available": offers,
        "advisories": (*(row for row in rows if isinstance(row, Advisory)), *advisories),
        "cves": tuple(row for row in rows if isinstance(row, Cve)),
        "releases": tuple(row for row in rows if isinstance(row, Release)),
    }
    return Advisories(**{**good, **changes})


def actions(found: PatchesObservation) -> dict[str, tuple[str, Standing, list[str]]]:
    """Of each package that is to be upgraded or restarted: the version needed, its standing, and the advisories."""
    assert not isinstance(found.missing, Unobserved), found.missing
    return {one.package: (one.needed, one.standing, [flaw.advisory for flaw in one.flaws]) for one in found.missing}


def left(found: PatchesObservation) -> dict[tuple[str, Standing], list[str]]:
    """Of each package with flaws that no upgrade mends: the advisories, by standing."""
    assert not isinstance(found.remaining, Unobserved), found.remaining
    return {(one.package, one.standing): [flaw.advisory for flaw in one.flaws] for one in found.remaining}


VENDORS = {"almalinux": "AlmaLinux", "rocky": "Rocky Enterprise Software Foundation", "rhel": "Red Hat, Inc."}


def rpm(name: str, version: str, system: str = "rhel", **more: str) -> Package:
    """A package of this system's own vendor."""
    return package(name, version, **{"architecture": "x86_64", "vendor": VENDORS[system], **more})


def packed(path: Path, files: Iterable[Path]) -> Path:
    """A tar with these files, as vendors pack one file for each record."""
    with tarfile.open(path, "w") as archive:
        for file in files:
            found = tarfile.TarInfo(file.name)
            data = file.read_bytes()
            found.size = len(data)
            archive.addfile(found, io.BytesIO(data))
    return path


def lacks(host: HostObservation, slice_: Advisories) -> dict[str, tuple[str, date | None]]:
    """Of each package to be upgraded: the version needed and the day of the earliest fix it lacks."""
    found = looked_up(host, slice_)
    assert not isinstance(found.missing, Unobserved), found.missing
    assert {one.standing for one in found.missing} <= {Standing.UNPATCHED}
    days = {one.package: sorted(flaw.since for flaw in one.flaws if flaw.since is not None) for one in found.missing}
    return {one.package: (one.needed, days[one.package][0] if days[one.package] else None) for one in found.missing}
