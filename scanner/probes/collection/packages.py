"""Package lists as dpkg, rpm and apk print them. A line that cannot be read makes a list unreadable, never shorter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from scanner.observations import Package, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, table, text_lines

SHELL = r"""
dpkg_list() {
  dpkg-query -W -f '${db:Status-Status}\t${binary:Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n'
}
if [ -s /var/lib/dpkg/status ]; then section dpkg dpkg_list
elif [ -r /lib/apk/db/installed ]; then section apk sed -n -e '/^[PVAo]:/p' -e '/^$/p' /lib/apk/db/installed
elif command -v rpm >/dev/null; then
  section rpm rpm -qa --qf '%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\n'
fi
"""

_WORD = re.compile(r"[!-~]{1,255}")
_SOURCE_RPM = re.compile(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.(?:no)?src\.rpm")

_GONE = ("not-installed", "config-files")
"""dpkg's words for packages of which no program is left: never installed, or removed with its configuration kept."""

_THERE = ("installed", "half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending")
"""dpkg's words for packages whose files are on the disk, finished or not (dpkg-query(1))."""


def packages(found: Collected) -> tuple[Package, ...] | Unobserved:
    """The packages that are on the host."""
    for name, listed in (("dpkg", _dpkg), ("rpm", _rpm), ("apk", _apk)):
        if name in found.sections:
            return found.read(name, partial(_whole, listed), Reason.UNREADABLE)
    return found.absent("packages", Reason.UNSUPPORTED, "no dpkg, rpm or apk database")


def _whole(listed: Callable[[bytes], Iterator[Package]], text: bytes) -> tuple[Package, ...]:
    found = tuple(listed(text))
    if not found:
        raise CollectionError("an empty package list")
    return found


def _package(name: str, version: str, architecture: str, source: str, source_version: str) -> Package:
    for part in (name, version, architecture, source, source_version):
        if not _WORD.fullmatch(part):
            raise CollectionError("a line names a package in no way this is read")
    return Package(name=name, version=version, architecture=architecture, source=source, source_version=source_version)


def _dpkg(text: bytes) -> Iterator[Package]:
    for status, name, version, architecture, source, source_version in table(text, "\t", 6):
        if status in _THERE:
            bare = name.partition(":")[0]
            yield _package(bare, version, architecture, source or bare, source_version or version)
        elif status not in _GONE:
            raise CollectionError("a line has a status that dpkg does not know")


def _rpm(text: bytes) -> Iterator[Package]:
    for name, epoch, version, architecture, built_from in table(text, "\t", 5):
        source = _SOURCE_RPM.fullmatch(built_from)
        yield _package(
            name,
            f"{epoch}:{version}",
            architecture,
            source["name"] if source else name,
            f"{epoch}:{source['version'] if source else version}",
        )


def _apk(text: bytes) -> Iterator[Package]:
    for block in "\n".join(text_lines(text)).split("\n\n"):
        values = dict(line.split(":", 1) for line in block.split("\n") if line[:2] in ("P:", "V:", "A:", "o:"))
        if values:
            if not {"P", "V", "A"} <= set(values):
                raise CollectionError("an entry without name, version or architecture")
            yield _package(values["P"], values["V"], values["A"], values.get("o") or values["P"], values["V"])
        elif block.strip():
            raise CollectionError("a line is no entry")
