"""What waits for a restart: of a process whose files are not those on the disk any more, or of the whole host."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.i18n import N_
from scanner.observations import Reason, ReplacedFile, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, files, table, text_lines
from scanner.record import escaped

MAPS = "/usr/bin/find /proc -mindepth 2 -maxdepth 2 -name maps -exec /usr/bin/grep -Hsao -e ..x..*deleted.$ -e stack.$ {} +"
_MAPS = "/usr/bin/find /proc -mindepth 2 -maxdepth 2 -name maps -exec /usr/bin/grep -Hsao -e '..x..*deleted.$' -e 'stack.$' {} +"
PRIVILEGED = (_MAPS,)

_RESTARTING = (
    "dbus",
    "dbus-broker",
    "dbus-daemon",
    "glibc",
    "kernel",
    "kernel-core",
    "kernel-rt",
    "linux-firmware",
    "microcode_ctl",
    "systemd",
)
"""Packages of which the new version is in use only once the host was restarted (needs-restarting(1))."""

SHELL = rf"""
alive() {{
  [ -r /proc/1/status ] || return 77
  cat /proc/[0-9]*/status | awk '/^Name:/ {{ name = substr($0, 7); own = program = 0 }} /^Pid:/ {{ number = $2 }}
    /^NSpid:/ {{ own = NF == 2 }} /^VmSize:/ {{ program = 1 }} /^Threads:/ && own && program {{ print number, name }}'
}}
maps() {{ asroot {_MAPS}; }}
mapped() {{ maps | awk '{{ print }} END {{ exit !NR }}'; }}
section alive alive
if [ -x /usr/bin/find ] && [ -x /usr/bin/grep ]; then section maps mapped; fi
section still-alive alive
signs() {{
  for file in /run/reboot-required /run/reboot-required.pkgs; do
    if [ -r "$file" ]; then echo "$file:"; awk '{{ print FILENAME ":" $0 }}' "$file" || return 77
    elif hidden "$file"; then return 77
    fi
  done
}}
section restart-signs signs
if [ ! -s /var/lib/dpkg/status ] && [ ! -r /lib/apk/db/installed ] && command -v rpm >/dev/null; then
  section booted awk '/^btime / {{ print $2 }}' /proc/stat
  section rpm-times rpm -qa --qf '%{{NAME}}\t%{{INSTALLTIME}}\n' {" ".join(_RESTARTING)}
else section no-rpm-times true
fi
"""
# Of the lines of maps, `-o` prints what follows the addresses, which would help an attacker. Every process has a stack: one whose
# maps show none was not read, however find and grep ended; and they end alike where a process went away and where they found nothing.

_PROCESS = re.compile(r"(\d{1,10}) (.*)")
_OF_PROCESS = re.compile(r"/proc/(\d{1,10})/maps:(.*)")
_DELETED = re.compile(r"[r-][w-]x[ps] [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+ +(/.*) \(deleted\)")
_STACK = "stack]"
_FIRST = "1"
_NOT_READ = N_("those of some processes could not be read, since they are other users'")
_SOME_UNREAD = N_("those of some processes could not be read, which may have changed meanwhile, so scan again")
_LIBRARY = re.compile(r".*\.so(?:\.[0-9.]+)?")
_PROGRAMS = ("/usr/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/bin/", "/sbin/", "/opt/")
"""Folders of programs."""
_PASSING = re.compile(r"/(?:memfd:|dev/|SYSV|tmp/|var/tmp/|run/|var/run/|\[aio\])|.*/(?:jna|orcexec)[^/]*")
"""Files that programs map and delete by themselves, without being replaced (needrestart.conf)."""
_SIGN = "/run/reboot-required"


def replaced_files(found: Collected) -> tuple[ReplacedFile, ...] | Unobserved:
    """Programs and libraries that were deleted or replaced and are still run.

    What runs in a container has its files there: it is left out. Nothing is said where the maps of one process that lived on could
    not be read.
    """
    before = found.read("alive", _processes, Reason.UNREADABLE)
    after = found.read("still-alive", _processes, Reason.UNREADABLE)
    if isinstance(before, Unobserved):
        return before
    if isinstance(after, Unobserved):
        return after
    if "maps" not in found.sections:
        return found.absent("maps", Reason.UNSUPPORTED, "no /usr/bin/find or no /usr/bin/grep")
    return found.privileged("maps", MAPS, lambda text: _replaced(text, before, after))


def _processes(text: bytes) -> dict[str, str]:
    found = {}
    for line in filter(None, text_lines(text)):
        match = _PROCESS.fullmatch(line)
        if match is None:
            raise CollectionError("a line is no process")
        found[match[1]] = escaped(match[2], limit=64)
    if not found:
        raise CollectionError("no process is named")
    return found


def _replaced(text: bytes, before: dict[str, str], after: dict[str, str]) -> tuple[ReplacedFile, ...] | Unobserved:
    said = tuple(_said(text))
    lasting = before.keys() & after.keys()
    unread = lasting - {number for number, words in said if words == _STACK}
    if unread:  # those of the first process only root may read: who read them read the others, but for what changed meanwhile
        reason, why = (Reason.NEEDS_RIGHTS, _NOT_READ) if _FIRST in unread else (Reason.UNREADABLE, _SOME_UNREAD)
        return Unobserved(reason=reason, detail=f"maps: {why}: {len(unread)}/{len(lasting)}")
    names = before | after
    return tuple(
        ReplacedFile(process=names[number], path=escaped(deleted[1]))
        for number, words in said
        if number in names and (deleted := _DELETED.fullmatch(words)) and _counts(deleted[1])
    )


def _said(text: bytes) -> Iterator[tuple[str, str]]:
    for line in filter(None, text_lines(text)):
        match = _OF_PROCESS.fullmatch(line)
        if match is None:
            raise CollectionError("a line names no process")
        yield match[1], match[2]


def _counts(path: str) -> bool:
    return not _PASSING.match(path) and (path.startswith(_PROGRAMS) or _LIBRARY.fullmatch(path) is not None)


def restart_required(found: Collected) -> tuple[str, ...] | Unobserved:
    """The packages because of which the host asks to be restarted; none where nothing on it says so."""
    asked = found.read("restart-signs", _asked, Reason.UNREADABLE)
    if isinstance(asked, Unobserved) or "no-rpm-times" in found.sections:
        return asked
    booted = found.read("booted", _instant, Reason.UNREADABLE)
    if isinstance(booted, Unobserved):
        return booted
    newer = found.read("rpm-times", lambda text: _newer(text, booted), Reason.UNREADABLE)
    return newer if isinstance(newer, Unobserved) else asked + newer


def _asked(text: bytes) -> tuple[str, ...]:
    held = files(text)
    if held.keys() - {_SIGN, f"{_SIGN}.pkgs"}:
        raise CollectionError("a line names another file")
    named = tuple(escaped(line, limit=300) for line in held.get(f"{_SIGN}.pkgs", ()) if line)
    return named or (("reboot-required",) if held else ())


def _instant(text: bytes) -> int:
    said = text.strip()
    if not re.fullmatch(rb"[0-9]{1,12}", said):
        raise CollectionError("no time is said")
    return int(said)


def _newer(text: bytes, booted: int) -> tuple[str, ...]:
    """Those of rpm's packages that were installed since."""
    installed = [(name, _instant(at.encode("utf-8", "surrogateescape"))) for name, at in table(text, "\t", 2)]
    if not installed:
        raise CollectionError("an empty package list")
    return tuple(name for name, at in installed if name in _RESTARTING and at > booted)
