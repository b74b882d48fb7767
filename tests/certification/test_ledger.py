"""The ledger: a certificate stands in a log that another authority watches, and whatever is done to the log is noticed."""

from __future__ import annotations

import io
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certification import merkle
from certification.checkpoint import Checkpoint, SignedCheckpoint, read_checkpoint
from certification.envelope import read_envelope
from certification.keyring import HolderKind
from certification.ledger import begun, entered, in_time, proven
from certification.log_audit import audited
from certification.log_store import SqliteLog, opened
from certification.refusals import Code, Refusal
from certification.signers import signed
from certification.statements import Role
from certification.trust import draft_keyring
from certification.verify import Step, verify
from scanner.cli import certify, clearance, console, ledger, requests, status, verifying
from scanner.cli import keyring as keyring_verbs
from scanner.store import packed
from tests.certification.stage import CODE, DRAFTED, LATER, Case, keyring, known, refused, restated, root, signer
from tests.printed import printed
from tests.scanner.cli.in_process import clearance as typed

TRUST = root()
CASE = Case(trust=TRUST)
CERTIFICATE = CASE.certificate()
SERIAL = verify(CERTIFICATE, TRUST, LATER).granted.serial


def another(number: int) -> bytes:
    """Another certificate by the same approvers, on a request and for a client key of its own."""
    own = f"{number:064x}"
    return restated(CERTIFICATE, serial=f"CC-{number}", request_sha256=own, client_key_sha256=(own,))


@contextmanager
def made(path: Path, count: int = 5, salt: int = 0) -> Iterator[SqliteLog]:
    """A log of so many certificates, signed."""
    with opened(path, "a-log") as log:
        begun(log, signer("a-log"), TRUST, DRAFTED)
        for number in range(count):
            entered(log, another(salt + number), signer("a-log"), TRUST, DRAFTED)
        yield log


# --- the log's own doing --------------------------------------------------------------------------


def test_what_is_entered_twice_stands_once_and_keeps_its_cosignatures(tmp_path: Path) -> None:
    with made(tmp_path / "log") as log:
        first = entered(log, CERTIFICATE, signer("a-log"), TRUST, DRAFTED)
        again = entered(log, CERTIFICATE, signer("a-log"), TRUST, DRAFTED)
        assert first == again
        assert log.size == 6
        first.insist_on(read_envelope(CERTIFICATE).payload)


@pytest.mark.parametrize(("name", "code"), [("b-log", Code.CHECKPOINT_UNSIGNED), ("b-witness", Code.CHECKPOINT_UNSIGNED)])
def test_another_key_than_the_log_s_enters_nothing(tmp_path: Path, name: str, code: Code) -> None:
    with made(tmp_path / "log") as log:
        with refused(code):
            entered(log, CERTIFICATE, signer(name), TRUST, DRAFTED)
        assert log.size == 5


def test_a_clock_that_runs_backwards_enters_nothing(tmp_path: Path) -> None:
    with made(tmp_path / "log") as log:
        entered(log, CERTIFICATE, signer("a-log"), TRUST, LATER)
        with refused(Code.CLOCK_BACKWARDS):
            entered(log, another(9), signer("a-log"), TRUST, LATER - timedelta(seconds=1))
        assert log.size == 6
    with opened(tmp_path / "log") as log, refused(Code.CLOCK_BACKWARDS):
        in_time(log, DRAFTED)


def test_what_is_not_in_the_log_is_not_proven(tmp_path: Path) -> None:
    with made(tmp_path / "log") as log, refused(Code.NOT_IN_LOG):
        proven(log, CERTIFICATE)
    with opened(tmp_path / "unsigned", "a-log") as log, refused(Code.CHECKPOINT_UNSIGNED):
        proven(log, CERTIFICATE)


# --- the audit ------------------------------------------------------------------------------------


def test_a_log_that_grew_from_what_was_kept_is_whole(tmp_path: Path) -> None:
    with made(tmp_path / "log") as log:
        old = audited(log, TRUST, LATER)
        entered(log, CERTIFICATE, signer("a-log"), TRUST, DRAFTED)
        assert audited(log, TRUST, LATER, [old]).checkpoint.size == 6


