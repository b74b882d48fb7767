"""The verbs about what becomes of a certificate: suspend, resume, revoke and status."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.certify import FILE, SIGNER, TRUST, agreed
from scanner.cli.console import Console, bundle_of, bytes_of, escaped_lines, insist_on_free, keep, moment, now, pass_console
from scanner.cli.exits import ExitStatus
from scanner.cli.roots import trust_at
from scanner.cli.signing import signer_at
from scanner.i18n import _

if TYPE_CHECKING:
    from certification.status import Standing
    from certification.trust import TrustRoot

REASONS = (
    "incident",
    "key-compromise",
    "drift",
    "condition-overdue",
    "evidence-withdrawn",
    "agency-asked",
    "resolved",
    "other",
)
SERIAL = click.argument("serial")
LOG = click.option("--log", "log_file", type=FILE, required=True, help="The log the certificate stands in.")


def _event(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--yes", is_flag=True, help="Sign without asking, for rehearsals; a laboratory's trust root only."),
        click.option("--out", type=FILE, required=True, help="The signed event to write."),
        click.option("--note", default="", help="Why, for people."),
        click.option("--log-signer", metavar="URI", required=True, help="The log's key, as file:log.pem."),
        SIGNER,
        TRUST,
        LOG,
        SERIAL,
    ):
        command = option(command)
    return command


@click.command()
@_event
@click.option("--reason", type=click.Choice(REASONS), required=True)
@pass_console
def suspend(console: Console, /, **given: Any) -> None:
    """Suspend a certificate at once; any one authority may."""
    _change(console, "suspended", begun=None, **given)


@click.command()
@_event
@click.option("--reason", type=click.Choice(REASONS), required=True)
@pass_console
def revoke(console: Console, /, **given: Any) -> None:
    """Revoke a certificate for good; any one authority may."""
    _change(console, "revoked", begun=None, **given)


@click.command()
@_event
@click.option("--reason", type=click.Choice(REASONS), default="resolved", show_default=True)
@click.option("--begun", type=FILE, help="The event that the other authority has signed already.")
@pass_console
def resume(console: Console, /, **given: Any) -> None:
    """Let a suspended certificate be used again; two authorities must sign, one after the other."""
    _change(console, "resumed", **given)


@click.command()
@click.argument("what", metavar="SERIAL|all|FILE")
@click.option("--log", "log_file", type=FILE, help="The log; only a FILE can be told of without it.")
@TRUST
@click.option(
    "--expiring",
    type=click.IntRange(1, 366),
    metavar="DAYS",
    help="Only what ends within so many days; exit status 10 where anything does.",
)
@click.option("--at", help="As of this instant; now where it is not given.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def status(
    console: Console, /, what: str, log_file: Path | None, trust: Path, expiring: int | None, at: str | None, form: str
) -> None:
    """Print what has become of a certificate, of all, or how far an application has come.

    SERIAL or `all` asks the whole log. FILE is a sealed bundle, a request, a refusal or an authorisation, and is told of by itself: evaluated,
    requested, half-approved, approved or refused; with --log also whether it was refused or issued on.

    Reminds of what ends within 90, 30 and 7 days, and exits 0: `reminder` in the JSON is the nearest of these steps. Only --expiring exits 10.

    Example: clearance status all --log log.sqlite --trust trust.dsse.json --expiring 30
    """
    instant, root = moment(at), trust_at(trust)
    if what != "all" and Path(what).is_file():
        _tell_application(console, Path(what), log_file, root, instant, form)
        return
    if log_file is None:
        raise click.UsageError(_("what has become of a certificate only the log knows: name it with --log"))
    rows = [_row(one, instant) for one in _standings(log_file, root, instant, what)]
    if expiring is not None:
        rows = sorted(
            (row for row in rows if row["state"] in USABLE and row["days_left"] <= expiring),
            key=lambda row: (row["days_left"], row["serial"]),
        )
    if form == "json":
        from scanner.record import canonical

        console.data(canonical(rows) + b"\n")
    else:
        for row in rows:
            click.echo(
                "\t".join(str(row[name]) for name in ("serial", "state", "since", "agency", "ends", "days_left")) + _review(row)
            )
    for row in rows if expiring is not None else _reminders(rows):
        console.say(
            _("! {serial} of {agency} ends in {days} days: {advice}").format(
                serial=row["serial"], agency=row["agency"], days=row["days_left"], advice=_advice(row["days_left"])
            )
        )
    if expiring is not None and rows:
        raise click.exceptions.Exit(ExitStatus.NOT_AUTHORISED)


USABLE = ("trial", "official", "suspended")
REVIEW_DAYS = 30
"""A suspension is looked at again after so many days; it never lifts itself."""


def _standings(log_file: Path, root: TrustRoot, instant: datetime, what: str) -> Iterable[Standing]:
    from certification.bearing import bearing
    from certification.ledger import history
    from certification.log_audit import audited
    from certification.log_store import opened
    from certification.status import replayed, standing

    with opened(log_file) as log:
        audited(log, root, now())
        told = log if what == "all" else bearing(log, (what,))
        found = replayed(one for one in history(told, root) if one.predicate.stated_at <= instant)
    return found.values() if what == "all" else (standing(found, what),)


def _row(one: Standing, instant: datetime) -> dict[str, Any]:
    granted, state = one.granted, one.at(instant).value
    return {
        "serial": granted.serial,
        "state": state,
        "kind": granted.kind.value,
        "since": f"{one.since:%Y-%m-%dT%H:%M:%SZ}",
        "agency": granted.agency.code,
        "ends": f"{granted.not_after:%Y-%m-%dT%H:%M:%SZ}",
        "days_left": one.days_left(instant),
        "reminder": one.reminder(instant),
        "review_by": f"{one.since + timedelta(days=REVIEW_DAYS):%Y-%m-%dT%H:%M:%SZ}" if state == "suspended" else None,
        "review_overdue": state == "suspended" and instant - one.since > timedelta(days=REVIEW_DAYS),
    }


def _reminders(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a reminder is due for, the nearest end first."""
    return sorted((row for row in rows if row["reminder"] is not None), key=lambda row: (row["days_left"], row["serial"]))


