"""What does the hub add to storing what locks send? Bare rows, in the databases' fastest ways.

Many locks send at once, each a batch of 64 entries under one signed head. The hub's own ledger
reads and hashes every entry, checks the head, and makes entries, tiles and trees durable before it
answers. The floor stores the same bytes with none of that: SQLite by executemany of 100 rows a
transaction, PostgreSQL by COPY. Wall clock, synced.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench.measure import WARM_UP, Figure, Plan, Turns, progress, skipped
from bench.places import NoSuchPlace, disk_folder
from bench.postgresql import NoServer, server
from mortice.core import cbor
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.log import Entry, Head, Kind, sign_head
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.stages import TimeState
from mortice.hub.hub import Hub, make_hub
from mortice.hub.ledger import HubLedger
from mortice.hub.lines import Batch
from mortice.hub.settings import Settings
from mortice.hub.tables import Door, Place

SQLITE_BAR, POSTGRESQL_BAR = 1 / 0.3, 1 / 0.25  # times as long: at least 0.3 and 0.25 of the speed
LOCKS, BATCH = 32, 64
ROWS = 100  # in one transaction of the SQLite floor
DAY_AT_A_DOOR = 6  # entries for each opening, as in bench/log.py
TABLE = "CREATE TABLE log (seq {key}, door TEXT, at BIGINT, head {bytes}, body {bytes})"
INDEX = "CREATE INDEX log_of_door ON log (door, at)"


@dataclass
class Writer:
    """One lock's log, as long as it is asked for."""

    lock: SoftwareKey = field(
        default_factory=lambda: SoftwareKey.from_seed(ED25519, secrets.token_bytes(32)))
    tree: Frontier = field(default_factory=Frontier)

    def batch(self, *, sealed: bool) -> Batch:
        """The next entries under a head; with `sealed`, each opening has its own as well."""
        first, pairs = self.tree.size, []
        for number in range(first, first + BATCH):
            opened = number % DAY_AT_A_DOOR == 0
            body = entry(number, opened=opened)
            self.tree.append(leaf_hash(body))
            pairs.append((body, self.head() if sealed and opened else None))
        return Batch(first, pairs, self.head())

    def head(self) -> bytes:
        return sign_head(Head(0, self.tree.size, self.tree.root(), 1_800_000_000), self.lock)


KEYS = [secrets.token_bytes(16) for _ in range(4)]  # that open a door


