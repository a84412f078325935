"""Kept logs, as one writer carries them on: what a batch adds, or why it stops a log.

A log's tree is kept in mind between batches; on the disk it is what the last transaction left. When
a transaction fails, what is in mind is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from mortice.core.errors import Theirs, Untrusted
from mortice.core.log import Kind, Receipt
from mortice.core.merkle import Frontier
from mortice.hub.ingest import GRANTED, Contradiction, Kept, Pairs, Reading, Taken
from mortice.hub.keeping import GROWN, HEADS, USED, Rows
from mortice.hub.live import Live
from mortice.hub.places import key_of
from mortice.hub.tables import Act, Door, Log, LogEntry, LogFault, now
from mortice.hub.tree import Tails, Tiles, grow, leaf_hashes, nodes, put_tiles, tails_of, tree_at

KNOWN_LOGS = 20_000  # kept in mind, about 1 kB each
TAILS = 512  # logs whose newest hashes are kept in mind, about 20 kB each
WAITS = "Its entries are not taken until what it sends fits again."
ALARM = "was told of a log that contradicts itself"


@dataclass(slots=True)
class KeptLog:
    """One log in mind."""

    id: int
    place_id: int
    kept: Kept
    fault: str | None
    stopped: bool


@dataclass(slots=True)
class _Pending:
    """What goes into the database just before the commit."""

    logs: dict[int, dict[str, object]] = field(default_factory=dict)
    heads: list[dict[str, object]] = field(default_factory=list)
    tiles: dict[int, Tiles] = field(default_factory=dict)
    used: dict[tuple[bytes, int], int] = field(default_factory=dict)  # by leaf and log
    places: set[int] = field(default_factory=set)


class Logs:
    """All kept logs, for one writer."""

    def __init__(self, live: Live) -> None:
        """`live` is told of places where something was written."""
        self._live = live
        self._known: dict[bytes, KeptLog] = {}
        self._tails: dict[int, Tails] = {}
        self._pending = _Pending()
        self._rows = Rows()

    # --- around a transaction ---------------------------------------------------------------------

    def before_commit(self, db: Session) -> None:
        """Write what the batches of this transaction add."""
        self.settle(db)
        pending = self._pending
        put_tiles(db.connection(), pending.tiles)
        GROWN.put(db, list(pending.logs.values()))
        HEADS.put(db, pending.heads)
        USED.put(db, [{"leaf": leaf, "log_id": log, "at": at}
                      for (leaf, log), at in pending.used.items()])
        self._pending = _Pending(places=pending.places)

    def settle(self, db: Session) -> None:
        """Before anything else is asked of the database: the entries so far are in it."""
        self._rows.settle(db)

    def before_rollback(self) -> None:
        """Something failed: leave the connection as it can be rolled back."""
        self._rows.drop()

    def after_commit(self) -> None:
        """Tell whoever watches."""
        for place in self._pending.places:
            self._live.tell(place)
        self._pending.places.clear()

    def after_failure(self) -> None:
        """Believe only the disk again."""
        self._pending = _Pending()
        self._known.clear()
        self._tails.clear()

    def tell(self, place_id: int) -> None:
        """Something at this place changes with this transaction."""
        self._pending.places.add(place_id)

    # --- one log ----------------------------------------------------------------------------------

    def of(self, db: Session, lock_id: bytes) -> KeptLog:
        """The log of a lock, begun if it is new. Raises Untrusted for a stranger."""
        known = self._known.get(lock_id)
        if known is None:
            if len(self._known) >= KNOWN_LOGS:
                self._known.clear()
            self.settle(db)
            known = self._known[lock_id] = _load(db, lock_id)
        return known

    def take(
        self, db: Session, lock_id: bytes, first: int, pairs: Pairs, head: bytes | None,
    ) -> int | Theirs:
        """How many entries are kept with this batch; or what is wrong with it."""
        log = self.of(db, lock_id)
        if log.id in self._pending.logs:
            self.before_commit(db)  # an overlap is compared with what is written
        if log.stopped:  # unless it was set aside meanwhile
            self.settle(db)
            log = self._known[lock_id] = _load(db, lock_id)
        if log.stopped:
            return Untrusted("L10", f"this log stopped: {log.fault}")

        def look() -> Connection:
            self.settle(db)
            return db.connection()

        try:
            taken = Reading(
                log.kept, lambda start, end: leaf_hashes(look(), log.id, start, end),
                lambda size: tree_at(size, nodes(look(), log.id)).root()).take(first, pairs, head)
        except Theirs as error:
            self.fault(db, log, error)
            return error
        if taken.rows or taken.heads or log.fault:
            self._keep(db, log, taken)
        return taken.tree.size

    def _keep(self, db: Session, log: KeptLog, taken: Taken) -> None:
        pending, before = self._pending, log.kept
        tails = self._tail(db, log)
        self._rows.add(db, taken.rows)
        for _, _, _, at, kind, _, leaf, _ in taken.rows:
            if kind == GRANTED and leaf is not None:
                pending.used[leaf, log.id] = max(at, pending.used.get((leaf, log.id), 0))
        pending.tiles[log.id] = grow(
            tails, before.tree.size, taken.hashes, taken.tops)
        heads = {head.size: (head, encoded) for head, encoded in taken.heads}
        pending.heads += [{"log_id": log.id, "size": size, "head": encoded}
                          for size, (_, encoded) in heads.items()]
        covered = max(heads, default=before.covered)
        head, encoded = heads.get(covered, (None, None))
        pending.logs[log.id] = {
            "log_id": log.id, "size": taken.tree.size, "frontier": taken.tree.encode(),
            "incarnation": taken.incarnation, "head_size": covered, "head": encoded,
            "head_at": head.at if head else None}
        pending.places.add(log.place_id)
        log.kept = replace(before, tree=taken.tree, incarnation=taken.incarnation, covered=covered,
                           risen=taken.risen)
        log.fault = None

    def _tail(self, db: Session, log: KeptLog) -> Tails:
        """What its tree of tiles needs in order to grow."""
        tails = self._tails.get(log.id)
        if tails is None:
            self.settle(db)
            if len(self._tails) >= TAILS:
                self._tails.clear()
            tails = tails_of(db.connection(), log.id, log.kept.tree.size)
            self._tails[log.id] = tails
        return tails

    # --- what does not fit ------------------------------------------------------------------------

    def receipt(self, db: Session, log: KeptLog, receipt: Receipt, encoded: bytes) -> None:
        """A receipt over entries that are here must be about them. Raises Contradiction."""
        if receipt.size > log.kept.tree.size:
            return
        look = db.connection()
        if tree_at(receipt.size, nodes(look, log.id)).root() != receipt.root:
            raise Contradiction(
                "L10", f"the lock's receipt over {receipt.size} entries speaks of another log",
                number=receipt.index, head=encoded)

    def fault(self, db: Session, log: KeptLog, error: Theirs) -> None:
        """Write down what does not fit. A contradiction stops the log; anything else may heal."""
        self.settle(db)
        stops = isinstance(error, Contradiction)
        words = f"{error.message[:1].upper()}{error.message[1:]}. " + ("" if stops else WAITS)
        if log.stopped or (log.fault == words and not stops):
            return
        at, told = now(), log.fault is not None and not stops
        row = db.get_one(Log, log.id)
        row.fault, row.fault_at = words.strip(), at if stops else None
        if isinstance(error, Contradiction):
            db.add(_evidence(db, log, error, row.head))
            log.stopped = True
        log.fault = row.fault
        if not told:
            db.add(Act(at=at, place_id=log.place_id, what=ALARM, about={
                "log": log.id, "door": row.label, "check": error.check, "words": row.fault,
                "stopped": stops}))
        db.flush()
        self.tell(log.place_id)


def set_aside(log: Log) -> None:
    """End a stopped log. The lock's log is then taken from its beginning, beside it."""
    if log.fault_at is not None:
        log.ended_at = log.ended_at or now()


