"""The pages people read: what each reader is shown, in which language, in how many files, and that nothing in the data is more than text."""

from __future__ import annotations

import re
import subprocess
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jinja2
import pytest

from scanner import i18n, readers, report, report_pdf, writing
from scanner.assessment import Assessment, ControlClass, Decision, Status
from scanner.campaign import Entry, entry, index
from scanner.changes import compared
from scanner.cli.judging import view_in
from scanner.collation import vietnamese
from scanner.findings import Outcome
from scanner.inert import inert
from scanner.order import Order
from scanner.readers import Reader
from scanner.report import Edition, Page, as_pages, environment
from scanner.report_view import Row
from scanner.specimens import AT
from scanner.status_words import gates_word
from scanner.targets import BilingualText
from scanner.weakest import weakest
from tests.attacks.test_hostile_content import HOSTILE, Tags, said
from tests.scanner.test_claims import BLIND, OLD, OWN, YES, run_of
from tests.scanner.test_typesetting import text_of

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 2_300_000
FOOT = "Made by Clearance from a stored assessment. The number never decides: gates, coverage and statuses do."


def assessment(files: dict[str, bytes]) -> Assessment:
    return Assessment.read(files["assessment.json"])


def edition(files: dict[str, bytes], language: str = "en", before: dict[str, bytes] | None = None) -> Edition:
    with i18n.speaking(language):
        made = assessment(files)
        since = compared(assessment(before), made) if before else None
        return Edition(language, view_in(files, Order.read(files["order.json"]), made), since)


@pytest.fixture(scope="module")
def failing() -> dict[str, bytes]:
    return run_of(OWN, YES, tls=OLD, peer_certificate=BLIND)


def html(files: dict[str, bytes], reader: Reader, language: str = "en") -> str:
    (page,) = as_pages([edition(files, language)], reader, "r")
    return page.data.decode()


