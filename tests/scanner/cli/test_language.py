"""A person who asks for Vietnamese reads Vietnamese: the helps of all verbs, click's own words, and what the environment asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner import i18n
from scanner.baseline import load
from scanner.cli import COMMANDS, clearance
from scanner.registry import load_checks
from tests.scanner.cli import in_process
from tests.scanner.cli.test_answers import LAB
from tests.scanner.cli.test_waivers_shown import desk

__all__ = ["desk"]

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
    assert texts not in english


@pytest.mark.parametrize(
    "words", [("--lang=vi", "--help"), ("--help", "--lang", "vi"), ("--color", "never", "--lang", "vi", "-h")]
)
def test_help_answers_in_the_language_wherever_it_is_asked_for(words: tuple[str, ...], tmp_path: Path) -> None:
    assert in_process.clearance(*words, folder=tmp_path).stdout.startswith("Cách dùng: ")


def test_the_environment_asks_and_the_line_overrules_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARANCE_LANG", "vi")
    assert "Các lệnh:" in in_process.clearance("--help", folder=tmp_path).stdout
    assert "Commands:" in in_process.clearance("--lang", "en", "--help", folder=tmp_path).stdout


@pytest.mark.parametrize("words", [(), ("--lang",), ("--lang", "vi")])
def test_a_line_without_a_verb_is_a_usage_error_and_no_crash(words: tuple[str, ...], tmp_path: Path) -> None:
    told = in_process.clearance(*words, folder=tmp_path)
    assert told.returncode == 2
    assert "Traceback" not in told.stdout + told.stderr
    assert "clearance" in told.stdout + told.stderr or "--lang" in told.stderr


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


def test_the_language_shows_and_never_decides(desk: Path) -> None:
    told = {}
    for language in ("en", "vi"):
        done = in_process.clearance("--lang", language, "evaluate", "run", folder=desk)
        told[language] = (done.returncode, (desk / "run" / "assessment.json").read_bytes())
        assert in_process.clearance("--lang", language, "report", "run", "--out", f"{language}.html", folder=desk).returncode == 0
    assert told["vi"] == told["en"]
    english, vietnamese = ((desk / f"{language}.html").read_text("utf-8") for language in ("en", "vi"))
    assert "<h1>Connection assessment: " in english
    assert '<html lang="vi">' in vietnamese
    assert "<h1>Đánh giá kết nối: " in vietnamese
    title = next(
        control.title for control in load(LAB, "lab-baseline.yaml", load_checks()).baseline.controls if control.id == "D7"
    )
    assert title.en in english
    assert title.en not in vietnamese
    assert title.vi in vietnamese
