"""Inert text: what hosts, people and files say, as every page and export may show it."""

from __future__ import annotations

import unicodedata
from collections.abc import Container

LONGEST = 2_000
"""Characters that are shown of one text."""
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn")


def inert(text: str, *, glyphs: Container[int] | None = None) -> str:
    """Text that no reader interprets: NFC, with control, formatting and bidirectional characters as U+FFFD, and cut when very long.

    Line breaks stay. Where `glyphs` is given, what stands in it alone can be drawn, and all else is U+FFFD too.
    """
    clean = unicodedata.normalize("NFC", text[:LONGEST])
    # what is printable as a whole holds no hidden character, and is told so at once
    if glyphs is not None or not clean.isprintable():
        clean = "".join(
            sign
            if sign == "\n" or (unicodedata.category(sign) not in _HIDDEN and (glyphs is None or ord(sign) in glyphs))
            else "\N{REPLACEMENT CHARACTER}"
            for sign in clean
        )
    return clean if len(text) <= LONGEST else f"{clean}… (+{len(text) - LONGEST})"
