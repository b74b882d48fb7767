"""Bundles encrypted to recipients: opened by those who are meant, by nobody else, and never half."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certification.recipients import HEADER, is_sealed_to, new_identity, read_recipients, sealed_to, unsealed
from certification.refusals import Code, Refusal
from scanner.store import SCAN_EVIDENCE, packed, unpacked
from tests.certification.stage import bundle, refused
from tests.scanner.test_changes import clearance
from tests.scanner.test_claims import OWN, YES, kept, run_of


def never(_: str) -> str:
    raise AssertionError("asked for a passphrase")


def test_each_recipient_opens_it_and_nobody_else_does(tmp_path: Path) -> None:
    people = {name: new_identity(tmp_path / name) for name in ("an", "binh", "stranger")}
    whole = packed(bundle())
    closed = sealed_to(whole, [people["an"], people["binh"]])
    assert is_sealed_to(closed)
    assert b"order.json" not in closed
    for name in ("an", "binh"):
        assert unsealed(closed, tmp_path / name, never) == whole
    with refused(Code.NOT_OPENED):
        unsealed(closed, tmp_path / "stranger", never)
    with refused(Code.NOT_ENCRYPTED):
        unsealed(whole, tmp_path / "an", never)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    identity = tmp_path_factory.mktemp("identity") / "an"
    return sealed_to(b"weakness " * 20_000, [new_identity(identity)]), identity


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_changed_or_missing_byte_is_opened(closed: tuple[bytes, Path], data: st.DataObject) -> None:
    whole, identity = closed
    where = data.draw(st.integers(0, len(whole) - 1))
    cut = whole[:where] if data.draw(st.booleans()) else whole[:where] + bytes([whole[where] ^ 1]) + whole[where + 1 :]
    with pytest.raises(Refusal) as told:
        unsealed(cut, identity, never)
    assert told.value.code in (Code.NOT_OPENED, Code.NOT_ENCRYPTED)


def test_an_identity_may_have_a_passphrase_which_no_message_repeats(tmp_path: Path) -> None:
    recipient = new_identity(tmp_path / "an", "mật khẩu")
    assert (tmp_path / "an").read_bytes().startswith(HEADER)
    closed = sealed_to(b"x", [recipient])
    assert unsealed(closed, tmp_path / "an", lambda name: "mật khẩu" if name == "an" else "") == b"x"
    with refused(Code.KEY_UNREADABLE) as told:
        unsealed(closed, tmp_path / "an", lambda _: "s3cret-word")
    assert "s3cret-word" not in str(told.value)


def test_an_identity_is_its_owners_alone_and_nothing_is_overwritten(tmp_path: Path) -> None:
    recipient = new_identity(tmp_path / "an")
    assert (tmp_path / "an").stat().st_mode & 0o777 == 0o600
    with refused(Code.KEY_EXISTS):
        new_identity(tmp_path / "an")
    (tmp_path / "an").chmod(0o640)
    with refused(Code.KEY_FILE_OPEN):
        unsealed(sealed_to(b"x", [recipient]), tmp_path / "an", never)
    (tmp_path / "an").chmod(0o600)
    for text in ("AGE-SECRET-KEY-1NONE\n", "# nothing\n", "\xff\n"):
        (tmp_path / "an").write_text(text, "latin-1")
        with refused(Code.KEY_UNREADABLE) as told:
            unsealed(sealed_to(b"x", [recipient]), tmp_path / "an", never)
        assert "AGE-SECRET" not in str(told.value)


def test_recipients_are_listed_one_a_line(tmp_path: Path) -> None:
    one, two = new_identity(tmp_path / "1"), new_identity(tmp_path / "2")
    assert read_recipients(f"# MIC\n{one}\n\n{two}\n{one}\n", "list") == (one, two)
    for text in ("", "# nobody\n", "age1xx\n", "ssh-ed25519 AAAA\n", "an@example.vn\n", "age1" + "q" * 100_000):
        with refused(Code.RECIPIENT):
            read_recipients(text, "list")
    for count in (0, 65):
        with refused(Code.RECIPIENT):
            sealed_to(b"x", [one] * count)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with refused(Code.EXTRA_MISSING) as told:
        new_identity(tmp_path / "an")
    assert "clearance[seal]" in str(told.value)


def test_the_commands_open_what_was_sealed_to_them_and_send_others_there(tmp_path: Path) -> None:
    made = clearance("keys", "new", tmp_path / "me.age", "--algorithm", "age", "--unencrypted")
    assert made.returncode == 0, made.stderr
    recipient = made.stdout.strip()
    (tmp_path / "run.age").write_bytes(sealed_to(packed(bundle()), [recipient]))
    met = clearance("verify", tmp_path / "none.json", "--trust", tmp_path / "none.json", "--bundle", tmp_path / "run.age")
    assert met.returncode == 2
    compared = clearance("compare", f"self:{tmp_path / 'run.age'}", f"inspection:{tmp_path / 'run.age'}")
    assert (compared.returncode, "clearance unseal" in compared.stderr) == (2, True), compared.stderr
    opened = clearance("unseal", tmp_path / "run.age", "--identity", tmp_path / "me.age", "--out", tmp_path / "run.bundle")
    assert opened.returncode == 0, opened.stderr
    assert (tmp_path / "run.bundle").stat().st_mode & 0o777 == 0o600
    assert set(unpacked((tmp_path / "run.bundle").read_bytes())) == set(bundle())
    clearance("keys", "new", tmp_path / "other.age", "--algorithm", "age", "--unencrypted")
    refused_ = clearance("unseal", tmp_path / "run.age", "--identity", tmp_path / "other.age", "--out", tmp_path / "never")
    assert (refused_.returncode, (tmp_path / "never").exists()) == (12, False), refused_.stderr
    assert "not-opened" in refused_.stderr


def test_a_run_is_sealed_to_recipients_and_a_wrong_one_stops_it_first(tmp_path: Path) -> None:
    run = kept(tmp_path / "run", run_of(OWN, YES))
    clearance("keys", "new", tmp_path / "scanner.pem", "--unencrypted")
    recipients = [new_identity(tmp_path / name) for name in ("mic.age", "mps.age")]
    (tmp_path / "authorities.txt").write_text("# both authorities\n" + "\n".join(recipients) + "\n", "utf-8")
    words = ("seal", run, "--signer", f"file:{tmp_path / 'scanner.pem'}", "--out", tmp_path / "run.age")
    wrong = clearance(*words, "--to", "age1nobody")
    assert (wrong.returncode, (run / SCAN_EVIDENCE).exists(), (tmp_path / "run.age").exists()) == (2, False, False), wrong.stderr
    done = clearance(*words, "--to", tmp_path / "authorities.txt")
    assert done.returncode == 0, done.stderr
    assert "encrypted to 2 recipients" in done.stderr
    for name in ("mic.age", "mps.age"):
        files = unpacked(unsealed((tmp_path / "run.age").read_bytes(), tmp_path / name, never))
        assert SCAN_EVIDENCE in files


def test_what_was_changed_after_it_was_judged_is_not_sealed(tmp_path: Path) -> None:
    run = kept(tmp_path / "run", run_of(OWN, YES))
    clearance("keys", "new", tmp_path / "scanner.pem", "--unencrypted")
    words = ("seal", run, "--signer", f"file:{tmp_path / 'scanner.pem'}", "--out", tmp_path / "run.bundle")
    seen = next(path for path in sorted((run / "observations").rglob("*.json")))
    seen.write_bytes(seen.read_bytes().replace(b"2026-", b"2025-", 1))
    done = clearance(*words)
    assert (done.returncode, (run / SCAN_EVIDENCE).exists(), (tmp_path / "run.bundle").exists()) == (12, False, False), (
        done.stderr
    )
