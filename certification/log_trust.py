"""Whose checkpoints are trusted: signed by a log of the trust root, cosigned by another authority's witness."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from certification.checkpoint import NoteAlgorithm, NoteKey, SignedCheckpoint
from certification.log_proof import read_log_proof
from certification.refusals import Code, Refusal
from certification.statements import Role
from certification.trust import TrustedKey, TrustRoot
from scanner.findings import said


@dataclass(frozen=True, slots=True)
class Watch:
    """Who cosigned a checkpoint, and when it says it did."""

    witness: str
    authority: str
    at: datetime


def note_key(key: TrustedKey) -> NoteKey:
    """A log's or a witness's key, in the form that checkpoints are signed with; refuses a key of any other role."""
    public = key.verifier.public
    algorithm = {Role.LOG: NoteAlgorithm.LOG, Role.LOG_WITNESS: NoteAlgorithm.COSIGNATURE}.get(key.known.role)
    if algorithm is None or not isinstance(public, Ed25519PublicKey):
        message = said("key {key} is for the role {seen}, not a log's or a witness's", key=key.known.keyid, seen=key.known.role)
        raise Refusal(Code.KEY_ROLE, message)
    return NoteKey(key.known.holder, algorithm, public)


def log_authority(trust: TrustRoot, origin: str) -> str:
    """The authority that runs this log; refuses a log the trust root does not name."""
    for log in trust.keyring.logs:
        if log.origin == origin:
            return log.authority
    raise Refusal(Code.LOG_UNKNOWN, said("the trust root names no log {origin}", origin=origin))


def log_key(signed: SignedCheckpoint, trust: TrustRoot, at: datetime | None) -> NoteKey:
    """The key by which its own log signed this checkpoint, valid at this instant, or ever where it is None; refuses where none did."""
    origin = signed.checkpoint.origin
    log_authority(trust, origin)
    key = _signing(signed, _keys(trust, Role.LOG, origin), origin)
    if at is not None:
        key.valid(at, at)
    found = note_key(key)
    signed.insist_on(found)
    return found


def watched(signed: SignedCheckpoint, trust: TrustRoot, at: datetime) -> Watch:
    """The newest cosignature of another authority's witness over this checkpoint of a trusted log; refuses where there is none."""
    own = log_authority(trust, signed.checkpoint.origin)
    others = {witness.name: witness.authority for witness in trust.keyring.witnesses if witness.authority != own}
    found = [
        Watch(name, authority, when)
        for name, authority in others.items()
        for key in _keys(trust, Role.LOG_WITNESS, name)
        if _present(signed, key) and (when := _cosigned_at(signed, key, at)) is not None
    ]
    if not found:
        message = said("no witness of another authority than {authority} cosigned the checkpoint", authority=own)
        raise Refusal(Code.NOT_COSIGNED, message)
    newest = max(found, key=lambda watch: watch.at)
    # A log's key must have been good when the witness saw the checkpoint: the checkpoint itself bears no time.
    key = _signing(signed, _keys(trust, Role.LOG, signed.checkpoint.origin), signed.checkpoint.origin)
    key.valid(newest.at, at)
    signed.insist_on(note_key(key))
    return newest


@dataclass(frozen=True, slots=True)
class WatchedLog:
    """A log's checkpoint that was found watched, by one trust root as of one instant: many proofs lead to it, and it is verified once."""

    checkpoint: SignedCheckpoint
    trust: TrustRoot
    at: datetime
    watch: Watch

    def is_of(self, signed: SignedCheckpoint, trust: TrustRoot, at: datetime) -> bool:
        """Whether this very checkpoint, with these very signatures, was verified by this trust root as of this instant."""
        return self.trust is trust and self.at == at and self.checkpoint == signed


def watched_log(signed: SignedCheckpoint, trust: TrustRoot, at: datetime) -> WatchedLog:
    """The checkpoint of a trusted log that another authority's witness cosigned; refuses any other."""
    return WatchedLog(signed, trust, at, watched(signed, trust, at))


def in_log(payload: bytes, proof: bytes, trust: TrustRoot, at: datetime, known: WatchedLog | None = None) -> Watch:
    """Who watched the log when this payload stood in it; refuses where the proof does not show that it does.

    A proof that leads to the checkpoint that is `known` is not asked for its signatures again; one that leads to another is.
    """
    found = read_log_proof(proof)
    same = known is not None and known.is_of(found.checkpoint, trust, at)
    watch = known.watch if known is not None and same else watched(found.checkpoint, trust, at)
    found.insist_on(payload)
    return watch


def witness_key(trust: TrustRoot, keyid: str, origin: str, at: datetime) -> NoteKey:
    """The witness's key of this id, which may cosign this log; refuses that of the authority whose log it is."""
    key = trust.key(keyid)
    if key.known.role is not Role.LOG_WITNESS:
        message = said("key {key} is for the role {seen}, not {wanted}", key=keyid, seen=key.known.role, wanted=Role.LOG_WITNESS)
        raise Refusal(Code.KEY_ROLE, message)
    key.valid(at, at)
    own = log_authority(trust, origin)
    if any((witness.name, witness.authority) == (key.known.holder, own) for witness in trust.keyring.witnesses):
        raise Refusal(Code.WITNESS_OF_OWN_LOG, said("{authority} runs both the log and the witness", authority=own))
    return note_key(key)


def _cosigned_at(signed: SignedCheckpoint, key: TrustedKey, at: datetime) -> datetime | None:
    when = signed.insist_on(note_key(key)) or datetime.min.replace(tzinfo=UTC)
    key.valid(when, at)
    if when > at:
        # A witness ahead of this clock: one of the two is wrong, and which cannot be told here.
        message = said("{name} cosigned on {when}, after this instant", name=key.known.holder, when=f"{when:%Y-%m-%d %H:%M:%S}")
        raise Refusal(Code.CLOCK_BACKWARDS, message)
    return when


def _keys(trust: TrustRoot, role: Role, holder: str) -> list[TrustedKey]:
    return [key for key in trust.keys.values() if (key.known.role, key.known.holder) == (role, holder)]


def _present(signed: SignedCheckpoint, key: TrustedKey) -> bool:
    note = note_key(key)
    return any((each.name, each.key_id) == (note.name, note.id) for each in signed.signatures)


def _signing(signed: SignedCheckpoint, keys: Iterable[TrustedKey], name: str) -> TrustedKey:
    for key in keys:
        if _present(signed, key):
            return key
    raise Refusal(Code.CHECKPOINT_UNSIGNED, said("{name} did not sign the checkpoint", name=name))
