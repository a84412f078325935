"""The lock's own log: what an entry, a signed head and a receipt are.

Decides what an entry's bytes are, and whether a head or a receipt is this lock's word. Each entry
carries 16 random salt bytes, so the hash of one tells nothing about its neighbours; entries name
links by id and people never. Heads and receipts are signed by the lock. Whether a whole log was
left as it was is for client/audit.py, which needs nothing but the lock's public key.

Spec: spec/log.md, sections 3 to 5. Checks L1 to L3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from mortice.core import cbor
from mortice.core.document import parse, sign, signature
from mortice.core.errors import Malformed, Untrusted
from mortice.core.fields import Fields
from mortice.core.keys import PublicKey, Signer
from mortice.core.limits import COMMAND_ID_BYTES, ID_BYTES, MESSAGE_BYTES, SALT_BYTES, TIME_MAX
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
    REMOVED = 23  # a credential was taken off the door
    REFRESHED = 24  # a staple for a credential was taken
    CHECKED = 25  # somebody checked the door against a list, and signed what they found


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
    WITNESS = 21  # the other person's leaf, where the key asks for two


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


def _listed(encoded: bytes, length: int, what: str) -> Fields:
    parts = cbor.decode(encoded, max_bytes=MESSAGE_BYTES)
    return Fields.listed(parts, length, length, f"log {what}", "L1")


def _signed(kind: str, encoded: bytes, lock: PublicKey, length: int, what: str) -> Fields:
    document = parse(kind, encoded)
    if document.kid != lock.id:
        raise Untrusted("L2", f"log: the {what} was signed by another lock")
    document.verify(lock)
    return _listed(document.payload, length, what)


def read_entry(encoded: bytes) -> Entry:
    """Parse an entry. Raises Malformed (E, L1)."""
    fields = _listed(encoded, 7, "entry")
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
    """Verify a head under the lock's key. Raises Malformed (L1) or Untrusted (L2)."""
    fields = _signed(HEAD, encoded, lock, 4, "head")
    return Head(
        fields.int(0, 0, TIME_MAX), fields.int(1, 0, TIME_MAX), fields.bytes(2, HASH_BYTES),
        fields.int(3, 0, TIME_MAX))


@dataclass(frozen=True, slots=True)
class Receipt:
    """The lock's signed word that a command was recorded, and how it ended."""

    incarnation: int
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
        return [self.incarnation, self.entry, self.index, self.size, self.root, self.leaf,
                self.command_id, int(self.result), self.at, int(self.time)]

    @property
    def proves(self) -> tuple[int, int]:
        """Which memory of the lock, and how many entries: what a lock that has less has lost."""
        return self.incarnation, self.size


def sign_receipt(receipt: Receipt, lock: Signer) -> bytes:
    """Encode and sign a receipt with the lock's own key."""
    return sign(RECEIPT, receipt.payload(), lock)


def receipt_signature(receipt: Receipt, lock: Signer) -> bytes:
    """The signature of `sign_receipt` alone, for an answer to somebody who knows the rest."""
    return signature(RECEIPT, receipt.payload(), lock)


def accept_receipt(encoded: bytes, lock: PublicKey) -> Receipt:
    """Verify a receipt under the lock's key. Raises Malformed (L1) or Untrusted (L2)."""
    fields = _signed(RECEIPT, encoded, lock, 10, "receipt")
    return Receipt(
        fields.int(0, 0, TIME_MAX), fields.bytes(1, HASH_BYTES), fields.int(2, 0, TIME_MAX),
        fields.int(3, 1, TIME_MAX), fields.bytes(4, HASH_BYTES), fields.bytes(5, ID_BYTES),
        fields.bytes(6, COMMAND_ID_BYTES), Result(fields.int(7, 0, 5)),
        fields.int(8, 0, TIME_MAX), TimeState(fields.int(9, 0, 2)))
