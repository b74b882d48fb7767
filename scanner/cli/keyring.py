"""The verbs about keys: keys new and show, trust init and show."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.console import Console, bytes_of, escaped_lines, insist_on_free, keep, now, pass_console
from scanner.cli.roots import TRUST_SHA256, trust_at, trust_option
from scanner.cli.signing import PIN_FILE, signer_at
from scanner.faults import InputError
from scanner.i18n import _

FILE = click.Path(path_type=Path, dir_okay=False)

if TYPE_CHECKING:
    from certification.statements import Role


@click.group()
def keys() -> None:
    """Keys in files and on tokens."""


@keys.command("new")
@click.argument("file", type=FILE)
@click.option("--algorithm", type=click.Choice(["ed25519", "ecdsa-p256", "age"]), default="ed25519", show_default=True)
@click.option("--unencrypted", is_flag=True, help="Without a passphrase: for machines and rehearsals.")
@pass_console
def keys_new(console: Console, file: Path, algorithm: str, unencrypted: bool) -> None:
    """Make a private key that only you can read, and print its id; of `age`, the recipient by which others encrypt to you."""
    from certification.keys import keyid_of, pem_of
    from certification.signers import new_key

    passphrase = None
    if not unencrypted:
        passphrase = click.prompt(_("Passphrase"), hide_input=True, confirmation_prompt=True, err=True)
    if algorithm == "age":
        from certification.recipients import new_identity

        recipient = new_identity(file, passphrase)
        console.say(_("✓ {path}; give this recipient to those who send you bundles").format(path=file))
        click.echo(recipient)
        return
    public = new_key(file, algorithm, passphrase)
    pem = pem_of(public)
    keep(file.with_suffix(".pub.pem"), pem.encode())
    console.say(_("✓ {path}, public key {public}").format(path=file, public=file.with_suffix(".pub.pem")))
    click.echo(keyid_of(pem))


@keys.command("show")
@click.argument("key", metavar="FILE|URI")
@pass_console
def keys_show(console: Console, key: str) -> None:
    """Print the id of a public key file, the SHA-256 of its SubjectPublicKeyInfo; or a token's public key, without a PIN.

    Of a pkcs11: URI the public key goes to stdout in the form a trust root takes, its id and scheme to stderr.
    """
    from certification.keys import keyid_of, pem_of, spki_sha256, verifier

    if not key.startswith("pkcs11:"):
        text = bytes_of(Path(key)).decode("ascii", "replace")
        console.found(keyid=keyid_of(text), pem=text)
        click.echo(keyid_of(text))
        return
    from certification.token_uri import read_token_uri
    from certification.tokens import public_key_of

    public = public_key_of(read_token_uri(key))
    console.found(keyid=spki_sha256(public), pem=pem_of(public))
    console.say(_("key id {keyid}, scheme {scheme}").format(keyid=spki_sha256(public), scheme=verifier(public).scheme))
    click.echo(pem_of(public), nl=False)


@keys.command("list")
@click.option("--module", required=True, type=FILE, help="The token's PKCS#11 library, as /usr/lib/softhsm/libsofthsm2.so.")
@pass_console
def keys_list(console: Console, module: Path) -> None:
    """List the keys on all tokens plugged in, without a PIN: id, scheme, and the URI to name each by."""
    from certification.keys import spki_sha256, verifier
    from certification.tokens import keys_on

    found, readable = keys_on(str(module.absolute())), []
    for key in found:
        uri = escaped_lines(key.uri.written())
        if key.public is None:
            console.say(f"! {uri}: {escaped_lines(key.why)}")
        else:
            keyid, scheme = spki_sha256(key.public), verifier(key.public).scheme
            readable.append({"keyid": keyid, "scheme": scheme, "uri": uri})
            click.echo(f"{keyid}  {scheme}  {uri}")
    console.found(keys=readable, unreadable=len(found) - len(readable))
    console.say(_("{count} keys; those without a readable public half are not listed").format(count=len(found)))


@click.group()
def trust() -> None:
    """The trust root: who may sign what."""


@trust.command("init")
@click.argument("spec", type=FILE)
@click.option(
    "--signer", "signers", multiple=True, required=True, metavar="URI", help="A root key; as many as the threshold asks for."
)
@PIN_FILE
@click.option("--out", type=FILE, required=True)
@pass_console
def trust_init(console: Console, spec: Path, signers: tuple[str, ...], out: Path) -> None:
    """Make a trust root from a YAML description, signed by its root keys.

    Each key in the description names its public key by `file:` relative to it; its id is computed, and `stated_at` is now.
    """
    from certification.relied import grouped
    from certification.trust import read_trust_root

    insist_on_free(out)
    at = now()
    envelope = _signed_keyring(spec, signers, at)
    root = read_trust_root(envelope, at)
    keep(out, envelope)
    console.say(_("✓ trust root {path}; compare its digest out of band: {digest}").format(path=out, digest=grouped(root.sha256)))


@trust.command("rotate")
@TRUST_SHA256
@click.argument("before", metavar="TRUST", type=FILE)
@click.argument("spec", type=FILE)
@click.option(
    "--signer",
    "signers",
    multiple=True,
    required=True,
    metavar="URI",
    help="A root key that stands in both; as many as TRUST asks for.",
)
@PIN_FILE
@click.option("--log", "log_file", type=FILE, help="Say also which certificates in this log the new root would no longer take.")
@click.option("--out", type=FILE, required=True)
@pass_console
def trust_rotate(console: Console, before: Path, spec: Path, signers: tuple[str, ...], log_file: Path | None, out: Path) -> None:
    """Make the next version of a trust root; keys that are lost stay in it, revoked.

    Example: clearance trust rotate trust.dsse.json trust-2.yaml --signer file:root1.pem --signer file:root2.pem --log log.sqlite --out trust-2.dsse.json
    """
    from certification.relied import grouped
    from certification.rotation import ended, lost, succeeds

    insist_on_free(out)
    at, old = now(), trust_at(before)
    envelope = _signed_keyring(spec, signers, at)
    new = succeeds(old, envelope, at)
    gone = {}
    if log_file is not None:
        from certification.log_store import opened

        with opened(log_file) as log:
            gone = lost(log, old, new, at)
    keep(out, envelope)
    text = _("✓ trust root {path}, version {version}; compare its digest out of band: {digest}")
    console.say(text.format(path=out, version=new.keyring.version, digest=grouped(new.sha256)))
    for serial, why in gone.items():
        console.say(_("! {serial} is no longer taken: {why}").format(serial=serial, why=escaped_lines(str(why))))
    for key in ended(old, new):
        console.say(
            _what_ends(key.known.role, revoked=key.known.revoked_at is not None).format(
                holder=key.known.holder, role=key.known.role.value, key=key.known.keyid[:16]
            )
        )


def _what_ends(role: Role, *, revoked: bool) -> str:
    from certification.statements import Role

    if role is Role.CONNECTION_CA:
        return _("! {holder} ({role}, key {key}) ends: client certificates have to be made anew, and gateways need a new bundle")
    if role in (Role.LOG, Role.LOG_WITNESS):
        return _("! {holder} ({role}, key {key}) ends: sign and cosign the log anew, and prove every certificate again")
    if revoked:
        return _(
            "! {holder} ({role}, key {key}) is revoked: evidence it signed is no longer taken; verify each certificate with its --bundle"
        )
    return _("! {holder} ({role}, key {key}) ends: what it signs from then on is not taken")


@trust.command("affected")
@click.argument("whom", metavar="PERSON|AGENCY|KEYID")
@click.option("--log", "log_file", type=FILE, required=True, help="The log the certificates stand in.")
@trust_option("The trust root.", "trust_file")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def trust_affected(console: Console, whom: str, log_file: Path, trust_file: Path, form: str) -> None:
    """List every certificate that rests on a person, an agency or a key, as when a key is lost or an inspector no longer accredited.

    Example: clearance trust affected nguyen.van.an --log log.sqlite --trust trust.dsse.json
    """
    from certification.log_audit import audited
    from certification.log_store import opened
    from certification.rotation import known_as, resting_on
    from scanner.record import canonical

    at, root = now(), trust_at(trust_file)
    whom = known_as(root, whom)
    with opened(log_file) as log:
        audited(log, root, at)
        found = list(resting_on(log, root, whom))
    rows = [
        {
            "serial": one.standing.granted.serial,
            "state": one.standing.at(at).value,
            "how": one.how,
            "agency": one.standing.granted.agency.code,
            "since": f"{one.standing.granted.stated_at:%Y-%m-%dT%H:%M:%SZ}",
        }
        for one in found
    ]
    if form == "json":
        console.data(canonical(rows) + b"\n")
        return
    for row in rows:
        click.echo("\t".join(row.values()))
    console.say(_("{count} certificates rest on {whom}").format(count=len(rows), whom=escaped_lines(whom)))


@trust.command("show")
@click.argument("file", type=FILE)
@pass_console
def trust_show(console: Console, file: Path) -> None:
    """Show a trust root, known or not: its digest, which another channel must tell too, authorities, people, keys, baselines and ceilings."""
    from certification.relied import grouped
    from certification.trust import read_trust_root

    at = now()
    root = read_trust_root(bytes_of(file), at)
    keyring = root.keyring
    console.found(sha256=root.sha256, keyring=keyring.model_dump(mode="json"))
    click.echo(
        _("{kind} trust root, version {version}, expires {expires:%Y-%m-%d}, SHA-256 {digest}").format(
            kind=_(keyring.kind.value), version=keyring.version, expires=keyring.expires, digest=grouped(root.sha256)
        )
    )
    for authority in keyring.authorities:
        click.echo(f"  {_('authority')} {authority.id}")
    for agency in keyring.agencies:
        until = f" - {agency.valid_until:%Y-%m-%d}" if agency.valid_until else ""
        click.echo(f"  {_('agency')} {agency.code}: {agency.echelon}, {agency.valid_from:%Y-%m-%d}{until}")
    for key in keyring.keys:
        over = at >= key.valid_until
        revoked = " " + (_("REVOKED") if key.revoked_at else _("ENDED") if over else "")
        click.echo(f"  {_('key')} {key.keyid[:16]}  {key.role.value:<16} {key.holder} {key.authority or ''}{revoked}")
    for log in keyring.logs:
        click.echo(f"  {_('log')} {log.origin} {log.authority}")
    for witness in keyring.witnesses:
        click.echo(f"  {_('witness')} {witness.name} {witness.authority}")
    for accepted in keyring.baselines:
        click.echo(f"  {_('baseline')} {accepted.id} {accepted.version} {accepted.sha256[:16]}")
    for ceiling in keyring.ceilings:
        click.echo(f"  {_('echelon')} {ceiling.echelon}: {', '.join(ceiling.apis)}, {ceiling.rate}/min")


def _signed_keyring(spec: Path, signers: tuple[str, ...], at: datetime) -> bytes:
    """The keyring that a YAML file describes, signed by these; raises InputError where it describes none."""
    from pydantic import ValidationError

    from certification.keyring import Keyring
    from certification.signers import signed
    from certification.trust import draft_keyring
    from scanner import strict_yaml
    from scanner.complaints import complaint

    document = strict_yaml.read_file(spec)
    value = _with_keys(document.value, spec.parent)
    value.setdefault("stated_at", at.isoformat())
    try:
        keyring = Keyring.model_validate_json(json.dumps(value))
    except ValidationError as error:
        raise document.error(*complaint(error)) from None
    return signed(draft_keyring(keyring), *(signer_at(uri) for uri in signers))


def _with_keys(value: Any, folder: Path) -> dict[str, Any]:
    """The description with each key's PEM and id in the place of its file."""
    from certification.keys import keyid_of

    if not isinstance(value, dict):
        raise InputError(_("a trust root is described by a mapping"))
    for name in ("root_keys", "keys"):
        for entry in value.get(name) or ():
            if isinstance(entry, dict) and "file" in entry:
                pem = bytes_of(folder / str(entry.pop("file"))).decode("ascii", "replace")
                entry["public_key"], entry["keyid"] = pem, keyid_of(pem)
    return value