def _without_triggers(*statements: str) -> Callable[[Path], None]:
    def tamper(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            for name in ("entry_stays", "entry_remains", "node_stays", "node_remains"):
                other.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                other.execute(statement)

    return tamper


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (_without_triggers("DELETE FROM entry WHERE position = 2"), Code.LOG_ENTRY_MISSING),
        (_without_triggers("DELETE FROM entry WHERE position = 0"), Code.LOG_ENTRY_MISSING),
        (_without_triggers("DELETE FROM entry WHERE position = 4"), Code.LOG_ROLLED_BACK),
        (_without_triggers("DELETE FROM entry"), Code.LOG_ROLLED_BACK),
        (_without_triggers("DELETE FROM entry", "DELETE FROM node", "DELETE FROM checkpoint"), Code.CHECKPOINT_UNSIGNED),
        (_without_triggers("UPDATE entry SET serial = 'CC-x' WHERE position = 1"), Code.LOG_ENTRY_CHANGED),
        (_without_triggers("UPDATE entry SET kind = 'x' WHERE position = 1"), Code.LOG_ENTRY_CHANGED),
        (_without_triggers("UPDATE entry SET leaf = zeroblob(32) WHERE position = 1"), Code.LOG_ENTRY_CHANGED),
        (_without_triggers("UPDATE entry SET envelope = x'7b7d' WHERE position = 1"), Code.LOG_ENTRY_CHANGED),
        (
            _without_triggers("UPDATE entry SET envelope = (SELECT envelope FROM entry WHERE position = 3) WHERE position = 1"),
            Code.LOG_ENTRY_CHANGED,
        ),
        (_without_triggers("UPDATE node SET hash = zeroblob(32) WHERE level = 1"), Code.LOG_ENTRY_CHANGED),
        (_without_triggers("DELETE FROM checkpoint WHERE size = 5"), Code.CHECKPOINT_UNSIGNED),
        (_without_triggers("UPDATE checkpoint SET note = x'00' WHERE size = 5"), Code.CHECKPOINT_MALFORMED),
    ],
)
def test_whatever_is_done_to_the_file_is_noticed(tmp_path: Path, tamper: Callable[[Path], None], code: Code) -> None:
    with made(tmp_path / "log"):
        pass
    tamper(tmp_path / "log")
    with opened(tmp_path / "log") as log, refused(code):
        audited(log, TRUST, LATER)


def test_a_second_story_and_a_shorter_one_are_told_apart(tmp_path: Path) -> None:
    with made(tmp_path / "log") as log:
        old = audited(log, TRUST, LATER)
    with made(tmp_path / "fork", 7, salt=100) as fork, refused(Code.LOG_FORKED):
        audited(fork, TRUST, LATER, [old])
    with made(tmp_path / "short", 3) as short, refused(Code.LOG_ROLLED_BACK):
        audited(short, TRUST, LATER, [old])
    with made(tmp_path / "again", 5) as again:
        audited(again, TRUST, LATER, [old])  # the same story, told again


def test_no_changed_byte_of_a_checkpoint_is_accepted(tmp_path: Path) -> None:
    with made(tmp_path / "log") as log:
        note = audited(log, TRUST, LATER).written()
        for place in range(len(note)):
            changed = note[:place] + bytes([note[place] ^ 1]) + note[place + 1 :]
            with pytest.raises(Refusal):
                audited(log, TRUST, LATER, [read_checkpoint(changed)])


# --- the command line, on real files --------------------------------------------------------------


