"""What confines programs on the host: the flags of its mounts."""

from __future__ import annotations

import re

from scanner.observations import Mount, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, table
from scanner.record import escaped

SHELL = r"""
mounts() {
  awk '{ flags = ""; count = split($4, option, ",")
    for (at = 1; at <= count; at++) if (option[at] !~ /=/) flags = flags "," option[at]
    print $2, $3, substr(flags, 2) }' /proc/self/mounts
}
section mounts mounts
"""

_CODED = re.compile(r"\\([0-3][0-7]{2})")
_FLAGS = re.compile(r"[A-Za-z0-9_.,+-]*")


def mounts(found: Collected) -> tuple[Mount, ...] | Unobserved:
    """What is mounted, the last of those at one place, which hides the others; neither devices nor options with a value."""

    def read(text: bytes) -> tuple[Mount, ...]:
        held: dict[str, Mount] = {}
        for path, kind, flags in table(text, " ", 3):
            if not path.startswith("/") or not kind or not _FLAGS.fullmatch(flags):
                raise CollectionError("a line is no mount")
            plain = escaped(_CODED.sub(lambda code: chr(int(code[1], 8)), path))
            options = tuple(flag for flag in flags.split(",") if flag)
            held[plain] = Mount(path=plain, type=escaped(kind, limit=100), options=options)
        if "/" not in held:
            raise CollectionError("it has no root")
        return tuple(held.values())

    return found.read("mounts", read, Reason.UNREADABLE)
