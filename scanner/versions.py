"""The order of versions as each family of packages defines it; by univers, which holds the rules of dpkg, rpm and apk."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any


class IncomparableError(ValueError):
    """A version that is none by the rules of its family: nothing can be said of how it stands to another."""


class Scheme(StrEnum):
    """Whose rules order the versions."""

    DEB = "deb"
    RPM = "rpm"
    APK = "apk"


_SCHEMES = {
    "debian": Scheme.DEB,
    "ubuntu": Scheme.DEB,
    "almalinux": Scheme.RPM,
    "rocky": Scheme.RPM,
    "rhel": Scheme.RPM,
    "oracle": Scheme.RPM,
    "alpine": Scheme.APK,
}


def scheme_of(namespace: str) -> Scheme:
    """The rules that order the versions of a namespace; raises KeyError for one of no vendor that is assessed."""
    return _SCHEMES[namespace.partition(":")[0]]


@lru_cache(maxsize=65_536)
def compare(scheme: Scheme, one: str, other: str) -> int:
    """-1 where one is older than the other, 0 where they are the same, 1 where it is newer; raises IncomparableError."""
    first, second = _parsed(scheme, one), _parsed(scheme, other)
    try:
        sign = _FAMILIES[scheme]()[1](first, second)
    except Exception as error:
        raise IncomparableError(f"{one} and {other} cannot be compared") from error
    return (sign > 0) - (sign < 0)


def latest(scheme: Scheme, first: str, *others: str) -> str:
    """The newest of these versions; raises IncomparableError."""
    newest = first
    for other in others:
        newest = other if compare(scheme, newest, other) < 0 else newest
    return newest


@lru_cache(maxsize=65_536)
def _parsed(scheme: Scheme, version: str) -> Any:
    if version.endswith("-"):
        raise IncomparableError(f"{version} is no version: its release is empty")
    try:
        return _FAMILIES[scheme]()[0](version)
    except Exception as error:
        raise IncomparableError(f"{version} is no version") from error


Family = tuple[Callable[[str], Any], Callable[[Any, Any], int]]
"""What reads a version, and what compares two."""


@cache
def _deb() -> Family:
    from univers import debian

    return debian.Version.from_string, debian.compare_versions


@cache
def _rpm() -> Family:
    from univers import rpm

    return rpm.RpmVersion.from_string, rpm.compare_rpm_versions


@cache
def _apk() -> Family:
    from univers import gentoo, versions

    return lambda version: versions.AlpineLinuxVersion(version).value, gentoo.vercmp


_FAMILIES: dict[Scheme, Callable[[], Family]] = {Scheme.DEB: _deb, Scheme.RPM: _rpm, Scheme.APK: _apk}
"""By the functions under univers' operators, which would read and compare twice for each sign."""
