"""The verbs about what becomes of a certificate: suspend, resume, revoke and status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from scanner.cli.certify import FILE, SIGNER, TRUST, agreed, trust_at
from scanner.cli.console import Console, bytes_of, keep, moment, now, pass_console
from scanner.cli.signing import signer_at
from scanner.i18n import _

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
@SERIAL
@LOG
@TRUST
@click.option("--at", help="As of this instant; now where it is not given.")
def status(serial: str, log_file: Path, trust: Path, at: str | None) -> None:
    """Print what has become of a certificate, by the whole log; SERIAL may be `all`."""
    from certification.ledger import history
    from certification.log_audit import audited
    from certification.log_store import opened
    from certification.status import replayed, standing

    instant, root = moment(at), trust_at(trust)
    with opened(log_file) as log:
        audited(log, root, now())
        found = replayed(one for one in history(log, root) if one.predicate.stated_at <= instant)
    for one in found.values() if serial == "all" else (standing(found, serial),):
        click.echo(f"{one.granted.serial}\t{one.at(instant).value}\t{one.since:%Y-%m-%dT%H:%M:%SZ}\t{one.granted.agency.code}")


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
    from certification.events import change_status
    from certification.log_store import opened
    from certification.status_event import Change, Reason

    at, root = now(), trust_at(trust)
    confirm = agreed(root, yes=yes)
    with opened(log_file) as log:
        envelope, proof = change_status(
            log, serial, Change(state), Reason(reason), note, root, at,
            signer=signer_at(signer), log_signer=lambda: signer_at(log_signer), confirm=confirm,
            begun=None if begun is None else bytes_of(begun),
        )  # fmt: skip
    keep(out, envelope)
    if proof is None:
        told = _("! signed by one authority: another one signs it with --begun {path}; nothing has changed yet")
        console.say(told.format(path=out))
    else:
        console.say(_("✓ {serial} is {state}: entry {index} of the log").format(serial=serial, state=state, index=proof.index))
