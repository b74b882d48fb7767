"""The verb that holds what an agency claimed against what its inspection saw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.changes import line
from scanner.cli.console import Console, pass_console
from scanner.cli.drifting import drifted_lines
from scanner.cli.exits import ExitStatus
from scanner.cli.stored import Stored, stored
from scanner.faults import InputError
from scanner.i18n import _, ngettext, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.changes import Change
    from scanner.claims import Contradicted, Weighed
    from scanner.targets import RunKind

_MOST = 20


class _Side(click.ParamType[Path]):
    """A run with the word that says whose it is, as in self:run-october."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.name = f"{word}:run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The run's path; fails where the word is missing or another."""
        word, colon, path = str(value).partition(":")
        if word != self.word or not colon or not path:
            self.fail(
                _("write {word}:RUN, as in: clearance compare self:run-october inspection:run-november").format(word=self.word),
                param,
                ctx,
            )
        return Path(path)


@click.command()
@click.argument("claims", metavar="self:RUN", type=_Side("self"))
@click.argument("inspection", metavar="inspection:RUN", type=_Side("inspection"))
@click.option("--all", "everything", is_flag=True, help="Show every finding of each group, not the first ones.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_console
def compare(console: Console, claims: Path, inspection: Path, everything: bool, form: str) -> None:
    """Hold what an agency claimed in its self-check against what its inspection saw; each a judged run or a sealed bundle.

    Exits 0 where every claim holds, 10 where one is refuted, 11 where one could not be confirmed.
    Example: clearance compare self:run-october inspection:good.bundle
    """
    from scanner.claims import weighed
    from scanner.judge import identified
    from scanner.record import canonical
    from scanner.store import attestations
    from scanner.targets import RunKind

    own, seen = stored(claims), stored(inspection)
    _of_kind(own, RunKind.SELF_CHECK, claims)
    _of_kind(seen, RunKind.INSPECTION, inspection)
    _of_one_system(own, seen)
    answers = [{control: found for control, (found, _digest) in attestations(side.files).items()} for side in (own, seen)]
    found = weighed(own.assessment, seen.assessment, (answers[0], answers[1]), (identified(own.files), identified(seen.files)))
    if form == "json":
        console.data(canonical({**found.model_dump(mode="json"), "holds": found.holds}) + b"\n")
    else:
        click.echo("\n".join(_lines(found, None if everything else _MOST)))
    statuses = {True: ExitStatus.DONE, False: ExitStatus.NOT_AUTHORISED, None: ExitStatus.INCOMPLETE}
    raise click.exceptions.Exit(statuses[found.holds])


def _of_kind(run: Stored, kind: RunKind, path: Path) -> None:
    if run.order.kind is not kind:
        text = _("{path} is a {seen}, and a {wanted} belongs here; two runs of one kind are compared by `clearance diff`")
        raise InputError(text.format(path=path, seen=run.order.kind.value, wanted=kind.value))


def _of_one_system(own: Stored, seen: Stored) -> None:
    names = [(side.order.scope.agency.code, side.order.scope.system.id) for side in (own, seen)]
    if names[0] != names[1]:
        text = _("the self-check is of {own}, the inspection of {seen}: name two runs of one system")
        raise InputError(text.format(own=" ".join(names[0]), seen=" ".join(names[1])))


def _lines(found: Weighed, most: int | None) -> Iterator[str]:
    before, after = found.comparison.before, found.comparison.after
    yield _("claimed:   {run}, {date}: {decision}").format(
        run=before.run, date=f"{before.judged_at:%Y-%m-%d}", decision=_(before.decision)
    )
    yield _("inspected: {run}, {date}: {decision}").format(
        run=after.run, date=f"{after.judged_at:%Y-%m-%d}", decision=_(after.decision)
    )
    if found.comparison.other_baseline:
        yield _("! They were judged by different baselines: {before} and {after}").format(
            before=before.baseline.id, after=after.baseline.id
        )
    if found.comparison.other_checks:
        yield _("! They were judged by different versions of the checks.")
    if found.contradicted:
        yield ""
        yield _("Answers that the inspection contradicts ({count})").format(count=len(found.contradicted))
        for one in found.contradicted[:most]:
            yield from _answer(one)
        yield from _more(len(found.contradicted), most)
    if found.other_documents:
        yield ""
        yield _("Answered with another document: {controls}").format(controls=", ".join(found.other_documents))
    if found.system.drifted:
        yield ""
        yield _("The system: as the agency showed it > as it was inspected")
        yield from drifted_lines(found.system, most)
    refuted = found.refuted
    fixed = [change for change in found.comparison.changes if change.turn == "fixed"]
    yield from _group(_("Fails, and the agency found it in order"), refuted, most)
    yield from _group(_("Fails, and the agency claimed nothing of it"), found.unclaimed, most)
    yield from _group(_("Claimed, and could not be confirmed"), found.unconfirmed, most)
    if found.not_inspected:
        yield ""
        yield _("In order for the agency, and not asked in the inspection ({count})").format(count=len(found.not_inspected))
        yield from (f"  ? {one.control} {one.check} @ {one.subject}" for one in found.not_inspected[:most])
        yield from _more(len(found.not_inspected), most)
    yield from _group(_("Failed for the agency, and not for the inspector"), fixed, most)
    yield ""
    yield {
        True: _("✓ what the agency claimed holds"),
        False: _("✗ what the agency claimed does not hold"),
        None: _("? what the agency claimed could not all be confirmed"),
    }[found.holds]
    if found.unclaimed and found.holds is not False:
        text = ngettext(
            "! {count} finding of which it claimed nothing fails",
            "! {count} findings of which it claimed nothing fail",
            len(found.unclaimed),
        )
        yield text.format(count=len(found.unclaimed))


def _answer(one: Contradicted) -> Iterator[str]:
    said = _("nobody was asked") if one.inspector is None else f"{_(one.inspector.answer)} ({one.inspector.by})"
    yield _("  {control}: {claimed} ({by}), in the inspection: {said}").format(
        control=one.control, claimed=_(one.claimed.answer), by=one.claimed.by, said=said
    )
    yield from (f"    ✗ {finding.check} @ {finding.subject}  {shown(finding.seen)}" for finding in one.failing[:_MOST])


def _group(heading: str, changes: Sequence[Change], most: int | None) -> Iterator[str]:
    if changes:
        yield ""
        yield f"{heading} ({len(changes)})"
        yield from (line(change) for change in changes[:most])
        yield from _more(len(changes), most)


def _more(count: int, most: int | None) -> Iterator[str]:
    if most is not None and count > most:
        yield "  " + _("... and {count} more: --all shows them").format(count=count - most)
