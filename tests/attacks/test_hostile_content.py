"""What a peer said is text in every report, and nothing that an outsider hands in is a template, an entity or a new rule."""

from __future__ import annotations

import dataclasses
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from certification.refusals import Code
from certification.verify import verify
from scanner import i18n
from scanner.cli.judging import view_of
from scanner.inert import inert
from scanner.nmap_xml import UnreadableError, read
from scanner.report import as_html
from scanner.report_view import View
from scanner.store import Run
from tests.certification.stage import LATER, Case, refused, restated
from tests.scanner.test_claims import OLD, OWN, YES, run_of

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% include '/etc/passwd' %}{{ ''.__class__.__mro__ }}",
    '#import "@preview/x:1.0.0" #read("/etc/passwd") $x$ *b*',
    '=HYPERLINK("http://x")',
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egpj.exe\u2066",
    "</title></style></body>",
    "ế" * 1_000_000,
)


class Tags(HTMLParser):
    """The elements of a page with the names of their attributes, and its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.words: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def said(value: Any, word: str) -> Any:
    """The value with every text in it replaced; enumerations, numbers and instants stay."""
    if type(value) is str:
        return word
    if isinstance(value, tuple):
        return tuple(said(each, word) for each in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: said(getattr(value, field.name), word) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> View:
    """What is shown of a run with failures."""
    run = Run(tmp_path_factory.mktemp("hostile") / "run")
    for path, data in run_of(OWN, YES, tls=OLD).items():
        run.write(path, data)
    from scanner.assessment import Assessment

    return view_of(run, Assessment.read(run.read("assessment.json")))


@pytest.mark.parametrize("word", HOSTILE, ids=lambda word: word[:12].encode("unicode_escape").decode())
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_whatever_a_peer_said_stands_inert_in_the_report(seen: View, word: str, language: str) -> None:
    """Every text of the view is the hostile one: the page has the same elements as with a harmless one, and shows it as text."""
    page, harmless = as_html(said(seen, word), language), as_html(said(seen, "x"), language)
    found = Tags(page)
    assert found.tags == Tags(harmless).tags
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img", "iframe", "object", "embed", "link", "base", "form"})
    assert not any(name.startswith("on") for _, names in found.tags for name in names)
    text = "".join(found.words)
    assert inert(word) in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page.decode())
    assert len(page) < 5_000_000


def test_data_that_looks_like_a_template_stays_text(seen: View) -> None:
    text = "".join(Tags(as_html(said(seen, HOSTILE[2]), "en")).words)
    assert "{{ 7*7 }}" in text
    assert "49" not in text
    assert "root:" not in text
    sources = [path.read_text("utf-8") for path in (ROOT / "scanner").rglob("*.py")]
    assert not any("from_string(" in source or "FileSystemLoader" in source for source in sources)


WHOLE = '<nmaprun><host><status state="up"/>...</host><runstats><finished exit="success"/></runstats></nmaprun>'


def test_without_the_entities_the_same_report_is_whole() -> None:
    assert read(io.BytesIO(f"<!DOCTYPE nmaprun>{WHOLE}".encode())).finished


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>' + WHOLE.replace("...", "&b;"),
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + WHOLE.replace("...", "&a;"),
        '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x.dtd">%a;]>' + WHOLE,
    ],
    ids=["bomb", "file", "remote"],
)
def test_an_xml_bomb_in_the_place_of_nmaps_output_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError, match="entities of its own"):
        read(io.BytesIO(text.encode()))


def test_a_restriction_this_version_does_not_know_is_refused() -> None:
    case = Case()
    certificate = restated(case.certificate(), crit=("geo-fence",))
    with refused(Code.CRITICAL_UNKNOWN):
        verify(certificate, case.trust, LATER)


def test_the_confusable_package_is_not_locked() -> None:
    locked = {line.partition("==")[0] for line in (ROOT / "requirements" / "dev.txt").read_text().splitlines() if "==" in line}
    assert "securesystemslib" in locked
    assert "dsse" not in locked
