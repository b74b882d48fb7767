"""What every command has besides its own: an example in its help, and `--format json`, which tells how it ended."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, TextIO

import click

from scanner import told
from scanner.cli.examples import EXAMPLES

if TYPE_CHECKING:
    from scanner.cli.exits import ExitStatus

FIND = (
    "scan",
    "check",
    "submit",
    "receive",
    "issue",
    "verify",
    "log show",
    "log verify",
    "log cosign",
    "suspend",
    "resume",
    "revoke",
    "gateway apply",
    "gateway check",
    "gateway export",
    "trust show",
    "keys list",
    "keys show",
)
"""Commands whose outcome holds what they found, as data: each has a schema of its own."""

WRITE_FILES = ("questionnaire",)
"""Commands whose --format is the kind of file they write, which is never JSON."""


def finished(command: click.Command, words: str) -> click.Command:
    """The command with its example and --format; all that stand under it where it is a group."""
    if isinstance(command, click.Group):
        for name, under in command.commands.items():
            finished(under, f"{words} {name}")
        return command
    if words in EXAMPLES and command.epilog is None:
        command.epilog = f"\b\nExample:\n  {EXAMPLES[words]}"
    own = [parameter for parameter in command.params if "--format" in parameter.opts]
    if not own:
        command.params.append(_format(words))
    for parameter in own:
        if isinstance(parameter, click.Option) and parameter.help is None:
            parameter.help = f"json: docs/schemas/{words.replace(' ', '-')}.schema.json."
    return command


def _format(words: str) -> click.Option:
    schema = words.replace(" ", "-") if words in FIND else "outcome"
    return click.Option(
        ["--format", "outcome"],
        type=click.Choice(["text", "json"]),
        default="text",
        expose_value=False,
        callback=_ask,
        help=f"json: print how it ended {'and what was found ' if words in FIND else ''}on stdout (docs/schemas/{schema}.schema.json).",
    )


def _ask(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    if value == "json":
        ask(" ".join(context.command_path.split()[1:]))


def ask(command: str) -> None:
    """From now on the outcome of this command alone goes to standard output, at its end."""
    global _asked  # noqa: PLW0603 - one invocation a process
    told.keep()
    _asked = _Asked(command, sys.stdout)
    sys.stdout = _asked.caught


class _Caught(io.TextIOWrapper):
    """Standard output, caught: the outcome alone goes there."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="utf-8", errors="backslashreplace", write_through=True)


class _Asked:
    """That an outcome was asked for, of which command, and where it goes."""

    def __init__(self, command: str, out: TextIO) -> None:
        self.command, self.out, self.caught = command, out, _Caught()


_asked: _Asked | None = None


def tell(status: ExitStatus, error: str | None, code: str | None) -> None:
    """Prints the outcome where one was asked for, and gives standard output back."""
    global _asked
    asked, _asked, kept = _asked, None, told.taken()
    if asked is None:
        return
    from scanner.cli.console import escaped_lines
    from scanner.cli.outcome import Outcome

    sys.stdout = asked.out
    printed = asked.caught.bytes.getvalue().decode("utf-8", "backslashreplace")
    outcome = Outcome(
        command=asked.command,
        exit_status=status.value,
        exit_name=status.name,
        said=tuple(map(escaped_lines, kept.lines)),
        printed=tuple(map(escaped_lines, printed.splitlines())),
        error=error,
        code=code,
        found=kept.found,
    )
    asked.out.write(outcome.written().decode() + "\n")
    asked.out.flush()
