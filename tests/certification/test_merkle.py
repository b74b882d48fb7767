"""The Merkle tree against RFC 9162: every proof of every small tree holds, and nothing else passes for one."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certification import merkle
from certification.merkle import ProofError

MOST = 80


class Memory:
    """A tree in memory."""

    def __init__(self, leaves: int, salt: bytes = b"") -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.leaves = [merkle.leaf_hash(salt + b"%d" % number) for number in range(leaves)]
        for index, leaf in enumerate(self.leaves):
            self.nodes |= {(level, at): found for level, at, found in merkle.grown(self, index, leaf)}

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of section 2.1.1, word for word in code."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


TREE = Memory(MOST)


@pytest.mark.parametrize("size", range(MOST + 1))
def test_the_root_is_the_one_of_the_definition(size: int) -> None:
    assert merkle.root(TREE, size) == by_definition(TREE.leaves[:size])


def test_the_examples_of_certificate_transparency_hold() -> None:
    # roots of the reference implementation's well-known eight inputs
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    tree = Memory(0)
    for index, text in enumerate(inputs):
        tree.nodes |= {
            (level, at): found for level, at, found in merkle.grown(tree, index, merkle.leaf_hash(bytes.fromhex(text)))
        }
    assert merkle.root(tree, 1).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.root(tree, 8).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_leaf_of_every_small_tree_is_proven_and_no_other_passes(size: int) -> None:
    root = merkle.root(TREE, size)
    for index in range(size):
        proof = merkle.inclusion(TREE, index, size)
        merkle.insist_on_inclusion(TREE.leaves[index], index, size, proof, root)
        for wrong in ((index + 1) % size if size > 1 else index + 1, size):
            with pytest.raises(ProofError):
                merkle.insist_on_inclusion(TREE.leaves[index], wrong, size, proof, root)
        with pytest.raises(ProofError):
            merkle.insist_on_inclusion(merkle.leaf_hash(b"forged"), index, size, proof, root)
        with pytest.raises(ProofError):
            merkle.insist_on_inclusion(TREE.leaves[index], index, size, (*proof, root), root)
        if proof:
            with pytest.raises(ProofError):
                merkle.insist_on_inclusion(TREE.leaves[index], index, size, proof[:-1], root)


@pytest.mark.parametrize("new", range(MOST + 1))
def test_every_small_tree_is_shown_to_grow_from_every_smaller_one_and_a_fork_is_not(new: int) -> None:
    fork = Memory(new, b"fork")
    for old in range(new + 1):
        proof = merkle.consistency(TREE, old, new)
        roots = merkle.root(TREE, old), merkle.root(TREE, new)
        merkle.insist_on_consistency(old, new, proof, *roots)
        if old:
            with pytest.raises(ProofError):
                merkle.insist_on_consistency(old, new, merkle.consistency(fork, old, new), roots[0], merkle.root(fork, new))
            with pytest.raises(ProofError):
                merkle.insist_on_consistency(old, new, (*proof, roots[0]), *roots)
        if 0 < old < new:
            with pytest.raises(ProofError):
                merkle.insist_on_consistency(old, new, proof[:-1], *roots)
            with pytest.raises(ProofError):
                merkle.insist_on_consistency(new, old, proof, roots[1], roots[0])


def test_questions_without_an_answer_are_refused() -> None:
    for index, size in ((0, 0), (-1, 5), (5, 5)):
        with pytest.raises(ProofError):
            merkle.inclusion(TREE, index, size)
    for old, new in ((2, 1), (-1, 1)):
        with pytest.raises(ProofError):
            merkle.consistency(TREE, old, new)


@given(st.integers(1, MOST), st.data())
def test_a_proof_with_one_bit_changed_proves_nothing(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = list(merkle.inclusion(TREE, index, size))
    if not proof:
        return
    which, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    changed = bytearray(proof[which])
    changed[bit // 8] ^= 1 << (bit % 8)
    proof[which] = bytes(changed)
    with pytest.raises(ProofError):
        merkle.insist_on_inclusion(TREE.leaves[index], index, size, proof, merkle.root(TREE, size))
