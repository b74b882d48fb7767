"""The collector of cycles, made patient while a large record is read and shown: records, words and pages hold no cycle it could find."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 200_000
"""New objects between two collections: what lies uncollected stays within some tens of megabytes, whatever made it."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Collects once in so many new objects, and afterwards as often as before; never less often than it was already.

    With the usual few hundred it goes over every record that was read, again and again, for half of the time a large report takes.
    """
    before = gc.get_threshold()
    if not 0 < before[0] < _OBJECTS:  # nought is "never"
        yield
        return
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
