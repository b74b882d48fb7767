"""How a host is closed: its packet filter, its kernel's parameters, its disks, its files of keys, what mounts media."""

from __future__ import annotations

from typing import Literal

from scanner.record import PeerText, Record


class FilterChain(Record):
    """What a packet filter does at a hook with a packet that no rule before spoke of."""

    family: Literal["ip", "ip6", "inet"]
    table: PeerText
    name: PeerText
    hook: Literal["input", "forward", "output"]
    denies: bool
    """Its policy is to drop, or its last rule drops or rejects everything, and no rule accepts everything."""


class KernelParameter(Record):
    """One parameter of the running kernel."""

    name: PeerText
    value: PeerText


class Disk(Record):
    """A block device on which something is mounted."""

    mounted: PeerText
    encrypted: bool
    """It, or a device it stands on, is a dm-crypt one."""


class KeyFile(Record):
    """A file that by its name holds a private key."""

    path: PeerText
    mode: PeerText
    """As ls shows it."""
    owner: PeerText


class Automounter(Record):
    """A service that mounts media by itself."""

    name: PeerText
    enabled: bool
    """The boot starts it."""
    running: bool
