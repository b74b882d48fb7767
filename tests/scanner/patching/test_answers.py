"""The answers of other programs on the same data: debsecan's about a Debian 12, apt's about this machine."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.advisories import Advisories, Asked, Available, Coverage, FeedKind, FeedRef
from scanner.feeds.reading import Tally
from scanner.feeds.repository import packages as index_of
from scanner.feeds.repository import release
from scanner.observations import Package, PatchesObservation, Unobserved
from scanner.patching import Index, patches
from scanner.probes.collection.sections import Collected, Section
from scanner.probes.collection.system import os_release
from tests.scanner.patching.hosts import FORMAT, dpkg, looked_up, of, slice_for, unpacked

LISTS = Path("/var/lib/apt/lists")


def test_a_debian_12_gets_exactly_debsecans_answer(shared_data: Path, tmp_path: Path) -> None:
    expected_in = shared_data / "debian" / "expected-debian12"
    installed = dpkg(unpacked(shared_data / "debian" / "debian-12.15-minbase.dpkg-status.gz"), tmp_path / "dpkg")
    assert len(installed) == 112
    sources = {one.name: one.source for one in installed}
    lines = unpacked(expected_in / "debian-12.15-minbase.debsecan-simple.txt.gz").decode().split("\n")
    expected = {(cve, sources[name]) for cve, _, name in (line.partition(" ") for line in lines if line)}
    host = of("debian", "12", *installed)
    slice_ = slice_for(host, tmp_path / "feeds.sqlite", [expected_in / "debsecan-feed-bookworm.zlib"])
    found = looked_up(host, slice_)
    assert not isinstance(found.missing, Unobserved) and not isinstance(found.remaining, Unobserved)
    answer = {(flaw.advisory, one.package) for one in found.missing for flaw in one.flaws}
    answer |= {(flaw.advisory, one.package) for one in found.remaining for flaw in one.flaws}
    assert len(answer) > 50
    assert answer == expected


def on_this_machine() -> tuple[Package, ...]:
    said = subprocess.run(["dpkg-query", "-W", "-f", FORMAT], capture_output=True, check=True, text=True).stdout
    rows = [line.split("\t") for line in said.splitlines()]
    return tuple(
        Package(name=name.partition(":")[0], version=version, architecture=arch, source=source, source_version=source_version)
        for status, name, version, arch, source, source_version in rows
        if status == "installed"
    )


def offered_here() -> Advisories:
    """What apt's own copies of the repositories' lists offer, read by the reader of feeds; apt has verified their signatures."""
    names = {name for one in on_this_machine() for name in (one.name, one.source)}
    offers: list[Available] = []
    covered: list[Coverage] = []
    for path in sorted(LISTS.glob("*_InRelease")):
        vouched = release(path.read_text(), str(path))
        for listed in sorted(LISTS.glob(path.name.replace("_InRelease", "_*_Packages*"))):
            text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", str(listed)], capture_output=True, check=True).stdout
            for row in index_of(text.decode(), vouched, listed.name, Tally()):
                if isinstance(row, Available) and row.package in names:
                    offers.append(row)
                elif isinstance(row, Coverage):
                    covered.append(row)
    ref = FeedRef(name="apt", kind=FeedKind.ARCHIVE, generated_at=datetime(2026, 1, 1, tzinfo=UTC), sha256="00" * 32, records=1)
    return Advisories(
        feeds=(ref,),
        covered=tuple(covered),
        asked=(Asked(namespace=covered[0].namespace, packages=tuple(names)),),
        fixes=(),
        advisories=(),
        cves=(),
        available=tuple(offers),
        releases=(),
    )


@pytest.mark.skipif(not list(LISTS.glob("*_InRelease")), reason="this machine has no lists of apt to compare with")
def test_the_updates_missing_here_are_exactly_those_that_apt_would_install() -> None:
    words = ["apt-get", "-s", "-o", "Debug::NoLocking=1", "dist-upgrade"]
    said = subprocess.run(
        words, capture_output=True, text=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    )
    expected = {
        (match[1], match[2], match[3]) for match in re.finditer(r"^Inst (\S+) \[(\S+)\] \((\S+) ", said.stdout, re.MULTILINE)
    }
    held = set(subprocess.run(["apt-mark", "showhold"], capture_output=True, text=True, check=True).stdout.split())
    system = os_release(Collected({"os-release": Section(Path("/etc/os-release").read_bytes(), 0)}, begun=True, complete=True))
    assert not isinstance(system, Unobserved)
    found = patches(
        of(system.id, system.version_id, *on_this_machine()), Index(offered_here()), datetime(2026, 11, 25, tzinfo=UTC)
    )
    assert isinstance(found, PatchesObservation) and not isinstance(found.updates, Unobserved)
    answer = {(one.package, one.installed, one.offered) for one in found.updates if one.package not in held}
    assert answer == expected
    assert not isinstance(found.strangers, Unobserved)
    assert len(found.strangers) < len(on_this_machine()) / 2  # nearly all of them are Debian's own
