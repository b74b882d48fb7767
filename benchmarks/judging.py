"""Judging 10,000 findings: time of the judgement alone, of a whole run from its files, and of only parsing the same files as JSON.

`python -m benchmarks.judging` judges servers by the TLS and certificate controls of the national baseline and the same with a tenth of them, in
one run, and prints the goal with what was reached and how time grows. Each time is the best of five, with the processor's own time beside it:
on a machine that others use that one says more. It exits non-zero where the goal is missed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import checks
from scanner import scoring, store
from scanner.attestations import Deviations
from scanner.baseline import BoundBaseline, load
from scanner.evaluate import Sightings, evaluate
from scanner.judge import judge
from scanner.observations import PeerCertificateObservation, Sighting, TlsObservation
from scanner.order import Order
from scanner.plan import sights
from scanner.record import sha256
from scanner.registry import load_checks
from scanner.specimens import AT, VANTAGE, peer_certificate, tls
from scanner.store import sighting_path
from scanner.targets import (
    Agency,
    BilingualText,
    Host,
    Permit,
    Person,
    RunKind,
    Scope,
    Service,
    Speaks,
    System,
    Window,
)

FINDINGS = 10_000
GOAL = 1.0
TRIES = 5
GOOD: dict[str, Callable[[], TlsObservation | PeerCertificateObservation]] = {"tls": tls, "peer-certificate": peer_certificate}
NAME = BilingualText(vi="Cơ quan", en="Agency")


@dataclass(frozen=True, slots=True)
class Took:
    """How long something took by the clock, and how much of it the processor worked for us."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:6.2f} s, processor {self.processor:6.2f} s"


@dataclass(frozen=True, slots=True)
class Run:
    """A run in memory, and as the files it would be on disk."""

    bound: BoundBaseline
    order: Order
    seen: Sightings
    files: Mapping[str, bytes]


def main() -> int:
    """Prints the times and the ratios."""
    data = Path(checks.__file__).with_name("baselines").joinpath("npdb-2026.yaml").read_bytes()
    bound = load(data, "npdb-2026", load_checks())
    rules = [rule for rule in bound.rules if rule.check.observes.model_fields["kind"].default in GOOD]
    small, large = (_run(bound, data, count // len(rules) + 1) for count in (FINDINGS // 10, FINDINGS))
    count = _judged(large)
    alone, tenth = _best(lambda: _judged(large)), _best(lambda: _judged(small))
    found = load_checks()
    whole, everything = _best(lambda: judge(large.files, found, ())), len(judge(large.files, found, ()).findings)
    yaml = _best(lambda: load(data, "npdb-2026", found))
    parsed = _best(lambda: [json.loads(data) for path, data in large.files.items() if path.endswith(".json")])
    print(f"judgement     {alone}   goal {GOAL:.0f} s   {count} findings")
    print(f"a tenth       {tenth}   growth {alone.processor / tenth.processor:.1f} for ten times the findings")
    print(f"whole run     {whole}   {everything} findings from {len(large.files)} files, every one read strictly and hashed")
    print(f"baseline      {yaml}   of that, reading the baseline's YAML")
    print(f"parse only    {parsed}   only parsing the run's JSON, without judging it")
    print(
        f"per finding   {whole.processor / everything * 1e6:.0f} us in the whole run, {alone.processor / count * 1e6:.0f} us alone"
    )
    return 0 if alone.wall < GOAL and count >= FINDINGS else 1


def _run(bound: BoundBaseline, baseline: bytes, servers: int) -> Run:
    """A run over so many HTTPS servers, each host of a network with room for them, of which only TLS was looked at."""
    hosts = tuple(
        Host(id=f"h{number}", address=f"10.1.{number // 250}.{1 + number % 250}", services=(_https(),))
        for number in range(servers)
    )
    scope = Scope(
        agency=Agency(code="A1", name=NAME, echelon="province"),
        system=System(id="S1", name=NAME, level=3, operator="Operator"),
        hosts=hosts,
    )
    permit = Permit(
        kind=RunKind.SELF_CHECK,
        decision="1/QD",
        agency="A1",
        permitted_by=Person(person="P1", organisation="A1"),
        inspectors=(Person(person="P2", organisation="A1"),),
        addresses=("10.0.0.0/8",),
        window=Window(begins=AT - timedelta(days=1), ends=AT + timedelta(days=1)),
    )
    placed = Order(
        run="R1",
        nonce="00" * 32,
        kind=RunKind.SELF_CHECK,
        ordered_at=AT,
        judged_at=AT + timedelta(hours=1),
        scope=scope,
        permit=permit,
        permit_envelope=None,
        baseline=sha256(baseline),
        deviations=None,
        trust_anchors="33" * 32,
        crls="44" * 32,
        feeds=(),
        vantage=VANTAGE,
        tool="clearance",
        checks=(),
        plan=tuple(sight for sight in sights(scope, bound) if sight.kind in GOOD),
    )
    seen = {
        sight: (Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=GOOD[sight.kind]()), "00" * 32)
        for sight in placed.plan
    }
    files = {sighting_path(sight): sighting.written() for sight, (sighting, _) in seen.items()}
    unanchored = placed.model_copy(update={"plan": tuple(sight for sight in placed.plan if sight.kind == "tls")})
    tls_only = {path: data for path, data in files.items() if "/tls/" in path}
    unanchored = unanchored.model_copy(update={"trust_anchors": None, "crls": None})
    return Run(bound, placed, seen, {store.ORDER: unanchored.written(), store.BASELINE: baseline, **tls_only})


def _https() -> Service:
    return Service(port=443, transport="tcp", speaks=Speaks.HTTPS, name="dvc.example.vn")


def _judged(run: Run) -> int:
    """How many findings were judged, scored and decided on."""
    rules = tuple(rule for rule in run.bound.rules if rule.check.observes.model_fields["kind"].default in GOOD)
    only = BoundBaseline(run.bound.baseline, run.bound.digest, rules)
    findings = evaluate(run.order, only, run.seen, {})
    found = scoring.standings(run.order, only, findings, Deviations())
    scoring.decide(scoring.reasons(run.order, only, found, run.seen))
    scoring.results(run.order, only, found)
    scoring.tally(found)
    return len(findings)


def _best(work: Callable[[], object]) -> Took:
    times = []
    for _ in range(TRIES):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        times.append(Took(time.perf_counter() - wall, time.process_time() - processor))
    return Took(min(took.wall for took in times), min(took.processor for took in times))


if __name__ == "__main__":
    sys.exit(main())
