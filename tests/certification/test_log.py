"""Checkpoints, proofs and witnesses: one form only, no fork, no rollback, nobody vouches twice for different stories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from certification import merkle
from certification.checkpoint import Checkpoint, NoteAlgorithm, NoteKey, SignedCheckpoint, read_checkpoint
from certification.log_proof import LogProof, read_log_proof
from certification.log_store import SqliteLog, opened
from certification.refusals import Code, Refusal
from certification.signers import FileSigner
from certification.witness import cosigned, last_witnessed
from tests.certification.stage import refused

LOG, WITNESS = "mps.mau.test/log", "mic.mau.test/witness"
AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
LOG_PRIVATE, WITNESS_PRIVATE = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
LOG_SIGNER, WITNESS_SIGNER = FileSigner(LOG_PRIVATE), FileSigner(WITNESS_PRIVATE)
LOG_KEY = NoteKey(LOG, NoteAlgorithm.LOG, LOG_PRIVATE.public_key())
WITNESS_KEY = NoteKey(WITNESS, NoteAlgorithm.COSIGNATURE, WITNESS_PRIVATE.public_key())


def grown(log: SqliteLog, size: int, salt: str = "") -> SignedCheckpoint:
    """The log's signed checkpoint once it has this many entries."""
    for number in range(log.size, size):
        log.append(f"{salt}{number}".encode(), b"", "k", "s", "t")
    checkpoint = Checkpoint(LOG, size, merkle.root(log, size))
    return SignedCheckpoint(checkpoint, (LOG_SIGNER.sign_checkpoint(checkpoint, LOG),))


def witnessed(state: Path, seen: SignedCheckpoint, proof: tuple[bytes, ...], at: datetime = AT) -> SignedCheckpoint:
    return cosigned(
        state, LOG_KEY, seen, proof, lambda point, when: WITNESS_SIGNER.cosign(point, WITNESS, when), at, first=not state.exists()
    )


def test_a_checkpoint_is_read_back_and_both_signatures_hold(tmp_path: Path) -> None:
    with opened(tmp_path / "log", LOG) as log:
        note = witnessed(tmp_path / "state", grown(log, 5), ()).written()
    again = read_checkpoint(note)
    assert again.written() == note
    assert again.insist_on(LOG_KEY) is None
    assert again.insist_on(WITNESS_KEY) == AT
    stranger = NoteKey(LOG, NoteAlgorithm.LOG, Ed25519PrivateKey.generate().public_key())
    with refused(Code.CHECKPOINT_UNSIGNED):
        again.insist_on(stranger)


def test_a_cosignature_with_another_time_or_under_another_text_is_wrong(tmp_path: Path) -> None:
    with opened(tmp_path / "log", LOG) as log:
        signed = witnessed(tmp_path / "state", grown(log, 5), ())
    own, other = signed.signatures
    later = (int(AT.timestamp()) + 1).to_bytes(8) + other.signature[8:]
    with refused(Code.SIGNATURE_WRONG):
        SignedCheckpoint(signed.checkpoint, (own, type(other)(other.name, other.key_id, later))).insist_on(WITNESS_KEY)
    with refused(Code.SIGNATURE_WRONG):
        SignedCheckpoint(Checkpoint(LOG, 6, signed.checkpoint.root), signed.signatures).insist_on(LOG_KEY)


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note + b"\n",
        lambda note: note.replace(b"\n5\n", b"\n05\n"),
        lambda note: note.replace(b"\n\n", b"\nextension\n\n"),
        lambda note: note.replace(b"\n", b"\r\n"),
        lambda note: note[:-1],
        lambda note: note.partition(b"\n\n")[0] + b"\n\n",
        lambda note: note + note.splitlines(keepends=True)[-1],
        lambda note: note.replace("—".encode(), b"-"),
        lambda note: note + "— a/b AAAA\n".encode(),
        lambda note: b"\xff" + note,
        lambda note: note * 200,
    ],
)
def test_a_checkpoint_has_one_written_form(tmp_path: Path, change: object) -> None:
    with opened(tmp_path / "log", LOG) as log:
        note = grown(log, 5).written()
    with refused(Code.CHECKPOINT_MALFORMED):
        read_checkpoint(change(note))  # type: ignore[operator]  # a list of lambdas has no one type


@given(st.binary(max_size=300))
def test_any_bytes_are_a_checkpoint_a_proof_or_refused(data: bytes) -> None:
    for read in (read_checkpoint, read_log_proof):
        with pytest.raises(Refusal):
            read(data)


