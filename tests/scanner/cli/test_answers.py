"""The verbs by which people answer: a questionnaire is taken whole or not at all, and nothing but digests and names is kept."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from openpyxl import load_workbook

from scanner.baseline import load
from scanner.record import sha256
from scanner.registry import load_checks
from scanner.store import BASELINE, Run
from scanner.targets import Speaks
from tests.checks.test_verdicts_of_the_baselines import order, scope
from tests.scanner.cli.in_process import clearance, refused

ROOT = Path(__file__).resolve().parents[3]
LAB = (ROOT / "examples" / "lab-baseline.yaml").read_bytes()
ANSWER = {"answer": "yes", "document": "docs/d1.pdf", "date": "2020-10-01", "by": "tran.thi.b", "role": "Trưởng phòng"}


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a run that nobody has looked at yet, and a document."""
    bound = load(LAB, "lab-baseline.yaml", load_checks())
    run = Run.create(tmp_path / "run", order(bound, scope((443, Speaks.HTTPS))), {BASELINE: LAB})
    run.write_manifest()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "d1.pdf").write_bytes(b"%PDF the decision")
    return tmp_path


def fill(path: Path, control: str, answer: dict[str, str]) -> None:
    """Writes this answer into an exported questionnaire, as a person does."""
    if path.suffix == ".xlsx":
        book = load_workbook(path)
        page = book["Questionnaire"]
        row = next(row for row in range(7, page.max_row + 1) if page.cell(row, 1).value == control)
        for column, text in answer.items():
            at = ("answer", "reason", "document", "date", "by", "role", "sha256").index(column) + 9
            page.cell(row, at).value = text
        book.save(path)
        return
    before, mark, rest = path.read_text("utf-8").partition(f'control: "{control}"')
    for column, text in answer.items():
        rest = rest.replace(f'    {column}: ""', f"    {column}: {json.dumps(text, ensure_ascii=False)}", 1)
    path.write_text(before + mark + rest, "utf-8")


def kept(desk: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (desk / "run" / "attestations").glob("*.json")}


@pytest.mark.parametrize("form", ["yaml", "xlsx"])
def test_a_questionnaire_makes_the_round_trip(desk: Path, form: str) -> None:
    done = clearance("questionnaire", "run", "--out", f"q.{form}", folder=desk)
    assert (done.returncode, done.stderr) == (
        0,
        f"✓ q.{form}: 7 controls ask for a document or whether they apply, 0 are answered\n",
    )
    fill(desk / f"q.{form}", "D1", ANSWER)
    fill(desk / f"q.{form}", "D7", {"answer": "no", "reason": "Chưa có", "by": "tran.thi.b", "role": "Trưởng phòng"})
    done = clearance("attest", "run", "--questionnaire", f"q.{form}", folder=desk)
    assert done.returncode == 0, done.stderr
    assert f"q.{form}: 2 answers taken, 0 unchanged, 5 left open" in done.stderr
    first = kept(desk)
    answer = json.loads(first["D1.json"])
    assert (answer["document"], answer["document_name"]) == (sha256(b"%PDF the decision"), "docs/d1.pdf")
    clearance("questionnaire", "run", "--out", f"again.{form}", folder=desk)
    (desk / "docs" / "d1.pdf").unlink()  # seen once, its digest is enough
    done = clearance("attest", "run", "--questionnaire", f"again.{form}", folder=desk)
    assert f"again.{form}: 0 answers taken, 2 unchanged, 5 left open" in done.stderr, done.stderr
    assert kept(desk) == first
    clearance("questionnaire", "run", "--out", f"third.{form}", folder=desk)
    assert (desk / f"third.{form}").read_bytes() == (desk / f"again.{form}").read_bytes()
    Run.opened(desk / "run").insist_on_manifest()
    done = clearance("evaluate", "run", folder=desk)
    assert (done.returncode, "answered no by tran.thi.b" in done.stderr) == (11, True)  # nothing else was looked at


