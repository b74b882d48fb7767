"""Each format validates against its official schema, hides no failure, and takes nothing that was not determined for a success."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from jsonschema import Draft7Validator
from openpyxl import load_workbook

from scanner.assessment import Decision, Status
from scanner.cli.exporting import judged_at
from scanner.exports import NAMES, formats
from scanner.exports.cyclonedx import _STATES
from scanner.exports.items import Item, Judged, Result, result_of
from scanner.exports.oscal import VERSION, of_version
from scanner.exports.tables import COLUMNS, defused
from scanner.findings import Outcome, said
from scanner.observations.patches import Standing
from scanner.patch_specimens import flaw, missing, patches, stranger
from scanner.store import Run
from tests.scanner.cli.in_process import clearance
from tests.scanner.test_claims import INSPECTION, OLD, OWN, YES, run_of

HOSTILE = (
    '=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "\t=1", "|calc", "<script>alert(1)</script>", "]]><x/>", "\x1b[2J", "\u202egpj.exe",
    "&lt;&#0;", '"><img src=x>', "{{ 7*7 }}", "ế" * 100_000, "\ud800x".encode("utf-8", "replace").decode(), "a\x00b", "line\nbreak",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two judged runs: one that fails in TLS, one inspection."""
    made = tmp_path_factory.mktemp("runs")
    for name, files in (("one", run_of(OWN, YES, tls=OLD)), ("two", run_of(INSPECTION, YES))):
        run = Run(made / name)
        for path, data in files.items():
            run.write(path, data)
    return made


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[Judged]:
    return [judged_at(folder / name, "en") for name in ("one", "two")]


def with_results(run: Judged) -> Judged:
    """The run in which every outcome and every status occurs, waived and undetermined among them."""
    assessment = run.assessment
    first = assessment.findings[0]
    control = next(each for each in assessment.controls if each.id == first.control)
    outcomes = {Outcome.PASS: Status.SATISFIED, Outcome.NOT_APPLICABLE: Status.NOT_APPLICABLE, Outcome.NOT_CHECKED: Status.UNDETERMINED,
                Outcome.ERROR: Status.UNDETERMINED, Outcome.FAIL: Status.NOT_SATISFIED}  # fmt: skip
    findings, subjects = [], []
    for number, (outcome, status) in enumerate([*outcomes.items(), (Outcome.FAIL, Status.WAIVED)]):
        subject = f"web{number}:443"
        findings.append(
            first.model_copy(update={"id": f"F-{number:012x}", "subject": subject, "outcome": outcome, "seen": said("saw it")})
        )
        subjects.append(
            control.subjects[0].model_copy(update={"subject": subject, "status": status, "findings": (f"F-{number:012x}",)})
        )
    made = assessment.model_copy(
        update={
            "findings": tuple(findings),
            "controls": (control.model_copy(update={"subjects": tuple(subjects), "status": Status.NOT_SATISFIED}),),
        }
    )
    return dataclasses.replace(run, assessment=made)


def patched(run: Judged) -> Judged:
    return dataclasses.replace(run, patches={"web": patches(undecided=(stranger(),), missing=(missing(flaw(400)),))})


def made(name: str, *given: Judged) -> bytes:
    return formats()[name].make(given)


def schema(shared: Path, name: str) -> Draft7Validator:
    value = json.loads((shared / "schemas" / name).read_bytes())
    if "cyclonedx" in json.dumps(value.get("$id", "")):
        for reference in ("spdx.schema.json", "jsf-0.82.schema.json#/definitions/signature"):
            value = json.loads(json.dumps(value).replace(f'"{reference}"', '"#/definitions/anything"'))
        value["definitions"]["anything"] = {}
    return Draft7Validator(_without_unicode_patterns(value))