def test_a_proof_shows_that_a_payload_stands_in_the_log_and_no_other(tmp_path: Path) -> None:
    with opened(tmp_path / "log", LOG) as log:
        signed = grown(log, 13)
        proof = LogProof(7, merkle.inclusion(log, 7, 13), signed)
    again = read_log_proof(proof.written())
    assert again == proof
    again.insist_on(b"7")
    for payload in (b"8", b"", b"07"):
        with refused(Code.NOT_IN_LOG):
            again.insist_on(payload)
    for changed in (proof.written().replace(b"index 7", b"index 8"), proof.written().replace(b"index 7\n", b"index 7\nAAAA\n")):
        with pytest.raises(Refusal):
            read_log_proof(changed).insist_on(b"7")


@pytest.mark.parametrize(
    "data", [b"", b"c2sp.org/tlog-proof@v1\nindex 01\n\n", b"c2sp.org/tlog-proof@v1\nindex 1\nAA==\n\nlog\n0\n"]
)
def test_a_proof_has_one_written_form(data: bytes) -> None:
    with refused(Code.LOG_PROOF_MALFORMED):
        read_log_proof(data)


def test_a_witness_follows_a_log_that_grows(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with opened(tmp_path / "log", LOG) as log:
        witnessed(state, grown(log, 3), ())
        witnessed(state, grown(log, 3), (), AT + timedelta(hours=1))  # the same again, as when an answer was lost
        signed = grown(log, 11)
        witnessed(state, signed, merkle.consistency(log, 3, 11), AT + timedelta(hours=2))
    kept = last_witnessed(state, LOG)
    assert kept is not None and kept.size == 11


def test_a_log_that_was_rolled_back_or_forked_is_not_cosigned(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with opened(tmp_path / "log", LOG) as log, opened(tmp_path / "fork", LOG) as fork:
        witnessed(state, grown(log, 6), ())
        with refused(Code.LOG_ROLLED_BACK):
            witnessed(state, grown(fork, 5, "fork"), ())
        with refused(Code.LOG_FORKED):
            witnessed(state, grown(fork, 6, "fork"), ())
        with refused(Code.LOG_FORKED):
            witnessed(state, grown(fork, 9, "fork"), merkle.consistency(fork, 6, 9))
        with refused(Code.LOG_FORKED):
            witnessed(state, grown(log, 9), ())  # no proof is no proof
        kept = last_witnessed(state, LOG)
        assert kept is not None and kept.size == 6  # a refusal changes nothing


def test_a_witness_that_lost_its_memory_cosigns_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with opened(tmp_path / "log", LOG) as log:
        witnessed(state, grown(log, 3), ())
        for broken in (b"", b"{}", state.read_bytes().replace(b"mps", b"mic")):
            state.write_bytes(broken)
            with refused(Code.WITNESS_STATE_LOST):
                witnessed(state, grown(log, 3), ())


def test_a_checkpoint_of_another_log_or_by_another_key_is_not_cosigned(tmp_path: Path) -> None:
    other = Checkpoint("other.test/log", 0, merkle.EMPTY)
    with refused(Code.CHECKPOINT_UNSIGNED):
        witnessed(tmp_path / "state", SignedCheckpoint(other, (LOG_SIGNER.sign_checkpoint(other, LOG),)), ())
    forged = Checkpoint(LOG, 0, merkle.EMPTY)
    with refused(Code.CHECKPOINT_UNSIGNED):
        witnessed(tmp_path / "state", SignedCheckpoint(forged, (WITNESS_SIGNER.sign_checkpoint(forged, LOG),)), ())


def test_a_clock_that_runs_backwards_is_noticed(tmp_path: Path) -> None:
    with opened(tmp_path / "log", LOG) as log:
        signed = grown(log, 3)
        witnessed(tmp_path / "state", signed, ())
        with refused(Code.CLOCK_BACKWARDS):
            witnessed(tmp_path / "state", signed, (), AT - timedelta(seconds=1))


def test_only_edwards_keys_sign_notes() -> None:
    signer = FileSigner(generate_ec(SECP256R1()))
    with refused(Code.KEY_WEAK):
        signer.sign_checkpoint(Checkpoint(LOG, 0, merkle.EMPTY), LOG)
    with refused(Code.CHECKPOINT_MALFORMED):
        LOG_SIGNER.sign_checkpoint(Checkpoint(LOG, 0, merkle.EMPTY), "a name\nwith a line")
