"""The hub's record of what locks say: logs, states, and what became of deliveries.

Locks' lines hand in what they hear (lines.py); everything is verified here under the lock's own
key, and what is acknowledged is on the disk. A lock that contradicts itself stops its log: nothing
more is taken, both halves are kept, and the owner is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mortice.client.visit import Delivered
from mortice.core import cbor
from mortice.core.errors import Theirs
from mortice.core.log import Result, accept_receipt
from mortice.core.refusal import Reason
from mortice.core.site import DOORS_MAP, SITE
from mortice.hub.cells import keep
from mortice.hub.hub import Hub
from mortice.hub.ingest import Contradiction
from mortice.hub.lines import Batch, KnownLock, Seen
from mortice.hub.logs import KeptLog, Logs
from mortice.hub.outbox import answered, due
from mortice.hub.places import signing_key
from mortice.hub.tables import Door, Log, OldRoot, Place, now
from mortice.hub.writer import Writer

T = TypeVar("T")

DELIVERIES = 16  # on one line at a time
TOGETHER = 7  # documents in a frame of 65,519 bytes: each has DOCUMENT_BYTES at most
CATCHING_UP = 0  # the number of a bundle with old roots; its answers count by their documents
CAUGHT_UP = frozenset({SITE, DOORS_MAP})  # that bundle has all of these that the lock lacks
PASSING = frozenset({Reason.STORAGE_FULL, Reason.TIME_UNSURE, Reason.FAULT})  # asked again later


@dataclass(slots=True)
class Talk:
    """A conversation with a lock: the numbers of what it was sent, and of what it has still."""

    handshake: bytes
    sent: set[int] = field(default_factory=set)
    unanswered: set[int] = field(default_factory=set)


class HubLedger:
    """Implements lines.Ledger over the hub's database. A hub has one."""

    def __init__(self, hub: Hub) -> None:
        """Nothing is read or written yet."""
        self._database = hub.database
        self._logs = Logs(hub.live)
        self._writer = Writer(hub.database, self._logs)
        self._talks: dict[bytes, Talk] = {}  # the newest with each lock

    async def start(self) -> None:
        """No line is open yet, whatever was written down before."""
        await self._write(lambda db: db.execute(update(Door).values(connected=False)))

    async def close(self) -> None:
        """Finish what is being written."""
        await asyncio.to_thread(self._writer.close)

    async def _write(self, run: Callable[[Session], T]) -> T:
        def settled(db: Session) -> T:
            self._logs.settle(db)
            return run(db)

        done: T = await asyncio.wrap_future(self._writer.do(settled))
        return done

    async def _read(self, look: Callable[[Session], T]) -> T:
        def read() -> T:
            with self._database.reading() as db:
                return look(db)
        return await asyncio.to_thread(read)

    # --- the log ----------------------------------------------------------------------------------

    async def lock(self, lock_id: bytes) -> KnownLock | None:
        """Who this lock is, or None for a stranger."""
        return await self._read(lambda db: _known_lock(db, lock_id))

    async def position(self, lock_id: bytes) -> int:
        """How many of its entries are on the disk."""
        kept = await self._read(lambda db: db.scalar(
            select(Log.size).where(Log.lock_id == lock_id, Log.ended_at.is_(None))))
        return kept or 0

    async def take(self, lock_id: bytes, batch: Batch) -> int:
        """The new position, once it is durable. Raises Theirs if anything in it does not fit."""
        taken: int | Theirs = await asyncio.wrap_future(self._writer.do(
            lambda db: self._logs.take(db, lock_id, batch.first, batch.entries, batch.head)))
        if isinstance(taken, Theirs):
            raise taken
        return taken

    # --- documents for a lock ---------------------------------------------------------------------

    async def waiting(self, lock_id: bytes, seen: Seen) -> list[tuple[int, list[bytes]]]:
        """Bundles for a lock that says which root and map it stands on, in the order to take."""
        talk = self._talks.get(lock_id)
        if talk is None or talk.handshake != seen.handshake:
            talk = self._talks[lock_id] = Talk(seen.handshake)
        return await self._write(lambda db: _waiting(db, lock_id, seen, talk))

    async def delivered(self, lock_id: bytes, number: int, results: list[Delivered]) -> None:
        """What the lock did with each document. Raises Theirs for a receipt that is not its own."""
        if lock_id in self._talks:
            self._talks[lock_id].unanswered.discard(number)
        error = await self._write(lambda db: self._answers(db, lock_id, results))
        if error is not None:
            raise error

    def _answers(self, db: Session, lock_id: bytes, results: list[Delivered]) -> Theirs | None:
        door = _door(db, lock_id)
        if door is None:
            return None
        log = self._logs.of(db, lock_id)
        self._logs.tell(door.place_id)
        for result in results:
            try:
                self._answer(db, door, log, result)
            except Theirs as error:
                if isinstance(error, Contradiction):
                    self._logs.fault(db, log, error)
                return error
        return None

    def _answer(self, db: Session, door: Door, log: KeptLog, result: Delivered) -> None:
        """A lock's answer counts by its receipt; without one, only that it has the document."""
        if result.receipt is None:
            if result.refused is None:
                answered(db, door, result.document, None, None)
            return
        receipt = accept_receipt(result.receipt, signing_key(door))
        wanted = Result.DONE if result.refused is None else Result.REFUSED
        if receipt.leaf != result.document or receipt.result is not wanted:
            return
        self._logs.receipt(db, log, receipt, result.receipt)
        if result.refused not in PASSING:
            answered(db, door, result.document, result.refused, result.receipt)

    # --- the state --------------------------------------------------------------------------------

    async def heard(
        self, lock_id: bytes, status: Mapping[int | str, cbor.Value] | None, connected: bool,  # noqa: FBT001 - lines.py's
    ) -> None:
        """The lock is there or gone, and perhaps says how its door is."""
        await self._write(lambda db: self._heard(db, lock_id, status, connected=connected))

    def _heard(self, db: Session, lock_id: bytes, status: Mapping[int | str, cbor.Value] | None, *,
               connected: bool) -> None:
        door = _door(db, lock_id)
        if door is None:
            return
        door.connected = connected
        if status is not None:  # a line alone does not say how a door stands
            door.heard_at = now()
            door.status = {str(key): _json(value) for key, value in status.items()}
            if door.status.get("mains") is False:
                keep(db, door, door.status.get("millivolts"), door.heard_at)
        self._logs.tell(door.place_id)


