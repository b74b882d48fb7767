"""A check as data, with what a run saw of it: what `explain` and `checks list` print with `--format json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanner.findings import Confidence, Finding
from scanner.i18n import _
from scanner.record import Record

if TYPE_CHECKING:
    from scanner.check import Check


class RetestData(Record):
    """How to see that a failure is mended."""

    command: str
    good: str
    """What the command then shows, in the language asked for."""


class Found(Finding):
    """A finding of the run, with the file of its evidence."""

    evidence_file: str | None


class CheckData(Record):
    """A check, in the language asked for."""

    id: str
    title: str
    observes: str
    facts: tuple[str, ...]
    needs: Confidence
    judged: str
    parameters: dict[str, Any]
    """As they are where a baseline sets nothing."""
    fixes: dict[str, str]
    """How to mend a failure, by product."""
    retests: dict[str, RetestData]
    """How to see that it is mended, by product; a product of which the check does not say it is left out."""
    findings: tuple[Found, ...] | None
    """What the run saw, the loudest first; null where no run was named."""


def check_data(check: Check[Any, Any], findings: tuple[Found, ...] | None = None) -> CheckData:
    """The check as data."""
    from scanner.plan import kind_of

    retests = {product: check.retest(product) for product in check.fixes}
    return CheckData(
        id=check.id,
        title=_(check.title),
        observes=kind_of(check.observes),
        facts=check.facts,
        needs=check.needs,
        judged=_(check.explanation),
        parameters=check.parameters().model_dump(mode="json"),
        fixes={product: _(text) for product, text in check.fixes.items()},
        retests={
            product: RetestData(command=retest.command, good=_(retest.good))
            for product, retest in retests.items()
            if retest is not None
        },
        findings=findings,
    )
