"""The catalogue as it is read: the same as translators' tools read it, and every translation keeps the places of its values."""

from __future__ import annotations

import io
import re

import pytest
from babel.messages.pofile import read_po

from scanner import i18n
from scanner.findings import said
from scanner.record import BilingualText

CATALOGUE = i18n.FOLDER / "vi" / "LC_MESSAGES" / "clearance.po"
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
            # of two English sentences with different places, such as click's, the one Vietnamese has those of either
            assert sorted(PLACES.findall(text)) in [sorted(PLACES.findall(each)) for each in (singular, plural) if each], singular
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


def test_a_name_that_is_the_same_in_both_languages_is_said_once() -> None:
    assert i18n.both(BilingualText(vi="UBND tỉnh Mẫu", en="UBND tỉnh Mẫu")) == "UBND tỉnh Mẫu"
    assert i18n.both(BilingualText(vi="Thử", en="Test")) == "Test (Thử)"


VI = """msgid "{reason}: {detail}"
msgstr "{reason}: {detail}"
msgid "it does not say how far off the clock is"
msgstr "không cho biết đồng hồ lệch bao nhiêu"
msgid "allow the audit user to run without a password"
msgstr "cho phép tài khoản kiểm tra chạy không cần mật khẩu"
msgid "refused"
msgstr "bị từ chối"
"""


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("it does not say how far off the clock is", "không cho biết đồng hồ lệch bao nhiêu"),
        ("ntp: it does not say how far off the clock is", "ntp: không cho biết đồng hồ lệch bao nhiêu"),
        (
            "sshd: allow the audit user to run without a password: sudo -n /usr/sbin/sshd -T",
            "sshd: cho phép tài khoản kiểm tra chạy không cần mật khẩu: sudo -n /usr/sbin/sshd -T",
        ),
        (
            "allow the audit user to run without a password: it does not say how far off the clock is",
            "cho phép tài khoản kiểm tra chạy không cần mật khẩu: it does not say how far off the clock is",
        ),
        ("turns us away: refused", "turns us away: refused"),
        ("smtp: refused", "smtp: refused"),
        ("A Peer: it does not say how far off the clock is", "A Peer: it does not say how far off the clock is"),
        ("says it does not say how far off the clock is", "says it does not say how far off the clock is"),
    ],
)
def test_of_what_was_not_seen_our_sentence_is_translated_and_what_a_peer_said_is_not(
    detail: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(i18n, "_chosen", i18n.Catalogue(VI))
    assert i18n.shown(said("{reason}: {detail}", reason="refused", detail=detail)) == f"bị từ chối: {told}"
    assert i18n.shown(said("{what}", what="refused")) == "refused"
