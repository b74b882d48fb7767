"""The report verb for people: one run or several, each reader, each language, and every mistaken asking refused before anything is written."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from scanner.exports import NAMES, formats
from tests.scanner.cli.in_process import clearance, refused
from tests.scanner.cli.test_waivers_shown import desk
from tests.scanner.test_claims import OWN, SCOPE, YES, run_of

__all__ = ["desk"]


@pytest.fixture
def judged(desk: Path) -> Path:
    clearance("evaluate", "run", folder=desk)
    return desk


def test_each_reader_and_form_has_a_file_of_its_own_for_the_owners_eyes(judged: Path) -> None:
    for words, name in (
        (("--for", "agency"), "run-agency.html"),
        (("--for", "approver", "--format", "pdf", "--lang", "both"), "run-approver.pdf"),
        (("--minutes", "--lang", "vi"), "run-minutes.pdf"),
        ((), "run.html"),
    ):
        done = clearance("report", "run", *words, folder=judged)
        assert done.returncode == 0, done.stderr
        assert stat.S_IMODE((judged / name).stat().st_mode) == 0o600
        assert (judged / name).read_bytes()[:5] == (b"%PDF-" if name.endswith("pdf") else b"<!DOC")


def test_the_page_is_in_the_language_asked_for_whatever_the_terminal_speaks(judged: Path) -> None:
    done = clearance("--lang", "en", "report", "run", "--lang", "vi", "--out", "-", folder=judged)
    assert '<html lang="vi">' in done.stdout
    assert "Lý do của quyết định" in done.stdout
    assert "Reasons for the decision" not in done.stdout
    both = clearance("report", "run", "--lang", "both", "--out", "-", folder=judged).stdout
    assert "Lý do của quyết định" in both
    assert "Reasons for the decision" in both


def test_several_runs_go_into_a_folder_with_an_index(judged: Path) -> None:
    written(judged / "other", run_of(OWN, YES))
    done = clearance("report", "run", "other", "--out", "campaign", folder=judged)
    assert done.returncode == 0, done.stderr
    pages = sorted(path.name for path in (judged / "campaign").iterdir())
    assert len(pages) == 3
    index = (judged / "campaign" / "index.html").read_text("utf-8")
    assert all(name in index for name in pages if name != "index.html")


def test_since_is_of_the_same_system_only(judged: Path) -> None:
    files = run_of(OWN, YES)
    written(judged / "after", files)
    written(judged / "before", files)
    ask = ("report", "after", "--for", "approver", "--out", "-", "--since")
    assert "compared with" in clearance(*ask, "before", folder=judged).stdout
    other = SCOPE.model_copy(update={"system": SCOPE.system.model_copy(update={"id": "S2"})})
    written(judged / "stranger", run_of(OWN, YES, of=other))
    refused(clearance(*ask, "stranger", folder=judged), 2, "S2", "S1")


def test_every_format_at_once_each_in_a_file_of_its_own(judged: Path) -> None:
    """The formats for programs are then in one language; the order and a format named twice change nothing."""
    names = ("html", "pdf", "json", *NAMES)
    done = clearance("report", "run", "--format", ",".join((*names, "html")), "--lang", "both", "--out", "papers", folder=judged)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == len(names)
    written = {path.name: path for path in (judged / "papers").iterdir()}
    assert set(written) == {"run.html", "run.pdf", "run.json"} | {f"run.{formats()[name].suffix}" for name in NAMES}
    assert {stat.S_IMODE(path.stat().st_mode) for path in written.values()} == {0o600}
    assert 'lang="en"' in written["run.html"].read_text("utf-8")
    alone = clearance("report", "run", "--format", "csv", "--lang", "vi", "--out", "vi.csv", folder=judged)
    assert alone.returncode == 0, alone.stderr
    assert written["run.csv"].read_bytes() == (judged / "vi.csv").read_bytes()
    beside = clearance("report", "run", "--format", "sarif,junit", folder=judged)
    assert beside.returncode == 0, beside.stderr
    assert (judged / "run.sarif").is_file()
    assert (judged / "run.junit.xml").is_file()
    assert "[html|pdf|json|" in clearance("report", "--help", folder=judged).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--minutes", "--for", "agency"), "leave --for out"),
        (("run", "--since", "run"), "--for approver"),
        (("run", "--format", "json", "--for", "agency"), "for programs"),
        (("run", "--format", "csv", "--lang", "both"), "for programs"),
        (("run", "run", "--format", "pdf", "--out", "x"), "of one run"),
        (("run", "run"), "--out FOLDER"),
        (("run", "run", "--format", "html,csv", "--out", "x"), "of one run"),
        (("run", "--format", "html,csv", "--out", "-"), "go into files"),
        (("run", "--format", "html,cvs"), "'cvs' is not one of"),
        (("run", "--format", "html,"), "'' is not one of"),
        (("run", "--minutes", "--format", "json"), "leave --format out"),
        (("run", "--for", "minister"), "minister"),
    ],
)
def test_a_mistaken_asking_is_a_usage_error_and_nothing_is_written(judged: Path, words: tuple[str, ...], said: str) -> None:
    before = sorted(judged.iterdir())
    refused(clearance("report", *words, folder=judged), 2, said)
    assert sorted(judged.iterdir()) == before


def written(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
