"""From where a host takes its packages, and when it last did."""

from __future__ import annotations

from scanner.record import PeerText, Record


class PackageSource(Record):
    """A place that packages are taken from."""

    file: PeerText
    """The file that names it."""
    host: PeerText
    """The machine; empty for a folder or a medium of the host's own."""
    signed: bool
    """Signatures are demanded of it, as by default."""
