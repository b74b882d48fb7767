"""What `evaluate --under` tells: what another baseline would do to stored runs, one after the other, none of which is changed."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.changes import headed, line
from scanner.cli.console import Console, bytes_of, explained
from scanner.cli.exits import ExitStatus, of
from scanner.i18n import _, ngettext, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.baseline import BoundBaseline
    from scanner.rejudging import Rejudged

_MOST = 10


def tell(console: Console, baseline: Path, folders: tuple[Path, ...], form: str) -> ExitStatus:
    """Says for each run what this baseline would do to it; the exit status of the worst decision, or of a run that cannot be judged."""
    from scanner.baseline import load
    from scanner.faults import InputError
    from scanner.record import RecordError, canonical
    from scanner.registry import code_digests, load_checks
    from scanner.rejudging import under, worst
    from scanner.store import Run, StoreError

    data = bytes_of(baseline)
    checks = load_checks(baseline=data)
    code = code_digests(checks)
    bound = load(data, str(baseline), checks)
    found: list[tuple[Path, Rejudged]] = []
    broken: list[tuple[Path, str, ExitStatus]] = []
    for folder in folders:
        try:
            run = Run.opened(folder)
            run.insist_on_manifest()
            found.append((folder, under(run.files(), data, str(baseline), checks, code)))
        except (StoreError, InputError, RecordError) as error:  # one broken run must not hide what is known of the others
            broken.append((folder, *explained(error)))
    if form == "json":
        told = [{"folder": str(folder), **one.model_dump(mode="json"), "worse": one.is_worse} for folder, one in found]
        failed = [{"folder": str(folder), "error": message} for folder, message, _status in broken]
        console.data(canonical({"baseline": bound.ref().model_dump(mode="json"), "runs": told, "broken": failed}) + b"\n")
    else:
        click.echo("\n".join(_lines(bound, found)))
    for _folder, message, _status in broken:
        click.echo(message, err=True)
    return max((status for _folder, _message, status in broken), default=of(worst([one.would_decide for _folder, one in found])))


def _lines(bound: BoundBaseline, found: list[tuple[Path, Rejudged]]) -> Iterator[str]:
    yield _("under {baseline} {version}; nothing is written into the runs").format(
        baseline=bound.baseline.id, version=bound.baseline.version
    )
    for folder, one in found:
        yield ""
        yield from _run(folder, one)
    worse = sum(one.is_worse for _folder, one in found)
    yield ""
    text = ngettext("{worse} of {count} run would get less", "{worse} of {count} runs would get less", len(found))
    yield text.format(worse=worse, count=len(found))


def _run(folder: Path, one: Rejudged) -> Iterator[str]:
    comparison = one.comparison
    sign = "✗" if one.is_worse else "✓"
    yield _("{sign} {folder} ({run}, {agency} {system}): {before} under {own}, {after} under {other}").format(
        sign=sign,
        folder=folder,
        run=one.run,
        agency=one.agency,
        system=one.system,
        before=_(comparison.before.decision),
        own=comparison.before.baseline.id,
        after=_(one.would_decide),
        other=comparison.after.baseline.id,
    )
    if one.stored is not None and one.stored is not comparison.before.decision:
        yield "  ! " + _("the run holds the decision {stored}, made by other code or as of other evidence").format(
            stored=_(one.stored)
        )
    if one.calendar is not None:
        yield "  ! " + _("{why}: a decision under it would be incomplete, whatever was seen").format(why=shown(one.calendar))
    if one.never_looked_at:
        listed = ", ".join(f"{sight.kind} at {sight.subject}" for sight in one.never_looked_at[:_MOST])
        yield "  ? " + _("never looked at, so not checked ({count}): {listed}").format(
            count=len(one.never_looked_at), listed=_cut(listed, len(one.never_looked_at))
        )
    if one.never_answered:
        yield "  ? " + _("documents nobody has shown ({count}): {listed}").format(
            count=len(one.never_answered), listed=_cut(", ".join(one.never_answered[:_MOST]), len(one.never_answered))
        )
    for turn, group in groupby(comparison.changes, key=lambda change: change.turn):
        changes = list(group)
        yield f"  {headed(turn)} ({len(changes)})"
        if turn.startswith("still"):
            continue
        yield from (f"  {line(change)}" for change in changes[:_MOST])
        if len(changes) > _MOST:
            yield "    " + _("... and {count} more: --format json holds all").format(count=len(changes) - _MOST)


def _cut(listed: str, count: int) -> str:
    return listed if count <= _MOST else listed + ", ..."