@pytest.mark.parametrize("form", ["yaml", "xlsx"])
def test_one_fault_and_nothing_is_written(desk: Path, form: str) -> None:
    clearance("questionnaire", "run", "--out", f"q.{form}", folder=desk)
    fill(desk / f"q.{form}", "D1", ANSWER)
    fill(desk / f"q.{form}", "D18", {**ANSWER, "answer": "not-applicable", "reason": "none"})
    fill(desk / f"q.{form}", "D7", {**ANSWER, "document": "docs/d7.pdf"})
    before = (desk / "run" / "manifest.json").read_bytes()
    done = clearance("attest", "run", "--questionnaire", f"q.{form}", folder=desk)
    refused(done, 2, "D18 is a gate: its document cannot be answered away", "'docs/d7.pdf': No such file or directory")
    assert not kept(desk)
    assert (desk / "run" / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("../secret.pdf", "write a path beside the questionnaire"),
        ("/etc/hostname", "write a path beside the questionnaire"),
        ("C:\\d1.pdf", "write a path beside the questionnaire"),
        ("docs", "not a file"),
        ("out.pdf", "leads out of the questionnaire's folder"),
        ("round.pdf", "cannot be followed"),
        ("queue.pdf", "not a file"),
        ("docs/" + "x" * 300, "File name too long"),
    ],
)
def test_only_files_beside_the_questionnaire_are_documents(desk: Path, path: str, told: str) -> None:
    folder = desk / "in"
    (folder / "docs").mkdir(parents=True)
    (desk / "secret.pdf").write_bytes(b"secret")
    (folder / "out.pdf").symlink_to(desk / "secret.pdf")
    (folder / "round.pdf").symlink_to(folder / "round.pdf")
    os.mkfifo(folder / "queue.pdf")
    clearance("questionnaire", "run", "--out", "in/q.yaml", folder=desk)
    fill(folder / "q.yaml", "D1", {**ANSWER, "document": path})
    refused(clearance("attest", "run", "--questionnaire", "in/q.yaml", folder=desk), 2, told, "q.yaml:21")
    assert not kept(desk)


def test_a_document_whose_name_is_written_in_another_normal_form_is_found(desk: Path) -> None:
    (desk / unicodedata.normalize("NFD", "quyết định.pdf")).write_bytes(b"x")
    clearance("questionnaire", "run", "--out", "q.yaml", folder=desk)
    fill(desk / "q.yaml", "D1", {**ANSWER, "document": unicodedata.normalize("NFD", "quyết định.pdf")})
    done = clearance("attest", "run", "--questionnaire", "q.yaml", folder=desk)
    assert done.returncode == 0, done.stderr
    assert json.loads(kept(desk)["D1.json"])["document_name"] == "quyết định.pdf"


def test_an_answer_left_open_stands_as_it_was_and_is_told(desk: Path) -> None:
    clearance("questionnaire", "run", "--out", "q.yaml", folder=desk)
    one = ("attest", "run", "D1", "--answer", "yes", "--document", "docs/d1.pdf", "--by", "a.b", "--role", "Head")
    assert clearance(*one, folder=desk).returncode == 0
    done = clearance("attest", "run", "--questionnaire", "q.yaml", folder=desk)
    assert "left open here, and answered in the run, which stands: D1" in done.stderr
    assert set(kept(desk)) == {"D1.json"}


def test_what_cannot_be_written_whole_leaves_what_was_there(desk: Path) -> None:
    clearance("questionnaire", "run", "--out", "q.yaml", folder=desk)
    fill(desk / "q.yaml", "D1", ANSWER)
    fill(desk / "q.yaml", "D7", ANSWER)
    (desk / "run" / "attestations" / "D7.json").mkdir(parents=True)  # no file can take this place
    done = clearance("attest", "run", "--questionnaire", "q.yaml", folder=desk)
    assert done.returncode == 130
    assert not (desk / "run" / "attestations" / "D1.json").exists()
    Run.opened(desk / "run").insist_on_manifest()


def test_the_verbs_say_what_they_need(desk: Path) -> None:
    refused(clearance("attest", "run", folder=desk), 2, "give a CONTROL with --answer, --by and --role, or a --questionnaire")
    refused(clearance("attest", "run", "D1", "--questionnaire", "q.yaml", folder=desk), 2, "give --questionnaire alone")
    refused(clearance("questionnaire", "run", "--out", "q.csv", folder=desk), 2, "ends in .yaml or .xlsx")
    refused(clearance("attest", "run", "--questionnaire", "q.yaml", folder=desk), 2, "q.yaml: No such file or directory")
    words = ("attest", "run", "D1", "--answer", "not-applicable", "--reason", "none", "--by", "a.b", "--role", "Head")
    refused(clearance(*words, folder=desk), 2, "D1 is a gate")
    done = clearance("questionnaire", "run", "--format", "yaml", "--out", "-", folder=desk)
    assert (done.returncode, done.stdout.count("  - control: ")) == (0, 7)


