"""The verb that examines a waivers file before anything rests on it."""

from __future__ import annotations

from pathlib import Path

import click

from scanner.cli.console import Console, bytes_of, moment, pass_console
from scanner.cli.shipped import BaselineFile
from scanner.i18n import _

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def waivers() -> None:
    """Accepted deviations and plans for open ones."""


@waivers.command("lint")
@click.argument("file", type=FILE)
@click.option("--scope", "scope_file", type=FILE, required=True, help="The scope whose subjects the waivers name.")
@click.option(
    "--baseline", type=BaselineFile(), help="The baseline whose controls they name, by id or path; npdb-2026 where none is named."
)
@click.option("--at", help="Examine them as of this instant, as 2026-11-23T08:00:00+07:00; now where it is not given.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_console
def lint(console: Console, file: Path, scope_file: Path, baseline: Path | None, at: str | None, form: str) -> None:
    """Say whether a waivers file is valid, and what in it deserves a second look.

    What a scan would refuse is an error (exit status 2). What it would accept, but nobody may have meant, is a warning, which changes no
    exit status: a waiver that has expired or not begun, that ends within 30 days or lasts longer than a year, that names one person twice.

    Example: clearance waivers lint waivers.yaml --scope scope.yaml
    """
    from scanner.baseline import load
    from scanner.cli.look import national_baseline
    from scanner.ordering import read_scope
    from scanner.record import canonical
    from scanner.registry import load_checks
    from scanner.waivers import read_deviations, warnings

    path = baseline or national_baseline()
    bound, scope = load(bytes_of(path), str(path), load_checks()), read_scope(scope_file)
    deviations = read_deviations(bytes_of(file), str(file), bound, scope)
    found = warnings(deviations, bound, scope.system.level, moment(at))
    if form == "json":
        told = {"waivers": len(deviations.waivers), "remediations": len(deviations.remediations), "warnings": list(found)}
        console.data(canonical(told) + b"\n")
        return
    for warning in found:
        console.say(f"! {warning}")
    text = _("✓ {path}: {waivers} waivers, {plans} plans, {warnings} warnings")
    counts = {"waivers": len(deviations.waivers), "plans": len(deviations.remediations), "warnings": len(found)}
    console.say(text.format(path=file, **counts))
