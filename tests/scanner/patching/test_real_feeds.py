"""Real excerpts of vendors' feeds, looked up: what a version just below the fix lacks, the fixed one and other releases do not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scanner.advisories import Dated
from scanner.feeds.reading import FeedError
from scanner.observations import PackageSource, Standing, Unobserved
from tests.scanner.feeds.editions import written
from tests.scanner.patching.hosts import actions, lacks, left, looked_up, of, package, packed, slice_for


@pytest.fixture
def formats(shared_data: Path) -> Path:
    return shared_data / "formats"


def said_by_vunnel(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Vunnel's own reading of the same input: namespace, advisory, and each package with the version it is fixed in."""
    for file in sorted(folder.rglob("*.json")):
        flaw = json.loads(file.read_bytes())["item"]["Vulnerability"]
        for fixed in flaw["FixedIn"]:
            yield flaw["NamespaceName"], flaw["Name"], fixed


# --- Ubuntu -----------------------------------------------------------------------------------------

PRO = (PackageSource(file="ubuntu-esm-infra.sources", host="esm.ubuntu.com", signed=True),)


@pytest.fixture
def osv(formats: Path, tmp_path: Path) -> Path:
    """The records of Ubuntu that vunnel and vuls keep, in one archive."""
    folder = formats / "vunnel" / "ubuntu"
    return packed(tmp_path / "osv-all.tar", [*(folder / "osv").rglob("*.json"), *(folder / "osv-esm-cases").rglob("*.json")])


@pytest.mark.parametrize(
    ("version_id", "below", "fixed"),
    [
        ("18.04", "1.16.0-1ubuntu1.1~18.04.3", "1.16.0-1ubuntu1.1~18.04.4"),
        ("20.04", "1.18.0-1", "1.18.0-1ubuntu0.1"),
        ("22.04", "1.20.0-1", "1.20.0-1ubuntu0.1"),
    ],
)
def test_ubuntu_dates_a_cve_by_the_notice_that_fixed_it(
    osv: Path, tmp_path: Path, version_id: str, below: str, fixed: str
) -> None:
    """The record of the CVE bears the day the CVE became known, 16 days before the fix; the notice that of the fix."""
    host = of("ubuntu", version_id, package("libwayland-client0", below, source="wayland", source_version=below))
    slice_ = slice_for(host, tmp_path / "feeds.sqlite", [osv])
    found = looked_up(host, slice_)
    assert actions(found) == {"wayland": (fixed, Standing.UNPATCHED, ["UBUNTU-CVE-2021-3782", "USN-5614-1"])}
    assert not isinstance(found.missing, Unobserved)
    assert {(flaw.since, flaw.dated, flaw.cves) for flaw in found.missing[0].flaws} == {
        (date(2022, 9, 15), Dated.VENDOR, ("CVE-2021-3782",))
    }
    mended = of("ubuntu", version_id, package("libwayland-client0", fixed, source="wayland", source_version=fixed))
    assert (lacks(mended, slice_), left(looked_up(mended, slice_))) == ({}, {})


def test_ubuntu_s_other_releases_are_untouched(osv: Path, tmp_path: Path) -> None:
    host = of("ubuntu", "24.04", package("wayland", "1.0-1"))
    found = looked_up(host, slice_for(host, tmp_path / "feeds.sqlite", [osv]))
    assert (actions(found), left(found)) == ({}, {})


