"""Checkpoints: a log's size and root at one time, signed by the log and cosigned by its witnesses (C2SP tlog-checkpoint, signed-note, tlog-cosignature).

A checkpoint is text in one form only. Its signatures are Ed25519; what a witness signs says when it did.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certification.merkle import HASH_BYTES
from certification.refusals import Code, Refusal
from scanner.findings import said

NOTE_LIMIT = 16 * 1024
SIGNATURES_LIMIT = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_LINE = re.compile(r"— ([A-Za-z0-9][A-Za-z0-9._/-]{0,99}) ([A-Za-z0-9+/]+={0,2})")


class NoteAlgorithm(IntEnum):
    """The signature types of signed-note that are read and written."""

    LOG = 1
    """Ed25519 over the note's text."""
    COSIGNATURE = 4
    """Ed25519 over a time and the note's text (cosignature/v1)."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: what its signature and its witnesses' cosignatures are over."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """The note's text, its last line end included: what the log signs."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()

    def at(self, cosigned_at: datetime) -> bytes:
        """What a witness signs at this time."""
        return f"cosignature/v1\ntime {int(cosigned_at.timestamp())}\n".encode() + self.text()


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A log's or a witness's public key under the name it signs with."""

    name: str
    algorithm: NoteAlgorithm
    public: Ed25519PublicKey

    @property
    def id(self) -> bytes:
        """Four bytes that say which key of a name signed."""
        raw = self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + raw).digest()[:4]


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes
    """With the time before it where it is a cosignature."""

    def line(self) -> str:
        """The line as it stands in the note."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with its signature lines; not yet verified."""

    checkpoint: Checkpoint
    signatures: tuple[NoteSignature, ...]

    def written(self) -> bytes:
        """The note's bytes."""
        return self.checkpoint.text() + b"\n" + "".join(each.line() for each in self.signatures).encode()

    def also(self, *more: NoteSignature) -> SignedCheckpoint:
        """The same checkpoint with these signatures too, each key's once: the later one stands."""
        kept = {(each.name, each.key_id): each for each in (*self.signatures, *more)}
        return replace(self, signatures=tuple(kept.values()))

    def insist_on(self, key: NoteKey) -> datetime | None:
        """Returns where this key signed the checkpoint: when, where it is a witness's; refuses otherwise."""
        for each in self.signatures:
            if (each.name, each.key_id) == (key.name, key.id):
                return _verified(self.checkpoint, key, each.signature)
        raise Refusal(Code.CHECKPOINT_UNSIGNED, said("{name} did not sign the checkpoint", name=key.name))


def read_checkpoint(note: bytes) -> SignedCheckpoint:
    """The checkpoint in this note, which must be written as this program writes it; no signature is verified."""
    if len(note) > NOTE_LIMIT:
        raise _malformed(f"more than {NOTE_LIMIT} bytes")
    try:
        text = note.decode()
    except UnicodeDecodeError:
        raise _malformed("not UTF-8") from None
    head, gap, tail = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or len(lines) != 3 or not _NAME.fullmatch(lines[0]) or not _SIZE.fullmatch(lines[1]):
        raise _malformed("it needs an origin, a size and a root")
    found = SignedCheckpoint(Checkpoint(lines[0], int(lines[1]), _decoded(lines[2])), _signatures(tail))
    if len(found.checkpoint.root) != HASH_BYTES or found.written() != note:
        raise _malformed("it is not in the form it is written in")
    return found


def checked_name(name: str) -> str:
    """A name as logs and witnesses may have it."""
    if not _NAME.fullmatch(name):
        raise Refusal(Code.CHECKPOINT_MALFORMED, said("{name} is no name of a log or a witness", name=name))
    return name


def cosignature(at: datetime, signature: bytes) -> bytes:
    """The bytes of a cosignature: when, and the signature over it."""
    return int(at.timestamp()).to_bytes(8) + signature


def _verified(checkpoint: Checkpoint, key: NoteKey, signature: bytes) -> datetime | None:
    at = None
    signed = checkpoint.text()
    if key.algorithm is NoteAlgorithm.COSIGNATURE:
        seconds, signature = int.from_bytes(signature[:8]), signature[8:]
        if seconds > 253_402_300_799:
            raise _malformed("a cosignature of no plausible time")
        at = datetime.fromtimestamp(seconds, UTC)
        signed = checkpoint.at(at)
    try:
        key.public.verify(signature, signed)
    except InvalidSignature:
        raise Refusal(Code.SIGNATURE_WRONG, said("the signature of {name} does not fit", name=key.name)) from None
    return at


def _signatures(tail: str) -> tuple[NoteSignature, ...]:
    lines = tail.split("\n")
    if lines[-1] or not 2 <= len(lines) <= SIGNATURES_LIMIT + 1:
        raise _malformed(f"it needs from 1 to {SIGNATURES_LIMIT} signature lines")
    found = []
    for line in lines[:-1]:
        match = _LINE.fullmatch(line)
        if match is None:
            raise _malformed("a line is no signature")
        data = _decoded(match[2])
        if len(data) not in (4 + 64, 4 + 8 + 64):
            raise _malformed("a signature of no known length")
        found.append(NoteSignature(match[1], data[:4], data[4:]))
    if len({(each.name, each.key_id) for each in found}) != len(found):
        raise _malformed("a key signs twice")
    return tuple(found)


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise _malformed("not base64") from None
    return data


def _malformed(why: str) -> Refusal:
    return Refusal(Code.CHECKPOINT_MALFORMED, said("not a checkpoint: {why}", why=why))
