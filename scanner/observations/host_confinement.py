"""What confines programs on a host: the flags of its mounts."""

from __future__ import annotations

from scanner.record import PeerText, Record, Sorted


class Mount(Record):
    """A file system at its place."""

    path: PeerText
    type: PeerText
    options: Sorted[PeerText]
    """Those without a value, such as rw and nosuid."""
