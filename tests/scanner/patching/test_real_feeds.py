"""Real excerpts of vendors' feeds, looked up: what a version just below the fix lacks, the fixed one and other releases do not."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scanner.advisories import Advisories, Dated
from scanner.feeds.reading import FeedError
from scanner.observations import HostObservation, Package, PackageSource, Standing, Unobserved
from tests.scanner.feeds.editions import written
from tests.scanner.patching.hosts import actions, left, looked_up, of, package, slice_for

VENDORS = {"almalinux": "AlmaLinux", "rocky": "Rocky Enterprise Software Foundation", "rhel": "Red Hat, Inc."}


@pytest.fixture
def formats(shared_data: Path) -> Path:
    return shared_data / "formats"


def packed(path: Path, files: Iterable[Path]) -> Path:
    """A tar with these files, as vendors pack one file for each record."""
    with tarfile.open(path, "w") as archive:
        for file in files:
            found = tarfile.TarInfo(file.name)
            data = file.read_bytes()
            found.size = len(data)
            archive.addfile(found, io.BytesIO(data))
    return path


def rpm(name: str, version: str, system: str = "rhel", **more: str) -> Package:
    """A package of this system's own vendor."""
    return package(name, version, **{"architecture": "x86_64", "vendor": VENDORS[system], **more})


def lacks(host: HostObservation, slice_: Advisories) -> dict[str, tuple[str, date | None]]:
    """Of each package to be upgraded: the version needed and the day of the earliest fix it lacks."""
    found = looked_up(host, slice_)
    assert not isinstance(found.missing, Unobserved), found.missing
    assert {one.standing for one in found.missing} <= {Standing.UNPATCHED}
    days = {one.package: sorted(flaw.since for flaw in one.flaws if flaw.since is not None) for one in found.missing}
    return {one.package: (one.needed, days[one.package][0] if days[one.package] else None) for one in found.missing}


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


# --- Red Hat ----------------------------------------------------------------------------------------


@pytest.fixture
def vex(formats: Path, tmp_path: Path) -> Path:
    """Documents of Red Hat's VEX archive as claircore, vuls and vunnel keep them."""
    clair = formats / "claircore-rhel-vex"
    modules = formats / "vunnel" / "rhel" / "csaf" / "advisories"
    return packed(
        tmp_path / "vex.tar",
        [
            *(clair / f"cve-{name}.json" for name in ("2022-38752", "2023-38545", "2023-4154", "2024-24786-illegal-module")),
            formats / "vuls-data-update" / "redhat" / "vex" / "v1" / "2023" / "cve-2023-6212.json",
            *(modules / f"rhsa-{name}.json" for name in ("2023_3821", "2023_7025", "2024_0811", "2024_1431")),
        ],
    )


@pytest.mark.parametrize(
    ("name", "source", "version", "needed", "since"),
    [
        ("curl", "curl", "0:7.76.1-26.el9", "0:7.76.1-26.el9_3.2", date(2023, 11, 7)),
        ("libcurl-minimal", "curl", "0:7.76.1-26.el9_3.2~", "0:7.76.1-26.el9_3.2", date(2023, 11, 7)),
        ("curl", "curl", "0:7.76.1-23.el9_2.4~", "0:7.76.1-26.el9_3.2", date(2023, 10, 17)),
        ("sudo", "sudo", "0:1.9.5p2-10.el9_3~", "0:1.9.5p2-10.el9_3", date(2024, 2, 14)),
    ],
)
def test_red_hat_s_fix_is_missing_just_below_it(
    vex: Path, tmp_path: Path, name: str, source: str, version: str, needed: str, since: date
) -> None:
    """The day is that of the first fix the host lacks: of 9.2 one is older than of 9.3."""
    host = of("rhel", "9.3", rpm(name, version, source=source))
    slice_ = slice_for(host, tmp_path / "feeds.sqlite", [vex])
    assert lacks(host, slice_) == {source: (needed, since)}
    assert lacks(of("rhel", "9.3", rpm(name, needed, source=source)), slice_) == {}


