"""The verbs about gateways: the connection CA's certificates, and bundles from the log to the proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.certify import FILE, TRUST, proof_at, proof_of
from scanner.cli.clients import kept_client, told_client
from scanner.cli.console import Console, bundle_of, bytes_of, insist_on_free, keep, now, pass_console
from scanner.cli.exits import ExitStatus
from scanner.cli.roots import trust_at
from scanner.cli.signing import PIN_FILE, ca_key_at, signer_at, signer_option
from scanner.faults import InputError
from scanner.i18n import _, ngettext

if TYPE_CHECKING:
    from certification.refusals import Refusal
    from gateway.site import Site

CA = click.option("--ca", "ca_file", type=FILE, required=True, help="The connection CA's own certificate; `gateway ca` makes it.")
CA_SIGNER = click.option(
    "--ca-signer", metavar="URI", required=True, help="The connection CA's key, as file:ca.pem or pkcs11:token=T;object=K?..."
)
CLIENTS = click.option(
    "--clients", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder of client certificates."
)
SITE = click.option("--site", "site_file", type=FILE, required=True, help="The gateway's site, as site.toml.")


@click.group()
def gateway() -> None:
    """Who may connect, from the log to nginx and HAProxy."""


@gateway.command("ca")
@TRUST
@CA_SIGNER
@PIN_FILE
@click.option("--out", type=FILE, required=True)
@pass_console
def gateway_ca(console: Console, trust: Path, ca_signer: str, out: Path) -> None:
    """Make the connection CA's own certificate, for the key that the trust root names."""
    from certification.connection_ca import ca_certificate

    insist_on_free(out)
    made = ca_certificate(trust_at(trust), ca_key_at(ca_signer), now())
    keep(out, made.pem)
    console.say(_("✓ connection CA: {path}").format(path=out))


@gateway.command("client")
@click.argument("certificate", type=FILE)
@TRUST
@click.option("--proof", type=FILE, help="The proof that it stands in a log; CERTIFICATE.tlog-proof where it is not given.")
@CA
@CA_SIGNER
@PIN_FILE
@CLIENTS
@pass_console
def gateway_client(
    console: Console, certificate: Path, trust: Path, proof: Path | None, ca_file: Path, ca_signer: str, clients: Path
) -> None:
    """Make the X.509 client certificate that a connection certificate leads to, for the key its agency asked with."""
    from certification.connection_ca import read_ca
    from certification.verify import verify

    at, root = now(), trust_at(trust)
    found = verify(bytes_of(certificate), root, at, proof=proof_at(proof or proof_of(certificate)))
    ca = read_ca(bytes_of(ca_file), root, at)
    path = kept_client(found.granted, found.payload_sha256, ca, ca_signer, clients)
    told_client(console, path)


@gateway.command("export")
@click.option("--log", "log_file", type=FILE, required=True, help="The log, cosigned as far as it goes.")
@TRUST
@CA
@CA_SIGNER
@CLIENTS
@signer_option("The gateway key that signs the bundle.")
@click.option("--state", type=FILE, required=True, help="The last bundle's number; made the first time, never to be lost.")
@click.option("--hours", type=click.IntRange(1, 168), default=24, show_default=True, help="How long a gateway may go by it.")
@click.option("--out", type=FILE, required=True)
@pass_console
def gateway_export(
    console: Console,
    log_file: Path,
    trust: Path,
    ca_file: Path,
    ca_signer: str,
    clients: Path,
    signer: str,
    state: Path,
    hours: int,
    out: Path,
) -> None:
    """Write the bundle of all certificates in force: signed, numbered, and good for a while only."""
    from certification.connection_ca import read_ca
    from certification.exporting import ExportMark, export, next_after
    from certification.log_store import opened

    if out.resolve() == state.resolve() or not _is_gateway_bundle(out):  # the bundle before is replaced, and nothing else is
        insist_on_free(out)
    at, root = now(), trust_at(trust)
    ca = read_ca(bytes_of(ca_file), root, at)
    if not state.exists():
        console.say(
            _("! {path} is not there, so the numbers of bundles begin anew: gateways refuse an older one").format(path=state)
        )
    mark = next_after(ExportMark.read(bytes_of(state)) if state.exists() else None, at)
    with opened(log_file) as log:
        made = export(
            log, root, at, mark.sequence, at + timedelta(hours=hours), _client_of(clients),
            ca=ca, ca_key=ca_key_at(ca_signer), signer=signer_at(signer),
        )  # fmt: skip
    # The number first: one that was given out is never given out again.
    keep(state, mark.written())
    keep(out, made.data, mode=0o640)
    count = made.predicate.entries
    console.found(
        sequence=mark.sequence, expires=_written(made.predicate.expires), entries=count, left_out=_refused(made.left_out)
    )
    told = ngettext("✓ bundle {number}: {count} certificate, good until {end}: {path}",
                    "✓ bundle {number}: {count} certificates, good until {end}: {path}", count)  # fmt: skip
    console.say(told.format(number=mark.sequence, count=count, end=f"{made.predicate.expires:%Y-%m-%d %H:%M} UTC", path=out))
    for serial, refusal in made.left_out:
        console.say(_("  left out: {serial} [{code}] {why}").format(serial=serial, code=refusal.code, why=refusal.message))


