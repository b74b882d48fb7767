"""A new permit names somebody or says where to, and what names nobody is not signed."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest

from scanner import strict_yaml
from scanner.targets import Permit
from tests.scanner.cli.in_process import clearance, refused
from tests.scanner.cli.test_bad_input import write_permit, write_scope

NEW = ("permit", "new", "permit.yaml", "--agency", "H15", "--decision", "12/QD", "--address", "192.0.2.0/24")


def read(folder: Path) -> Permit:
    path = folder / "permit.yaml"
    return strict_yaml.parse(path.read_bytes(), str(path)).as_record(Permit)


def test_a_self_check_s_permit_names_who_makes_it_and_the_agency(tmp_path: Path) -> None:
    done = clearance(*NEW, folder=tmp_path)
    assert done.returncode == 0 and getpass.getuser() in done.stderr
    found = read(tmp_path)
    people = (found.permitted_by, *found.inspectors)
    assert {(each.person, each.organisation) for each in people} == {(getpass.getuser(), "H15")}


def test_an_inspection_s_permit_is_filled_in_before_it_is_signed(tmp_path: Path) -> None:
    assert "fill in who permits" in clearance(*NEW, "--kind", "inspection", folder=tmp_path).stderr
    key = ("keys", "new", "owner.pem", "--unencrypted")
    assert clearance(*key, folder=tmp_path).returncode == 0
    sign = ("permit", "sign", "permit.yaml", "--signer", "file:owner.pem", "--out", "permit.dsse.json")
    refused(clearance(*sign, folder=tmp_path), 2, "change-me stands where somebody must be named")
    assert not (tmp_path / "permit.dsse.json").exists()
    text = (tmp_path / "permit.yaml").read_text("utf-8")
    (tmp_path / "permit.yaml").write_text(text.replace("change-me", "do.lan", 3), "utf-8")
    refused(clearance(*sign, folder=tmp_path), 2, "change-me stands where somebody must be named")
    (tmp_path / "permit.yaml").write_text(text.replace("change-me", "do.lan"), "utf-8")
    assert clearance(*sign, folder=tmp_path).returncode == 0


@pytest.mark.parametrize("word", ["change-me", "change me", "Change Me"])
def test_a_permit_that_names_nobody_is_signed_by_nobody_and_said_to_be_so(tmp_path: Path, word: str) -> None:
    assert clearance("keys", "new", "owner.pem", "--unencrypted", folder=tmp_path).returncode == 0
    write_scope(tmp_path)
    write_permit(tmp_path)
    look = ("plan", "scope.yaml", "--permit", "permit.yaml")
    told = "the permit names nobody yet"
    assert told not in clearance(*look, folder=tmp_path).stderr
    path = tmp_path / "permit.yaml"
    path.write_text(path.read_text("utf-8").replace('"organisation": "Agency"', f'"organisation": "{word}"', 1), "utf-8")
    assert told in clearance(*look, folder=tmp_path).stderr
    refused(
        clearance("permit", "sign", "permit.yaml", "--signer", "file:owner.pem", "--out", "p.json", folder=tmp_path),
        2,
        "must be named",
    )


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--address", "abc", "it is no range of addresses: write one as 10.1.2.0/24"),
        ("--address", "10.0.0.1/8", "it is no range of addresses"),
        ("--address", "0.0.0.0/0", "0.0.0.0/0 is wider than any agency: name the ranges of the systems that are looked at, of at least /8"),
        ("--address", "8.0.0.0/7", "8.0.0.0/7 is wider than any agency"),
        ("--address", "::/0", "::/0 is wider than any agency: name the ranges of the systems that are looked at, of at least /32"),
        ("--address", "2001:d00::/31", "wider than any agency"),
        ("--agency", "H 15", "letters a to z without marks"),
        ("--decision", "12\u202e/QD", "no control or formatting characters"),
    ],
)  # fmt: skip
def test_what_a_permit_cannot_hold_is_told_by_its_option_and_nothing_is_written(
    tmp_path: Path, option: str, value: str, told: str
) -> None:
    done = clearance(*NEW, option, value, folder=tmp_path)
    refused(done, 2, f"Invalid value for '{option}'", told)
    assert "permit.yaml" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["10.0.0.0/8", "2001:ee0::/32", "192.0.2.7"])
def test_the_widest_range_of_an_agency_is_taken(tmp_path: Path, address: str) -> None:
    assert clearance(*NEW, "--address", address, folder=tmp_path).returncode == 0
    assert [found.partition("/")[0] for found in read(tmp_path).addresses] == ["192.0.2.0", address.partition("/")[0]]


def test_a_permit_for_the_whole_world_is_not_signed(tmp_path: Path) -> None:
    assert clearance("keys", "new", "owner.pem", "--unencrypted", folder=tmp_path).returncode == 0
    write_permit(tmp_path)
    path = tmp_path / "permit.yaml"
    found = read(tmp_path).model_dump(mode="json") | {"addresses": ["0.0.0.0/0"]}
    path.write_text(json.dumps(found), "utf-8")
    sign = ("permit", "sign", "permit.yaml", "--signer", "file:owner.pem", "--out", "p.json")
    refused(clearance(*sign, folder=tmp_path), 2, "permit.yaml: 0.0.0.0/0 is wider than any agency")
    assert not (tmp_path / "p.json").exists()


def test_a_decision_keeps_every_sign_of_its_number(tmp_path: Path) -> None:
    words = (*NEW[:5], "--decision", 'số "12"\\QĐ: {x}', *NEW[7:])
    assert clearance(*words, folder=tmp_path).returncode == 0
    assert read(tmp_path).decision == 'số "12"\\QĐ: {x}'
