"""The verb that prints the shell's completion, bash, zsh or fish, and what completes the names of checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scanner.i18n import _

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_DIRECTLY = "    # autoload from fpath, call function directly\n"
_MENDED = {
    "fish": ('string split ","', 'string split --max 1 ","'),  # a description is not cut at its first comma
    "zsh": (_DIRECTLY, _DIRECTLY + "    compdef %(complete_func)s %(prog_name)s\n"),  # the second <TAB> of a shell answers too
}
"""What click's script of a shell says, and what it has to say instead."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell; where each shell looks for it is in docs/install.md."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if kind is None:  # pragma: no cover - the choices are those that click has
        raise click.UsageError(_("no completion for {shell}").format(shell=shell))
    made = kind(root, {}, "clearance", "_CLEARANCE_COMPLETE")
    script = made.source_template.replace(*_MENDED[shell]) if shell in _MENDED else made.source_template
    click.echo(script % made.source_vars())  # not .source(): it starts bash to ask for its version


def check_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The checks of Clearance whose names begin so, each with its title."""
    from click.shell_completion import CompletionItem

    from scanner.registry import load_checks

    return [CompletionItem(name, help=_(check.title)) for name, check in load_checks().items() if name.startswith(incomplete)]
