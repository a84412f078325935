"""Whether what a lock sends carries its log on, or contradicts what is kept of it.

A batch counts as a whole or not at all. Every entry must be readable and stand at its place; one
that is here already must be the same; each head must be signed by this lock and fit the tree that
its entries make. Entries that no head covers yet are kept, and nothing is claimed of them. Nothing
here touches a disk: who keeps the log hands in what is kept and writes down what comes out.

Spec: spec/log.md, sections 1, 3, 4 and 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from mortice.core import cbor
from mortice.core.errors import Malformed, Untrusted
from mortice.core.keys import PublicKey
from mortice.core.limits import MESSAGE_BYTES, SALT_BYTES, TIME_MAX
from mortice.core.log import KINDS, About, Head, Kind, accept_head, read_entry
from mortice.core.merkle import Frontier, leaf_hash

LAST_OF_TILE = 255  # tree.py keeps hashes by 256
BATCH_ENTRIES = 1024  # in one batch: a lock sends a page of 64 at a time


class Sort(IntEnum):
    """What Activity's filter tells apart. It is kept beside each entry: numbers never change."""

    OPENINGS = 1  # the door was opened, locked, held or moved, by whomever
    REFUSED = 2
    SAFETY = 3  # alarms, jams, a memory that was put back, a reset
    KEYS = 4  # what became of keys and PINs on the lock
    DEVICES = 5  # the controller itself: starts, supply, clock, looks
    SETTINGS = 6  # what the owner changed


SORTS: dict[int, Sort] = {
    Kind.STARTED: Sort.DEVICES, Kind.GRANTED: Sort.OPENINGS, Kind.REFUSED: Sort.REFUSED,
    Kind.MOVED: Sort.OPENINGS, Kind.BOLT_SEEN: Sort.OPENINGS, Kind.LEAF_SEEN: Sort.OPENINGS,
    Kind.SUPPLY_SEEN: Sort.DEVICES, Kind.ENROLLED: Sort.KEYS, Kind.REVOKED: Sort.KEYS,
    Kind.CONFIGURED: Sort.SETTINGS, Kind.TIME_SET: Sort.DEVICES, Kind.COMMISSIONED: Sort.SETTINGS,
    Kind.SITE_CHANGED: Sort.SETTINGS, Kind.DOORS_CHANGED: Sort.SETTINGS,
    Kind.RELOCKED: Sort.OPENINGS, Kind.ALARM: Sort.SAFETY, Kind.INCARNATION: Sort.SAFETY,
    Kind.RESET: Sort.SAFETY, Kind.RESTORED: Sort.SETTINGS, Kind.HOLD_ENDED: Sort.OPENINGS,
    Kind.LEFT_OFF: Sort.SAFETY, Kind.INSIDE: Sort.OPENINGS, Kind.REMOVED: Sort.KEYS,
    Kind.REFRESHED: Sort.KEYS, Kind.CHECKED: Sort.SETTINGS,
}
NUMBERS = {int(kind): int(sort) for kind, sort in SORTS.items()}  # databases take these quicker
LOOKS, JAMS = int(Sort.DEVICES), int(Sort.SAFETY)
GRANTED, MOVED, INCARNATION = int(Kind.GRANTED), int(Kind.MOVED), int(Kind.INCARNATION)
LEAF, COMMAND, STATE = int(About.LEAF), int(About.COMMAND), int(About.STATE)  # quick to compare
MOVES = frozenset({1, 2, 3})  # commands: unlock, lock, hold open; what else is granted only looks