@pytest.mark.parametrize(
    ("version_id", "source", "below", "fixed"),
    [
        ("14.04", "unzip", "6.0-9ubuntu1.5", "6.0-9ubuntu1.6"),
        ("16.04", "wayland", "1.12.0-1~ubuntu16.04.3", "1.12.0-1~ubuntu16.04.3+esm1"),
        ("18.04", "netty", "1:4.1.7-4ubuntu0.1", "1:4.1.7-4ubuntu0.1+esm3"),
        ("22.04", "netty", "1:4.1.48-4+deb11u2", "1:4.1.48-4+deb11u2ubuntu0.1~esm1"),
        ("24.04", "netty", "1:4.1.48-9", "1:4.1.48-9ubuntu0.1~esm1"),
    ],
)
def test_ubuntu_s_paid_fix_is_missing_only_where_the_host_receives_it(
    osv: Path, tmp_path: Path, version_id: str, source: str, below: str, fixed: str
) -> None:
    without, with_ = (of("ubuntu", version_id, package(source, below), package_sources=sources) for sources in ((), PRO))
    slice_ = slice_for(without, tmp_path / "feeds.sqlite", [osv])
    assert (lacks(without, slice_), set(left(looked_up(without, slice_)))) == ({}, {(source, Standing.NO_FIX_YET)})
    assert {name: needed for name, (needed, _) in lacks(with_, slice_).items()} == {source: fixed}
    mended = of("ubuntu", version_id, package(source, fixed), package_sources=PRO)
    assert (lacks(mended, slice_), left(looked_up(mended, slice_))) == ({}, {})


def test_ubuntu_s_package_from_esm_shows_by_its_own_version_that_the_host_receives_it(osv: Path, tmp_path: Path) -> None:
    host = of("ubuntu", "18.04", package("netty", "1:4.1.7-4ubuntu0.1+esm2"))
    assert lacks(host, slice_for(host, tmp_path / "feeds.sqlite", [osv])).keys() == {"netty"}


def test_ubuntu_s_free_and_paid_fixes_of_one_cve_stay_in_their_releases(osv: Path, tmp_path: Path) -> None:
    """CVE-2014-9913 of unzip is fixed for all in 16.04, for subscribers in 14.04."""
    host = of("ubuntu", "16.04", package("unzip", "6.0-20ubuntu1"))
    slice_ = slice_for(host, tmp_path / "feeds.sqlite", [osv])
    assert {name: needed for name, (needed, _) in lacks(host, slice_).items()} == {"unzip": "6.0-20ubuntu1.1"}


def test_ubuntu_s_records_are_read_as_vunnel_reads_them(formats: Path, osv: Path, tmp_path: Path) -> None:
    """Each package that vunnel says is affected; it invents a twin without a fix for the release whose fix is paid for."""
    store, withdrawn = tmp_path / "feeds.sqlite", {"UBUNTU-CVE-2013-2208", "UBUNTU-CVE-2020-36325"}
    compared = 0
    for file in sorted((formats / "vunnel" / "ubuntu" / "snapshots").glob("ubuntu-*/*.json")):
        record = json.loads(file.read_bytes())["item"]
        if record["id"] in withdrawn:
            continue
        for entry in record["affected"]:
            release, name = entry["package"]["ecosystem"].removeprefix("Ubuntu:"), entry["package"]["name"]
            ends = [event["fixed"] for span in entry["ranges"] for event in span["events"] if "fixed" in event]
            version = f"{ends[0]}~" if ends else "1:1.0-1"
            sources = PRO if release.startswith("Pro:") else ()
            host = of(
                "ubuntu", release.removeprefix("Pro:").removesuffix(":LTS"), package(name, version), package_sources=sources
            )
            found = looked_up(host, slice_for(host, store, [osv]))
            if ends:
                assert actions(found)[name][0] == ends[0], file
            else:
                assert record["id"] in left(found)[name, Standing.NO_FIX_YET], file
            compared += 1
    assert compared > 35


# --- Alpine -----------------------------------------------------------------------------------------


def below_apk(version: str) -> str:
    """A version of apk just below this one."""
    upstream, _, release = version.rpartition("-r")
    return f"{upstream}-r{int(release) - 1}" if release != "0" else f"{upstream}_rc-r0"


