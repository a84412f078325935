"""How many bytes does an opening take, and how many round trips?

Counted on real visits: the four messages with their two bytes of length each. A lock behind a slow
radio feels bytes and round trips long before it feels a signature.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.measure import Figure, Plan
from bench.visits import Said, visit
from bench.world import Owner, commissioned, fill
from mortice.lockd.listen import LENGTH_BYTES

FIRST_BAR, REPEAT_BAR = 1100, 500  # bytes both ways
ENTRIES = 70_000  # from here on each number in a receipt takes five bytes, up to four billion
TRIPS_BAR = 2


def ask(plan: Plan) -> list[Figure]:
    owner = Owner()
    with tempfile.TemporaryDirectory() as folder:
        lock = commissioned(owner, Path(folder))
        fill(lock, plan.count(ENTRIES, 100))
        key = owner.chain_of_three()
        first, repeat = visit(owner, lock, key), visit(owner, lock, key, whole=False)
        lock.close()
    trips = max(len(said.messages) for said in (first, repeat)) / 2
    return [
        _figure("bytes of a first contact, chain of three", first, FIRST_BAR),
        _figure("bytes of a repeat opening", repeat, REPEAT_BAR),
        Figure("round trips", trips, "", TRIPS_BAR, note="after TCP's own; of both"),
    ]


def _figure(question: str, said: Said, bar: int) -> Figure:
    lengths = [LENGTH_BYTES + len(message) for message in said.messages]
    return Figure(
        question, sum(lengths), "B", bar, note="messages of " + ", ".join(map(str, lengths)))
