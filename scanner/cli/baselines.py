"""The verbs about baselines: show, lint, diff, coverage, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.console import Console, bytes_of, pass_console
from scanner.cli.shipped import BaselineFile
from scanner.i18n import N_, _, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.baseline import BoundBaseline, Control
    from scanner.baseline_diff import Change

BASELINE = click.option("--baseline", type=BaselineFile(), help="The baseline, by id or path; npdb-2026 where none is named.")
PARENT = click.option(
    "--parent", type=BaselineFile(), help="The baseline a tailoring is of, where it is not one that is shipped."
)
FORM = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")


@click.group()
def baseline() -> None:
    """The baselines there are."""


@baseline.command("show")
@BASELINE
@PARENT
@FORM
@pass_console
def baseline_show(console: Console, baseline: Path | None, parent: Path | None, form: str) -> None:
    """Show every control: class, levels, clauses, and what decides it."""
    from scanner.record import canonical

    bound = loaded(baseline, parent)
    if form == "json":
        console.data(canonical(bound.baseline.model_dump(mode="json", by_alias=True)) + b"\n")
        return
    found = bound.baseline
    click.echo(
        _("{id} {version} ({regime}), sha256 {digest}").format(
            id=found.id, version=found.version, regime=found.regime, digest=bound.digest
        )
    )
    if bound.tailoring is not None:
        text = _("tailored by {id} {version}, sha256 {digest}: {by}")
        ref = bound.tailoring
        click.echo(text.format(id=ref.id, version=ref.version, digest=ref.sha256, by=ref.by))
    for control in found.controls:
        click.echo("\n".join(control_lines(control, console.language)))


@baseline.command("lint")
@click.argument("file", type=BaselineFile())
@PARENT
@pass_console
def baseline_lint(console: Console, file: Path, parent: Path | None) -> None:
    """Say whether a baseline loads: every key, check, parameter and clause; of a tailoring, whether it demands only more."""
    bound = loaded(file, parent)
    text = _("✓ {path}: {controls} controls, {rules} rules")
    console.say(text.format(path=file, controls=len(bound.baseline.controls), rules=len(bound.rules)))


@baseline.command("diff")
@click.argument("before", type=BaselineFile())
@click.argument("after", type=BaselineFile())
@PARENT
@FORM
@pass_console
def baseline_diff(console: Console, before: Path, after: Path, parent: Path | None, form: str) -> None:
    """Say what AFTER demands that BEFORE does not, and the reverse; each is a file or the id of a baseline that is shipped.

    Example: clearance baseline diff npdb-2026 tailoring.yaml, which tells what the tailoring demands beyond it
    """
    from scanner.baseline_diff import difference
    from scanner.record import canonical

    found = difference(loaded(before, after, parent), loaded(after, before, parent))
    if form == "json":
        console.data(canonical(found.model_dump(mode="json")) + b"\n")
        return
    old, new = found.before, found.after
    click.echo(f"{old.id} {old.version} ({old.regime}) -> {new.id} {new.version} ({new.regime})")
    about: str | None = ""
    for change in found.changes:
        if change.control != about:
            about = change.control
            click.echo("\n" + (about or _("The baseline as a whole")))
        click.echo("  " + _change(change))
    if not found.changes:
        click.echo(_("They demand the same."))


@baseline.command("coverage")
@BASELINE
@PARENT
@FORM
@pass_console
def baseline_coverage(console: Console, baseline: Path | None, parent: Path | None, form: str) -> None:
    """Show of every control whether checks decide it, partly or in whole, or a document alone; and the sums by level."""
    from scanner.coverage import coverage
    from scanner.record import canonical

    found = coverage(loaded(baseline, parent).baseline)
    if form == "json":
        console.data(canonical(found.model_dump(mode="json")) + b"\n")
        return
    width = max((len(control.id) for control in found.controls), default=0)
    for control in found.controls:
        title = control.title.vi if console.language == "vi" else control.title.en
        levels = "".join(str(level) if level in control.levels else "-" for level in range(1, 6))
        click.echo(f"{control.id:<{width}}  {levels}  {_(control.classed):<8}  {_(control.decided):<13}  {title}")
    click.echo("")
    for count in found.counts:
        told = _("{automatically} of {controls} controls decided automatically, {partly} partly, {by_document} by document only")
        numbers = told.format(controls=count.controls, **count.model_dump(exclude={"level"}))
        click.echo((_("level {level}").format(level=count.level) if count.level else _("in all")) + ": " + numbers)


@baseline.command("schema")
@click.argument("what", type=click.Choice(["baseline", "tailoring"]), default="baseline")
@pass_console
def baseline_schema(console: Console, what: str) -> None:
    """Print the JSON Schema by which an editor completes and checks a baseline, or a tailoring."""
    from scanner.schemas import SCHEMAS

    console.data(SCHEMAS[what]())


def loaded(path: Path | None, *others: Path | None) -> BoundBaseline:
    """The baseline in this file, bound; the national one where none is named.

    A tailoring is applied to its parent, which is looked for among the baselines that are shipped and the other files.
    """
    from scanner.baseline import load
    from scanner.cli.look import national_baseline
    from scanner.registry import load_checks
    from scanner.tailoring import is_tailoring, tailored

    path = path or national_baseline()
    data, name = bytes_of(path), str(path)
    if not is_tailoring(data, name):
        return load(data, name, load_checks(baseline=data))
    parent, source = _parent(data, name, [other for other in others if other is not None and other != path])
    checks = load_checks(baseline=parent)
    return tailored(load(parent, source, checks), data, name, checks)


def _parent(data: bytes, name: str, others: list[Path]) -> tuple[bytes, str]:
    from scanner.cli.shipped import shipped
    from scanner.faults import InputError
    from scanner.record import sha256
    from scanner.tailoring import read_parent

    wanted = read_parent(data, name)
    for path in (*others, *shipped().values()):
        found = bytes_of(path)
        if sha256(found) == wanted.sha256:
            return found, str(path)
    text = _("{name}: its parent {id} {version} (SHA-256 {digest}) is no baseline that is shipped here; name it with --parent")
    raise InputError(text.format(name=name, id=wanted.id, version=wanted.version, digest=wanted.sha256))


_TURNS = (N_("new"), N_("gone"), N_("stricter"), N_("looser"), N_("different"))
_WAYS = (N_("automatically"), N_("partly"), N_("by document"))


def _change(change: Change) -> str:
    levels = " " + _("(levels {levels})").format(levels=", ".join(map(str, change.levels))) if change.levels else ""
    return f"{_(change.turn)}: {shown(change.said)}{levels}"


def clauses(control: Control) -> Iterator[str]:
    """Where a control stands, a clause a line."""
    for clause in control.references:
        mark = " " + _("(text not verified)") if clause.unverified else ""
        yield f"{clause.source}, {clause.clause}{mark}"


def control_lines(control: Control, language: str) -> Iterator[str]:
    """A control: its class, levels and clauses, and what decides it."""
    title = control.title.vi if language == "vi" else control.title.en
    yield ""
    yield _("{id} {title} ({weight}, levels {levels})").format(
        id=control.id, title=title, weight=_(control.classed), levels=", ".join(map(str, control.levels))
    )
    yield from (f"    {line}" for line in clauses(control))
    for rule in control.rules:
        yield f"    - {rule.check}"
    if control.attestation is not None:
        document = control.attestation.document
        yield "    - " + _("document: {title}").format(title=document.vi if language == "vi" else document.en)
