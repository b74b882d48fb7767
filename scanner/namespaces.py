"""What to ask the feeds for: the namespaces, packages and products that belong to what was seen on the hosts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from scanner.advisories import PackageName, Product
from scanner.observations import HostObservation, OsRelease, Unobserved
from scanner.observations.host import Package

_PRODUCTS = {
    "almalinux": "almalinux",
    "alpine": "alpine-linux",
    "debian": "debian",
    "ol": "oracle-linux",
    "rhel": "rhel",
    "rocky": "rocky-linux",
    "ubuntu": "ubuntu",
}
"""The product whose support dates are those of an operating system, by its os-release ID."""

_VENDORS = {"almalinux": "almalinux", "rocky": "rocky", "rhel": "rhel", "ol": "oracle"}
RPM_VENDORS = {
    "AlmaLinux": "almalinux",
    "Rocky Enterprise Software Foundation": "rocky",
    "Red Hat, Inc.": "rhel",
    "Oracle America": "oracle",
}
"""The vendor in a namespace by the name that stands in its rpms."""

_SIGNED = re.compile(r"linux-(?:signed|latest)(-.*)?")
_NAME: TypeAdapter[str] = TypeAdapter(PackageName)
_PRODUCT: TypeAdapter[str] = TypeAdapter(Product)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one run asks the store for."""

    packages: dict[str, set[str]]
    """Names of source and binary packages in each namespace."""
    products: set[str]


def namespaces_of(system: OsRelease) -> tuple[str, ...]:
    """The namespaces in which the packages of this operating system stand; none for one that is not assessed."""
    major, _, rest = system.version_id.partition(".")
    if not re.fullmatch(r"[0-9]{1,2}", major) or not re.fullmatch(r"[0-9.]*", rest):
        return ()
    match system.id:
        case "debian":
            return (f"debian:{major}",)
        case "ubuntu" if re.fullmatch(r"[0-9]{2}", rest):
            return (f"ubuntu:{major}.{rest}",)
        case "alpine" if rest:
            branch = f"alpine:v{major}.{rest.partition('.')[0]}"
            return (f"{branch}:main", f"{branch}:community")
        case vendor if vendor in _VENDORS:
            return (f"{_VENDORS[vendor]}:{major}",)
        case _:
            return ()


def product_of(system: OsRelease) -> str | None:
    """The product whose support dates are this operating system's; None for one that is not assessed."""
    return _PRODUCTS.get(system.id)


def source_of(package: Package, system: OsRelease) -> str:
    """The source package by the name its vendor's feeds use: Debian and Ubuntu sign their kernels under another one."""
    signed = _SIGNED.fullmatch(package.source)
    if signed is None:
        return package.source
    flavour = signed[1] or ""
    # Debian adds the architecture, as in linux-signed-amd64; Ubuntu the flavour, whose source has the same: linux-signed-hwe-6.8
    return f"linux{flavour}" if system.id == "ubuntu" else "linux"


def wanted(hosts: Iterable[HostObservation]) -> Wanted:
    """What to ask for about these hosts; a name that no vendor could write is not asked for, and so never passes."""
    packages: dict[str, set[str]] = defaultdict(set)
    products: set[str] = set()
    for host in hosts:
        if isinstance(host.os, Unobserved):
            continue
        if (product := product_of(host.os)) is not None:
            products.add(product)
        if isinstance(host.packages, Unobserved):
            continue
        names = {name for package in host.packages for name in (package.name, source_of(package, host.os))}
        for namespace in namespaces_of(host.os):
            packages[namespace] |= {name for name in names if _is(_NAME, name)}
        products |= {found for name in names if _is(_PRODUCT, found := re.sub(r"-?[0-9.]+$", "", name))}
    return Wanted(dict(packages), products)


def _is(kind: TypeAdapter[str], text: str) -> bool:
    try:
        kind.validate_python(text)
    except ValidationError:
        return False
    return True