def _without_unicode_patterns(value: Any) -> Any:
    """The schema without the patterns that Python's expressions cannot read (\\p{L} and its like)."""
    if isinstance(value, dict):
        return {
            key: _without_unicode_patterns(each) for key, each in value.items() if not (key == "pattern" and "\\p{" in str(each))
        }
    return [_without_unicode_patterns(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("sarif", "sarif-schema-2.1.0.json"),
        ("oscal", "oscal_assessment-results_schema.json"),
        ("cyclonedx-vex", "bom-1.6.schema.json"),
    ],
)
def test_the_official_schema_takes_it(name: str, file: str, runs: list[Judged], shared_data: Path) -> None:
    validator = schema(shared_data, file)
    for given in (runs, runs[:1], [with_results(runs[0])], [patched(runs[0]), runs[1]]):
        errors = [
            f"{list(error.absolute_path)}: {error.message[:200]}"
            for error in validator.iter_errors(json.loads(made(name, *given)))
        ]
        assert not errors, errors[:5]


def test_the_version_of_oscal_is_a_parameter(runs: list[Judged]) -> None:
    for version in (VERSION, "1.1.3"):
        value = json.loads(of_version(runs, version))["assessment-results"]
        assert value["metadata"]["oscal-version"] == version


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("status", [*Status, None])
def test_only_a_pass_is_a_success(outcome: Outcome, status: Status | None) -> None:
    result = result_of(outcome, status)
    assert (result is Result.PASS) == (outcome is Outcome.PASS)
    nothing_applied = outcome is Outcome.NOT_APPLICABLE and status is Status.UNDETERMINED
    assert (result is Result.UNDETERMINED) == (outcome in (Outcome.NOT_CHECKED, Outcome.ERROR) or nothing_applied)
    assert (result is Result.WAIVED) == (outcome is Outcome.FAIL and status is Status.WAIVED)


RESULTS = Counter({"pass": 1, "not-applicable": 1, "undetermined": 2, "fail": 1, "waived": 1})


def test_every_result_is_told_apart_in_each_format(runs: list[Judged]) -> None:
    run = with_results(runs[0])
    rows = list(csv.DictReader(io.StringIO(made("csv", run).decode("utf-8-sig"))))
    assert Counter(row["result"] for row in rows if row["check"] != "decision") == RESULTS
    lines = [json.loads(line) for line in made("jsonl", run).splitlines()]
    assert Counter(line["result"] for line in lines if line["record"] == "finding") == RESULTS
    results = json.loads(made("sarif", run))["runs"][0]["results"]
    kinds = Counter((each["kind"], each["level"] == "none", "suppressions" in each) for each in results[1:])
    assert kinds == {
        ("pass", True, False): 1,
        ("notApplicable", True, False): 1,
        ("open", True, False): 2,
        ("fail", False, False): 1,
        ("fail", False, True): 1,
    }
    cases = list(fromstring(made("junit", run)).iter("testcase"))
    assert Counter(case[0].tag if len(case) else "" for case in cases[1:]) == {"": 1, "skipped": 2, "error": 2, "failure": 1}
    states = Counter(
        each["target"]["status"]["state"]
        for each in json.loads(made("oscal", run))["assessment-results"]["results"][0]["findings"]
    )
    assert states == {"satisfied": 2, "not-satisfied": 4}
    dojo = [each for each in json.loads(made("defectdojo", run))["findings"] if each["component_name"] != "decision"]
    assert Counter((each["active"], each["verified"], each["risk_accepted"]) for each in dojo) == {
        (True, False, False): 2, (True, True, False): 1, (False, False, True): 1,
    }  # fmt: skip
    book = load_workbook(io.BytesIO(made("xlsx", run)))
    column = COLUMNS.index("result")
    assert Counter(row[column].value for row in book["Findings"].iter_rows(min_row=2)) == RESULTS


