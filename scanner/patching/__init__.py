"""Patching: how a host's packages stand towards what vendors publish. Pure: the host's observation and the slice in, facts out.

Two layers that know nothing of each other: what a repository offers, and what advisories say of which version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from scanner.namespaces import namespaces_of
from scanner.observations.base import Reason, Unobserved
from scanner.observations.host import HostObservation, OsRelease, Package
from scanner.observations.patches import Missing, PatchesObservation, Remaining, RunningKernel, Unjudged
from scanner.patching import flaws, items, offers, support
from scanner.patching.index import Index
from scanner.patching.items import Item
from scanner.versions import Scheme, scheme_of

__all__ = ["Index", "patches"]


@dataclass(frozen=True, slots=True)
class _Subject:
    """A host whose system and packages are known."""

    host: HostObservation
    system: OsRelease
    packages: list[Package]
    namespaces: tuple[str, ...]
    scheme: Scheme


def patches(host: HostObservation | Unobserved, index: Index | None, as_of: datetime) -> PatchesObservation | Unobserved:
    """How the host stands as of this instant; `index` is that of the run's slice of the feeds, None where it has none."""
    if isinstance(host, Unobserved):
        return host
    if isinstance(host.os, Unobserved):
        return host.os
    if isinstance(host.packages, Unobserved):
        return host.packages
    namespaces = namespaces_of(host.os)
    if not namespaces:
        detail = f"no vendor's advisories are read for {host.os.id} {host.os.version_id}"
        return Unobserved(reason=Reason.UNSUPPORTED, detail=detail)
    if index is None:
        return Unobserved(reason=Reason.NOT_GIVEN, detail="the run has no feeds; give them with --feeds")
    subject = _Subject(host, host.os, items.software(host.packages), namespaces, scheme_of(namespaces[0]))
    return _observed(subject, index, as_of)


def _observed(subject: _Subject, index: Index, as_of: datetime) -> PatchesObservation:
    host, packages, namespaces, scheme = subject.host, subject.packages, subject.namespaces, subject.scheme
    kernel = items.running_kernel(host, subject.system, packages, scheme)
    strangers = offers.strangers(index, packages, namespaces, scheme)
    foreign = frozenset() if isinstance(strangers, Unobserved) else frozenset((one.package, one.version) for one in strangers)
    own = [package for package in packages if (package.name, package.version) not in foreign]
    found = flaws.findings(
        index,
        host,
        [*items.items(host, subject.system, own, scheme), *_running(kernel)],
        namespaces,
        scheme,
        as_of.date(),
    )
    missing, remaining = _advised(index, namespaces, found)
    return PatchesObservation(
        seen=host.seen,
        as_of=as_of,
        namespaces=namespaces,
        packages=len(packages),
        missing=missing,
        remaining=remaining,
        not_affected=found.not_affected,
        undecided=(*found.undecided, *_unclear_kernel(host, kernel)),
        strangers=strangers,
        updates=offers.updates(index, packages, namespaces, scheme),
        kernel=kernel if isinstance(kernel, Unobserved) else kernel[0],
        support=support.of_system(index, subject.system, namespaces),
        software=tuple(support.of_strangers(index, () if isinstance(strangers, Unobserved) else strangers)),
    )


def _running(kernel: tuple[RunningKernel, Item] | Unobserved) -> Iterator[Item]:
    if not isinstance(kernel, Unobserved):
        yield kernel[1]


def _unclear_kernel(host: HostObservation, kernel: tuple[RunningKernel, Item] | Unobserved) -> Iterable[Unjudged]:
    """A kernel that is not the vendor's own is as unknown as a package that cannot be compared."""
    if isinstance(kernel, Unobserved):
        release = "" if isinstance(host.kernel, Unobserved) else host.kernel
        yield Unjudged(package="kernel", version=release, why=kernel.detail)


def _advised(
    index: Index, namespaces: tuple[str, ...], found: flaws.Findings
) -> tuple[tuple[Missing, ...] | Unobserved, tuple[Remaining, ...] | Unobserved]:
    """What was found, where every one of the namespaces is covered: silence about another is no answer."""
    absent = [namespace for namespace in namespaces if namespace not in index.advised]
    if not absent:
        return tuple(found.missing), tuple(found.remaining)
    unknown = Unobserved(reason=Reason.NOT_GIVEN, detail=f"no feed tells the advisories of {', '.join(absent)}")
    return unknown, unknown
