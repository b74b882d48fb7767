"""How long the command takes to start: `--help`, and `verify` of a certificate that is accepted, in each form, beside what no program is below.

`python -m benchmarks.startup [ROUNDS]` makes a certificate with its log, witness, QR token and PDF in a temporary folder, and verifies each form in
a process of its own, the forms in turn. Printed are the processor time of the process (user and system) and the time by the clock, best and median,
and the processor time as a multiple of an interpreter that only loads pydantic and cryptography's X.509: no verifier written with them is below it.
The goals hold for the best of the processor time: a busy machine adds to all else.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.certification.papers import certified
from tests.certification.stage import LATER

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 15
NOTHING = "python -c pass"
FLOOR = "python -c 'import pydantic, cryptography.x509'"
VERIFY = ("--trust", "root", "--at", LATER.isoformat())
HELP_GOAL, VERIFY_GOAL = 0.150, 0.250


@dataclass(frozen=True, slots=True)
class Took:
    """What one process took, in seconds."""

    clock: float
    processor: float


def main() -> int:
    """Prints the times; 0 where the goals are met."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        forms = certified(folder)
        tried = {
            NOTHING: ["-c", "pass"],
            FLOOR: ["-c", "from pydantic import BaseModel; import cryptography.x509"],
            "clearance --help": ["-m", "scanner.cli", "--help"],
            "clearance --lang vi --help": ["-m", "scanner.cli", "--lang", "vi", "--help"],
            "clearance verify --help": ["-m", "scanner.cli", "verify", "--help"],
            **{f"verify {form}": ["-m", "scanner.cli", "verify", file, *VERIFY] for form, file in forms.items()},
            "verify the envelope, with its evidence": [
                "-m",
                "scanner.cli",
                "verify",
                "c.dsse.json",
                *VERIFY,
                "--bundle",
                "bundle",
            ],
        }
        taken = _taken(tried, rounds, folder)
    floor = min(took.processor for took in taken[FLOOR])
    for what, found in taken.items():
        clock, processor = ([getattr(took, each) * 1000 for took in found] for each in ("clock", "processor"))
        print(
            f"{what:<48} processor {min(processor):5.0f} ms best {statistics.median(processor):5.0f} median, {min(processor) / floor / 1000:4.1f} times;"
            f"  clock {min(clock):5.0f} ms best {statistics.median(clock):5.0f} median"
        )
    goals = {"clearance --help": HELP_GOAL, "verify the envelope": VERIFY_GOAL}
    missed = [what for what, goal in goals.items() if min(took.processor for took in taken[what]) > goal]
    print("goals, --help within 150 ms and verify within 250 ms: " + (f"MISSED by {', '.join(missed)}" if missed else "met"))
    return 1 if missed else 0


def _taken(tried: Mapping[str, list[str]], rounds: int, folder: Path) -> dict[str, list[Took]]:
    """What each took, in turn, so that what else the machine does falls on all alike; the first turn warms the caches."""
    # Compiled modules are kept, as they are where the command is installed, whatever this process was told.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(folder / "compiled"), "CLEARANCE_STATE": str(folder)}
    taken: dict[str, list[Took]] = {what: [] for what in tried}
    for turn in range(rounds + 1):
        for what, words in tried.items():
            took = _process([sys.executable, *words], folder, environment)
            if turn:
                taken[what].append(took)
    return taken


def _process(command: list[str], folder: Path, environment: Mapping[str, str]) -> Took:
    begun_at = time.perf_counter()
    with (folder / "said").open("w+b") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took = Took(time.perf_counter() - begun_at, usage.ru_utime + usage.ru_stime)
        said.seek(0)
        assert process.returncode == 0, said.read().decode()
    return took


if __name__ == "__main__":
    sys.exit(main())
