"""Alpine's secdb: per branch and repository, which version of a source package fixed which CVEs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.advisories import Advisory, Coverage, Fix, FixStatus, Layer
from scanner.feeds.reading import Row, Tally, cves_in, each

NEVER_AFFECTED = "0"


def name_of(value: Mapping[str, Any]) -> str:
    """The feed's name: one of each branch and repository."""
    return f"alpine-secdb-{value['distroversion']}-{value['reponame']}"


def fixes(value: Mapping[str, Any], tally: Tally) -> Iterator[Row]:
    """The rows of {distroversion, reponame, packages: [{pkg: {name, secfixes: {version: [ids]}}}]}."""
    namespace = f"alpine:{value['distroversion']}:{value['reponame']}"
    told: set[str] = set()

    def read(package: Mapping[str, Any]) -> Iterator[Row]:
        for version, lines in package["secfixes"].items():
            status = FixStatus.NOT_AFFECTED if version == NEVER_AFFECTED else FixStatus.FIXED
            # One line may hold several names of the same flaw: "CVE-2019-1 GHSA-x".
            for advisory in sorted({line.split()[0] for line in lines or () if line.strip()}):
                yield Fix(
                    namespace=namespace,
                    package=package["name"],
                    advisory=advisory,
                    status=status,
                    fixed=version if status is FixStatus.FIXED else None,
                )
                if advisory not in told:
                    yield Advisory(id=advisory, cves=cves_in(line for line in lines if line.split()[:1] == [advisory]))
                    told.add(advisory)

    packages = ((f"package {number}", entry["pkg"]) for number, entry in enumerate(value["packages"]))
    yield from each(tally, packages, read)
    yield Coverage(namespace=namespace, layer=Layer.ADVISORIES, feed=name_of(value))
