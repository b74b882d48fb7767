"""What every signing verb shares: the options, and how a person is shown what is signed and asked for a secret."""

from __future__ import annotations

import getpass
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from scanner.i18n import _

if TYPE_CHECKING:
    from certification.connection_ca import CaKey
    from certification.signers import Signer
    from certification.token_uri import TokenUri

_PIN, _SHOWN = "clearance.pin", "clearance.shown"
Command = Callable[..., Any]


def _kept(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    context.meta[_PIN] = value


PIN_FILE = click.option(
    "--pin-file",
    metavar="REF",
    expose_value=False,
    callback=_kept,
    help="Where a token's PIN stands, instead of a prompt: PATH (mode 600), fd:NUMBER or credential:NAME.",
)


def signer_option(text: str, *, required: bool = True, **more: Any) -> Callable[[Command], Command]:
    """The options --signer and --pin-file; `text` says whose key it is."""

    def decorated(command: Command) -> Command:
        return click.option("--signer", required=required, metavar="URI", help=text, **more)(PIN_FILE(command))

    return decorated


def signer_at(uri: str) -> Signer:
    """The signer of this URI; passphrase and PIN are asked for on the terminal, a PIN also taken by reference."""
    from certification.signers import signer_of
    from certification.token_signer import Presence

    return signer_of(uri, lambda text: click.prompt(text, hide_input=True, err=True), Presence(show, _pin))


def ca_key_at(uri: str) -> CaKey:
    """The connection CA's key of this URI; asked for as a signer's is."""
    from certification.connection_ca import ca_key_of
    from certification.token_signer import Presence

    return ca_key_of(uri, lambda text: click.prompt(text, hide_input=True, err=True), Presence(show, _pin))


def show(text: str) -> None:
    """What is signed, on the terminal, also where all else is quiet; once where it was just shown."""
    context = click.get_current_context()
    if context.meta.get(_SHOWN) != text:
        context.meta[_SHOWN] = text
        click.echo(text, err=True)


def _pin(uri: TokenUri, warning: str) -> str:
    from certification.pins import pin_at
    from certification.refusals import Code, Refusal
    from scanner.findings import said

    if warning:
        click.echo(f"! {warning}", err=True)
    reference = uri.pin_source or click.get_current_context().meta.get(_PIN)
    if reference is not None:
        return pin_at(reference)
    prompt = _("PIN of token {token}: ").format(token=_printable(uri.token or uri.serial or ""))
    try:
        with warnings.catch_warnings():
            # Without a terminal the PIN would be echoed, or read from whatever is piped in.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except (getpass.GetPassWarning, EOFError):
        message = said("no terminal to ask for the PIN on; give it by --pin-file")
        raise Refusal(Code.PIN_UNREADABLE, message) from None


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)