def headings(page: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", page)


def told(program: str, pdf: Path) -> str:
    return subprocess.run([program, pdf], capture_output=True, text=True, timeout=30, check=True).stdout


def test_the_first_screen_says_what_failed_and_as_loudly_what_nobody_saw(failing: dict[str, bytes]) -> None:
    view = edition(failing).view
    page = html(failing, Reader.INSPECTOR)
    order = headings(page)
    assert order[0] == f"{view.verdict.sign} {view.verdict.word}"
    assert order[1:4] == ["Reasons for the decision", "Not assessed", "Gates"]
    assert view.unseen > 0
    assert f'<b class="open">? {view.unseen}</b>' in page
    for words in (f"{view.passed} / {view.counted}", f"{view.assessed} / {view.counted}", view.valid_until):
        assert words in page


def test_gates_stand_in_the_order_of_what_is_wrong_with_them(failing: dict[str, bytes]) -> None:
    """What nobody could tell stands before what is in order, and not behind it."""
    made = assessment(failing)
    statuses = (Status.SATISFIED, Status.UNDETERMINED, Status.NOT_APPLICABLE, Status.NOT_SATISFIED)
    mixed = made.model_copy(
        update={
            "controls": tuple(
                control.model_copy(update={"classed": ControlClass.GATE, "status": statuses[at % len(statuses)]})
                for at, control in enumerate(made.controls)
            )
        }
    )
    view = view_in(failing, Order.read(failing["order.json"]), mixed)
    tones = [gate.status.tone for gate in view.gates]
    assert {"open", "good"} <= set(tones)
    assert tones == sorted(tones, key=("bad", "open", "good", "quiet").index)


def test_each_reader_gets_what_is_theirs(failing: dict[str, bytes]) -> None:
    pages = {reader: headings(html(failing, reader)) for reader in Reader}
    assert {"Annex: evidence", "By heading and control", "Mend first"} <= set(pages[Reader.INSPECTOR])
    assert {"Mend first", "By owner and host"} <= set(pages[Reader.AGENCY])
    assert pages[Reader.AGENCY][1:5] == ["Reasons for the decision", "Mend first", "Not assessed", "Gates"]
    assert pages[Reader.INSPECTOR].count("Mend first") == pages[Reader.AGENCY].count("Mend first") == 1
    assert "Annex: evidence" not in pages[Reader.AGENCY]
    assert len(pages[Reader.APPROVER]) == 1


def test_the_agency_is_told_who_mends_what_where_with_the_command(failing: dict[str, bytes]) -> None:
    view = edition(failing).view
    assert [owner.name for owner in view.owners] == ["Operator"]
    (place,) = view.owners[0].places
    assert place.host == "web1"
    decisive = [number for number, action in enumerate(view.actions, start=1) if action.decides]
    assert decisive
    assert [task.number for task in place.tasks] == decisive
    page = html(failing, Reader.AGENCY)
    assert all(f'href="#action-{number}"' in page and f'id="action-{number}"' in page for number in decisive)
    assert "ssl_protocols" in page


def test_the_approver_reads_what_changed_and_is_told_when_nobody_knows(failing: dict[str, bytes]) -> None:
    with i18n.speaking("en"):
        alone = readers.dossier(edition(failing).view, None)
        since = readers.dossier(edition(failing).view, edition(failing, before=run_of(OWN, YES)).since)
    rows = {row.question: row for row in since}
    changed = rows["What changed since the last one"]
    assert changed.sign == "!"
    assert any(line.startswith("fails now, and did not before: ") for line in changed.lines)
    assert any(line.startswith("no longer assessed: ") for line in changed.lines)
    assert rows["What nobody looked at"].sign == "?"
    assert {row.question: row for row in alone}["What changed since the last one"].sign == "?"


def test_reasons_of_one_control_are_one_line_and_none_is_lost(failing: dict[str, bytes]) -> None:
    view = edition(failing).view
    assert sum(max(1, len(cause.places)) for cause in view.causes) == len(view.reasons)


def test_both_languages_stand_in_one_file_each_marked_as_such(failing: dict[str, bytes]) -> None:
    (page,) = as_pages([edition(failing, "vi"), edition(failing, "en")], Reader.INSPECTOR, "r")
    text = page.data.decode()
    for language, words in (("vi", "Khắc phục trước"), ("en", "Mend first")):
        assert f'<div class="article" id="{language}" lang="{language}">' in text
        assert words in text
        foot = i18n.catalogue(language).gettext(FOOT)
        assert foot in text.partition(f'<div class="article" id="{language}"')[2].partition('<div class="article"')[0]
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', text)) <= set(ids)


def repeated(one: Edition, times: int) -> Edition:
    """The edition as of a system where every finding stands many times, and each was said at length."""
    shown = tuple(
        replace(heading, controls=tuple(replace(control, rows=tuple(many(control.rows, times))) for control in heading.controls))
        for heading in one.view.headings
    )
    return replace(one, view=replace(one.view, headings=shown))


def many(each: tuple[Row, ...], times: int) -> Iterator[Row]:
    for number in range(times):
        yield from (replace(row, id=f"{row.id[:-3]}{number:03x}", seen='"' * 500) for row in each)


def test_a_report_that_is_too_large_is_split_and_nothing_is_lost(failing: dict[str, bytes]) -> None:
    editions = [repeated(edition(failing, language), 200) for language in ("vi", "en")]
    (whole,) = as_pages(editions, Reader.INSPECTOR, "r", largest=None)
    pages = as_pages(editions, Reader.INSPECTOR, "r", largest=LIMIT)
    assert len(whole.data) > 2 * LIMIT
    assert all(len(page.data) <= LIMIT for page in pages)
    names = {page.name for page in pages}
    for page in pages:
        assert {link.partition("#")[0] for link in re.findall(r'href="([^"#][^"]*)"', page.data.decode())} <= names
    assert set(re.findall(r'href="(r-\d+\.html)"', pages[0].data.decode())) == names - {pages[0].name}
    assert rows(pages) == rows((whole,))
    assert len(rows(pages)) == 2 * 200 * len(assessment(failing).findings)


def rows(files: tuple[Page, ...]) -> list[str]:
    return sorted(found for page in files for found in re.findall(r'<tr id="([^"]*F-[0-9a-f]{12})"', page.data.decode()))


def test_the_index_lists_every_agency_in_the_order_of_the_alphabet(failing: dict[str, bytes]) -> None:
    base = entry(assessment(failing), "a.html")
    names = ["Yên Bái", "Điện Biên", "Đà Nẵng", "Ứng Hòa", "Bắc Ninh", "An Giang", "Dak"]
    (made,) = index([renamed(base, name) for name in names], ("vi", "en"))
    page = made.data.decode()
    listed = re.findall(r'<a href="[^"]*\.html">([^<]*)</a>', page.partition('id="en"')[0])
    assert listed == ["An Giang", "Bắc Ninh", "Dak", "Đà Nẵng", "Điện Biên", "Ứng Hòa", "Yên Bái"]
    assert f"<b>{len(names)}</b>" in page


def renamed(base: Entry, name: str) -> Entry:
    return replace(base, agency=BilingualText(vi=name, en=name), page=f"{name}.html", decision=Decision.INCOMPLETE)


def test_tones_tell_names_apart_only_where_the_letters_are_the_same() -> None:
    in_order = ["ma", "mà", "mả", "mã", "má", "mạ", "mab", "mă"]
    assert sorted(["mạ", "mã", "má", "mả", "mă", "mab", "mà", "ma"], key=vietnamese) == in_order


def test_dates_and_numbers_are_written_as_the_reader_writes_them() -> None:
    with i18n.speaking("vi"):
        assert writing.day(AT.replace(year=2026, month=11, day=23, hour=20)) == "24 tháng 11, 2026"
        assert writing.formal_day(AT.replace(year=2026, month=2, day=3, hour=8)) == "ngày 03 tháng 02 năm 2026"
        assert (writing.share(183, 200), writing.count(12_000)) == ("91,5", "12.000")
    with i18n.speaking("en"):
        assert writing.day(AT.replace(year=2026, month=11, day=23, hour=8)) == "23 November 2026"
        assert (writing.share(183, 200), writing.count(12_000), writing.share(0, 0)) == ("91.5", "12,000", "–")
        assert writing.share(9_999, 10_000) == "99.9"


@pytest.mark.parametrize("reader", [Reader.AGENCY, Reader.APPROVER])
@pytest.mark.parametrize("word", HOSTILE, ids=lambda word: word[:12].encode("unicode_escape").decode())
def test_hostile_text_is_inert_for_every_reader(failing: dict[str, bytes], reader: Reader, word: str) -> None:
    view = edition(failing).view
    pages = [as_pages([Edition("en", said(view, text))], reader, "r")[0].data for text in (word, "x")]
    assert Tags(pages[0]).tags == Tags(pages[1]).tags
    assert inert(word)[:60] in "".join(Tags(pages[0]).words)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", pages[0].decode())


@pytest.mark.parametrize("word", HOSTILE[:-1], ids=lambda word: word[:12].encode("unicode_escape").decode())
def test_hostile_text_is_inert_in_the_pdf(failing: dict[str, bytes], word: str, tmp_path: Path) -> None:
    made = report_pdf.as_pdf([Edition("en", said(edition(failing).view, word))], Reader.APPROVER, assessment(failing))
    text = re.sub(r"[\s\ufffd]", "", text_of(made, tmp_path))
    assert re.sub(r"[\s\ufffd]", "", inert(word))[:40] in text
    assert "root:" not in text
    properties = told("pdfinfo", tmp_path / "x.pdf")
    assert re.search(r"JavaScript: +no", properties)
    assert "http" not in told_links(tmp_path / "x.pdf")


def told_links(pdf: Path) -> str:
    """The addresses a click could go to."""
    return subprocess.run(["pdfinfo", "-url", pdf], capture_output=True, text=True, timeout=30, check=True).stdout


def test_the_minutes_have_the_decrees_form_and_only_its_font(failing: dict[str, bytes], tmp_path: Path) -> None:
    order, made = Order.read(failing["order.json"]), assessment(failing)
    pdf = report_pdf.minutes([edition(failing, "vi"), edition(failing, "en")], made, order)
    assert pdf == report_pdf.minutes([edition(failing, "vi"), edition(failing, "en")], made, order)
    text = text_of(pdf, tmp_path)
    for words in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "BIÊN BẢN", "ĐẠI DIỆN CƠ QUAN", "MINUTES",
        "Biên bản không phải là văn bản cho phép kết nối", "ký, ghi rõ họ tên", " ".join(re.findall("." * 8, made.digest())),
    ):  # fmt: skip
        assert words in text, words
    fonts = told("pdffonts", tmp_path / "x.pdf").splitlines()[2:]
    assert fonts
    assert all(re.match(r"[A-Z]{6}\+Tinos", line) for line in fonts)
    assert re.search(r"Tagged: +yes", told("pdfinfo", tmp_path / "x.pdf"))


