"""The Merkle tree under a lock's log, and proofs over it (RFC 9162, section 2.1).

Decides whether an entry is in a log of a given size and root, and whether one log is the beginning
of another. A leaf is hashed after a zero byte and an interior node after a one, so that neither can
be passed off as the other. A proof has exactly the hashes that index and size ask for: at most one
for each doubling, 20 for a million entries.

Nodes are named (level, index): level 0 holds the leaf hashes, and node (l, i) covers the 2^l leaves
from i·2^l on. Only nodes whose leaves are all there have a name, and such a node never changes, so
a store may keep them for good. A `Frontier` is the least that a log must remember in order to grow.

Spec: spec/log.md, section 1. Checks M1 to M6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from mortice.core.errors import Malformed, Misuse, Untrusted

HASH_BYTES = 32  # SHA-256
SIZE_BYTES = 8  # of the entry count in a stored frontier
SIZE_MAX = (1 << 63) - 1  # what a database column holds
LEAF, NODE = b"\x00", b"\x01"  # domain separation (RFC 9162, section 2.1.1)
EMPTY_ROOT = hashlib.sha256().digest()  # of a log without entries

Node = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry, whatever its length."""
    return hashlib.sha256(LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return hashlib.sha256(NODE + left + right).digest()


def _fold(roots: Sequence[bytes]) -> bytes:
    """The root over neighbouring complete subtrees, the largest first."""
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = node_hash(left, root)
    return root


class Frontier:
    """A log's size and the roots of the complete subtrees it consists of, the largest first."""

    __slots__ = ("_roots", "size")

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    def copy(self) -> Frontier:
        """Another one that grows by itself."""
        frontier = Frontier()
        frontier.size, frontier._roots = self.size, self._roots.copy()
        return frontier

    def append(self, root: bytes, level: int = 0) -> list[tuple[int, int, bytes]]:
        """Take one more leaf hash; the interior nodes (level, index, hash) that it completes.

        With `level`, the root of the complete subtree of that level which begins here.
        """
        completed, width = [], 1 << level
        while self.size >> level & 1:
            root = node_hash(self._roots.pop(), root)
            level += 1
            completed.append((level, self.size >> level, root))
        self._roots.append(root)
        self.size += width
        return completed

    def root(self) -> bytes:
        """The root hash of the whole log."""
        return _fold(self._roots) if self._roots else EMPTY_ROOT

    def encode(self) -> bytes:
        """The size in 8 bytes, big-endian, and the roots after it."""
        return self.size.to_bytes(SIZE_BYTES, "big") + b"".join(self._roots)

    @classmethod
    def decode(cls, encoded: bytes) -> Frontier:
        """The inverse of `encode`. Raises Malformed (M6)."""
        size = int.from_bytes(encoded[:SIZE_BYTES], "big")
        expected = SIZE_BYTES + HASH_BYTES * size.bit_count()
        if len(encoded) != expected or size > SIZE_MAX:
            raise Malformed("M6", f"frontier: expected {expected} bytes, got {len(encoded)}")
        frontier = cls()
        frontier.size = size
        frontier._roots = [
            encoded[at : at + HASH_BYTES] for at in range(SIZE_BYTES, expected, HASH_BYTES)
        ]
        return frontier


def _largest_power_below(size: int) -> int:
    """The size of the left subtree of a tree of `size` > 1 leaves."""
    return 1 << (size - 1).bit_length() - 1


def _root_of(start: int, end: int, node: Node) -> bytes:
    """The root over leaves `start` to `end`, which are all of some subtree's."""
    roots = []
    while start < end:
        level = (end - start).bit_length() - 1
        roots.append(node(level, start >> level))
        start += 1 << level
    return _fold(roots)


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Proof that leaf `index` is in a log of `size` (RFC 9162, section 2.1.3.1).

    `node(level, index)` gives the hash of a complete node. Raises Misuse unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise Misuse(f"a log of {size} has no entry {index}")
    proof = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _largest_power_below(end - start)
        if index < middle:
            proof.append(_root_of(middle, end, node))
            end = middle
        else:
            proof.append(_root_of(start, middle, node))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """Proof that a log of `new` begins with that of `old` entries (RFC 9162, section 2.1.4.1).

    Empty if `old` is 0 or `new`. Raises Misuse unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise Misuse(f"a log of {new} does not begin with {old} entries")
    if old in (0, new):
        return []
    proof = []
    start, end = 0, new
    while end != old:
        middle = start + _largest_power_below(end - start)
        if old <= middle:
            proof.append(_root_of(middle, end, node))
            end = middle
        else:
            proof.append(_root_of(start, middle, node))
            start = middle
    if start:  # otherwise the old root itself is this node, and the verifier has it
        proof.append(_root_of(start, end, node))
    return proof[::-1]


def _lengths(index: int, size: int) -> tuple[int, int]:
    """How many hashes a proof for leaf `index` has below and along the tree's right edge."""
    inner = (index ^ size - 1).bit_length()
    return inner, (index >> inner).bit_count()


def _check_hashes(proof: Sequence[bytes], expected: int) -> None:
    if len(proof) != expected or any(len(one) != HASH_BYTES for one in proof):
        raise Untrusted("M2", f"proof: expected {expected} hashes of {HASH_BYTES} bytes")


def verify_inclusion(
    leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]
) -> None:
    """Raises Untrusted (M1 to M3) unless `leaf` is entry `index` in the log of `root`."""
    if not 0 <= index < size:
        raise Untrusted("M1", f"proof: a log of {size} has no entry {index}")
    inner, border = _lengths(index, size)
    _check_hashes(proof, inner + border)
    found = leaf
    for level, other in enumerate(proof[:inner]):
        found = node_hash(other, found) if index >> level & 1 else node_hash(found, other)
    for left in proof[inner:]:
        found = node_hash(left, found)
    if found != root:
        raise Untrusted("M3", "proof: the entry is not in this log")


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raises Untrusted (M1, M2, M4, M5) unless the log of `new` begins with that of `old` entries.

    Equal sizes are consistent if the roots are equal; every log begins with the empty one.
    """
    if not 0 <= old <= new:
        raise Untrusted("M1", f"proof: a log of {new} does not begin with {old} entries")
    from_old, from_new = _roots_from_consistency(old, new, old_root, new_root, proof)
    if from_old != old_root:
        raise Untrusted("M4", "proof: does not lead to the old root")
    if from_new != new_root:
        raise Untrusted("M5", "proof: the new log does not begin with the old one")


def _roots_from_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """The old and the new root that `proof` leads to."""
    if old in (0, new):
        _check_hashes(proof, 0)
        return (old_root, old_root) if old else (EMPTY_ROOT, new_root if new else EMPTY_ROOT)
    shift = (old & -old).bit_length() - 1  # level of the last complete subtree of the old log
    inner, border = _lengths(old - 1, new)
    inner -= shift
    whole = old == 1 << shift  # then that subtree is the old log, and its root is not sent
    _check_hashes(proof, inner + border + (not whole))
    first, rest = (old_root, proof) if whole else (proof[0], proof[1:])
    return _climb(first, old - 1 >> shift, rest[:inner], rest[inner:])


def _climb(
    first: bytes, path: int, inner: Sequence[bytes], border: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Both roots from their last common subtree. What stands right of the path is new."""
    old_root = new_root = first
    for level, other in enumerate(inner):
        if path >> level & 1:
            old_root, new_root = node_hash(other, old_root), node_hash(other, new_root)
        else:
            new_root = node_hash(new_root, other)
    for left in border:
        old_root, new_root = node_hash(left, old_root), node_hash(left, new_root)
    return old_root, new_root
