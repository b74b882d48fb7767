"""The logs of a trust root: each is watched by another authority than its own, and only their checkpoints are trusted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec

from certification import merkle
from certification.checkpoint import Checkpoint, SignedCheckpoint
from certification.keyring import HolderKind, KnownKey, KnownLog, KnownWitness
from certification.log_proof import LogProof
from certification.log_trust import WatchedLog, in_log, log_key, note_key, watched, watched_log, witness_key
from certification.refusals import Code
from certification.signers import FileSigner
from certification.statements import Role
from certification.trust import draft_keyring
from tests.certification.stage import LATER, SEEN, keyring, known, refused, root, signer

TRUST = root()


def checkpoint(origin: str = "a-log", by: str = "a-log", cosigned: Iterable[str] = (), at: Any = SEEN) -> SignedCheckpoint:
    """An empty log's checkpoint, signed under its name by this key and cosigned by these witnesses."""
    seen = Checkpoint(origin, 0, merkle.EMPTY)
    return SignedCheckpoint(
        seen, (signer(by).sign_checkpoint(seen, origin), *(signer(name).cosign(seen, name, at) for name in cosigned))
    )


def test_a_checkpoint_counts_where_its_log_signed_and_another_authority_s_witness_cosigned() -> None:
    signed = checkpoint(cosigned=("b-witness",))
    assert log_key(signed, TRUST, LATER).name == "a-log"
    watch = watched(signed, TRUST, LATER)
    assert (watch.witness, watch.authority, watch.at) == ("b-witness", "ministry-b", SEEN)


def test_a_log_s_own_authority_is_no_witness_of_it() -> None:
    with refused(Code.NOT_COSIGNED):
        watched(checkpoint(), TRUST, LATER)
    with refused(Code.NOT_COSIGNED):
        watched(checkpoint(cosigned=("a-witness",)), TRUST, LATER)
    assert witness_key(TRUST, signer("b-witness").keyid, "a-log", SEEN).name == "b-witness"
    with refused(Code.WITNESS_OF_OWN_LOG):
        witness_key(TRUST, signer("a-witness").keyid, "a-log", SEEN)
    with refused(Code.KEY_ROLE):
        witness_key(TRUST, signer("b-log").keyid, "a-log", SEEN)
    with refused(Code.KEY_ROLE):
        note_key(TRUST.key(signer("an").keyid))


def test_a_log_that_was_found_watched_vouches_for_its_own_checkpoint_alone() -> None:
    payload = b"a statement"
    seen = Checkpoint("a-log", 1, merkle.leaf_hash(payload))
    lines = [signer("a-log").sign_checkpoint(seen, "a-log"), signer("b-witness").cosign(seen, "b-witness", SEEN)]
    good = SignedCheckpoint(seen, tuple(lines))
    known_log = watched_log(good, TRUST, LATER)
    assert in_log(payload, LogProof(0, (), good).written(), TRUST, LATER, known_log) == known_log.watch
    with refused(Code.NOT_IN_LOG):
        in_log(b"another statement", LogProof(0, (), good).written(), TRUST, LATER, known_log)
    with refused(Code.NOT_COSIGNED):
        watched_log(SignedCheckpoint(seen, tuple(lines[:1])), TRUST, LATER)
    # Whatever else the proof carries than the very checkpoint that is known is verified by itself.
    with refused(Code.NOT_COSIGNED):
        in_log(payload, LogProof(0, (), SignedCheckpoint(seen, tuple(lines[:1]))).written(), TRUST, LATER, known_log)
    forged = replace(lines[1], signature=lines[1].signature[:-1] + bytes([lines[1].signature[-1] ^ 1]))
    with refused(Code.SIGNATURE_WRONG):
        in_log(payload, LogProof(0, (), SignedCheckpoint(seen, (lines[0], forged))).written(), TRUST, LATER, known_log)
    # So is the very checkpoint, by another trust root or as of another instant.
    stranger = signer("stranger-witness")
    changed = known("b-witness", Role.LOG_WITNESS, keyid=stranger.keyid, public_key=stranger.public_pem)
    other = root(keys=tuple(changed if key.holder == "b-witness" else key for key in keyring().keys))
    early = SEEN - timedelta(days=1)
    for trust, at, code in ((other, LATER, Code.NOT_COSIGNED), (TRUST, early, Code.CLOCK_BACKWARDS)):
        with refused(code):
            in_log(payload, LogProof(0, (), good).written(), trust, at, known_log)
    assert not known_log.is_of(good, root(), LATER)
    assert WatchedLog(good, TRUST, LATER, known_log.watch) == known_log


