"""The verbs about stored runs: runs list, show and prune."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.console import Console, now, pass_console
from scanner.cli.exits import ExitStatus
from scanner.i18n import N_, _, ngettext

if TYPE_CHECKING:
    from scanner.shelf import RunLine

FOLDER = click.option(
    "--runs",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="The runs.",
)
FORM = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: docs/schemas/runs.schema.json."
)
_STATES = {
    "running": N_("under way"),
    "interrupted": N_("interrupted"),
    "scanned": N_("scanned"),
    "damaged": N_("damaged"),
    "unreadable": N_("unreadable"),
}
_WHY = {
    "signed": N_("stays: it is signed, and a certificate may rest on it"),
    "inspection": N_("stays: an inspection"),
    "running": N_("stays: a scan is under way in it"),
    "damaged": N_("stays: its files are not what its manifest says; see `clearance runs show`, and take it away by hand"),
    "link": N_("stays: it is a link, and what it leads to is not of this folder"),
    "unreadable": N_("stays: it cannot be read"),
    "newest": N_("stays: one of the newest"),
    "young": N_("stays: not old enough"),
}


@click.group()
def runs() -> None:
    """The runs that are stored here."""


@runs.command("list")
@FOLDER
@FORM
@pass_console
def runs_list(console: Console, folder: Path, form: str) -> None:
    """List the runs of a folder, the newest first: how far each is, and its decision.

    Example: clearance runs list --runs runs
    """
    from scanner.shelf import runs_in

    found = runs_in(folder)
    if form == "json":
        console.data(found.written() + b"\n")
        return
    for line in found.runs:
        click.echo(_line(line))
    if not found.runs:
        console.say(_("{folder}: no run in here").format(folder=folder))


@runs.command("show")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@FORM
@pass_console
def runs_show(console: Console, run: Path, form: str) -> None:
    """Show one run: what was ordered, how far it is, what next, and who ran which command on it.

    Every file is held to the manifest; a run of which one was changed or lost is damaged, and exits 12.

    Example: clearance runs show runs/R-20261123-080000-1a2b3c
    """
    from scanner.cli.trail import trail
    from scanner.shelf import Runs, described
    from scanner.store import Run

    opened = Run.opened(run)
    line = described(run, thoroughly=True)
    if form == "json":
        console.data(Runs(runs=(line,)).written() + b"\n")
        _exit_if_damaged(line)
        return
    order = opened.order
    click.echo(_line(line))
    click.echo(
        "  "
        + _("permit {decision}, until {ends}").format(
            decision=order.permit.decision, ends=f"{order.permit.window.ends:%Y-%m-%d %H:%M} UTC"
        )
    )
    click.echo(
        "  "
        + _("{seen} of {planned} sights taken, {skipped} left out on purpose").format(
            seen=line.seen, planned=line.planned, skipped=len(order.skipped)
        )
    )
    if line.kept:
        click.echo("  " + _(_WHY[line.kept]))
    for at, who, verb, status in trail(run):
        click.echo(f"  {at}  {who}  {verb}  {status}")
    following = {
        "interrupted": _("next: clearance scan --resume --out {run}"),
        "scanned": _("next: clearance evaluate {run}"),
        "judged": _("next: clearance report {run}"),
    }
    if line.state in following:
        console.say(following[line.state].format(run=run))
    if line.damaged:
        text = _("✗ {path}: not what the manifest says; it was changed or lost, so nothing may rest on this run")
        click.echo(text.format(path=run / line.damaged), err=True)
    _exit_if_damaged(line)


@runs.command("prune")
@FOLDER
@click.option("--keep", type=click.IntRange(min=0), default=10, show_default=True, help="The newest that stay in any case.")
@click.option("--days", type=click.IntRange(min=0), default=30, show_default=True, help="Those of so many days stay in any case.")
@click.option("--yes", is_flag=True, help="Take them away; without it they are only named.")
@FORM
@pass_console
def runs_prune(console: Console, folder: Path, keep: int, days: int, yes: bool, form: str) -> None:
    """Take old self-checks away. Runs that are signed, and inspections, always stay: a certificate may rest on them.

    Example: clearance runs prune --keep 5 --days 90 --yes
    """
    from scanner.shelf import Runs, cleared, prunable, runs_in
    from scanner.store import StoreError

    going, staying = prunable(runs_in(folder).runs, now(), keep=keep, days=days)
    for line in staying:
        console.say(f"  {_line(line)}: {_(_WHY[line.kept or 'signed'])}")
    gone = []
    for line in going:
        if yes:
            try:
                cleared(line)
            except StoreError as error:
                click.echo(f"! {error}", err=True)
                continue
        gone.append(line)
        console.say(("✓ " + _("taken away: {line}") if yes else "! " + _("would go: {line}")).format(line=_line(line)))
    if form == "json":
        console.data(Runs(runs=tuple(gone)).written() + b"\n")
    if going and not yes:
        text = ngettext(
            "{count} run would go; take it away with --yes", "{count} runs would go; take them away with --yes", len(going)
        )
        console.say(text.format(count=len(going)))
    if not going:
        console.say(_("nothing to take away"))
    if len(gone) < len(going):
        raise click.exceptions.Exit(ExitStatus.INTEGRITY)


def _exit_if_damaged(line: RunLine) -> None:
    if line.state in ("damaged", "unreadable"):
        raise click.exceptions.Exit(ExitStatus.INTEGRITY)


def _line(line: RunLine) -> str:
    from scanner.status_words import verdict_word

    when = f"{line.ordered_at:%Y-%m-%d %H:%M}" if line.ordered_at else "-"
    state = _(_STATES.get(line.state, line.state))
    if line.decision:
        state = f"{verdict_word(line.decision).sign} {_(line.decision)}"
    elif line.state == "damaged":
        state = f"✗ {state}"
    kind = _(line.kind) if line.kind else "-"
    size = f"{line.size / 1_000_000:.1f} MB"
    return f"{when}  {line.agency or '-'}  {kind}  {state}  {line.seen}/{line.planned}  {size}  {line.folder}"
