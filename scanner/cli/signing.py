"""What every signing verb shares: the options, and how a person is shown what is signed and asked for a secret."""

from __future__ import annotations

import getpass
import unicodedata
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
_YES, _NO = {"y", "yes", "c", "có", "co"}, {"n", "no", "k", "không", "khong"}
"""What is taken for an answer, in either language whichever is chosen, and with or without the marks of its letters."""
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


def confirmed(text: str, default: bool | None = False, abort: bool = False, err: bool = False) -> bool:
    """Whether the person says yes; asked again until the answer is one. An empty line is the default, where there is one."""

    def read(word: str) -> bool:
        said = unicodedata.normalize("NFC", word).strip().lower()
        if said in _YES:
            return True
        if said in _NO:
            return False
        if said == "" and default is not None:
            return default
        raise click.UsageError(_("answer y (yes) or n (no)"))

    choice = {None: _("y/n"), True: _("Y/n"), False: _("y/N")}[default]
    answer: bool = click.prompt(f"{text} [{choice}]", default="", show_default=False, value_proc=read, err=err)
    if abort and not answer:
        raise click.Abort
    return answer


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