def test_checkpoints_of_strangers_or_by_other_keys_are_refused() -> None:
    for look in (log_key, watched):
        with refused(Code.LOG_UNKNOWN):
            look(checkpoint("c-log"), TRUST, LATER)
    with refused(Code.CHECKPOINT_UNSIGNED):
        log_key(checkpoint(by="b-log"), TRUST, LATER)
    with refused(Code.CHECKPOINT_UNSIGNED):
        watched(checkpoint(by="b-log", cosigned=("b-witness",)), TRUST, LATER)


def test_a_witness_ahead_of_the_clock_is_refused() -> None:
    with refused(Code.CLOCK_BACKWARDS):
        watched(checkpoint(cosigned=("b-witness",), at=LATER + timedelta(seconds=1)), TRUST, LATER)


@pytest.mark.parametrize("name", ["a-log", "b-witness"])
def test_revoked_keys_of_logs_and_witnesses_no_longer_count(name: str) -> None:
    keys = tuple(key.model_copy(update={"revoked_at": LATER}) if key.holder == name else key for key in keyring().keys)
    trust = root(keys=keys)
    watched(checkpoint(cosigned=("b-witness",)), trust, LATER - timedelta(seconds=1))
    with refused(Code.KEY_REVOKED):
        watched(checkpoint(cosigned=("b-witness",)), trust, LATER)


def _without(name: str) -> tuple[KnownKey, ...]:
    return tuple(key for key in keyring().keys if key.holder != name)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"logs": (), "keys": (*_without("a-log"),)}, "unknown log"),
        ({"logs": (), "witnesses": (), "keys": tuple(k for k in keyring().keys if not k.holder.endswith(("-log", "-witness")))},
         "no log for what they approve"),
        ({"keys": _without("a-log")}, "has no key"),
        ({"keys": _without("b-witness")}, "no other authority"),
        ({"witnesses": (KnownWitness(name="a-witness", authority="ministry-a"), KnownWitness(name="b-witness", authority="ministry-a"))},
         "no other authority"),
        ({"logs": (KnownLog(origin="a-log", authority="ministry-x"),)}, "unknown authority"),
        ({"logs": (*keyring().logs, KnownLog(origin="a-log", authority="ministry-b"))}, "stands twice"),
        ({"more_keys": (known("c-log", Role.LOG),)}, "unknown log"),
        ({"more_keys": (known("a-log", Role.LOG, authority="ministry-b", keyid="0" * 64),)}, "another authority"),
        ({"more_keys": (known("x", Role.LOG, holder_kind=HolderKind.PERSON, holder="a-log"),)}, "held by"),
    ],
)  # fmt: skip
def test_a_trust_root_whose_logs_nobody_else_watches_is_refused(changes: dict[str, Any], why: str) -> None:
    with refused(Code.ROOT_INCONSISTENT) as caught:
        draft_keyring(keyring(**changes))
    assert why in caught.value.message


def test_a_log_s_key_is_one_that_can_sign_checkpoints() -> None:
    other = FileSigner(generate_ec(SECP256R1()))
    entry = known("c", Role.LOG, holder="a-log", keyid=other.keyid, public_key=other.public_pem)
    with refused(Code.ROOT_INCONSISTENT) as caught:
        draft_keyring(keyring(more_keys=(entry,)))
    assert "Ed25519" in caught.value.message
