"""Which release of which vendor a record speaks of, from the many ways vendors name their own."""

from __future__ import annotations

import re

from scanner.advisories import BASE, UNNAMED
from scanner.namespaces import RPM_VENDORS

DEBIAN = {
    "squeeze": "6", "wheezy": "7", "jessie": "8", "stretch": "9", "buster": "10",
    "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14",
}  # fmt: skip
"""Debian's releases by codename."""

_ERRATA = {"AL": "almalinux", "RL": "rocky", "RX": "rocky", "RH": "rhel", "EL": "oracle"}
_ERRATUM = re.compile(r"(AL|RL|RX|RH|EL)(SA|BA|EA)-")
_DIST_TAG = re.compile(r"\.(?:module[_+])?el([0-9]{1,2})(?![0-9])")
_OSV = {"AlmaLinux": "almalinux", "Rocky Linux": "rocky", "Debian": "debian"}
_STREAM = re.compile(r"(?<![\w:])([A-Za-z][A-Za-z0-9_+-]*:[A-Za-z0-9][A-Za-z0-9._+-]*)(?![\w:])")


def of_debian(codename: str) -> str | None:
    """The namespace of a Debian release by its codename; None for unstable and what is no release."""
    version = DEBIAN.get(codename)
    return None if version is None else f"debian:{version}"


def of_erratum(advisory: str, release: str) -> str | None:
    """The namespace of an rpm by its advisory's prefix and its own dist tag."""
    prefix, tag = _ERRATUM.match(advisory), _DIST_TAG.search(release)
    return None if prefix is None or tag is None else f"{_ERRATA[prefix[1]]}:{tag[1]}"


def of_rpm(vendor: str, release: str) -> str | None:
    """The namespace of an rpm by the vendor that stands in it and its dist tag."""
    name, tag = RPM_VENDORS.get(vendor), _DIST_TAG.search(f".{release}")
    return None if name is None or tag is None else f"{name}:{tag[1]}"


def of_osv(ecosystem: str, distro: str = "") -> tuple[str, str] | None:
    """Namespace and channel of an OSV ecosystem; None for one that is not assessed."""
    vendor, _, rest = ecosystem.partition(":")
    if vendor == "Ubuntu":
        return _of_ubuntu(rest.split(":"), distro)
    if vendor not in _OSV or not re.fullmatch(r"[0-9]{1,2}(\.0)?", rest):
        return None
    return f"{_OSV[vendor]}:{rest.removesuffix('.0')}", BASE


def _of_ubuntu(parts: list[str], distro: str) -> tuple[str, str] | None:
    version = next((part for part in parts if re.fullmatch(r"[0-9]{1,2}\.[0-9]{2}", part)), None)
    if version is None:
        return None
    if parts[0] != "Pro":
        return f"ubuntu:{version}", BASE
    if not re.fullmatch(r"[0-9.]+", parts[1]):
        return f"ubuntu:{version}", parts[1].lower()  # FIPS, FIPS-updates, Realtime
    return f"ubuntu:{version}", "esm-apps" if "esm-apps" in distro else "esm-infra"


def streams_of(version: str, heading: str) -> tuple[str | None, ...]:
    """The module streams of an rpm whose feed has no field for them: (None,) outside modules, UNNAMED where no heading tells.

    "virt:rhel and virt-devel:rhel" are two modules built as one, so the fix stands in both; of two streams of the same module a
    heading does not say which version belongs to which.
    """
    if ".module" not in version:
        return (None,)
    named = sorted(set(_STREAM.findall(heading)))
    modules = {stream.partition(":")[0] for stream in named}
    return tuple(named) if named and len(modules) == len(named) else (UNNAMED,)
