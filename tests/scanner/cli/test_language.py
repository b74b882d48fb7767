"""A person who asks for Vietnamese reads Vietnamese: the helps of all verbs, click's own words, and what the environment asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner import i18n
from scanner.cli import COMMANDS, clearance
from tests.scanner.cli import in_process

VIETNAMESE = frozenset("ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹáàãéèíìóòõúùý")


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_help_of_each_verb_is_vietnamese_and_stays_english_elsewhere(verb: str, tmp_path: Path) -> None:
    told = in_process.clearance("--lang", "vi", verb, "--help", folder=tmp_path)
    assert told.returncode == 0
    assert told.stdout.startswith("Cách dùng: ")
    assert "Hiện nội dung này rồi thoát." in told.stdout
    assert "Options:" not in told.stdout
    texts = told.stdout.split("\n\n")[1]
    assert VIETNAMESE & set(texts)
    english = in_process.clearance(verb, "--help", folder=tmp_path).stdout
    assert english.startswith("Usage: ")
    assert not VIETNAMESE & set(english)


@pytest.mark.parametrize(
    "words", [("--lang=vi", "--help"), ("--help", "--lang", "vi"), ("--color", "never", "--lang", "vi", "-h")]
)
def test_help_answers_in_the_language_wherever_it_is_asked_for(words: tuple[str, ...], tmp_path: Path) -> None:
    assert in_process.clearance(*words, folder=tmp_path).stdout.startswith("Cách dùng: ")


def test_the_environment_asks_and_the_line_overrules_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARANCE_LANG", "vi")
    assert "Các lệnh:" in in_process.clearance("--help", folder=tmp_path).stdout
    assert "Commands:" in in_process.clearance("--lang", "en", "--help", folder=tmp_path).stdout


def test_a_mistaken_line_is_told_in_vietnamese_with_exit_status_2(tmp_path: Path) -> None:
    told = in_process.clearance("--lang", "vi", "scan", "--bogus", folder=tmp_path)
    assert told.returncode == 2
    assert "Lỗi: Không có tùy chọn '--bogus'." in told.stderr
    in_process.refused(in_process.clearance("--lang", "xx", "scan", folder=tmp_path), 2, "Invalid value for '--lang'")


def test_the_commands_themselves_are_left_as_they_are(tmp_path: Path) -> None:
    before = clearance.help
    in_process.clearance("--lang", "vi", "--help", folder=tmp_path)
    assert clearance.help == before
    in_process.clearance("--help", folder=tmp_path)
    assert i18n._("pass") == "pass"