@pytest.mark.parametrize("decision", list(Decision))
def test_a_decision_other_than_authorise_is_a_failure_where_programs_look(runs: list[Judged], decision: Decision) -> None:
    run = dataclasses.replace(runs[0], assessment=runs[0].assessment.model_copy(update={"decision": decision}))
    first = json.loads(made("sarif", run))["runs"][0]["results"][0]
    assert (first["kind"] == "pass") == (decision is Decision.AUTHORISE)
    case = next(iter(fromstring(made("junit", run)).iter("testcase")))
    assert (len(case) == 0) == (decision is Decision.AUTHORISE)
    assert decision is not Decision.INCOMPLETE or case[0].tag == "error"
    clean = dataclasses.replace(run, assessment=run.assessment.model_copy(update={"findings": ()}))
    assert bool(json.loads(made("defectdojo", clean))["findings"]) == (decision is not Decision.AUTHORISE)
    row = next(csv.DictReader(io.StringIO(made("csv", clean).decode("utf-8-sig"))))
    assert (row["check"], row["result"] == "pass") == ("decision", decision is Decision.AUTHORISE)
    result = json.loads(made("oscal", run))["assessment-results"]["results"][0]
    assert {"name": "decision", "value": decision.value, "ns": "urn:npd:clearance"} in result["props"]


def test_junit_counts_what_it_holds(runs: list[Judged]) -> None:
    root: Element = fromstring(made("junit", *runs))
    for suite in [root, *root]:
        cases = list(suite.iter("testcase"))
        assert int(suite.get("tests", "")) == len(cases)
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.get(name, "")) == sum(case.find(tag) is not None for case in cases), (suite.get("name"), name)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_run_gives_the_same_bytes_and_ids_hold_from_run_to_run(name: str, runs: list[Judged]) -> None:
    given = runs[:1]
    assert formats()[name].make(given) == formats()[name].make(given)
    later = dataclasses.replace(runs[0], assessment=runs[0].assessment.model_copy(update={"run": "R-later"}))
    match name:
        case "sarif":

            def ids(run: Judged) -> set[str]:
                return {
                    each["partialFingerprints"]["clearanceFinding/v1"]
                    for each in json.loads(made(name, run))["runs"][0]["results"]
                }
        case "defectdojo":

            def ids(run: Judged) -> set[str]:
                return {each["unique_id_from_tool"] for each in json.loads(made(name, run))["findings"]}
        case _:
            return
    assert ids(runs[0]) == ids(later) != set()


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_peer_said_is_inert_and_short(name: str, runs: list[Judged]) -> None:
    """A finding for each hostile word, which stands in its title, its fixes and what was seen."""
    run = patched(with_results(runs[0]))
    failed = next(each for each in run.assessment.findings if each.outcome is Outcome.FAIL)
    findings = tuple(
        failed.model_copy(
            update={"id": f"F-{number:012x}", "check": f"a-{number}", "seen": failed.seen.model_construct(text=word, values=())}
        )
        for number, word in enumerate(HOSTILE)
    )
    words = {f"a-{number}": word for number, word in enumerate(HOSTILE)}
    run = dataclasses.replace(
        run,
        assessment=run.assessment.model_copy(update={"findings": findings}),
        titles=words,
        fixes={check: {"nginx": word} for check, word in words.items()},
    )
    data = made(name, run)
    assert len(data) < 200_000
    match name:
        case "xlsx":
            book = load_workbook(io.BytesIO(data))
            for sheet in book:
                for cell in (cell for row in sheet.iter_rows() for cell in row):
                    assert cell.data_type in ("s", "n"), cell.value
                    assert cell.hyperlink is None
        case "junit":
            root = fromstring(data)
            assert {each.tag for each in root.iter()} <= {"testsuites", "testsuite", "testcase", "failure", "error", "skipped"}
        case "csv":
            for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))):
                assert len(row) == len(COLUMNS)
                assert not any(cell.lstrip(" ")[:1] in tuple("=+-@\t\r|%") and cell != "" for cell in row), row
        case "jsonl":
            for line in data.decode().split("\n")[:-1]:
                json.loads(line)
        case _:
            json.loads(data)
    text = data.decode("utf-8", "replace") if name != "xlsx" else ""
    assert not any(sign in text for sign in "\x00\x1b\u202e")


