"""The pages: 10,000 findings to HTML and 2,000 to PDF, each in a process of its own, beside the bare parsing of the same assessment.

`python -m benchmarks.pages` prints time, memory and size, and how they stand to the goals and to a tenth of the findings.
It exits non-zero where a goal is missed.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

from scanner.assessment import Assessment
from scanner.cli.judging import view_in
from scanner.findings import Finding, Outcome, finding_id, said
from scanner.i18n import speaking
from scanner.order import Order
from scanner.readers import Reader
from scanner.report import Edition, as_pages
from scanner.report_pdf import as_pdf
from tests.scanner.test_claims import OLD, OWN, YES, run_of

GOALS = {"html": (10_000, 2.0, 300), "pdf": (2_000, 4.0, 600)}
"""Findings, seconds and megabytes of each form."""


def main() -> int:
    """Runs each measurement alone, so that its memory is its own."""
    if len(sys.argv) > 1:
        return _measure(sys.argv[1], int(sys.argv[2]))
    missed = 0
    for form, (findings, seconds, megabytes) in GOALS.items():
        small, large = (_alone(form, count) for count in (findings // 10, findings))
        parsed = large["parsed"]
        print(
            f"{form:5} {findings:6} findings  {large['seconds']:5.2f} s (goal {seconds:.0f}), "
            f"{large['processor']:.2f} s of a processor  {large['megabytes']:4.0f} MB (goal {megabytes})"
            f"  {large['bytes'] / 1e6:4.1f} MB in {large['files']} files"
        )
        print(
            f"      growth {large['seconds'] / small['seconds']:.1f} for ten times the findings; "
            f"{large['seconds'] / parsed:.0f} times the bare parsing of the assessment"
        )
        missed += large["seconds"] > seconds or large["megabytes"] > megabytes
    return 1 if missed else 0


def _alone(form: str, count: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pages", form, str(count)], capture_output=True, text=True, timeout=300, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _measure(form: str, count: int) -> int:
    """One report from the stored records on: the view is part of it, start-up is not."""
    files = run_of(OWN, YES, tls=OLD)
    large = many(Assessment.read(files["assessment.json"]), count)
    written, order = large.written(), Order.read(files["order.json"])
    begun = time.perf_counter()
    json.loads(written)
    parsed = time.perf_counter() - begun
    begun, worked = time.perf_counter(), time.process_time()
    with speaking("vi"):
        edition = Edition("vi", view_in(files, order, Assessment.read(written)))
        if form == "html":
            made = [page.data for page in as_pages([edition], Reader.INSPECTOR, "report")]
        else:
            made = [as_pdf([edition], Reader.INSPECTOR, large)]
    seconds, processor = time.perf_counter() - begun, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(map(len, made))
    print(
        json.dumps(
            {"seconds": seconds, "processor": processor, "megabytes": peak, "bytes": size, "files": len(made), "parsed": parsed}
        )
    )
    return 0


def many(one: Assessment, count: int) -> Assessment:
    """The assessment with its findings at so many endpoints that there are `count` of them, a tenth of which fail."""
    made: list[Finding] = []
    for number in range(count):
        base = one.findings[number % len(one.findings)]
        subject = f"host-{number // len(one.findings)}:443"
        outcome = Outcome.FAIL if number % 10 == 0 else Outcome.PASS
        found = base.model_copy(
            update={
                "id": finding_id(base.control, base.check, f"{subject}{number}"),
                "subject": subject,
                "outcome": outcome,
                "seen": said("accepts {versions}", versions=f"TLS 1.0, TLS 1.{number % 4} at {number}"),
            }
        )
        made.append(found)
    return one.model_copy(update={"findings": tuple(made)})


if __name__ == "__main__":
    sys.exit(main())
