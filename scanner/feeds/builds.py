"""The builds an rpm advisory names: one fix of each version of a package, for all the architectures it was built for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from scanner.advisories import Fix, FixStatus

Build = tuple[str, str, str, str | None]
"""Namespace, package, version and module stream."""
Builds = Mapping[Build, set[str]]
"""The architectures of each build."""


def fixes(advisory: str, builds: Builds, since: date) -> Iterator[Fix]:
    """The fixes of an advisory that was issued on this day."""
    for (namespace, package, version, stream), architectures in builds.items():
        yield Fix(
            namespace=namespace,
            package=package,
            advisory=advisory,
            module=stream,
            architectures=tuple(architectures),
            status=FixStatus.FIXED,
            fixed=version,
            since=since,
        )
