"""The verbs about inventories: inventory import (all faults at once, nothing by halves) and inventory export."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.console import Console, bytes_of, escaped_lines, keep, now, pass_console
from scanner.cli.exits import ExitStatus
from scanner.i18n import _, ngettext

if TYPE_CHECKING:
    from scanner.inventory.hosts import Inventory
    from scanner.inventory.outcome import Changes, Imported
    from scanner.inventory.rows import Fault

FILE = click.Path(path_type=Path, dir_okay=False)
_FORMS = ["xlsx", "csv", "yaml", "json", "ansible", "nmap"]
SCOPE = click.option("--scope", type=FILE, default=Path("scope.yaml"), show_default=True, help="The scope whose hosts they are.")


@click.group()
def inventory() -> None:
    """Hosts and services from your own list into the scope, and back."""


@inventory.command("import")
@click.argument("file", type=FILE)
@SCOPE
@click.option("--from", "form", type=click.Choice(_FORMS), help="The kind of file; told by its content where not given.")
@click.option(
    "--skip-bad", is_flag=True, help="Leave out every host with a faulty row, whole; what is left out is not looked at."
)
@click.option("--accept-renames", is_flag=True, help="Take the names of merged units as they are today.")
@click.option("--add", is_flag=True, help="Keep the scope's other hosts; without it the file is the whole inventory.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--as-of", metavar="DATE", help="The day whose unit names hold, as 2026-11-23; today where it is not given.")
@click.option(
    "--format",
    "told",
    type=click.Choice(["text", "json"]),
    default="text",
    help="What to print on stdout; json: docs/schemas/inventory.schema.json.",
)
@pass_console
def inventory_import(console: Console, /, file: Path, scope: Path, form: str | None, told: str, **options: Any) -> None:
    """Read an inventory (XLSX, CSV, YAML, JSON, Ansible's JSON, nmap's XML) into the scope.

    Every fault is told with its cell, all at once; nothing is imported until there is none, or with --skip-bad.

    Example: clearance inventory import inventory.xlsx --accept-renames
    """
    from scanner.inventory.hosts import declared
    from scanner.inventory.reading import LIMIT, Form, read

    table = read(bytes_of(file, limit=LIMIT), str(file), None if form is None else Form(form))
    found = declared(table, _day(options["as_of"]))
    _say(console, file, found)
    unconfirmed = bool(found.renames) and not options["accept_renames"]
    status, changes = ExitStatus.USAGE, None
    if found.faults and not options["skip_bad"]:
        text = ngettext("Nothing imported ({count} error).", "Nothing imported ({count} errors).", len(found.faults))
        good = _("Fix the cells, or --skip-bad to import {hosts} hosts ({good} of {rows} rows).").format(
            hosts=len(found.hosts), good=found.good, rows=len(table.rows)
        )
        click.echo(f"{text.format(count=len(found.faults))} {good}", err=True)
    elif unconfirmed:
        click.echo(_("Nothing imported: confirm the renamed units with --accept-renames."), err=True)
    elif not found.hosts:
        click.echo(_("Nothing imported: no host is left."), err=True)
    else:
        status, changes = ExitStatus.DONE, _import(console, scope, found, add=options["add"], dry=options["dry_run"])
    if told == "json":
        console.data(_as_data(found, changes).written() + b"\n")
    if status:
        raise click.exceptions.Exit(status)


@inventory.command("export")
@SCOPE
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS[:4]),
    help="The kind of file; by the ending of --out where not given. json: docs/schemas/inventory-export.schema.json.",
)
@click.option("--out", type=FILE, help="The file to write; stdout where it is not given or -.")
@pass_console
def inventory_export(console: Console, scope: Path, form: str | None, out: Path | None) -> None:
    """Write the scope's hosts as a file that `inventory import` reads back.

    Example: clearance inventory export --out inventory.xlsx
    """
    from scanner.faults import InputError
    from scanner.inventory.reading import WRITTEN, Form, written
    from scanner.inventory.scope_file import hosts_in

    ending = None if out is None else out.suffix.removeprefix(".").casefold()
    chosen = form or (ending if ending in {str(known) for known in WRITTEN} else None if ending else "yaml")
    if chosen is None:
        raise click.UsageError(_("name the kind of file with --format, or by the ending of --out"))
    hosts = list(hosts_in(_text_of(scope), str(scope)).values())
    data = written(hosts, Form(chosen))
    if out is None or str(out) == "-":
        console.data(data)
        return
    if out.exists():
        raise InputError(_("{path}: exists already; nothing was overwritten").format(path=out))
    keep(out, data, mode=0o600)
    console.say(_("✓ {count} hosts: {path}").format(count=len(hosts), path=out))


def _day(text: str | None) -> date:
    from scanner.faults import InputError

    if text is None:
        return now().date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(_("{text!r} is not a day; write it as 2026-11-23").format(text=text)) from None


def _say(console: Console, file: Path, found: Inventory) -> None:
    table = found.table
    rows = len(table.rows)
    told = ngettext("Read {rows} row of {path} ({what})", "Read {rows} rows of {path} ({what})", rows).format(
        rows=rows, path=file, what=table.what
    )
    if table.respelt:
        told += ", " + _("{count} values normalised to NFC").format(count=table.respelt)
    console.say(escaped_lines(told))
    for fault in found.faults:  # said also where all else is quiet
        click.echo(escaped_lines(f"✗ {fault.place}: {fault.message}"), err=True)
    for place, old, new in found.renames:
        text = _("{place}: {old!r} is the name of a unit that is no more; today it is {new!r}")
        click.echo(escaped_lines(f"! {text.format(place=place, old=old, new=new)}"), err=True)
    for note in table.notes:
        console.say(escaped_lines(f"! {note.place}: {note.message}"))


def _text_of(scope: Path) -> str:
    from scanner.strict_yaml import LIMIT, InputError

    if not scope.is_file():
        raise InputError(_("{path}: no scope here; `clearance init` writes one").format(path=scope))
    try:
        return bytes_of(scope, limit=LIMIT).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{scope}: " + _("not UTF-8 text")) from None


def _import(console: Console, scope: Path, found: Inventory, *, add: bool, dry: bool) -> Changes:
    from scanner.inventory.hosts import hosts_as_data
    from scanner.inventory.outcome import Changes
    from scanner.inventory.scope_file import hosts_in, with_hosts

    text = _text_of(scope)
    known = hosts_in(text, str(scope))
    new = {host["id"]: host for host in hosts_as_data(found.hosts)}
    if add:
        new = known | new
    changes = Changes(
        added=tuple(name for name in new if name not in known),
        changed=tuple(name for name in new if name in known and new[name] != known[name]),
        removed=tuple(name for name in known if name not in new),
    )
    written, _scope = with_hosts(text, list(new.values()), str(scope))
    console.say(
        _("{added} hosts added, {changed} changed, {removed} removed, {same} as they were").format(
            added=len(changes.added),
            changed=len(changes.changed),
            removed=len(changes.removed),
            same=len(new) - len(changes.added) - len(changes.changed),
        )
    )
    if changes.removed:
        console.say("! " + _("no longer declared, so no longer looked at: {hosts}").format(hosts=", ".join(changes.removed)))
    if found.bad:
        told = ngettext(
            "! {count} row left out, so not looked at, with its whole host: {hosts}",
            "! {count} rows left out, so not looked at, each with its whole host: {hosts}",
            found.bad,
        )
        click.echo(escaped_lines(told.format(count=found.bad, hosts=", ".join(found.left_out) or "-")), err=True)
    if dry:
        console.say(_("nothing was written (--dry-run)"))
        return changes
    if written != text:
        if known:
            keep(scope.with_name(scope.name + ".before-import"), text.encode())
        keep(scope, written.encode())
    console.say(
        _("✓ {path}: {count} hosts. Next: clearance permit new, where there is no permit yet, and clearance plan").format(
            path=scope, count=len(new)
        )
    )
    return changes


def _as_data(found: Inventory, changes: Changes | None) -> Imported:
    from scanner.inventory.outcome import Imported, Placed, Renamed

    def listed(faults: list[Fault]) -> tuple[Placed, ...]:
        return tuple(Placed(place=fault.place, message=fault.message) for fault in faults)

    return Imported(
        rows=len(found.table.rows),
        imported=changes is not None,
        left_out=tuple(found.left_out),
        changes=changes,
        errors=listed(found.faults),
        notes=listed(found.table.notes),
        renames=tuple(Renamed(place=place, old=old, new=new) for place, old, new in found.renames),
    )
