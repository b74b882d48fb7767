"""Feeds that someone wrote to do harm: bombs, deep nesting, entities, foreign paths and rubbish; each is an error, and soon."""

from __future__ import annotations

import io
import json
import lzma
import tarfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.feeds.containers import documents
from scanner.feeds.reading import FeedError
from tests.scanner.feeds.editions import alma, gzipped, read, tracker, written, zipped

LIMIT = 1_000_000


def drained(path: Path) -> int:
    return sum(len(document.data) for document in documents(path, document_limit=LIMIT, total_limit=3 * LIMIT))


def bomb(path: Path, kind: str) -> Path:
    data = b"\0" * (LIMIT + 1)
    match kind:
        case "gz":
            return gzipped(path, data.decode())
        case "xz":
            return written(path, lzma.compress(data))
        case "zlib":
            return written(path, zlib.compress(data))
        case "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("a", data)
        case _:
            with tarfile.open(path, "w:xz") as tar:
                member = tarfile.TarInfo("a")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize("kind", ["gz", "xz", "zlib", "zip", "tar"])
def test_a_bomb_ends_at_the_limit(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FeedError, match="unpacks to more than"):
        drained(bomb(tmp_path / "bomb", kind))


def test_many_documents_end_at_the_limit_of_all_together(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"{number}", b"\0" * (LIMIT - 1))
    with pytest.raises(FeedError, match="unpacks to more than"):
        drained(tmp_path / "many.zip")


@pytest.mark.parametrize("cut", [10, 100, 400])
@pytest.mark.parametrize("kind", ["gz", "xz", "zlib", "zip", "tar"])
def test_a_file_cut_short_is_an_error(tmp_path: Path, kind: str, cut: int) -> None:
    path = bomb(tmp_path / "bomb", kind)
    written(path, path.read_bytes()[:-cut] if path.stat().st_size > 2 * cut else path.read_bytes()[:20])
    with pytest.raises(FeedError):
        drained(path)


def test_members_with_foreign_paths_are_read_and_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("../../../evil.json", json.dumps(alma("ALSA-2026:1", "bash", "5.1-1.el9")))
    found, _ = read(folder / "all.zip")
    assert found.tally.read == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["all.zip"]


def test_links_and_devices_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "links.tar", "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo(f"link{kind!r}")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    assert list(documents(tmp_path / "links.tar")) == []


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000])
def test_deep_nesting_is_an_error(tmp_path: Path, deep: str) -> None:
    with pytest.raises(FeedError):
        read(written(tmp_path / "deep.json", deep))


def test_a_deep_record_in_an_archive_spoils_that_record_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(zipped(tmp_path / "all.zip", [alma("ALSA-2026:1", "bash", "5.1-1.el9")]), "a") as archive:
        archive.writestr("deep.json", "[" * 100_000)
    found, _ = read(tmp_path / "all.zip")
    assert (found.tally.read, found.tally.malformed) == (1, 1)


def test_entities_in_xml_are_refused(tmp_path: Path) -> None:
    laughs = '<!DOCTYPE updates [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><updates><update><id>&b;</id></update></updates>'
    with pytest.raises(FeedError, match="not XML that is read"):
        read(written(tmp_path / "updateinfo.xml", laughs))


def test_controls_in_a_title_are_escaped(tmp_path: Path) -> None:
    value = tracker({"bash": "5.2-1"})
    value["bash"]["CVE-2026-1000"]["description"] = "\x1b[2Jgone \u202e"
    _, rows = read(written(tmp_path / "tracker.json", value))
    assert "\\x1b[2Jgone \\u{202e}" in {getattr(row, "title", "") for row in rows}


TEXTS = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=400).map(str.encode),
    st.builds(
        bytes.__add__,
        st.sampled_from(
            [
                b"VERSION 1\n", b"[29 Mar 2023] DSA-5380-1 x - y\n", b"version,codename,series,created,release,eol\n", b"<updates>",
                b"#model_version:x,score_date:2026-01-01T00:00:00Z\ncve,epss,percentile\n", b"cve,published,cna_cvss,adp_cvss\n",
                b"\x1f\x8b", b"PK\x03\x04", b"x\x9c", b"BZh9", b"\xfd7zXZ\x00", b'{"catalogVersion":1,',
            ]
        ),
        st.binary(max_size=200),
    ),
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_no_bytes_lead_to_anything_but_rows_or_an_error_that_is_told(tmp_path: Path, data: bytes) -> None:
    with suppress(FeedError):
        read(written(tmp_path / "bookworm.csv", data))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
SHAPES = (
    ("catalogVersion", "dateReleased", "vulnerabilities"),
    ("schema_version", "generated_at", "result"),
    ("schema_version", "data"),
    ("distroversion", "reponame", "packages"),
    ("id", "affected", "modified"),
    ("document", "product_tree", "vulnerabilities"),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SHAPES).flatmap(lambda keys: st.fixed_dictionaries(dict.fromkeys(keys, JSON))))
def test_no_json_in_the_shape_of_a_feed_leads_to_anything_else_either(tmp_path: Path, value: object) -> None:
    with suppress(FeedError):
        read(written(tmp_path / "feed.json", value))
