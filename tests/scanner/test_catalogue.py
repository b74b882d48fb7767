"""The Vietnamese catalogue: nothing is missing, nothing that stands in a sentence is lost, and the program reads it as it is written."""

from __future__ import annotations

import ast
import io
import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from pydantic import ValidationError

from certification.keyring import RootKind
from certification.request import Kind
from certification.status import Act, State
from scanner import i18n
from scanner.assessment import ControlClass, Decision, Status
from scanner.attestations import Answer
from scanner.coverage import Decided
from scanner.findings import Confidence, Outcome, Stated, said
from scanner.observations import Method, Reason
from scanner.registry import load_checks
from scanner.strictness import Turn
from scanner.targets import Pace, RunKind
from tools import messages

ROOT = Path(__file__).parents[2]

PO = messages.LOCALE / "vi" / "LC_MESSAGES" / "clearance.po"
PLACE = re.compile(r"\{[a-z_]+(?:![a-z])?(?::[^}]*)?\}")

SAME = frozenset(
    {
        "SELinux: {mode}",
        "SELinux: {mode}; AppArmor: -",
        "nmap: {where}",
        "json: docs/schemas/plan.schema.json.",
        "json: docs/schemas/runs.schema.json.",
        "space_left_action = {action}",
        "{id} {version} ({regime}), sha256 {digest}",
        "Remote Desktop Session Host > Security: require use of a specific security layer: SSL",
        "dnf install sssd realmd && realm join DOMAIN; authselect select sssd with-mkhomedir",
        "ufw default deny incoming && ufw allow from ADMIN to any port 22 proto tcp && ufw enable",
    }
)
"""The sentences that consist of names alone, and so are the same in both languages."""

ENGLISH = re.compile(r"\b(the|a|an|and|or|then|of|in|with|for|to|where|which|is|are|not|by|from|each|every|under|newer)\b")
"""Words that give an English sentence away; a line of a settings file holds none of them."""


@cache
def entries() -> list[Message]:
    catalogue = read_po(io.BytesIO(PO.read_bytes()), locale="vi", abort_invalid=True)
    return [message for message in catalogue if message.id]


def forms(message: Message) -> Iterator[tuple[str, str]]:
    """The text and its translation; of a sentence with a number, the plural, which holds all the values."""
    text = message.id if isinstance(message.id, str) else message.id[-1]
    translated = message.string or ""
    yield from ((text, told) for told in ((translated,) if isinstance(translated, str) else translated))


def test_every_message_of_the_program_is_translated() -> None:
    wanted = {message.id for message in messages.extracted() if message.id}
    assert {message.id for message in entries()} == wanted, "run `make messages`, then translate what is new"
    missing = [text for message in entries() for text, told in forms(message) if not told]
    assert not missing, missing
    assert not [message.id for message in entries() if message.fuzzy]


def test_values_and_outer_spaces_are_kept() -> None:
    for message in entries():
        for text, told in forms(message):
            assert set(PLACE.findall(told)) == set(PLACE.findall(text)), told
            assert sorted(re.findall(r"[{}]", told)) == sorted(re.findall(r"[{}]", text)), told
            for side in (r"^\s*", r"\s*$"):
                assert re.search(side, told)[0] == re.search(side, text)[0], told  # type: ignore[index]
            assert ("\n" in told) == ("\n" in text) or len(told) < 120, told
            assert unicodedata.is_normalized("NFC", told), told


def test_what_is_named_is_named_alike() -> None:
    for message in entries():
        for text, told in forms(message):
            for name in re.findall(r"--[a-z][a-z-]+|CVE-[0-9-]+|RFC \d+|`[^`]+`|\b\d+(?:\.\d+)+[a-z]?\b", " ".join(text.split())):
                assert name in " ".join(told.split()), (name, told)


def test_only_names_and_lines_of_settings_are_the_same_in_both_languages() -> None:
    fixes = {fix for check in load_checks().values() for fix in check.fixes.values()}
    same = {
        text for message in entries() for text, told in forms(message) if text == told and re.search("[a-z]", PLACE.sub("", text))
    }
    assert same >= SAME
    assert same - SAME <= fixes
    assert not [text for text in same - SAME if ENGLISH.search(re.sub(r"[\"'(<{].*?[\"')>}]", "", text))]


