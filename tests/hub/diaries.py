"""A lock's log without a lock: entries as a lock writes them, and heads that it signs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from mortice.core import cbor
from mortice.core.keys import Signer
from mortice.core.log import Entry, Head, Kind, Receipt, Result, sign_head, sign_receipt
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.stages import TimeState

NOON = 1_800_000_000
Pair = tuple[bytes, bytes | None]


@dataclass
class Diary:
    """One log. Entries are a minute apart."""

    signer: Signer
    incarnation: int = 0
    pairs: list[Pair] = field(default_factory=list)
    start: int = NOON
    tree: Frontier = field(default_factory=Frontier)

    def write(self, kind: Kind = Kind.LEAF_SEEN,
              about: Mapping[int | str, cbor.Value] | None = None, *, seal: bool = False,
              at: int | None = None) -> int:
        """One more entry; its number."""
        number = len(self.pairs)
        when = self.start + 60 * number if at is None else at
        body = Entry(
            number, when, TimeState.SYNCED, 60 * number, kind,
            {6: "open"} if about is None else {int(key): value for key, value in about.items()},
            secrets.token_bytes(16)).encode()
        self.tree.append(leaf_hash(body))
        self.pairs.append((body, self.head() if seal else None))
        return number

    def fill(self, count: int, every: int = 6) -> Diary:
        """`count` entries, each `every`th an opening under a head."""
        for _ in range(count):
            if len(self.pairs) % every:
                self.write()
            else:
                self.write(Kind.GRANTED, {1: bytes(16), 2: 1, 8: 0}, seal=True)
        return self

    def tree_of(self, size: int) -> Frontier:
        tree = Frontier()
        for body, _ in self.pairs[:size]:
            tree.append(leaf_hash(body))
        return tree

    def head(self, size: int | None = None, *, at: int | None = None,
             root: bytes | None = None, incarnation: int | None = None) -> bytes:
        """A signed head over the first `size` entries, or all."""
        size = self.tree.size if size is None else size
        tree = self.tree if size == self.tree.size else self.tree_of(size)
        return sign_head(Head(
            self.incarnation if incarnation is None else incarnation, size,
            root or tree.root(), self.start + 60 * size if at is None else at), self.signer)

    def receipt(self, document: bytes, number: int, result: Result = Result.DONE) -> bytes:
        """A receipt for what became of a delivered document."""
        return sign_receipt(Receipt(
            self.incarnation, leaf_hash(self.pairs[number][0]), number, self.tree.size,
            self.tree.root(), document, bytes(8), result, self.start, TimeState.SYNCED),
            self.signer)

    def cut(self, size: int) -> Diary:
        """A copy that has only the first `size` entries."""
        return Diary(self.signer, self.incarnation, self.pairs[:size], self.start,
                     self.tree_of(size))
