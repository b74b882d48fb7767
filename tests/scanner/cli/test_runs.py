"""runs list, show and prune: what is there, how far it is; and nothing that was signed, or might be, is ever taken away."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from scanner.shelf import cleared, described, prunable, runs_in
from scanner.store import ASSESSMENT, EVALUATION, MANIFEST, ORDER, SCAN_EVIDENCE, Run, StoreError
from tests.scanner.cli.in_process import clearance, refused
from tests.scanner.cli.test_bad_input import BASELINE, ROOT, write_permit, write_scope


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with one interrupted run in `runs`, whose only host is outside of what can be reached."""
    write_scope(tmp_path)
    write_permit(tmp_path)
    words = ("--baseline", str(BASELINE), "--ports", "9", "--timeout", "0.2", "--only", "web:9=peer-certificate")
    done = clearance("scan", "scope.yaml", "--permit", "permit.yaml", *words, folder=tmp_path)
    assert done.returncode == 14, done.stderr
    assert len(list((tmp_path / "runs").iterdir())) == 1
    return tmp_path


def the_run(shelf: Path) -> Path:
    (found,) = (shelf / "runs").iterdir()
    return found


def test_runs_are_listed_and_shown_with_what_comes_next(shelf: Path) -> None:
    run = the_run(shelf)
    listed = clearance("runs", "list", folder=shelf)
    assert "scanned  1/1" in listed.stdout
    found = json.loads(clearance("runs", "list", "--format", "json", folder=shelf).stdout)
    Draft202012Validator(json.loads((ROOT / "docs" / "schemas" / "runs.schema.json").read_bytes())).validate(found)
    assert found["runs"][0]["kept"] is None
    shown = clearance("runs", "show", f"runs/{run.name}", folder=shelf)
    assert "1 of 1 sights taken" in shown.stdout
    assert "next: clearance evaluate" in shown.stderr
    clearance("evaluate", f"runs/{run.name}", folder=shelf)
    for name in ("order", "assessment"):
        schema = json.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_bytes())
        Draft202012Validator(schema).validate(json.loads((run / f"{name}.json").read_bytes()))
    assert "? incomplete" in clearance("runs", "list", folder=shelf).stdout
    assert "evaluate" in clearance("runs", "show", f"runs/{run.name}", folder=shelf).stdout
    refused(clearance("runs", "show", "runs", folder=shelf), 2, "no run here")
    assert "no run in here" in clearance("runs", "list", "--runs", "none", folder=shelf).stderr


def test_an_interrupted_run_is_found_by_resume_alone(shelf: Path) -> None:
    run = the_run(shelf)
    (run / "manifest.json").unlink()
    assert "interrupted" in clearance("runs", "list", folder=shelf).stdout
    done = clearance("scan", "scope.yaml", "--permit", "permit.yaml", "--baseline", str(BASELINE), "--resume", folder=shelf)
    assert "0 sights" in done.stderr
    assert (run / "manifest.json").exists()
    words = ("scan", "--resume")
    refused(clearance(*words, folder=shelf), 2, "no interrupted run in here")
    refused(clearance(*words, "--skip", "web", folder=shelf), 2, "was ordered when it began")


def test_prune_only_names_what_would_go_until_it_is_told_to(shelf: Path) -> None:
    run = the_run(shelf)
    words = ("runs", "prune", "--keep", "0", "--days", "0")
    done = clearance(*words, folder=shelf)
    assert "would go" in done.stderr
    assert run.is_dir()
    assert "one of the newest" in clearance("runs", "prune", "--yes", folder=shelf).stderr
    assert "not old enough" in clearance("runs", "prune", "--keep", "0", "--yes", folder=shelf).stderr
    assert run.is_dir()
    told = clearance(*words, "--yes", "--format", "json", folder=shelf)
    assert [line["folder"] for line in json.loads(told.stdout)["runs"]] == [f"runs/{run.name}"]
    assert not run.exists()
    assert "nothing to take away" in clearance(*words, "--yes", folder=shelf).stderr


def test_nothing_a_certificate_may_rest_on_is_ever_taken_away(shelf: Path) -> None:
    source = the_run(shelf)

    def copy(name: str) -> Path:
        return Path(shutil.copytree(source, shelf / "runs" / name))

    signed, evaluated, inspection, broken = map(copy, ("signed", "evaluated", "inspection", "broken"))
    (signed / SCAN_EVIDENCE).write_bytes(b"{}")
    (evaluated / EVALUATION).write_bytes(b"{}")
    order = json.loads((inspection / ORDER).read_bytes())
    order["kind"] = order["permit"]["kind"] = "inspection"
    (inspection / ORDER).write_text(json.dumps(order), "utf-8")
    (broken / ASSESSMENT).write_bytes(b"not an assessment")
    done = clearance("runs", "prune", "--keep", "0", "--days", "0", "--yes", folder=shelf)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (shelf / "runs").iterdir()} == {"signed", "evaluated", "inspection", "broken"}
    for why in ("it is signed", "an inspection", "cannot be read"):
        assert why in done.stderr


