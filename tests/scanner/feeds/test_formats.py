"""Each vendor's format, read from real excerpts: what becomes of its statuses, streams, channels, dates and faults."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from scanner.advisories import UNNAMED, Advisory, Coverage, Cve, FeedKind, Fix, FixStatus, Layer, Release, Severity, Tier
from scanner.feeds.cvss import base_score
from scanner.feeds.reading import FeedError
from scanner.feeds.sanity import readable
from tests.scanner.feeds.editions import alma, kev, read, tracker, written, zipped


def fixes(rows: Sequence[object]) -> list[Fix]:
    return [row for row in rows if isinstance(row, Fix)]


def test_the_whole_feed_of_almalinux_is_read_without_one_malformed_record(shared_data: Path) -> None:
    found, rows = read(shared_data / "almalinux-osv" / "all.zip")
    assert (found.name, found.kind, found.tally.read, found.tally.malformed) == ("almalinux-osv", FeedKind.VENDOR, 5_637, 0)
    assert Counter(fix.namespace for fix in fixes(rows)) == {"almalinux:8": 43_504, "almalinux:9": 23_051, "almalinux:10": 6_125}
    assert found.tally.newest is not None
    assert found.tally.newest.date() == date(2026, 8, 21)


def test_a_modular_package_of_almalinux_always_carries_a_stream(shared_data: Path) -> None:
    _, rows = read(shared_data / "almalinux-osv" / "all.zip")
    modular = [fix for fix in fixes(rows) if ".module" in str(fix.fixed)]
    assert len(modular) > 10_000
    assert all(fix.module is not None for fix in modular)
    unnamed = {fix.advisory for fix in modular if fix.module == UNNAMED}
    assert len(unnamed) <= 20
    assert not [fix for fix in fixes(rows) if fix.module is not None and ".module" not in str(fix.fixed)]


def test_two_modules_built_as_one_both_have_the_fix_and_two_streams_of_one_module_neither(tmp_path: Path) -> None:
    def streams(summary: str) -> set[str | None]:
        entry = alma("ALSA-2026:1", "x", "1-1.module_el8.1+1+a", summary=summary)
        return {fix.module for fix in fixes(read(zipped(tmp_path / "all.zip", [entry]))[1])}

    assert streams("Low: virt:rhel and virt-devel:rhel security update") == {"virt:rhel", "virt-devel:rhel"}
    assert streams("Moderate: idm:DL1 and idm:client security update") == {UNNAMED}
    assert streams("Important: perl-DBI:1.641 security update") == {"perl-DBI:1.641"}


def test_the_trackers_statuses_stay_apart(tmp_path: Path) -> None:
    def said(**entry: object) -> dict[str, object]:
        return {"releases": {"bookworm": entry, "sid": {"status": "open"}}}

    value = {
        "a": {
            "CVE-2026-0001": said(status="resolved", fixed_version="1.2-1", repositories={"bookworm": "1.2-1"}),
            "CVE-2026-0002": said(status="resolved", fixed_version="0"),
            "CVE-2026-0003": said(status="resolved", fixed_version="1.3-1", repositories={"bookworm": "1.2-1"}),
            "CVE-2026-0004": said(status="open", nodsa="Minor issue", nodsa_reason="ignored"),
            "CVE-2026-0005": said(status="open", nodsa_reason="postponed"),
            "CVE-2026-0006": said(status="open", urgency="end-of-life"),
            "CVE-2026-0007": said(status="open", urgency="unimportant"),
            "CVE-2026-0008": said(status="open"),
            "CVE-2026-0009": said(status="undetermined"),
            "CVE-2026-0010": said(status="a word of tomorrow"),
        }
    }
    found, rows = read(written(tmp_path / "json", value))
    assert {fix.advisory[-2:]: fix.status for fix in fixes(rows)} == {
        "01": FixStatus.FIXED,
        "02": FixStatus.NOT_AFFECTED,
        "03": FixStatus.NO_FIX_YET,  # fixed, but in no pocket of the release yet
        "04": FixStatus.WILL_NOT_FIX,
        "05": FixStatus.POSTPONED,
        "06": FixStatus.UNSUPPORTED,
        "07": FixStatus.WILL_NOT_FIX,
        "08": FixStatus.NO_FIX_YET,
        "09": FixStatus.UNDETERMINED,
    }
    assert found.tally.malformed == 1
    assert "a word of tomorrow" in found.tally.examples[0]
    assert found.tally.outside == 9


def test_the_trackers_real_excerpt_is_read(shared_data: Path) -> None:
    found, rows = read(shared_data / "debian" / "tracker-lists" / "tracker-api.sample.json")
    assert (found.name, found.tally.malformed) == ("debian-tracker", 0)
    assert Coverage(namespace="debian:11", layer=Layer.ADVISORIES, feed="debian-tracker") in rows


def test_debians_lists_give_days_and_a_regression_update_inherits_its_cves(shared_data: Path) -> None:
    found, rows = read(shared_data / "debian" / "tracker-lists" / "DSA" / "list")
    advisories = {row.id: row for row in rows if isinstance(row, Advisory)}
    assert (found.name, found.tally.read, found.tally.malformed) == ("debian-dsa", 5_406, 0)
    assert advisories["DSA-5356-2"].cves == advisories["DSA-5356-1"].cves != ()
    fix = next(fix for fix in fixes(rows) if fix.advisory == "DSA-5376-1")
    assert (fix.namespace, fix.package, fix.fixed, fix.since) == (
        "debian:11",
        "apache2",
        "2.4.56-1~deb11u1",
        date(2023, 3, 20),
    )
    assert not [row for row in rows if isinstance(row, Coverage)]


def test_a_list_of_debian_says_unsupported_without_a_version(shared_data: Path) -> None:
    _, rows = read(shared_data / "debian" / "tracker-lists" / "DLA" / "list")
    assert FixStatus.UNSUPPORTED in {fix.status for fix in fixes(rows)}


def test_debsecans_feed_is_read_whole(shared_data: Path) -> None:
    found, rows = read(shared_data / "debian" / "expected-debian12" / "debsecan-feed-bookworm.zlib")
    assert (found.name, found.tally.malformed, len(fixes(rows))) == ("debsecan-bookworm", 0, 17_534)


def test_debsecans_own_version_of_a_release_stands_before_unstables(tmp_path: Path) -> None:
    text = "VERSION 1\nCVE-2025-9375,,python\n\npython-xmltodict,0,S  F,0.13.0-1.1,0.13.0-1.1~deb12u1 0.13.0-2\nx,0,S   ,,\n\n"
    _, rows = read(written(tmp_path / "bookworm", text))
    assert [(fix.package, fix.status, fix.fixed) for fix in fixes(rows)] == [
        ("python-xmltodict", FixStatus.FIXED, "0.13.0-1.1~deb12u1"),
        ("x", FixStatus.NO_FIX_YET, None),
    ]


def test_a_feed_without_the_name_of_its_release_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="call the file after its codename"):
        read(written(tmp_path / "feed", "VERSION 1\n\n\n"))


def test_errata_of_almalinux_name_streams_and_architectures(shared_data: Path) -> None:
    _, rows = read(shared_data / "formats" / "vuls-data-update" / "alma" / "errata" / "errata.full.json")
    found = {(fix.package, fix.module): fix for fix in fixes(rows)}
    assert {stream for _, stream in found} >= {None, "mariadb:10.3", "mariadb:10.5"}
    devel = found["pcsc-lite-devel", None]
    assert (devel.fixed, devel.namespace, devel.since) == ("0:1.8.23-4.1.el8_4", "almalinux:8", date(2021, 8, 10))
    assert devel.architectures == ("i686", "x86_64")
    assert "src" not in {arch for fix in fixes(rows) for arch in fix.architectures}


@pytest.mark.parametrize("vendor", ["alma", "rocky"])
def test_updateinfo_is_read_and_covers_no_release_on_its_own(shared_data: Path, vendor: str) -> None:
    files = sorted((shared_data / "formats" / "vuls-data-update" / vendor / "updateinfo" / "happy").rglob("*updateinfo.xml.gz"))
    assert files
    for file in files:
        found, rows = read(file)
        assert found.tally.malformed == 0
        assert fixes(rows)
        assert not [row for row in rows if isinstance(row, Coverage)]


def test_updateinfo_names_the_stream_of_a_collection(tmp_path: Path) -> None:
    text = """<updates><update type="security"><id>RLSA-2026:1</id><title>Moderate: x</title><issued date="2026-01-02 00:00:00"/>
      <severity>Moderate</severity><references><reference id="CVE-2026-7777" type="cve"/></references>
      <pkglist><collection short="appstream"><module name="nodejs" stream="18" version="1" context="c" arch="x86_64"/>
      <package name="nodejs" epoch="1" version="18.1" release="1.module+el9.1.0+1+abc" arch="x86_64" src="s"/>
      <package name="nodejs" epoch="1" version="18.1" release="1.module+el9.1.0+1+abc" arch="src" src="s"/>
      </collection></pkglist></update></updates>"""
    _, rows = read(written(tmp_path / "updateinfo.xml", text))
    fix = fixes(rows)[0]
    assert len(fixes(rows)) == 1
    assert (fix.namespace, fix.module, fix.fixed) == ("rocky:9", "nodejs:18", "1:18.1-1.module+el9.1.0+1+abc")
    assert next(row for row in rows if isinstance(row, Advisory)).cves == ("CVE-2026-7777",)


def test_ubuntu_keeps_its_channels_apart(shared_data: Path) -> None:
    cases = shared_data / "formats" / "vunnel" / "ubuntu" / "osv-esm-cases" / "cve"
    _, rows = read(cases / "2014" / "UBUNTU-CVE-2014-9913.json")
    assert {(fix.namespace, fix.channel) for fix in fixes(rows)} == {("ubuntu:14.04", "esm-infra"), ("ubuntu:16.04", "base")}
    _, rows = read(cases / "2022" / "UBUNTU-CVE-2022-24823.json")
    assert "esm-apps" in {fix.channel for fix in fixes(rows)}
    assert {fix.status for fix in fixes(rows)} == {FixStatus.FIXED, FixStatus.NO_FIX_YET}
    assert all(fix.since is None for fix in fixes(rows))  # the day of a CVE is not the day of its fix


def test_a_notice_of_ubuntu_dates_its_fixes_and_names_the_cve(shared_data: Path) -> None:
    _, rows = read(shared_data / "formats" / "vunnel" / "ubuntu" / "osv" / "usn" / "USN-5614-1.json")
    assert {fix.since for fix in fixes(rows)} == {date(2022, 9, 15)}
    assert next(row for row in rows if isinstance(row, Advisory)).cves == ("CVE-2021-3782",)


def test_the_archive_of_ubuntu_covers_releases_and_one_record_of_it_does_not(shared_data: Path) -> None:
    _, rows = read(shared_data / "formats" / "vuls-data-update" / "ubuntu" / "osv" / "happy" / "osv-all.tar.xz")
    assert [row for row in rows if isinstance(row, Coverage)]
    _, rows = read(shared_data / "formats" / "vunnel" / "ubuntu" / "osv" / "usn" / "USN-5614-1.json")
    assert not [row for row in rows if isinstance(row, Coverage)]


def test_red_hats_vex_keeps_update_streams_and_products_apart(shared_data: Path) -> None:
    found, rows = read(shared_data / "formats" / "claircore-rhel-vex" / "cve-2023-38545.json")
    assert {(fix.namespace, fix.channel) for fix in fixes(rows) if fix.status is FixStatus.FIXED} == {
        ("rhel:9", "base"),
        ("rhel:9", "eus-9.0"),
    }
    assert {fix.namespace for fix in fixes(rows) if fix.status is FixStatus.NOT_AFFECTED} == {"rhel:6", "rhel:7", "rhel:8"}
    assert all(fix.since is not None for fix in fixes(rows) if fix.status is FixStatus.FIXED)
    assert found.tally.outside > 0


def test_alpines_secdb_names_branch_and_repository_and_never_affected_versions(shared_data: Path, tmp_path: Path) -> None:
    _, rows = read(shared_data / "formats" / "vuls-data-update" / "alpine" / "secdb" / "v3.16" / "main.json")
    assert {(fix.namespace, fix.package, fix.advisory, fix.fixed) for fix in fixes(rows)} == {
        ("alpine:v3.16:main", "apache2", "CVE-2017-9798", "2.4.27-r1"),
        ("alpine:v3.16:main", "apache2", "CVE-2018-11763", "2.4.35-r0"),
    }
    pkg = {"name": "musl", "secfixes": {"0": ["CVE-2026-1111 GHSA-x"], "1.2-r0": None}}
    value = {"distroversion": "v3.20", "reponame": "main", "packages": [{"pkg": pkg}]}
    _, rows = read(written(tmp_path / "main.json", value))
    assert [(fix.advisory, fix.status) for fix in fixes(rows)] == [("CVE-2026-1111", FixStatus.NOT_AFFECTED)]


def test_the_catalogue_of_exploited_cves_is_read_whole(shared_data: Path) -> None:
    found, rows = read(shared_data / "kev" / "kev-2026.08.07.json")
    assert (found.tally.read, found.tally.malformed) == (1_662, 0)
    assert found.tally.newest == datetime(2026, 8, 7, 16, 45, 47, tzinfo=UTC)
    assert any(row.kev_ransomware for row in rows if isinstance(row, Cve))


def test_epss_is_dated_by_its_first_line_and_refused_without(shared_data: Path) -> None:
    found, rows = read(shared_data / "epss" / "epss_scores-2023-03-07.csv.gz")
    assert found.tally.newest == datetime(2023, 3, 7, tzinfo=UTC)
    assert Cve(id="CVE-2020-5902", epss=0.97567, percentile=0.99995) in rows
    with pytest.raises(FeedError):
        read(shared_data / "epss" / "epss_scores-2021-09-01.csv.gz")


def test_cvss_scores_equal_those_that_red_hat_prints(shared_data: Path) -> None:
    checked = 0
    for file in sorted((shared_data / "formats" / "claircore-rhel-vex").glob("cve-*.json")):
        for flaw in json.loads(file.read_bytes())["vulnerabilities"]:
            for score in flaw.get("scores", ()):
                assert base_score(score["cvss_v3"]["vectorString"]) == score["cvss_v3"]["baseScore"]
                checked += 1
    assert checked >= 5
    assert base_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H") == 10.0
    assert base_score("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N") == 0.0
    assert base_score("AV:N/AC:L/Au:N/C:P/I:P/A:P") is None


def test_vulnrichment_is_read_whole(shared_data: Path) -> None:
    found, _ = read(shared_data / "cvss-ssvc" / "vulnrichment-2024-10-24.csv.gz")
    assert (found.tally.read, found.tally.malformed) == (44_130, 0)


def test_both_sources_of_support_dates_agree_about_debian_12(shared_data: Path) -> None:
    found, rows = read(shared_data / "eol" / "products.json")
    assert (found.tally.read, len(rows), found.tally.malformed) == (464, 8_351, 0)
    ours = next(row for row in rows if isinstance(row, Release) and (row.product, row.cycle) == ("debian", "12"))
    _, rows = read(shared_data / "eol" / "distro-info" / "debian.csv")
    theirs = next(row for row in rows if isinstance(row, Release) and row.cycle == "12")
    assert ours.eol == theirs.eol == date(2026, 7, 11)
    assert Tier(name="lts", ends=date(2028, 6, 30)) in theirs.extended
    assert Tier(name="extended", ends=date(2028, 6, 30)) in ours.extended


def test_an_end_of_life_that_is_only_a_yes_or_no_stays_one(shared_data: Path) -> None:
    _, rows = read(shared_data / "eol" / "products.json")
    bare = [row for row in rows if isinstance(row, Release) and isinstance(row.eol, bool)]
    assert len(bare) == 1_123


def test_the_api_of_endoflife_is_read(shared_data: Path) -> None:
    found, rows = read(shared_data / "eol" / "api-v1-products-full.sample.json")
    assert (found.name, found.tally.read, found.tally.malformed) == ("endoflife", 2, 0)
    noble = next(row for row in rows if isinstance(row, Release) and row.cycle == "24.04")
    assert (noble.eol, noble.extended[0].ends) == (date(2029, 4, 25), date(2036, 4, 25))


def test_debians_list_of_unsupported_packages_is_read(tmp_path: Path) -> None:
    text = "# source version day reason\nintel-mediasdk  22.5.4-1  2026-01-01  no longer supported upstream\nbroken line\n"
    found, rows = read(written(tmp_path / "security-support-ended.deb12", text))
    assert [(fix.package, fix.status, fix.since) for fix in fixes(rows)] == [
        ("intel-mediasdk", FixStatus.UNSUPPORTED, date(2026, 1, 1))
    ]
    assert found.tally.malformed == 1


def test_a_malformed_record_is_counted_and_told_and_the_others_are_read(tmp_path: Path) -> None:
    good, bad = alma("ALSA-2026:1", "bash", "5.1-1.el9"), alma("ALSA-2026:2", "bash", "not a version")
    found, rows = read(zipped(tmp_path / "all.zip", [good, bad, {"id": "ALSA-2026:3", "modified": 1, "affected": []}]))
    assert [(fix.advisory, fix.status) for fix in fixes(rows)] == [
        ("ALSA-2026:1", FixStatus.FIXED),
        ("ALSA-2026:2", FixStatus.UNDETERMINED),  # the package is known, so it must not look clean
    ]
    assert found.tally.malformed == 2
    assert "ALSA-2026:2 bash" in found.tally.examples[0]


def test_a_withdrawn_record_is_left_out_and_counted(tmp_path: Path) -> None:
    kept = alma("ALSA-2026:1", "bash", "5.1-1.el9")
    found, rows = read(zipped(tmp_path / "all.zip", [kept, {**kept, "id": "ALSA-2026:2", "withdrawn": "2026-01-01T00:00:00Z"}]))
    assert [fix.advisory for fix in fixes(rows)] == ["ALSA-2026:1"]
    assert found.tally.outside == 1


def test_a_modular_fix_without_a_heading_fits_no_stream(tmp_path: Path) -> None:
    entry = alma("ALSA-2026:1", "nodejs", "1:18.1-1.module_el9.1.0+1+abc")
    _, rows = read(zipped(tmp_path / "all.zip", [entry]))
    assert fixes(rows)[0].module == UNNAMED
    named = {**entry, "summary": "Important: nodejs:18 security update"}
    _, rows = read(zipped(tmp_path / "all.zip", [named]))
    assert fixes(rows)[0].module == "nodejs:18"
    assert next(row for row in rows if isinstance(row, Advisory)).severity is Severity.HIGH


@pytest.mark.parametrize(
    "value",
    ["", "\n", "<html>moved</html>", "hello", {}, [], {"a": 1}, {"a": {"b": 2}}, "Package: a\nVersion: 1\n", b"\x00\xff" * 300],
)
def test_a_file_of_no_known_format_is_an_error(tmp_path: Path, value: object) -> None:
    with pytest.raises(FeedError):
        readable("file", read(written(tmp_path / "file", value))[0].tally)


def test_small_editions_are_told_apart(tmp_path: Path) -> None:
    assert read(written(tmp_path / "a", tracker({"bash": "5.2-1"})))[0].name == "debian-tracker"
    assert read(written(tmp_path / "b", kev("2026-11-20")))[0].name == "kev"
