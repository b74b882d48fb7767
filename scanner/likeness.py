"""When two names are taken for one: where people and organisations have to be apart, spelling never sets them apart. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def likeness(name: str) -> str:
    """What is left of a name without accents, case, white space and punctuation.

    `Ủy ban`, `UỶ BAN` and `Uỷ\N{NO-BREAK SPACE}ban.` have one likeness. Two names that differ in nothing else are refused as one where
    that matters: to be told apart, one of them is written in another way.
    """
    letters = unicodedata.normalize("NFKD", name.casefold().replace("đ", "d"))
    return "".join(sign for sign in letters if sign.isalnum())


def is_among(name: str, names: Iterable[str]) -> bool:
    """Whether this name is like one of these."""
    return likeness(name) in {likeness(other) for other in names}
