"""What confines programs on the host: the flags of its mounts, SELinux or AppArmor."""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal

from scanner.observations import AccessControl, AppArmor, Mount, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, table, text_lines
from scanner.record import escaped

APPARMOR = "/usr/bin/awk '{print $NF}' /sys/kernel/security/apparmor/profiles"
"""Prints the mode of each profile and not its name."""
PRIVILEGED = (APPARMOR,)

SHELL = rf"""
mounts() {{
  awk '{{ flags = ""; count = split($4, option, ",")
    for (at = 1; at <= count; at++) if (option[at] !~ /=/) flags = flags "," option[at]
    print $2, $3, substr(flags, 2) }}' /proc/self/mounts
}}
section mounts mounts
if [ -r /sys/fs/selinux/enforce ]; then section selinux cat /sys/fs/selinux/enforce
elif [ -r /proc/filesystems ] && ! grep -q selinuxfs /proc/filesystems; then section no-selinux true
fi
apparmor=/sys/module/apparmor
case $(cat $apparmor/parameters/enabled) in
  Y) section apparmor asroot {APPARMOR};;
  N) section no-apparmor true;;
  *) if [ -d /sys/module/kernel ] && [ ! -e $apparmor ]; then section no-apparmor true; fi;;
esac
"""

_CODED = re.compile(r"\\([0-3][0-7]{2})")
_FLAGS = re.compile(r"[A-Za-z0-9_.,+-]*")
_MODES: dict[bytes, Literal["enforcing", "permissive"]] = {b"1": "enforcing", b"0": "permissive"}
_PROFILES = ("(enforce)", "(kill)", "(complain)", "(prompt)", "(unconfined)")


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


def access_control(found: Collected) -> AccessControl | Unobserved:
    """What SELinux and AppArmor do now; one that is not in the running kernel, or switched off there, does nothing."""
    selinux = _selinux(found)
    if isinstance(selinux, Unobserved):
        return selinux
    apparmor = _apparmor(found)
    return apparmor if isinstance(apparmor, Unobserved) else AccessControl(selinux=selinux, apparmor=apparmor)


def _selinux(found: Collected) -> Literal["enforcing", "permissive"] | Unobserved | None:
    if "no-selinux" in found.sections:
        return None
    if "selinux" not in found.sections:
        return found.absent("selinux", Reason.UNSUPPORTED, "the kernel has it, and its mode is not shown")

    def read(text: bytes) -> Literal["enforcing", "permissive"]:
        if text.strip() not in _MODES:
            raise CollectionError("no mode is said")
        return _MODES[text.strip()]

    return found.read("selinux", read, Reason.UNREADABLE)


def _apparmor(found: Collected) -> AppArmor | Unobserved | None:
    if "no-apparmor" in found.sections:
        return None
    if "apparmor" not in found.sections:
        return found.absent("apparmor", Reason.UNSUPPORTED, "the kernel does not say whether it is on")

    def read(text: bytes) -> AppArmor:
        modes = Counter(filter(None, text_lines(text)))
        if set(modes) - set(_PROFILES):
            raise CollectionError("a line is no mode")
        return AppArmor(
            enforced=modes["(enforce)"] + modes["(kill)"],
            complaining=modes["(complain)"] + modes["(prompt)"],
            unconfined=modes["(unconfined)"],
        )

    return found.privileged("apparmor", APPARMOR, read)
