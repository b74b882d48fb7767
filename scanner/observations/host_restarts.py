"""What runs on a host although its file on the disk is another by now."""

from __future__ import annotations

from scanner.record import PeerText, Record


class ReplacedFile(Record):
    """A program or library that was deleted or replaced and that a process still runs as it was."""

    process: PeerText
    """The process by its name, cut at 15 letters as the kernel keeps it."""
    path: PeerText
    """Where the file was."""