def _door(db: Session, lock_id: bytes) -> Door | None:
    return db.scalar(select(Door).where(Door.lock_id == lock_id))


def _known_lock(db: Session, lock_id: bytes) -> KnownLock | None:
    door = _door(db, lock_id)
    site = door.place.site_id if door else None
    return KnownLock(signing_key(door), site, door.door_id) if door and site else None


def _json(value: cbor.Value) -> object:
    """CBOR as JSON: bytes as hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    return value


def _waiting(
    db: Session, lock_id: bytes, seen: Seen, talk: Talk) -> list[tuple[int, list[bytes]]]:
    door = _door(db, lock_id)
    if door is None:
        return []
    first = _missed(db, door.place, seen)
    bundles = [(CATCHING_UP, first[at:at + TOGETHER]) for at in range(0, len(first), TOGETHER)]
    for delivery in due(db, door, DELIVERIES - len(talk.unanswered), talk.sent):
        delivery.sent_at = now()
        talk.sent.add(delivery.id)
        if delivery.document.kind not in CAUGHT_UP or not first:
            talk.unanswered.add(delivery.id)
            bundles.append((delivery.id, [delivery.document.item]))
    return bundles


def _missed(db: Session, place: Place, seen: Seen) -> list[bytes]:
    """Each root after the one that the lock stands on, in order, and then a newer map."""
    items: list[bytes] = []
    if place.root is None:
        return items
    if seen.site_version < place.root_version:
        old = db.scalars(select(OldRoot.root).where(
            OldRoot.place_id == place.id, OldRoot.version > seen.site_version)
            .order_by(OldRoot.version))
        items += [cbor.encode([SITE, root]) for root in (*old, place.root)]
    if place.doors_map is not None and seen.doors_version < place.doors_version:
        items.append(cbor.encode([DOORS_MAP, place.doors_map]))
    return items
