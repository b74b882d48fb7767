"""What `explain --run` adds: what a judged run saw of a check at its subjects, from which file, by which clause, and how to mend it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanner.faults import InputError
from scanner.findings import Finding, Outcome
from scanner.i18n import _, ngettext, shown, titled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scanner.assessment import Assessment, ControlResult
    from scanner.check import Check
    from scanner.cli.explained import Found

_MOST = 20
_SIGNS = {
    Outcome.PASS: "✓",
    Outcome.FAIL: "✗",
    Outcome.NOT_APPLICABLE: "-",
    Outcome.NOT_CHECKED: "?",
    Outcome.ERROR: "?",
}
_LOUDEST = (Outcome.FAIL, Outcome.ERROR, Outcome.NOT_CHECKED, Outcome.PASS, Outcome.NOT_APPLICABLE)


def found_at(assessment: Assessment, check: str, subject: str | None) -> list[Finding]:
    """The findings of a check, at one subject or at all, the loudest first; raises InputError where there is none."""
    of_check = [finding for finding in assessment.findings if finding.check == check]
    if not of_check:
        text = _("run {run} was not judged by {check}: no control of {baseline} uses it at level {level}")
        raise InputError(text.format(run=assessment.run, check=check, baseline=assessment.baseline.id, level=assessment.level))
    found = [finding for finding in of_check if subject in (None, finding.subject)]
    if not found:
        subjects = ", ".join(sorted({finding.subject for finding in of_check}))
        raise InputError(
            _("{check} was not asked at {subject}; it was at {subjects}").format(check=check, subject=subject, subjects=subjects)
        )
    return sorted(found, key=lambda finding: (_LOUDEST.index(finding.outcome), finding.subject, finding.control))


def as_data(assessment: Assessment, check: str, subject: str | None) -> tuple[Found, ...]:
    """The findings of the check with their evidence files, for the next program."""
    from scanner.cli.explained import Found

    files = _files(assessment)
    return tuple(
        Found(**dict(finding), evidence_file=files.get(finding.evidence or ""))
        for finding in found_at(assessment, check, subject)
    )


def lines(folder: Path, assessment: Assessment, check: Check[Any, Any], subject: str | None) -> Iterator[str]:
    """What the run saw of this check, finding by finding, in words."""
    found = found_at(assessment, check.id, subject)
    controls = {control.id: control for control in assessment.controls}
    files = _files(assessment)
    yield ""
    text = ngettext("What run {run} saw ({count} finding)", "What run {run} saw ({count} findings)", len(found))
    yield text.format(run=assessment.run, count=len(found))
    for finding in found[:_MOST]:
        yield from _finding(folder, finding, controls[finding.control], files, check)
    if len(found) > _MOST:
        yield "  " + _("... and {count} more: name one with --subject").format(count=len(found) - _MOST)


def _finding(
    folder: Path, finding: Finding, control: ControlResult, files: Mapping[str, str], check: Check[Any, Any]
) -> Iterator[str]:
    yield ""
    yield f"  {_SIGNS[finding.outcome]} {finding.subject}: {_(finding.outcome)}  ({finding.id})"
    yield "    " + _("demanded by {control} {title} ({weight})").format(
        control=control.id, title=titled(control.title), weight=_(control.classed)
    )
    yield from (f"      {clause.source} {clause.clause}" for clause in control.clauses)
    if words := shown(finding.seen):
        yield "    " + _("seen: {words}").format(words=words)
    if finding.confidence is not None:
        yield "    " + _("confidence: {confidence}").format(confidence=_(finding.confidence))
    where = files.get(finding.evidence or "")
    if where is not None:
        yield "    " + _("evidence: {path} (SHA-256 {digest})").format(path=folder / where, digest=finding.evidence)
    else:
        yield "    " + _("evidence: none, nothing was seen")
    if finding.outcome is Outcome.FAIL:
        yield from _mending(folder, finding, check)


def _mending(folder: Path, finding: Finding, check: Check[Any, Any]) -> Iterator[str]:
    seen = shown(finding.seen).lower()
    likely = [product for product in check.fixes if product in seen]
    if likely:
        product = likely[0]
        first, *more = _(check.fixes[product]).splitlines()
        yield "    " + _("to mend it ({product}): {text}").format(product=product, text=first)
        yield from (f"      {line}" for line in more)
        yield from (f"    {line}" for line in retest_lines(check, product))
    else:
        yield "    " + _("to mend it: see above, by product")
    yield "    " + _("to see whether it is mended: {command}").format(
        command=f"clearance recheck {shlex.quote(str(folder))} --finding {finding.id} --permit PERMIT --out NEW"
    )


def retest_lines(check: Check[Any, Any], product: str) -> Iterator[str]:
    """How to see that a failure is mended in this product; none where the check does not say."""
    retest = check.retest(product)
    if retest is not None:
        yield _("mended once this {good}:").format(good=_(retest.good))
        yield f"  {retest.command}"


def _files(assessment: Assessment) -> dict[str, str]:
    return {entry.sha256: entry.path for entry in assessment.evidence}
