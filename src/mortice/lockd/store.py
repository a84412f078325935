"""The only file that touches the lock's disk: SQLite in WAL mode, synced at every commit.

A `Change` is one transaction: log entries, counts and whatever else belongs to one decision become
durable together or not at all. The bolt moves only after `Store.change` has returned. Checkpoints
of the WAL happen in `tidy`, off the bolt's path, so that an opening costs exactly one sync.

Spec: spec/log.md, section 5; spec/decision.md, section 4.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mortice.core import cbor
from mortice.core.decision import Tally
from mortice.core.grant import Grant, KeyClass
from mortice.core.log import Entry
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.pin import Tries
from mortice.core.revocation import Revocation
from mortice.core.stages import Count, CountKind

SCHEMA = Path(__file__).with_name("schema.sql")
TABLES = ("meta", "entry", "node", "uses", "leaf_day", "claim", "signer", "revoked", "news",
          "slot", "staple", "tries")
WAL_FRAMES = 256  # of 4 kB: some fifty openings, after which `tidy` has made it as long as needed
BUSY_SECONDS = 1.0  # nobody but another daemon by mistake holds this disk, and does not let go


class DiskFull(Exception):
    """The entry could not be made durable. Nothing of the change has happened."""


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry that was written: its place in the log and its leaf hash."""

    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Slot:
    """One enrolled credential, as kept. `wire` is None once it was removed."""

    number: int
    version: int
    kind: int | None
    wire: list[cbor.Value] | None
    off: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """One counted try at the keypad: in which scope, at which powered-on second.

    `switched` is set where this very try switched the PIN of its index off.
    """

    scope: str
    uptime: int
    switched: bool = False


