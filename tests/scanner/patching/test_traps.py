"""The traps of matching packages with advisories, each with the text that springs it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from scanner.advisories import UNNAMED, Advisory, Cve, Dated, FixStatus, Release, Severity, Tier
from scanner.observations import HostObservation, PackageSource, PatchesObservation, Reason, Standing, Unobserved
from scanner.patching import Index, patches
from tests.scanner.feeds.editions import NOW, tracker, written
from tests.scanner.patching.hosts import DAY, actions, fix, left, looked_up, of, offer, package, slice_for, slice_of

EL = {"namespace": "almalinux:9"}
ALMA = {"vendor": "AlmaLinux", "architecture": "x86_64"}


def of_debian(*installed: object, **changes: object) -> HostObservation:
    return of("debian", "12", *installed, **changes)  # type: ignore[arg-type]


def kernel_of_debian(version: str, *, running: str, release: str = "6.1.0-25-amd64") -> HostObservation:
    """A Debian with this kernel installed, whose `uname -v` names this version."""
    image = package(f"linux-image-{release}", version, source="linux-signed-amd64", source_version=version.replace("-", "+", 1))
    noise = package("linux-libc-dev", "6.1.1-1", source="linux", source_version="6.1.1-1")
    built = f"#1 SMP PREEMPT_DYNAMIC Debian {running} (2026-01-15)"
    return of_debian(image, noise, kernel=release, kernel_version=built)


# --- Sources, versions, statuses --------------------------------------------------------------------


def test_the_source_is_matched_and_not_the_binary() -> None:
    """dmsetup 2:1.02.185-2 is built from lvm2 2.03.16-2: the two versions have nothing to do with each other."""
    host = of_debian(package("dmsetup", "2:1.02.185-2", source="lvm2", source_version="2.03.16-2"))
    assert actions(looked_up(host, slice_of(fix("lvm2", "2.03.16-3"), fix("dmsetup", "3:1-1"), asked=host))) == {
        "lvm2": ("2.03.16-3", Standing.UNPATCHED, ["CVE-2026-1000"])
    }


def test_the_release_s_own_fix_counts_which_may_be_lower_than_that_of_unstable(tmp_path: Path) -> None:
    """CVE-2025-9375 of python-xmltodict is fixed in unstable in 0.13.0-1.1, in bookworm in 0.13.0-1.1~deb12u1."""
    said = {
        "python-xmltodict": {
            "CVE-2025-9375": {
                "releases": {
                    "bookworm": {"status": "resolved", "fixed_version": "0.13.0-1.1~deb12u1", "repositories": {}},
                    "trixie": {"status": "resolved", "fixed_version": "0.13.0-1.1", "repositories": {}},
                    "sid": {"status": "resolved", "fixed_version": "0.13.0-1.1", "repositories": {}},
                }
            }
        }
    }
    for version, lacks in (("0.13.0-1.1~deb12u1", False), ("0.13.0-1", True)):
        host = of_debian(package("python3-xmltodict", version, source="python-xmltodict", source_version=version))
        store = tmp_path / f"{lacks}.sqlite"
        found = looked_up(host, slice_for(host, store, [written(tmp_path / "tracker.json", said)]))
        assert bool(actions(found)) is lacks


def test_fixed_in_version_0_was_never_affected(tmp_path: Path) -> None:
    host = of_debian(package("curl", "7.88-1"))
    slice_ = slice_for(host, tmp_path / "s.sqlite", [written(tmp_path / "t.json", tracker({"curl": "0"}))])
    found = looked_up(host, slice_)
    assert (actions(found), left(found), found.not_affected) == ({}, {}, 1)


def test_a_fix_that_no_pocket_holds_yet_is_none(tmp_path: Path) -> None:
    said = tracker({"curl": "7.88-9"})
    said["curl"]["CVE-2026-1000"]["releases"]["bookworm"]["repositories"] = {"bookworm": "7.88-1"}
    host = of_debian(package("curl", "7.88-1"))
    found = looked_up(host, slice_for(host, tmp_path / "s.sqlite", [written(tmp_path / "t.json", said)]))
    assert (actions(found), left(found)) == ({}, {("curl", Standing.NO_FIX_YET): ["CVE-2026-1000"]})


def test_an_advisory_without_a_cve_counts_like_any_other() -> None:
    """unzip 6.0-28+deb12u1 names none."""
    host = of_debian(package("unzip", "6.0-28"))
    found = looked_up(host, slice_of(fix("unzip", "6.0-28+deb12u1", "DSA-5001-1"), asked=host))
    assert actions(found) == {"unzip": ("6.0-28+deb12u1", Standing.UNPATCHED, ["DSA-5001-1"])}


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        (FixStatus.NO_FIX_YET, Standing.NO_FIX_YET),
        (FixStatus.POSTPONED, Standing.NO_FIX_YET),
        (FixStatus.WILL_NOT_FIX, Standing.WILL_NOT_FIX),
        (FixStatus.UNSUPPORTED, Standing.UNSUPPORTED),
        (FixStatus.UNDETERMINED, Standing.UNKNOWN),
    ],
)
def test_what_has_no_fix_is_listed_by_what_the_vendor_says_and_never_as_unpatched(status: FixStatus, standing: Standing) -> None:
    host = of_debian(package("zlib1g", "1:1.2-1", source="zlib", source_version="1:1.2-1"))
    found = looked_up(host, slice_of(fix("zlib", None, status=status), asked=host))
    assert (actions(found), left(found)) == ({}, {("zlib", standing): ["CVE-2026-1000"]})


def test_a_flaw_without_a_fix_in_one_feed_that_another_says_is_fixed_is_not_listed() -> None:
    host = of_debian(package("curl", "7.88-2"))
    mended = Advisory(id="DSA-1-1", cves=("CVE-2026-1000",))
    found = looked_up(host, slice_of(fix("curl", None), fix("curl", "7.88-2", "DSA-1-1"), mended, asked=host))
    assert (actions(found), left(found)) == ({}, {})


def test_support_that_ends_later_has_not_ended_yet() -> None:
    host = of_debian(package("node", "18-1"))
    for since, listed in ((date(2026, 12, 31), False), (date(2026, 1, 1), True)):
        ends = fix("node", None, "debian-unsupported-12", status=FixStatus.UNSUPPORTED, since=since)
        assert bool(left(looked_up(host, slice_of(ends, asked=host)))) is listed


def test_the_clock_of_a_chain_starts_with_the_earliest_fix_the_host_lacks() -> None:
    host = of_debian(package("curl", "7.88-1"))
    found = looked_up(
        host,
        slice_of(
            fix("curl", "7.88-1", "CVE-2026-1", since=date(2020, 1, 1)),
            fix("curl", "7.88-2", "CVE-2026-2000", since=date(2026, 5, 1)),
            fix("curl", "7.88-3", "CVE-2026-3000", since=date(2026, 9, 1), dated=Dated.OBSERVED),
            Advisory(id="CVE-2026-1", cves=()),
            asked=host,
        ),
    )
    assert actions(found) == {"curl": ("7.88-3", Standing.UNPATCHED, ["CVE-2026-2000", "CVE-2026-3000"])}
    assert not isinstance(found.missing, Unobserved)
    assert [flaw.since for flaw in found.missing[0].flaws] == [date(2026, 5, 1), date(2026, 9, 1)]


def test_a_package_that_is_half_upgraded_counts_by_its_oldest_part() -> None:
    parts = [package(name, at, source="curl", source_version=at) for name, at in (("curl", "7.88-3"), ("libcurl4", "7.88-1"))]
    host = of_debian(*parts)
    found = looked_up(host, slice_of(fix("curl", "7.88-2"), asked=host))
    assert not isinstance(found.missing, Unobserved)
    assert [(one.package, one.installed, one.needed) for one in found.missing] == [("curl", "7.88-1", "7.88-2")]


@pytest.mark.parametrize(
    ("rated", "score", "severity"),
    [
        (Severity.LOW, 9.8, Severity.LOW),
        (Severity.UNKNOWN, 9.0, Severity.CRITICAL),
        (Severity.UNKNOWN, 7.0, Severity.HIGH),
        (Severity.UNKNOWN, 6.9, Severity.MEDIUM),
        (Severity.UNKNOWN, 0.0, Severity.NEGLIGIBLE),
        (Severity.UNKNOWN, None, Severity.UNKNOWN),
    ],
)
def test_the_vendor_rates_and_where_it_does_not_the_score_does(rated: Severity, score: float | None, severity: Severity) -> None:
    host = of_debian(package("curl", "7.88-1"))
    said = Advisory(id="CVE-2026-1000", severity=rated, cves=("CVE-2026-1000",))
    known = Cve(id="CVE-2026-1000", cvss=score, epss=0.25, kev_added=DAY, kev_due=date(2026, 10, 22))
    found = looked_up(host, slice_of(fix("curl", "7.88-2"), said, known, asked=host))
    assert not isinstance(found.missing, Unobserved)
    flaw = found.missing[0].flaws[0]
    assert (flaw.severity, flaw.exploited, flaw.exploited_due, flaw.epss) == (
        severity,
        ("CVE-2026-1000",),
        date(2026, 10, 22),
        0.25,
    )


# --- Kernels ----------------------------------------------------------------------------------------


def test_debians_signed_kernel_is_looked_up_as_linux_and_by_what_runs() -> None:
    host = kernel_of_debian("6.1.106-3", running="6.1.106-3")
    lacks = slice_of(fix("linux", "6.1.112-1"), asked=host)
    assert actions(looked_up(host, lacks)) == {"linux": ("6.1.112-1", Standing.UNPATCHED, ["CVE-2026-1000"])}
    assert actions(looked_up(host, slice_of(fix("linux", "6.1.106-3"), asked=host))) == {}


def test_the_headers_of_a_kernel_that_does_not_run_bear_none_of_its_flaws() -> None:
    """linux-libc-dev of 6.1.1-1 alone makes 1,700 false alarms on a Debian 12."""
    host = of_debian(
        package("linux-libc-dev", "6.1.1-1", source="linux"), kernel="6.6.1-cloud", kernel_version="#9 SMP somewhere"
    )
    found = looked_up(host, slice_of(fix("linux", "6.1.112-1"), asked=host))
    assert actions(found) == {}
    assert isinstance(found.kernel, Unobserved)
    assert isinstance(found.decided, Unobserved)  # what runs is nobody's package: that is no pass


def test_an_upgrade_under_the_same_name_that_was_not_booted_is_in_memory_only() -> None:
    host = kernel_of_debian("6.1.112-1", running="6.1.106-3")
    found = looked_up(host, slice_of(fix("linux", "6.1.112-1"), fix("linux", "6.1.115-1", "CVE-2026-2000"), asked=host))
    assert not isinstance(found.missing, Unobserved)
    assert {(one.standing, one.needed) for one in found.missing} == {
        (Standing.IN_MEMORY, "6.1.112-1"),
        (Standing.UNPATCHED, "6.1.115-1"),
    }
    assert not isinstance(found.kernel, Unobserved)
    assert (found.kernel.running, found.kernel.newest, found.kernel.restart) == ("6.1.106-3", "6.1.112-1", True)


def test_a_newer_kernel_beside_the_one_that_runs_waits_for_a_restart() -> None:
    old = kernel_of_debian("6.1.106-3", running="6.1.106-3")
    newer = package("linux-image-6.1.0-26-amd64", "6.1.112-1", source="linux-signed-amd64", source_version="6.1.112+1")
    assert not isinstance(old.packages, Unobserved)
    host = old.model_copy(update={"packages": (*old.packages, newer)})
    found = looked_up(host, slice_of(fix("linux", "6.1.112-1"), asked=host))
    assert actions(found) == {"linux": ("6.1.112-1", Standing.IN_MEMORY, ["CVE-2026-1000"])}


def test_ubuntus_kernel_is_looked_up_by_its_flavour_and_by_what_runs() -> None:
    release = "6.8.0-45-generic"
    image = package(f"linux-image-{release}", "6.8.0-45.45~22.04.1", source="linux-signed-hwe-6.8")
    host = of("ubuntu", "22.04", image, kernel=release, kernel_version="#45~22.04.1-Ubuntu SMP PREEMPT_DYNAMIC Wed Sep 11")
    place = {"namespace": "ubuntu:22.04"}
    rows = (fix("linux-hwe-6.8", "6.8.0-47.47~22.04.1", **place), fix("linux", "9.9.9-1.1", "CVE-2026-2000", **place))
    assert actions(looked_up(host, slice_of(*rows, asked=host))) == {
        "linux-hwe-6.8": ("6.8.0-47.47~22.04.1", Standing.UNPATCHED, ["CVE-2026-1000"])
    }


def test_of_several_kernels_of_an_rpm_system_only_the_one_that_runs_counts() -> None:
    at = [package("kernel-core", f"0:5.14.0-{number}.el9", source="kernel", **ALMA) for number in (362, 427, 503)]
    tools = package("kernel-tools", "0:5.14.0-100.el9", source="kernel", **ALMA)
    host = of("almalinux", "9.4", *at, tools, kernel="5.14.0-427.el9.x86_64")
    rows = [fix(name, "0:5.14.0-427.el9", "ALSA-2026:1", **EL) for name in ("kernel-core", "kernel-tools")]
    assert actions(looked_up(host, slice_of(*rows, asked=host))) == {}
    later = fix("kernel-core", "0:5.14.0-503.el9", "ALSA-2026:2", **EL)
    assert actions(looked_up(host, slice_of(later, asked=host))) == {
        "kernel": ("0:5.14.0-503.el9", Standing.IN_MEMORY, ["ALSA-2026:2"])
    }


def test_alpines_running_kernel_is_told_by_its_release() -> None:
    host = of("alpine", "3.22.1", package("linux-lts", "6.12.50-r0"), kernel="6.12.40-0-lts")
    rows = [fix("linux-lts", "6.12.45-r0", namespace=f"alpine:v3.22:{part}") for part in ("main", "community")]
    assert actions(looked_up(host, slice_of(*rows, asked=host))) == {
        "linux-lts": ("6.12.45-r0", Standing.IN_MEMORY, ["CVE-2026-1000"])
    }


def test_a_container_s_kernel_is_nobody_s_package_and_so_nothing_passes() -> None:
    host = of_debian(package("curl", "7.88-2"), kernel="6.6.1", kernel_version="#1 SMP")
    found = looked_up(host, slice_of(fix("curl", "7.88-2"), asked=host))
    assert actions(found) == {}
    assert isinstance(found.decided, Unobserved)
    assert "kernel" in found.decided.detail


# --- Module streams and architectures of rpm ---------------------------------------------------------


def modular(stream: str, version: str = "0:13.1-1.module_el9.1", **more: str) -> HostObservation:
    return of("almalinux", "9.4", package("postgresql-server", version, source="postgresql", module=stream, **ALMA, **more))


def of_stream(stream: str | None, fixed: str = "0:13.5-1.module_el9.2", advisory: str = "ALSA-2026:1") -> object:
    return fix("postgresql-server", fixed, advisory, module=stream, **EL)


@pytest.mark.parametrize(
    ("installed", "told", "lacks"),
    [
        ("postgresql:13", "postgresql:13", True),
        ("postgresql:13", "postgresql:15", False),
        ("postgresql:13", None, False),
        ("", "postgresql:13", False),
        ("", None, True),
    ],
)
def test_a_stream_s_fix_is_for_that_stream_alone(installed: str, told: str | None, lacks: bool) -> None:
    host = modular(installed) if installed else modular("", "0:13.1-1.el9")
    found = looked_up(host, slice_of(of_stream(told), asked=host))  # type: ignore[arg-type]
    assert bool(actions(found)) is lacks
    assert not [one for one in found.undecided if one.package != "kernel"]


def test_a_fix_whose_stream_nobody_names_decides_nothing_unless_it_is_there_already() -> None:
    host = modular("postgresql:13")
    rows = slice_of(of_stream(UNNAMED), asked=host)  # type: ignore[arg-type]
    found = looked_up(host, rows)
    assert actions(found) == {}
    assert [one.package for one in found.undecided] == ["kernel", "postgresql-server"]
    newer = modular("postgresql:13", "0:13.6-1.module_el9.2")
    assert [one.package for one in looked_up(newer, rows).undecided] == ["kernel"]


def test_another_feed_that_names_the_stream_settles_it() -> None:
    rows = [of_stream(UNNAMED), of_stream("postgresql:15")]
    for stream, lacks in (("postgresql:13", False), ("postgresql:15", True)):
        host = modular(stream)
        found = looked_up(host, slice_of(*rows, asked=host))  # type: ignore[arg-type]
        assert bool(actions(found)) is lacks
        assert [one.package for one in found.undecided] == ["kernel"]


def test_a_modular_package_without_a_label_is_of_the_stream_that_is_enabled_or_of_none_that_is_known() -> None:
    rows = (of_stream("postgresql:13"), of_stream("postgresql:15", "0:15.1-1.module_el9.2", "ALSA-2026:2"))
    host = modular("").model_copy(update={"module_streams": ("postgresql:13",)})
    assert actions(looked_up(host, slice_of(*rows, asked=host))) == {  # type: ignore[arg-type]
        "postgresql": ("0:13.5-1.module_el9.2", Standing.UNPATCHED, ["ALSA-2026:1"])
    }
    for unknown in ((), Unobserved(reason=Reason.NEEDS_RIGHTS)):
        host = modular("").model_copy(update={"module_streams": unknown})
        found = looked_up(host, slice_of(*rows, asked=host))  # type: ignore[arg-type]
        assert (actions(found), len(found.undecided)) == ({}, 2)


def test_a_fix_for_other_architectures_is_none_for_this_one() -> None:
    host = of("almalinux", "9.4", package("bash", "0:5.1-1.el9", **ALMA))
    for architectures, lacks in ((("aarch64",), False), (("aarch64", "x86_64"), True), ((), True)):
        rows = slice_of(fix("bash", "0:5.1-2.el9", architectures=architectures, **EL), asked=host)
        assert bool(actions(looked_up(host, rows))) is lacks


# --- Channels, releases, origins ---------------------------------------------------------------------


def test_a_fix_in_a_paid_channel_counts_only_where_the_host_receives_it() -> None:
    place = {"namespace": "ubuntu:20.04", "channel": "esm-infra"}
    pro = PackageSource(file="pro.sources", host="esm.ubuntu.com", signed=True)
    for version, sources, lacks in (
        ("1.1-1ubuntu2", (), False),
        ("1.1-1ubuntu2", (pro,), True),
        ("1.1-1ubuntu2.1+esm1", (), True),
    ):
        host = of("ubuntu", "20.04", package("openssl", version), package_sources=sources)
        found = looked_up(host, slice_of(fix("openssl", "1.1-1ubuntu2.1+esm2", **place), asked=host))
        assert bool(actions(found)) is lacks
        assert bool(left(found)) is not lacks  # without the subscription it is told, and no upgrade mends it


def test_one_release_never_speaks_for_another() -> None:
    host = of_debian(package("curl", "7.88-1"))
    found = looked_up(host, slice_of(fix("curl", "7.88-2", namespace="debian:11"), fix("curl", "7.88-1"), asked=host))
    assert actions(found) == {}


def test_silence_about_a_release_is_no_answer() -> None:
    host = of_debian(package("curl", "7.88-1"))
    bare = slice_of(fix("curl", "7.88-2"), asked=host, covered=())
    found = looked_up(host, bare)
    for part in (found.missing, found.remaining, found.updates, found.strangers, found.decided):
        assert isinstance(part, Unobserved)
        assert part.reason is Reason.NOT_GIVEN


def test_the_list_of_unsupported_packages_alone_covers_no_release(tmp_path: Path) -> None:
    host = of_debian(package("curl", "7.88-1"))
    listed = written(tmp_path / "security-support-ended.deb12", "node 18-1 2026-01-01 upstream ended\n")
    assert isinstance(looked_up(host, slice_for(host, tmp_path / "s.sqlite", [listed])).missing, Unobserved)


def test_of_alpine_both_parts_must_be_covered() -> None:
    host = of("alpine", "3.22.1", package("curl", "8.1-r0"), kernel="6.12.40-0-lts")
    rows = fix("curl", "8.1-r0", namespace="alpine:v3.22:main")
    half = slice_of(rows, asked=host)
    half = half.model_copy(update={"covered": tuple(one for one in half.covered if one.namespace.endswith("main"))})
    assert isinstance(looked_up(host, half).missing, Unobserved)


def test_a_name_the_store_was_not_asked_for_is_not_judged() -> None:
    host = of_debian(package("curl", "7.88-1"))
    rows = slice_of(fix("bash", "1-1"))
    found = looked_up(host, rows)
    assert "curl" in {one.package for one in found.undecided}


def test_what_is_no_vendor_s_package_is_told_and_not_judged() -> None:
    host = of_debian(
        package("bash", "5.2-1"),
        package("google-cloud-cli", "500-1"),
        package("nginx", "1.27.1-1~bookworm"),
        package("curl", "7.88-1"),
    )
    rows = (offer("bash", "5.2-1"), offer("nginx", "1.22.1-9"), offer("curl", "7.88-2"), fix("nginx", "9.9-1"))
    found = looked_up(host, slice_of(*rows, asked=host))
    assert not isinstance(found.strangers, Unobserved)
    assert {(one.package, one.why) for one in found.strangers} == {
        ("google-cloud-cli", "no list of the vendor's names it"),
        ("nginx", "it is newer than any that the vendor offers"),
    }
    assert actions(found) == {}
    assert not isinstance(found.updates, Unobserved)
    assert [(one.package, one.installed, one.offered) for one in found.updates] == [("curl", "7.88-1", "7.88-2")]


@pytest.mark.parametrize(
    ("vendor", "version", "known"),
    [
        ("AlmaLinux", "0:5.1-1.el9", True),
        ("AlmaLinux", "0:5.1-1", True),
        ("AlmaLinux", "0:5.1-1.el8", False),
        ("Red Hat, Inc.", "0:5.1-1.el9", False),
        ("EPEL", "0:5.1-1.el9", False),
        ("", "0:5.1-1.el9", False),
    ],
)
def test_the_vendor_of_an_rpm_is_the_one_it_names(vendor: str, version: str, known: bool) -> None:
    host = of("almalinux", "9.4", package("bash", version, vendor=vendor), package("gpg-pubkey", "0:1-2", vendor=""))
    found = looked_up(host, slice_of(fix("bash", "0:4-1.el9", **EL), asked=host))
    assert not isinstance(found.strangers, Unobserved)
    assert (not found.strangers) is known
    assert found.packages == 1  # keys that rpm trusts are listed among packages, and are none


def test_a_rebuild_without_a_fix_is_an_update_and_no_flaw() -> None:
    """bash 5.2.15-2+b8 was rebuilt as +b13: the source is the same."""
    host = of_debian(package("bash", "5.2.15-2+b8", source_version="5.2.15-2"))
    found = looked_up(host, slice_of(fix("bash", "5.2.15-2"), offer("bash", "5.2.15-2+b13"), asked=host))
    assert actions(found) == {}
    assert not isinstance(found.updates, Unobserved)
    assert [one.offered for one in found.updates] == ["5.2.15-2+b13"]


def test_a_version_that_is_none_is_not_judged() -> None:
    host = of("alpine", "3.22.1", package("sudo", "1.8.28p1-r1"), kernel="6.12.40-0-lts")
    rows = [fix("sudo", "1.8.29-r0", namespace=f"alpine:v3.22:{part}") for part in ("main", "community")]
    found = looked_up(host, slice_of(*rows, asked=host))
    assert actions(found) == {}
    assert "sudo" in {one.package for one in found.undecided}


# --- Support, systems, no feeds ----------------------------------------------------------------------


def test_support_is_told_by_every_source_and_tier_and_needs_no_advisory() -> None:
    rows = (
        Release(
            product="debian", cycle="12", eol=date(2026, 7, 11), extended=(Tier(name="lts", ends=date(2028, 6, 30)),), source="a"
        ),
        Release(product="debian", cycle="11", eol=date(2024, 8, 14), source="a"),
        Release(product="debian", cycle="12", eol=date(2026, 7, 10), source="b"),
    )
    host = of_debian(package("curl", "7.88-1"))
    found = looked_up(host, slice_of(*rows, covered=()))
    assert not isinstance(found.support, Unobserved)
    assert {(one.source, one.tier, one.ends) for one in found.support} == {
        ("a", "", date(2026, 7, 11)),
        ("a", "lts", date(2028, 6, 30)),
        ("b", "", date(2026, 7, 10)),
    }
    assert isinstance(looked_up(of("debian", "13", package("curl", "8-1")), slice_of(*rows)).support, Unobserved)


def test_the_branch_of_other_vendors_software_is_told_by_the_longest_name_that_fits() -> None:
    rows = (
        Release(product="postgresql", cycle="11", eol=date(2023, 11, 9), source="a"),
        Release(product="postgresql", cycle="1", eol=False, source="a"),
        Release(product="postgresql", cycle="9.6", eol=True, source="a"),
    )
    host = of_debian(package("postgresql-11", "11.22-1.pgdg120+1"), package("bash", "5.2-1"))
    found = looked_up(host, slice_of(*rows, offer("bash", "5.2-1"), asked=host))
    assert [(one.product, one.cycle, one.ends) for one in found.software] == [("postgresql", "11", date(2023, 11, 9))]


@pytest.mark.parametrize(("system", "version_id"), [("templeos", "5"), ("debian", ""), ("debian", "sid"), ("sles", "15.6")])
def test_a_system_whose_vendor_is_not_read_is_not_judged(system: str, version_id: str) -> None:
    found = patches(of(system, version_id, package("a", "1")), Index(slice_of()), NOW)
    assert isinstance(found, Unobserved)
    assert found.reason is Reason.UNSUPPORTED


def test_without_feeds_without_a_login_or_without_a_list_nothing_is_judged() -> None:
    host = of_debian(package("curl", "7.88-1"))
    blind = Unobserved(reason=Reason.NO_CREDENTIAL)
    assert patches(blind, None, NOW) == blind
    for part in ("os", "packages"):
        assert patches(host.model_copy(update={part: blind}), Index(slice_of()), NOW) == blind
    without = patches(host, None, NOW)
    assert isinstance(without, Unobserved)
    assert without.reason is Reason.NOT_GIVEN


def test_what_is_found_is_a_record_that_can_be_written_and_read() -> None:
    host = kernel_of_debian("6.1.112-1", running="6.1.106-3")
    found = looked_up(host, slice_of(fix("linux", "6.1.115-1"), asked=host), datetime(2026, 11, 25, tzinfo=UTC))
    assert PatchesObservation.read(found.written()) == found
