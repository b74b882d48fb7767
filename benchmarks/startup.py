"""How long the command takes to start: `--help` and `verify`, against an interpreter that does nothing. Prints ratios."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 15
TRIED = {
    "python -c pass": ["-c", "pass"],
    "clearance --help": ["-m", "scanner.cli", "--help"],
    "clearance verify (refused)": ["-m", "scanner.cli", "verify", "README.md", "--trust", "README.md"],
    "clearance checks list": ["-m", "scanner.cli", "checks", "list"],
}


def seconds(words: list[str]) -> float:
    """How long one start took."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=False, timeout=60)
    return time.perf_counter() - began


def main() -> None:
    """Prints the median of each, taken in turn so that what else the machine does falls on all alike."""
    taken: dict[str, list[float]] = {name: [] for name in TRIED}
    for turn in range(ROUNDS + 1):
        for name, words in TRIED.items():
            took = seconds(words)
            if turn:  # the first warms the caches
                taken[name].append(took)
    nothing = statistics.median(taken["python -c pass"])
    for name, found in taken.items():
        median = statistics.median(found)
        print(f"{name:<28} {median * 1000:6.0f} ms   {median / nothing:4.1f} times   best {min(found) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
