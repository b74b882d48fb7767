"""JUnit XML as continuous-integration systems read it: a suite for each control, a case for each finding, and one for the decision.

A failure failed; an error is what nobody could determine, which no system takes for a success; a waived failure and what does not apply are
skipped, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from scanner.assessment import Decision
from scanner.exports.items import Item, Judged, Result, on_one_line


def as_junit(runs: Sequence[Judged]) -> bytes:
    """The suites of these judgements."""
    suites = [suite for run in runs for suite in _suites(run)]
    totals = [sum(counts[number] for _, counts in suites) for number in range(4)]
    head = f"<testsuites name={_attribute('clearance')} {_counted(totals)}>"
    body = "\n".join(text for text, _ in suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{body}\n</testsuites>\n'.encode()


def _suites(run: Judged) -> Iterable[tuple[str, list[int]]]:
    assessment = run.assessment
    at = f"{assessment.judged_at:%Y-%m-%dT%H:%M:%S}"
    codes = ", ".join(dict.fromkeys(reason.code.value for reason in assessment.reasons))
    inner = {
        Decision.AUTHORISE: "",
        Decision.INCOMPLETE: f"<error message={_attribute(codes)} type={_attribute('incomplete')}/>",
    }.get(assessment.decision, f"<failure message={_attribute(codes)} type={_attribute(assessment.decision.value)}/>")
    whole = f"{assessment.agency}.{assessment.system}"
    decided = f'    <testcase classname={_attribute(whole)} name={_attribute("decision")} time="0">{inner}</testcase>'
    kinds = [1, int(inner.startswith("<failure")), int(inner.startswith("<error")), 0]
    yield _suite(f"{whole}.decision", at, [decided], kinds), kinds
    for control, group in groupby(run.items(), key=lambda item: item.control):
        items = list(group)
        counts = [
            len(items),
            sum(item.result is Result.FAIL for item in items),
            sum(item.result is Result.UNDETERMINED for item in items),
            sum(item.result in (Result.WAIVED, Result.NOT_APPLICABLE) for item in items),
        ]
        yield _suite(f"{whole}.{control}", at, [_case(whole, item) for item in items], counts), counts


def _suite(name: str, at: str, cases: list[str], counts: list[int]) -> str:
    lines = "\n".join(cases)
    return f"  <testsuite name={_attribute(name)} timestamp={_attribute(at)} {_counted(counts)}>\n{lines}\n  </testsuite>"


def _counted(counts: Sequence[int]) -> str:
    tests, failures, errors, skipped = counts
    return f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}" time="0"'


def _case(whole: str, item: Item) -> str:
    name = f"{item.check} @ {item.subject}"
    head = f'    <testcase classname={_attribute(f"{whole}.{item.control}")} name={_attribute(name)} time="0">'
    fix = "\n".join(f"{product}: {text}" for product, text in item.fixes.items())
    detail = escape(_plain(f"{item.control_title}\n{'; '.join(item.clauses)}\n{fix}\n{item.id}"))
    match item.result:
        case Result.PASS:
            inner = ""
        case Result.FAIL:
            inner = f"<failure message={_attribute(item.seen)} type={_attribute(item.classed.value)}>{detail}</failure>"
        case Result.UNDETERMINED:
            inner = f"<error message={_attribute(item.seen)} type={_attribute(item.outcome.value)}>{detail}</error>"
        case Result.WAIVED:
            inner = f"<skipped message={_attribute(f'waived until {item.until}: {item.waiver}')}/>"
        case Result.NOT_APPLICABLE:
            inner = f"<skipped message={_attribute(f'does not apply: {item.seen}')}/>"
    return f"{head}{inner}</testcase>"


def _attribute(text: str) -> str:
    return quoteattr(on_one_line(text))


def _plain(text: str) -> str:
    """Text without the characters that XML 1.0 has no place for; lines stay lines."""
    return "\n".join(on_one_line(line) for line in text.splitlines())
