"""`--fail-on`: what else than the decision makes the exit status of a judgement a failure; only ever stricter, never the decision."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import TYPE_CHECKING

import click

from scanner.cli.exits import ExitStatus, of
from scanner.i18n import _

if TYPE_CHECKING:
    from scanner.assessment import Assessment
    from scanner.cli.console import Console


class FailOn(StrEnum):
    """What a script may want to fail on, though the decision is authorise."""

    ADVISORY = "advisory"
    """An advisory control that is not satisfied, or that nobody could determine."""
    WAIVED = "waived"
    """A finding that a waiver or a remediation plan covers: a condition on the certificate."""


fail_on_option = click.option(
    "--fail-on",
    type=click.Choice([word.value for word in FailOn]),
    multiple=True,
    help="Exit with a failure on this too, where the decision alone would exit 0; the decision and the verdict stay as they are.",
)


def exit_status(console: Console, assessment: Assessment, fail_on: Collection[str]) -> ExitStatus:
    """The exit status of a judgement: the decision's own unless that is 0, and never looser; says what made it stricter."""
    status = of(assessment.decision)
    if status is not ExitStatus.DONE:
        return status
    failed, unknown = _further(assessment, {FailOn(word) for word in fail_on})
    if not failed and not unknown:
        return status
    status = ExitStatus.NOT_AUTHORISED if failed else ExitStatus.INCOMPLETE
    text = _("✗ exit status {status} by --fail-on, not by the decision: {places}")
    console.say(text.format(status=status.value, places=", ".join(failed or unknown)))
    return status


def _further(assessment: Assessment, fail_on: Collection[FailOn]) -> tuple[list[str], list[str]]:
    """Where something failed that is asked about, and where nobody can say."""
    from scanner.assessment import ControlClass, Status

    failed, unknown = [], []
    if FailOn.ADVISORY in fail_on:
        for control in assessment.controls:
            if control.classed is not ControlClass.ADVISORY:
                continue
            for one in control.subjects:
                if one.status is Status.UNDETERMINED:
                    unknown.append(f"{control.id} @ {one.subject}")
                elif one.status not in (Status.SATISFIED, Status.NOT_APPLICABLE):
                    failed.append(f"{control.id} @ {one.subject}")
    if FailOn.WAIVED in fail_on:
        failed += [f"{condition.control} @ {condition.subject}" for condition in assessment.conditions]
    return failed, unknown
