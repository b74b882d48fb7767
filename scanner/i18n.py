"""The one catalogue: everything a person reads is looked up here, in the language chosen once at start.

The catalogue is read as it is written (.po): there is no compiled copy of it that could be missing, or older than the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from scanner.findings import Message

DOMAIN = "clearance"
LANGUAGES = ("vi", "en")
FOLDER = Path(__file__).resolve().parent.parent / "report_templates" / "locale"

_WORDS = frozenset({"reason", "detail", "how", "state", "act", "decision", "weight"})
"""The values that are words of the records (scanner/words.py), or sentences of the probes."""

_chosen: dict[str, str] = {}


def choose(language: str) -> None:
    """Makes this language the one in which everything is shown; English where the catalogue has no entry."""
    global _chosen  # noqa: PLW0603 - one language for the process, chosen once at its start
    _chosen = catalogue(language)


def catalogue(language: str) -> dict[str, str]:
    """Every message of the language that has a translation, by the text that stands in the code; none for English."""
    path = FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not path.exists():
        return {}
    known: dict[str, str] = {}
    entry: dict[str, str] = {}
    for word, text in _parts(path.read_text("utf-8")):
        if word == "msgid":
            entry = {}
        entry[word] = text
        if word in ("msgstr", "msgstr[0]") and entry["msgid"] and text:
            known[entry["msgid"]] = text
    return known


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Each part of each entry: its keyword, and the string after it, which may go on over several lines."""
    word, pieces = "", [""]
    for line in text.split("\n"):
        if line.startswith("msg"):
            if word:
                yield word, "".join(pieces)
            word, _space, first = line.partition(" ")
            pieces = [json.loads(first)]
        elif line.startswith('"'):
            pieces.append(json.loads(line))
    if word:
        yield word, "".join(pieces)


def _(text: str) -> str:
    """The text in the chosen language."""
    return _chosen.get(text, text)


def N_(text: str) -> str:  # noqa: N802 - the usual name, by which the catalogue finds the text
    """The text as it is: marked for the catalogue, translated where it is shown."""
    return text


def ngettext(singular: str, plural: str, count: int) -> str:
    """The text in the chosen language and the right number; Vietnamese has one form for all numbers."""
    return _chosen.get(singular) or (singular if count == 1 else plural)


def shown(message: Message) -> str:
    """A recorded message in the chosen language, with its values; words of our own records are translated, others never."""
    words = {value.name: _(value.value) for value in message.values if value.name in _WORDS}
    return message.shown(_(message.text), words)


class Bilingual(Protocol):
    """A text that a record holds in both languages."""

    @property
    def vi(self) -> str:
        """In Vietnamese."""

    @property
    def en(self) -> str:
        """In English."""


def titled(text: Bilingual) -> str:
    """The text in the chosen language."""
    return text.vi if _chosen else text.en


def both(text: Bilingual) -> str:
    """The text in both languages, the chosen one first."""
    return f"{text.vi} ({text.en})" if _chosen else f"{text.en} ({text.vi})"
