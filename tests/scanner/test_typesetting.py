"""Typesetting: data is text whatever stands in it, every Vietnamese letter has its glyph, and the same data gives the same bytes."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from scanner import typesetting
from scanner.typesetting import FONTS, MissingPartError, renderer, shown, typeset

ROOT = Path(__file__).resolve().parents[2]
VOWELS = "aăâeêioôơuưy"
TONES = ("", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323")
LETTERS = "".join(unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in TONES) + "đbcdghklmnpqrstvx"
ALPHABET = LETTERS + LETTERS.upper()
STAMP = {"who": "Nguyễn Thị Ánh", "at": "2026-11-26T08:00:00+07:00", "width": 210, "height": 32}


def text_of(pdf: bytes, folder: Path) -> str:
    (folder / "x.pdf").write_bytes(pdf)
    done = subprocess.run(["pdftotext", "-raw", folder / "x.pdf", "-"], capture_output=True, text=True, timeout=30, check=True)
    return unicodedata.normalize("NFC", " ".join(done.stdout.split()))


def test_every_vietnamese_letter_is_in_every_face() -> None:
    from fontTools.ttLib import TTFont

    assert len(set(LETTERS)) == 12 * 6 + 17
    for face in typesetting.FACES:
        with TTFont(str(FONTS / face)) as font:
            assert {ord(letter) for letter in ALPHABET} <= set(font.getBestCmap()), face


def test_the_text_of_the_page_is_the_text_that_was_given(tmp_path: Path) -> None:
    for part in (ALPHABET[:60], ALPHABET[60:120], ALPHABET[120:]):
        made = typeset("stamp.typ", {**STAMP, "who": part, "width": 900, "height": 80})
        assert part in text_of(made, tmp_path)


def test_the_same_data_gives_the_same_bytes_in_another_process() -> None:
    program = "import hashlib, sys; from scanner.typesetting import typeset; from tests.scanner.test_typesetting import STAMP\n"
    program += "print(hashlib.sha256(typeset('stamp.typ', STAMP)).hexdigest())"
    here = hashlib.sha256(typeset("stamp.typ", STAMP)).hexdigest()
    for seed in ("1", "77"):
        environment = {"PYTHONHASHSEED": seed, "TZ": "Asia/Ho_Chi_Minh", "PATH": "/usr/bin", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
        )
        assert done.stdout.strip() == here


@pytest.mark.parametrize(
    "word",
    [
        '#panic("x")', '#read("/etc/passwd")', '#import "@preview/x:1.0.0": *', "$x^2$", "*bold* _it_ `raw`", "= heading", "<label> @ref",
        "\\u{41} \\#", "// comment /* x */", "{{ 7*7 }}", "<script>alert(1)</script>", "#sys.inputs", "]#[", "https://example.vn",
    ],
)  # fmt: skip
def test_what_looks_like_markup_stays_text(word: str, tmp_path: Path) -> None:
    assert word in text_of(typeset("stamp.typ", {**STAMP, "who": word, "width": 500}), tmp_path)


def test_what_has_no_glyph_or_is_hidden_is_shown_as_such_and_never_left_out(tmp_path: Path) -> None:
    assert shown({"a": ["x\u202ey\x1b[2J\u2066z", "漢字", 7, None]}) == {
        "a": ["x\ufffdy\ufffd[2J\ufffdz", "\ufffd\ufffd", 7, None]
    }
    assert "Kh\ufffdo s\ufffdt" in text_of(typeset("stamp.typ", {**STAMP, "who": "Kh漢o s字t"}), tmp_path)
    long = shown("ế" * 1_000_000)
    assert long.startswith("ế" * 2_000)
    assert long.endswith("… (+998000)")


def test_no_template_imports_a_package_or_reads_what_is_not_its_data() -> None:
    templates = sorted((ROOT / "report_templates").glob("*.typ"))
    assert templates
    for template in templates:
        source = template.read_text("utf-8")
        code = re.sub(r"//[^\n]*", "", source)
        assert not re.search(r"#?\b(import|include|plugin|read|eval|image|bibliography)\b", code), template.name
        assert re.findall(r"\b(?:json|csv|yaml|toml|xml|cbor)\(([^)]*)\)", code) == ['"data.json"'], template.name
        assert "http" not in code


def test_without_the_font_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(typesetting, "FONTS", tmp_path)
    with pytest.raises(MissingPartError, match="fonts-croscore"):
        renderer("stamp.typ")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(MissingPartError, match=r"clearance\[pdf\]"):
        typeset("stamp.typ", STAMP)
