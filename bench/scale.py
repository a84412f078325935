"""What do 100,000 keys given and 10,000 keys taken back cost the lock?

Keys given cost it nothing, because it is not told: it meets a chain when somebody shows it. Keys
taken back are looked up by id. Two locks decide about the same key in turns, one that knows of few
and one that knows of many. Room is weighed as the database's file has it.
"""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.door import Door
from bench.measure import Figure, Plan, Watch, in_turns
from bench.visits import Said, visit
from bench.world import DAY, YEAR, Key, Owner, commissioned
from mortice.core import cbor
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commands import Command
from mortice.core.decision import Ask, decide
from mortice.core.grant import sign_grant
from mortice.core.messages import BundleItem, write_bundle
from mortice.core.revocation import REVOKE, Revoked, accept_revocation, sign_revocation
from mortice.core.stages import Granted
from mortice.lockd.daemon import Lock
from mortice.lockd.outside import Machine

MANY_KEYS, USED_KEYS, FEW_KEYS = 100_000, 1000, 100
MANY_REVOKED, FEW_REVOKED = 10_000, 10
ENTRIES = 100  # in one revoke document
TIME_BAR, BYTES_BAR = 1.15, 96
DATABASE = "lock.db"


class Unsigned:
    """Signs with zeros: what a lock never sees need not be good."""

    def __init__(self, owner: Owner) -> None:
        self.public = owner.grant.public

    def sign(self, _: bytes) -> bytes:
        return bytes(64)


def ask(plan: Plan) -> list[Figure]:
    owner = Owner()
    many = plan.count(MANY_REVOKED, 1000)
    with tempfile.TemporaryDirectory() as folder:
        small = commissioned(owner, Path(folder) / "small")
        large = commissioned(owner, Path(folder) / "large")
        revoke(owner, small, FEW_REVOKED, entries=FEW_REVOKED)
        revoke(owner, large, many, entries=ENTRIES)
        room = issued(owner, large, plan)
        figures = [*decisions(owner, small, large, plan), room]
        small.close()
        large.close()
        figures += [
            per_revocation(owner, Path(folder), many, ENTRIES, BYTES_BAR),
            per_revocation(owner, Path(folder), many // 10, 1, None),
        ]
    return figures


# --- time ---------------------------------------------------------------------------------------


def decisions(owner: Owner, small: Lock, large: Lock, plan: Plan) -> list[Figure]:
    key = owner.chain_of_three()
    verified = verify_chain(read_chain(key.wire), owner.site.chain_keys())

    def decided(lock: Lock) -> None:
        decision = decide(verified, Ask(Command.UNLOCK), lock.facts(verified))
        assert isinstance(decision, Granted)

    turns = in_turns(
        {"many": lambda: decided(large), "few": lambda: decided(small)}, plan)
    return [
        turns.figure("a decision, with many taken back over few", "many", "few", bar=TIME_BAR),
        whole_opening(owner, small, large, key, plan),
    ]


def whole_opening(owner: Owner, small: Lock, large: Lock, key: Key, plan: Plan) -> Figure:
    """Everything that the lock does, so that nothing else grows unseen."""
    watch = Watch()

    def opening(lock: Lock) -> Callable[[], Said]:
        informed = replace(key, news=lock.store.news())  # nothing is left to be told
        visit(owner, lock, informed)
        return lambda: visit(owner, lock, informed, whole=False, watch=watch)

    turns = in_turns({"many": opening(large), "few": opening(small)}, plan, clock=watch)
    return turns.figure("a whole repeat opening, the same", "many", "few")


# --- room ---------------------------------------------------------------------------------------


def issued(owner: Owner, lock: Lock, plan: Plan) -> Figure:
    """Give many keys, let some of their holders open, and weigh all that is not the log."""
    many, used = plan.count(MANY_KEYS, FEW_KEYS), plan.count(USED_KEYS, 10)
    before, pattern, stranger = beside_the_log(lock), owner.chain_of_three().leaf, Unsigned(owner)
    for number in range(many):
        sign_grant(replace(pattern, exp=owner.now + DAY + number), stranger)
    for _ in range(used):
        visit(owner, lock, owner.chain_of_three())
    return Figure(
        f"bytes on the lock for {many:,} keys given, {used:,} of them used",
        beside_the_log(lock) - before, "B", 0, note="beside the log, which is what happened")


def beside_the_log(lock: Lock) -> int:
    """Bytes of the database without the log's entries and their tree."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / DATABASE
        lock.store._db.execute("VACUUM INTO ?", (str(copy),))  # noqa: SLF001 — a bare copy
        database = sqlite3.connect(copy, isolation_level=None)
        for table in ("entry", "node"):
            database.execute(f"DELETE FROM {table}")
        database.execute("VACUUM")
        database.close()
        return copy.stat().st_size


def revoke(owner: Owner, lock: Lock, count: int, *, entries: int) -> None:
    """Take back `count` keys in documents of `entries` each, as a visitor would deliver them."""
    for _ in range(count // entries):
        listed = [Revoked(secrets.token_bytes(16), owner.now + YEAR) for _ in range(entries)]
        document = sign_revocation(owner.site.id, listed, owner.revoke)
        revocation = accept_revocation(owner.site, document)
        carried = cbor.encode(write_bundle((BundleItem(REVOKE, document, None),)))
        with lock.store.change() as change:
            change.revoke(revocation, carried)
    lock.forget_news_digest()


def per_revocation(
    owner: Owner, folder: Path, count: int, entries: int, bar: float | None,
) -> Figure:
    place = folder / f"revocations-{entries}"
    commissioned(owner, place).close()
    before = sizes_of(place)
    lock = Lock(place, Door(), Machine())
    revoke(owner, lock, count, entries=entries)
    lock.close()
    each, compact = (
        (after - start) / count for after, start in zip(sizes_of(place), before, strict=True))
    kind = f"documents of {entries}" if entries > 1 else "documents of their own"
    return Figure(
        f"bytes on the lock for a key taken back, in {kind}", each, "B", bar,
        note=f"growth of the database's file; {compact:.1f} B once compacted")


def sizes_of(place: Path) -> tuple[int, int]:
    """Bytes of the database's file as it stands, and once it is compacted."""
    return _size_after(place, "PRAGMA wal_checkpoint(TRUNCATE)"), _size_after(place, "VACUUM")


def _size_after(place: Path, command: str) -> int:
    database = sqlite3.connect(place / DATABASE, isolation_level=None)
    database.execute(command)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return (place / DATABASE).stat().st_size