@gateway.command("apply")
@click.argument("bundle", type=FILE)
@SITE
@pass_console
@click.pass_context
def gateway_apply(context: click.Context, console: Console, bundle: Path, site_file: Path) -> None:
    """Verify a bundle, every entry of it, and put it in force: write, test, swap, reload, and try that a revoked one is kept out."""
    from certification.relied import grouped
    from certification.trust import read_trust_root
    from gateway.applying import apply, ends_soon

    site, at = _site(site_file), instant()
    root = read_trust_root(
        bytes_of(Path(site.trust)), at, pinned=site.trust_sha256
    )  # the gateway's own memory tells a stranger's
    done = apply(bundle_of(bundle), root, site, at)
    admitted, told = len(done.register.admitted), done.register.predicate
    console.found(state=done.state, expires=_written(told.expires), entries=admitted, left_out=_refused(done.register.left_out))
    text = ngettext("✓ in force: state {state}, {count} certificate, until {end}",
                    "✓ in force: state {state}, {count} certificates, until {end}", admitted)  # fmt: skip
    console.say(text.format(state=done.state, count=admitted, end=f"{told.expires:%Y-%m-%d %H:%M} UTC"))
    if site.trust_sha256 is None:
        text = _(
            "  trust root version {version}, SHA-256 {digest}; compared by another channel, it stands in the site's file as trust_sha256"
        )
        # also where all else is quiet: whoever misses it relies on nobody's word
        click.echo(text.format(version=root.keyring.version, digest=grouped(root.sha256)), err=True)
    if ends_soon(told.stated_at, told.expires, at):
        console.say(_("! less than half of the bundle's time is left: why did no newer one come?"))
    for serial, refusal in done.register.left_out:
        console.say(_("! not let in: {serial} [{code}] {why}").format(serial=serial, code=refusal.code, why=refusal.message))
    if any(refusal.code != "expired" for _serial, refusal in done.register.left_out):
        context.exit(ExitStatus.REFUSED)


@gateway.command("check")
@SITE
@pass_console
@click.pass_context
def gateway_check(context: click.Context, console: Console, site_file: Path) -> None:
    """Say how long what is in force is good for; close the gateway where it has run out. Made for a timer."""
    from gateway.applying import freshness
    from gateway.states import CLOSED

    found = freshness(_site(site_file), instant())
    closed = found.expires is None or found.state == CLOSED
    console.found(
        state=found.state,
        expires=None if found.expires is None else _written(found.expires),
        closed=closed,
        ends_soon=found.ends_soon,
    )
    if found.expires is None or found.state == CLOSED:
        console.say(_("✗ the gateway is closed: nobody is let in"))
        context.exit(ExitStatus.INTEGRITY)
    console.say(_("✓ state {state} is good until {end}").format(state=found.state, end=f"{found.expires:%Y-%m-%d %H:%M} UTC"))
    if found.ends_soon:
        console.say(_("! less than half of the bundle's time is left: why did no newer one come?"))
        context.exit(ExitStatus.REFUSED)


@gateway.command("close")
@SITE
@pass_console
def gateway_close(console: Console, site_file: Path) -> None:
    """Let nobody in any more, until a bundle is applied."""
    from gateway.applying import close

    close(_site(site_file))
    console.say(_("✓ the gateway is closed"))


def instant() -> datetime:
    """The instant as the clock shows it: a gateway has a memory of its own for the time, and is closed where that runs backwards."""
    return datetime.now(UTC).replace(microsecond=0)


def _client_of(folder: Path) -> Callable[[str], bytes | None]:
    def found(serial: str) -> bytes | None:
        path = folder / f"{serial}.pem"
        return bytes_of(path, limit=64 * 1024) if path.is_file() else None

    return found


def _site(path: Path) -> Site:
    from gateway.site import read_site

    return read_site(path)


def _is_gateway_bundle(path: Path) -> bool:
    from certification.gateway_bundle import FILES, STATEMENT
    from scanner.bundle import unpacked
    from scanner.faults import StoreError

    try:
        return path.is_file() and not path.is_symlink() and set(unpacked(bundle_of(path))) == {STATEMENT, *FILES}
    except (InputError, StoreError):
        return False


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _refused(left_out: Iterable[tuple[str, Refusal]]) -> list[dict[str, str]]:
    return [{"serial": serial, "code": str(refusal.code), "why": refusal.message} for serial, refusal in left_out]
