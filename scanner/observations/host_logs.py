"""What a host writes down, for how long, whom it tells, and by which clock."""

from __future__ import annotations

from typing import Literal

from scanner.observations.base import Count
from scanner.record import PeerText, Record


class Journal(Record):
    """What journald does with what it is told."""

    storage: Literal["persistent", "volatile", "none"]
    """Where its records are: on the disk, in memory, nowhere."""
    retention_seconds: Count | None
    """After how long records are deleted whatever room there is; None where no such limit is set."""


class LogTarget(Record):
    """Another machine that the system log is sent to."""

    by: Literal["rsyslog", "syslog-ng"]
    host: PeerText
    protocol: Literal["udp", "tcp", "relp"]
    encrypted: bool
    """Its own settings or the general ones demand TLS."""
    what: PeerText
    """The selector of what is sent: `*.*` for everything; words where conditions decide."""


class Rotation(Record):
    """How long logrotate keeps what was written to a file."""

    path: PeerText
    """As its configuration names it, patterns and all."""
    days: Count | None
    """The whole days after which the oldest is deleted at the earliest; None where size decides, not time."""


class Audit(Record):
    """What the kernel's audit system records now."""

    enabled: bool
    running: bool
    """A daemon takes the records."""
    rules: tuple[PeerText, ...]
    """In their order, which decides, as auditctl lists them."""


class Clock(Record):
    """What a time service says of the host's clock."""

    by: Literal["chrony", "ntp", "timesyncd"]
    synchronised: bool
    offset_milliseconds: Count | None
    """How far off the clock is at most, whichever way; None where it was not said."""
    source: PeerText


class LogFile(Record):
    """A file or a folder under /var/log."""

    path: PeerText
    mode: PeerText
    """As ls shows it."""
    owner: PeerText
