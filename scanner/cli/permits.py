"""The verbs about permits: permit new, permit sign and permit show."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from scanner.cli.console import Console, bytes_of, insist_on_free, keep, now, pass_console
from scanner.cli.signing import signer_at, signer_option
from scanner.i18n import _

FILE = click.Path(path_type=Path, dir_okay=False)

_TEMPLATE = """\
# {about}: clearance permit sign.
schema_version: 1
kind: {kind}
decision: {decision}
agency: {agency}
permitted_by: {{person: {person}, organisation: "{organisation}"}}
inspectors:
  - {{person: {person}, organisation: "{organisation}"}}
# {only}
addresses:
{addresses}
window: {{begins: "{begins}", ends: "{ends}"}}
rate: {{connections_per_second: 50, parallel_per_host: 4, connections_per_host: 5000}}
"""

_WIDEST = {4: 8, 6: 32}
"""The shortest prefix of a range that somebody may be answerable for: 10.0.0.0/8 is the widest private one, and a /32 of IPv6 is what a
provider is given. A permit for more than that says nothing of whose systems are looked at, and so is none."""


@click.group()
def permit() -> None:
    """Written authorisation to probe: no permit, no packet."""


@permit.command("new")
@click.argument("file", type=FILE)
@click.option("--kind", type=click.Choice(["self-check", "inspection"]), default="self-check", show_default=True)
@click.option("--agency", required=True, help="The agency's code, as in the scope.")
@click.option("--decision", required=True, help="The number of the decision or request.")
@click.option("--address", "addresses", multiple=True, required=True, help="A permitted range, as 10.1.2.0/24; may be repeated.")
@click.option("--days", type=click.IntRange(1, 92), default=7, show_default=True, help="How long from now it holds.")
@pass_console
def permit_new(
    console: Console, file: Path, kind: str, agency: str, decision: str, addresses: tuple[str, ...], days: int
) -> None:
    """Write a permit to fill in; for an agency's own self-check it names you, who looks at what is your own."""
    from scanner.addresses import Network
    from scanner.record import Name, Text
    from scanner.strict_yaml import InputError, parse
    from scanner.targets import UNFILLED, Permit

    if file.exists():
        raise InputError(_("{path}: exists already; nothing was overwritten").format(path=file))
    _insist("--agency", Name, agency)
    _insist("--decision", Text, decision)
    for address in addresses:
        _insist("--address", Network, address)
        if too_wide := _too_wide((address,)):
            raise click.BadParameter(too_wide, param_hint="'--address'")
    at = now()
    own = kind == "self-check"
    text = _TEMPLATE.format(
        about=_("A permit: without it no packet is sent. For an inspection the owner's authority signs it"),
        only=_("Only these addresses may be touched; loopback and link-local ranges only where they stand here literally."),
        person=(_user() or UNFILLED) if own else UNFILLED,
        organisation=agency if own else UNFILLED,
        kind=kind,
        decision=json.dumps(decision, ensure_ascii=False),  # as YAML reads it too
        agency=agency,
        addresses="\n".join(f'  - "{address}"' for address in addresses),
        begins=at.isoformat(),
        ends=(at + timedelta(days=days)).isoformat(),
    )
    parse(text.encode(), str(file)).as_record(Permit)
    keep(file, text.encode())
    if own and _user():
        console.say(
            _("✓ {path}: it names {user} as who permits and who looks; change that where it is wrong").format(
                path=file, user=_user()
            )
        )
    else:
        console.say(_("✓ {path}: fill in who permits and who inspects").format(path=file))


def _insist(option: str, kind: Any, value: str) -> None:
    """Returns where this option's value is of this kind; raises with what is wrong with it, for no file holds it yet."""
    from pydantic import TypeAdapter, ValidationError

    from scanner.complaints import complaint

    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise click.BadParameter(complaint(error)[1], param_hint=f"'{option}'") from None


def _too_wide(networks: Iterable[str]) -> str:
    """Why a permit cannot be for these ranges; empty where it can."""
    from ipaddress import ip_network

    for network in map(ip_network, networks):
        widest = _WIDEST[network.version]
        if network.prefixlen < widest:
            text = _(
                "{network} is wider than any agency: name the ranges of the systems that are looked at, of at least /{widest}"
            )
            return text.format(network=network, widest=widest)
    return ""


def _user() -> str:
    """Who uses this machine's account, in the letters of a name; nothing where nobody can say."""
    import getpass
    import re

    try:
        return re.sub(r"[^A-Za-z0-9._-]", "-", getpass.getuser()).strip("-.")[:60]
    except (KeyError, OSError):
        return ""


@permit.command("sign")
@click.argument("file", type=FILE)
@signer_option("The key of the authority that permits, as file:owner.pem or pkcs11:...")
@click.option("--out", type=FILE, required=True)
@pass_console
def permit_sign(console: Console, file: Path, signer: str, out: Path) -> None:
    """Sign a permit for an inspection with the owner's key."""
    from certification.permits import sign_permit
    from scanner.strict_yaml import InputError, parse
    from scanner.targets import UNFILLED, Permit

    insist_on_free(out)
    found = parse(bytes_of(file), str(file)).as_record(Permit)
    if found.unfilled:
        raise InputError(
            _("{path}: {word} stands where somebody must be named: fill in who permits and who inspects").format(
                path=file, word=UNFILLED
            )
        )
    if too_wide := _too_wide(found.addresses):
        raise InputError(f"{file}: {too_wide}")
    keep(out, sign_permit(found, signer_at(signer), now()))
    console.say(_("✓ signed permit: {path}").format(path=out))
