"""A nation's campaign: 12,000 endpoints of all provinces, judged from made evidence and stored, then reported into one folder with an index.

`python -m benchmarks.campaign [ENDPOINTS [FOLDER]]` judges by the national baseline what a specimen of each kind of observation says; at every
tenth endpoint TLS 1.0 is accepted, and every fiftieth is silent. The largest agency has many times the endpoints of the smallest. `clearance report`
writes the pages in a process of its own. Prints time, memory and the largest file, and exits non-zero where a file is larger than the goal or
an endpoint stands in no file.
"""

from __future__ import annotations

import hashlib
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import checks
from scanner import store
from scanner.baseline import load
from scanner.inventory.units import current
from scanner.judge import judge
from scanner.observations import Observation, Reason, Sighting, TlsVersion, Unobserved
from scanner.registry import code_digests, load_checks
from scanner.sights import Sight
from scanner.specimens import AT, SUITES, VANTAGE, tls
from scanner.store import sighting_path
from scanner.targets import Agency, BilingualText, Host, Scope, Service, Speaks, System
from tests.checks.test_verdicts_of_the_baselines import GOOD, order
from tests.scanner.test_claims import peer

ENDPOINTS, GOAL = 12_000, 5_000_000
"""Endpoints of the campaign, and bytes of its largest file."""
UNITS_OF = date(2026, 11, 1)
OLD = tls(accepts={**SUITES, TlsVersion.TLS_1_0: ("TLS_RSA_WITH_AES_128_CBC_SHA",)})
SILENT = Unobserved(reason=Reason.TIMED_OUT)


def main() -> int:
    """Makes the runs, reports them, and says what came of it."""
    endpoints = int(sys.argv[1]) if len(sys.argv) > 1 else ENDPOINTS
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else made)
        begun = time.perf_counter()
        runs, findings = [], 0
        for number, (name, share) in enumerate(shares(endpoints), start=1):
            files = run_of(f"H{number:02d}", name, share)
            runs.append(stored(files, folder / f"run-{number:02d}"))
            findings += files[store.ASSESSMENT].count(b'"id":"F-')
        print(
            f"judged        {endpoints} endpoints of {len(runs)} agencies, {findings} findings: {time.perf_counter() - begun:.0f} s"
        )
        out = folder / "campaign"
        reported(runs, out)
        pages = sorted(out.iterdir())
        largest = max(pages, key=lambda page: page.stat().st_size)
        print(f"pages         {sum(page.stat().st_size for page in pages) / 1e6:.0f} MB in {len(pages)} files")
        print(f"largest file  {largest.stat().st_size / 1e6:.2f} MB ({largest.name}; goal {GOAL / 1e6:.0f})")
        shown = set().union(*(rows(page) for page in pages))
        print(f"findings      {len(shown)} of {findings} in the pages")
    return 0 if largest.stat().st_size < GOAL and len(shown) == findings else 1


def shares(endpoints: int) -> Iterator[tuple[str, int]]:
    """Each province with its endpoints: the first of them ten times as many as the last."""
    names = current(UNITS_OF)
    weights = [10 * len(names) - 9 * at for at in range(len(names))]
    given = 0
    for at, name in enumerate(names):
        until = endpoints * sum(weights[: at + 1]) // sum(weights)
        yield name, until - given
        given = until


def run_of(code: str, name: str, endpoints: int) -> dict[str, bytes]:
    """The files of a judged run over so many HTTPS servers."""
    found = load_checks()
    data = Path(checks.__file__).with_name("baselines").joinpath("npdb-2026.yaml").read_bytes()
    bound = load(data, "npdb-2026", found)
    called = BilingualText(vi=f"Ủy ban nhân dân {name}", en=f"People's Committee of {name}")
    scope = _scope(code, called, endpoints)
    placed = order(bound, scope.model_copy(update={"agency": scope.agency.model_copy(update={"code": "A1"})}))
    permit = placed.permit.model_copy(update={"agency": code, "addresses": ("10.0.0.0/8",)})
    placed = placed.model_copy(update={"run": f"R-{code}", "scope": scope, "permit": permit})
    files = {store.ORDER: placed.written(), store.BASELINE: data}
    for sight in placed.plan:
        sighting = Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=_seen(sight))
        files[sighting_path(sight)] = sighting.written()
    files[store.ASSESSMENT] = judge(files, found, code_digests(found)).written()
    return {**files, store.MANIFEST: store.manifest_of(files).written()}


def _scope(code: str, called: BilingualText, endpoints: int) -> Scope:
    https = Service(port=443, transport="tcp", speaks=Speaks.HTTPS, name="dvc.example.vn")
    return Scope(
        agency=Agency(code=code, name=called, echelon="province"),
        system=System(
            id="S1", name=BilingualText(vi="Cổng dịch vụ công", en="Public service portal"), level=3, operator=called.vi
        ),
        hosts=tuple(
            Host(id=f"h{number}", address=f"10.1.{number // 250}.{1 + number % 250}", services=(https,))
            for number in range(endpoints)
        ),
    )


def _seen(sight: Sight) -> Observation | Unobserved:
    number = int(re.sub(r"\D", "", sight.subject.partition(":")[0]) or 0)
    if number % 50 == 49 and sight.kind != "host":
        return SILENT
    if sight.kind == "tls" and number % 10 == 0:
        return OLD
    return peer() if sight.kind == "peer-certificate" else GOOD[sight.kind]()


def stored(files: Mapping[str, bytes], folder: Path) -> Path:
    """The run's folder with these files."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def reported(runs: list[Path], out: Path) -> None:
    """Writes the pages as a person would, and prints what that took."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "scanner.cli", "report", *runs, "--lang", "vi", "--out", out],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(checks.__file__).parent.parent)},
    )
    took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"reported      {took:.0f} s, {processor:.0f} s of a processor, {after.ru_maxrss / 1024:.0f} MB of memory at most")


def rows(page: Path) -> set[bytes]:
    """The findings that have a row in this page, each told apart by its agency."""
    ids = re.findall(rb'<tr id="(F-[0-9a-f]{12})"', page.read_bytes())
    return {hashlib.sha256(page.name[:3].encode() + found).digest()[:8] for found in ids}


if __name__ == "__main__":
    sys.exit(main())
