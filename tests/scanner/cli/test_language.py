"""A person who asks for Vietnamese reads Vietnamese: the helps of all verbs, click's own words, and what the environment asks for."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from scanner import i18n
from scanner.baseline import load
from scanner.cli import COMMANDS, clearance, signing
from scanner.registry import load_checks
from tests.scanner.cli import in_process
from tests.scanner.cli.test_answers import LAB
from tests.scanner.cli.test_waivers_shown import desk
from tools import messages

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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("trust", "shwo"), "Did you mean {possibility}?"),
        (("runs", "list", "x", "y"), "Got unexpected extra argument ({args})"),
        (("report", "run", "--lang", "xx"), "{value!r} is not {choice}."),
        (("report", "run", "--since"), "Option {name!r} requires an argument."),
    ],
)
def test_what_click_says_of_a_mistaken_line_is_looked_up_in_the_catalogue(
    words: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a catalogue that knows this sentence alone, whatever else it says: so the sentence is the one click looks up."""
    marked = {message.id[0] if isinstance(message.id, tuple) else message.id for message in messages.extracted()}
    assert sentence in marked
    monkeypatch.setitem(i18n.catalogue("vi").known, sentence, "told by the catalogue")
    assert "told by the catalogue" in in_process.clearance("--lang", "vi", *words, folder=tmp_path).stderr


@pytest.mark.parametrize(
    ("typed", "agreed"),
    [
        ("y", True), ("YES", True), ("c", True), ("có", True), ("co\u0301", True), ("n", False), ("k", False), ("Không", False), ("", False),
        ("?\nc", True), ("vâng\n\n", False),
    ],
)  # fmt: skip
def test_a_question_takes_a_yes_in_both_languages_and_asks_again_otherwise(typed: str, agreed: bool) -> None:
    @click.command()
    def ask() -> None:
        click.echo(signing.confirmed("Sign this?", default=False, err=True))

    told = CliRunner().invoke(ask, input=typed + "\n")
    assert told.stdout.strip() == str(agreed)
    assert told.stderr.count("Sign this? [y/N]") == (2 if "\n" in typed else 1)
    assert ("answer y (yes) or n (no)" in told.stderr) == ("\n" in typed)


def test_a_question_without_an_answer_ends_the_command() -> None:
    @click.command()
    def ask() -> None:
        click.echo(signing.confirmed("Sign this?", default=None, abort=True))

    assert CliRunner().invoke(ask, input="").exit_code == 1
    assert CliRunner().invoke(ask, input="k\n").exit_code == 1
    assert CliRunner().invoke(ask, input="\ny\n").exit_code == 0


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize(
    "verb", [name for name in COMMANDS if name in ("keys", "trust", "gateway", "feeds", "log", "permit", "runs")]
)
def test_no_summary_in_a_list_of_verbs_is_cut(language: str, verb: str, tmp_path: Path) -> None:
    told = in_process.clearance("--lang", language, verb, "--help", folder=tmp_path).stdout
    listed = told.partition("Các lệnh:\n" if language == "vi" else "Commands:\n")[2]
    assert listed
    assert "..." not in listed


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