def test_red_hat_s_fix_for_another_architecture_is_none_for_this_one(vex: Path, tmp_path: Path) -> None:
    host = of("rhel", "9.3", rpm("curl", "0:7.76.1-26.el9", architecture="riscv64"))
    assert lacks(host, slice_for(host, tmp_path / "feeds.sqlite", [vex])) == {}


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("curl", "0:7.76.1-14.el9_0.9"),  # what subscribers to 9.0 have; by it nobody else is patched
        ("sudo", "0:1.9.5p2-7.el9_0.4"),
    ],
)
def test_red_hat_s_fix_for_an_update_stream_mends_nothing_elsewhere(vex: Path, tmp_path: Path, name: str, version: str) -> None:
    host = of("rhel", "9.3", rpm(name, version))
    assert lacks(host, slice_for(host, tmp_path / "feeds.sqlite", [vex])).keys() == {name}


def test_red_hat_s_higher_fix_of_an_update_stream_is_asked_of_nobody_else(vex: Path, tmp_path: Path) -> None:
    """thunderbird of 8.8 is fixed in 115.5.0-1.el8_8, of 8.1 in 115.5.0-1.el8_1: a host of the main stream needs el8_9 alone."""
    host = of("rhel", "8.9", rpm("thunderbird", "0:115.5.0-1.el8_9"))
    found = looked_up(host, slice_for(host, tmp_path / "feeds.sqlite", [vex]))
    assert (actions(found), left(found)) == ({}, {})


@pytest.mark.parametrize("stream", ["ruby:2.5", "ruby:2.7", "ruby:3.1"])
def test_red_hat_s_module_streams_are_apart(vex: Path, tmp_path: Path, stream: str) -> None:
    fixed = {
        "ruby:2.5": ("0:2.5.9-111.module+el8.9.0+19193+435404ae", date(2023, 11, 14)),
        "ruby:2.7": ("0:2.7.8-139.module+el8.8.0+18745+f1bef313", date(2023, 6, 27)),
        "ruby:3.1": ("0:3.1.4-142.module+el8.9.0+21471+7d1e4a35", date(2024, 3, 19)),
    }
    needed, since = fixed[stream]
    below, there = (of("rhel", "8.9", rpm("ruby", version, module=stream)) for version in (f"{needed}~", needed))
    slice_ = slice_for(below, tmp_path / "feeds.sqlite", [vex])
    assert lacks(below, slice_) == {"ruby": (needed, since)}
    assert lacks(there, slice_) == {}
    assert lacks(of("rhel", "8.9", rpm("ruby", "0:1.0-1.module+el8", module="ruby:3.3")), slice_) == {}
    other = of("rhel", "9.3", rpm("ruby", "0:1.0-1.module+el9", module=stream))
    assert lacks(other, slice_for(other, tmp_path / "feeds.sqlite", [vex])) == {}


@pytest.mark.parametrize(
    ("version_id", "name", "source"),
    [("6.10", "libsmbclient", "samba4"), ("8.9", "libcurl", "curl"), ("8.9", "libcurl-devel-extra", "curl")],
)
def test_red_hat_says_what_is_not_affected(vex: Path, tmp_path: Path, version_id: str, name: str, source: str) -> None:
    """Of the last, the document speaks by its source package alone."""
    host = of("rhel", version_id, rpm(name, "0:1.0-1", source=source))
    found = looked_up(host, slice_for(host, tmp_path / "feeds.sqlite", [vex]))
    assert (actions(found), left(found), found.not_affected) == ({}, {}, 1)