@dataclass
class Desk:
    """A folder with all that is needed to issue, and the commands."""

    folder: Path
    patch: pytest.MonkeyPatch

    def data(self, *words: str, status: int = 0, at: object = LATER) -> dict[str, Any]:
        """What a command prints with --format json, which is as its schema says and tells this exit status."""
        self._set(at)
        self.patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"y\n")))
        done = typed(*words, "--format", "json", folder=self.folder)
        verb = "-".join(words[:2]) if words[0] in ("log", "trust", "keys") else words[0]
        outcome: dict[str, Any] = printed(verb, done.stdout)
        assert outcome["exit_status"] == done.returncode == status, done.stderr
        return outcome

    def run(self, *words: str, at: object = LATER) -> Result:
        """One command at this instant."""
        self._set(at)
        talk = console.Console(color="never", quiet=False, debug=False, language="en")
        return CliRunner().invoke(clearance, list(words), obj=talk, input="y\n")

    def _set(self, at: object) -> None:
        for module in (certify, keyring_verbs, ledger, requests, status, console, verifying):
            self.patch.setattr(module, "now", lambda: at)
        for module in (certify, verifying):
            self.patch.setattr(module, "judge_again", lambda: (CASE.judge, CODE))
        self.patch.chdir(self.folder)

    def good(self, *words: str) -> str:
        """What a command that works says."""
        done = self.run(*words)
        assert done.exit_code == 0, done.exception
        return done.output

    def refused(self, code: Code, *words: str) -> None:
        """Expects this command to be refused with this code."""
        done = self.run(*words)
        assert isinstance(done.exception, Refusal), done.output
        assert done.exception.code is code, done.exception
        assert done.exception.kind.value in ("integrity", "trust")  # exit status 12

    def issue(self) -> str:
        """Issues the certificate."""
        return self.good(
            "issue", "bundle", "--request", "request", "--trust", "root", "--authorisation", "approved",
            "--log", "log", "--log-signer", "file:a-log.pem", "--out", "c.json",
        )  # fmt: skip

    def cosign(self, by: str = "b-witness") -> tuple[str, ...]:
        """The words that cosign the log."""
        first = () if (self.folder / f"{by}.state").exists() else ("--first",)
        return ("log", "cosign", "log", "--trust", "root", "--signer", f"file:{by}.pem", "--state", f"{by}.state", *first)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    (tmp_path / "root").write_bytes(signed(draft_keyring(keyring()), signer("root-1"), signer("root-2")))
    (tmp_path / "bundle").write_bytes(packed(CASE.bundle))
    (tmp_path / "request").write_bytes(CASE.request)
    (tmp_path / "approved").write_bytes(CERTIFICATE)
    for name in ("a-log", "a-witness", "b-witness", "b-log", "an", "binh"):
        pem = signer(name)._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / f"{name}.pem").write_bytes(pem)
        (tmp_path / f"{name}.pem").chmod(0o600)
    found = Desk(tmp_path, monkeypatch)
    found.good("log", "init", "log", "--trust", "root", "--origin", "a-log", "--signer", "file:a-log.pem")
    return found


VERIFY = ("verify", "c.json", "--trust", "root")


def test_a_certificate_is_valid_once_it_is_logged_and_the_log_cosigned(desk: Desk) -> None:
    assert "entry 0 of a-log" in desk.issue()
    desk.refused(Code.NOT_COSIGNED, *VERIFY)
    assert "nobody takes this proof yet" in desk.good("log", "prove", "log", "c.json")
    assert "cosigned by b-witness: a-log with 1 entries" in desk.good(*desk.cosign())
    desk.refused(Code.NOT_COSIGNED, *VERIFY)
    desk.good("log", "prove", "log", "c.json")
    told = desk.good(*VERIFY)
    assert "7. ✓ it stands in a log" in told
    assert "last seen by b-witness" in told
    assert "WHOLE  a-log: 1 entry" in desk.good("log", "verify", "log", "--trust", "root")
    assert desk.good("log", "show", "log").split("\t")[0::2] == ["0", "connection-authorisation/v1"]
    found = verify(CERTIFICATE, TRUST, LATER, proof=(desk.folder / "c.json.tlog-proof").read_bytes())
    assert Step.LOGGED in found.steps


def test_a_proof_is_written_over_a_proof_and_nothing_else(desk: Desk) -> None:
    desk.issue()
    for wrong in ("root", "request", "b-witness.pem", "log"):
        before = (desk.folder / wrong).read_bytes()
        assert desk.run("log", "prove", "log", "c.json", "--out", wrong).exit_code != 0
        assert (desk.folder / wrong).read_bytes() == before
    desk.good("log", "prove", "log", "c.json", "--out", "proof")
    desk.good("log", "prove", "log", "c.json", "--out", "proof")


def test_a_certificate_without_its_proof_or_with_another_s_is_refused(desk: Desk) -> None:
    desk.issue()
    desk.good(*desk.cosign())
    desk.good("log", "prove", "log", "c.json")
    (desk.folder / "c.json.tlog-proof").rename(desk.folder / "proof")
    desk.refused(Code.NOT_IN_LOG, *VERIFY)
    desk.good(*VERIFY, "--proof", "proof")
    proof = (desk.folder / "proof").read_bytes()
    with refused(Code.NOT_IN_LOG):
        verify(CERTIFICATE, TRUST, LATER, proof=proof.replace(b"index 0", b"index 1"))


def test_no_changed_byte_of_a_proof_is_accepted(desk: Desk) -> None:
    desk.issue()
    desk.good(*desk.cosign())
    desk.good("log", "prove", "log", "c.json")
    proof = (desk.folder / "c.json.tlog-proof").read_bytes()
    for place in range(len(proof)):
        with pytest.raises(Refusal):
            verify(CERTIFICATE, TRUST, LATER, proof=proof[:place] + bytes([proof[place] ^ 1]) + proof[place + 1 :])


