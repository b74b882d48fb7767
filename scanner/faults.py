"""Faults: what is wrong with what a person gave, or with what lies on the disk. Each message says what, where, and what to do."""

from __future__ import annotations


class InputError(ValueError):
    """A file or word of the operator's that cannot be used: where, what was found, what to do."""


class StoreError(Exception):
    """A run folder or bundle that is not whole: what, where, what to do."""