def alpine_of_vunnel(formats: Path, folder: Path) -> list[Path]:
    """The secdb of 3.15 that vunnel keeps as YAML, in the form in which Alpine publishes it."""
    found = []
    for part in ("main", "community"):
        given = formats / "vunnel" / "alpine" / "input" / "secdb" / "v3.15" / f"{part}.yaml"
        found.append(written(folder / f"{part}.json", YAML(typ="safe", pure=True).load(given.read_text())))
    return found


def test_alpine_s_secdb_is_read_as_vunnel_reads_it(formats: Path, tmp_path: Path) -> None:
    files, store = alpine_of_vunnel(formats, tmp_path), tmp_path / "feeds.sqlite"
    compared = 0
    for namespace, advisory, fixed in said_by_vunnel(formats / "vunnel" / "alpine" / "snapshots" / "3.15"):
        assert namespace == "alpine:3.15"
        name, version = fixed["Name"], fixed["Version"]
        below, there = (of("alpine", "3.15.4", package(name, at)) for at in (below_apk(version), version))
        slice_ = slice_for(below, store, files)
        assert advisory in actions(looked_up(below, slice_))[name][2], advisory
        assert advisory not in (actions(looked_up(there, slice_)).get(name) or ("", "", []))[2], advisory
        compared += 1
    assert compared == 16


def test_alpine_s_fix_is_dated_by_the_day_it_was_first_seen_and_is_no_other_branch_s(formats: Path, tmp_path: Path) -> None:
    """The secdb holds no dates: the day is that of the first edition with the fix."""
    vuls = formats / "vuls-data-update" / "alpine" / "secdb"
    files = [*alpine_of_vunnel(formats, tmp_path), vuls / "v3.16" / "main.json", vuls / "v3.16" / "community.json"]
    old = of("alpine", "3.15.4", package("zlib", "1.2.12-r1"))
    found = looked_up(old, slice_for(old, tmp_path / "feeds.sqlite", files))
    assert not isinstance(found.missing, Unobserved)
    ((flaw,),) = [one.flaws for one in found.missing]
    assert (flaw.advisory, flaw.since, flaw.dated) == ("CVE-2022-37434", date(2026, 11, 25), Dated.OBSERVED)
    young = of("alpine", "3.16.1", package("zlib", "1.2.12-r1"))
    assert lacks(young, slice_for(young, tmp_path / "feeds.sqlite", files)) == {}
    apache = of("alpine", "3.16.1", package("apache2", "2.4.34-r9"))
    slice_ = slice_for(apache, tmp_path / "feeds.sqlite", files)
    assert actions(looked_up(apache, slice_)) == {"apache2": ("2.4.35-r0", Standing.UNPATCHED, ["CVE-2018-11763"])}


def test_alpine_s_lines_with_several_names_and_notes_are_one_flaw_each(formats: Path, tmp_path: Path) -> None:
    """ansible's entry in trivy's excerpt; with the key `0` added as secdb has it for what never touched the package."""
    said = json.loads((formats / "trivy-db-vulnsrc" / "alpine" / "happy" / "vuln-list" / "alpine" / "ansible.json").read_bytes())
    entry = {"name": said["name"], "secfixes": {"0": ["CVE-2020-10744"], **said["secfixes"]}}
    main = {"distroversion": said["distroversion"], "reponame": said["reponame"], "packages": [{"pkg": entry}]}
    other = {**main, "reponame": "community"}
    files = [written(tmp_path / "main.json", main), written(tmp_path / "community.json", other)]
    host = of("alpine", "3.12.0", package("ansible", "2.9.2-r9"))
    slice_ = slice_for(host, tmp_path / "feeds.sqlite", files)
    found = looked_up(host, slice_)
    ids = ["CVE-2017-2616", "CVE-2019-14904", "CVE-2019-14905", "CVE-2020-1737", "CVE-2024-22195"]
    aliases = ["GHSA-f7r5-w49x-gxm3", "GHSA-h6cc-rc6q-23j4"]
    assert actions(found) == {"ansible": ("2.9.6-r0", Standing.UNPATCHED, [*ids, *aliases])}
    assert found.not_affected == 1  # said in main and in community
    assert actions(looked_up(of("alpine", "3.12.0", package("ansible", "2.9.3-r0")), slice_)) == {
        "ansible": ("2.9.6-r0", Standing.UNPATCHED, ["CVE-2020-1737"])
    }
    assert lacks(of("alpine", "3.12.0", package("ansible", "2.9.6-r0")), slice_) == {}


