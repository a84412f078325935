"""How much of the lock's CPU goes into anything else than what it cannot do without?

CPU time of the lock's side of one opening, from message 1 to message 4. First the pure core alone
(handshake, chain, proof, decision, log entry, signed head, signed receipt) against the same
primitives called by hand. Then, for the record, the whole lock as lockd runs it, with its store on
a memory disk and the moved bolt written down, against primitives and the bare rows of both
transactions. Each with a chain of three that the lock has not seen, where each call shows another
chain so that no key is remembered from the call before, and with one that it knows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from bench.corelock import Asked, CoreLock
from bench.measure import Figure, Plan, Turns, Watch, in_turns, skipped
from bench.places import NoSuchPlace, memory_folder
from bench.primitives import LockFloor, decode
from bench.rows import BareRows
from bench.visits import visit
from bench.world import Owner, commissioned, fill

CHAINS = 100  # three keys each: more than the 256 keys that the core remembers
ENTRIES = 1000  # in the log before the first opening
BAR, AIM = 1.6, 1.3
WHOLE_FIRST = "the whole lock's, first contact, over primitives and rows"
WHOLE_REPEAT = "the whole lock's, repeat opening, over primitives and rows"


def ask(plan: Plan) -> list[Figure]:
    return [*core_alone(plan), *whole_lock(plan)]


def core_alone(plan: Plan) -> list[Figure]:
    owner = Owner()
    lock = CoreLock(owner)
    news = [lock.asked(owner.chain_of_three(), whole=True) for _ in range(CHAINS)]
    known = lock.asked(owner.chain_of_three(), whole=False)
    floor, low_floor = LockFloor(lock.sizes(news[0])), LockFloor(lock.sizes(known))
    unseen, again = itertools.cycle(news), itertools.cycle(news)
    turns = in_turns({
        "first": lambda: lock.opening(next(unseen)),
        "first floor": lambda: floor.opening(next(again).shown),
        "repeat": lambda: lock.opening(known),
        "repeat floor": lambda: low_floor.opening(known.shown),
    }, plan)
    return [
        turns.figure("first contact, chain of three, over its primitives", "first", "first floor",
                     bar=BAR, aim=AIM),
        turns.figure("repeat opening over its primitives", "repeat", "repeat floor",
                     bar=BAR, aim=AIM),
    ]


def whole_lock(plan: Plan) -> list[Figure]:
    try:
        with memory_folder() as folder:
            turns = openings(folder, plan)
    except NoSuchPlace as error:
        return [skipped(question, str(error)) for question in (WHOLE_FIRST, WHOLE_REPEAT)]
    return [
        turns.figure(WHOLE_FIRST, "first", "first floor"),
        turns.figure(WHOLE_REPEAT, "repeat", "repeat floor"),
    ]


def openings(folder: Path, plan: Plan) -> Turns:
    """The lock's side of real visits. A watch leaves the holder's side out."""
    owner, watch = Owner(), Watch()
    lock = commissioned(owner, folder / "lock")
    fill(lock, ENTRIES)
    news, known = [owner.chain_of_three() for _ in range(CHAINS)], owner.chain_of_three()
    visit(owner, lock, known)
    _, body, head = next(row for row in reversed(lock.store.entries(ENTRIES, 9)) if row[2])
    rows = BareRows(folder / "rows.db", decode(body), head)
    core = CoreLock(owner)
    asked, again = [core.asked(key, whole=True) for key in news], core.asked(known, whole=False)
    floor, low_floor = LockFloor(core.sizes(asked[0])), LockFloor(core.sizes(again))
    unseen = itertools.cycle(news)

    def bare(floor: LockFloor, asked: Iterator[Asked]) -> None:
        with watch:
            floor.opening(next(asked).shown)
            rows.append()
            rows.append(head=False)

    shown, shown_again = itertools.cycle(asked), itertools.repeat(again)
    turns = in_turns({
        "first": lambda: visit(owner, lock, next(unseen), watch=watch),
        "first floor": lambda: bare(floor, shown),
        "repeat": lambda: visit(owner, lock, known, whole=False, watch=watch),
        "repeat floor": lambda: bare(low_floor, shown_again),
    }, plan, clock=watch)
    lock.close()
    rows.close()
    return turns
