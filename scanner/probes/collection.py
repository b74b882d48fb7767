"""The collection: one read-only POSIX-sh script, and the sections of its output. Parsing trusts nothing a host prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

from scanner.observations import OpenPort, OsRelease, Reason, Unobserved
from scanner.record import escaped

PRIVILEGED = "/usr/sbin/sshd -T"
"""The one command that needs other rights than the user's own; docs/host-access.md publishes the sudoers line that allows it."""

SUDO = f"sudo -n {PRIVILEGED}"
"""How an unprivileged user runs it: never asking for a password."""

_SCRIPT = r"""{
LC_ALL=C; export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
begin() { printf '\n%s begin %s\n' '@NONCE@' "$1"; }
end() { printf '\n%s end %s %s\n' '@NONCE@' "$1" "$2"; }
match_blocks() {
  if [ ! -r "$1" ] || [ ${#2} -gt 16 ]; then status=1; return; fi
  sed -n '/^[[:space:]]*[Mm][Aa][Tt][Cc][Hh][[:space:]=]/,$p' "$1" || status=1
  printf '\n'
  for file in $(sed -n -e 's/"//g' -e 's/^[[:space:]]*[Ii][Nn][Cc][Ll][Uu][Dd][Ee][[:space:]=]\{1,\}//p' "$1"); do
    if [ -e "$file" ]; then match_blocks "$file" "+$2"
    elif [ -d "${file%/*}" ] && { [ ! -r "${file%/*}" ] || [ ! -x "${file%/*}" ]; }; then status=1
    fi
  done
}
begin uname; uname -sr; end uname $?
begin os-release; if [ -r /etc/os-release ]; then cat /etc/os-release; else cat /usr/lib/os-release; fi; end os-release $?
if [ -s /var/lib/dpkg/status ]; then
  begin dpkg
  dpkg-query -W -f '${db:Status-Status}\t${binary:Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n'
  end dpkg $?
elif [ -r /lib/apk/db/installed ]; then
  begin apk; sed -n -e '/^[PVAo]:/p' -e '/^$/p' /lib/apk/db/installed; end apk $?
elif command -v rpm >/dev/null; then
  begin rpm; rpm -qa --qf '%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\n'; end rpm $?
fi
if [ ! -e /usr/sbin/sshd ]; then begin no-sshd; end no-sshd 0
elif [ "$(id -u)" = 0 ]; then begin sshd; @PRIVILEGED@; end sshd $?
else begin sshd-by-sudo; @SUDO@; end sshd-by-sudo $?
fi
begin sshd-match; status=0; if cd /etc/ssh; then match_blocks sshd_config +; else status=1; fi; end sshd-match $status
begin listening; ss -H -tuln; end listening $?
begin done; end done 0
} </dev/null 2>/dev/null
"""
# In braces, so that a shell that is given half of it runs none of it, and no command can read the rest as its input.

_KERNEL = re.compile(rb"Linux ([!-~]{1,200})")
_LISTENING = re.compile(r"(?:(tcp)\s+LISTEN|(udp)\s+UNCONN)\s+\d+\s+\d+\s+(\S+):(\d{1,5})\s.*")
_OS_RELEASE = re.compile(r"""\s*(ID|VERSION_ID|PRETTY_NAME)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"']*))\s*""")
_LINES = 200_000

T = TypeVar("T")


class CollectionError(ValueError):
    """Output, or a part of it, that is not what the script prints."""


@dataclass(frozen=True, slots=True)
class Section:
    """One whole section: what stood between its begin and its end, and the command's exit status."""

    text: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Collected:
    """The whole sections of an output by name, and whether the script began and ran to its end."""

    sections: Mapping[str, Section]
    begun: bool
    complete: bool

    def absent(self, name: str, reason: Reason, detail: str) -> Unobserved:
        """Why a section is not there: the output ended before it was whole, or else the reason given."""
        if self.complete:
            return Unobserved(reason=reason, detail=f"{name}: {detail}")
        return Unobserved(reason=Reason.UNREADABLE, detail=f"{name}: the output ended before this was whole")

    def read(self, name: str, reader: Callable[[bytes], T], reason: Reason) -> T | Unobserved:
        """What the reader makes of a section whose command succeeded; the reason where it did not."""
        section = self.sections.get(name)
        if section is None:
            return self.absent(name, reason, "not there")
        if section.status != 0:
            return Unobserved(reason=reason, detail=f"{name}: the command ended with status {section.status}")
        try:
            return reader(section.text)
        except CollectionError as error:
            return Unobserved(reason=Reason.UNREADABLE, detail=f"{name}: {error}")
        except ValueError:  # of the record: its own words could quote the host
            return Unobserved(reason=Reason.UNREADABLE, detail=f"{name}: a value is longer than any that is read")


