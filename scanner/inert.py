"""Text of strangers as it may be shown: nothing in it moves the cursor, turns the direction of reading, or fills a page."""

from __future__ import annotations

import unicodedata

LONGEST = 2_000
"""Characters of one text that a page shows."""
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def plain(text: str, longest: int = LONGEST) -> str:
    """The text with control, formatting and bidirectional characters visible as U+FFFD, and cut where it is very long."""
    shown = text[:longest]
    if not shown.isprintable():
        shown = "".join(
            sign if sign == "\n" or unicodedata.category(sign) not in _UNSEEN else "\N{REPLACEMENT CHARACTER}" for sign in shown
        )
    return shown if len(text) <= longest else f"{shown}… (+{len(text) - longest})"
