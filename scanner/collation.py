"""The order of the Vietnamese alphabet: Ă after A, Đ after D, and the six tones only where the letters are the same."""

from __future__ import annotations

import unicodedata

_ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_PLACES = {letter: place for place, letter in enumerate(_ALPHABET)}
_TONES = "\N{COMBINING GRAVE ACCENT}\N{COMBINING HOOK ABOVE}\N{COMBINING TILDE}\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}"
"""After the level tone, in the order of dictionaries: huyền, hỏi, ngã, sắc, nặng."""

Key = tuple[tuple[int, ...], tuple[int, ...], str]


def vietnamese(text: str) -> Key:
    """The key by which names are sorted: their letters, then their tones, then whatever else tells them apart."""
    letters, tones = [], []
    for sign in unicodedata.normalize("NFC", text).casefold():
        parts = unicodedata.normalize("NFD", sign)
        tone = next((part for part in parts if part in _TONES), "")
        letter = unicodedata.normalize("NFC", "".join(part for part in parts if part != tone))
        letters.append(_PLACES[letter] + 0x100 if letter in _PLACES else ord(letter[0]) + (0x200 if ord(letter[0]) > 0x7F else 0))
        tones.append(_TONES.index(tone) + 1 if tone else 0)
    return tuple(letters), tuple(tones), text
