"""What one certificate's standing costs in a log: by the whole log, and by the entries that bear on it.

`python -m benchmarks.standing [ENTRIES]` (2,000) fills a log, replays it whole and by `certification.bearing` in one run, for a certificate that was
suspended, and prints both times and their ratio. `suspend`, `resume`, `revoke` and `issue` do this twice at most.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from certification.authorisation import AuthorisationStatement
from certification.bearing import bearing
from certification.envelope import read_envelope
from certification.ledger import history
from certification.log_store import opened
from certification.statements import read_statement
from certification.status import Standing, State, replayed, standing
from certification.status_event import Change
from tests.gateway.stage import ISSUED, Office, certificate, clock


def main(arguments: list[str]) -> int:
    """Fills, measures, prints; 0 where both agree."""
    count = int(arguments[0]) if arguments else 2_000
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "log", "a-log") as log:
        office = Office(log)
        _fill(office, count - 1)
        who = office.issue()
        office.change(who, Change.SUSPENDED, "an")
        whole = _timed("the whole log", lambda: replayed(history(office.log, office.trust)))
        part = _timed("what bears on it", lambda: replayed(history(bearing(office.log, (who.serial,)), office.trust)))
        print(f"{count:,} certificates: {whole[1] / part[1]:.1f} times faster")
        agree = [standing(found, who.serial).at(clock()) for found in (whole[0], part[0])] == [State.SUSPENDED] * 2
    return 0 if agree else 1


def _fill(office: Office, count: int) -> None:
    for number in range(1_000, 1_000 + count):
        envelope = certificate(number=number)
        payload = read_envelope(envelope).payload
        statement = read_statement(payload, AuthorisationStatement)
        serial = statement.predicate.serial
        office.log.append(payload, envelope, statement.predicate_type, serial, f"{ISSUED:%Y-%m-%dT%H:%M:%SZ}")


def _timed(name: str, run: Callable[[], dict[str, Standing]]) -> tuple[dict[str, Standing], float]:
    begun = time.process_time()
    found = run()
    seconds = time.process_time() - begun
    print(f"{name:<18}{seconds:8.2f} s of processor time")
    return found, seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
