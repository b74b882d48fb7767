"""A submission keeps a bundle and the request for it together, from the agency to the authority, and proves nothing by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certification.envelope import read_envelope
from certification.refusals import Code, Refusal
from certification.submission import ABOUT, BUNDLE, REQUEST, read_submission, submission
from scanner.bundle import packed, unpacked
from scanner.faults import InputError
from scanner.record import sha256
from tests.certification.stage import Case, forged, refused
from tests.certification.test_ledger import CASE, Desk, desk

__all__ = ["desk"]
SEALED = packed(CASE.bundle)
MADE = submission(SEALED, CASE.request)
SUBMIT = ("submit", "bundle", "--request", "request", "--out", "usb/P01.submission")
RECEIVE = ("receive", "usb/P01.submission", "--out", "in/P01")


def test_what_was_submitted_is_what_is_received() -> None:
    found = read_submission(MADE)
    assert (found.bundle, found.request) == (SEALED, CASE.request)
    assert (found.about.agency, found.about.system, found.about.run) == ("P01", "portal", "R-1")
    assert (found.about.bundle_sha256, found.about.request_sha256) == (sha256(SEALED), sha256(CASE.request))
    assert submission(SEALED, CASE.request) == MADE


def test_a_request_for_another_bundle_is_not_submitted() -> None:
    other = Case(bundle={**CASE.bundle, "manifest.json": CASE.bundle["manifest.json"] + b" "}, request=CASE.request)
    with refused(Code.REQUEST_DIFFERS):
        submission(packed(other.bundle), CASE.request)
    with refused(Code.EVIDENCE_MALFORMED):
        submission(b"no bundle", CASE.request)
    with refused(Code.ENVELOPE_MALFORMED):
        submission(SEALED, b"no request")


@pytest.mark.parametrize("change", [
    {"further.json": b"{}"}, {REQUEST: None}, {BUNDLE: None}, {ABOUT: None}, {ABOUT: b"{}"},
    {ABOUT: unpacked(MADE)[ABOUT].replace(b"P01", b"P02")}, {ABOUT: unpacked(MADE)[ABOUT].replace(b"official", b"trial")},
])  # fmt: skip
def test_what_is_no_submission_is_refused(change: dict[str, bytes | None]) -> None:
    files = {path: data for path, data in {**unpacked(MADE), **change}.items() if data is not None}
    with refused(Code.SUBMISSION_MALFORMED):
        read_submission(packed(files))


@given(st.integers(0, len(MADE) - 1), st.integers(1, 255))
def test_no_changed_byte_is_received_as_the_same(place: int, by: int) -> None:
    changed = bytearray(MADE)
    changed[place] ^= by
    try:
        found = read_submission(bytes(changed))
    except Refusal:
        return
    # Nobody signed it: what is not refused here says by its digests that it is another.
    assert (found.about.bundle_sha256, found.about.request_sha256) != (sha256(SEALED), sha256(CASE.request))


def test_from_the_agency_to_the_authority(desk: Desk) -> None:
    said = desk.good(*SUBMIT)
    assert "P01, system portal, run R-1" in said and "written and read back" in said and "confidential" in said
    took = desk.good(*RECEIVE, "--trust", "root")
    digest = [line for line in said.splitlines() if "SHA-256" in line]
    assert len(digest) == 2 and [line for line in took.splitlines() if "SHA-256" in line] == digest
    assert "are signed by whom they must be" in took and "clearance approve in/P01/run.bundle" in took
    assert (desk.folder / "in/P01/run.bundle").read_bytes() == SEALED
    assert (desk.folder / "in/P01/request.dsse.json").read_bytes() == CASE.request
    assert (desk.folder / "in/P01/run.bundle").stat().st_mode & 0o077 == 0
    assert not [path for path in (desk.folder / "in").iterdir() if path.name != "P01"]


def test_without_a_trust_root_nothing_is_said_to_be_verified(desk: Desk) -> None:
    desk.good(*SUBMIT)
    said = desk.good(*RECEIVE)
    assert "nothing was verified but that the two belong together" in said and "signed by whom" not in said


def test_nothing_is_overwritten(desk: Desk) -> None:
    desk.good(*SUBMIT)
    desk.good(*RECEIVE)
    for words in (SUBMIT, RECEIVE):
        done = desk.run(*words)
        assert isinstance(done.exception, InputError) and "nothing is overwritten" in str(done.exception)


def test_what_does_not_verify_is_not_kept(desk: Desk) -> None:
    files = dict(CASE.bundle)
    path = next(path for path in files if path.startswith("observations/"))
    forged = packed({**files, path: files[path].replace(b"web1", b"web2")})
    (desk.folder / "usb").mkdir()
    about = unpacked(MADE)[ABOUT]
    (desk.folder / "usb" / "P01.submission").write_bytes(packed({ABOUT: about, BUNDLE: forged, REQUEST: CASE.request}))
    desk.refused(Code.REQUEST_DIFFERS, *RECEIVE, "--trust", "root")
    assert not (desk.folder / "in").exists()


def test_an_encrypted_submission_is_opened_by_its_recipient_first(desk: Desk) -> None:
    recipient = desk.good("keys", "new", "me.age", "--algorithm", "age", "--unencrypted").splitlines()[-1]
    said = desk.good(*SUBMIT[:-1], "P01.age", "--to", recipient)
    assert "confidential" not in said and (desk.folder / "P01.age").read_bytes().startswith(b"age-encryption.org/v1\n")
    done = desk.run("receive", "P01.age", "--out", "in/P01")
    assert "clearance unseal" in str(done.exception)
    desk.good("unseal", "P01.age", "--identity", "me.age", "--out", "P01.submission")
    desk.good("receive", "P01.submission", "--trust", "root", "--out", "in/P01")


def test_a_submission_is_no_bundle(desk: Desk) -> None:
    desk.good(*SUBMIT)
    desk.refused(Code.SUBMISSION_MALFORMED, "verify", "usb/P01.submission", "--trust", "root")


def test_a_medium_that_gives_back_something_else_is_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner.cli import submitting
    from scanner.cli.console import keep
    from scanner.faults import StoreError

    def broken(path: Path, data: bytes, *, mode: int) -> None:
        keep(path, data[:-1] + b"\x01", mode=mode)

    monkeypatch.setattr(submitting, "keep", broken)
    done = desk.run(*SUBMIT)
    assert isinstance(done.exception, StoreError) and "not what was written" in str(done.exception)
    assert not (desk.folder / "usb" / "P01.submission").exists()
    monkeypatch.setattr(submitting, "keep", keep)
    desk.good(*SUBMIT)


def test_a_link_in_the_place_of_the_file_is_not_replaced(desk: Desk) -> None:
    (desk.folder / "usb").mkdir()
    (desk.folder / "usb" / "P01.submission").symlink_to("nowhere")
    done = desk.run(*SUBMIT)
    assert isinstance(done.exception, InputError) and (desk.folder / "usb" / "P01.submission").is_symlink()


def test_what_is_no_judged_run_is_neither_written_nor_received(desk: Desk) -> None:
    bare = packed({path: data for path, data in CASE.bundle.items() if path != "assessment.json"})
    asked = read_envelope(CASE.request).payload.replace(sha256(SEALED).encode(), sha256(bare).encode())
    request = forged(asked, "P01")
    (desk.folder / "bare").write_bytes(bare)
    (desk.folder / "request").write_bytes(request)
    desk.refused(Code.EVIDENCE_MISSING, "submit", "bare", *SUBMIT[2:])
    assert not (desk.folder / "usb").exists()
    (desk.folder / "usb").mkdir()
    (desk.folder / "usb" / "P01.submission").write_bytes(submission(bare, request))
    desk.refused(Code.EVIDENCE_MISSING, *RECEIVE)
    assert not (desk.folder / "in").exists()
