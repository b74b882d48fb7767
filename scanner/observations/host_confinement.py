"""What confines programs on a host: the flags of its mounts, and mandatory access control."""

from __future__ import annotations

from typing import Literal

from scanner.observations.base import Count
from scanner.record import PeerText, Record, Sorted


class Mount(Record):
    """A file system at its place."""

    path: PeerText
    type: PeerText
    options: Sorted[PeerText]
    """Those without a value, such as rw and nosuid."""


class AppArmor(Record):
    """How many of AppArmor's loaded profiles are in which mode."""

    enforced: Count
    complaining: Count
    """They only write down what they would refuse, or ask."""
    unconfined: Count


class AccessControl(Record):
    """What the kernel's mandatory access control does now."""

    selinux: Literal["enforcing", "permissive"] | None
    """None, as for the next, where the running kernel has none of it or it is switched off."""
    apparmor: AppArmor | None