def test_the_dossier_is_one_page_and_the_report_says_every_finding(failing: dict[str, bytes], tmp_path: Path) -> None:
    made = assessment(failing)
    for language in ("vi", "en"):
        text_of(report_pdf.as_pdf([edition(failing, language)], Reader.APPROVER, made), tmp_path)
        assert re.search(r"Pages: +1\n", told("pdfinfo", tmp_path / "x.pdf"))
    found = edition(failing, "vi")
    text = re.sub(r"\s", "", text_of(report_pdf.as_pdf([found], Reader.INSPECTOR, made), tmp_path))
    shown = [row for heading in found.view.headings for control in heading.controls for row in control.rows]
    assert len(shown) == len(made.findings)
    for row in shown:
        for part in (row.subject, row.check, row.title, row.outcome.word, row.seen):
            assert re.sub(r"\s", "", part) in text, part


PATH = "/etc/nginx/conf.d/dichvucong.tinhmau.gov.vn.conf"


def test_what_is_copied_from_the_pdf_is_what_stands_there(failing: dict[str, bytes], tmp_path: Path) -> None:
    """No invisible sign stands in a long word, in the report as in the minutes, and digests stand in groups of eight."""
    found, order, made = edition(failing), Order.read(failing["order.json"]), assessment(failing)
    action = replace(
        found.view.actions[0], fixes=(("nginx", f"cat {PATH}"),), subjects=("w" * 90,), title=f"{PATH}/{PATH}/{PATH}"
    )
    view = replace(found.view, actions=(action, *found.view.actions[1:]))
    pdfs = [report_pdf.as_pdf([Edition("en", view)], reader, made) for reader in Reader]
    assert pdfs[0] == report_pdf.as_pdf([Edition("en", view)], Reader.AGENCY, made)
    pdfs.append(report_pdf.minutes([Edition("en", view)], made, order))
    for pdf in pdfs:
        text = text_of(pdf, tmp_path)
        assert not [sign for sign in text if unicodedata.category(sign) in ("Cf", "Cc", "Co")]
        assert " ".join(re.findall("." * 8, made.digest())) in text
    agency = text_of(pdfs[0], tmp_path)
    assert f"cat {PATH}" in agency
    assert "w" * 90 in agency.replace(" ", "")