def script(nonce: str) -> bytes:
    """The script to feed to /bin/sh; `nonce` marks this session's sections, and no file on the host can know it."""
    return _SCRIPT.replace("@NONCE@", nonce).replace("@SUDO@", SUDO).replace("@PRIVILEGED@", PRIVILEGED).encode()


def collected(output: bytes, nonce: str) -> Collected:
    """The sections that are whole; raises CollectionError where they overlap or repeat, as no run of the script prints them."""
    marks = re.compile(rb"^%s (begin|end) ([a-z-]{1,20})(?: (\d{1,3}))?(?=\n)" % nonce.encode(), re.MULTILINE)
    # a marker counts once its line has ended: of a line that was cut, the status could be another
    found: dict[str, Section] = {}
    opened: re.Match[bytes] | None = None
    begun = False
    for mark in marks.finditer(output):
        name = mark[2].decode()
        if mark[1] == b"begin" and opened is None and mark[3] is None and name not in found:
            opened, begun = mark, True
        elif mark[1] == b"end" and opened is not None and mark[3] is not None and opened[2] == mark[2]:
            found[name] = Section(output[opened.end() + 1 : mark.start() - 1], int(mark[3]))
            opened = None
        else:
            raise CollectionError("the sections of the output overlap or repeat")
    return Collected(found, begun, "done" in found)


def kernel(found: Collected) -> str | Unobserved:
    """The running kernel's release; unobserved where the host is no Linux, which nothing else here understands."""
    section = found.sections.get("uname")
    if section is None:
        return found.absent("uname", Reason.UNSUPPORTED, "not there")
    match = _KERNEL.fullmatch(section.text.strip())
    if match is None or section.status != 0:
        named = escaped(section.text.strip(), limit=100) or "unknown"
        return Unobserved(reason=Reason.UNSUPPORTED, detail=f"unsupported operating system: {named}")
    return match[1].decode()


def os_release(found: Collected) -> OsRelease | Unobserved:
    """The operating system by its own word (os-release(5))."""

    def read(text: bytes) -> OsRelease:
        values: dict[str, str] = {}
        for line in text_lines(text):
            match = _OS_RELEASE.fullmatch(line)
            if match is not None:
                values[match[1]] = next(group for group in match.groups()[1:] if group is not None)
            elif line.lstrip().startswith(("ID=", "VERSION_ID=", "PRETTY_NAME=")):
                raise CollectionError("a line is no assignment")
        if not values.get("ID"):
            raise CollectionError("it names no ID")
        named = {name: escaped(re.sub(r"\\(.)", r"\1", values.get(name, "")), limit=200) for name in _NAMES}
        return OsRelease(id=named["ID"], version_id=named["VERSION_ID"], pretty_name=named["PRETTY_NAME"])

    return found.read("os-release", read, Reason.UNSUPPORTED)


_NAMES = ("ID", "VERSION_ID", "PRETTY_NAME")


def listening(found: Collected) -> tuple[OpenPort, ...] | Unobserved:
    """TCP and UDP ports on which something listens on other than loopback addresses."""

    def read(text: bytes) -> tuple[OpenPort, ...]:
        ports: dict[tuple[int, str], OpenPort] = {}
        for line in filter(None, text_lines(text)):
            match = _LISTENING.fullmatch(f"{line} ")
            if match is None or int(match[4]) > 65_535:
                raise CollectionError("a line is no listening socket")
            if not _loopback(match[3]):
                port = OpenPort(port=int(match[4]), transport="tcp" if match[1] else "udp", service="")
                ports[port.port, port.transport] = port
        return tuple(port for _, port in sorted(ports.items()))

    return found.read("listening", read, Reason.UNSUPPORTED)


def _loopback(shown: str) -> bool:
    bare = shown.partition("%")[0].strip("[]")
    if bare in ("", "*"):
        return False
    try:
        address = ip_address(bare)
    except ValueError:
        raise CollectionError("a line names no address") from None
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def text_lines(text: bytes) -> list[str]:
    """The lines of a section; bytes that are not UTF-8 stay as surrogates, which `escaped` shows."""
    if text.count(b"\n") > _LINES:
        raise CollectionError(f"more than {_LINES} lines")
    return [line.rstrip("\r") for line in text.decode("utf-8", "surrogateescape").split("\n")]
