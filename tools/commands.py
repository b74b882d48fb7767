"""Every command there is, with the words that call it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from scanner.cli import clearance


def commands(
    command: click.Command = clearance, words: tuple[str, ...] = ("clearance",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """This command and all below it, groups first, in the order of the help."""
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            under = command.get_command(context, name)
            if under is not None:
                yield from commands(under, (*words, name))


def context_of(command: click.Command, words: tuple[str, ...]) -> click.Context:
    """The context in which the command is called by these words: it takes -h, as all do, and its lines are as long as on a wide terminal."""
    names = list(clearance.context_settings["help_option_names"])
    return click.Context(command, info_name=" ".join(words), help_option_names=names, max_content_width=100, terminal_width=100)
