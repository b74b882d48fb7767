"""The collection: one read-only POSIX-sh script, and what its output says. Parsing trusts nothing a host prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from scanner.observations import OpenPort, OsRelease, Package, Reason, Setting, Sshd, Unobserved
from scanner.record import escaped

SUDO = "sudo -n /usr/sbin/sshd -T"
"""The one command that is run with other rights than the user's own; published in docs/host-access.md."""

_SCRIPT = """\
LC_ALL=C; export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
n='@NONCE@'
begin() { printf '\\n%s begin %s\\n' "$n" "$1"; }
end() { printf '\\n%s end %s %s\\n' "$n" "$1" "$2"; }
begin uname; uname -sr 2>/dev/null; end uname $?
begin os-release
if [ -r /etc/os-release ]; then cat /etc/os-release; else cat /usr/lib/os-release 2>/dev/null; fi
end os-release $?
if command -v dpkg-query >/dev/null 2>&1; then
  begin dpkg
  dpkg-query -W -f '${db:Status-Status}\\t${binary:Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${source:Version}\\n' 2>/dev/null
  end dpkg $?
elif command -v rpm >/dev/null 2>&1; then
  begin rpm
  rpm -qa --qf 'installed\\t%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n' 2>/dev/null
  end rpm $?
elif [ -r /lib/apk/db/installed ]; then
  begin apk; cat /lib/apk/db/installed; end apk $?
fi
if [ ! -x /usr/sbin/sshd ]; then begin sshd; end sshd 127
elif [ "$(id -u)" = 0 ]; then begin sshd; /usr/sbin/sshd -T 2>/dev/null; end sshd $?
else begin sshd; @SUDO@ 2>/dev/null; end sshd $?
fi
begin listening; ss -H -tln 2>/dev/null; end listening $?
begin done; end done 0
"""

_LISTENING = re.compile(r"^LISTEN\s+\d+\s+\d+\s+(\S+):(\d{1,5})\s")
_SETTING = re.compile(r"^([a-z0-9]+) (.*)$")
_VALUE = re.compile(r"""^([A-Z][A-Z0-9_]*)=(?:"([^"]*)"|'([^']*)'|([^\s"']*))$""")
_LINES = 100_000

T = TypeVar("T")


class CollectionError(ValueError):
    """Output that is not a collection's: the session's own marker is nowhere in it."""


@dataclass(frozen=True, slots=True)
class Section:
    """One complete section: what stood between its begin and its end, and the command's exit status."""

    text: bytes
    status: int


def script(nonce: str) -> bytes:
    """The script to feed to /bin/sh; `nonce` marks this session's sections and nothing else can."""
    return _SCRIPT.replace("@NONCE@", nonce).replace("@SUDO@", SUDO).encode()


def sections(output: bytes, nonce: str) -> dict[str, Section]:
    """The sections that are whole, by name; raises CollectionError where the script did not run to its end."""
    mark = nonce.encode()
    pattern = re.compile(
        rb"^" + mark + rb" begin (?P<name>[a-z-]+)\n(?P<text>.*?)\n" + mark + rb" end (?P=name) (?P<status>\d{1,3})$",
        re.DOTALL | re.MULTILINE,
    )
    found = {m["name"].decode(): Section(m["text"], int(m["status"])) for m in pattern.finditer(output)}
    if "done" not in found:
        raise CollectionError("the collection did not run to its end")
    return found


def system(found: dict[str, Section]) -> str:
    """The kernel's name and release; empty where it could not be asked."""
    section = found.get("uname")
    return escaped(section.text.strip(), limit=200) if section and section.status == 0 else ""


def os_release(found: dict[str, Section]) -> OsRelease | Unobserved:
    """The operating system by its own word (os-release(5))."""

    def read(section: Section) -> OsRelease:
        values = {}
        for line in _text_lines(section.text):
            if line and not line.startswith("#"):
                match = _VALUE.match(line)
                if match is None:
                    raise CollectionError("a line of os-release is no assignment")
                values[match[1]] = next(group for group in match.groups()[1:] if group is not None)
        if "ID" not in values:
            raise CollectionError("os-release names no ID")
        named = {name: escaped(values.get(name, ""), limit=200) for name in ("ID", "VERSION_ID", "PRETTY_NAME")}
        return OsRelease(id=named["ID"], version_id=named["VERSION_ID"], pretty_name=named["PRETTY_NAME"])

    return _of(found, "os-release", read, Reason.UNSUPPORTED)


