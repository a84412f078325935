"""The lock's own log: entries, signed heads and receipts, and the audit that finds any change.

Decides what an entry's bytes are and whether a log is whole. Each entry carries 16 random salt
bytes, so the hash of one tells nothing about its neighbours; entries name links by id and people
never. Heads and receipts are signed by the lock. A log that lost its tail is found by any receipt
that somebody else kept; a changed entry is found by its hash.

Spec: spec/log.md. Checks L1 to L9.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from mortice.core import cbor
from mortice.core.document import parse, sign
from mortice.core.errors import Malformed, Untrusted
from mortice.core.fields import Fields
from mortice.core.keys import PublicKey, Signer
from mortice.core.limits import COMMAND_ID_BYTES, ID_BYTES, MESSAGE_BYTES, SALT_BYTES, TIME_MAX
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.stages import TimeState

HEAD = "mortice-head/1"
RECEIPT = "mortice-receipt/1"
HASH_BYTES = 32  # SHA-256


class Kind(IntEnum):
    """What an entry records (spec/log.md, section 3)."""

    STARTED = 1
    GRANTED = 2
    REFUSED = 3
    MOVED = 4
    BOLT_SEEN = 5  # by hand, key or force: never put down to a person
    LEAF_SEEN = 6
    SUPPLY_SEEN = 7
    ENROLLED = 8
    REVOKED = 9
    CONFIGURED = 10
    TIME_SET = 11
    COMMISSIONED = 12
    SITE_CHANGED = 13
    DOORS_CHANGED = 14
    RELOCKED = 15
    ALARM = 16
    INCARNATION = 17
    RESET = 18
    RESTORED = 19
    HOLD_ENDED = 20
    LEFT_OFF = 21  # entries that could not be written while the disk was full, counted
    INSIDE = 22  # the inside button or turn


KINDS = frozenset(int(kind) for kind in Kind)


class About(IntEnum):
    """The keys of an entry's map (spec/log.md, section 3)."""

    LEAF = 1
    COMMAND = 2
    REASON = 3
    CHECK = 4
    CAUSE = 5  # index of the entry that led to this one
    STATE = 6
    LINKS = 7  # ids of every link above the leaf
    READER = 8
    FACTORS = 9
    RESULT = 10
    DOCUMENT = 11
    SLOT = 12
    DETAIL = 13
    COMMAND_ID = 14
    BY = 15
    UNTIL = 16
    VERSION = 17
    CLASS = 18  # set when the leaf's key was made by somebody else (class file)
    HEADS = 19  # [size, root] pairs, when an incarnation starts
    COUNT = 20


class Result(IntEnum):
    """How a command ended."""

    REFUSED = 0
    UNLOCKED = 1
    LOCKED = 2
    JAMMED = 3
    DONE = 4
    UNKNOWN = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `at` is Unix seconds, `uptime` powered-on seconds in the lock's life."""

    index: int
    at: int
    time: TimeState
    uptime: int
    kind: Kind
    about: Mapping[int | str, cbor.Value]
    salt: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The bytes that are hashed, kept and exported."""
        return cbor.encode([
            self.index, self.at, int(self.time), self.uptime, int(self.kind), dict(self.about),
            self.salt])


def read_entry(encoded: bytes) -> Entry:
    """Parse an entry. Raises Malformed (E, L1)."""
    parts = cbor.decode(encoded, max_bytes=MESSAGE_BYTES)
    if not isinstance(parts, list) or len(parts) != 7:
        raise Malformed("L1", "log: an entry has 7 parts")
    fields = Fields(dict(enumerate(parts)), "log entry", "L1")
    kind = fields.int(4, 1, 255)
    if kind not in KINDS:
        raise Malformed("L1", f"log: unknown kind of entry {kind}")
    return Entry(
        fields.int(0, 0, TIME_MAX), fields.int(1, 0, TIME_MAX), TimeState(fields.int(2, 0, 2)),
        fields.int(3, 0, TIME_MAX), Kind(kind), fields.map(5), fields.bytes(6, SALT_BYTES))


@dataclass(frozen=True, slots=True)
class Head:
    """A signed size and root. `incarnation` rises when a lock finds its memory was rolled back."""

    incarnation: int
    size: int
    root: bytes
    at: int


def sign_head(head: Head, lock: Signer) -> bytes:
    """Encode and sign a head with the lock's own key."""
    return sign(HEAD, [head.incarnation, head.size, head.root, head.at], lock)


def accept_head(encoded: bytes, lock: PublicKey) -> Head:
    """Verify a head under the lock's key. Raises Malformed or Untrusted (L2)."""
    document = parse(HEAD, encoded)
    if document.kid != lock.id:
        raise Untrusted("L2", "log: the head was signed by another lock")
    document.verify(lock)
    fields = _listed(document.payload, 4, "head")
    return Head(
        fields.int(0, 0, TIME_MAX), fields.int(1, 0, TIME_MAX), fields.bytes(2, HASH_BYTES),
        fields.int(3, 0, TIME_MAX))


def _listed(payload: bytes, length: int, what: str) -> Fields:
    parts = cbor.decode(payload)
    if not isinstance(parts, list) or len(parts) != length:
        raise Malformed("L1", f"log: a {what} has {length} parts")
    return Fields(dict(enumerate(parts)), what, "L1")


@dataclass(frozen=True, slots=True)
class Receipt:
    """The lock's signed word that a command was recorded, and how it ended."""

    entry: bytes  # leaf hash of the deciding entry
    index: int
    size: int
    root: bytes
    leaf: bytes
    command_id: bytes
    result: Result
    at: int
    time: TimeState

    def payload(self) -> cbor.Value:
        """What the lock signs."""
        return [self.entry, self.index, self.size, self.root, self.leaf, self.command_id,
                int(self.result), self.at, int(self.time)]


def sign_receipt(receipt: Receipt, lock: Signer) -> bytes:
    """Encode and sign a receipt with the lock's own key."""
    return sign(RECEIPT, receipt.payload(), lock)


def accept_receipt(encoded: bytes, lock: PublicKey) -> Receipt:
    """Verify a receipt under the lock's key. Raises Malformed or Untrusted (L2, L3)."""
    document = parse(RECEIPT, encoded)
    if document.kid != lock.id:
        raise Untrusted("L2", "log: the receipt was signed by another lock")
    document.verify(lock)
    fields = _listed(document.payload, 9, "receipt")
    return Receipt(
        fields.bytes(0, HASH_BYTES), fields.int(1, 0, TIME_MAX), fields.int(2, 1, TIME_MAX),
        fields.bytes(3, HASH_BYTES), fields.bytes(4, ID_BYTES), fields.bytes(5, COMMAND_ID_BYTES),
        Result(fields.int(6, 0, 5)), fields.int(7, 0, TIME_MAX), TimeState(fields.int(8, 0, 2)))


# --- export and audit -------------------------------------------------------------------------

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
