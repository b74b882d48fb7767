"""No command that signs writes over what lies there, and none over a key or a log: what is lost so cannot be made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.cli.console import keep
from scanner.faults import InputError
from tests.certification.test_ledger import CERTIFICATE, SERIAL, Desk, desk

__all__ = ["desk"]
TRUST = ("--trust", "root")
LOGGED = ("--log", "log", "--log-signer", "file:a-log.pem")
ASKED = ("bundle", "--request", "request", *TRUST)
OUT = "precious"


@pytest.mark.parametrize(
    "words",
    [
        ("approve", *ASKED, "--signer", "file:an.pem"),
        ("issue", *ASKED, "--authorisation", "approved", *LOGGED),
        ("suspend", SERIAL, *TRUST, *LOGGED, "--signer", "file:an.pem", "--reason", "incident"),
        ("revoke", SERIAL, *TRUST, *LOGGED, "--signer", "file:an.pem", "--reason", "incident"),
        ("refuse", "request", *TRUST, *LOGGED, "--signer", "file:an.pem", "--reason", "x"),
        ("trust", "init", "spec.yaml", "--signer", "file:an.pem"),
        ("trust", "rotate", "root", "spec.yaml", "--signer", "file:an.pem"),
        ("permit", "sign", "spec.yaml", "--signer", "file:an.pem"),
        ("unseal", "bundle", "--identity", "spec.yaml"),
        ("submit", "bundle", "--request", "request"),
        ("gateway", "ca", *TRUST, "--ca-signer", "file:an.pem"),
    ],
    ids=lambda words: " ".join(words[:2]) if words[0] in ("trust", "permit", "gateway") else words[0],
)
@pytest.mark.parametrize("there", ["file", "link"])
def test_what_lies_there_stays(words: tuple[str, ...], there: str, desk: Desk) -> None:
    place = desk.folder / OUT
    if there == "file":
        place.write_text("precious")
    else:
        place.symlink_to("nowhere")
    (desk.folder / "spec.yaml").write_text("kind: laboratory")
    entries = desk.good("log", "show", "log")
    done = desk.run(*words, "--out", OUT)
    assert isinstance(done.exception, InputError) and "nothing is overwritten" in str(done.exception)
    assert place.is_symlink() if there == "link" else place.read_text() == "precious"
    assert desk.good("log", "show", "log") == entries, "nothing was logged either"


def test_an_authorisation_is_signed_further_in_its_place_and_no_other_s(desk: Desk) -> None:
    approve = ("approve", *ASKED)
    desk.good(*approve, "--signer", "file:an.pem", "--out", "half.json")
    half = (desk.folder / "half.json").read_bytes()
    (desk.folder / "other.json").write_bytes(CERTIFICATE.replace(b"payload", b"payl0ad"))
    for wrong in ("root", "request", "bundle", "other.json", "an.pem"):
        before = (desk.folder / wrong).read_bytes()
        done = desk.run(*approve, "--signer", "file:binh.pem", "--authorisation", "half.json", "--out", wrong)
        assert isinstance(done.exception, InputError), wrong
        assert (desk.folder / wrong).read_bytes() == before
    desk.good(*approve, "--signer", "file:binh.pem", "--authorisation", "half.json", "--out", "half.json")
    assert len((desk.folder / "half.json").read_bytes()) > len(half)


def test_a_missing_or_foreign_code_is_told_before_anything_is_signed_or_logged(desk: Desk) -> None:
    desk.good("approve", *ASKED, "--signer", "file:an.pem", "--out", "half.json")
    code = desk.folder / "half.json.qr.txt"
    text = code.read_text()
    second = ("approve", *ASKED, "--signer", "file:binh.pem", "--authorisation", "half.json", "--out", "both.json")
    code.unlink()
    done = desk.run(*second)
    assert "the first approver hands it over" in str(done.exception) and "What is signed" not in done.output
    code.write_text("NPD0:" + text[5:])
    assert "qr-differs" in str(desk.run(*second).exception)
    code.write_text(text)
    desk.good(*second)
    (desk.folder / "both.json.qr.txt").write_text(text)  # signed by one
    issue = ("issue", *ASKED, "--authorisation", "both.json", *LOGGED, "--out", "c.json")
    assert "quorum" in str(desk.run(*issue).exception)
    assert desk.good("log", "show", "log") == "" and not (desk.folder / "c.json").exists()


@pytest.mark.parametrize("beside", [".tlog-proof", ".qr.txt", ".qr.svg", "pdf"])
def test_what_lies_beside_a_certificate_stays_too_and_nothing_is_logged(beside: str, desk: Desk) -> None:
    approve = ("approve", *ASKED)
    desk.good(*approve, "--signer", "file:an.pem", "--out", "half.json")
    desk.good(*approve, "--signer", "file:binh.pem", "--authorisation", "half.json", "--out", "both.json")
    place = desk.folder / ("c.pdf" if beside == "pdf" else f"c.dsse.json{beside}")
    place.write_text("precious")
    done = desk.run("issue", *ASKED, "--authorisation", "both.json", *LOGGED, "--out", "c.dsse.json")
    assert isinstance(done.exception, InputError) and place.name in str(done.exception)
    assert place.read_text() == "precious" and desk.good("log", "show", "log") == ""
    place.unlink()
    desk.good("issue", *ASKED, "--authorisation", "both.json", *LOGGED, "--out", "c.dsse.json")
    again = desk.run("issue", *ASKED, "--authorisation", "both.json", *LOGGED, "--out", "c.dsse.json")
    assert isinstance(again.exception, InputError), "what a witness cosigned since is not replaced either"


@pytest.mark.parametrize("head", [b"-----BEGIN PRIVATE KEY-----\n", b"# created\nAGE-SECRET-KEY-1", b"SQLite format 3\x00..."])
def test_no_command_at_all_writes_over_a_key_or_a_log(head: bytes, tmp_path: Path) -> None:
    place = tmp_path / "there"
    place.write_bytes(head)
    with pytest.raises(InputError, match="nothing is written over it"):
        keep(place, b"report")
    assert place.read_bytes() == head