def test_red_hat_names_what_it_will_not_fix_by_the_source_package(formats: Path, vex: Path, tmp_path: Path) -> None:
    """`firefox?arch=src` of RHEL 6 is out of support; such statements stand for every package that is built from it."""
    store = tmp_path / "feeds.sqlite"
    for name, version_id, source, module, standing in (
        ("firefox", "6.10", "firefox", "", Standing.UNSUPPORTED),
        ("firefox-langpack", "6.10", "firefox", "", Standing.UNSUPPORTED),
        ("golang-bin", "8.9", "go-toolset", "go-toolset:rhel8", Standing.NO_FIX_YET),
        ("snakeyaml", "7.9", "snakeyaml", "", Standing.UNSUPPORTED),  # a document of old, which gives no purl
    ):
        host = of("rhel", version_id, rpm(name, "0:1.0-1", source=source, module=module))
        found = looked_up(host, slice_for(host, store, [vex]))
        assert (actions(found), list(left(found))) == ({}, [(source, standing)]), name
    other = of("rhel", "8.9", rpm("golang-bin", "0:1.0-1", source="go-toolset", module="go-toolset:rhel9"))
    assert left(looked_up(other, slice_for(other, store, [vex]))) == {}


def test_red_hat_s_word_on_a_package_counts_before_that_on_its_source(tmp_path: Path, formats: Path) -> None:
    """What of openssl is affected is told of each package; of the source package only the rest is."""
    value = json.loads((formats / "claircore-rhel-vex" / "cve-2023-4154.json").read_bytes())
    (flaw,) = value["vulnerabilities"]
    source = "red_hat_enterprise_linux_9:samba.src"
    flaw["product_status"]["known_not_affected"].remove(source)
    flaw["product_status"]["known_affected"] = [source]
    host = of("rhel", "9.3", *(rpm(name, "0:4.18-1.el9", source="samba") for name in ("samba-libs", "samba-new")))
    document = written(tmp_path / "cve.json", value)
    found = looked_up(host, slice_for(host, tmp_path / "feeds.sqlite", [packed(tmp_path / "vex.tar", [document])]))
    assert (left(found), found.not_affected) == ({("samba", Standing.NO_FIX_YET): ["CVE-2023-4154"]}, 1)


def test_red_hat_s_odd_products_do_not_spoil_their_document(formats: Path, tmp_path: Path) -> None:
    """A module without a stream, and a fix without a version: the rest of the document counts."""
    file = formats / "claircore-rhel-vex" / "cve-2024-24786-bad-rpmmod.json"
    value = json.loads(file.read_bytes())
    value["vulnerabilities"][0]["product_status"]["fixed"].append("AppStream-10:unnumbered")
    value["product_tree"]["branches"].append(
        {"product": {"name": "x", "product_id": "unnumbered", "product_identification_helper": {"purl": "pkg:rpm/redhat/x"}}}
    )
    value["product_tree"]["relationships"].append(
        {
            "full_product_name": {"name": "x", "product_id": "AppStream-10:unnumbered"},
            "product_reference": "unnumbered",
            "relates_to_product_reference": "AppStream-10",
        }
    )
    names = ("good-pkg", "x")
    host = of(
        "rhel", "10.0", *(rpm(name, "0:0.1-1.el10") for name in names), rpm("cri-tools", "0:1.0-1.el10", architecture="aarch64")
    )
    archive = packed(tmp_path / "vex.tar", [written(tmp_path / "cve.json", value)])
    found = looked_up(host, slice_for(host, tmp_path / "feeds.sqlite", [archive]))
    assert actions(found).keys() == {"cri-tools"}
    assert left(found).keys() == {("good-pkg", Standing.NO_FIX_YET), ("x", Standing.UNKNOWN)}


# --- AlmaLinux and Rocky ----------------------------------------------------------------------------


@pytest.fixture
def alma(formats: Path, tmp_path: Path) -> list[Path]:
    vuls = formats / "vuls-data-update" / "alma"
    return [
        packed(tmp_path / "osv.tar", (formats / "vunnel" / "alma" / "osv-database").rglob("*.json")),
        vuls / "errata" / "errata.full.json",
        *(vuls / "updateinfo" / "happy").rglob("*updateinfo.xml.gz"),
    ]


@pytest.fixture
def rocky(formats: Path, tmp_path: Path) -> list[Path]:
    vuls = formats / "vuls-data-update" / "rocky" / "updateinfo" / "happy"
    return [
        packed(tmp_path / "osv.tar", (formats / "vunnel" / "rocky" / "osv").glob("*.json")),
        *vuls.rglob("*updateinfo.xml.gz"),
    ]