@pytest.mark.parametrize(("cell", "safe"), [("=1", "'=1"), ("  @x", "'  @x"), ("-", "'-"), ("a=1", "a=1"), ("", "")])
def test_a_cell_that_would_be_a_formula_is_text(cell: str, safe: str) -> None:
    assert defused(cell) == safe


def test_the_workbook_has_filters_and_frozen_headings(runs: list[Judged]) -> None:
    book = load_workbook(io.BytesIO(made("xlsx", *runs)))
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref
    assert [row[0].value for row in book["Decisions"].iter_rows(min_row=2)] == [run.assessment.agency for run in runs]


def test_a_vex_tells_of_hosts_nobody_could_judge_and_clears_nothing(runs: list[Judged]) -> None:
    bare = json.loads(made("cyclonedx-vex", runs[0]))
    assert "clearance:not-determined" in {each["name"] for each in bare["metadata"]["properties"]}
    found = json.loads(made("cyclonedx-vex", patched(runs[0])))
    assert {each["analysis"]["state"] for each in found["vulnerabilities"]} == {"exploitable"}
    assert len(found["components"]) == 1
    assert any("/web/" in each["value"] for each in found["metadata"]["properties"] if each["name"] == "clearance:not-determined")


def test_ids_tell_one_agency_from_another(runs: list[Judged]) -> None:
    other = dataclasses.replace(runs[0], assessment=runs[0].assessment.model_copy(update={"agency": "P99"}))
    for name, key in (("sarif", "guid"), ("defectdojo", "unique_id_from_tool"), ("oscal", "uuid")):
        ids = [set(_values(json.loads(made(name, run)), key)) for run in (runs[0], other)]
        assert ids[0]
        assert not ids[0] & ids[1], name


def _values(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (each for name, each in value.items() if name == key and isinstance(each, str))
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _values(each, key)


@pytest.mark.parametrize("standing", list(Standing))
def test_no_standing_of_a_package_is_a_clean_one(standing: Standing) -> None:
    state, _response, _detail = _STATES[standing]
    assert state in ("exploitable", "in_triage")


def test_the_verb_writes_each_of_them(folder: Path, tmp_path: Path) -> None:
    for name in NAMES:
        done = clearance("report", str(folder / "one"), "--format", name, "--out", str(tmp_path / name), folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    both = clearance("report", str(folder / "one"), str(folder / "two"), "--format", "csv", "--out", "-", folder=tmp_path)
    assert len({row["run"] for row in csv.DictReader(io.StringIO(both.stdout.lstrip("\ufeff")))}) == 2
    refused = clearance(
        "report", str(folder / "one"), str(folder / "two"), "--format", "defectdojo", "--out", "x", folder=tmp_path
    )
    assert (refused.returncode, "one run" in refused.stderr) == (2, True)
    vi = clearance("--lang", "vi", "report", str(folder / "one"), "--format", "csv", "--out", "-", folder=tmp_path)
    assert vi.returncode == 0


def test_an_item_holds_only_text_that_was_made_inert(runs: list[Judged]) -> None:
    for item in runs[0].items():
        assert isinstance(item, Item)
        for field in dataclasses.fields(item):
            value = getattr(item, field.name)
            assert not (isinstance(value, str) and any(ord(sign) < 32 for sign in value)), field.name


def test_the_page_names_every_format_and_every_result() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "formats.md").read_text("utf-8")
    rows = [line.split("|")[1].strip().strip("`") for line in page.splitlines() if line.startswith("| ")]
    assert {"json", *NAMES} <= set(rows)
    assert {result.value for result in Result} <= set(rows)
    for name, export in formats().items():
        assert f"| {'yes' if export.several else 'no'} |" in next(
            line for line in page.splitlines() if line.startswith(f"| `{name}` |")
        )
