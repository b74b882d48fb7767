"""The order of versions as each family of packages defines it; by univers, which holds the rules of dpkg, rpm and apk."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
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
        sign = _ORDERS[scheme]()(first, second)
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
    from univers import versions

    if version.endswith("-"):
        raise IncomparableError(f"{version} is no version: its release is empty")
    kind = {Scheme.DEB: versions.DebianVersion, Scheme.RPM: versions.RpmVersion, Scheme.APK: versions.AlpineLinuxVersion}[scheme]
    try:
        return kind(version)
    except Exception as error:
        raise IncomparableError(f"{version} is no version") from error


def _deb() -> Callable[[Any, Any], int]:
    from univers.debian import compare_versions

    return lambda first, second: int(compare_versions(first.value, second.value))  # type: ignore[no-untyped-call]  # univers has no types


def _rpm() -> Callable[[Any, Any], int]:
    from univers.rpm import compare_rpm_versions

    return lambda first, second: int(compare_rpm_versions(first.value, second.value))


def _apk() -> Callable[[Any, Any], int]:
    from univers.gentoo import vercmp

    return lambda first, second: int(vercmp(first.value, second.value))  # type: ignore[no-untyped-call]  # univers has no types


_ORDERS = {Scheme.DEB: _deb, Scheme.RPM: _rpm, Scheme.APK: _apk}
"""What compares two parsed versions at one go, where the operators of univers do so twice for each sign."""
