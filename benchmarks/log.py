"""The log at 100,000 entries: time of an append with its durable write and of a proof.

`python -m benchmarks.log` fills a log in a temporary folder and prints the goal with what was reached. The goal, under 1 ms each, is judged by
the median of the append and of the proof; the disk's flush is part of the append. It exits non-zero where the goal is missed.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from certification import merkle
from certification.log_store import SqliteLog, opened

ENTRIES = 100_000
SAMPLES = 500
GOAL = 0.001
ENVELOPE = os.urandom(4_000)


def main() -> int:
    """Fills, measures, prints; 0 where both goals are met."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "log", "bench.test") as log:
        begun = time.perf_counter()
        _fill(log, ENTRIES)
        print(f"{ENTRIES:,} entries appended, without flushes: {time.perf_counter() - begun:.1f} s")
        append = _median(lambda number: _append(log, ENTRIES + number))
        size = log.size
        root = merkle.root(log, size)
        proof = _median(lambda number: merkle.inclusion(log, number * 7919 % size, size))
        consistency = _median(lambda number: merkle.consistency(log, number * 7919 % size, size))
        path = merkle.inclusion(log, 4_711, size)
        leaf = merkle.leaf_hash(_payload(4_711))
        verified = _median(lambda _: merkle.insist_on_inclusion(leaf, 4_711, size, path, root))
    for name, seconds in (("append", append), ("proof", proof), ("consistency", consistency), ("verification", verified)):
        print(f"{name:<14}{seconds * 1000:8.3f} ms median of {SAMPLES}")
    met = append < GOAL and proof < GOAL
    print(f"goal: append and proof under {GOAL * 1000:.0f} ms at {ENTRIES:,} entries: {'met' if met else 'MISSED'}")
    return 0 if met else 1


def _payload(number: int) -> bytes:
    return b"payload %d" % number


def _append(log: SqliteLog, number: int) -> None:
    log.append(_payload(number), ENVELOPE, "urn:bench", f"CC-{number}", "2026-11-24T00:00:00Z")


def _fill(log: SqliteLog, count: int) -> None:
    # The flush of each append is what is measured afterwards; here it would only make the filling slow.
    log._connection.execute("PRAGMA synchronous = OFF")  # noqa: SLF001 - only here
    for number in range(count):
        _append(log, number)
    log._connection.execute("PRAGMA synchronous = FULL")  # noqa: SLF001 - only here


def _median(work: Callable[[int], object]) -> float:
    times = []
    for number in range(SAMPLES):
        begun = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
