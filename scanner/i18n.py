"""The one catalogue: everything a person reads is looked up here, in the language chosen once at start."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

DOMAIN = "clearance"
LANGUAGES = ("vi", "en")
FOLDER = Path(__file__).resolve().parent.parent / "report_templates" / "locale"

_ENTRY = re.compile(r'^(msgid|msgid_plural|msgstr(?:\[0\])?) ((?:"(?:[^"\\\n]|\\.)*"\n?)+)', re.MULTILINE)
_PIECE = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
_SIGNS = {"n": "\n", "t": "\t", "r": "\r"}


class Catalogue(gettext.NullTranslations):
    """The translations of one language, read from its catalogue as translators write it: there is no compiled copy to forget."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.known: dict[str, str] = {}
        message = ""
        for kind, written in _ENTRY.findall(text):
            value = _ESCAPE.sub(lambda found: _SIGNS.get(found[1], found[1]), "".join(_PIECE.findall(written)))
            if kind == "msgid":
                message = value
            elif kind.startswith("msgstr") and message and value:
                self.known[message] = value

    def gettext(self, message: str) -> str:
        """The translation, or the text itself where there is none."""
        return self.known.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The translation, which has one form for every number; without one, the English form for this number."""
        return self.known.get(msgid1, msgid1 if n == 1 else msgid2)


_WORDS = frozenset({"reason", "detail", "how", "state", "act", "decision", "weight", "kind"})
"""The values that are words of the records (scanner/words.py), or sentences of the probes."""
_TOLD = re.compile(r"((?:[a-z0-9-]{1,24}: )?)([^:]+ [^:]+)((?::.*)?)", re.DOTALL)
"""What a probe tells: perhaps the name of what it read, one sentence of ours, and perhaps, behind a colon, what a peer said or the like."""

_chosen = Catalogue()
_language = "en"


def choose(wanted: str) -> None:
    """Makes this language the one in which everything is shown; English where the catalogue has no entry."""
    global _chosen, _language
    _chosen, _language = catalogue(wanted), wanted


def language() -> str:
    """The language in which everything is shown."""
    return _language


@contextmanager
def speaking(wanted: str) -> Iterator[None]:
    """Shows everything in this language, and afterwards in the one before: for what is written in both."""
    before = _language
    choose(wanted)
    try:
        yield
    finally:
        choose(before)


@cache
def catalogue(wanted: str) -> Catalogue:
    """The catalogue of the language; an empty one for English, and for a language that there is not."""
    path = FOLDER / wanted / "LC_MESSAGES" / f"{DOMAIN}.po"
    return Catalogue(path.read_text("utf-8") if wanted in LANGUAGES and path.is_file() else "")


def _(text: str) -> str:
    """The text in the chosen language."""
    return _chosen.gettext(text) if text else ""


def N_(text: str) -> str:  # noqa: N802 - the usual name, by which the catalogue finds the text
    """The text as it is: marked for the catalogue, translated where it is shown."""
    return text


def ngettext(singular: str, plural: str, count: int) -> str:
    """The text in the chosen language and the right number."""
    return _chosen.ngettext(singular, plural, count)


class Named(Protocol):
    """A value with its name."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def value(self) -> str:
        """The value."""


class Recorded(Protocol):
    """A sentence of the catalogue as a record holds it, with its values."""

    @property
    def text(self) -> str:
        """The sentence, with {name} places."""

    @property
    def values(self) -> Iterable[Named]:
        """What belongs in them."""

    def shown(self, translated: str | None = None, words: Mapping[str, str] | None = None) -> str:
        """The sentence, or this translation of it, with its values, or with these words for some."""


def shown(message: Recorded) -> str:
    """A recorded message in the chosen language, with its values; words of our own records are translated, others never."""
    words = {value.name: _worded(value.value) for value in message.values if value.name in _WORDS}
    return message.shown(_(message.text), words)


def _worded(text: str) -> str:
    """The text in the chosen language: a whole entry of the catalogue, or one sentence between a name and a rest that stay as they are.

    Of a sentence that is none of ours, and of single words, which peers say too, nothing is translated.
    """
    known = _(text)
    told = _TOLD.fullmatch(text) if known == text else None
    return known if told is None else f"{told[1]}{_(told[2])}{told[3]}"


class Unfilled(Protocol):
    """A sentence of the catalogue and the values that belong in it."""

    @property
    def text(self) -> str:
        """The sentence, with {name} places."""

    @property
    def values(self) -> Mapping[str, str]:
        """By the places' names."""


def filled(told: Unfilled) -> str:
    """Such a sentence in the chosen language, with its values."""
    return _(told.text).format_map(told.values)


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
    return text.vi if _chosen.known else text.en


def both(text: Bilingual) -> str:
    """The text in both languages, the chosen one first; once where it is the same in both."""
    if text.vi == text.en:
        return text.vi
    return f"{text.vi} ({text.en})" if _chosen.known else f"{text.en} ({text.vi})"