def _review(row: dict[str, Any]) -> str:
    if row["review_by"] is None:
        return ""
    return "\t" + (_("review overdue since {day}") if row["review_overdue"] else _("review by {day}")).format(
        day=row["review_by"]
    )


def _advice(days: int) -> str:
    """What to do by then, at each of the steps of `certification.status.REMINDERS`."""
    if days <= 7:
        return _("renew it now, or the connection ends")
    return _("apply with a new inspection now") if days <= 30 else _("order the next inspection")


def _tell_application(console: Console, path: Path, log_file: Path | None, root: TrustRoot, instant: datetime, form: str) -> None:
    from certification.application import application
    from certification.ledger import history
    from certification.log_audit import audited
    from certification.log_store import opened
    from certification.status import replayed
    from scanner.record import canonical

    data, states = bundle_of(path), {}
    if log_file is None:
        found = application(data, root, instant)
    else:
        with opened(log_file) as log:
            audited(log, root, now())
            story = tuple(history(log, root))
            found = application(data, root, instant, story)
            standings = replayed(story)
            states = {serial: standings[serial].at(instant).value for serial in found.serials if serial in standings}
    told = {
        "stage": found.stage.value,
        "agency": found.agency,
        "run": found.run,
        "signers": list(found.signers),
        "serials": list(found.serials),
        "reason": found.reason,
        "states": states,
    }
    if form == "json":
        console.data(canonical(told) + b"\n")
        return
    click.echo(
        "\t".join(
            (
                found.stage.value,
                found.agency,
                found.run,
                ",".join(found.signers),
                ",".join(found.serials) or "-",
                escaped_lines(found.reason).replace("\n", " ") or "-",
            )
        )
    )
    if log_file is None:
        console.say(_("  ! without --log nobody can tell whether it was refused or issued on"))
    for serial, state in states.items():
        console.say(_("  by the log {serial} is {state}").format(serial=serial, state=_(state)))


def _change(
    console: Console,
    state: str,
    *,
    serial: str,
    log_file: Path,
    trust: Path,
    signer: str,
    log_signer: str,
    reason: str,
    note: str,
    begun: Path | None,
    out: Path,
    yes: bool,
) -> None:
    from certification.bearing import bearing
    from certification.events import change_status
    from certification.ledger import history
    from certification.log_store import opened
    from certification.status import replayed, standing
    from certification.status_event import Change, Reason

    insist_on_free(out, further=begun)
    at, root = now(), trust_at(trust)
    confirm = agreed(root, yes=yes)
    with opened(log_file) as log:
        one = standing(replayed(history(bearing(log, (serial,)), root)), serial)
        granted = one.granted
        console.say(
            _("{serial}: {kind} connection of {agency}, {name}, for system {system}; it is {state}").format(
                serial=serial,
                kind=_(granted.kind.value),
                agency=granted.agency.code,
                name=escaped_lines(granted.agency.name.vi),
                system=granted.system.id,
                state=_(one.at(at).value),
            )
        )
        envelope, proof = change_status(
            log, serial, Change(state), Reason(reason), note, root, at,
            signer=signer_at(signer), log_signer=lambda: signer_at(log_signer), confirm=confirm,
            begun=None if begun is None else bytes_of(begun), entering=now,
        )  # fmt: skip
    keep(out, envelope)
    console.found(serial=serial, change=state, index=None if proof is None else proof.index)
    if proof is None:
        told = _("! signed by one authority: another one signs it with --begun {path}; nothing has changed yet")
        console.say(told.format(path=out))
    else:
        console.say(_("✓ {serial} is {state}: entry {index} of the log").format(serial=serial, state=_(state), index=proof.index))
        console.say(
            _(
                "next: the other authority's `clearance log cosign`, then `clearance gateway export` and `apply`; gateways know nothing before"
            )
        )
