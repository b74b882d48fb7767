"""The subject at which the least holds: a whole that looks well never hides it."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from scanner.assessment import Assessment
from scanner.findings import Outcome
from scanner.i18n import _


def weakest(assessment: Assessment) -> str:
    """Where the smallest part of what is mandatory passed, as a fraction; empty where nothing is counted, and where all passed everywhere."""
    mandatory = {control.id for control in assessment.controls if control.classed.mandatory}
    counted: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for finding in assessment.findings:
        if finding.control in mandatory and finding.outcome is not Outcome.NOT_APPLICABLE:
            counted[finding.subject] += 1
            passed[finding.subject] += finding.outcome is Outcome.PASS
    if counted == passed:
        return ""
    subject = min(counted, key=lambda each: (Fraction(passed[each], counted[each]), -counted[each], each))
    return _("worst at {subject}: {passed} / {counted}").format(subject=subject, passed=passed[subject], counted=counted[subject])
