"""Package lists as dpkg, rpm and apk print them, and the streams dnf has enabled.

A line that cannot be read makes a list unreadable, never shorter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from scanner.observations import Package, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, files, table, text_lines
from scanner.record import escaped

SHELL = r"""
dpkg_list() {
  dpkg-query -W -f '${db:Status-Status}\t${binary:Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n'
}
rpm_list() {
  label=
  if rpm --querytags | grep -qx MODULARITYLABEL; then label='%{MODULARITYLABEL}'; fi
  rpm -qa --qf "%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\t$label\t%{VENDOR}\n"
}
if [ -s /var/lib/dpkg/status ]; then section dpkg dpkg_list
elif [ -r /lib/apk/db/installed ]; then section apk sed -n -e '/^[PVAo]:/p' -e '/^$/p' /lib/apk/db/installed
elif command -v rpm >/dev/null; then section rpm rpm_list
fi
streams() { lines /etc/dnf/modules.d/*.module; }
section module-streams streams
"""

_WORD = re.compile(r"[!-~]{1,255}")
_LABEL = re.compile(r"([!-9;-~]{1,100}:[!-9;-~]{1,100})(?::[!-~]*)?")
_STATES = {"enabled": True, "disabled": False, "": False}
"""What dnf writes of a module's state, and whether a stream of it is enabled by it."""
_SOURCE_RPM = re.compile(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.(?:no)?src\.rpm")

_NONE = "(none)"
"""rpm's word for what a package does not say."""

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


def _package(
    name: str, version: str, architecture: str, source: str, source_version: str, *, vendor: str = "", module: str = ""
) -> Package:
    for part in (name, version, architecture, source, source_version):
        if not _WORD.fullmatch(part):
            raise CollectionError("a line names a package in no way this is read")
    return Package(
        name=name,
        version=version,
        architecture=architecture,
        source=source,
        source_version=source_version,
        vendor=escaped(vendor, limit=300),
        module=module,
    )


def _dpkg(text: bytes) -> Iterator[Package]:
    for status, name, version, architecture, source, source_version in table(text, "\t", 6):
        if status in _THERE:
            bare = name.partition(":")[0]
            yield _package(bare, version, architecture, source or bare, source_version or version)
        elif status not in _GONE:
            raise CollectionError("a line has a status that dpkg does not know")


def _rpm(text: bytes) -> Iterator[Package]:
    for line in filter(None, text_lines(text)):
        fields = line.split("\t", 6)  # the last of them may hold anything
        if len(fields) != 7:
            raise CollectionError("a line has not its 7 fields")
        name, epoch, version, architecture, built_from, label, vendor = fields
        source = _SOURCE_RPM.fullmatch(built_from)
        yield _package(
            name,
            f"{epoch}:{version}",
            architecture,
            source["name"] if source else name,
            f"{epoch}:{source['version'] if source else version}",
            vendor="" if vendor == _NONE else vendor,
            module=_module(label),
        )


def _module(label: str) -> str:
    """The module and its stream by a label that goes on with a version and a context."""
    if label in ("", _NONE):
        return ""
    match = _LABEL.fullmatch(label)
    if match is None:
        raise CollectionError("a line names no module and stream")
    return match[1]


def _apk(text: bytes) -> Iterator[Package]:
    for block in "\n".join(text_lines(text)).split("\n\n"):
        values = dict(line.split(":", 1) for line in block.split("\n") if line[:2] in ("P:", "V:", "A:", "o:"))
        if values:
            if not {"P", "V", "A"} <= set(values):
                raise CollectionError("an entry without name, version or architecture")
            yield _package(values["P"], values["V"], values["A"], values.get("o") or values["P"], values["V"])
        elif block.strip():
            raise CollectionError("a line is no entry")


def module_streams(found: Collected) -> tuple[str, ...] | Unobserved:
    """The streams of modules that dnf has enabled, as in postgresql:15; none where it keeps no modules."""
    return found.read("module-streams", lambda text: tuple(_streams(text)), Reason.UNREADABLE)


def _streams(text: bytes) -> Iterator[str]:
    for lines in files(text).values():
        parts = re.split(r"(?m)^\[([^\[\]]+)\]$", "\n".join(lines))
        if parts[0].strip() or len(parts) == 1:
            raise CollectionError("a line stands in no section")
        for module, body in zip(parts[1::2], parts[2::2], strict=True):
            pairs = dict(_pairs(body))
            state = _STATES.get(pairs.get("state", "").lower())
            if state is None:
                raise CollectionError("a module is in a state that dnf does not know")
            if state:
                yield _stream(pairs.get("name") or module, pairs.get("stream", ""))


def _pairs(body: str) -> Iterator[tuple[str, str]]:
    for line in filter(None, body.split("\n")):
        name, equals, value = line.partition("=")
        if not equals:
            raise CollectionError("a line is no assignment")
        yield name.strip(), value.strip()


def _stream(module: str, stream: str) -> str:
    named = _LABEL.fullmatch(f"{module}:{stream}")
    if named is None or named[1] != f"{module}:{stream}":
        raise CollectionError("a module has no stream")
    return named[1]