class Store:
    """One lock's disk."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "lock.db").touch(mode=0o600)  # SQLite gives what lies beside it the same mode
        self._db = sqlite3.connect(
            folder / "lock.db", isolation_level=None, check_same_thread=False, cached_statements=64,
            timeout=BUSY_SECONDS)
        for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL",
                        "wal_autocheckpoint=0", "temp_store=MEMORY"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.executescript(SCHEMA.read_text("utf-8"))
        kept = self.meta("frontier")
        self._tree = Frontier.decode(kept) if kept else Frontier()
        self._unsynced_pages = 0
        self._stretch_wal()

    def _stretch_wal(self) -> None:
        """Let the WAL reach its usual size now: to sync in place takes half as long as to grow.

        What is written here means nothing, so it needs no sync until the fold at its end.
        """
        with suppress(sqlite3.OperationalError):  # a full disk has no room for it, and does without
            self._db.execute("PRAGMA synchronous=OFF")
            for turn in range(WAL_FRAMES):
                self._db.execute(
                    "INSERT OR REPLACE INTO meta VALUES ('tidied', ?)", (bytes([turn % 2]),))
        self._db.execute("PRAGMA synchronous=FULL")
        with suppress(sqlite3.OperationalError):
            self._db.execute("PRAGMA wal_checkpoint(RESTART)")

    def close(self) -> None:
        """Close the disk; what was committed stays."""
        self._db.close()

    # --- changes ---------------------------------------------------------------------------

    @contextmanager
    def change(self) -> Iterator[Change]:
        """One transaction. Durable when the block ends without an exception; raises DiskFull."""
        change = Change(self._db, self._tree.copy())
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield change
            if change.appended:
                change.put_meta("frontier", change.tree.encode())
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError) and _is_disk(error):
                raise DiskFull(str(error)) from error
            raise
        self._tree = change.tree
        self._unsynced_pages += 1

    def tidy(self, *, after: int = 200) -> None:
        """Fold the WAL into the database once `after` changes have gathered."""
        if self._unsynced_pages < after:
            return
        self._unsynced_pages = 0
        self._db.execute("PRAGMA wal_checkpoint(RESTART)")
        with self.change() as change:  # its header's sync is paid here, not before a bolt
            change.put_meta("tidied", b"1")

    def fold(self) -> None:
        """Give the WAL's room back to a full disk, as far as the disk lets us."""
        with suppress(sqlite3.OperationalError):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # --- what is kept ----------------------------------------------------------------------

    def meta(self, name: str) -> bytes | None:
        """One kept value."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def number(self, name: str, absent: int = 0) -> int:
        """One kept number."""
        value = self.meta(name)
        return absent if value is None else int.from_bytes(value, "big")

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self._tree.size

    def root(self) -> bytes:
        """The log's Merkle root."""
        return self._tree.root()

    def entries(self, first: int, most: int) -> list[tuple[int, bytes, bytes | None]]:
        """(index, body, signed head or None) from `first` on."""
        return self._db.execute(
            "SELECT idx, body, seal FROM entry WHERE idx >= ? ORDER BY idx LIMIT ?", (first, most)
        ).fetchall()

    def node(self, level: int, index: int) -> bytes:
        """A hash of the tree, for proofs; leaf hashes are made from the entries."""
        if level == 0:
            row = self._db.execute("SELECT body FROM entry WHERE idx = ?", (index,)).fetchone()
            return leaf_hash(row[0])
        row = self._db.execute(
            "SELECT hash FROM node WHERE level = ? AND idx = ?", (level, index)).fetchone()
        return bytes(row[0])

    def tally(self, links: Iterable[Grant], day: int) -> Tally:
        """The counts that bear on these links."""
        uses, leaves, claimed = {}, {}, dict[bytes, bytes]()
        for link in links:
            if link.uses is not None:
                row = self._db.execute("SELECT n FROM uses WHERE link = ?", (link.id,)).fetchone()
                uses[link.id] = row[0] if row else 0
            if link.quota is not None:
                rows = self._db.execute(
                    "SELECT leaf FROM leaf_day WHERE link = ? AND day = ?", (link.id, day))
                leaves[link.id] = frozenset(row[0] for row in rows)
            if link.klass is KeyClass.FILE:  # no other kind of key is exchanged for one child
                query = "SELECT child FROM claim WHERE link = ?"
                row = self._db.execute(query, (link.id,)).fetchone()
                claimed |= {link.id: row[0]} if row else {}
        return Tally(uses, leaves, claimed)

    # --- revocations (the `Revocations` protocol of core) -----------------------------------

    def signers(self, names: Collection[bytes]) -> dict[bytes, list[tuple[bytes, bool]]]:
        """(signer's key id, over all) of every entry, by which of `names` it names. One look."""
        query = (
            "SELECT r.named, s.key, s.over_all FROM revoked r "  # noqa: S608 — only question marks
            f"JOIN signer s ON s.n = r.signer WHERE r.named IN ({','.join('?' * len(names))})")
        found: dict[bytes, list[tuple[bytes, bool]]] = {}
        for named, key, over_all in self._db.execute(query, [*names]):
            found.setdefault(named, []).append((key, bool(over_all)))
        return found

    def revoked_count(self, signer: bytes | None = None) -> int:
        """How many entries are live, in all or by one signer."""
        if signer is None:
            return int(self._db.execute("SELECT count(*) FROM revoked").fetchone()[0])
        return int(self._db.execute(
            "SELECT count(*) FROM revoked r JOIN signer s ON s.n = r.signer WHERE s.key = ?",
            (signer,)).fetchone()[0])

    def news(self) -> dict[bytes, bytes]:
        """Every revoke document that is still of use, by id, as a bundle item's bytes."""
        return dict(self._db.execute("SELECT id, item FROM news"))

    def news_ids(self) -> set[bytes]:
        """The id of every revoke document that is still of use."""
        return {row[0] for row in self._db.execute("SELECT id FROM news")}

    def news_from(self, start: int) -> Iterator[bytes]:
        """Every such document as a bundle item's bytes, beginning somewhere, each once."""
        count = self._db.execute("SELECT count(*) FROM news").fetchone()[0]
        skip = start % max(1, count)
        for offset, most in ((skip, count - skip), (0, skip)):
            rows = self._db.execute(
                "SELECT item FROM news ORDER BY id LIMIT ? OFFSET ?", (most, offset))
            yield from (row[0] for row in rows)

    def has_news(self, document: bytes) -> bool:
        """Whether the revoke document with this id is kept."""
        row = self._db.execute("SELECT 1 FROM news WHERE id = ?", (document,)).fetchone()
        return row is not None

    # --- credentials -----------------------------------------------------------------------

    def slot(self, number: int) -> Slot | None:
        """What is known of one slot."""
        row = self._db.execute(
            "SELECT n, version, kind, wire, off FROM slot WHERE n = ?", (number,)).fetchone()
        return _slot(row) if row else None

    def slots(self) -> list[Slot]:
        """Every slot that holds a credential."""
        rows = self._db.execute(
            "SELECT n, version, kind, wire, off FROM slot WHERE wire IS NOT NULL ORDER BY n")
        return [_slot(row) for row in rows]

    def slot_of(self, verifier: bytes) -> Slot | None:
        """The slot whose PIN has this verifier."""
        row = self._db.execute(
            "SELECT n, version, kind, wire, off FROM slot WHERE verifier = ?", (verifier,)
        ).fetchone()
        return _slot(row) if row else None

    def staple(self, slot: int) -> cbor.Value:
        """The staple kept for a slot, as it was put there, or None."""
        row = self._db.execute("SELECT carried FROM staple WHERE n = ?", (slot,)).fetchone()
        return cbor.decode(row[0]) if row else None

    def tries(self, scope: str) -> Tries:
        """Wrong tries at the keypad, or at one index of it."""
        row = self._db.execute("SELECT at FROM tries WHERE scope = ?", (scope,)).fetchone()
        if not row:
            return Tries()
        at = cbor.decode(row[0])
        assert isinstance(at, list)
        return Tries(tuple(t for t in at if isinstance(t, int)))