def _evidence(db: Session, log: KeptLog, error: Contradiction, head: bytes | None) -> LogFault:
    kept = None if error.number is None else db.get(LogEntry, (log.id, error.number))
    return LogFault(
        log_id=log.id, check=error.check, words=error.message, number=error.number,
        kept_entry=kept.body if kept else None, kept_head=head, shown_entry=error.entry,
        shown_head=error.head)


def _load(db: Session, lock_id: bytes) -> KeptLog:
    row = db.scalar(select(Log).where(Log.lock_id == lock_id, Log.ended_at.is_(None)))
    if row is None:
        row = _begin(db, lock_id)
    tree = Frontier.decode(row.frontier) if row.frontier else Frontier()
    risen = db.scalar(select(LogEntry.number).where(
        LogEntry.log_id == row.id, LogEntry.number >= row.head_size,
        LogEntry.kind == int(Kind.INCARNATION)).limit(1)) is not None
    kept = Kept(key_of(row), tree, row.id, row.place_id, row.incarnation, row.head_size, risen)
    return KeptLog(row.id, row.place_id, kept, row.fault, row.fault_at is not None)


def _begin(db: Session, lock_id: bytes) -> Log:
    door = db.scalar(select(Door).where(Door.lock_id == lock_id))
    if door is None:
        raise Untrusted("L2", "log: this lock stands at no door of this hub")
    row = Log(
        door_id=door.id, place_id=door.place_id, lock_id=lock_id, lock_signing=door.lock_signing,
        label=door.label, private=door.private, size=0, head_size=0, incarnation=0)
    db.add(row)
    db.flush()
    return row
