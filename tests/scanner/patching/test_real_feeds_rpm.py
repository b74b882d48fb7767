"""Real excerpts of the feeds of Red Hat, AlmaLinux and Rocky, looked up: streams, architectures and channels stay apart."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from scanner.observations import HostObservation, Standing
from tests.scanner.feeds.editions import written
from tests.scanner.patching.hosts import actions, lacks, left, looked_up, of, packed, rpm, slice_for


@pytest.fixture
def formats(shared_data: Path) -> Path:
    return shared_data / "formats"


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