@pytest.mark.parametrize(
    ("version_id", "name", "needed", "since"),
    [
        ("8.8", "python3-requests", "2.20.0-3.el8_8", date(2023, 8, 8)),
        ("9.3", "avahi-libs", "0.8-20.el9", date(2024, 4, 30)),
        ("9.1", "xz", "0:5.2.5-8.el9_0", date(2022, 6, 8)),
        ("9.1", "curl", "0:7.76.1-23.el9", date(2023, 1, 10)),  # a bug fix: no CVE, and an action all the same
        ("9.3", "nodejs", "1:18.18.2-1.el9", date(2023, 11, 28)),
        ("8.5", "pcsc-lite-devel", "0:1.8.23-4.1.el8_4", date(2021, 8, 10)),
    ],
)
def test_almalinux_s_fix_is_missing_just_below_it(
    alma: list[Path], tmp_path: Path, version_id: str, name: str, needed: str, since: date
) -> None:
    host, mended = (of("almalinux", version_id, rpm(name, at, "almalinux")) for at in (f"{needed}~", needed))
    slice_ = slice_for(host, tmp_path / "feeds.sqlite", alma)
    assert lacks(host, slice_) == {name: (needed, since)}
    assert lacks(mended, slice_) == {}
    major = "9" if version_id.startswith("8") else "8"
    other = of("almalinux", f"{major}.1", rpm(name, "0:0.1-1", "almalinux"))
    assert lacks(other, slice_for(other, tmp_path / "other.sqlite", alma)) == {}


@pytest.mark.parametrize(
    ("stream", "architecture", "needed"),
    [
        ("mariadb:10.3", "x86_64", "0:1.0.5-18.module_el8.5.0+2632+14ced695"),
        ("mariadb:10.3", "ppc64le", "0:1.0.5-18.module_el8.6.0+2867+72759d2f"),
        ("mariadb:10.5", "aarch64", "0:1.0.5-18.module_el8.6.0+2761+593e5e59"),
        ("mariadb-devel:10.3", "i686", "0:1.0.5-18.module_el8.3.0+2028+5e3224e9"),
        ("mariadb:10.5", "x86_64", None),
        ("mariadb:10.11", "aarch64", None),
    ],
)
def test_almalinux_s_errata_keep_streams_and_architectures_apart(
    alma: list[Path], tmp_path: Path, stream: str, architecture: str, needed: str | None
) -> None:
    """ALSA-2019:3708 builds Judy four times, each for other streams and architectures."""

    def judy(version: str) -> HostObservation:
        return of("almalinux", "8.6", rpm("Judy", version, "almalinux", module=stream, architecture=architecture))

    below = judy(f"{needed}~" if needed else "0:1.0.5-1.module_el8.3.0+1+1")
    slice_ = slice_for(below, tmp_path / "feeds.sqlite", alma)
    assert lacks(below, slice_) == ({"Judy": (needed, date(2019, 11, 5))} if needed else {})
    if needed:
        assert lacks(judy(needed), slice_) == {}


def test_almalinux_s_stream_by_the_heading_alone_is_that_stream_s(alma: list[Path], tmp_path: Path) -> None:
    needed = "3:10.3.39-1.module_el8.8.0+3609+204d4ab0"
    for stream, version, found in (
        ("mariadb:10.3", f"{needed}~", {"mariadb": (needed, date(2023, 9, 19))}),
        ("mariadb:10.3", needed, {}),
        ("mariadb:10.5", "3:10.3.1-1.module_el8", {}),
    ):
        host = of("almalinux", "8.8", rpm("mariadb", version, "almalinux", module=stream))
        assert lacks(host, slice_for(host, tmp_path / "feeds.sqlite", alma)) == found


