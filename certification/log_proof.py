"""Proofs that a statement stands in a log: index, hashes and cosigned checkpoint in one text file (C2SP tlog-proof@v1)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache

from certification.checkpoint import NOTE_LIMIT, SignedCheckpoint, read_checkpoint
from certification.merkle import HASH_BYTES, ProofError, insist_on_inclusion, leaf_hash
from certification.refusals import Code, Refusal
from scanner.findings import said

FIRST_LINE = "c2sp.org/tlog-proof@v1"
"""How every proof begins."""
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,17})")
_HASHES_LIMIT = 64


@dataclass(frozen=True, slots=True)
class LogProof:
    """Where a statement stands, how that leads to the checkpoint's root, and the checkpoint; nothing of it is verified yet."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: SignedCheckpoint

    def written(self) -> bytes:
        """The file's bytes."""
        lines = [FIRST_LINE, f"index {self.index}", *(base64.b64encode(each).decode() for each in self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint.written()

    def insist_on(self, payload: bytes) -> None:
        """Returns where this very payload stands in the tree of the checkpoint; who signed that is another question."""
        seen = self.checkpoint.checkpoint
        try:
            insist_on_inclusion(leaf_hash(payload), self.index, seen.size, self.hashes, seen.root)
        except ProofError as error:
            raise Refusal(Code.NOT_IN_LOG, said("{why}", why=str(error))) from None


@lru_cache(maxsize=8)  # a register's entry is asked for its place, its checkpoint and its inclusion, one after the other
def read_log_proof(data: bytes) -> LogProof:
    """The proof in these bytes, which must be written as this program writes it."""
    head, gap, note = data.partition(b"\n\n")
    if not gap or len(head) > NOTE_LIMIT:
        raise _malformed("it needs an index, hashes and a checkpoint")
    lines = head.decode("ascii", "replace").split("\n")
    index = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
    if lines[0] != FIRST_LINE or index is None or len(lines) - 2 > _HASHES_LIMIT:
        raise _malformed("it needs an index, hashes and a checkpoint")
    found = LogProof(int(index[1]), tuple(_hash(line) for line in lines[2:]), read_checkpoint(note))
    if found.written() != data:
        raise _malformed("it is not in the form it is written in")
    return found


def _hash(line: str) -> bytes:
    try:
        data = base64.b64decode(line.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise _malformed("a hash is not base64") from None
    if len(data) != HASH_BYTES:
        raise _malformed("a hash has another length")
    return data


def _malformed(why: str) -> Refusal:
    return Refusal(Code.LOG_PROOF_MALFORMED, said("not a proof of a log: {why}", why=why))