@pytest.fixture
def vietnamese() -> Iterator[None]:
    i18n.choose("vi")
    yield
    i18n.choose("en")


@pytest.mark.usefixtures("vietnamese")
def test_the_program_shows_what_the_catalogue_holds() -> None:
    for message in entries():
        for (text, told), first in zip(
            forms(message), [message.id if isinstance(message.id, str) else message.id[0]], strict=True
        ):
            assert i18n.ngettext(first, text, 2) == told
            assert i18n._(first) == told


@pytest.mark.parametrize(
    "kind",
    [
        Decision,
        Status,
        ControlClass,
        Outcome,
        Confidence,
        Method,
        Reason,
        Answer,
        RunKind,
        Pace,
        Decided,
        Turn,
        Kind,
        State,
        Act,
        RootKind,
    ],
)
def test_each_word_of_the_records_that_is_shown_stands_in_the_catalogue(kind: type[StrEnum]) -> None:
    assert not {word.value for word in kind} - i18n.catalogue("vi").known.keys()


@pytest.mark.usefixtures("vietnamese")
def test_words_of_our_own_are_translated_in_a_message_and_those_of_peers_never() -> None:
    ours = said("{reason}: {detail}", reason=Reason.TIMED_OUT, detail="accepts the connection and says nothing")
    assert i18n.shown(ours) == "hết thời gian chờ: nhận kết nối mà không nói gì"
    assert i18n.shown(said("speaks {protocol} in clear", protocol="login")) == "dùng login không mã hóa"


@pytest.mark.usefixtures("vietnamese")
def test_what_a_person_wrote_keeps_its_letters_and_what_a_peer_said_never_does() -> None:
    person = said("answered no by {by}: {reason}", by="tran.thi.b", reason=Stated("Đang chờ phê duyệt"))
    assert i18n.shown(person) == "tran.thi.b trả lời không: Đang chờ phê duyệt"
    peer = said("answers in {protocol}", protocol="Đ\u202e")
    assert i18n.shown(peer) == r"trả lời bằng \u{110}\u{202e}"
    assert len(said("{reason}", reason=Stated("ă" * 9_000)).values[0].value) < 1_100
    with pytest.raises(ValidationError):
        said("{reason}", reason=Stated("a\u202eb"))


def test_english_is_what_stands_in_the_code_and_no_language_is_invented() -> None:
    i18n.choose("en")
    assert i18n._("not assessed") == "not assessed"
    assert i18n.ngettext("{count} day", "{count} days", 1) == "{count} day"
    assert i18n.Catalogue().gettext("not assessed") == "not assessed"


def _unmarked(source: Path) -> Iterator[str]:
    """Texts that are given to a message by a variable without N_, which nothing extracts."""
    takes = {"said": 0, "_reason": 2, "_told": 2, "_limit": 1}
    for function in ast.walk(ast.parse(source.read_text("utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        plain = {
            target.id
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Call)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in takes:
                given = node.args[takes[node.func.id] :][:1]
                yield from (f"{source.name}:{node.lineno}" for each in given if isinstance(each, ast.Name) and each.id in plain)


def test_no_text_reaches_a_message_by_a_variable_that_nothing_extracts() -> None:
    packages = ("certification", "checks", "gateway", "scanner")
    assert not [place for package in packages for path in sorted((ROOT / package).rglob("*.py")) for place in _unmarked(path)]


def test_every_literal_that_is_looked_up_is_extracted() -> None:
    """Also one inside an f-string, which the extractor does not see into: it has to stand somewhere else as well."""
    wanted = {text for message in messages.extracted() for text in ([message.id] if isinstance(message.id, str) else message.id)}
    missing = []
    for path in (path for package in ("certification", "gateway", "scanner") for path in sorted((ROOT / package).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "N_") and node.args:
                text = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
                if isinstance(text, str) and text and text not in wanted:
                    missing.append(f"{path.name}:{node.lineno}: {text}")
    assert not missing, missing
