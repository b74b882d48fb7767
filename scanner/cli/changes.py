"""The verb that compares two judged runs."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.console import Console, pass_console
from scanner.cli.exits import ExitStatus
from scanner.cli.stored import stored
from scanner.i18n import N_, _, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.changes import Change, Comparison, Judged

_SHOWN = 20
_HEADINGS = {
    "worse": N_("fails now, and did not before"),
    "new": N_("new, and not good"),
    "no-longer-assessed": N_("no longer assessed"),
    "gone": N_("no longer asked, and was open"),
    "still-open": N_("still open"),
    "still-not-assessed": N_("still not assessed"),
    "fixed": N_("fixed"),
    "better": N_("assessed now, and good"),
}
RUN = click.Path(path_type=Path)


@click.command()
@click.argument("before", type=RUN)
@click.argument("after", type=RUN)
@click.option("--all", "everything", is_flag=True, help="Show every finding of each group, not the first ones.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_console
def diff(console: Console, before: Path, after: Path, everything: bool, form: str) -> None:
    """Say what changed from one judged run or sealed bundle to another; exits 10 where something mandatory got worse or is no longer assessed.

    Example: clearance diff run-october run-november
    """
    from scanner.changes import compared
    from scanner.record import canonical

    old, new = stored(before), stored(after)
    found = compared(old.assessment, new.assessment, (old.order.feeds, new.order.feeds))
    if form == "json":
        console.data(canonical(found.model_dump(mode="json")) + b"\n")
    else:
        click.echo("\n".join(_lines(found, None if everything else _SHOWN)))
    raise click.exceptions.Exit(ExitStatus.NOT_AUTHORISED if found.is_worse else ExitStatus.DONE)


def _lines(found: Comparison, most: int | None) -> Iterator[str]:
    yield _("before: {judged}").format(judged=_judged(found.before))
    yield _("after:  {judged}").format(judged=_judged(found.after))
    if found.other_baseline:
        yield _(
            "! They were judged by different baselines: a demand that came or went is no progress and no fault of the system."
        )
    if found.other_checks:
        yield _("! They were judged by different versions of the checks.")
    if found.other_feeds:
        yield _("! They were judged by other feeds: what a vendor published since is no fault of the system.")
    yield from _reasons(found, most)
    if found.subjects_gone:
        yield _("! No longer declared: {subjects}").format(subjects=", ".join(found.subjects_gone))
    if found.subjects_new:
        yield _("  Newly declared: {subjects}").format(subjects=", ".join(found.subjects_new))
    for turn, group in groupby(found.changes, key=lambda change: change.turn):
        changes = list(group)
        yield ""
        yield f"{headed(turn)} ({len(changes)})"
        yield from (line(change) for change in changes[:most])
        if most is not None and len(changes) > most:
            yield "  " + _("... and {count} more: --all shows them").format(count=len(changes) - most)
    if not found.changes:
        yield ""
        yield _("Nothing is open, and nothing changed.")


def _reasons(found: Comparison, most: int | None) -> Iterator[str]:
    for reason in found.reasons_gone[:most]:
        yield _("  no longer a reason: {reason}").format(reason=shown(reason.message))
    for reason in found.reasons_new[:most]:
        yield _("! a new reason for {decision}: {reason}").format(decision=_(reason.leads_to), reason=shown(reason.message))
    if most is not None and max(len(found.reasons_gone), len(found.reasons_new)) > most:
        yield "  " + _("... and more reasons: --all shows them")


def _judged(judged: Judged) -> str:
    tally = judged.tally
    text = _("{run}, {date}: {decision}, {passed}/{counted} ({percent} %), {baseline} {version}")
    return text.format(
        run=judged.run,
        date=f"{judged.judged_at:%Y-%m-%d}",
        decision=_(judged.decision),
        passed=tally.passed,
        counted=tally.counted,
        percent=tally.percent,
        baseline=judged.baseline.id,
        version=judged.baseline.version,
    )


def headed(turn: str) -> str:
    """What stands over the findings that changed in this way."""
    return _(_HEADINGS[turn])


def line(change: Change) -> str:
    """One finding with its outcomes before and after, and what was seen."""
    said = change.seen_after or change.seen_before
    words = shown(said) if said is not None else ""
    if change.before is change.after and change.seen_before is not None and change.seen_before != change.seen_after:
        words += "  " + _("(was: {seen})").format(seen=shown(change.seen_before))
    moved = f"{_(change.before or '-')} > {_(change.after or '-')}"
    return f"  {change.control} [{_(change.classed)}] {change.check} @ {change.subject}: {moved}" + (
        f"  {words}" if words else ""
    )
