"""Importing the whole feeds of AlmaLinux and Debian: time and peak memory, beside a program that only parses the same JSON.

`python -m benchmarks.feeds_import [DATA]` reads the files in DATA (../shared/data where none is named), imports them into a new store, cuts
the slice of a host that has every package with a fix, and prints the goals with what was reached. It exits non-zero where one is missed.
"""

from __future__ import annotations

import gzip
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scanner.feeds.importing import Wish, imported
from scanner.feeds.slicing import cut
from scanner.feeds.store import opened

ALMALINUX = "almalinux-osv/all.zip"
CHANGELOGS = "debian/changelog-feed/fixes-by-release.json.gz"
DEBSECAN = "debian/expected-debian12/debsecan-feed-bookworm.zlib"
FILES = (
    ALMALINUX,
    CHANGELOGS,
    DEBSECAN,
    "debian/tracker-lists/DSA/list",
    "debian/tracker-lists/DLA/list",
    "kev/kev-2026.08.07.json",
)
SECONDS, MEGABYTES = 10.0, 300.0
HOST_PACKAGES = 800


@dataclass(frozen=True, slots=True)
class Spent:
    """What a program of its own took."""

    seconds: float
    megabytes: float
    told: str


def main() -> int:
    """Runs each part in a process of its own, so that its peak memory is its own."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (data / ALMALINUX).is_file():
        print(f"{data}: the feeds are not here")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "feeds.sqlite"
        ours, plain = _spent("import", data, store), _spent("parse", data, store)
        sliced = _spent("slice", data, store)
    print(f"import      {ours.seconds:6.2f} s  {ours.megabytes:6.0f} MB   goal {SECONDS:.0f} s, {MEGABYTES:.0f} MB   {ours.told}")
    print(f"parse only  {plain.seconds:6.2f} s  {plain.megabytes:6.0f} MB   {plain.told}")
    print(f"ratio       {ours.seconds / plain.seconds:6.2f}    {ours.megabytes / plain.megabytes:6.2f}")
    print(f"slice       {sliced.seconds:6.2f} s  {sliced.megabytes:6.0f} MB   {sliced.told}")
    return 0 if ours.seconds < SECONDS and ours.megabytes < MEGABYTES else 1


def _spent(part: str, data: Path, store: Path) -> Spent:
    command = [sys.executable, "-m", "benchmarks.feeds_import", "--part", part, str(data), str(store)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)
    return Spent(**told)


def _part(part: str, data: Path, store: Path) -> str:
    match part:
        case "import":
            made = datetime(2026, 11, 20, tzinfo=UTC)
            wish = Wish(now=datetime.now(UTC), dated={Path(DEBSECAN).name: made})
            found = imported([data / file for file in FILES], store, wish)
            return f"{sum(one.ref.records for one in found)} records, {store.stat().st_size / 1e6:.0f} MB store"
        case "parse":
            return f"{_parsed(data)} JSON documents"
        case _:
            return _sliced(store)


def _parsed(data: Path) -> int:
    """The plain comparison: unpack and json.loads, and keep nothing."""
    with zipfile.ZipFile(data / ALMALINUX) as archive:
        count = sum(1 for name in archive.namelist() if json.loads(archive.read(name)))
    json.loads(gzip.decompress((data / CHANGELOGS).read_bytes()))
    zlib.decompress((data / DEBSECAN).read_bytes())
    json.loads((data / FILES[-1]).read_bytes())
    return count + 2


def _sliced(path: Path) -> str:
    """The slice of a Debian host that has the packages with the most fixes."""
    with opened(path, datetime.now(UTC)) as store:
        names = _names(store.connection, "debian:12")
        found = cut(store, {"debian:12": names}, {"debian"})
    return f"{len(names)} packages, {len(found.fixes)} fixes, {len(found.written()) / 1e6:.1f} MB"


def _names(connection: sqlite3.Connection, namespace: str) -> list[str]:
    query = "SELECT package FROM fix WHERE namespace = ? GROUP BY package ORDER BY count(*) DESC LIMIT ?"
    names = [name for (name,) in connection.execute(query, (namespace, HOST_PACKAGES))]
    return names + [f"package{number}" for number in range(HOST_PACKAGES - len(names))]


def _run_part() -> None:
    part, data, store = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    begun = time.perf_counter()
    told = _part(part, data, store)
    spent = time.perf_counter() - begun
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": spent, "megabytes": megabytes, "told": told}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        _run_part()
    else:
        sys.exit(main())
