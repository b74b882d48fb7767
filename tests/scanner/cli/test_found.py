"""What commands find is told as data with --format json: each kind of it watched, and held against its schema."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from scanner.assessment import Assessment
from scanner.bundle import packed
from scanner.cli.found import FOUND
from scanner.cli.leaves import FIND
from scanner.inventory.nested import as_json
from scanner.record import sha256
from tests.certification.test_ledger import CASE, CERTIFICATE, SERIAL, Desk, desk
from tests.printed import printed
from tests.scanner.cli.in_process import clearance
from tests.scanner.cli.test_bad_input import ADDRESS, BASELINE, write_permit, write_scope

__all__ = ["desk"]
VERIFY = ("verify", "c.json", "--trust", "root")


def test_every_command_that_finds_something_says_what_kind() -> None:
    assert {*FIND, "evaluate"} == set(FOUND)


def test_from_the_submission_to_the_certificate(desk: Desk) -> None:
    submit = ("submit", "bundle", "--request", "request", "--out", "P01.submission")
    sent = desk.data(*submit)["found"]
    assert sent["bundle_sha256"] == sha256(packed(CASE.bundle)) and not sent["verified"]
    again = desk.data(*submit, status=2)
    assert again["found"] is None and again["code"] is None and "nothing is overwritten" in again["error"]
    assert desk.data("receive", "P01.submission", "--out", "unverified")["found"] == sent
    assert desk.data("receive", "P01.submission", "--trust", "root", "--out", "in")["found"] == {**sent, "verified": True}

    issued = desk.data(
        "issue", "in/run.bundle", "--request", "in/request.dsse.json", "--trust", "root", "--authorisation", "approved",
        "--log", "log", "--log-signer", "file:a-log.pem", "--out", "c.json",
    )["found"]  # fmt: skip
    assert issued == {"serial": SERIAL, "index": 0, "log": "a-log"}
    assert (desk.folder / "c.json").read_bytes() == CERTIFICATE
    early = desk.data(*VERIFY, status=12)
    assert (early["code"], early["found"]) == ("not-cosigned", None)
    cosigned = desk.data(*desk.cosign())["found"]
    assert (cosigned["witness"], cosigned["size"]) == ("b-witness", 1)
    whole = desk.data("log", "verify", "log", "--trust", "root", "--keep", "kept")["found"]
    assert whole == {"origin": "a-log", "size": 1, "root": cosigned["root"], "continues": False}
    assert desk.data("log", "verify", "log", "--trust", "root", "--checkpoint", "kept")["found"]["continues"]
    (entry,) = desk.data("log", "show", "log")["found"]["entries"]
    assert (entry["position"], entry["kind"], entry["serial"]) == (0, "connection-authorisation/v1", SERIAL)


def test_a_certificate_as_it_is_verified_and_stopped(desk: Desk) -> None:
    desk.issue()
    desk.good(*desk.cosign())
    desk.good("log", "prove", "log", "c.json")
    found = desk.data(*VERIFY)["found"]
    assert (found["form"], found["serial"], found["agency"], found["witness"]) == ("certificate", SERIAL, "P01", "b-witness")
    assert not found["standing_known"] and found["evidence"] == "not-looked-at"
    found = desk.data(*VERIFY, "--log", "log", "--bundle", "bundle")["found"]
    assert found["standing_known"] and found["evidence"] == "compared"
    assert desk.data(*VERIFY, "--bundle", "bundle", "--recompute")["found"]["evidence"] == "judged-again"
    bundle = desk.data("verify", "bundle", "--trust", "root")["found"]
    assert (bundle["form"], bundle["run"], bundle["judged_again"], bundle["decision"]) == ("bundle", "R-1", False, "authorise")

    common = (SERIAL, "--log", "log", "--trust", "root", "--log-signer", "file:a-log.pem", "--out")
    stopped = desk.data("suspend", *common, "stop", "--signer", "file:an.pem", "--reason", "incident")["found"]
    assert stopped == {"serial": SERIAL, "change": "suspended", "index": 1}
    desk.good(*desk.cosign())
    refused = desk.data(*VERIFY, "--log", "log", status=12)
    assert (refused["code"], refused["found"]) == ("suspended", None)
    half = desk.data("resume", *common, "event", "--signer", "file:an.pem")["found"]
    assert half["index"] is None, "one authority alone resumes nothing"
    assert desk.data("resume", *common, "event", "--signer", "file:binh.pem", "--begun", "event")["found"]["index"] == 2
    ended = desk.data("revoke", *common, "end", "--signer", "file:binh.pem", "--reason", "key-compromise")["found"]
    assert ended == {"serial": SERIAL, "change": "revoked", "index": 3}


def test_a_trust_root_and_a_key_as_data(desk: Desk) -> None:
    found = desk.data("trust", "show", "root")["found"]
    assert found["sha256"] == CASE.trust.sha256
    assert {key["holder"] for key in found["keyring"]["keys"]} >= {"an", "binh"}
    key = found["keyring"]["keys"][0]
    (desk.folder / "public.pem").write_text(key["public_key"])
    assert desk.data("keys", "show", "public.pem")["found"] == {"keyid": key["keyid"], "pem": key["public_key"]}


def test_a_run_as_it_is_looked_at_and_judged(tmp_path: Path) -> None:
    with socket.create_server((ADDRESS, 0)) as silent:
        write_scope(tmp_path, port=silent.getsockname()[1])
        write_permit(tmp_path)
        look = ("--permit", "permit.yaml", "--baseline", str(BASELINE), "--timeout", "1", "--ports", "9", "--deadline", "2")
        done = clearance("scan", "scope.yaml", *look, "--out", "run", "--format", "json", folder=tmp_path)
        looked = printed("scan", done.stdout)["found"]
        assert looked["folder"] == "run" and not looked["cut_short"]
        done = clearance("check", "scope.yaml", *look, "--out", "other", "--format", "json", folder=tmp_path)
        checked = printed("check", done.stdout)
        assert checked["exit_status"] == done.returncode != 0
    done = clearance("evaluate", "run", "--format", "json", folder=tmp_path)
    outcome = printed("evaluate", done.stdout)
    judged = Assessment.read((tmp_path / "run" / "assessment.json").read_bytes())
    assert outcome["exit_status"] == done.returncode == 11
    assert outcome["found"]["decision"] == judged.decision == checked["found"]["decision"]
    assert outcome["found"]["run"] == judged.run == looked["run"]
    assert outcome["found"]["tally"] == judged.tally.model_dump(mode="json")
    done = clearance("evaluate", "nowhere", "--format", "json", folder=tmp_path)
    assert printed("evaluate", done.stdout)["found"] is None and done.returncode == 2


def test_an_exported_inventory_is_as_its_schema_says_and_read_back(tmp_path: Path) -> None:
    write_scope(tmp_path, port=443)
    scope = json.loads((tmp_path / "scope.yaml").read_bytes())
    block = "hosts:\n  - " + json.dumps(scope.pop("hosts")[0]) + "\n"
    before = ("".join(f"{name}: {json.dumps(value)}\n" for name, value in scope.items()) + block).encode()
    (tmp_path / "scope.yaml").write_bytes(before)
    done = clearance("inventory", "export", "--format", "json", folder=tmp_path)
    hosts = printed("inventory-export", done.stdout)["hosts"]
    assert as_json(hosts).decode() == done.stdout and hosts[0]["services"]
    (tmp_path / "hosts.json").write_text(done.stdout, "utf-8")
    done = clearance("inventory", "import", "hosts.json", "--format", "json", folder=tmp_path)
    told = printed("inventory", done.stdout)
    assert told["imported"] and not any(told["changes"].values())
    assert (tmp_path / "scope.yaml.before-import").read_bytes() == before
    again = clearance("inventory", "export", "--format", "json", folder=tmp_path)
    assert again.stdout == (tmp_path / "hosts.json").read_text("utf-8")


def test_a_scope_written_as_json_takes_no_hosts_and_stays(tmp_path: Path) -> None:
    write_scope(tmp_path)
    before = (tmp_path / "scope.yaml").read_bytes()
    (tmp_path / "hosts.csv").write_text("host,address\nweb,127.47.0.1\n")
    done = clearance("inventory", "import", "hosts.csv", folder=tmp_path)
    assert done.returncode == 2 and "write `hosts:` at the start of a line of its own" in done.stderr
    assert (tmp_path / "scope.yaml").read_bytes() == before
