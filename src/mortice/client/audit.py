"""An exported log and the audit that finds any change to it, with only the lock's public key.

Decides whether a log is whole. A changed entry is found by its hash; one that was removed, by its
index; a cut-off end, by the head or by any receipt that somebody else kept; a log that was cut and
written on by the lock itself, by a receipt over what stood there before. The audit keeps the
frontier of the tree and the receipts, so a log of any length costs the same memory.

Spec: spec/log.md, sections 6 and 7. Checks L4 to L11.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from mortice.core.errors import Malformed, Theirs
from mortice.core.keys import PublicKey
from mortice.core.limits import MESSAGE_BYTES
from mortice.core.log import HASH_BYTES, Receipt, accept_head, accept_receipt, read_entry
from mortice.core.merkle import Frontier, leaf_hash

MAGIC = b"mortice-log/1\n"
FRAME = struct.Struct(">BI")  # a letter and a length
ENTRY, HEAD_FRAME, RECEIPT_FRAME, NODE_FRAME = b"EHRN"
LEVELS = 63  # of subtrees: no log has more entries than a database column counts


def frame(letter: int, body: bytes) -> bytes:
    """One frame of an export."""
    return FRAME.pack(letter, len(body)) + body


def entry_frame(encoded: bytes, hashed: bytes) -> bytes:
    """An entry with its recorded leaf hash, so that a changed entry is named exactly."""
    return frame(ENTRY, hashed + encoded)


def frames(export: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The frames of an export. Raises Malformed (L4) on anything but whole frames."""
    if export.read(len(MAGIC)) != MAGIC:
        raise Malformed("L4", "log: this file is not an exported Mortice log")
    while head := export.read(FRAME.size):
        if len(head) < FRAME.size:
            raise Malformed("L4", "log: the file stops in the middle of a line")
        letter, length = FRAME.unpack(head)
        body = export.read(min(length, MESSAGE_BYTES))
        if len(body) != length:
            raise Malformed("L4", "log: the file stops in the middle of an entry")
        yield letter, body


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a log, at which entry (None if no single entry can be named)."""

    check: str
    message: str
    index: int | None


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found. `fault` is None when nothing was added, removed or changed."""

    size: int
    heads: int
    receipts: int
    absent: int  # of the entries: only hashes of them are in the file
    root: bytes
    first_at: int | None
    last_at: int | None
    fault: Fault | None


class Auditor:
    """Reads an export frame by frame and keeps only the frontier of the tree and the receipts."""

    def __init__(self, lock: PublicKey) -> None:
        self._lock = lock
        self._tree = Frontier()
        self._absent = 0
        self._good = 0  # entries covered by the last good head
        self._counts = {HEAD_FRAME: 0, RECEIPT_FRAME: 0}
        self._times: list[int] = []
        self._awaited: dict[int, list[Receipt]] = {}  # by the size of the log that they speak of

    def run(self, parts: Iterable[tuple[int, bytes]]) -> Audit:
        """Audit all of `parts`. Stops at the first fault."""
        try:
            fault = next(filter(None, (self._take(*part) for part in parts)), None)
            fault = fault or self._unmet()
        except Theirs as error:
            fault = Fault(error.check, error.message, self._tree.size or None)
        first, last = (self._times[0], self._times[-1]) if self._times else (None, None)
        return Audit(
            self._tree.size, self._counts[HEAD_FRAME],
            self._counts[RECEIPT_FRAME] - sum(map(len, self._awaited.values())),
            self._absent, self._tree.root(), first, last, fault)

    def _take(self, letter: int, body: bytes) -> Fault | None:
        if letter == ENTRY:
            return self._entry(body[:HASH_BYTES], body[HASH_BYTES:])
        if letter == HEAD_FRAME:
            return self._head(body)
        if letter == NODE_FRAME:
            return self._node(body)
        if letter == RECEIPT_FRAME:
            return self._receipt(accept_receipt(body, self._lock))
        return Fault("L4", "unknown line in the file", None)  # skipped, it would hide a receipt

    def _entry(self, hashed: bytes, encoded: bytes) -> Fault | None:
        index = self._tree.size
        found = leaf_hash(encoded)
        if found != hashed:
            return Fault("L5", f"entry {index} was changed: its hash does not match", index)
        entry = read_entry(encoded)
        if entry.index != index:
            return Fault("L6", f"entry {index} is missing; entry {entry.index} stands there", index)
        self._tree.append(found)
        self._times = [self._times[0] if self._times else entry.at, entry.at]
        return self._grown()

    def _node(self, body: bytes) -> Fault | None:
        """The root of a subtree stands for entries that are not in the file."""
        size = self._tree.size
        if len(body) != 1 + HASH_BYTES or body[0] >= LEVELS or size % (1 << body[0]):
            return Fault("L11", f"no whole subtree begins at entry {size}", size)
        self._tree.append(body[1:], body[0])
        self._absent += 1 << body[0]
        return self._grown()

    def _grown(self) -> Fault | None:
        """Receipts over exactly as many entries; one over a part of a subtree says nothing here."""
        receipts = self._awaited.pop(self._tree.size, ())
        return next(filter(None, map(self._agrees, receipts)), None)

    def _agrees(self, receipt: Receipt) -> Fault | None:
        if receipt.root == self._tree.root():
            return None
        return Fault("L10", f"a receipt over {receipt.size} entries speaks of another log: entries "
                     "were taken away and others written in their place", receipt.index)

    def _head(self, body: bytes) -> Fault | None:
        head = accept_head(body, self._lock)
        self._counts[HEAD_FRAME] += 1
        size = self._tree.size
        if head.size > size:
            return Fault("L7", f"entries {size} to {head.size - 1} were removed from the end", size)
        if head.size < size:
            return Fault("L8", f"the signed head for {head.size} entries stands too late", None)
        if head.root != self._tree.root():
            return Fault(
                "L8", f"an entry from {self._good} to {size - 1} was changed with its hash",
                self._good if size - self._good == 1 else None)
        self._good = size
        return None

    def _receipt(self, receipt: Receipt) -> Fault | None:
        """Receipts stand before the entries that they speak of; a later one proves the length."""
        self._counts[RECEIPT_FRAME] += 1
        if receipt.size > self._tree.size:
            self._awaited.setdefault(receipt.size, []).append(receipt)
            return None
        return self._agrees(receipt) if receipt.size == self._tree.size else None

    def _unmet(self) -> Fault | None:
        size = self._tree.size
        most = max(self._awaited, default=0)
        if most > size:
            return Fault("L7", f"a receipt proves {most} entries; {size} are here", size)
        if size == self._good:
            return None
        return Fault("L9", f"no signed head covers the entries from {self._good}", self._good)


def audit(export: bytes, lock: PublicKey) -> Audit:
    """Check an exported log with nothing but the lock's public key (L1 to L11)."""
    return Auditor(lock).run(frames(io.BytesIO(export)))