def entry(number: int, *, opened: bool) -> bytes:
    """About 160 bytes, as those that the databases' own speeds were taken with."""
    about: dict[int | str, cbor.Value] = {5: number, 6: "unlocked", 13: "seen " * 22}
    if opened:
        about = {1: KEYS[number // DAY_AT_A_DOOR % len(KEYS)], 2: 1,
                 7: [secrets.token_bytes(16)] * 3, 8: 0, 9: 3, 13: "away " * 6,
                 14: secrets.token_bytes(8)}
    return Entry(
        number, 1_800_000_000 + number, TimeState.SYNCED, number,
        Kind.GRANTED if opened else Kind.MOVED, about, secrets.token_bytes(16)).encode()


def ask(plan: Plan) -> list[Figure]:
    return [on_sqlite(plan), on_sqlite(plan, sealed=True), on_postgresql(plan)]


def on_sqlite(plan: Plan, *, sealed: bool = False) -> Figure:
    question = "hub takes entries on SQLite, over bare executemany of 100"
    if sealed:
        question = "the same where each opening has a head of its own"
    try:
        with disk_folder() as folder:
            turns = in_turns(plan, folder, "", sqlite_floor(folder / "bare.sqlite"), sealed=sealed)
    except NoSuchPlace as error:
        return skipped(question, str(error))
    return figure(turns, question, None if sealed else SQLITE_BAR)


def on_postgresql(plan: Plan) -> Figure:
    question = "hub takes entries on PostgreSQL, over bare COPY"
    try:
        with disk_folder() as folder:
            folder.chmod(0o755)
            with server(inside=folder) as url:
                for name in ("hub", "bare"):
                    with psycopg.connect(f"{url}/postgres", autocommit=True) as made:
                        made.execute(f"CREATE DATABASE {name}")
                with copy_floor(f"{url}/bare") as floor:
                    turns = in_turns(plan, folder, f"{url}/hub", floor)
    except (NoSuchPlace, NoServer) as error:
        return skipped(question, str(error))
    return figure(turns, question, POSTGRESQL_BAR)


def figure(turns: Turns, question: str, bar: float | None) -> Figure:
    speeds = "hub {:,.0f}, bare {:,.0f} entries a second".format(
        1 / turns.median("hub"), 1 / turns.median("bare"))
    return turns.figure(question, "hub", "bare", bar=bar, note=f"an entry; {speeds}")


# --- in turns ------------------------------------------------------------------------------------


def in_turns(
    plan: Plan, folder: Path, database: str, floor: Callable[[list[Batch]], None], *,
    sealed: bool = False,
) -> Turns:
    """Seconds an entry on both sides, round after round, with new entries each time."""
    hub = make_hub(Settings(folder / "hub", database=database))
    writers = [Writer() for _ in range(LOCKS)]
    known(hub, writers)
    turns = Turns()
    gc.collect()
    gc.freeze()  # what is alive already is not this benchmark's rubbish
    with asyncio.Runner() as runner:
        ledger = HubLedger(hub)
        for number in range(WARM_UP + plan.rounds):
            progress(f"round {number + 1} of {WARM_UP + plan.rounds}")
            batches = [writer.batch(sealed=sealed) for writer in writers]
            work = {
                "hub": lambda batches=batches: runner.run(taken(ledger, writers, batches)),
                "bare": lambda batches=batches: floor(batches)}
            order = list(work)[::1 if number % 2 else -1]
            row = {side: timed(work[side]) / (LOCKS * BATCH) for side in order}
            if number >= WARM_UP:
                turns.rows.append(row)
        runner.run(ledger.close())
    hub.database.close()
    gc.unfreeze()
    progress("")
    return turns


async def taken(ledger: HubLedger, writers: list[Writer], batches: list[Batch]) -> None:
    calls: list[Coroutine[Any, Any, int]] = [
        ledger.take(writer.lock.public.id, batch)
        for writer, batch in zip(writers, batches, strict=True)]
    positions = await asyncio.gather(*calls)
    assert positions == [writer.tree.size for writer in writers]


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def known(hub: Hub, writers: list[Writer]) -> None:
    """Doors for all locks."""
    with hub.database.writing() as db:
        place = Place(name="Bench")
        db.add(place)
        db.flush()
        db.add_all(Door(
            place_id=place.id, door_id=secrets.token_bytes(8), label=str(number),
            lock_id=writer.lock.public.id, lock_link=bytes(32), lock_sealing=bytes(32),
            lock_signing=cbor.encode(writer.lock.public.cose))
            for number, writer in enumerate(writers))


# --- floors --------------------------------------------------------------------------------------


def rows_of(batches: list[Batch]) -> list[tuple[str, int, bytes | None, bytes]]:
    return [(f"door/{number}", batch.first + at, batch.head if at == BATCH - 1 else None, body)
            for number, batch in enumerate(batches) for at, (body, _) in enumerate(batch.entries)]


def sqlite_floor(place: Path) -> Callable[[list[Batch]], None]:
    database = sqlite3.connect(place, isolation_level=None)
    for setting in ("journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {setting}")
    database.execute(TABLE.format(key="INTEGER PRIMARY KEY", bytes="BLOB"))
    database.execute(INDEX)

    def put(batches: list[Batch]) -> None:
        rows = rows_of(batches)
        for at in range(0, len(rows), ROWS):
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                "INSERT INTO log (door, at, head, body) VALUES (?, ?, ?, ?)", rows[at:at + ROWS])
            database.execute("COMMIT")

    return put


@contextmanager
def copy_floor(url: str) -> Iterator[Callable[[list[Batch]], None]]:
    with psycopg.connect(url) as connection:
        connection.execute(TABLE.format(key="BIGSERIAL PRIMARY KEY", bytes="BYTEA"))
        connection.execute(INDEX)
        connection.commit()

        def put(batches: list[Batch]) -> None:
            with connection.cursor() as cursor, cursor.copy(
                    "COPY log (door, at, head, body) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["text", "int8", "bytea", "bytea"])
                for row in rows_of(batches):
                    copy.write_row(row)
            connection.commit()

        yield put