def packages(found: dict[str, Section]) -> tuple[Package, ...] | Unobserved:
    """The installed packages; one line that cannot be read makes the whole list unreadable, never shorter."""
    for name, read in (("dpkg", _tabled), ("rpm", _tabled), ("apk", _apk)):
        if name in found:
            return _of(found, name, read, Reason.UNREADABLE)
    return Unobserved(reason=Reason.UNSUPPORTED, detail="no dpkg, rpm or apk database")


def sshd(found: dict[str, Section]) -> Sshd | Unobserved:
    """The SSH server's effective settings."""
    section = found.get("sshd")
    if section is not None and section.status == 127 and not section.text.strip():
        return Unobserved(reason=Reason.UNSUPPORTED, detail="no /usr/sbin/sshd")
    if section is not None and section.status != 0:
        return Unobserved(reason=Reason.NEEDS_RIGHTS, detail=f"allow the audit user to run without a password: {SUDO}")

    def read(part: Section) -> Sshd:
        settings = []
        for line in _text_lines(part.text):
            match = _SETTING.match(line.lower() if " " not in line else line)
            if line and match is None:
                raise CollectionError("a line of sshd -T is no setting")
            if match:
                settings.append(Setting(name=match[1], value=escaped(match[2])))
        if not settings:
            raise CollectionError("sshd -T printed nothing")
        return Sshd(settings=tuple(settings))

    return _of(found, "sshd", read, Reason.NEEDS_RIGHTS)


def listening(found: dict[str, Section]) -> tuple[OpenPort, ...] | Unobserved:
    """TCP ports on which something listens on other addresses than 127.0.0.1 and ::1."""

    def read(section: Section) -> tuple[OpenPort, ...]:
        ports = set()
        for line in filter(None, _text_lines(section.text)):
            match = _LISTENING.match(line + " ")
            if match is None or int(match[2]) > 65_535:
                raise CollectionError("a line of ss is no listening socket")
            if match[1] not in ("127.0.0.1", "[::1]"):
                ports.add(int(match[2]))
        return tuple(OpenPort(port=port, transport="tcp", service="") for port in sorted(ports))

    return _of(found, "listening", read, Reason.UNSUPPORTED)


def _of(found: dict[str, Section], name: str, read: Callable[[Section], T], absent: Reason) -> T | Unobserved:
    section = found.get(name)
    if section is None or section.status != 0:
        return Unobserved(reason=absent, detail=f"{name}: not readable here")
    try:
        return read(section)
    except (CollectionError, ValueError) as error:
        return Unobserved(
            reason=Reason.UNREADABLE, detail=escaped(f"{name}: {type(error).__name__}: {error}".splitlines()[0], limit=200)
        )


def _text_lines(text: bytes) -> list[str]:
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    if len(lines) > _LINES:
        raise CollectionError(f"more than {_LINES} lines")
    return [line.rstrip("\r") for line in lines]


def _tabled(section: Section) -> tuple[Package, ...]:
    found = []
    for line in filter(None, _text_lines(section.text)):
        fields = line.split("\t")
        if len(fields) != 6 or not all(fields[:4]):
            raise CollectionError("a line of the package list has not its six fields")
        status, name, version, architecture, source, source_version = (escaped(part, limit=300) for part in fields)
        if status == "installed":
            found.append(
                Package(
                    name=name.partition(":")[0],
                    version=version,
                    architecture=architecture,
                    source=source or name,
                    source_version=source_version or version,
                )
            )
    if not found:
        raise CollectionError("an empty package list")
    return tuple(found)


def _apk(section: Section) -> tuple[Package, ...]:
    found = []
    for block in "\n".join(_text_lines(section.text)).split("\n\n"):
        values = {line[0]: escaped(line[2:], limit=300) for line in block.split("\n") if line[1:2] == ":" and line[0] in "PVAo"}
        if block.strip():
            if not {"P", "V", "A"} <= set(values):
                raise CollectionError("an apk entry without name, version or architecture")
            name, version = values["P"], values["V"]
            source = values.get("o", name)
            found.append(Package(name=name, version=version, architecture=values["A"], source=source, source_version=version))
    if not found:
        raise CollectionError("an empty package list")
    return tuple(found)
