"""The verbs that show checks: checks list and explain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.baselines import BASELINE, FORM, clauses, loaded
from scanner.cli.console import Console, pass_console
from scanner.i18n import _
from scanner.strict_yaml import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.baseline import BoundBaseline
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
        console.data(canonical([_as_data(check) for check in found.values()]) + b"\n")
        return
    width = max(map(len, found))
    for check in found.values():
        click.echo(f"{check.id:<{width}}  {_kind(check):<16}  {_(check.title)}")


@click.command()
@click.argument("check")
@BASELINE
@FORM
@pass_console
def explain(console: Console, check: str, baseline: Path | None, form: str) -> None:
    """Say what a check asks, why (the clause), how it is judged, and how to mend a failure in each product."""
    from scanner.record import canonical
    from scanner.registry import load_checks

    found = load_checks()
    if check not in found:
        raise InputError(_("no check is called {check}; `clearance checks list` names them all").format(check=check))
    if form == "json":
        console.data(canonical(_as_data(found[check])) + b"\n")
        return
    click.echo("\n".join(_explanation(found[check], loaded(baseline))))


def _kind(check: Check[Any, Any]) -> str:
    from scanner.plan import kind_of

    return kind_of(check.observes)


def _as_data(check: Check[Any, Any]) -> dict[str, Any]:
    return {
        "id": check.id,
        "title": _(check.title),
        "observes": _kind(check),
        "facts": list(check.facts),
        "needs": check.needs,
        "judged": _(check.explanation),
        "parameters": check.parameters().model_dump(mode="json"),
        "fixes": {product: _(text) for product, text in check.fixes.items()},
    }


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


def _uses(check: Check[Any, Any], bound: BoundBaseline) -> Iterator[str]:
    rules = [rule for rule in bound.rules if rule.check.id == check.id]
    if not rules:
        yield "  " + _("no control of this baseline uses it")
    for rule in rules:
        control = rule.control
        levels = ", ".join(map(str, control.levels))
        yield "  " + _("{id} {title} ({weight}, levels {levels})").format(
            id=control.id, title=control.title.en, weight=_(control.classed), levels=levels
        )
        yield from (f"    {line}" for line in clauses(control))
        told = {level: dict(parameters.model_dump(mode="json")) for level, parameters in rule.parameters.items()}
        for level, parameters in told.items():
            if parameters and (level == control.levels[0] or parameters != told[control.levels[0]]):
                settings = ", ".join(f"{name} = {value}" for name, value in parameters.items())
                yield "    " + _("level {level}: {settings}").format(level=level, settings=settings)


def _indented(text: str, by: int = 2) -> Iterator[str]:
    return (" " * by + line if line else "" for line in text.splitlines())
