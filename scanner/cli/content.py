"""The verbs that show checks: checks list and explain."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli import explaining
from scanner.cli.baselines import BASELINE, FORM, clauses, control_lines, loaded
from scanner.cli.completion import check_names
from scanner.cli.console import Console, bytes_of, keep, pass_console
from scanner.faults import InputError
from scanner.i18n import _, titled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scanner.baseline import BoundBaseline, Control
    from scanner.check import Check


@click.group()
def checks() -> None:
    """The checks there are."""


@checks.command("list")
@FORM
@pass_console
def checks_list(console: Console, form: str) -> None:
    """List every check with what it observes and its title."""
    from scanner.record import canonical
    from scanner.registry import load_checks

    found = load_checks()
    if form == "json":
        from scanner.cli.explained import check_data

        console.data(canonical([check_data(check).model_dump(mode="json") for check in found.values()]) + b"\n")
        return
    width = max(map(len, found))
    for check in found.values():
        click.echo(f"{check.id:<{width}}  {_kind(check):<16}  {_(check.title)}")


@checks.command("new")
@click.argument("name")
@click.option("--pack", required=True, help="The check pack it goes into: a folder of this name, made where there is none.")
@pass_console
def checks_new(console: Console, name: str, pack: str) -> None:
    """Write a check of your own to change, with its passing and its failing example and its test (docs/write-a-check.md).

    Example: clearance checks new our-ssh-server --pack our-checks
    """
    from scanner.cli.scaffold import SHARED, files
    from scanner.registry import load_checks

    if name in load_checks():
        raise InputError(_("a check is called {name} already").format(name=name))
    folder, made = Path(pack), files(name, pack)
    new = {folder / path: text for path, text in made.items() if not (path.endswith(SHARED) and (folder / path).exists())}
    there = [str(path) for path in new if path.exists()]
    if there:
        raise InputError(_("{path}: exists already; nothing was overwritten").format(path=", ".join(there)))
    for path, text in new.items():
        keep(path, text.encode())
    console.say(_("✓ {names} written").format(names=", ".join(map(str, new))))
    console.say(_("Next: pip install ./{pack}, then name it in a baseline: packs: [{pack}]").format(pack=pack))


@click.command()
@click.argument("check", metavar="CHECK", shell_complete=check_names)
@BASELINE
@click.option("--run", type=click.Path(path_type=Path, file_okay=False), help="A judged run: say also what it saw, and where.")
@click.option("--subject", help="Of that run only this subject, as in web1:443.")
@FORM
@pass_console
def explain(console: Console, check: str, baseline: Path | None, run: Path | None, subject: str | None, form: str) -> None:
    """Say what a check asks, why (the clause), how it is judged, how to mend a failure in each product, and what then shows that it is mended.

    Of a control, as a verdict and a report print it, says what it demands and by which checks.

    Example: clearance explain tls-minimum-version --run run-november --subject web1:443
    """
    from scanner.cli.judging import assessment_of
    from scanner.judge import bound_of
    from scanner.registry import load_checks
    from scanner.store import BASELINE, Run

    opened = None if run is None else Run.opened(run)
    found = load_checks(baseline=opened.read(BASELINE) if opened else b"" if baseline is None else bytes_of(baseline))
    if subject is not None and run is None:
        raise click.UsageError(_("--subject is a subject of a run: name the run with --run"))
    if run is not None and baseline is not None:
        raise click.UsageError(_("a run carries the baseline it was judged by: leave --baseline out, or --run"))
    if check not in found:
        bound = loaded(baseline) if opened is None else bound_of(opened.files(), opened.order, found)
        click.echo("\n".join(_of_control(console, _control(check, bound, found, form), run)))
        return
    assessment = None if opened is None else assessment_of(opened)
    if form == "json":
        from scanner.cli.explained import check_data

        seen = None if assessment is None else explaining.as_data(assessment, check, subject)
        console.data(check_data(found[check], seen).written() + b"\n")
        return
    bound = loaded(baseline) if opened is None else bound_of(opened.files(), opened.order, found)
    text = [*_explanation(found[check], bound)]
    if opened is not None and assessment is not None:
        text += explaining.lines(opened.folder, assessment, found[check], subject)
    click.echo("\n".join(text))


def _control(word: str, bound: BoundBaseline, checks: Mapping[str, object], form: str) -> Control:
    """The control of this id, in whatever letters it is written; raises InputError where there is none, with the name it may be meant for."""
    from difflib import get_close_matches

    controls = {control.id: control for control in bound.baseline.controls}
    known = {name.casefold(): name for name in (*checks, *controls)}
    name = known.get(word.casefold())
    if name is None or name not in controls:
        near = [known[match] for match in get_close_matches(word.casefold(), known, n=3)]
        text = _("no check and no control of {baseline} is called {word}").format(baseline=bound.baseline.id, word=word)
        text += "; " + _("did you mean {names}?").format(names=", ".join([name] if name else near)) if name or near else ""
        raise InputError(text + " " + _("`clearance checks list` and `clearance baseline show` name them all"))
    if form == "json":
        names = ", ".join(rule.check for rule in controls[name].rules) or "-"
        raise InputError(
            _("{control} is a control; as data its checks are explained: {checks}").format(control=name, checks=names)
        )
    return controls[name]


def _of_control(console: Console, control: Control, run: Path | None) -> Iterator[str]:
    yield from list(control_lines(control, console.language))[1:]
    at = f" --run {shlex.quote(str(run))}" if run is not None else ""
    for name in dict.fromkeys(rule.check for rule in control.rules):
        yield _("more: {command}").format(command=f"clearance explain {name}{at}")


def _kind(check: Check[Any, Any]) -> str:
    from scanner.plan import kind_of

    return kind_of(check.observes)


def _explanation(check: Check[Any, Any], bound: BoundBaseline) -> Iterator[str]:
    yield f"{check.id}: {_(check.title)}"
    yield ""
    yield _("Looks at: {kind}").format(kind=_kind(check))
    yield ""
    yield _("How it is judged")
    yield from _indented(_(check.explanation))
    yield ""
    yield _("Why ({baseline})").format(baseline=bound.baseline.id)
    yield from _uses(check, bound)
    yield ""
    yield _("How to mend a failure")
    for product, text in check.fixes.items():
        yield f"  {product}:"
        yield from _indented(_(text), by=4)
        yield from _indented("\n".join(explaining.retest_lines(check, product)), by=4)


def _uses(check: Check[Any, Any], bound: BoundBaseline) -> Iterator[str]:
    rules = [rule for rule in bound.rules if rule.check.id == check.id]
    if not rules:
        yield "  " + _("no control of this baseline uses it")
    for rule in rules:
        control = rule.control
        levels = ", ".join(map(str, control.levels))
        yield "  " + _("{id} {title} ({weight}, levels {levels})").format(
            id=control.id, title=titled(control.title), weight=_(control.classed), levels=levels
        )
        yield from (f"    {line}" for line in clauses(control))
        told = {level: dict(parameters.model_dump(mode="json")) for level, parameters in rule.parameters.items()}
        for level, parameters in told.items():
            if parameters and (level == control.levels[0] or parameters != told[control.levels[0]]):
                settings = ", ".join(f"{name} = {value}" for name, value in parameters.items())
                yield "    " + _("level {level}: {settings}").format(level=level, settings=settings)


def _indented(text: str, by: int = 2) -> Iterator[str]:
    return (" " * by + line if line else "" for line in text.splitlines())
