"""An option that takes one of some words, or several of them with commas between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click


class Listed(click.ParamType[tuple[str, ...]]):
    """The words asked for, each once and in their order; a word that is not one of these is refused as `click.Choice` does."""

    name = "list"

    def __init__(self, words: Sequence[str]) -> None:
        self._choice = click.Choice(words)

    @property
    def choices(self) -> Sequence[str]:
        """The words there are."""
        return self._choice.choices

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """The words, as of a choice, and that more of them may follow."""
        return f"{self._choice.get_metavar(param, ctx)},..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The words, read from what was typed."""
        words = value.split(",") if isinstance(value, str) else value
        return tuple(dict.fromkeys(str(self._choice.convert(word.strip(), param, ctx)) for word in words))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        """What may stand after the last comma."""
        before, comma, last = incomplete.rpartition(",")
        found = self._choice.shell_complete(ctx, param, last)
        for item in found:
            item.value = f"{before}{comma}{item.value}"
        return found
