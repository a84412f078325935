"""Runs in .venv-bench: visits a Mortice lock and a HAP lock in turns, and prints the times.

    python -m bench.duel ROUNDS MEMORY-FOLDER DISK-FOLDER PYTHON

From the client's start to the bolt's command on the lock's side, in seconds, each on a new
connection; both sides are processes of their own. PYTHON is the interpreter of our daemon.
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

    def __init__(self, folder: Path) -> None:
        self._owner = Owner()
        self._folder = folder
        lock = commissioned(self._owner, folder)
        self._address = self._owner.address(lock.secrets.public)
        lock.close()
        self._where = ("127.0.0.1", 0)
        self._known = self._unseen = self._owner.chain_of_three()

    async def start(self, stack: AsyncExitStack, python: str) -> Process:
        process = await stack.enter_async_context(running(daemon(self._folder, python)))
        self._where = ("127.0.0.1", (await process.line())["port"])
        await self._open(self._known, seen=False)
        await process.line()
        return process

    def fresh(self) -> None:
        """Another chain of three, all of whose keys the lock has yet to see."""
        self._unseen = self._owner.chain_of_three()

    async def first(self) -> None:
        await self._open(self._unseen, seen=False)

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
        ways: dict[str, tuple[Process, Way]] = {"hap": (hap, phone.unlock)}
        locks = {"memory": Ours(memory / "lock"), "disk": Ours(disk / "lock")}
        for name, lock in locks.items():
            process = await lock.start(stack, python)
            ways |= {name: (process, lock.first), f"{name} repeat": (process, lock.repeat)}
        order, rows = list(ways), []
        for number in range(WARM_UP + rounds):
            progress(f"round {number + 1} of {WARM_UP + rounds}")
            for lock in locks.values():
                lock.fresh()
            rows.append({name: await timed(*ways[name]) for name in order})
            order.reverse()
        return rows[WARM_UP:]


if __name__ == "__main__":
    found = asyncio.run(
        duel(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
    print(json.dumps(found))
