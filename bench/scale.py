"""What do 100,000 keys given and 10,000 keys taken back cost the lock?

Keys given cost it nothing, because it is not told: it meets a chain when somebody shows it. Keys
taken back are looked up by id. Two locks decide about the same key in turns, one that knows of few
and one that knows of many. The database's growth is measured folded together and compacted.
"""

from __future__ import annotations

import secrets
import sqlite3
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.measure import WARM_UP, Figure, Plan, in_turns, quartiles, show_time
from bench.visits import visit
from bench.world import DAY, YEAR, Door, Key, Owner, commissioned
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

MANY_KEYS, FEW_KEYS = 100_000, 100
MANY_REVOKED, FEW_REVOKED = 10_000, 10
ENTRIES = 100  # in one revoke document
TIME_BAR, BYTES_BAR = 1.15, 96
DATABASE = "lock.db"
NOT_THE_LOG = ("uses", "leaf_day", "claim", "revoked", "slot", "tries")


class Unsigned:
    """Signs with zeros: what a lock never sees need not be good."""

    def __init__(self, owner: Owner) -> None:
        self.public = owner.grant.public

    @staticmethod
    def sign(message: bytes) -> bytes:
        return bytes(64)


def ask(plan: Plan) -> list[Figure]:
    owner = Owner()
    many = plan.count(MANY_REVOKED, 1000)
    with tempfile.TemporaryDirectory() as folder:
        small = commissioned(owner, Path(folder) / "small")
        large = commissioned(owner, Path(folder) / "large")
        revoke(owner, small, FEW_REVOKED, entries=FEW_REVOKED)
        revoke(owner, large, many, entries=ENTRIES)
        figures = [
            *decisions(owner, small, large, plan),
            issued(owner, large, plan),
        ]
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
    ratios, times = [], []
    for lock in (small, large):
        visit(owner, lock, key)
    for _ in range(WARM_UP + plan.rounds):
        many = sum(visit(owner, large, key, whole=False).seconds for _ in range(5))
        few = sum(visit(owner, small, key, whole=False).seconds for _ in range(5))
        ratios.append(many / few)
        times.append(many / 5)
    return Figure(
        "a whole repeat opening, the same", statistics.median(ratios[WARM_UP:]),
        note=f"{show_time(statistics.median(times))}; not a bar", spread=quartiles(ratios[WARM_UP:]))


# --- room ---------------------------------------------------------------------------------------


def issued(owner: Owner, lock: Lock, plan: Plan) -> Figure:
    """Give many keys, let some of their holders open, and look at all that is not the log."""
    many, before = plan.count(MANY_KEYS, FEW_KEYS), rows(lock)
    pattern, stranger = owner.chain_of_three().leaf, Unsigned(owner)
    for number in range(many):
        sign_grant(replace(pattern, exp=owner.now + DAY + number), stranger)
    for _ in range(FEW_KEYS):
        said = visit(owner, lock, owner.chain_of_three())
        assert said.answer.coarse is None
    return Figure(
        f"rows on the lock for {many:,} keys given, {FEW_KEYS} of them used",
        rows(lock) - before, "", 0, note="beside the log, which is what happened")


def rows(lock: Lock) -> int:
    count = "SELECT " + " + ".join(f"(SELECT count(*) FROM {table})" for table in NOT_THE_LOG)
    return int(lock.store._db.execute(count).fetchone()[0])  # noqa: SLF001 — the store counts no rows


def revoke(owner: Owner, lock: Lock, count: int, *, entries: int) -> None:
    """Take back `count` keys in documents of `entries` each, as a visitor would deliver them."""
    for _ in range(count // entries):
        listed = [Revoked(secrets.token_bytes(16), owner.now + YEAR) for _ in range(entries)]
        document = sign_revocation(owner.site.id, listed, owner.revoke)
        revocation = accept_revocation(owner.site, document)
        with lock.store.change() as change:
            change.revoke(revocation, cbor.encode(write_bundle((BundleItem(REVOKE, document, None),))))
    lock.forget_news_digest()


def per_revocation(
    owner: Owner, folder: Path, count: int, entries: int, bar: float | None,
) -> Figure:
    place = folder / f"revocations-{entries}"
    commissioned(owner, place).close()
    before = size_of(place)
    lock = Lock(place, Door(), Machine())
    revoke(owner, lock, count, entries=entries)
    lock.close()
    each = (size_of(place) - before) / count
    kind = f"documents of {entries}" if entries > 1 else "documents of their own"
    return Figure(f"bytes on the lock for a key taken back, in {kind}", each, "B", bar)


def size_of(place: Path) -> int:
    """Bytes of the database once it is folded together and compacted."""
    database = sqlite3.connect(place / DATABASE, isolation_level=None)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("VACUUM")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return (place / DATABASE).stat().st_size
