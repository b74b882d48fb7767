"""X.509 client certificates on the command line: what `issue` and `gateway client` share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.console import Console, bytes_of, keep
from scanner.cli.signing import ca_key_at
from scanner.i18n import _

if TYPE_CHECKING:
    from certification.authorisation import AuthorisationPredicate
    from certification.connection_ca import ConnectionCa
    from certification.trust import TrustRoot

_GIVEN = "clearance.clients"
Command = Callable[..., Any]


def client_options(command: Command) -> Command:
    """The options of `issue` by which it makes the client certificate too: all three, or none."""
    for name, text in (
        ("--clients", "Make the X.509 client certificate too, into this folder."),
        ("--ca-signer", "The connection CA's key, as file:ca.pem or pkcs11:token=T;object=K?..."),
        ("--ca", "The connection CA's own certificate; `gateway ca` makes it."),
    ):
        command = click.option(
            name, metavar="URI" if name == "--ca-signer" else "PATH", expose_value=False, callback=_kept, help=text
        )(command)
    return command


def insist_on_all_or_none() -> None:
    """Returns where all three options were given, or none: asked before anything is signed or written."""
    given = click.get_current_context().meta.get(_GIVEN, {})
    if 0 < len(given) < 3:
        raise click.UsageError(_("--clients needs --ca and --ca-signer, and they need it"))


def client_with(console: Console, certificate: bytes, trust: TrustRoot, at: datetime) -> None:
    """Makes the client certificate of a certificate that was just issued, where the options ask for it."""
    given = click.get_current_context().meta.get(_GIVEN, {})
    if not given:
        return
    from certification.authorisation import AuthorisationStatement
    from certification.connection_ca import read_ca
    from certification.envelope import read_envelope
    from certification.statements import read_statement
    from scanner.record import sha256

    payload = read_envelope(certificate).payload
    granted = read_statement(payload, AuthorisationStatement).predicate
    ca = read_ca(bytes_of(Path(given["ca"])), trust, at)
    told_client(console, kept_client(granted, sha256(payload), ca, given["ca_signer"], Path(given["clients"])))


def told_client(console: Console, path: Path) -> None:
    """Says where the client certificate is, and what it is good for."""
    console.say(_("✓ client certificate: {path}; it opens nothing until a gateway is given a bundle with it").format(path=path))


def kept_client(granted: AuthorisationPredicate, payload_sha256: str, ca: ConnectionCa, ca_signer: str, clients: Path) -> Path:
    """Where the X.509 client certificate of this authorisation was written; one that is there is kept, since the agency has it."""
    from certification.client_certificate import client_certificate, insist_on_certificate
    from certification.connection_ca import read_certificate

    path = clients / f"{granted.serial}.pem"
    if path.exists():
        insist_on_certificate(read_certificate(bytes_of(path)), granted, payload_sha256, ca)
        return path
    from cryptography.hazmat.primitives.serialization import Encoding

    made = client_certificate(granted, payload_sha256, ca, ca_key_at(ca_signer))
    keep(path, made.public_bytes(Encoding.PEM))
    return path


def _kept(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta.setdefault(_GIVEN, {})[parameter.name] = value
