"""Runs in .venv-bench: visits a Mortice lock and a HAP lock in turns, and prints the times.

    python -m bench.duel ROUNDS MEMORY-FOLDER DISK-FOLDER PYTHON

From the client's start to the bolt's command on the lock's side, in seconds, each on a new
connection; both sides are processes of their own. PYTHON is the interpreter of our daemon. Three
locks are visited round and round, so that each has rested for two visits to others when its turn
comes: a process that has just worked is half again as fast.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from bench.hap_phone import Phone
from bench.measure import WARM_UP, progress
from bench.processes import Process, daemon, running
from bench.world import Key, Owner, commissioned
from mortice.client.visit import Errand, visit
from mortice.core.commands import Command

PAUSE_SECONDS = 0.002  # lets the other side finish what follows the bolt
Way = Callable[[], Awaitable[object]]


class Ours:
    """A lock of ours, its daemon running, and keys to it."""

    def __init__(self, folder: Path, visits: int) -> None:
        owner = Owner()
        self._folder = folder
        lock = commissioned(owner, folder)
        self._address = owner.address(lock.secrets.public)
        lock.close()
        self._where = ("127.0.0.1", 0)
        self._known = owner.chain_of_three()
        self._unseen = iter([owner.chain_of_three() for _ in range(visits)])

    async def start(self, stack: AsyncExitStack, python: str) -> Process:
        process = await stack.enter_async_context(running(daemon(self._folder, python)))
        self._where = ("127.0.0.1", (await process.line())["port"])
        await self._open(self._known, seen=False)
        await process.line()
        return process

    async def first(self) -> None:
        """With another chain of three each time, all of whose keys the lock has yet to see."""
        await self._open(next(self._unseen), seen=False)

    async def repeat(self) -> None:
        await self._open(self._known, seen=True)

    async def _open(self, key: Key, *, seen: bool) -> None:
        errand = Errand(Command.UNLOCK)
        visited = await visit(self._where, self._address, key.holder, errand, seen=seen)
        assert visited.answer.coarse is None, "the door must open"


async def timed(process: Process, way: Way) -> float:
    """Seconds from the client's start to the bolt's command."""
    start = time.monotonic_ns()
    await way()
    driven: int = (await process.line())["driven"]
    await asyncio.sleep(PAUSE_SECONDS)
    return (driven - start) / 1e9


async def duel(rounds: int, memory: Path, disk: Path, python: str) -> list[dict[str, float]]:
    async with AsyncExitStack() as stack:
        hap = await stack.enter_async_context(
            running([sys.executable, "-m", "bench.hap_lock", str(memory)]))
        phone = Phone(await hap.line())
        await phone.pair()
        visits = WARM_UP + rounds
        in_memory, on_disk = Ours(memory / "lock", visits), Ours(disk / "lock", visits)
        served = await in_memory.start(stack, python), await on_disk.start(stack, python)
        ways: dict[str, tuple[Process, Way]] = {
            "hap": (hap, phone.unlock),
            "memory": (served[0], in_memory.first),
            "disk": (served[1], on_disk.first),
            "hap again": (hap, phone.unlock),
            "memory repeat": (served[0], in_memory.repeat),
            "disk repeat": (served[1], on_disk.repeat),
        }
        rows = []
        for number in range(visits):
            progress(f"round {number + 1} of {visits}")
            rows.append({name: await timed(*way) for name, way in ways.items()})
        return rows[WARM_UP:]


if __name__ == "__main__":
    found = asyncio.run(
        duel(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
    print(json.dumps(found))
