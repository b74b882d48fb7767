"""The audit of a log: its tree is built anew from what its entries say, and must be the one that was signed and seen before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from certification import merkle
from certification.checkpoint import Checkpoint, SignedCheckpoint
from certification.ledger import described, newest
from certification.log_store import LogStore
from certification.log_trust import log_authority, log_key
from certification.refusals import Code, Refusal
from certification.trust import TrustRoot
from scanner.findings import said


class Tree(dict[tuple[int, int], bytes]):
    """Complete subtrees in memory."""

    def node(self, level: int, index: int) -> bytes:
        """The hash of the subtree over the 2**level leaves from index * 2**level on."""
        return self[level, index]


def audited(log: LogStore, trust: TrustRoot, at: datetime, older: Iterable[SignedCheckpoint] = ()) -> SignedCheckpoint:
    """The newest checkpoint of a log that is whole: nothing changed, taken out or put between, and each of `older` is its beginning.

    Refuses with a code of its own a missing entry, a changed one, a shorter log, a second story and a wrong signature.
    """
    log_authority(trust, log.origin)
    tree, size = _rebuilt(log)
    signed = newest(log)
    log_key(signed, trust, at)
    if size > signed.checkpoint.size:
        message = said("{size} entries, and a checkpoint for {signed}", size=size, signed=signed.checkpoint.size)
        raise Refusal(Code.CHECKPOINT_UNSIGNED, message)
    _begins(tree, size, signed.checkpoint, log.origin)
    for old in older:
        log_key(old, trust, None)  # it was signed long ago, perhaps by a key that has ended since
        _begins(tree, size, old.checkpoint, log.origin)
    return signed


def _rebuilt(log: LogStore) -> tuple[Tree, int]:
    tree, size = Tree(), 0
    for entry in log.entries():
        if entry.position != size:
            raise Refusal(Code.LOG_ENTRY_MISSING, said("there is no entry {position}", position=size))
        payload, kind, serial = described(entry)
        leaf = merkle.leaf_hash(payload)
        if (leaf, kind, serial) != (entry.leaf, entry.kind, entry.serial):
            raise Refusal(Code.LOG_ENTRY_CHANGED, said("entry {position} is not what was logged", position=size))
        for level, index, found in merkle.grown(tree, size, leaf):
            tree[level, index] = found
            if log.node(level, index) != found:
                message = said("the subtree {level}/{index} is not over its entries", level=level, index=index)
                raise Refusal(Code.LOG_ENTRY_CHANGED, message)
        size += 1
    return tree, size


def _begins(tree: Tree, size: int, seen: Checkpoint, origin: str) -> None:
    """Returns where the log begins as this checkpoint says."""
    if seen.origin != origin:
        raise Refusal(Code.LOG_UNKNOWN, said("a checkpoint of {seen}, where {wanted} is wanted", seen=seen.origin, wanted=origin))
    if size < seen.size:
        raise Refusal(Code.LOG_ROLLED_BACK, said("{size} entries, where there were {before}", size=size, before=seen.size))
    if merkle.root(tree, seen.size) != seen.root:
        raise Refusal(Code.LOG_FORKED, said("its first {size} entries are not those of the checkpoint", size=seen.size))
