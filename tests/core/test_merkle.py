"""Merkle hashing and proofs against the definitions of RFC 9162, written out naively."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mortice.core.errors import Malformed, Misuse, Untrusted
from mortice.core.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# The tree of 8 leaves in Certificate Transparency's test data, and its roots by size.
CT_LEAVES = [bytes.fromhex(leaf) for leaf in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f")]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
MOST = 70  # leaves in the exhaustive tests: past 64, so that every shape up to 6 levels occurs


def mth(entries: list[bytes]) -> bytes:
    """MTH(D[n]) of RFC 9162, section 2.1.1."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = left_size(len(entries))
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def left_size(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m: int, entries: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of RFC 9162, section 2.1.3.1."""
    if len(entries) == 1:
        return []
    k = left_size(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m: int, entries: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of RFC 9162, section 2.1.4.1."""
    if m == len(entries):
        return [] if whole else [mth(entries)]
    k = left_size(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


class Tree:
    """A log grown entry by entry that keeps what `Frontier.append` says is complete."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries = entries
        self.frontier = Frontier()
        self.nodes: dict[tuple[int, int], bytes] = {}
        for index, entry in enumerate(entries):
            self.nodes[0, index] = leaf_hash(entry)
            for level, place, value in self.frontier.append(leaf_hash(entry)):
                assert (level, place) not in self.nodes
                self.nodes[level, place] = value

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]


def entries(count: int) -> list[bytes]:
    return [b"entry %d" % n for n in range(count)]


def test_roots_of_the_certificate_transparency_tree() -> None:
    for size, root in enumerate(CT_ROOTS):
        assert Tree(CT_LEAVES[:size]).frontier.root().hex() == root
    assert EMPTY_ROOT.hex() == CT_ROOTS[0]


def test_a_leaf_cannot_be_passed_off_as_a_node() -> None:
    assert leaf_hash(bytes(64)) != node_hash(bytes(32), bytes(32))


def test_roots_and_nodes_are_those_of_the_rfc() -> None:
    for count in range(MOST):
        tree = Tree(entries(count))
        assert tree.frontier.root() == mth(tree.entries)
        assert tree.frontier.size == count
        for (level, index), value in tree.nodes.items():
            assert value == mth(tree.entries[index << level : index + 1 << level])


def test_a_frontier_is_restored_from_its_bytes() -> None:
    frontier = Frontier()
    for entry in entries(MOST):
        restored = Frontier.decode(frontier.encode())
        assert (restored.size, restored.root()) == (frontier.size, frontier.root())
        assert restored.append(leaf_hash(entry)) == frontier.append(leaf_hash(entry))
    assert len(frontier.encode()) == 8 + 32 * MOST.bit_count()


@pytest.mark.parametrize(
    "encoded",
    [b"", bytes(7), bytes(9), bytes(7) + b"\x01", bytes(7) + b"\x01" + bytes(31),
     bytes(7) + b"\x01" + bytes(33), bytes(7) + b"\x03" + bytes(32), b"\x80" + bytes(7 + 32)])
def test_bytes_that_are_no_frontier_are_refused(encoded: bytes) -> None:
    with pytest.raises(Malformed, match="M6"):
        Frontier.decode(encoded)


def test_inclusion_proofs_are_those_of_the_rfc_and_hold() -> None:
    tree = Tree(entries(MOST))
    for size in range(1, MOST + 1):
        root = mth(tree.entries[:size])
        for index in range(size):
            proof = inclusion_proof(index, size, tree.node)
            assert proof == path(index, tree.entries[:size])
            verify_inclusion(leaf_hash(tree.entries[index]), index, size, root, proof)


def test_consistency_proofs_are_those_of_the_rfc_and_hold() -> None:
    tree = Tree(entries(MOST))
    for new in range(1, MOST + 1):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, tree.node)
            assert proof == subproof(old, tree.entries[:new], True)
            verify_consistency(old, new, mth(tree.entries[:old]), mth(tree.entries[:new]), proof)


def refused(check: str, call: Callable[[], object]) -> None:
    with pytest.raises(Untrusted) as error:
        call()
    assert error.value.check == check


@given(st.data())
def test_any_change_breaks_an_inclusion_proof(data: st.DataObject) -> None:
    tree = Tree(entries(data.draw(st.integers(1, 40))))
    size, root = tree.frontier.size, tree.frontier.root()
    index = data.draw(st.integers(0, size - 1))
    leaf, proof = leaf_hash(tree.entries[index]), inclusion_proof(index, size, tree.node)
    refused("M3", lambda: verify_inclusion(bytes(32), index, size, root, proof))
    refused("M3", lambda: verify_inclusion(leaf, index, size, bytes(32), proof))
    refused("M2", lambda: verify_inclusion(leaf, index, size, root, [*proof, bytes(32)]))
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], bytes(32), *proof[at + 1 :]]
        shortened = [*proof[:at], proof[at][:31], *proof[at + 1 :]]
        refused("M3", lambda: verify_inclusion(leaf, index, size, root, changed))
        refused("M2", lambda: verify_inclusion(leaf, index, size, root, shortened))
        refused("M2", lambda: verify_inclusion(leaf, index, size, root, proof[1:]))
        other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
        with pytest.raises(Untrusted):
            verify_inclusion(leaf, other, size, root, proof)


@given(st.data())
def test_any_change_breaks_a_consistency_proof(data: st.DataObject) -> None:
    tree = Tree(entries(data.draw(st.integers(2, 40))))
    new = tree.frontier.size
    old = data.draw(st.integers(1, new - 1))
    old_root, new_root = mth(tree.entries[:old]), tree.frontier.root()
    proof = consistency_proof(old, new, tree.node)
    refused("M2", lambda: verify_consistency(old, new, old_root, new_root, [*proof, bytes(32)]))
    refused("M2", lambda: verify_consistency(old, new, old_root, new_root, proof[1:]))
    refused("M5", lambda: verify_consistency(old, new, old_root, bytes(32), proof))
    forged = Tree([*entries(old - 1), b"forged"])
    with pytest.raises(Untrusted):
        verify_consistency(old, new, forged.frontier.root(), new_root, proof)
    at = data.draw(st.integers(0, len(proof) - 1))
    changed = [*proof[:at], bytes(32), *proof[at + 1 :]]
    with pytest.raises(Untrusted):
        verify_consistency(old, new, old_root, new_root, changed)


def test_an_old_log_that_is_not_the_beginning_is_told_from_a_wrong_new_one() -> None:
    tree = Tree(entries(7))
    proof = consistency_proof(6, 7, tree.node)
    refused("M4", lambda: verify_consistency(6, 7, bytes(32), tree.frontier.root(), proof))


def test_every_log_begins_with_the_empty_one() -> None:
    root = mth(entries(5))
    assert consistency_proof(0, 5, Tree([]).node) == []
    verify_consistency(0, 5, EMPTY_ROOT, root, [])
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    refused("M4", lambda: verify_consistency(0, 5, bytes(32), root, []))
    refused("M5", lambda: verify_consistency(0, 0, EMPTY_ROOT, root, []))
    refused("M2", lambda: verify_consistency(0, 5, EMPTY_ROOT, root, [bytes(32)]))


def test_two_roots_of_one_size_are_not_consistent() -> None:
    verify_consistency(5, 5, mth(entries(5)), mth(entries(5)), [])
    refused("M5", lambda: verify_consistency(5, 5, mth(entries(5)), mth(entries(4)), []))


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0), (9, 5)])
def test_an_entry_outside_the_log_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(Misuse):
        inclusion_proof(index, size, Tree(entries(5)).node)
    refused("M1", lambda: verify_inclusion(bytes(32), index, size, bytes(32), []))


@pytest.mark.parametrize(("old", "new"), [(-1, 5), (6, 5)])
def test_a_log_does_not_begin_with_a_larger_one(old: int, new: int) -> None:
    with pytest.raises(Misuse):
        consistency_proof(old, new, Tree(entries(5)).node)
    refused("M1", lambda: verify_consistency(old, new, bytes(32), bytes(32), []))


class Uniform:
    """A log of any size whose entries are all alike, so that no node has to be stored."""

    def __init__(self) -> None:
        self.levels = [leaf_hash(b"same")]
        self.asked = 0

    def node(self, level: int, index: int) -> bytes:
        self.asked += 1
        while len(self.levels) <= level:
            self.levels.append(node_hash(self.levels[-1], self.levels[-1]))
        return self.levels[level]

    def root(self, size: int) -> bytes:
        roots = [self.node(level, 0) for level in range(size.bit_length()) if size >> level & 1]
        root = roots[0]
        for left in roots[1:]:
            root = node_hash(left, root)
        return root


@pytest.mark.parametrize("size", [1_000_000, 1 << 20, (1 << 20) - 1, 524_289])
def test_a_proof_in_a_million_entries_has_at_most_20_hashes(size: int) -> None:
    log = Uniform()
    for index in {0, 1, size // 3, size // 2, size - 2, size - 1}:
        log.asked = 0
        proof = inclusion_proof(index, size, log.node)
        assert len(proof) <= 20
        assert log.asked <= 40
        verify_inclusion(leaf_hash(b"same"), index, size, log.root(size), proof)
    for old in {1, 2, size // 3, size // 2, size - 1}:
        proof = consistency_proof(old, size, log.node)
        assert len(proof) <= 21  # one more: the last common subtree itself
        verify_consistency(old, size, log.root(old), log.root(size), proof)


def test_a_copied_frontier_grows_by_itself() -> None:
    """What is appended in a transaction that fails must not have grown the log in memory."""
    frontier = Frontier()
    for number in range(MOST):
        before, copy = frontier.encode(), frontier.copy()
        assert copy.encode() == before
        copy.append(leaf_hash(b"in vain"))
        assert frontier.encode() == before
        frontier.append(leaf_hash(bytes([number])))
        assert copy.root() != frontier.root()