@pytest.mark.parametrize(
    ("version_id", "name", "needed", "since", "module"),
    [
        ("8.5", "java-11-openjdk", "1:11.0.13.0.8-1.el8_4", date(2021, 10, 20), ""),
        ("8.7", "firefox", "0:102.11.0-2.el8_7", date(2023, 5, 18), ""),
        ("8.6", "openssl", "1:1.1.1k-6.el8_5", date(2022, 5, 3), ""),
        ("9.1", "xz", "0:5.2.5-8.el9_0", date(2022, 11, 8), ""),
        ("9.4", "ruby", "0:3.3.1-2.module+el9.4.0+20787+4c237fd3", date(2024, 6, 14), "ruby:3.3"),
        ("9.4", "rubygem-pg", "0:1.5.4-1.module+el9.4.0+20787+4c237fd3", date(2024, 6, 14), "ruby:3.3"),
    ],
)
def test_rocky_s_fix_is_missing_just_below_it(
    rocky: list[Path], tmp_path: Path, version_id: str, name: str, needed: str, since: date, module: str
) -> None:
    host, mended = (of("rocky", version_id, rpm(name, at, "rocky", module=module)) for at in (f"{needed}~", needed))
    slice_ = slice_for(host, tmp_path / "feeds.sqlite", rocky)
    assert lacks(host, slice_) == {name: (needed, since)}
    assert lacks(mended, slice_) == {}
    if module:
        other = of("rocky", version_id, rpm(name, "0:0.1-1.module+el9", "rocky", module="ruby:3.1"))
        assert lacks(other, slice_) == {}
    major = "9" if version_id.startswith("8") else "8"
    other = of("rocky", f"{major}.1", rpm(name, "0:0.1-1.module+el8" if module else "0:0.1-1", "rocky", module=module))
    assert not {name} & lacks(other, slice_for(other, tmp_path / "other.sqlite", rocky)).keys()


def test_rocky_s_modular_fix_without_a_stream_decides_nothing(rocky: list[Path], tmp_path: Path) -> None:
    """The updateinfo of RLSA-2023:3820 gives neither a module nor a heading with one."""
    needed = "3:10.5.16-2.module+el9.1.0+13358+56c3b6a3"
    for version, unclear in ((f"{needed}~", True), (needed, False)):
        host = of("rocky", "9.1", rpm("mariadb", version, "rocky", module="mariadb:10.5"))
        found = looked_up(host, slice_for(host, tmp_path / "feeds.sqlite", rocky))
        assert actions(found) == {}
        assert ("mariadb" in {one.package for one in found.undecided}) is unclear


def test_rocky_s_packages_of_no_architecture_are_for_every_one(formats: Path, rocky: list[Path], tmp_path: Path) -> None:
    """dbus-common is noarch; a package that became so is upgraded all the same."""
    file = formats / "trivy-db-vulnsrc" / "rocky" / "noarch" / "vuln-list" / "rocky" / "9.1" / "BaseOS" / "x86_64" / "2023"
    said = json.loads((file / "RLSA-2023-0335.json").read_bytes())
    (one,) = said["collections"][0]["packages"]
    text = (
        f'<updates><update type="security"><id>{said["id"]}</id><title>{said["title"]}</title>'
        f'<issued date="{said["issued"]["date"]}"/><severity>{said["severity"]}</severity><pkglist><collection short="rocky-9">'
        f'<package name="{one["name"]}" epoch="{one["epoch"]}" version="{one["version"]}" release="{one["release"]}"'
        f' arch="{one["arch"]}" src="{one["src"]}"/></collection></pkglist></update></updates>'
    )
    needed = "1:1.12.20-7.el9_1"
    files = [*rocky, written(tmp_path / "updateinfo.xml", text)]
    for architecture in ("noarch", "x86_64", "aarch64"):
        host = of("rocky", "9.1", rpm("dbus-common", "1:1.12.20-6.el9", "rocky", source="dbus", architecture=architecture))
        slice_ = slice_for(host, tmp_path / "feeds.sqlite", files)
        assert lacks(host, slice_) == {"dbus": (needed, date(2023, 1, 23))}
        mended = of("rocky", "9.1", rpm("dbus-common", needed, "rocky", source="dbus", architecture=architecture))
        assert lacks(mended, slice_) == {}


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
