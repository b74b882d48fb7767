"""The help of every verb, and what click itself says of a mistaken line, in the chosen language."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator

import click
from click import core, decorators, exceptions, formatting, parser, termui, types

from scanner import i18n
from scanner.i18n import N_, _, ngettext

_OF_CLICK = (
    N_("Usage:"),
    N_("Options"),
    N_("Positional arguments"),
    N_("Commands"),
    N_("Show the version and exit."),
    N_("Show this message and exit."),
    N_("default: {default}"),
    N_("env var: {var}"),
    N_("required"),
    N_("Error: {message}"),
    N_("Try '{command} {option}' for help."),
    N_("Missing command."),
    N_("Missing argument"),
    N_("Missing option"),
    N_("Missing parameter"),
    N_("No such command {name!r}."),
    N_("No such option {name!r}."),
    N_("Option {name!r} does not take a value."),
    N_("Invalid value: {message}"),
    N_("Invalid value for {param_hint}: {message}"),
    N_("{value!r} is not a valid {number_type}."),
    N_("{value} is not in the range {range}."),
    N_("file"),
    N_("File"),
    N_("directory"),
    N_("Directory"),
    N_("path"),
    N_("Path"),
    N_("{name} {filename!r} does not exist."),
    N_("{name} {filename!r} is a file."),
    N_("{name} {filename!r} is a directory."),
    N_("{name} {filename!r} is not readable."),
    N_("{name} {filename!r} is not writable."),
    N_("{name} {filename!r} is not executable."),
    N_("Repeat for confirmation"),
    N_("Error: The two entered values do not match."),
    ngettext("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)", 1),
    ngettext("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})", 1),
    ngettext("{value!r} is not {choice}.", "{value!r} is not one of {choices}.", 1),
    ngettext("Takes {nargs} values but 1 was given.", "Takes {nargs} values but {len} were given.", 1),
    ngettext("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments.", 1),
)
"""What click says to somebody who asks for help or mistypes a line: it looks these sentences up, and so they stand in the catalogue."""


def speak() -> None:
    """Has click look its own sentences up in the one catalogue; it knows no other way than the names it took from gettext."""
    for module in (core, decorators, exceptions, formatting, parser, termui, types):
        for name, ours in (("_", i18n._), ("ngettext", i18n.ngettext)):
            if hasattr(module, name):
                setattr(module, name, ours)


def spoken(command: click.Command) -> click.Command:
    """The command with its help in the chosen language; the one that was given stays as it is."""
    made = copy.copy(command)
    made._help_option = None  # noqa: SLF001 - click keeps the first it makes, in the language and with the names of then
    made.help = _(inspect.cleandoc(command.help)) if command.help else command.help
    if command.epilog:
        made.epilog = command.epilog.replace("Example:", _("Example:"), 1)
    made.params = [_spoken(parameter) for parameter in command.params]
    if isinstance(made, click.Group):
        made.commands = {name: _listed(spoken(one)) for name, one in made.commands.items()}
    return made


def _listed(command: click.Command) -> click.Command:
    """The command as a list of verbs shows it: with its whole first sentence, which click would cut where a line ends."""
    command.short_help = command.short_help or " ".join((command.help or "").partition("\n\n")[0].split())
    return command


def _spoken(parameter: click.Parameter) -> click.Parameter:
    text = getattr(parameter, "help", None)
    if not text:
        return parameter
    made = copy.copy(parameter)
    setattr(made, "help", _(inspect.cleandoc(text)))  # noqa: B010 - options and arguments both have one, their common kind does not
    return made


def texts(command: click.Command) -> Iterator[str]:
    """Every text of this command's help and of those below it, as `spoken` looks it up."""
    if command.help:
        yield inspect.cleandoc(command.help)
    yield from (inspect.cleandoc(text) for parameter in command.params if (text := getattr(parameter, "help", None)))
    if isinstance(command, click.Group):
        for one in command.commands.values():
            yield from texts(one)
