"""Looking up a host's packages: time for a Debian of 800 packages, beside a plain loop that compares every fix with univers.

`python -m benchmarks.patch_matching [DATA]` imports the Debian feeds in DATA (../shared/data where none is named), cuts the slice of a host
that has the 800 sources with the most fixes, half of them a version behind, and prints the goal with what was reached. The plain loop is
given the fixes already found by package, keeps no versions it has parsed, and says nothing but yes or no. Each is the best of five; the
first run of ours, with nothing parsed yet, is told too. It exits non-zero where the goal is missed.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cmp_to_key
from pathlib import Path

from univers.versions import DebianVersion

from scanner import versions
from scanner.advisories import Advisories, Fix
from scanner.feeds.importing import Wish, imported
from scanner.feeds.slicing import cut
from scanner.feeds.store import opened
from scanner.namespaces import wanted
from scanner.observations import HostObservation, Package, PatchesObservation, Unobserved
from scanner.patching import Index, patches
from scanner.specimens import host
from scanner.versions import Scheme, compare

FEEDS = ("debian/changelog-feed/fixes-by-release.json.gz", "debian/expected-debian12/debsecan-feed-bookworm.zlib")
NAMESPACE = "debian:12"
HOST_PACKAGES = 800
GOAL = 0.100
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def main() -> int:
    """Prints the times and the ratio."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (data / FEEDS[0]).is_file():
        print(f"{data}: the feeds are not here")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "feeds.sqlite"
        files = [data / feed for feed in FEEDS]
        imported(files, store, Wish(now=NOW, dated={file.name: NOW for file in files}))
        inspected = host(packages=_installed(store))
        asked = wanted([inspected])
        with opened(store, NOW) as found:
            slice_ = cut(found, asked.packages, asked.products)
    written = slice_.written()
    read = _best(lambda: Advisories.read(written))
    index = Index(slice_)
    for cache in (versions.compare, versions._parsed):  # noqa: SLF001 - the first run is told apart
        cache.cache_clear()
    first = _once(lambda: patches(inspected, index, NOW))
    ours = _best(lambda: patches(inspected, index, NOW))
    plain = _best(_plain(inspected, slice_.fixes))
    print(
        f"slice       {len(slice_.fixes)} fixes, {len(written) / 1e6:.1f} MB, read in {read * 1e3:.0f} ms, indexed in {_best(lambda: Index(slice_)) * 1e3:.0f} ms"
    )
    print(
        f"ours        {ours * 1e3:6.0f} ms, the first time {first * 1e3:.0f} ms   goal {GOAL * 1e3:.0f} ms   {_told(inspected, index)}"
    )
    print(f"plain loop  {plain * 1e3:6.0f} ms")
    print(f"ratio       {plain / ours:6.2f}")
    return 0 if first < GOAL else 1


def _installed(store: Path) -> tuple[Package, ...]:
    """The sources with the most fixes: every other one at its newest fixed version, the rest at the one before."""
    fixed: dict[str, set[str]] = defaultdict(set)
    connection = sqlite3.connect(store)
    query = "SELECT package, fixed FROM fix WHERE namespace = ? AND fixed IS NOT NULL"
    for package, version in connection.execute(query, (NAMESPACE,)):
        fixed[package].add(version)
    connection.close()
    found = []
    for number, (name, known) in enumerate(sorted(fixed.items(), key=lambda item: (-len(item[1]), item[0]))[:HOST_PACKAGES]):
        ordered = sorted(known, key=cmp_to_key(lambda one, other: compare(Scheme.DEB, one, other)))
        version = ordered[-1 - number % 2] if len(ordered) > 1 else ordered[0]
        found.append(Package(name=name, version=version, architecture="amd64", source=name, source_version=version))
    for number in range(HOST_PACKAGES - len(found)):
        name = f"package{number}"
        found.append(Package(name=name, version="1.0-1", architecture="amd64", source=name, source_version="1.0-1"))
    return tuple(found)


def _plain(inspected: HostObservation, fixes: Iterable[Fix]) -> Callable[[], int]:
    told: dict[str, list[Fix]] = defaultdict(list)
    for fix in fixes:
        told[fix.package].append(fix)

    def loop() -> int:
        packages = () if isinstance(inspected.packages, Unobserved) else inspected.packages
        return sum(
            DebianVersion(package.source_version) < DebianVersion(fix.fixed)
            for package in packages
            for fix in told.get(package.source, ())
            if fix.fixed
        )

    return loop


def _told(inspected: HostObservation, index: Index) -> str:
    found = patches(inspected, index, NOW)
    if not isinstance(found, PatchesObservation) or isinstance(found.missing, Unobserved):
        raise TypeError("the host was not looked up")
    return f"{found.packages} packages, {len(found.missing)} upgrades, {sum(len(one.flaws) for one in found.missing)} flaws"


def _once(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _best(work: Callable[[], object]) -> float:
    return min(_once(work) for _ in range(5))


if __name__ == "__main__":
    sys.exit(main())