def test_a_long_word_stays_in_its_column(failing: dict[str, bytes], tmp_path: Path) -> None:
    found = edition(failing)
    gap = replace(found.view.gaps[0], why="y" * 300, places=("W" * 400, "i" * 30))
    view = replace(found.view, gaps=(gap,))
    text_of(report_pdf.as_pdf([Edition("en", view)], Reader.AGENCY, assessment(failing)), tmp_path)
    done = subprocess.run(["pdftotext", "-bbox", tmp_path / "x.pdf", "-"], capture_output=True, text=True, timeout=30, check=True)
    words = re.findall(r'<word xMin="([\d.]+)" yMin="[\d.]+" xMax="([\d.]+)" yMax="[\d.]+">([^<]*)</word>', done.stdout)
    ends = [float(end) for _begin, end, word in words if set(word) == {"y"}]
    begins = [float(begin) for begin, _end, word in words if set(word) == {"W"}]
    assert max(ends) < min(begins)
    assert max(float(end) for _begin, end, _word in words) < 595 - 42  # A4 without its right margin of 15 mm


def test_templates_are_ours_alone_sandboxed_escaped_and_strict() -> None:
    made = environment()
    assert isinstance(made.loader, jinja2.PackageLoader)
    assert (made.autoescape, made.undefined, made.sandboxed) == (True, jinja2.StrictUndefined, True)
    for name in ("../scanner/report.py", "/etc/passwd"):
        with pytest.raises(jinja2.TemplateNotFound):
            made.get_template(name)
    with pytest.raises(jinja2.exceptions.SecurityError):
        made.from_string("{{ ''.__class__.__mro__ }}").render()
    with pytest.raises(jinja2.UndefinedError):
        made.get_template("basis.html.j2").render()
    templates = sorted((ROOT / "report_templates").glob("*.j2"))
    assert templates
    for template in templates:
        assert not re.search(r"\|\s*safe\b|\bautoescape\b|<script|https?://", template.read_text("utf-8")), template.name