def _is_disk(error: sqlite3.OperationalError) -> bool:
    return any(word in str(error) for word in ("full", "disk I/O", "readonly", "unable to open"))


def _slot(row: tuple[int, int, int | None, bytes | None, int]) -> Slot:
    number, version, kind, wire, off = row
    links = cbor.decode(wire) if wire else None
    return Slot(number, version, kind, links if isinstance(links, list) else None, bool(off))


class Change:
    """The writes of one transaction. Made by `Store.change` only."""

    def __init__(self, db: sqlite3.Connection, tree: Frontier) -> None:
        self._db = db
        self.tree = tree  # of the log as of this change
        self.appended: list[Appended] = []

    @property
    def size(self) -> int:
        """The log's size as of this change: the index of the next entry."""
        return self.tree.size

    def root(self) -> bytes:
        """The log's Merkle root as of this change."""
        return self.tree.root()

    def append(self, entry: Entry, seal: Callable[[], bytes] | None = None) -> Appended:
        """Add an entry to the log; `seal` makes the signed head that covers the log up to it."""
        body = entry.encode()
        hashed = leaf_hash(body)
        finished = self.tree.append(hashed)
        self._db.execute(
            "INSERT INTO entry (idx, body, seal) VALUES (?, ?, ?)",
            (entry.index, body, seal() if seal else None))
        inner = [node for node in finished if node[0] > 0]
        if inner:
            self._db.executemany("INSERT INTO node (level, idx, hash) VALUES (?, ?, ?)", inner)
        appended = Appended(entry.index, hashed)
        self.appended.append(appended)
        return appended

    def put_meta(self, name: str, value: bytes) -> None:
        """Keep one value."""
        self._db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))

    def put_number(self, name: str, number: int) -> None:
        """Keep one number."""
        self.put_meta(name, number.to_bytes(8, "big"))

    def drop_meta(self, name: str) -> None:
        """Forget one value."""
        self._db.execute("DELETE FROM meta WHERE name = ?", (name,))

    def count(self, count: Count) -> None:
        """Make one count durable."""
        match count.kind:
            case CountKind.USES:
                self._db.execute(
                    "INSERT INTO uses (link, n, expires) VALUES (?, 1, ?) "
                    "ON CONFLICT (link) DO UPDATE SET n = n + 1", (count.link, count.expires))
            case CountKind.QUOTA:
                self._db.execute(
                    "INSERT OR IGNORE INTO leaf_day (link, day, leaf) VALUES (?, ?, ?)",
                    (count.link, count.day, count.leaf))
            case CountKind.CLAIM:
                self._db.execute(
                    "INSERT INTO claim (link, child, expires) VALUES (?, ?, ?)",
                    (count.link, count.leaf, count.expires))

    def revoke(self, revocation: Revocation, item: bytes) -> int:
        """Add a delta; returns how many of its entries were new."""
        self._db.execute(
            "INSERT OR IGNORE INTO signer (key, over_all) VALUES (?, ?)",
            (revocation.signer, revocation.over_all))
        number = self._db.execute(
            "SELECT n FROM signer WHERE key = ? AND over_all = ?",
            (revocation.signer, revocation.over_all)).fetchone()[0]
        before = self._db.total_changes
        self._db.executemany(
            "INSERT INTO revoked (named, signer, expires) VALUES (?, ?, ?) "
            "ON CONFLICT (named, signer) DO UPDATE SET expires = excluded.expires WHERE "
            "expires IS NOT NULL AND (excluded.expires IS NULL OR excluded.expires > expires)",
            [(e.named, number, e.expires) for e in revocation.entries])
        new = self._db.total_changes - before
        ends = [e.expires for e in revocation.entries]
        expires = None if None in ends else max((e for e in ends if e is not None), default=0)
        self._db.execute(
            "INSERT OR IGNORE INTO news (id, item, expires) VALUES (?, ?, ?)",
            (revocation.id, item, expires))
        return new

    def forget_ended(self, at: int, day: int) -> None:
        """Drop what only concerned links that have ended, and quotas of days gone by."""
        for table in ("uses", "claim", "revoked", "news"):
            ended = f"DELETE FROM {table} WHERE expires <= ?"  # noqa: S608 — a name from above
            self._db.execute(ended, (at,))
        self._db.execute("DELETE FROM leaf_day WHERE day < ?", (day - 1,))

    def put_staple(self, slot: int, carried: cbor.Value) -> None:
        """Keep a staple for a slot, in place of an older one."""
        self._db.execute(
            "INSERT OR REPLACE INTO staple (n, carried) VALUES (?, ?)",
            (slot, cbor.encode(carried)))

    def put_slot(self, slot: Slot, verifier: bytes | None) -> None:
        """Put a credential into a slot; whoever vouched for the one before did not for this."""
        self._drop_staple(slot.number)
        wire = cbor.encode(slot.wire) if slot.wire is not None else None
        self._db.execute(
            "INSERT OR REPLACE INTO slot (n, version, kind, wire, verifier, off) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (slot.number, slot.version, slot.kind, wire, verifier, slot.off))

    def clear_slot(self, number: int) -> None:
        """Take a credential off the door; its version stays."""
        self._drop_staple(number)
        self._db.execute(
            "UPDATE slot SET kind = NULL, wire = NULL, verifier = NULL, off = 0 WHERE n = ?",
            (number,))

    def _drop_staple(self, slot: int) -> None:
        self._db.execute("DELETE FROM staple WHERE n = ?", (slot,))

    def switch_slot(self, number: int, *, off: bool) -> None:
        """Switch a PIN off after wrong tries, or on again."""
        self._db.execute("UPDATE slot SET off = ? WHERE n = ?", (off, number))

    def put_tries(self, scope: str, tries: Tries) -> None:
        """Keep wrong tries."""
        self._db.execute(
            "INSERT OR REPLACE INTO tries (scope, at) VALUES (?, ?)",
            (scope, cbor.encode(list(tries.at))))

    def give_back(self, tried: Tried) -> None:
        """A right PIN takes back the one try that it cost; nobody else's."""
        row = self._db.execute("SELECT at FROM tries WHERE scope = ?", (tried.scope,)).fetchone()
        at = cbor.decode(row[0]) if row else []
        if isinstance(at, list) and tried.uptime in at:
            at.remove(tried.uptime)
            self.put_tries(tried.scope, Tries(tuple(t for t in at if isinstance(t, int))))
        if tried.switched:
            self.switch_slot(int(tried.scope), off=False)

    def clear_tries(self) -> None:
        """Forget all wrong tries."""
        self._db.execute("DELETE FROM tries")

    def forget_all(self) -> None:
        """Empty every table; the log begins anew."""
        for table in TABLES:
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 — a name from TABLES
        self.tree = Frontier()
        self.appended.clear()
