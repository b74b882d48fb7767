"""The verbs about requests: request, renew and refuse."""

from __future__ import annotations

from pathlib import Path

import click

from scanner.cli.certify import BUNDLE, FILE, SIGNER, TRUST, agreed, evidence_in, tell_decision
from scanner.cli.console import Console, bytes_of, insist_on_free, keep, now, pass_console
from scanner.cli.roots import trust_at
from scanner.cli.signing import signer_at
from scanner.i18n import _


@click.command()
@BUNDLE
@click.option("--kind", type=click.Choice(["trial", "official"]), required=True)
@click.option("--csr", type=FILE, required=True, help="Certificate request of the client key: proves that the agency holds it.")
@click.option("--api", "apis", multiple=True, required=True, help="An interface that is asked for; may be repeated.")
@click.option("--purpose", required=True, help="What the data is for.")
@click.option("--rate", type=click.IntRange(min=1), default=60, show_default=True, help="Requests a minute.")
@click.option(
    "--supersedes", metavar="SERIAL", help="The certificate this one takes the place of, as an official one of a trial."
)
@SIGNER
@click.option("--out", type=FILE, required=True)
@pass_console
def request(
    console: Console,
    bundle: Path,
    kind: str,
    csr: Path,
    apis: tuple[str, ...],
    purpose: str,
    rate: int,
    supersedes: str | None,
    signer: str,
    out: Path,
) -> None:
    """Ask for a connection on a sealed inspection, signed with the agency's key."""
    from certification.request import Kind
    from certification.request_drafting import draft_request
    from certification.sealing import assessment_of
    from certification.signers import signed

    insist_on_free(out)
    files = evidence_in(bundle)
    drafted = draft_request(files, bytes_of(csr), Kind(kind), apis, purpose, now(), rate=rate, supersedes=supersedes)
    keep(out, signed(drafted, signer_at(signer)))
    console.say(_("✓ request for a {kind} connection: {path}").format(kind=_(kind), path=out))
    tell_decision(console, assessment_of(files).decision)


@click.command()
@click.argument("serial")
@BUNDLE
@click.option("--log", "log_file", type=FILE, required=True, help="The log the certificate stands in.")
@TRUST
@click.option(
    "--csr", type=FILE, required=True, help="Certificate request of the client key; a new key is better than the old one."
)
@click.option(
    "--kind", type=click.Choice(["trial", "official"]), help="As an official one of a trial; the same kind where it is not given."
)
@SIGNER
@click.option("--out", type=FILE, required=True)
@pass_console
def renew(
    console: Console,
    /,
    serial: str,
    bundle: Path,
    log_file: Path,
    trust: Path,
    csr: Path,
    kind: str | None,
    signer: str,
    out: Path,
) -> None:
    """Ask for the certificate that takes the place of another, on a new inspection, with what that one grants.

    Example: clearance renew CC-2026-1 new.bundle --log log.sqlite --trust trust.dsse.json --csr new.csr --signer file:agency.pem --out request.dsse.json
    """
    from certification.bearing import bearing
    from certification.ledger import history
    from certification.log_audit import audited
    from certification.log_store import opened
    from certification.request import Kind
    from certification.request_drafting import draft_request
    from certification.signers import signed
    from certification.status import Act, replayed, standing

    insist_on_free(out)
    at, root = now(), trust_at(trust)
    with opened(log_file) as log:
        audited(log, root, at)
        old = standing(replayed(history(bearing(log, (serial,)), root)), serial)
    old.after(Act.SUPERSEDE, at)
    granted = old.granted
    drafted = draft_request(
        evidence_in(bundle),
        bytes_of(csr),
        granted.kind if kind is None else Kind(kind),
        granted.scope.apis,
        granted.scope.purpose,
        at,
        rate=granted.scope.rate,
        bulk=granted.scope.bulk,
        supersedes=serial,
    )
    keep(out, signed(drafted, signer_at(signer)))
    console.say(
        _("✓ request to follow {serial}, which ends at {ends}: {path}").format(
            serial=serial, ends=f"{granted.not_after:%Y-%m-%d %H:%M} UTC", path=out
        )
    )


@click.command()
@click.argument("request_file", metavar="REQUEST", type=FILE)
@click.option("--reason", required=True, help="Why, for the agency and for the record.")
@click.option(
    "--log",
    "log_file",
    type=FILE,
    required=True,
    help="The log it is entered in, so that nobody can issue on the request any more.",
)
@click.option("--log-signer", required=True, metavar="URI", help="The log's key, as file:log.pem.")
@TRUST
@SIGNER
@click.option("--yes", is_flag=True, help="Sign without asking, for rehearsals; a laboratory's trust root only.")
@click.option("--out", type=FILE, required=True)
@pass_console
def refuse(
    console: Console,
    /,
    request_file: Path,
    reason: str,
    log_file: Path,
    log_signer: str,
    trust: Path,
    signer: str,
    yes: bool,
    out: Path,
) -> None:
    """Refuse a request for good; any one authority may, and the agency has to make a new one.

    Example: clearance refuse request.dsse.json --reason "the inventory leaves out the mail server" --log log.sqlite --log-signer file:log.pem --trust trust.dsse.json --signer file:approver.pem --out refusal.dsse.json
    """
    from certification.ledger import entered
    from certification.log_store import opened
    from certification.request_refusal import refuse as refused

    insist_on_free(out)
    at, root = now(), trust_at(trust)
    envelope = refused(bytes_of(request_file), reason, root, at, signer=signer_at(signer), confirm=agreed(root, yes=yes))
    # Logged before it is written, as certificates are.
    with opened(log_file) as log:
        proof = entered(log, envelope, signer_at(log_signer), root, now())
    keep(out, envelope)
    console.say(
        _("✓ refused for good: {path}, entry {index} of {log}").format(
            path=out, index=proof.index, log=proof.checkpoint.checkpoint.origin
        )
    )
