"""A waivers file is examined as every scan does it, and what is valid but doubtful is told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from scanner.baseline import Control, load
from scanner.ordering import read_scope
from scanner.registry import load_checks
from scanner.strict_yaml import InputError
from scanner.waivers import read_waivers, warnings
from tests.checks.test_baselines import NATIONAL
from tests.printed import printed
from tests.scanner.cli.in_process import clearance, refused

ROOT = Path(__file__).resolve().parents[3]
GOOD = (ROOT / "examples" / "waivers.yaml").read_text(encoding="utf-8")
BOUND = load(NATIONAL.read_bytes(), NATIONAL.name, load_checks())
SCOPE = read_scope(ROOT / "examples" / "scope.yaml")
AT = "2026-11-23T08:00:00+07:00"


def warned(text: str, at: str = AT) -> tuple[str, ...]:
    return warnings(
        read_waivers(text.encode(), "waivers.yaml", BOUND, SCOPE), BOUND, SCOPE.system.level, datetime.fromisoformat(at)
    )


def test_the_example_is_clean_and_the_verb_says_what_it_found(tmp_path: Path) -> None:
    (tmp_path / "waivers.yaml").write_text(GOOD, encoding="utf-8")
    words = ("waivers", "lint", "waivers.yaml", "--scope", str(ROOT / "examples" / "scope.yaml"), "--at")
    done = clearance(*words, AT, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "✓ waivers.yaml: 1 waivers, 1 plans, 0 warnings\n")
    done = clearance(*words, "2028-01-01T00:00:00Z", "--format", "json", folder=tmp_path)
    assert (done.returncode, printed("waivers-lint", done.stdout)["waivers"], len(json.loads(done.stdout)["warnings"])) == (
        0,
        1,
        2,
    )
    (tmp_path / "waivers.yaml").write_text(GOOD.replace("NET-20 ", "NET-01 "), encoding="utf-8")
    done = clearance(*words, AT, folder=tmp_path)
    assert (done.returncode, "is a gate and cannot be waived" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("expires: 2027-02-01T00:00:00+07:00", "expires: 2027-02-01", "never as a number or a day alone"),
        ("expires: 2027-02-01T00:00:00+07:00", "expires: 2027-02-01T00:00:00", "an instant needs a time zone"),
        ("expires: 2027-02-01T00:00:00+07:00", "expires: 2027", "valid datetime; write it as 2026-11-23T08:00:00+07:00"),
        ("expires: 2027-02-01T00:00:00+07:00", 'expires: "20270201"', "never as a number or a day alone"),
        (
            "expires: 2027-02-01T00:00:00+07:00",
            "expires: 2027-02-30T00:00:00+07:00",
            "day is out of range for month; write it as 2026-11-23T",
        ),
        (
            "expires: 2027-02-01T00:00:00+07:00",
            "expires: 2027-02-01T24:00:00+07:00",
            "hour must be in 0..23; write it as 2026-11-23T",
        ),
        ("expires: 2027-02-01T00:00:00+07:00", "expires: 27-02-01T00:00:00+07:00", "an instant is written as"),
        ("expires: 2027-02-01T00:00:00+07:00", "expires: 2027-W05-1T00:00:00+07:00", "an instant is written as"),
        ("expires: 2027-02-01T00:00:00+07:00", "expires: never", "an instant is written as"),
        ("    expires: 2027-02-01T00:00:00+07:00\n", "", "'expires' is missing"),
        ("expires: 2027-02-01T00:00:00+07:00", "expires: 2026-10-01T00:00:00+07:00", "expires before it is issued"),
        ("approver: le.van.c", "approver: tran.thi.b", "the same person"),
        ("control: NET-20 ", "control: NET-01 ", "is a gate and cannot be waived"),
        ("control: NET-20 ", "control: NET-99 ", "has no control NET-99"),
        ('subject: "web1:443"', 'subject: "web2:443"', "no subject web2:443"),
        ("    reason:", "    because:", "no key is called 'because'"),
        ("    compensating_measure: ", "    # ", "'compensating_measure' is missing"),
    ],
)
def test_what_a_scan_would_refuse_is_an_error_with_its_place(old: str, new: str, told: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError, match=r"^waivers\.yaml") as refused:
        warned(GOOD.replace(old, new, 1))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "at", "told"),
    [
        (
            "",
            "",
            "2027-02-01T00:00:00+07:00",
            "waivers.yaml:12: waiver W-2026-01: expired at 2027-01-31T17:00:00Z; its finding counts again",
        ),
        ("", "", "2027-01-31T23:59:59+07:00", "waiver W-2026-01: expires soon, at 2027-01-31T17:00:00Z"),
        ("", "", "2026-11-01T07:59:59+07:00", "waivers.yaml:11: waiver W-2026-01: not valid before 2026-11-01T01:00:00Z"),
        ("expires: 2027-", "expires: 2028-", AT, "waiver W-2026-01: lasts longer than a year"),
        ("control: NET-20 ", "control: NET-20-HEADERS ", AT, "waiver W-2026-01: NET-20-HEADERS is advice, which decides nothing"),
        (
            "control: LOG-06\n    subject: web1\n",
            'subject: "web1:443"\n    control: NET-20\n',
            AT,
            "waivers.yaml:15: NET-20 at web1:443: more than one waiver or plan is about it; waiver W-2026-01 stands before",
        ),
        (
            "due: 2027-01-15",
            "due: 2026-11-15",
            AT,
            "waivers.yaml:17: remediation of LOG-06 at web1: was due at 2026-11-15T10:00:00Z; the finding counts again",
        ),
        (
            "due: 2027-01-15",
            "due: 9998-01-15",
            AT,
            "waivers.yaml:17: remediation of LOG-06 at web1: due at 9998-01-15T10:00:00Z, more than 366 days from now, which is no plan; the finding counts",
        ),
    ],
)
def test_what_is_valid_and_doubtful_is_a_warning(old: str, new: str, at: str, told: str) -> None:
    assert old in GOOD
    lines = warned(GOOD.replace(old, new, 1) if old else GOOD, at)
    assert [line for line in lines if told in (line, line.partition(": ")[2])], lines


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("expires: 2027-02-01T00:00:00+07:00", "expires: never", "waivers.yaml:12: waivers.0.expires"),
        ("control: NET-20 ", "control: NET-01 ", "waivers.yaml:5: waiver W-2026-01: NET-01 is a gate and cannot be waived"),
        ('subject: "web1:443"', 'subject: "web2:443"', "waivers.yaml:6: waiver W-2026-01: the scope has no subject web2:443"),
    ],
    ids=["no date", "a gate", "a subject nobody declared"],
)
def test_a_scan_refuses_a_bad_file_before_the_first_packet(tmp_path: Path, old: str, new: str, told: str) -> None:
    (tmp_path / "waivers.yaml").write_text(GOOD.replace(old, new), encoding="utf-8")
    given = (str(ROOT / "examples" / "scope.yaml"), "--permit", str(ROOT / "examples" / "permit.yaml"), "--out", "run")
    done = clearance("scan", *given, "--deviations", "waivers.yaml", folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert not (tmp_path / "run").exists()


def test_every_fault_is_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    bad = GOOD.replace("    approver: le.van.c ", "    aprover: le.van.c ").replace(
        "expires: 2027-02-01T00:00:00+07:00", "expires: 2027-02-30"
    )
    (tmp_path / "waivers.yaml").write_text(bad.replace("due: 2027-01-15T17:00:00+07:00", "due: soon"), encoding="utf-8")
    words = ("waivers", "lint", "waivers.yaml", "--scope", str(ROOT / "examples" / "scope.yaml"))
    done = clearance(*words, folder=tmp_path)
    told = (
        "waivers.yaml:10: waivers.0.aprover: no key",
        "waivers.yaml:12: waivers.0.expires: ",
        "waivers.yaml:17: remediations.0.due: ",
    )
    refused(done, 2, *told, "waivers.yaml:4: waivers.0.approver: the key 'approver' is missing")
    done = clearance(*words, "--format", "json", folder=tmp_path)
    data = printed("waivers-lint", done.stdout)
    assert (done.returncode, len(data["faults"]), data["warnings"], done.stderr) == (2, 4, [], "")
    other = GOOD.replace("control: NET-20 ", "control: NET-99 ").replace("subject: web1", "subject: web9")
    (tmp_path / "waivers.yaml").write_text(other, encoding="utf-8")
    refused(
        clearance(*words, folder=tmp_path),
        2,
        "waivers.yaml:5: waiver W-2026-01: the baseline has no",
        "waivers.yaml:15: remediation of LOG-06 at web9: the scope has no subject web9",
    )


def test_without_a_scope_what_was_not_examined_is_said(tmp_path: Path) -> None:
    (tmp_path / "waivers.yaml").write_text(GOOD.replace('"web1:443"', '"mail:25"'), encoding="utf-8")
    done = clearance("waivers", "lint", "waivers.yaml", "--at", AT, folder=tmp_path)
    assert (done.returncode, "! no scope: whether the subjects exist" in done.stderr) == (0, True)


def test_warnings_alone_leave_the_status_at_0(tmp_path: Path) -> None:
    (tmp_path / "waivers.yaml").write_text(GOOD, encoding="utf-8")
    words = ("waivers", "lint", "waivers.yaml", "--scope", str(ROOT / "examples" / "scope.yaml"), "--at", "2028-01-01T00:00:00Z")
    done = clearance(*words, folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n! ") + done.stderr.startswith("! ")) == (0, 2)


def test_a_control_of_another_level_matches_nothing() -> None:
    def level_4_only(control: Control) -> Control:
        return control.model_copy(update={"levels": (4,)}) if control.id == "NET-20" else control

    changed = BOUND.baseline.model_copy(update={"controls": tuple(map(level_4_only, BOUND.baseline.controls))})
    bound = replace(BOUND, baseline=changed)
    found = warnings(read_waivers(GOOD.encode(), "waivers.yaml", bound, SCOPE), bound, 3, datetime.fromisoformat(AT))
    assert found == ("waivers.yaml:5: waiver W-2026-01: NET-20 does not apply at level 3",)


EXPIRES = "expires: 2027-02-01T00:00:00+07:00"


@pytest.mark.parametrize(
    ("old", "new", "times"),
    [
        (EXPIRES, "expires: 2027", 1),
        (EXPIRES, "expires: 2027-02-01", 1),
        (f"    {EXPIRES}\n", "", 0),
        ("approver: le.van.c ", "approver: 7 ", 0),
        (EXPIRES, "expires: 2026-10-01T00:00:00+07:00", 0),
    ],
    ids=["no instant", "no instant, whose refusal shows one", "left out", "no instant is asked for", "before it is issued"],
)
def test_an_example_of_an_instant_is_shown_once_and_only_where_one_is_written_wrongly(old: str, new: str, times: int) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as refused:
        warned(GOOD.replace(old, new, 1))
    told = str(refused.value)
    assert told.count("2026-11-23T08:00:00+07:00") == times, told
    assert times == 0 or told.startswith("waivers.yaml:12: waivers.0.expires: ")
    assert new != "expires: 2027" or told.endswith("; write it as 2026-11-23T08:00:00+07:00")


SOON = "expires soon"
LONG = "lasts longer than a year"
EARLY = "not valid before"
OVERDUE = "was due at"
FAR = "which is no plan"


@pytest.mark.parametrize(
    ("old", "new", "at", "told"),
    [
        ("", "", "2026-11-01T08:00:00+07:00", ()),
        ("", "", "2027-01-02T00:00:00+07:00", (SOON,)),
        ("", "", "2027-01-01T23:59:59+07:00", ()),
        (EXPIRES, "expires: 2027-11-02T08:00:00+07:00", AT, ()),
        (EXPIRES, "expires: 2027-11-02T08:00:01+07:00", AT, (LONG,)),
        (EXPIRES, "expires: 2027-06-01T00:00:00+07:00", "2027-01-15T17:00:00+07:00", (OVERDUE,)),
        (EXPIRES, "expires: 2027-06-01T00:00:00+07:00", "2027-01-15T16:59:59+07:00", ()),
        ("due: 2027-01-15T17:00:00+07:00", "due: 2027-11-24T08:00:00+07:00", AT, ()),
        ("due: 2027-01-15T17:00:00+07:00", "due: 2027-11-24T08:00:01+07:00", AT, (FAR,)),
    ],
    ids=[
        "a waiver is valid from the very second it is issued",
        "thirty days before it ends it ends soon",
        "and a second earlier it does not",
        "366 days are a year, for there are leap years",
        "and a second more is longer",
        "a plan is late from the very second it is due",
        "and not a second earlier",
        "a plan may be due 366 days from now",
        "and not a second later",
    ],
)
def test_a_waiver_and_a_plan_are_doubtful_to_the_second(old: str, new: str, at: str, told: tuple[str, ...]) -> None:
    assert old in GOOD
    found = warned(GOOD.replace(old, new, 1) if old else GOOD, at)
    assert [word for line in found for word in (SOON, LONG, EARLY, OVERDUE, FAR) if word in line] == list(told)


def test_warnings_come_in_the_order_of_the_lines() -> None:
    found = warned(GOOD, "2028-01-01T00:00:00Z")
    assert [line.partition(": ")[0] for line in found] == ["waivers.yaml:12", "waivers.yaml:17"]


def test_without_a_level_nobody_is_told_that_a_control_does_not_apply() -> None:
    file = read_waivers(GOOD.encode(), "waivers.yaml", BOUND, SCOPE)
    assert warnings(file, BOUND, None, datetime.fromisoformat(AT)) == ()


@pytest.mark.parametrize(
    "bad",
    [
        GOOD.replace("approver: le.van.c ", "approver: 7 ").replace("    owner:", "    over:"),
        GOOD.replace("control: NET-20 ", "control: NET-99 ").replace("subject: web1", "subject: web9"),
    ],
    ids=["the form", "what it names"],
)
def test_each_fault_stands_on_a_line_of_its_own_that_begins_with_its_place(bad: str) -> None:
    with pytest.raises(InputError) as refused:
        warned(bad)
    lines = str(refused.value).splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("waivers.yaml:") for line in lines)
