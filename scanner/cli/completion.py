"""The verb that prints the shell's completion: bash, zsh or fish."""

from __future__ import annotations

import click

from scanner.i18n import _


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    Example: clearance completion bash > ~/.local/share/bash-completion/completions/clearance
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if kind is None:  # pragma: no cover - the choices are those that click has
        raise click.UsageError(_("no completion for {shell}").format(shell=shell))
    made = kind(root, {}, "clearance", "_CLEARANCE_COMPLETE")
    click.echo(made.source_template % made.source_vars())  # not .source(): it starts bash to ask for its version
