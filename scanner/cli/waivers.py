"""The verb that examines a waivers file before anything rests on it."""

from __future__ import annotations

from pathlib import Path

import click

from scanner.cli.console import Console, bytes_of, moment, pass_console
from scanner.cli.exits import ExitStatus
from scanner.cli.shipped import BaselineFile
from scanner.faults import InputError
from scanner.i18n import _

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def waivers() -> None:
    """Accepted deviations and plans for open ones."""


@waivers.command("lint")
@click.argument("file", type=FILE)
@click.option(
    "--scope", "scope_file", type=FILE, help="The scope whose subjects they name; without it subjects and level stay open."
)
@click.option(
    "--baseline", type=BaselineFile(), help="The baseline whose controls they name, by id or path; npdb-2026 where none is named."
)
@click.option("--at", help="Examine them as of this instant, as 2026-11-23T08:00:00+07:00; now where it is not given.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_console
def lint(console: Console, file: Path, scope_file: Path | None, baseline: Path | None, at: str | None, form: str) -> None:
    """Say whether a waivers file is valid, and what in it deserves a second look.

    What a scan would refuse is a fault: all are told with their lines, and the exit status is 2. What it would accept, but nobody may have
    meant, is a warning; warnings alone leave the exit status at 0. Warned of is a waiver that has expired, has not begun, ends within 30
    days or lasts longer than a year, whose requester and approver look like one person, whose control does not apply at the scope's level
    or decides nothing, that is not alone about its control and subject; and a plan whose day has passed.

    Example: clearance waivers lint waivers.yaml --scope scope.yaml
    """
    from scanner.cli.baselines import loaded
    from scanner.ordering import read_scope
    from scanner.waivers import read_waivers, warnings

    bound = loaded(baseline)
    scope = None if scope_file is None else read_scope(scope_file)
    instant = moment(at)
    try:
        read = read_waivers(bytes_of(file), str(file), bound, scope)
    except InputError as error:
        if form == "text":
            raise
        _say_json(console, faults=str(error).split("\n"))
        raise click.exceptions.Exit(ExitStatus.USAGE) from None
    found = warnings(read, bound, None if scope is None else scope.system.level, instant)
    counts = {"waivers": len(read.deviations.waivers), "remediations": len(read.deviations.remediations)}
    if form == "json":
        _say_json(console, warnings=list(found), **counts)
        return
    if scope is None:
        console.say(
            _("! no scope: whether the subjects exist and the controls apply at its level was not examined; name it with --scope")
        )
    for warning in found:
        console.say(f"! {warning}")
    text = _("✓ {path}: {waivers} waivers, {remediations} plans, {warnings} warnings")
    console.say(text.format(path=file, **counts, warnings=len(found)))


def _say_json(console: Console, **told: int | list[str]) -> None:
    from scanner.record import canonical

    console.data(canonical({"faults": [], "warnings": [], "waivers": None, "remediations": None, **told}) + b"\n")
