"""The store: new editions take the place of old ones whole or not at all, and a slice holds what was asked for and nothing else."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.advisories import Advisories, Dated, FeedKind, Fix, FixStatus
from scanner.cli.console import explained
from scanner.cli.exits import ExitStatus
from scanner.feeds.importing import Imported, Wish, imported
from scanner.feeds.reading import FeedError, ForgedFeedError, StaleFeedError
from scanner.feeds.slicing import cut
from scanner.feeds.store import opened
from tests.scanner.feeds.editions import NOW, alma, kev, tracker, written, zipped

DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCES = {"bash": "5.2-1", "curl": "7.88-2", "zlib": "1:1.2-3"}


def put(store: Path, *files: Path, made: datetime = NOW, **wish: object) -> tuple[Imported, ...]:
    dated = {file.name: made for file in files}
    return imported(files, store, Wish(now=NOW, dated=dated, **wish))  # type: ignore[arg-type] # a test's own keywords


def sliced(store: Path, packages: Mapping[str, tuple[str, ...]], products: tuple[str, ...] = ()) -> Advisories:
    with opened(store, NOW) as found:
        return cut(found, packages, products)


def test_a_slice_holds_what_was_asked_for_and_nothing_else(tmp_path: Path) -> None:
    store = tmp_path / "feeds.sqlite"
    put(
        store,
        written(tmp_path / "tracker.json", tracker(SOURCES)),
        written(tmp_path / "kev.json", kev("2026-11-20", ["CVE-2026-1001"])),
        zipped(tmp_path / "all.zip", [alma("ALSA-2026:1", "bash", "5.1-1.el9")]),
    )
    found = sliced(store, {"debian:12": ("curl", "nosuch"), "debian:11": ("bash",)})
    assert [(fix.namespace, fix.package) for fix in found.fixes] == [("debian:12", "curl")]
    assert [advisory.id for advisory in found.advisories] == ["CVE-2026-1001"]
    assert [(cve.id, cve.kev_due) for cve in found.cves] == [("CVE-2026-1001", date(2021, 12, 24))]
    assert {one.namespace for one in found.covered} == {"debian:12"}  # of debian:11 nothing is known, and the slice shows it
    assert [ref.name for ref in found.feeds] == ["debian-tracker", "kev"]
    assert Advisories.read(found.written()) == found


def test_the_same_feeds_cut_to_the_same_bytes_in_whatever_order_they_were_imported(tmp_path: Path) -> None:
    files = (
        written(tmp_path / "tracker.json", tracker(SOURCES)),
        written(tmp_path / "kev.json", kev("2026-11-20", ["CVE-2026-1001"])),
        zipped(tmp_path / "all.zip", [alma("ALSA-2026:1", "bash", "5.1-1.el9")]),
    )
    digests = set()
    for number, order in enumerate(itertools.permutations(files)):
        store = tmp_path / f"{number}.sqlite"
        for file in order:
            put(store, file)
        digests.add(sliced(store, {"debian:12": ("zlib", "curl"), "almalinux:9": ("bash",)}).digest())
    assert len(digests) == 1


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9+.-]{1,12}", fullmatch=True),
        st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}(~rc[0-9])?-[0-9]{1,2}", fullmatch=True),
        min_size=1,
    )
)
def test_importing_twice_changes_nothing(sources: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "feeds.sqlite"
        file = written(Path(folder) / "tracker.json", tracker(sources))
        (first,) = put(store, file)
        before = store.read_bytes()
        (second,) = put(store, file)
        assert (first.changed, second.changed) == (True, False)
        assert second.ref == first.ref
        assert store.read_bytes() == before
        assert {(fix.package, fix.fixed) for fix in sliced(store, {"debian:12": tuple(sources)}).fixes} == set(sources.items())


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["AlmaLinux:8", "AlmaLinux:9", "Rocky Linux:9", "Ubuntu:22.04:LTS", "Ubuntu:Pro:22.04:LTS", "Debian:12"]
            ),
            st.sampled_from(["bash", "curl"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_no_release_leaks_into_the_slice_of_another(affected: list[tuple[str, str]]) -> None:
    records = []
    for number, (ecosystem, package) in enumerate(affected):
        record = alma(f"ALSA-2026:{number}", package, "1-1")
        record["affected"][0]["package"]["ecosystem"] = ecosystem
        records.append(record)
    names = {"AlmaLinux": "almalinux", "Rocky Linux": "rocky", "Ubuntu": "ubuntu", "Debian": "debian"}
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "feeds.sqlite"
        put(store, zipped(Path(folder) / "all.zip", records))
        for ecosystem in {one for one, _ in affected}:
            parts = ecosystem.split(":")
            namespace = f"{names[parts[0]]}:{next(part for part in parts[1:] if part[0].isdigit())}"
            found = sliced(store, {namespace: ("bash",)})
            assert {fix.namespace for fix in found.fixes} <= {namespace}
            assert {fix.package for fix in found.fixes} <= {"bash"}
            channel = "esm-infra" if "Pro" in parts else "base"
            wanted = [f"ALSA-2026:{number}" for number, pair in enumerate(affected) if pair == (ecosystem, "bash")]
            assert sorted(fix.advisory for fix in found.fixes if fix.channel == channel) == sorted(wanted)


def test_a_new_edition_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    store = tmp_path / "feeds.sqlite"
    put(store, written(tmp_path / "a", tracker(SOURCES)), made=NOW - timedelta(days=3))
    put(store, written(tmp_path / "b", tracker({**SOURCES, "curl": "7.88-3"})), made=NOW)
    found = sliced(store, {"debian:12": tuple(SOURCES)})
    assert {fix.fixed for fix in found.fixes if fix.package == "curl"} == {"7.88-3"}
    with opened(store, NOW) as opened_store:
        assert opened_store.serial == 2


def test_an_undated_fix_counts_from_the_day_on_which_it_was_first_seen(tmp_path: Path) -> None:
    store = tmp_path / "feeds.sqlite"
    put(store, written(tmp_path / "a", tracker(SOURCES)), made=NOW - timedelta(days=9))
    put(store, written(tmp_path / "b", tracker({**SOURCES, "curl": "7.88-3"})), made=NOW)
    found = {fix.package: (fix.since, fix.dated) for fix in sliced(store, {"debian:12": tuple(SOURCES)}).fixes}
    assert found["bash"] == (date(2026, 11, 16), Dated.OBSERVED)
    assert found["curl"] == (date(2026, 11, 25), Dated.OBSERVED)  # another version is another fix


def test_an_undated_fix_takes_its_day_from_the_advisory_of_the_same_version(tmp_path: Path) -> None:
    store = tmp_path / "feeds.sqlite"
    listed = "[20 Nov 2026] DSA-6000-1 curl - security update\n\t{CVE-2026-1001}\n\t[bookworm] - curl 7.88-2\n\t[bullseye] - curl 7.74-1\n"
    put(store, written(tmp_path / "tracker", tracker(SOURCES)), written(tmp_path / "list", listed))
    found = sliced(store, {"debian:12": ("curl", "bash")})
    assert {(fix.advisory, fix.since, fix.dated) for fix in found.fixes if fix.package == "curl"} == {
        ("CVE-2026-1001", date(2026, 11, 20), Dated.VENDOR),
        ("DSA-6000-1", date(2026, 11, 20), Dated.VENDOR),
    }


def test_an_older_edition_is_refused_as_a_roll_back(tmp_path: Path) -> None:
    store = tmp_path / "feeds.sqlite"
    put(store, written(tmp_path / "new.json", kev("2026-11-20")))
    before = store.read_bytes()
    with pytest.raises(StaleFeedError, match="roll-back"):
        put(store, written(tmp_path / "old.json", kev("2026-11-19", ["CVE-2026-1001"])))
    assert store.read_bytes() == before


def test_an_edition_from_the_future_is_refused_and_so_is_a_store_when_the_clock_is_behind_it(tmp_path: Path) -> None:
    store = tmp_path / "feeds.sqlite"
    with pytest.raises(StaleFeedError, match="set the clock"):
        put(store, written(tmp_path / "kev.json", kev("2026-11-26")))
    assert not store.exists()
    put(store, written(tmp_path / "kev.json", kev("2026-11-20")))
    with pytest.raises(FeedError, match="set the clock"), opened(store, datetime(2026, 11, 19, tzinfo=UTC)):
        pass


def test_an_edition_that_lost_records_is_refused_until_someone_says_that_it_is_right(tmp_path: Path) -> None:
    store = tmp_path / "feeds.sqlite"
    sources = {f"source{number}": "1-1" for number in range(100)}
    put(store, written(tmp_path / "a", tracker(sources)), made=NOW - timedelta(days=1))
    fewer = written(tmp_path / "b", tracker(dict(itertools.islice(sources.items(), 90))))
    with pytest.raises(FeedError, match=r"90 records where the edition before had 100.*--accept-loss debian-tracker"):
        put(store, fewer)
    put(store, fewer, accept_loss=frozenset({"debian-tracker"}))


def test_an_edition_that_no_longer_names_a_release_is_refused(tmp_path: Path) -> None:
    def edition(path: Path, releases: range) -> Path:
        records = [alma(f"USN-{year}-{half}", "bash", "5.1-1") for year in releases for half in (4, 10)]
        for record in records:
            _, year, half = record["id"].split("-")
            record["affected"][0]["package"]["ecosystem"] = f"Ubuntu:{year}.{half:0>2}"
        return zipped(path, [*records, *(alma(f"USN-9{number}", "bash", "5.1-1") for number in range(500))])

    store = tmp_path / "feeds.sqlite"
    put(store, edition(tmp_path / "a.zip", range(14, 26)))
    with pytest.raises(FeedError, match=r"no longer names ubuntu:14\.04, ubuntu:14\.10"):
        put(store, edition(tmp_path / "b.zip", range(15, 26)))


def test_a_catalogue_without_the_best_known_cves_is_refused(tmp_path: Path) -> None:
    value = kev("2026-11-20")
    value["vulnerabilities"] = value["vulnerabilities"][:1]
    with pytest.raises(FeedError, match="does not name CVE-2017-0144"):
        put(tmp_path / "feeds.sqlite", written(tmp_path / "kev.json", value))


def test_a_file_of_which_too_little_can_be_read_is_refused(tmp_path: Path) -> None:
    records = [alma(f"ALSA-2026:{number}", "bash", "5.1-1.el9") for number in range(20)]
    records[3] = {"id": "ALSA-2026:3", "modified": "2026-01-01T00:00:00Z", "affected": [{}]}
    with pytest.raises(FeedError, match="1 of 20 records cannot be read"):
        put(tmp_path / "feeds.sqlite", zipped(tmp_path / "all.zip", records))


def test_two_files_of_one_feed_are_refused(tmp_path: Path) -> None:
    first = written(tmp_path / "a.json", kev("2026-11-20"))
    with pytest.raises(FeedError, match="given twice"):
        put(tmp_path / "feeds.sqlite", first, written(tmp_path / "b.json", kev("2026-11-21")))


def test_a_format_that_holds_no_date_needs_one(tmp_path: Path) -> None:
    file = written(tmp_path / "tracker.json", tracker(SOURCES))
    with pytest.raises(FeedError, match=r"--dated tracker\.json=INSTANT"):
        imported([file], tmp_path / "feeds.sqlite", Wish(now=NOW))


@pytest.mark.parametrize("damage", [b"", b"not a database", b"SQLite format 3\x00" + bytes(200)])
def test_a_file_that_is_no_store_is_an_error_and_is_not_built_upon(tmp_path: Path, damage: bytes) -> None:
    store = written(tmp_path / "feeds.sqlite", damage)
    with pytest.raises(FeedError), opened(store, NOW):
        pass
    with pytest.raises(FeedError):
        put(store, written(tmp_path / "kev.json", kev("2026-11-20")))
    assert store.read_bytes() == damage


def test_a_failed_import_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(FeedError):
        put(tmp_path / "store" / "feeds.sqlite", written(tmp_path / "x", "nothing known"))
    assert list((tmp_path / "store").iterdir()) == []


def test_a_scan_cannot_write_into_the_store(tmp_path: Path) -> None:
    store = tmp_path / "feeds.sqlite"
    put(store, written(tmp_path / "kev.json", kev("2026-11-20")))
    with opened(store, NOW) as found, pytest.raises(sqlite3.OperationalError, match="readonly"):
        found.connection.execute("DELETE FROM cve")


def test_debians_signed_repository_is_verified_and_its_index_read(tmp_path: Path, shared_data: Path) -> None:
    archive = shared_data / "debian" / "archive"
    store = tmp_path / "feeds.sqlite"
    files = (archive / "bookworm-security_InRelease", archive / "bookworm-security_main_amd64_Packages.xz")
    (one,) = imported(files, store, Wish(now=NOW, keyring=DEBIAN_KEYS))
    assert (one.ref.name, one.ref.kind, one.ref.signed) == ("debian-bookworm-security-main-amd64", FeedKind.VENDOR, True)
    assert one.ref.generated_at == datetime(2026, 11, 21, 0, 53, 2, tzinfo=UTC)
    found = sliced(store, {"debian:12": ("libssl3",)})
    assert [(row.pocket, row.version, row.source) for row in found.available] == [
        ("bookworm-security", "3.0.22-1~deb12u2", "openssl")
    ]


def test_a_release_file_that_was_changed_vouches_for_nothing(tmp_path: Path, shared_data: Path) -> None:
    archive = shared_data / "debian" / "archive"
    index = archive / "bookworm-security_main_amd64_Packages.xz"
    data = (archive / "bookworm-security_InRelease").read_bytes()
    forged = written(tmp_path / "InRelease", data.replace(b"Sat, 21 Nov 2026", b"Sun, 22 Nov 2026"))
    with pytest.raises(ForgedFeedError, match="signature does not verify") as told:
        imported((forged, index), tmp_path / "feeds.sqlite", Wish(now=NOW, keyring=DEBIAN_KEYS))
    assert explained(told.value)[1] is ExitStatus.INTEGRITY
    with pytest.raises(FeedError, match="No such file or directory") as told:  # no keyring is no forgery
        imported((forged, index), tmp_path / "feeds.sqlite", Wish(now=NOW, keyring=tmp_path / "nosuch.gpg"))
    assert explained(told.value)[1] is ExitStatus.USAGE
    with pytest.raises(FeedError, match="--keyring"):
        imported((archive / "bookworm-security_InRelease", index), tmp_path / "feeds.sqlite", Wish(now=NOW))


def test_words_outside_the_signature_are_not_read(tmp_path: Path, shared_data: Path) -> None:
    archive = shared_data / "debian" / "archive"
    index = written(tmp_path / "Packages", "Package: evil\nVersion: 1\nArchitecture: amd64\n")
    smuggled = f"SHA256:\n {hashlib.sha256(index.read_bytes()).hexdigest()} 1 main/binary-amd64/Packages\n".encode()
    data = (archive / "bookworm-security_InRelease").read_bytes()
    forged = written(tmp_path / "InRelease", data + smuggled)
    with pytest.raises(FeedError):
        imported((forged, index), tmp_path / "feeds.sqlite", Wish(now=NOW, keyring=DEBIAN_KEYS))


def test_an_index_that_no_release_file_names_is_refused(tmp_path: Path, shared_data: Path) -> None:
    archive = shared_data / "debian" / "archive"
    files = (archive / "bookworm-updates_InRelease", archive / "bookworm-security_main_amd64_Packages.xz")
    with pytest.raises(FeedError, match="no release file given with it vouches"):
        imported(files, tmp_path / "feeds.sqlite", Wish(now=NOW, keyring=DEBIAN_KEYS))


def test_a_status_without_a_version_never_becomes_a_fix() -> None:
    with pytest.raises(ValueError, match="a version stands where the status is fixed"):
        Fix(namespace="debian:12", package="a", advisory="CVE-2026-1000", status=FixStatus.FIXED)
