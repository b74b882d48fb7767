"""The order of versions against what dpkg, librpm and osv-scalibr say of the same pairs: not one may be wrong."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.versions import IncomparableError, Scheme, compare, latest, scheme_of

SIGNS = {"<": -1, "=": 0, "==": 0, ">": 1}
Pair = tuple[str, str, int]


def judged(pairs: Iterator[Pair] | list[Pair], scheme: Scheme) -> tuple[list[object], list[tuple[str, str]]]:
    """The pairs that were ordered wrongly, and those that could not be ordered."""
    wrong: list[object] = []
    incomparable = []
    for one, other, sign in pairs:
        try:
            found = compare(scheme, one, other)
        except IncomparableError:
            incomparable.append((one, other))
            continue
        if found != sign:
            wrong.append((one, other, sign, found))
    return wrong, incomparable


def listed(path: Path) -> Iterator[Pair]:
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"(\S+)\s+(<|>|==?)\s+(\S+)", line.partition("//")[0].strip())
        if match:
            yield match[1], match[3], SIGNS[match[2]]


@pytest.mark.parametrize(
    ("name", "scheme"), [("deb-pairs-apt_pkg-truth.json.gz", Scheme.DEB), ("rpm-pairs-librpm-truth.json.gz", Scheme.RPM)]
)
def test_real_pairs_are_ordered_as_dpkg_and_librpm_order_them(shared_data: Path, name: str, scheme: Scheme) -> None:
    pairs = json.loads(gzip.decompress((shared_data / "vercmp" / name).read_bytes()))
    assert len(pairs) > 30_000
    assert judged(pairs, scheme) == ([], [])


@pytest.mark.parametrize(
    ("name", "scheme", "pairs", "odd"),
    [
        ("debian-versions.txt", Scheme.DEB, 30, 0),
        ("debian-versions-generated.txt", Scheme.DEB, 14_442, 0),
        ("redhat-versions.txt", Scheme.RPM, 165, 28),
        ("alpine-versions.txt", Scheme.APK, 778, 49),
        ("alpine-versions-generated.txt", Scheme.APK, 13_979, 58),
    ],
)
def test_listed_pairs_are_ordered_rightly_or_not_at_all(
    shared_data: Path, name: str, scheme: Scheme, pairs: int, odd: int
) -> None:
    """Versions that univers takes for none are told, so that their packages are not assessed."""
    found = list(listed(shared_data / "vercmp" / name))
    wrong, incomparable = judged(found, scheme)
    assert (len(found), wrong, len(incomparable)) == (pairs, [], odd)


@pytest.mark.parametrize(
    ("scheme", "older", "newer"),
    [
        (Scheme.DEB, "10-1", "1:2-1"),
        (Scheme.DEB, "9:1-1", "10:1-1"),  # epochs are numbers
        (Scheme.DEB, "0.13.0-1.1~deb12u1", "0.13.0-1.1"),
        (Scheme.DEB, "5.2.15-2+b8", "5.2.15-2+b13"),
        (Scheme.RPM, "0:1.0~rc1-1.el9", "0:1.0-1.el9"),
        (Scheme.RPM, "0:1.0-1.el9", "0:1.0^git1-1.el9"),
        (Scheme.RPM, "0:9.1-1.el9", "1:0.1-1.el9"),
        (Scheme.APK, "1.2_alpha1-r0", "1.2-r0"),
        (Scheme.APK, "1.2-r9", "1.2-r10"),
    ],
)
def test_older_is_older_and_newer_newer(scheme: Scheme, older: str, newer: str) -> None:
    assert (compare(scheme, older, newer), compare(scheme, newer, older), compare(scheme, newer, newer)) == (-1, 1, 0)
    assert latest(scheme, older, newer) == latest(scheme, newer, older) == newer


@pytest.mark.parametrize(
    ("scheme", "version"), [(Scheme.APK, "5.1p1-r0"), (Scheme.DEB, ""), (Scheme.RPM, "1-"), (Scheme.DEB, "a b")]
)
def test_what_is_no_version_is_older_and_newer_than_nothing(scheme: Scheme, version: str) -> None:
    with pytest.raises(IncomparableError):
        compare(scheme, version, "1.0-r1" if scheme is Scheme.APK else "1.0-1")
    with pytest.raises(IncomparableError):
        compare(scheme, version, version)


def test_each_namespace_has_the_rules_of_its_family() -> None:
    assert [scheme_of(name) for name in ("debian:12", "almalinux:9", "alpine:v3.22:main")] == [Scheme.DEB, Scheme.RPM, Scheme.APK]
    with pytest.raises(KeyError):
        scheme_of("suse:15")
