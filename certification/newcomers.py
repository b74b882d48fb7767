"""Entries that a witness sees for the first time: made since it last looked, by keys that had not ended then.

A log says itself when it was written to. A key that ended could sign what says it is older, and the log's own machine could enter it under an old
date; the other authority's witness knows when it last saw the log without it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from certification.envelope import read_envelope
from certification.ledger import logged_at
from certification.log_store import LogStore
from certification.refusals import Code, Refusal
from certification.trust import TrustRoot
from scanner.findings import said

SKEW = timedelta(minutes=5)
"""How far the clocks of log and witness may differ."""


def rightly_entered(log: LogStore, trust: TrustRoot, start: int, since: datetime | None, at: datetime) -> None:
    """Returns where every entry from this position on was made after `since` and before `at`, and signed by keys that lasted until it was made."""
    for entry in log.entries(start):
        made = logged_at(entry)
        if made is None or (since is not None and made < since - SKEW):
            message = said(
                "entry {position} says {made}, before the log was cosigned without it",
                position=entry.position,
                made=entry.logged_at,
            )
            raise Refusal(Code.ENTRY_BACKDATED, message)
        if made > at + SKEW:
            message = said(
                "entry {position} says {made}, and the clock {now}",
                position=entry.position,
                made=entry.logged_at,
                now=f"{at:%Y-%m-%dT%H:%M:%SZ}",
            )
            raise Refusal(Code.CLOCK_BACKWARDS, message)
        for signature in read_envelope(entry.envelope).signatures:
            trust.key(signature.keyid).lasts(made)
