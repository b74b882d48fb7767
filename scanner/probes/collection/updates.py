"""From where packages are taken, by the files of apt, dnf and apk, and when one was last installed or upgraded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from scanner.observations import PackageSource, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, files
from scanner.record import escaped

SHELL = r"""
sources() {
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources /etc/yum.repos.d/*.repo \
    /etc/apk/repositories
  do
    if [ -r "$file" ]; then awk '!/^[ \t]*#/ { gsub(/:\/\/[^\/@ ]*@/, "://"); print FILENAME ":" $0 }' "$file"
    elif hidden "$file"; then return 77
    fi
  done
}
section sources sources
if [ -r /var/log/dpkg.log ]; then
  upgraded() { cat /var/log/dpkg.log.1 /var/log/dpkg.log | awk '$3 == "upgrade" || $3 == "install" { at = $1 " " $2 } END { print at }'; }
elif command -v rpm >/dev/null; then
  upgraded() { rpm -qa --qf '%{INSTALLTIME}\n' | sort -n | tail -n 1; }
fi
if command -v upgraded >/dev/null; then section upgraded upgraded; fi
"""

_ONE_LINE = re.compile(r"deb(?:-src)?\s+(?:\[([^\]]*)\]\s*)?(\S+)\s.*")
_MACHINE = re.compile(r"(?:[a-z+]+:)?(?:https?|ftp|mirror\+https?|tor\+https?|mirror)://(\[[0-9A-Fa-f:.]+\]|[^/:\s]+)(?:[:/].*)?")
_OWN = re.compile(r"(?:file|cdrom|copy):.*|/.*")


def package_sources(found: Collected) -> tuple[PackageSource, ...] | Unobserved:
    """The places that packages are taken from."""
    return found.read("sources", lambda text: tuple(_sources(text)), Reason.UNREADABLE)


def _sources(text: bytes) -> Iterator[PackageSource]:
    held = files(text)
    for name, lines in held.items():
        if name.endswith(".list"):
            yield from _one_line(name, lines)
        elif name.endswith(".sources"):
            yield from _stanzas(name, lines)
        elif name.endswith(".repo"):
            yield from _sections(name, lines)
        else:
            yield from (_source(name, line.rpartition(" ")[2], signed=True) for line in lines if line)
    if not held:
        raise CollectionError("no file names a source")


def _one_line(name: str, lines: list[str]) -> Iterator[PackageSource]:
    for line in (line.partition(" #")[0].strip() for line in lines if line):
        match = _ONE_LINE.fullmatch(f"{line} ")
        if match is None:
            raise CollectionError("a line is no source")
        yield _source(name, match[2], signed=_demands((match[1] or "").split()))


def _demands(options: list[str]) -> bool:
    loose = ("trusted=yes", "allow-insecure=yes")
    return not any(option.lower() in loose for option in options)


def _stanzas(name: str, lines: list[str]) -> Iterator[PackageSource]:
    """Stanzas with fields, of which a line that begins with none goes on with the one before (sources.list(5))."""
    for stanza in "\n".join(lines).split("\n\n"):
        fields: dict[str, str] = {}
        last = ""
        for line in filter(None, stanza.split("\n")):
            match = re.fullmatch(r"([A-Za-z-]+):\s*(.*)", line)
            last = match[1].lower() if match and not re.fullmatch(r"[a-z+]+://.*", line) else last
            fields[last] = f"{fields.get(last, '')} {match[2] if match and match[1].lower() == last else line}".strip()
        if fields and fields.get("enabled", "yes").lower() not in ("no", "false", "0", "off", "without", "disable"):
            loose = any(fields.get(option, "").lower() == "yes" for option in ("trusted", "allow-insecure"))
            if not fields.get("uris"):
                raise CollectionError("a stanza names no place")
            yield from (_source(name, place, signed=not loose) for place in fields["uris"].split())


def _sections(name: str, lines: list[str]) -> Iterator[PackageSource]:
    """Sections in brackets with assignments (dnf.conf(5))."""
    for section in re.split(r"(?m)^\[.*\]$", "\n".join(lines))[1:]:
        pairs = dict(re.findall(r"(?m)^([a-z_]+)\s*=\s*(.*)$", section))
        if pairs.get("enabled", "1").lower() in ("0", "no", "false"):
            continue
        places = " ".join(pairs.get(key, "") for key in ("baseurl", "mirrorlist", "metalink")).split()
        if not places:
            raise CollectionError("a section names no place")
        loose = pairs.get("gpgcheck", "1").lower() in ("0", "no", "false")
        yield from (_source(name, place, signed=not loose) for place in places)


def _source(file: str, place: str, *, signed: bool) -> PackageSource:
    machine = _MACHINE.fullmatch(place)
    if machine is None and not _OWN.fullmatch(place):
        raise CollectionError("a place of a kind that is not read")
    host = machine[1] if machine else ""
    return PackageSource(file=escaped(file, limit=300), host=escaped(host.lower(), limit=300), signed=signed)


def upgraded(found: Collected) -> datetime | Unobserved | None:
    """When a package was last installed or upgraded; None where the log, of a month or two, tells of none."""
    if "upgraded" not in found.sections:
        return found.absent("upgraded", Reason.UNSUPPORTED, "neither a readable /var/log/dpkg.log nor rpm")
    return found.read("upgraded", _instant, Reason.UNREADABLE)


def _instant(text: bytes) -> datetime | None:
    said = text.decode("utf-8", "replace").strip()
    try:
        if re.fullmatch(r"[0-9]{1,11}", said):
            return datetime.fromtimestamp(int(said), UTC)
        return datetime.strptime(f"{said} +0000", "%Y-%m-%d %H:%M:%S %z") if said else None
    except (ValueError, OverflowError, OSError):
        raise CollectionError("no time is said") from None