def sort_of(kind: int, about: Mapping[int | str, cbor.Value]) -> int:
    """Under which of the filter's words an entry stands, as a plain number."""
    command = about.get(About.COMMAND)  # whatever a lock wrote there
    if kind == Kind.GRANTED and not (isinstance(command, int) and command in MOVES):
        return Sort.DEVICES
    if kind == Kind.MOVED and about.get(About.STATE) == "jammed":
        return Sort.SAFETY
    return SORTS[kind]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one log: its tree, and how much of it the lock has signed for."""

    lock: PublicKey
    tree: Frontier
    log_id: int = 0
    place_id: int = 0
    incarnation: int = 0
    covered: int = 0  # entries below the newest head
    risen: bool = False  # does an entry above it say that the memory was put back?


# An entry to keep, as the columns of tables.LogEntry stand: log, number, place, time, kind, sort,
# leaf, body. A plain tuple: thousands are made in a second.
Row = tuple[int, int, int, int, int, int, bytes | None, bytes]


@dataclass(slots=True)
class Taken:
    """What a batch adds: rows, the tree with them, their leaf hashes, and the heads that fit."""

    tree: Frontier
    incarnation: int
    rows: list[Row] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    tops: dict[tuple[int, int], bytes] = field(default_factory=dict)  # nodes over full tiles
    heads: list[tuple[Head, bytes]] = field(default_factory=list)
    risen: bool = False  # as in Kept


class Contradiction(Untrusted):
    """The lock said one thing before and says another now. Both are evidence."""

    def __init__(self, check: str, message: str, *, number: int | None = None,
                 entry: bytes | None = None, head: bytes | None = None) -> None:
        super().__init__(check, message)
        self.number, self.entry, self.head = number, entry, head


Hashes = Callable[[int, int], Sequence[bytes]]  # leaf hashes of kept entries, from … to
RootAt = Callable[[int], bytes]  # the root of the kept log's first so many entries
Pairs = Sequence[tuple[bytes, bytes | None]]  # an entry, and the head that was kept with it


def _parts(body: bytes) -> tuple[int, int, int, dict[int | str, cbor.Value]]:
    """What is needed of an entry, quickly: read_entry has the last word on what looks wrong."""
    parts: Any = cbor.decode(body, max_bytes=MESSAGE_BYTES)
    if type(parts) is list and len(parts) == 7:
        index, at, state, uptime, kind, about, salt = parts
        if (type(index) is type(at) is type(state) is type(uptime) is type(kind) is int
                and 0 <= index <= TIME_MAX and 0 <= at <= TIME_MAX and 0 <= uptime <= TIME_MAX
                and 0 <= state <= 2 and kind in KINDS
                and type(about) is dict and type(salt) is bytes and len(salt) == SALT_BYTES):
            return index, at, kind, about
    entry = read_entry(body)
    return entry.index, entry.at, int(entry.kind), dict(entry.about)


class Reading:
    """One batch on its way through the checks."""

    def __init__(self, kept: Kept, hashes: Hashes, root_at: RootAt) -> None:
        """`hashes` and `root_at` look at the kept log; they are asked about overlaps only."""
        self._kept, self._hashes, self._root_at = kept, hashes, root_at
        self.taken = Taken(kept.tree.copy(), kept.incarnation, risen=kept.risen)

    def take(self, first: int, pairs: Pairs, head: bytes | None) -> Taken:
        """All of a batch. Raises Malformed, Untrusted, Contradiction; then nothing of it counts."""
        size = self._kept.tree.size
        if first > size:
            raise Untrusted("L6", f"log: entries {size} to {first - 1} were left out")
        if len(pairs) > BATCH_ENTRIES:
            raise Malformed("L4", f"log: more than {BATCH_ENTRIES} entries at once")
        known = max(0, min(size - first, len(pairs)))
        self._same(first, pairs[:known])
        self._add(first + known, pairs[known:])
        if head is not None:
            self._cover(head)
            if not pairs:
                self._all(head)
        return self.taken

    def _all(self, encoded: bytes) -> None:
        """A head without entries answers a position: it is over all that the lock has."""
        size, had = accept_head(encoded, self._kept.lock).size, self._kept.tree.size
        if size < had:
            raise Contradiction(
                "L7", f"the lock has {size} entries left of the {had} that it sent: its memory "
                "was put back or wiped", head=encoded)

    def _same(self, first: int, pairs: Pairs) -> None:
        """What is here already must be what is here."""
        if not pairs:
            return
        kept = self._hashes(first, first + len(pairs))
        for number, (before, (body, head)) in enumerate(zip(kept, pairs, strict=True), first):
            if leaf_hash(body) != before:
                raise Contradiction(
                    "L10", f"entry {number} is not the one that this lock sent before",
                    number=number, entry=body, head=head)

    def _add(self, first: int, pairs: Pairs) -> None:
        kept, taken = self._kept, self.taken
        add, grow, row = taken.hashes.append, taken.tree.append, taken.rows.append
        for number, (body, sealed) in enumerate(pairs, first):
            index, at, kind, about = _parts(body)
            if index != number:
                raise Untrusted("L6", f"log: entry {index} stands where {number} is due")
            hashed, leaf = leaf_hash(body), about.get(LEAF)
            add(hashed)
            completed = grow(hashed)
            if number & LAST_OF_TILE == LAST_OF_TILE:
                taken.tops.update(((level, place), node) for level, place, node in completed)
            row((kept.log_id, number, kept.place_id, at, kind, sort_of(kind, about),
                 leaf if type(leaf) is bytes else None, body))
            taken.risen |= kind == INCARNATION
            if sealed is not None:
                self._cover(sealed)

    def _cover(self, encoded: bytes) -> None:
        """A head must fit the tree at its size. One that speaks of more says nothing yet."""
        head = accept_head(encoded, self._kept.lock)
        taken = self.taken
        if head.size > taken.tree.size:
            return
        if self._root(head.size) != head.root:
            raise Contradiction(
                "L8", f"the lock signed for {head.size} entries which are not those that it sent",
                head=encoded)
        if head.size > self._kept.covered:
            self._same_memory(head, encoded)
            taken.heads.append((head, encoded))

    def _root(self, size: int) -> bytes:
        tree, before = self.taken.tree, self._kept.tree.size
        if size == tree.size:
            return tree.root()
        if size <= before:
            return self._root_at(size)
        between = self._kept.tree.copy()
        for hashed in self.taken.hashes[:size - before]:
            between.append(hashed)
        return between.root()

    def _same_memory(self, head: Head, encoded: bytes) -> None:
        """An incarnation never falls, and rises only where an entry says that it does."""
        taken = self.taken
        rises = taken.risen
        taken.risen &= head.size < taken.tree.size
        if head.incarnation == taken.incarnation:
            return
        if head.incarnation < taken.incarnation or not rises:
            raise Contradiction(
                "L7", f"the lock signs as memory {head.incarnation} after it was memory "
                f"{taken.incarnation}, and no entry says why", head=encoded)
        taken.incarnation = head.incarnation