def test_a_witness_refuses_an_older_log_and_a_second_story(desk: Desk) -> None:
    shutil.copy(desk.folder / "log", desk.folder / "empty")
    desk.issue()
    desk.good(*desk.cosign())
    (desk.folder / "log").rename(desk.folder / "true")
    shutil.copy(desk.folder / "empty", desk.folder / "log")
    desk.refused(Code.LOG_ROLLED_BACK, *desk.cosign())
    with opened(desk.folder / "log") as log:
        entered(log, another(1), signer("a-log"), TRUST, LATER)
    desk.refused(Code.LOG_FORKED, *desk.cosign())


def test_a_witness_that_lost_its_state_begins_nothing_anew(desk: Desk) -> None:
    state = desk.folder / "b-witness.state"
    cosign = desk.cosign()
    desk.refused(Code.WITNESS_STATE_LOST, *cosign[:-1])
    assert not state.exists()
    desk.issue()
    desk.good(*cosign)
    desk.good(*cosign[:-1])
    assert desk.run(*cosign).exit_code == 2, "it was cosigned before"
    state.rename(desk.folder / "lost")
    desk.refused(Code.WITNESS_STATE_LOST, *cosign[:-1])
    desk.refused(Code.WITNESS_STATE_LOST, *cosign)
    assert not state.exists()
    wrong = (*cosign[:-3], "--state", "nowhere/state")
    assert "no such folder" in str(desk.run(*wrong, "--first").exception)
    desk.refused(Code.WITNESS_STATE_LOST, *wrong)
    (desk.folder / "lost").rename(state)
    desk.good(*cosign[:-1])


def test_what_was_kept_of_the_log_is_not_replaced_by_less(desk: Desk) -> None:
    shutil.copy(desk.folder / "log", desk.folder / "empty")
    desk.issue()
    desk.good(*desk.cosign())
    keep = ("--trust", "root", "--keep", "kept")
    assert "without --checkpoint" in desk.good("log", "verify", "log", *keep)
    kept = (desk.folder / "kept").read_bytes()
    assert "without --checkpoint" not in desk.good("log", "verify", "log", *keep)
    desk.refused(Code.LOG_ROLLED_BACK, "log", "verify", "empty", *keep)
    assert (desk.folder / "kept").read_bytes() == kept
    # An older log says that nothing happened since; what was kept tells.
    (desk.folder / "log").rename(desk.folder / "whole")
    shutil.copy(desk.folder / "whole", desk.folder / "log")
    serial = desk.good("log", "show", "log").split("\t")[3].strip()
    desk.good(
        "suspend", serial, "--log", "log", "--trust", "root", "--log-signer", "file:a-log.pem", "--out", "event",
        "--signer", "file:an.pem", "--reason", "incident",
    )  # fmt: skip
    desk.good(*desk.cosign())
    desk.good("log", "verify", "log", *keep)
    assert "nobody can tell whether the log was longer" in desk.good(*VERIFY, "--log", "whole")
    desk.refused(Code.LOG_ROLLED_BACK, *VERIFY, "--log", "whole", "--checkpoint", "kept")
    desk.refused(Code.SUSPENDED, *VERIFY, "--log", "log", "--checkpoint", "kept")
    assert desk.run(*VERIFY, "--checkpoint", "kept").exit_code == 2


def test_of_two_checkpoints_of_one_size_the_cosignatures_of_both_are_kept(desk: Desk) -> None:
    desk.issue()
    desk.good(*desk.cosign())
    keep = ("log", "verify", "log", "--trust", "root", "--keep", "kept")
    desk.good(*keep)
    with opened(desk.folder / "log") as log:
        signed = read_checkpoint(log.checkpoint() or b"")
        alone = SignedCheckpoint(signed.checkpoint, signed.signatures[:1])
        log.keep_checkpoint(signed.checkpoint.size, alone.written())
    desk.good(*keep)
    assert len(read_checkpoint((desk.folder / "kept").read_bytes()).signatures) == 2


def test_a_checkpoint_that_an_ended_key_of_the_log_signed_is_still_held_against_it(desk: Desk) -> None:
    with opened(desk.folder / "log") as log:
        old = audited(log, TRUST, LATER)
        entered(log, CERTIFICATE, signer("a-log"), TRUST, DRAFTED)
        keys = tuple(
            key.model_copy(update={"valid_until": DRAFTED}) if key.holder == "a-log" else key for key in TRUST.keyring.keys
        )
        after = root(keys=(*keys, known("a-log-2", Role.LOG, holder_kind=HolderKind.LOG, holder="a-log")))
        size = log.size
        point = Checkpoint("a-log", size, merkle.root(log, size))
        log.keep_checkpoint(size, SignedCheckpoint(point, (signer("a-log-2").sign_checkpoint(point, "a-log"),)).written())
        assert audited(log, after, LATER, [old]).checkpoint.size == 1


