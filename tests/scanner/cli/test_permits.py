"""A new permit names somebody or says where to, and what names nobody is not signed."""

from __future__ import annotations

import getpass
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