# --- Debian -----------------------------------------------------------------------------------------


def debian_of_vunnel(formats: Path, folder: Path) -> list[Path]:
    """Vunnel's excerpt of the tracker but for the entry that is broken on purpose, and its list of advisories."""
    folder.mkdir(exist_ok=True)
    given = formats / "vunnel" / "debian" / "input"
    value = json.loads((given / "debian.json").read_bytes())
    del value["chromium-browser"]["CVE-2022-0358"]
    return [written(folder / "tracker.json", value), written(folder / "DSA", (given / "DSA").read_bytes())]


def test_debian_s_tracker_with_a_broken_entry_among_few_is_refused(formats: Path, tmp_path: Path) -> None:
    host = of("debian", "12", package("sope", "5.8.0-1"))
    with pytest.raises(FeedError, match="1 of 7 records cannot be read"):
        slice_for(host, tmp_path / "feeds.sqlite", [formats / "vunnel" / "debian" / "input" / "debian.json"])


def test_debian_s_tracker_and_advisories_are_read_as_vunnel_reads_them(formats: Path, tmp_path: Path) -> None:
    files, store = debian_of_vunnel(formats, tmp_path / "given"), tmp_path / "feeds.sqlite"
    tracked = {cve for entry in json.loads(files[0].read_bytes()).values() for cve in entry}
    compared = 0
    for namespace, advisory, fixed in said_by_vunnel(formats / "vunnel" / "debian" / "snapshots"):
        release = namespace.removeprefix("debian:")
        if advisory not in tracked or release == "unstable":
            continue  # vunnel adds data of its own about releases that the tracker no longer names
        name, version = fixed["Name"], fixed["Version"]
        below = of("debian", release, package(name, f"{version}~"))
        slice_ = slice_for(below, store, files)
        found = looked_up(below, slice_)
        if version == "0":
            assert found.not_affected == 1
            assert advisory not in {one for _, _, ids in actions(found).values() for one in ids}
        elif version == "None":
            assert [standing for _, standing in left(found)] == [Standing.UNSUPPORTED], advisory
        else:
            needed, _, advisories = actions(found)[name]
            assert (needed, advisory in advisories) == (version, True)
            if fixed["Available"]["Kind"] == "advisory":
                assert lacks(below, slice_)[name] == (version, date.fromisoformat(fixed["Available"]["Date"]))
            assert lacks(of("debian", release, package(name, version)), slice_) == {}
        compared += 1
    assert compared > 12


def test_debian_s_own_sample_of_the_tracker_says_what_is_fixed_ignored_and_not_affected(
    shared_data: Path, tmp_path: Path
) -> None:
    sample = shared_data / "debian" / "tracker-lists" / "tracker-api.sample.json"
    host = of("debian", "11", package("389-ds-base", "1.3.5.15-1~"), package("wordpress", "1.0-1"))
    slice_ = slice_for(host, tmp_path / "feeds.sqlite", [sample])
    found = looked_up(host, slice_)
    assert actions(found) == {"389-ds-base": ("1.3.5.15-1", Standing.UNPATCHED, ["CVE-2016-5405"])}
    assert left(found) == {("389-ds-base", Standing.WILL_NOT_FIX): ["CVE-2016-5416"]}
    assert found.not_affected == 2
    assert lacks(of("debian", "11", package("389-ds-base", "1.3.5.15-1")), slice_) == {}
