"""The sections of the collection: how the script marks them, and how its output is read. Parsing trusts nothing a host prints."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from scanner.i18n import N_
from scanner.observations import Reason, Unobserved

SECTION_BYTES = 3_000_000
"""What is kept of one section; of one that is longer, nothing is read."""
SECTION_SECONDS = 10
"""How long one section may take; the next one begins then, whatever hangs."""

SUDO = "sudo -n"
"""How an unprivileged user runs a privileged command: never asking for a password."""

PRELUDE = r"""
LC_ALL=C; export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
trap : ALRM
section() {
  titled=$1; shift
  printf '\n%s begin %s\n' '@NONCE@' "$titled"
  { "$@"; printf '\n%s end %s %s\n' '@NONCE@' $? "$titled"; } | head -c @BYTES@ &
  reader=$!
  { trap 'kill $nap; exit' TERM; sleep @SECONDS@ & nap=$!; wait $nap; kill -KILL $reader; kill -ALRM $$; } >/dev/null &
  dog=$!
  wait $reader
  kill $dog
}
if timeout -s KILL 1 true; then brief() { timeout -s KILL @SECONDS@ "$@"; }
else brief() { "$@"; }
fi
asroot() { if [ "$(id -u)" = 0 ]; then brief "$@"; else brief @SUDO@ "$@"; fi; }
hidden() { [ -e "$1" ] || { [ -d "${1%/*}" ] && { [ ! -r "${1%/*}" ] || [ ! -x "${1%/*}" ]; }; }; }
lines() {
  unread=0
  for file in "$@"; do
    if [ -f "$file" ] && [ -r "$file" ]; then awk '/^[ \t]*[^# \t]/ { print FILENAME ":" $0 }' "$file" || unread=1
    elif hidden "$file"; then unread=@UNREAD@
    fi
  done
  return $unread
}
"""
"""`section` runs a command under a name, bounded in bytes and time (the signal ends the wait where a shell waits for the whole
pipeline, not for its reader alone); `brief` ends what hangs where timeout(1) is there; `asroot`
runs a published command with root's rights; `hidden` is true of a path that could not be read but is or may be there; `lines` shows the lines of files that are no comments, each after its file's name,
and says by its status that one of them may not be read."""

_UNREAD = 77
"""The status of a section that met a file this user may not read."""

_NOT_RUN = (1, 126, 127)
"""How a shell and sudo end when the command was not run: not allowed, no sudo."""

_LET_READ = N_("the audit user may not read every file this is about")
_CUT_SHORT = N_("the output ended before this was whole")
_TOO_MUCH = N_("it took too long or was larger than what is read")
_FAILED = N_("the command ended with a status other than 0")
_TOO_LONG = N_("a value is longer than any that is read")
_ALLOW = N_("allow the audit user to run without a password")
_LINES = 200_000
_OF_FILE = re.compile(r"(/[^:]{1,300}):\s*(.*?)\s*")

T = TypeVar("T")
Files = dict[str, list[str]]
"""The lines of files by their paths."""


class CollectionError(ValueError):
    """Output, or a part of it, that is not what the script prints."""


@dataclass(frozen=True, slots=True)
class Section:
    """One section: what stood between its begin and its end, and the command's exit status."""

    text: bytes
    status: int | None
    """None where it never ended: it hung, or said more than is read."""


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
        return Unobserved(reason=Reason.UNREADABLE, detail=f"{name}: {_CUT_SHORT}")

    def read(self, name: str, reader: Callable[[bytes], T], reason: Reason) -> T | Unobserved:
        """What the reader makes of a section whose command succeeded; the reason where it did not."""
        section = self.sections.get(name)
        if section is None:
            return self.absent(name, reason, "not there")
        if section.status is None:
            return Unobserved(reason=Reason.UNREADABLE, detail=f"{name}: {_TOO_MUCH}")
        if section.status == _UNREAD:
            return Unobserved(reason=Reason.NEEDS_RIGHTS, detail=f"{name}: {_LET_READ}")
        if section.status != 0:
            return Unobserved(reason=reason, detail=f"{name}: {_FAILED}: {section.status}")
        try:
            return reader(section.text)
        except CollectionError as error:
            return Unobserved(reason=Reason.UNREADABLE, detail=f"{name}: {error}")
        except ValueError:  # of the record: its own words could quote the host
            return Unobserved(reason=Reason.UNREADABLE, detail=f"{name}: {_TOO_LONG}")

    def privileged(self, name: str, command: str, reader: Callable[[bytes], T]) -> T | Unobserved:
        """The same of a section whose command needs root's rights: without them, how to grant them."""
        section, user = self.sections.get(name), self.sections.get("user")
        is_root = user is not None and user.text.strip() == b"0"
        if section is not None and section.status in _NOT_RUN and not is_root:
            return Unobserved(reason=Reason.NEEDS_RIGHTS, detail=f"{name}: {_ALLOW}: {SUDO} {command}")
        return self.read(name, reader, Reason.UNREADABLE)


def prelude(nonce: str) -> str:
    """What stands before the sections; `nonce` marks this session's, and no file on the host can know it."""
    said = {"NONCE": nonce, "BYTES": SECTION_BYTES, "SECONDS": SECTION_SECONDS, "SUDO": SUDO, "UNREAD": _UNREAD}
    shell = PRELUDE
    for place, value in said.items():
        shell = shell.replace(f"@{place}@", str(value))
    return shell


def collected(output: bytes, nonce: str) -> Collected:
    """The sections that began; raises CollectionError where they overlap or repeat, as no run of the script prints them.

    A section that has no end before the next one begins was cut by its bounds; one that has none at all, with the output.
    """
    marks = re.compile(rb"^%s (?:begin ([a-z0-9-]{1,24})|end (\d{1,3}) ([a-z0-9-]{1,24}))(?=\n)" % nonce.encode(), re.MULTILINE)
    # a marker counts once its line has ended, and the status stands before the name: of a line that was cut, neither is another
    found: dict[str, Section] = {}
    opened: re.Match[bytes] | None = None
    begun = False
    for mark in marks.finditer(output):
        if mark[1] is not None:
            if opened is not None:
                found[opened[1].decode()] = Section(b"", None)
            if mark[1].decode() in found:
                raise CollectionError("the sections of the output repeat")
            opened, begun = mark, True
        elif opened is not None and opened[1] == mark[3]:
            found[mark[3].decode()] = Section(output[opened.end() + 1 : mark.start() - 1], int(mark[2]))
            opened = None
        else:
            raise CollectionError("the sections of the output overlap")
    return Collected(found, begun, "done" in found)


def text_lines(text: bytes) -> list[str]:
    """The lines of a section; bytes that are not UTF-8 stay as surrogates, which `escaped` shows."""
    if text.count(b"\n") > _LINES:
        raise CollectionError("it has more lines than are read")
    return [line.rstrip("\r") for line in text.decode("utf-8", "surrogateescape").split("\n")]


def table(text: bytes, separator: str, columns: int) -> Iterator[list[str]]:
    """The fields of each line that is not empty; raises CollectionError where one has not as many as there are columns."""
    for line in filter(None, text_lines(text)):
        fields = line.split(separator)
        if len(fields) != columns:
            raise CollectionError("a line has not as many fields as it should")
        yield fields


def files(text: bytes) -> Files:
    """What `lines` shows."""
    found: Files = defaultdict(list)
    for line in filter(None, text_lines(text)):
        match = _OF_FILE.fullmatch(line)
        if match is None:
            raise CollectionError("a line does not name its file")
        found[match[1]].append(match[2])
    return found