def test_only_another_authority_s_witness_cosigns(desk: Desk) -> None:
    desk.refused(Code.WITNESS_OF_OWN_LOG, *desk.cosign("a-witness"))
    desk.refused(Code.KEY_ROLE, *desk.cosign("b-log"))


def test_verify_finds_what_was_cut_off_by_what_was_kept(desk: Desk) -> None:
    shutil.copy(desk.folder / "log", desk.folder / "empty")
    desk.issue()
    desk.good("log", "verify", "log", "--trust", "root", "--keep", "kept")
    desk.good("log", "verify", "log", "--trust", "root", "--checkpoint", "kept")
    desk.good("log", "verify", "empty", "--trust", "root")
    desk.refused(Code.LOG_ROLLED_BACK, "log", "verify", "empty", "--trust", "root", "--checkpoint", "kept")


def test_the_verbs_suspend_resume_and_revoke(desk: Desk) -> None:
    desk.issue()
    serial = desk.good("log", "show", "log").split("\t")[3].strip()
    common = (serial, "--log", "log", "--trust", "root", "--log-signer", "file:a-log.pem", "--out")

    def state() -> str:
        return desk.good("status", serial, "--log", "log", "--trust", "root").split("\t")[1]

    assert state() == "official"
    assert "is suspended" in desk.good(
        "suspend", *common, "stop", "--signer", "file:an.pem", "--reason", "incident", "--note", "Sự cố"
    )
    assert state() == "suspended"
    desk.good(*desk.cosign())
    desk.refused(Code.SUSPENDED, *VERIFY, "--log", "log")
    assert "nothing has changed yet" in desk.good("resume", *common, "event", "--signer", "file:an.pem")
    assert state() == "suspended"
    desk.good("resume", *common, "event", "--signer", "file:binh.pem", "--begun", "event")
    desk.good(*desk.cosign())
    told = desk.good(*VERIFY, "--log", "log")
    assert "8. ✓ by the log it is neither suspended" in told
    desk.good("revoke", *common, "end", "--signer", "file:binh.pem", "--reason", "key-compromise")
    assert state() == "revoked"
    assert desk.good("status", "all", "--log", "log", "--trust", "root").count("\n") == 1


def test_signing_without_asking_is_for_laboratories(desk: Desk) -> None:
    desk.issue()
    done = desk.run(
        "suspend", "CC-1", "--log", "log", "--trust", "root", "--log-signer", "file:a-log.pem", "--out", "event",
        "--signer", "file:an.pem", "--reason", "incident", "--yes",
    )  # fmt: skip
    assert done.exit_code == 2


def test_a_log_is_made_once_and_only_under_a_known_name(desk: Desk) -> None:
    words = ("--trust", "root", "--signer", "file:a-log.pem", "--origin")
    assert "exists already" in str(desk.run("log", "init", "log", *words, "a-log").exception)
    desk.refused(Code.LOG_UNKNOWN, "log", "init", "new", *words, "c-log")
    assert not (desk.folder / "new").exists()


def test_the_commands_of_the_documentation_work(desk: Desk) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "log.md").read_text("utf-8")
    commands = [line.split()[1:] for line in text.splitlines() if line.startswith("clearance ")]
    assert len(commands) == 13
    names = {
        "root": "trust.dsse.json", "bundle": "good.bundle", "request": "request.dsse.json", "approved": "approved.dsse.json",
        "a-log.pem": "log.pem", "b-witness.pem": "witness.pem",
        "an.pem": "approver-a.pem", "binh.pem": "approver-b.pem",
    }  # fmt: skip
    for mine, theirs in names.items():
        (desk.folder / mine).rename(desk.folder / theirs)
    for words in commands:
        desk.good(*(SERIAL if word == "SERIAL" else word for word in words))


def test_the_documented_codes_are_codes() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "log.md").read_text("utf-8")
    listed = [line.split("`")[1] for line in text.splitlines() if line.startswith("| ") and "`" in line]
    assert len(listed) == 11
    assert all(Code(code).kind.value in ("integrity", "trust") for code in listed)