def test_a_page_lets_nothing_in_and_runs_nothing(failing: dict[str, bytes]) -> None:
    page = report.as_html(edition(failing).view, "en").decode()
    assert "default-src 'none'" in page
    assert "script" not in {tag for tag, _names in Tags(page.encode()).tags}
    names = {name for _tag, found in Tags(page.encode()).tags for name in found}
    assert not {"src", "srcset", "style"} & names
    assert all(re.match(r"#|[\w.-]+\.html", link) for link in re.findall(r'href="([^"]*)"', page))


def test_every_table_has_a_caption_and_heads(failing: dict[str, bytes]) -> None:
    for reader in Reader:
        for table in re.findall(r"<table.*?</table>", html(failing, reader), re.DOTALL):
            assert "<caption>" in table
            assert '<th scope="col">' in table
            assert '<th scope="row"' in table or "<td colspan" in table


def test_the_percentage_is_never_shown_without_its_cap_and_its_worst_subject(failing: dict[str, bytes]) -> None:
    """11 of 12 is 91 % over two subjects, and half at one of them: the page says which."""
    made = assessment(failing)
    base = next(each for each in made.findings if each.control == "TLS")
    outcomes = [("web:443", Outcome.PASS)] * 10 + [
        ("web:80", Outcome.PASS),
        ("web:80", Outcome.FAIL),
        ("web:22", Outcome.NOT_APPLICABLE),
    ]
    findings = tuple(
        base.model_copy(update={"subject": subject, "outcome": outcome, "id": f"F-{number:012x}"})
        for number, (subject, outcome) in enumerate(outcomes)
    )
    uneven = made.model_copy(update={"findings": findings})
    assert weakest(uneven) == "worst at web:80: 1 / 2"
    assert weakest(uneven.model_copy(update={"findings": findings[:10]})) == ""
    view = replace(edition(failing).view, percent=49, capped=True, worst=weakest(uneven))
    for told in (as_pages([Edition("en", view)], reader, "r")[0].data.decode() for reader in Reader):
        assert "49 % (capped: a gate is not satisfied); worst at web:80: 1 / 2" in told


@pytest.mark.parametrize(
    ("counts", "worst"),
    [
        ({"a": (3, 6), "b": (2, 3)}, "worst at a: 3 / 6"),
        ({"a": (1, 2), "b": (2, 4)}, "worst at b: 2 / 4"),
        ({"b": (1, 2), "a": (1, 2)}, "worst at a: 1 / 2"),
        ({"a": (0, 1), "b": (9, 10)}, "worst at a: 0 / 1"),
    ],
    ids=["the smaller part, not the smaller number", "of equal parts the larger", "else the first by name", "nothing at all"],
)
def test_the_worst_subject_is_the_one_of_which_the_smallest_part_passed(
    failing: dict[str, bytes], counts: dict[str, tuple[int, int]], worst: str
) -> None:
    made = assessment(failing)
    base = next(each for each in made.findings if each.control == "TLS")
    outcomes = [
        (name, Outcome.PASS if number < passed else Outcome.NOT_CHECKED)
        for name, (passed, counted) in counts.items()
        for number in range(counted)
    ]
    findings = tuple(
        base.model_copy(update={"subject": subject, "outcome": outcome, "id": f"F-{number:012x}"})
        for number, (subject, outcome) in enumerate(outcomes)
    )
    assert weakest(made.model_copy(update={"findings": findings})) == worst


def test_gates_are_good_only_when_there_are_some_and_all_are_met() -> None:
    said = {name: (word := gates_word(each)) and (word.word, word.sign, word.tone) for name, each in {
        "met": [Status.SATISFIED, Status.NOT_APPLICABLE], "open": [Status.SATISFIED, Status.UNDETERMINED],
        "failed": [Status.NOT_SATISFIED, Status.UNDETERMINED], "none": [],
    }.items()}  # fmt: skip
    assert said == {
        "met": ("2 of 2", "✓", "good"),
        "open": ("1 of 2", "?", "open"),
        "failed": ("0 of 2", "✗", "bad"),
        "none": ("0 of 0", "?", "open"),
    }
