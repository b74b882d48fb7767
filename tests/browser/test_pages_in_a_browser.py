"""The pages in a real browser: they load nothing, complain of nothing, are readable by everybody, and fit a narrow window and paper."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.campaign import entry, index
from scanner.readers import Reader
from scanner.report import Edition, as_pages
from tests.attacks.test_hostile_content import HOSTILE, said
from tests.browser.chromium import Browser, browser
from tests.scanner.test_claims import BLIND, OLD, OWN, YES, run_of
from tests.scanner.test_pages import assessment, edition

AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
RULES = "axe.run(document, {resultTypes: ['violations']}).then(found => JSON.stringify(found.violations))"
WIDE, NARROW = 1_200, 320
"""What is left of a window of 1,280 pixels at 400 %, twice as much as is promised (WCAG 2.2, 1.4.10)."""


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    if not shutil.which("chromium"):
        missing("Debian's chromium")
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def rules() -> str:
    if not AXE.is_file():
        missing("axe-core (npm ci in tests/browser, as `make install` does)")
    return AXE.read_text("utf-8")


def missing(what: str) -> None:
    if os.environ.get("CLEARANCE_SHARED_REQUIRED") == "1":
        pytest.fail(f"{what} is missing, and this run may not do without it")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every page there is, each in both languages, the inspector's one also full of hostile text."""
    made = tmp_path_factory.mktemp("pages")
    files = run_of(OWN, YES, tls=OLD, peer_certificate=BLIND)
    both = [edition(files, language, before=run_of(OWN, YES)) for language in ("vi", "en")]
    for reader in Reader:
        (made / f"{reader}.html").write_bytes(as_pages(both, reader, reader)[0].data)
    for number, word in enumerate(HOSTILE):
        hostile = Edition("en", said(both[1].view, word))
        (made / f"hostile-{number}.html").write_bytes(as_pages([hostile], Reader.INSPECTOR, "x")[0].data)
    (made / "index.html").write_bytes(index([entry(assessment(files), "inspector.html")], ("vi", "en"))[0].data)
    return made


PAGES = ("agency.html", "inspector.html", "approver.html", "index.html")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_and_complains_of_nothing(window: Browser, folder: Path, name: str) -> None:
    window.width(WIDE)
    window.visit(folder / name)
    assert window.complaints() == []
    assert window.asked_for() == [(folder / name).as_uri()]
    assert window.value("document.querySelectorAll('main h1').length") == 2
    assert window.value("getComputedStyle(document.body).fontSize") == "16px"  # the policy let our own style in


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_rule_of_accessibility_is_seriously_broken(window: Browser, rules: str, folder: Path, name: str, scheme: str) -> None:
    window.media(scheme=scheme)
    window.visit(folder / name)
    window.call("Runtime.evaluate", expression=rules)
    found: list[dict[str, Any]] = json.loads(window.value(RULES))
    window.media()
    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")] == []


def test_the_rules_would_find_what_is_badly_made(window: Browser, rules: str, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text("<html><body><img src='data:,'><p style='color:#ccc;background:#fff'>pale</p></body></html>")
    window.visit(page)
    window.call("Runtime.evaluate", expression=rules)
    assert {"image-alt", "color-contrast"} <= {each["id"] for each in json.loads(window.value(RULES))}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_looks_different_in_the_dark_and_fits_a_narrow_window(window: Browser, folder: Path, name: str) -> None:
    pictures = {}
    for scheme in ("light", "dark"):
        window.media(scheme=scheme)
        window.width(WIDE)
        window.visit(folder / name)
        pictures[scheme] = window.value("getComputedStyle(document.body).backgroundColor")
        assert struct.unpack(">II", window.picture()[16:24]) == (WIDE, 900)
    window.media()
    assert pictures == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 27)"}
    window.width(NARROW)
    window.visit(folder / name)
    assert window.value("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_first_tab_leads_past_what_repeats_and_every_link_shows_its_focus(window: Browser, folder: Path) -> None:
    window.width(WIDE)
    window.visit(folder / "agency.html")
    for kind in ("keyDown", "keyUp"):
        window.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert window.value("document.activeElement.className") == "skip"
    assert window.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert window.value("[...document.querySelectorAll('a')].every(a => a.tabIndex === 0)") is True


@pytest.mark.parametrize("name", PAGES)
def test_a_page_prints_in_black_on_white_with_every_word(window: Browser, folder: Path, name: str, tmp_path: Path) -> None:
    window.media()
    window.visit(folder / name)
    (tmp_path / "x.pdf").write_bytes(window.printed())
    text = subprocess.run(["pdftotext", tmp_path / "x.pdf", "-"], capture_output=True, text=True, timeout=30, check=True).stdout
    flat = re.sub(r"\s", "", text)
    for heading in window.value("[...document.querySelectorAll('h1, caption')].map(each => each.textContent)"):
        assert re.sub(r"\s", "", heading) in flat


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_runs_nothing_and_loads_nothing(window: Browser, folder: Path, number: int) -> None:
    page = folder / f"hostile-{number}.html"
    window.width(WIDE)
    window.visit(page)
    assert window.complaints() == []
    assert window.asked_for() == [page.as_uri()]
    assert window.value("document.scripts.length + document.images.length + document.querySelectorAll('iframe').length") == 0
    assert window.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth") is True
