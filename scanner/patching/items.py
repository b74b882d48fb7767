"""What of a host is looked up: packages by the names that feeds use, and the kernel that runs in place of those installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scanner.namespaces import source_of
from scanner.observations.base import Reason, Unobserved
from scanner.observations.host import HostObservation, OsRelease, Package
from scanner.observations.patches import RunningKernel
from scanner.versions import IncomparableError, Scheme, latest

_OF_KERNEL = re.compile(r"linux-(?:image|modules|headers)-(?:unsigned-)?[0-9].*")
_DEBIAN = re.compile(r".*\bDebian (\S+) \([0-9-]+\)")
_UBUNTU = re.compile(r"#([0-9][0-9~.]*)-Ubuntu\b.*")
_UBUNTU_RELEASE = re.compile(r"([0-9.]+-[0-9]+)-[a-z0-9-]+")
_ALPINE = re.compile(r"([0-9.]+)-([0-9]+)-([a-z]+)")
_RPM_IMAGES = ("kernel-core", "kernel-rt-core", "kernel-64k-core", "kernel-uek-core", "kernel")
_RPM_KERNELS = ("kernel", "kernel-rt", "kernel-uek")
_KEYS = "gpg-pubkey"
"""Under this name rpm lists the keys it trusts: they are no software."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to look up."""

    name: str
    """As the vendor's advisories name it: the source package for deb and apk, the package itself for rpm."""
    version: str
    action: str
    """The source package, by which whatever is missing is told."""
    architectures: frozenset[str]
    on_disk: str
    """The newest version that is installed, where what runs is older."""
    streams: frozenset[str] | None = frozenset()
    """The module streams it may come from: none for a package outside modules; None where nobody knows."""

    @property
    def modular(self) -> bool:
        """Whether it comes from a module."""
        return self.streams is None or bool(self.streams)


def software(packages: Iterable[Package]) -> list[Package]:
    """The packages that are software."""
    return [package for package in packages if package.name != _KEYS]


def items(host: HostObservation, system: OsRelease, packages: list[Package], scheme: Scheme) -> Iterator[Item]:
    """Every package but those of kernels, once for each name and version."""
    kernels = _kernels(packages, system, scheme)
    found: dict[tuple[str, str, str], set[str]] = {}
    streams: dict[tuple[str, str, str], frozenset[str] | None] = {}
    for package in packages:
        action = source_of(package, system)
        if action in kernels:
            continue  # headers and tools bear the kernel's flaws by name only; the kernel that runs is looked up by itself
        key = (action, package.source_version, action) if scheme is not Scheme.RPM else (package.name, package.version, action)
        found.setdefault(key, set()).add(package.architecture)
        streams[key] = _streams(package, host)
    for (name, version, action), architectures in found.items():
        yield Item(
            name=name,
            version=version,
            action=action,
            architectures=frozenset(architectures),
            on_disk=version,
            streams=streams[name, version, action],
        )


def running_kernel(
    host: HostObservation, system: OsRelease, packages: list[Package], scheme: Scheme
) -> tuple[RunningKernel, Item] | Unobserved:
    """The kernel that runs and what to look up of it; unobserved where it is no installed package of the vendor."""
    if isinstance(host.kernel, Unobserved):
        return host.kernel
    if isinstance(host.kernel_version, Unobserved) and scheme is Scheme.DEB:
        return host.kernel_version
    found = _running(host, packages, scheme)
    if found is None:
        return _foreign(host.kernel)
    image, version = found
    sources = _kernels(packages, system, scheme)
    images = [one for one in packages if source_of(one, system) in sources and _is_image(one, image, scheme)]
    try:
        newest = latest(scheme, version, *(one.version for one in images))
    except IncomparableError as error:
        return Unobserved(reason=Reason.UNREADABLE, detail=f"{image.name}: {error}")
    source = source_of(image, system)
    name = image.name if scheme is Scheme.RPM else source
    shown = RunningKernel(package=name, running=version, newest=newest, restart=newest != version)
    return shown, Item(name, version, source, frozenset({image.architecture}), on_disk=newest)


def _foreign(release: str) -> Unobserved:
    return Unobserved(reason=Reason.UNSUPPORTED, detail=f"the running kernel {release} is no installed package of the vendor")


def _running(host: HostObservation, packages: list[Package], scheme: Scheme) -> tuple[Package, str] | None:
    """The package of the kernel that runs, and the version that runs, which an upgrade under the same name leaves behind."""
    release, built = str(host.kernel), str(host.kernel_version)
    match scheme:
        case Scheme.RPM:
            for package in packages:
                if package.name in _RPM_IMAGES and f"{package.version.partition(':')[2]}.{package.architecture}" == release:
                    return package, package.version
        case Scheme.APK:
            version = _ALPINE.fullmatch(release)
            for package in packages:
                if version is not None and package.name == f"linux-{version[3]}":
                    return package, f"{version[1]}-r{version[2]}"
        case Scheme.DEB:
            names = (f"linux-image-{release}", f"linux-image-unsigned-{release}")
            version_ = _deb_version(release, built)
            for package in packages:
                if version_ is not None and package.name in names:
                    return package, version_
    return None


def _deb_version(release: str, built: str) -> str | None:
    """The version of the running kernel by `uname -v`: Debian says it whole, Ubuntu its last part."""
    if (debian := _DEBIAN.fullmatch(built)) is not None:
        return debian[1]
    ubuntu, base = _UBUNTU.fullmatch(built), _UBUNTU_RELEASE.fullmatch(release)
    return f"{base[1]}.{ubuntu[1]}" if ubuntu is not None and base is not None else None


def _is_image(package: Package, running: Package, scheme: Scheme) -> bool:
    if scheme is Scheme.DEB:
        return package.name.startswith("linux-image-") and _OF_KERNEL.fullmatch(package.name) is not None
    return package.name == running.name


def _kernels(packages: list[Package], system: OsRelease, scheme: Scheme) -> frozenset[str]:
    """The source packages that kernels are built from."""
    match scheme:
        case Scheme.RPM:
            return frozenset(_RPM_KERNELS)
        case Scheme.APK:
            return frozenset({"linux-lts", "linux-virt", "linux-edge", "linux-rpi"})
        case Scheme.DEB:
            return frozenset({"linux", *(source_of(one, system) for one in packages if _OF_KERNEL.fullmatch(one.name))})


def _streams(package: Package, host: HostObservation) -> frozenset[str] | None:
    """The streams a package may come from; where it does not say so itself, those that are enabled on the host."""
    if package.module:
        return frozenset({package.module})
    if ".module" not in package.version:
        return frozenset()
    enabled = host.module_streams
    return None if isinstance(enabled, Unobserved) or not enabled else frozenset(enabled)
