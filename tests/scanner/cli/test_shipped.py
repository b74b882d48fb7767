"""Shipped baselines are named by their ids, a path stays a path, and who names one that is not in force is told before anything is looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.baseline import load
from scanner.cli.console import Console
from scanner.cli.shipped import NATIONAL, imitates, say_force, shipped
from scanner.registry import load_checks
from tests.scanner.cli.test_bad_input import clearance, write_permit, write_scope


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a good scope and a good permit."""
    write_scope(tmp_path)
    write_permit(tmp_path)
    return tmp_path


def test_a_shipped_baseline_bears_the_id_it_is_found_by() -> None:
    assert set(shipped()) == {"npdb-2016", "npdb-2022", "npdb-2026"}
    assert NATIONAL in shipped()
    for name, path in shipped().items():
        assert load(path.read_bytes(), path.name, load_checks()).baseline.id == name


@pytest.mark.parametrize("name", ["npdb-2016", "npdb-2022", "npdb-2026"])
def test_a_baseline_is_shown_by_its_id(desk: Path, name: str) -> None:
    done = clearance("baseline", "show", "--baseline", name, folder=desk)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{name} ")


def test_an_id_means_the_shipped_one_whatever_lies_in_the_folder_and_a_path_stays_a_path(desk: Path) -> None:
    (desk / "npdb-2022").write_text("not a baseline", encoding="utf-8")
    assert clearance("baseline", "show", "--baseline", "npdb-2022", folder=desk).returncode == 0
    done = clearance("baseline", "show", "--baseline", "./npdb-2022", folder=desk)
    assert done.returncode == 2
    (desk / "mine").write_bytes(shipped()["npdb-2016"].read_bytes())
    assert clearance("baseline", "show", "--baseline", "mine", folder=desk).stdout.startswith("npdb-2016 ")


@pytest.mark.parametrize("name", ["npdb-2023", "NPDB-2022", "2022"])
def test_an_id_that_is_none_is_refused_with_those_there_are(desk: Path, name: str) -> None:
    done = clearance("plan", "scope.yaml", "--permit", "permit.yaml", "--baseline", name, folder=desk)
    assert done.returncode == 2
    assert f"no baseline is called {name}" in done.stderr
    assert "npdb-2016, npdb-2022, npdb-2026" in done.stderr


@pytest.mark.parametrize("name", ["no.yaml", "folder/npdb-2022", "../npdb-2022"])
def test_a_path_that_leads_nowhere_is_told_as_a_path(desk: Path, name: str) -> None:
    done = clearance("plan", "scope.yaml", "--permit", "permit.yaml", "--baseline", name, folder=desk)
    assert done.returncode == 2
    assert "no baseline is called" not in done.stderr
    assert "No such file" in done.stderr


def test_a_plan_under_an_ended_regime_warns_and_one_under_the_national_baseline_does_not(desk: Path) -> None:
    words = ("plan", "scope.yaml", "--permit", "permit.yaml")
    ended = clearance(*words, "--baseline", "npdb-2016", folder=desk)
    assert ended.returncode == 0, ended.stderr
    assert "baseline npdb-2016 was in force until 2022-10-01 00:00 (UTC+7)" in ended.stderr
    assert "the decision would be incomplete" in ended.stderr
    assert "in force" not in clearance(*words, folder=desk).stderr


@pytest.mark.parametrize(
    ("name", "instant", "words"),
    [
        ("npdb-2026", "2026-08-18T16:59:59", "in force from 2026-08-19 00:00 (UTC+7) on"),
        ("npdb-2026", "2026-08-18T17:00:00", ""),
        ("npdb-2022", "2026-08-18T16:59:59", ""),
        ("npdb-2022", "2026-08-18T17:00:00", "decides only where the document of D1 is dated before 2026-07-01 00:00 (UTC+7)"),
        ("npdb-2022", "2027-06-30T16:59:59", "decides only where the document of D1 is dated before 2026-07-01 00:00 (UTC+7)"),
        ("npdb-2022", "2027-06-30T17:00:00", "was in force until 2027-07-01 00:00 (UTC+7)"),
    ],
)
def test_the_warning_changes_to_the_second(name: str, instant: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = shipped()[name]
    baseline = load(path.read_bytes(), path.name, load_checks()).baseline
    say_force(
        Console(color="never", quiet=False, debug=False, language="en"),
        baseline,
        datetime.fromisoformat(instant).replace(tzinfo=UTC),
    )
    said = capsys.readouterr().err
    assert words in said
    assert bool(said) is bool(words)


@pytest.fixture
def imitation(desk: Path) -> Path:
    """The folder with a run judged by a file that bears the national baseline's id and version, and is another."""
    text = shipped()[NATIONAL].read_text("utf-8")
    (desk / "mine.yaml").write_text(text.replace("class: gate", "class: advisory", 1), "utf-8")
    words = ("--permit", "permit.yaml", "--baseline", "mine.yaml", "--ports", "9", "--timeout", "0.2", "--out", "run")
    done = clearance("scan", "scope.yaml", *words, "--only", "web:9=peer-certificate", folder=desk)
    assert done.returncode == 14, done.stderr
    assert "! npdb-2026 2026.1: not the shipped npdb-2026" in done.stderr
    return desk


def test_a_file_that_bears_a_shipped_baselines_name_and_is_another_is_told_wherever_its_judgement_is_read(
    imitation: Path,
) -> None:
    planned = clearance("plan", "scope.yaml", "--permit", "permit.yaml", "--baseline", "mine.yaml", folder=imitation)
    assert "not the shipped npdb-2026" in planned.stderr
    said = "not the shipped npdb-2026 2026.1: its content differs"
    assert said in " ".join(clearance("evaluate", "run", folder=imitation).stderr.split())
    for words in ((), ("--for", "agency"), ("--for", "approver")):
        page = clearance("report", "run", *words, "--lang", "en", "--out", "-", folder=imitation).stdout
        assert said in page


def test_neither_a_shipped_baseline_nor_one_of_another_name_is_called_an_imitation(desk: Path) -> None:
    bound = load(shipped()[NATIONAL].read_bytes(), NATIONAL, load_checks())
    assert not imitates(bound.ref())
    assert imitates(bound.ref().model_copy(update={"sha256": "0" * 64}))
    assert not imitates(bound.ref().model_copy(update={"sha256": "0" * 64, "id": "ours-2026"}))
    assert not imitates(bound.ref().model_copy(update={"sha256": "0" * 64, "version": "2025.9"}))


def test_the_report_of_a_self_check_is_not_called_an_inspectors(imitation: Path) -> None:
    clearance("evaluate", "run", folder=imitation)
    page = clearance("report", "run", "--lang", "en", "--out", "-", folder=imitation).stdout
    assert "Full report of the self-check" in page
    assert "Inspector&#39;s report" not in page and "Inspector's report" not in page