AWAY = {"answer": "not-applicable", "reason": "Không có dịch vụ SSH", "by": "tran.thi.b", "role": "Trưởng phòng"}


def outcomes(desk: Path, control: str) -> set[str]:
    clearance("evaluate", "run", folder=desk)
    found = json.loads((desk / "run" / "assessment.json").read_bytes())["findings"]
    return {one["outcome"] for one in found if one["control"] == control}


@pytest.mark.parametrize("form", ["yaml", "xlsx"])
def test_what_no_declared_service_is_about_is_asked_of_people_with_the_way_out(desk: Path, form: str) -> None:
    """Nothing that speaks SSH is declared: without a person's word that is nobody's fault and nobody's merit."""
    clearance("evaluate", "run", folder=desk)
    found = json.loads((desk / "run" / "assessment.json").read_bytes())["findings"]
    told = {one["seen"]["text"] for one in found if one["control"] == "SSH-STRENGTH" and one["outcome"] == "notchecked"}
    assert len(told) == 1 and "clearance attest RUN {control} --answer not-applicable --reason" in told.pop()
    clearance("questionnaire", "run", "--out", f"q.{form}", folder=desk)
    fill(desk / f"q.{form}", "SSH-STRENGTH", {**AWAY, "answer": "yes"})
    refused(clearance("attest", "run", "--questionnaire", f"q.{form}", folder=desk), 2, "only the answer not-applicable counts")
    (desk / f"q.{form}").unlink()
    clearance("questionnaire", "run", "--out", f"q.{form}", folder=desk)
    fill(desk / f"q.{form}", "SSH-STRENGTH", AWAY)
    done = clearance("attest", "run", "--questionnaire", f"q.{form}", folder=desk)
    assert done.returncode == 0, done.stderr
    assert outcomes(desk, "SSH-STRENGTH") == {"notapplicable"}


@pytest.mark.parametrize(
    ("control", "answer", "told"),
    [
        ("TLS-VERSION", "yes", "TLS-VERSION asks nobody: what is seen decides it"),
        ("TLS-VERSION", "not-applicable", "TLS-VERSION asks nobody: what is seen decides it"),
        (
            "SSH-STRENGTH",
            "yes",
            "SSH-STRENGTH asks for no document: of what no declared service is about, only the answer not-applicable counts",
        ),
        ("tls-versions", "yes", "no control tls-versions at this level; did you mean TLS-VERSION"),
        ("0000", "yes", "no control 0000 at this level; clearance questionnaire lists those that ask people"),
    ],
)
def test_an_answer_that_would_change_nothing_is_refused(desk: Path, control: str, answer: str, told: str) -> None:
    words = ("--answer", answer, "--reason", "none", "--document", "docs/d1.pdf", "--by", "a.b", "--role", "Head")
    done = clearance("attest", "run", control, *words, folder=desk)
    refused(done, 2, told)
    assert len(done.stderr) < 400 and not kept(desk)


def test_a_filled_in_questionnaire_is_not_overwritten(desk: Path) -> None:
    clearance("questionnaire", "run", "--out", "q.yaml", folder=desk)
    fill(desk / "q.yaml", "D1", ANSWER)
    before = (desk / "q.yaml").read_bytes()
    refused(
        clearance("questionnaire", "run", "--out", "q.yaml", folder=desk), 2, "q.yaml: is there already, and may hold answers"
    )
    assert (desk / "q.yaml").read_bytes() == before


@pytest.mark.parametrize("form", ["yaml", "xlsx"])
def test_the_same_questionnaire_taken_twice_changes_nothing_the_second_time(desk: Path, form: str) -> None:
    clearance("questionnaire", "run", "--out", f"q.{form}", folder=desk)
    fill(desk / f"q.{form}", "D1", ANSWER)
    fill(desk / f"q.{form}", "D7", {"answer": "no", "reason": "Chưa có", "by": "tran.thi.b", "role": "Trưởng phòng"})
    clearance("attest", "run", "--questionnaire", f"q.{form}", folder=desk)
    first = kept(desk)
    done = clearance("attest", "run", "--questionnaire", f"q.{form}", folder=desk)
    assert "0 answers taken, 2 unchanged" in done.stderr, done.stderr
    assert kept(desk) == first
    (desk / "docs" / "d1.pdf").write_bytes(b"%PDF another decision")
    assert "1 answers taken, 1 unchanged" in clearance("attest", "run", "--questionnaire", f"q.{form}", folder=desk).stderr
