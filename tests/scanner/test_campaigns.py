"""A campaign of many agencies: each has files of its own, an index leads to all of them, and no file is larger than the bound, whatever is in it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.campaign import run_of, shares, stored
from scanner.campaign import Entry, entry, index
from scanner.causes import CauseGroup, Need
from scanner.readers import Reader
from scanner.report import LARGEST, Edition, Page, as_pages
from scanner.targets import BilingualText
from scanner.to_mend import Owner, Place, Task
from tests.scanner.cli.in_process import clearance
from tests.scanner.test_claims import OLD, OWN, YES
from tests.scanner.test_claims import run_of as small_run
from tests.scanner.test_pages import assessment, edition

SMALL = 400_000
WORST = '"' * 5_000
"""The longest a text gets when it is escaped."""


def links(page: Page) -> set[str]:
    return {link.partition("#")[0] for link in re.findall(r'href="([^"#][^"]*)"', page.data.decode())}


def test_a_campaign_is_one_report_for_each_agency_and_an_index(tmp_path: Path) -> None:
    """Judged evidence of three provinces; one of them alone is larger than the bound that is set here, and nothing of it is lost."""
    runs = [
        stored(run_of(f"H{n}", name, 3 * n), tmp_path / f"run-{n}") for n, (name, _) in zip((1, 2, 3), shares(99), strict=False)
    ]
    done = clearance("report", *(run.name for run in runs), "--lang", "vi", "--out", "campaign", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "campaign").iterdir()}
    assert names == {"index.html", "H1-R-H1.html", "H2-R-H2.html", "H3-R-H3.html"}
    assert all((tmp_path / "campaign" / name).stat().st_size <= LARGEST for name in names)
    listed = Page("index.html", (tmp_path / "campaign" / "index.html").read_bytes())
    assert links(listed) == names - {"index.html"}


def test_an_agency_that_alone_is_larger_than_the_bound_is_split(tmp_path: Path) -> None:
    files = run_of("H1", "Hà Nội", 12)
    made = edition(files, "vi")
    (whole,) = as_pages([made], Reader.INSPECTOR, "r", largest=None)
    pages = as_pages([made], Reader.INSPECTOR, "r", largest=SMALL)
    assert len(whole.data) > SMALL
    assert len(pages) > 2
    assert all(len(page.data) <= SMALL for page in pages), [(page.name, len(page.data)) for page in pages]
    assert links(pages[0]) == {page.name for page in pages[1:]}
    found = sorted(found for page in pages for found in re.findall(r'<tr id="(F-[0-9a-f]{12})"', page.data.decode()))
    assert found == sorted(finding.id for finding in assessment(files).findings)


def worst(one: Edition, times: int) -> Edition:
    """The edition of a view in which every list is long and every text as long as it is shown."""
    view = one.view
    action = replace(view.actions[0], subjects=("x" * 140,) * 60, seen=tuple(f"{WORST}{n}" for n in range(20)))
    actions = tuple(replace(action, check=f"check-{number}") for number in range(times))
    tasks = tuple(Task(number, action.subjects, action.seen) for number in range(1, times + 1))
    cause = replace(view.causes[0], text=WORST, title=WORST, places=("x" * 140,) * 60, subjects=("x" * 140,) * 60)
    gap = replace(view.gaps[0], why=WORST, places=("x" * 140,) * 60) if view.gaps else None
    return replace(
        one,
        view=replace(
            view,
            actions=actions,
            owners=(Owner(WORST, (Place("web", "192.0.2.1", tasks),)),),
            causes=(cause,) * times,
            cause_groups=tuple(CauseGroup(need, (cause,) * times) for need in (Need.GATE, Need.DOCUMENT)),
            gaps=(gap,) * times if gap else (),
            conditions=(("TLS", "x" * 140, "1", WORST),) * 3 * times,
            evidence=tuple(replace(piece, seen=WORST, by=WORST, vantage=WORST) for piece in view.evidence) * times,
        ),
    )


@pytest.mark.parametrize("reader", list(Reader))
def test_no_file_is_larger_than_the_bound_even_of_the_longest_texts(reader: Reader) -> None:
    files = small_run(OWN, YES, tls=OLD)
    editions = [worst(edition(files, language), 150) for language in ("vi", "en")]
    pages = as_pages(editions, reader, "r")
    assert all(len(page.data) <= LARGEST for page in pages), [(page.name, len(page.data)) for page in pages]
    anchors = set(re.findall(r' id="([^"]*)"', pages[0].data.decode()))
    for page in pages[1:]:
        assert links(page) <= {each.name for each in pages}
        assert set(re.findall(r'href="r\.html#([^"]*)"', page.data.decode())) <= anchors
    if reader is Reader.AGENCY:
        told = "".join(page.data.decode() for page in pages)
        assert all(f"{number}." in told for number in range(1, 151))  # what the first page leaves out stands behind it


def test_an_index_that_is_too_long_is_split_by_name_and_nobody_is_lost() -> None:
    base = entry(assessment(small_run(OWN, YES)), "a.html")
    names = [f"{letter} {number:03d}" for letter in ("An", "Đà", "Yên") for number in range(400)]
    entries = [renamed(base, name) for name in names] + [renamed(base, f"Ứng {WORST}{n}") for n in range(50)]
    pages = index(list(reversed(entries)), ("vi", "en"), largest=1_000_000)
    assert len(pages) > 3
    assert all(len(page.data) <= 1_000_000 for page in pages)
    assert links(pages[0]) == {page.name for page in pages[1:]}
    assert all("index.html" in links(page) for page in pages[1:])
    for language in ("vi", "en"):
        own = [page for page in pages[1:] if f'<html lang="{language}">' in page.data.decode()]
        listed = [name for page in own for name in re.findall(r'<a href="[^"]*">((?:An|Đà|Yên) \d+)</a>', page.data.decode())]
        assert listed == names
        assert sum(len(re.findall(r'<a href="Ứ', page.data.decode())) for page in own) == 50


def renamed(base: Entry, name: str) -> Entry:
    return replace(base, agency=BilingualText(vi=name, en=name), page=f"{name[:8]}.html")
