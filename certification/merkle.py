"""Merkle trees as RFC 9162 section 2.1 defines them: roots, proofs of inclusion and of consistency, and their verification. Pure.

A tree is read through `Nodes`, which knows the hash of every complete subtree; a proof of a tree of n leaves touches about 2 log n of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Protocol

HASH_BYTES = 32
EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


class ProofError(ValueError):
    """A proof that does not show what it should, or numbers that no proof can be about."""


class Nodes(Protocol):
    """The complete subtrees of a tree that only grows."""

    def node(self, level: int, index: int) -> bytes:
        """The hash of the subtree over the 2**level leaves from index * 2**level on."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grown(nodes: Nodes, index: int, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The complete subtrees that the leaf of this index completes, as level, index and hash, itself first."""
    level, found = 0, leaf
    yield level, index, found
    while index & 1:
        found = node_hash(nodes.node(level, index - 1), found)
        level, index = level + 1, index >> 1
        yield level, index, found


def root(nodes: Nodes, size: int) -> bytes:
    """The root of the tree of the first `size` leaves (section 2.1.1)."""
    return _over(nodes, 0, size) if size else EMPTY


def inclusion(nodes: Nodes, index: int, size: int) -> tuple[bytes, ...]:
    """The proof that the leaf of this index is in the tree of this size (section 2.1.3.1); raises ProofError where it is not."""
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _left(end - start)
        if index < middle:
            path.append(_over(nodes, middle, end))
            end = middle
        else:
            path.append(_over(nodes, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency(nodes: Nodes, old: int, new: int) -> tuple[bytes, ...]:
    """The proof that the tree of `new` leaves begins with that of `old` (section 2.1.4.1); raises ProofError where it cannot."""
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} leaves cannot begin with one of {old}")
    if old in (0, new):
        return ()
    path, start, end, whole = [], 0, new, True
    while old - start != end - start:
        middle = start + _left(end - start)
        if old <= middle:
            path.append(_over(nodes, middle, end))
            end = middle
        else:
            path.append(_over(nodes, start, middle))
            start, whole = middle, False
    if not whole:
        path.append(_over(nodes, start, end))
    return tuple(reversed(path))


def insist_on_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], wanted: bytes) -> None:
    """Returns where the proof leads from this leaf to this root (section 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    at, last, found = index, size - 1, leaf
    for other in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if at & 1 or at == last:
            found = node_hash(other, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, other)
        at, last = at >> 1, last >> 1
    if last != 0 or found != wanted:
        raise ProofError("the proof does not lead to the root")


def insist_on_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Returns where the proof shows that the new tree begins with the old one (section 2.1.4.2)."""
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} leaves cannot begin with one of {old}")
    if old in (0, new):
        if proof or old_root != (new_root if old == new else EMPTY):
            raise ProofError("two roots for one size")
        return
    nodes = list(proof)
    if old & (old - 1) == 0:
        nodes.insert(0, old_root)
    if not nodes:
        raise ProofError("the proof is too short")
    shared = ((old - 1) ^ old).bit_length() - 1  # levels at which both trees have the same nodes up to the last of the old one
    if _both(old - 1 >> shared, new - 1 >> shared, nodes) != (old_root, new_root):
        raise ProofError("the proof does not lead from the old root to the new one")


def _both(at: int, last: int, nodes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The old root and the new one to which these nodes lead."""
    first = second = nodes[0]
    for other in nodes[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if at & 1 or at == last:
            first, second = node_hash(other, first), node_hash(other, second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, other)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
    return first, second


def _over(nodes: Nodes, start: int, end: int) -> bytes:
    """The hash over the leaves from start on and before end; the range begins where a subtree of its size may."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return nodes.node(level, start >> level)
    middle = start + _left(count)
    return node_hash(_over(nodes, start, middle), _over(nodes, middle, end))


def _left(count: int) -> int:
    """The largest power of two below the count."""
    return 1 << ((count - 1).bit_length() - 1)