def test_a_run_that_is_signed_or_scanned_meanwhile_stays(shelf: Path) -> None:
    run = the_run(shelf)
    line = described(run)
    going, _staying = prunable(runs_in(shelf / "runs").runs, line.ordered_at, keep=0, days=0)  # type: ignore[arg-type]
    assert [found.folder for found in going] == [str(run)]
    with Run(run).held(), pytest.raises(StoreError, match="another scan"):
        cleared(line)
    (run / SCAN_EVIDENCE).write_bytes(b"{}")
    with pytest.raises(StoreError, match="stays"):
        cleared(line)
    assert (run / ORDER).exists()


def judged(shelf: Path) -> Path:
    run = the_run(shelf)
    assert clearance("evaluate", f"runs/{run.name}", folder=shelf).returncode == 11
    return run


PRUNE = ("runs", "prune", "--keep", "0", "--days", "0")


@pytest.mark.parametrize("harm", ["lost", "altered", "lost-assessment", "no-manifest"])
def test_a_run_whose_files_are_not_what_its_manifest_says_is_shown_as_damaged(shelf: Path, harm: str) -> None:
    run = judged(shelf)
    seen = next((run / "observations").rglob("*.json"))
    before = seen.stat()
    match harm:
        case "lost":
            seen.unlink()
        case "altered":  # as long as before, and as old as before by what anybody can set
            seen.write_bytes(seen.read_bytes()[:-2] + b" }")
            os.utime(seen, ns=(before.st_atime_ns, before.st_mtime_ns))
        case "lost-assessment":
            (run / ASSESSMENT).write_bytes((run / ASSESSMENT).read_bytes() + b" ")
        case "no-manifest":
            (run / MANIFEST).write_bytes(b"{}")
    listed = clearance("runs", "list", folder=shelf)
    assert "✗ damaged" in listed.stdout and "incomplete" not in listed.stdout
    shown = clearance("runs", "show", f"runs/{run.name}", folder=shelf)
    assert shown.returncode == 12
    assert "✗ damaged" in shown.stdout and "not what the manifest says" in shown.stderr
    told = clearance("runs", "show", f"runs/{run.name}", "--format", "json", folder=shelf)
    assert told.returncode == 12
    (line,) = json.loads(told.stdout)["runs"]
    assert (line["state"], line["decision"], line["kept"]) == ("damaged", None, "damaged")
    assert (run / line["damaged"]).parts[: len(run.parts)] == run.parts
    pruned = clearance(*PRUNE, "--yes", folder=shelf)
    assert pruned.returncode == 0 and "not what its manifest says" in pruned.stderr
    assert run.is_dir()


def test_a_whole_run_that_was_copied_is_not_taken_for_damaged(shelf: Path) -> None:
    copied = shutil.copytree(judged(shelf), shelf / "runs" / "copied")
    assert "damaged" not in clearance("runs", "list", folder=shelf).stdout
    assert clearance("runs", "show", str(copied), folder=shelf).returncode == 0


def test_a_running_scan_is_shown_as_such_and_the_others_are_taken_away(shelf: Path) -> None:
    run = the_run(shelf)
    other = shutil.copytree(run, shelf / "runs" / "other")
    with Run(run).held():
        assert "under way" in clearance("runs", "list", folder=shelf).stdout
        done = clearance(*PRUNE, "--yes", folder=shelf)
    assert done.returncode == 0, done.stderr
    assert "stays: a scan is under way in it" in done.stderr
    assert run.is_dir() and not other.exists()


def test_one_run_that_cannot_be_taken_away_does_not_keep_the_others(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = the_run(shelf)
    other = shutil.copytree(run, shelf / "runs" / "other")
    found = runs_in(shelf / "runs")
    (run / SCAN_EVIDENCE).write_bytes(b"{}")  # signed after it was listed
    monkeypatch.setattr("scanner.shelf.runs_in", lambda _folder: found.model_copy(update={"runs": found.runs}))
    done = clearance(*PRUNE, "--yes", folder=shelf)
    assert done.returncode == 12
    assert run.is_dir() and not other.exists()


def test_a_link_to_a_run_is_never_offered(shelf: Path) -> None:
    run = the_run(shelf)
    elsewhere = run.rename(shelf / "elsewhere")
    (shelf / "runs" / "link").symlink_to(elsewhere)
    done = clearance(*PRUNE, folder=shelf)
    assert "would go" not in done.stderr
    assert "it is a link" in done.stderr


def test_a_resumed_scan_is_whole_until_it_goes_on_and_open_while_it_does(shelf: Path) -> None:
    run = Run(the_run(shelf))
    run.reopen()
    assert described(run.folder).state == "interrupted"
    run.write_manifest()
    next((run.folder / "observations").rglob("*.json")).unlink()
    with pytest.raises(StoreError, match="not what the manifest says"):
        run.reopen()


def test_decisions_are_listed_in_the_language_chosen(shelf: Path) -> None:
    judged(shelf)
    assert "? chưa đủ" in clearance("--lang", "vi", "runs", "list", folder=shelf).stdout
