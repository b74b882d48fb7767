"""The verb that looks ahead: plan says what a scan would do, need and leave open, and sends nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from scanner.cli.console import Console, now, pass_console
from scanner.cli.exits import ExitStatus
from scanner.cli.feeds import feeds_at
from scanner.cli.look import FILE, FOLDER, PORTS, given, inputs_of, port_list
from scanner.cli.shipped import say_force, say_imitation, say_unfilled
from scanner.cli.timing import limits_of, some, taken, tell_too_short
from scanner.i18n import N_, _, filled, ngettext

if TYPE_CHECKING:
    from scanner.forecast import Forecast
    from scanner.ordering import Inputs
    from scanner.targets import NotPermitted

_WHY = {
    "no-login": N_("no login"),
    "no-feeds": N_("no feed store (--feeds), so patches are not judged"),
    "no-anchors": N_("no CA store (--anchors), so nobody can say which certificates are trusted"),
    "no-crls": N_("no CRLs (--crls), so nobody can say which certificates were revoked"),
    "unplanned": N_("the baseline looks at nothing there, so the inventory is not covered"),
    "document": N_("documents to attest"),
    "over-budget": N_("more connections than the permit allows a host"),
}


@click.command()
@given
@click.option(
    "--rate", "pace", type=click.Choice(["gentle", "normal", "fast"]), default="normal", show_default=True, help="As of scan."
)
@click.option("--ports", default=PORTS, help="As of scan.")
@click.option("--deadline", type=click.FloatRange(1, 600), default=60.0, show_default=True, help="As of scan.")
@click.option("--run-deadline", type=click.FloatRange(1, 604_800), metavar="SECONDS", help="As of scan.")
@click.option("--host-deadline", type=click.FloatRange(1, 604_800), metavar="SECONDS", help="As of scan.")
@click.option("--feeds", type=FILE, help="As of scan.")
@click.option(
    "--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Earlier runs, by which the time is estimated."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: docs/schemas/plan.schema.json."
)
@pass_console
def plan(console: Console, /, form: str, **options: Any) -> None:
    """Show what a scan would do; no packet leaves this machine.

    Says which endpoints and checks, about how many connections to each host and how long, which logins are needed, and what could
    not be assessed and would so block a certificate; and which limit of time is too short for it.
    """
    from scanner.discovery import counted
    from scanner.forecast import Given, forecast
    from scanner.history import seconds_by_kind
    from scanner.targets import Pace

    inputs, ports = inputs_of(options), port_list(options["ports"])
    feeds_at(options["feeds"])  # a store that is not there is told now, and not by the scan
    found = forecast(
        inputs.scope,
        inputs.bound,
        Given(
            permit=inputs.permit,
            rate=inputs.permit.rate.at_most(Pace(options["pace"]).rate),
            ports={host.id: counted(host, ports) for host in inputs.scope.hosts},
            feeds=options["feeds"] is not None,
            anchors=options["anchors"] is not None,
            crls=options["crls"] is not None,
            history=seconds_by_kind(options["runs"]),
            refusals=tuple(_refusals(inputs)),
            limits=limits_of(options),
        ),
    )
    if form == "json":
        console.data(found.written() + b"\n")
        _end(found)
    say_imitation(console, inputs.bound.ref())
    say_force(console, inputs.bound.baseline, now())
    say_unfilled(console, inputs.permit)
    _say(console, found, inputs)
    _end(found)


def _end(found: Forecast) -> NoReturn:
    """Ends with the exit status that a scan of this would begin with."""
    raise click.exceptions.Exit(ExitStatus.REFUSED if found.refusals else ExitStatus.DONE)


def _refusals(inputs: Inputs) -> list[str]:
    closed = inputs.permit.closed(now())
    found = [] if closed is None else [filled(closed)]
    for host in inputs.scope.hosts:
        outside = _outside(inputs, host.address)
        if outside is not None:
            found.append(f"{host.id}: {filled(outside)}")
    return found


def _outside(inputs: Inputs, address: str) -> NotPermitted | None:
    from ipaddress import ip_address

    try:
        return inputs.permit.outside(str(ip_address(address)))
    except ValueError:
        return None  # a name is resolved and held to the permit when the scan begins: asking for it would send a packet


def _say(console: Console, found: Forecast, inputs: Inputs) -> None:
    from scanner.targets import AGENCY

    console.say(f"{AGENCY} ({', '.join(inputs.permit.addresses)})")
    _say_sights(console, found, AGENCY)
    for host in found.hosts:
        text = _("{host} ({address}): about {connections} connections").format(
            host=host.host, address=host.address, connections=host.connections
        )
        console.say(text + (f" · {host.login}" if host.login else ""))
        _say_sights(console, found, host.host)
    console.say(
        _("{endpoints} endpoints · {checks} checks · {sights} · about {connections} connections in {time}").format(
            endpoints=found.endpoints,
            checks=found.checks,
            sights=ngettext("{count} sight", "{count} sights", len(found.sights)).format(count=len(found.sights)),
            connections=found.connections,
            time=taken(found.seconds, found.seconds_if_silent)
            + ("" if found.measured else " " + _("(no earlier run to measure by)")),
        )
    )
    tell_too_short(console, found.too_short)
    console.say(_("needs: {what}").format(what=", ".join(["nmap", *found.credentials])))
    for blocked in found.blocked:
        console.say(
            _("{sign} not assessed at {subjects}: {why} ({controls}){blocks}").format(
                sign="!" if blocked.blocks else "i",
                subjects=some(blocked.subjects),
                why=_(_WHY[blocked.why]),
                controls=some(blocked.controls) or "-",
                blocks=": " + _("blocks a certificate") if blocked.blocks else "",
            )
        )
    for why in found.refusals:
        console.say(_("✗ {closed}: a scan now would be refused").format(closed=why))


def _say_sights(console: Console, found: Forecast, at: str) -> None:
    for sight in found.sights:
        if sight.subject.partition(":")[0] == at:
            console.say(f"    {sight.subject:<24} {sight.kind}")
