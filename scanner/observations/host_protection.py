"""What guards a host beside its settings: jobs that run by themselves, signatures of malware, a record of its files."""

from __future__ import annotations

from typing import Literal

from scanner.record import Instant, PeerText, Record


class Job(Record):
    """Something that runs by itself at set times."""

    by: Literal["cron", "timer"]
    name: PeerText
    """Of a timer, the unit it starts; of cron, the base name of a program or script, without arguments."""
    last: Instant | None
    """When it was last started, where that was said."""
    failed: bool
    """Its last run is known to have failed."""


class IntegrityBase(Record):
    """The sums of a host's files that later sums are compared with."""

    by: Literal["aide"]
    made: Instant
