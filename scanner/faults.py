"""Faults: what is wrong with what a person gave, or with what lies on the disk. Each message says what, where, and what to do."""

from __future__ import annotations

from collections.abc import Mapping


class InputError(ValueError):
    """A file or word of the operator's that cannot be used: where, what was found, what to do."""


class StoreError(Exception):
    """A run folder or bundle that is not whole: what, where, what to do."""


class WrongValueError(ValueError):
    """What a record refuses: a sentence of the catalogue and the values that stand in it, translated only when it is shown."""

    def __init__(self, text: str, **values: str) -> None:
        super().__init__(text.format_map(values))
        self.text = text
        self.values: Mapping[str, str] = values
