"""An exported log and the audit that finds any change to it, with nothing but the lock's public key.

Decides whether a log is whole. A changed entry is found by its hash; one that was removed, by its
index; a cut-off end, by the head or by any receipt that somebody else kept. The audit keeps the
frontier of the tree and nothing else, so a log of any length costs the same memory.

Spec: spec/log.md, sections 6 and 7. Checks L4 to L9.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mortice.core.errors import Malformed, Untrusted
from mortice.core.keys import PublicKey
from mortice.core.limits import MESSAGE_BYTES
from mortice.core.log import HASH_BYTES, accept_head, accept_receipt, read_entry
from mortice.core.merkle import Frontier, leaf_hash

MAGIC = b"mortice-log/1\n"
FRAME = struct.Struct(">BI")  # a letter and a length
ENTRY, HEAD_FRAME, RECEIPT_FRAME, TITLE = b"E"[0], b"H"[0], b"R"[0], b"T"[0]


def frame(letter: int, body: bytes) -> bytes:
    """One frame of an export."""
    return FRAME.pack(letter, len(body)) + body


def entry_frame(encoded: bytes, hashed: bytes) -> bytes:
    """An entry with its recorded leaf hash, so that a changed entry is named exactly."""
    return frame(ENTRY, hashed + encoded)


def frames(export: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames of an export. Raises Malformed (L4) on anything but whole frames."""
    if not export.startswith(MAGIC):
        raise Malformed("L4", "log: this file is not an exported Mortice log")
    at, end = len(MAGIC), len(export)
    while at < end:
        if end - at < FRAME.size:
            raise Malformed("L4", "log: the file stops in the middle of a line")
        letter, length = FRAME.unpack_from(export, at)
        at += FRAME.size
        if length > MESSAGE_BYTES or end - at < length:
            raise Malformed("L4", "log: the file stops in the middle of an entry")
        yield letter, export[at:at + length]
        at += length


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
    root: bytes
    first_at: int | None
    last_at: int | None
    fault: Fault | None


class Auditor:
    """Reads an export frame by frame and keeps only the frontier of the tree."""

    def __init__(self, lock: PublicKey) -> None:
        self._lock = lock
        self._tree = Frontier()
        self._good = 0  # entries covered by the last good head
        self._counts = {HEAD_FRAME: 0, RECEIPT_FRAME: 0}
        self._times: list[int] = []

    def run(self, parts: Iterable[tuple[int, bytes]]) -> Audit:
        """Audit all of `parts`. Stops at the first fault."""
        fault: Fault | None = None
        try:
            for letter, body in parts:
                fault = self._take(letter, body)
                if fault is not None:
                    break
            else:
                fault = self._uncovered()
        except (Malformed, Untrusted) as error:
            fault = Fault(error.check, error.message, self._tree.size)
        return Audit(
            self._tree.size, self._counts[HEAD_FRAME], self._counts[RECEIPT_FRAME],
            self._tree.root(), *(self._times[:1] or [None]), *(self._times[-1:] or [None]), fault)

    def _take(self, letter: int, body: bytes) -> Fault | None:
        if letter == ENTRY:
            return self._entry(body[:HASH_BYTES], body[HASH_BYTES:])
        if letter == HEAD_FRAME:
            return self._head(body)
        if letter == RECEIPT_FRAME:
            return self._receipt(body)
        return None if letter == TITLE else Fault("L4", "unknown line in the file", None)

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
        return None

    def _head(self, body: bytes) -> Fault | None:
        head = accept_head(body, self._lock)
        self._counts[HEAD_FRAME] += 1
        size = self._tree.size
        if head.size > size:
            return Fault("L7", f"entries {size} to {head.size - 1} were removed from the end", size)
        if head.size == size and head.root != self._tree.root():
            return Fault(
                "L8", f"an entry from {self._good} to {size - 1} was changed together with its hash",
                self._good if size - self._good == 1 else None)
        if head.size < size:
            return Fault("L8", f"the signed head for {head.size} entries stands too late", head.size)
        self._good = size
        return None

    def _receipt(self, body: bytes) -> Fault | None:
        receipt = accept_receipt(body, self._lock)
        self._counts[RECEIPT_FRAME] += 1
        if receipt.size > self._tree.size:
            return Fault(
                "L7", f"a receipt proves {receipt.size} entries; {self._tree.size} are here",
                self._tree.size)
        return None

    def _uncovered(self) -> Fault | None:
        if self._tree.size == self._good:
            return None
        return Fault(
            "L9", f"no signed head covers the entries from {self._good}", self._good)


def audit(export: bytes, lock: PublicKey) -> Audit:
    """Check an exported log with nothing but the lock's public key (L1 to L9)."""
    return Auditor(lock).run(frames(export))
