"""The catalogue as it is read: the same as translators' tools read it, and every translation keeps the places of its values."""

from __future__ import annotations

import io
import json
import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from scanner import i18n
from tools import messages

CATALOGUE = i18n.FOLDER / "vi" / "LC_MESSAGES" / "clearance.po"
SAME = set(json.loads((Path(__file__).parent / "same_in_vietnamese.json").read_text("utf-8")))
"""Commands, settings and names, which are the same in both languages."""
MERGED = cache(messages.merged)
PLACES = re.compile(r"\{[a-z_]*(?:![rs])?(?::[^}]*)?\}")


def test_our_reading_is_babels() -> None:
    ours = i18n.Catalogue(CATALOGUE.read_text("utf-8"))
    checked = 0
    for message in read_po(io.BytesIO(CATALOGUE.read_bytes()), locale="vi"):
        if message.id and message.string and any(message.string):
            singular, plural = (*message.id, None)[:2] if isinstance(message.id, tuple | list) else (message.id, None)
            assert singular is not None
            text = message.string if isinstance(message.string, str) else message.string[0]
            assert ours.gettext(singular) == text
            assert plural is None or {ours.ngettext(singular, plural, count) for count in (0, 1, 5)} == {text}
            assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(singular)), singular
            checked += 1
    assert checked > 100


def test_a_chosen_language_speaks_and_what_is_missing_is_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_chosen", i18n.Catalogue())
    assert i18n._("Echelon") == "Echelon"
    i18n.choose("vi")
    assert i18n._("Echelon") == "Cấp hành chính"
    assert i18n._("no such sentence") == "no such sentence"
    assert i18n.ngettext("{count} sight", "{count} sights", 3) == "{count} lượt quan sát"
    i18n.choose("en")
    assert i18n._("Echelon") == "Echelon"


def test_escapes_and_continued_lines_are_read_as_written() -> None:
    read = i18n.Catalogue('msgid ""\n"a \\"b\\"\\n"\n"c\\\\n"\nmsgstr "x\\ty"\n')
    assert read.gettext('a "b"\nc\\n') == "x\ty"


def _untranslated(catalogue: bytes) -> set[str]:
    """The messages that are fuzzy, lack a form, or are still English although they have words and are no known command."""
    found = set()
    for message in read_po(io.BytesIO(catalogue), locale="vi"):
        ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        words = any(letter.isalpha() for letter in PLACES.sub("", ids[0]))
        if ids[0] and (message.fuzzy or not all(texts) or (words and ids[0] not in SAME and set(texts) & set(ids))):
            found.add(ids[0])
    return found


def test_every_message_of_the_code_is_translated() -> None:
    assert _untranslated(MERGED("vi")) == set()
    assert CATALOGUE.read_bytes() == MERGED("vi"), "run python -m tools.messages"


@pytest.mark.parametrize(
    "entry",
    [
        'msgid "new words"\nmsgstr ""\n',
        'msgid "new words"\nmsgstr "new words"\n',
        '#, fuzzy\nmsgid "new words"\nmsgstr "lời mới"\n',
        'msgid "new words"\nmsgid_plural "{count} words"\nmsgstr[0] ""\n',
    ],
)
def test_a_message_that_is_not_translated_is_found(entry: str) -> None:
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=1; plural=0;\\n"\n\n'
    assert _untranslated((head + entry).encode()) == {"new words"}
    assert (
        _untranslated((head + 'msgid "words"\nmsgstr "lời"\n\nmsgid "{what}: {why}"\nmsgstr "{what}: {why}"\n').encode()) == set()
    )


def test_the_list_of_what_stays_the_same_holds_nothing_else() -> None:
    entries = {
        message.id[0] if isinstance(message.id, tuple | list) else message.id for message in read_po(io.BytesIO(MERGED("vi")))
    }
    assert entries >= SAME
