"""What does a stranger cost the lock, and do owner and tenants notice a flood of them?

First the CPU of refusing one first message, over the CPU of an accepted opening. Then floods from
another process, 300 a second for five seconds, of each kind that bench/flood.py knows, while an
owner opens all the time and somebody types a PIN.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.flood import KINDS
from bench.measure import Figure, Plan, in_turns, percentile, show_time
from bench.opening import CHAINS, CoreLock
from bench.pins import lock_with_pins
from bench.places import NoSuchPlace, memory_folder
from bench.processes import Process, daemon, running
from bench.world import Key, Owner, with_mac
from mortice.client.visit import Errand, Unreachable, visit
from mortice.core.commands import Command
from mortice.core.errors import Theirs
from mortice.core.link import FIRST_BYTES, MAC_BYTES, OPENING, LockAddress

RATE, SECONDS = 300, 5.0
PAUSE_SECONDS = 0.02  # between the owner's openings
WARM_SECONDS = 1.0
VERDICT_SECONDS = 5.0  # after which a keypad counts as dead
CPU_BAR, WAIT_BAR, MEMORY_BAR = 0.15, 3.0, 1.05
# Loopback has many addresses. A flood that fails the mac may come from the owner's own address;
# who gets past the mac shares a bucket with all others at the same address, so comes from another.
SOURCES = {"junk": "127.0.0.1", "forged": "127.0.0.2", "abandoned": "127.0.0.2", "silent": "127.0.0.2"}


def ask(plan: Plan) -> list[Figure]:
    return [*refusals(plan), *asyncio.run(floods(plan))]


# --- one stranger's CPU -----------------------------------------------------------------------------


def refusals(plan: Plan) -> list[Figure]:
    owner = Owner()
    lock = CoreLock(owner)
    news = itertools.cycle([lock.asked(owner.chain_of_three(), whole=True) for _ in range(CHAINS)])
    junk = bytes([OPENING]) + secrets.token_bytes(FIRST_BYTES - 1)
    body = bytes([OPENING]) + secrets.token_bytes(FIRST_BYTES - 1 - MAC_BYTES)
    forged = with_mac(body, lock.address.link)
    turns = in_turns({
        "accepted": lambda: lock.opening(next(news)),
        "junk": lambda: refuse(lock, junk),
        "forged": lambda: refuse(lock, forged),
    }, plan)
    return [
        turns.figure("refusing a stranger's first message, over an opening", "junk", "accepted",
                     bar=CPU_BAR),
        turns.figure("the same from one who knows the lock's public key", "forged", "accepted",
                     bar=CPU_BAR),
    ]


def refuse(lock: CoreLock, message: bytes) -> None:
    try:
        lock.side().read_first(message)
    except Theirs:
        return
    raise AssertionError("a stranger's message must be refused")


# --- floods -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Visits:
    """How the owner's openings went."""

    seconds: list[float]
    lost: int

    @property
    def p95(self) -> float:
        return percentile(self.seconds, 0.95) if self.seconds else float("inf")


class Visitor:
    """The owner, opening again and again."""

    def __init__(self, where: tuple[str, int], address: LockAddress, key: Key) -> None:
        self._where, self._address, self._key = where, address, key

    async def visit_for(self, seconds: float) -> Visits:
        taken, lost, start = [], 0, time.monotonic()
        while time.monotonic() - start < seconds:
            begun = time.monotonic()
            try:
                found = await visit(
                    self._where, self._address, self._key.holder, Errand(Command.UNLOCK), seen=True)
            except Unreachable:
                lost += 1
            else:
                assert found.answer.coarse is None
                taken.append(time.monotonic() - begun)
            await asyncio.sleep(PAUSE_SECONDS)
        return Visits(taken, lost)


async def floods(plan: Plan) -> list[Figure]:
    figures = []
    for kind in KINDS:
        try:
            with memory_folder() as folder:
                figures += await one_flood(kind, folder, plan)
        except NoSuchPlace:
            with tempfile.TemporaryDirectory() as name:
                figures += await one_flood(kind, Path(name), plan)
    return figures


async def one_flood(kind: str, folder: Path, plan: Plan) -> list[Figure]:
    """A fresh daemon for each kind, so that none inherits what another left behind."""
    owner, seconds = Owner(), 2.0 if plan.quick else SECONDS
    lock, digits = lock_with_pins(owner, folder, 1)
    address, key = owner.address(lock.secrets.public), owner.resident()
    lock.close()
    async with running(daemon(folder)) as process:
        port = (await process.line())["port"]
        visitor, keypad = Visitor(("127.0.0.1", port), address, key), Keypad(process, digits)
        await visitor.visit_for(WARM_SECONDS)
        idle, before = await visitor.visit_for(seconds), process.resident()
        async with running(flooding(kind, port, address, seconds)) as flood:
            typing = asyncio.ensure_future(keypad.type_after(seconds / 2))
            busy = await visitor.visit_for(seconds)
            sent, verdict = await flood.line(), await typing
        grown = process.resident() / before
        keypad.stop()
    return report(kind, idle, busy, Aside(grown, verdict, sent["sent"], sent["refused"]))


class Keypad:
    """Types a PIN, and reads everything that the daemon prints meanwhile."""

    def __init__(self, process: Process, digits: str) -> None:
        self._process, self._digits = process, digits
        self._verdict: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        while True:
            line = await self._process.line()
            if "light" in line and not self._verdict.done():
                self._verdict.set_result((line["light"], line["at"]))

    async def type_after(self, seconds: float) -> float | None:
        """Seconds from the last key to the green light; None if there was none."""
        await asyncio.sleep(seconds)
        start = time.monotonic_ns()
        self._process.order(f"type {self._digits}")
        try:
            async with asyncio.timeout(VERDICT_SECONDS):
                light, at = await self._verdict
        except TimeoutError:
            return None
        return (at - start) / 1e9 if light == "yes" else None

    def stop(self) -> None:
        self._reading.cancel()


def flooding(kind: str, port: int, address: LockAddress, seconds: float) -> list[str]:
    known = ":".join(
        part.hex() for part in (address.site, address.door, address.link, address.signing.point))
    return [sys.executable, "-m", "bench.flood", kind, str(port), SOURCES[kind], str(RATE),
            str(seconds), known]


@dataclass(frozen=True, slots=True)
class Aside:
    """What else was seen during a flood."""

    grown: float  # the daemon's memory, over that before
    verdict: float | None  # seconds for a PIN
    sent: int
    refused: int


def report(kind: str, idle: Visits, busy: Visits, aside: Aside) -> list[Figure]:
    wait = busy.p95 / idle.p95
    keypad = "no verdict" if aside.verdict is None else f"keypad {show_time(aside.verdict)}"
    note = (
        f"p95 {show_time(busy.p95)} of {len(busy.seconds)} to {show_time(idle.p95)} of "
        f"{len(idle.seconds)}; {aside.sent} came, {aside.refused} turned away; {keypad}")
    name = f"flood, {kind}: "
    return [
        Figure(f"{name}the owner's p95, over idle", wait, "x", WAIT_BAR, note=note),
        Figure(f"{name}owner's openings lost", busy.lost, "", 0),
        Figure(f"{name}PINs without a verdict", int(aside.verdict is None), "", 0),
        Figure(f"{name}the daemon's memory, over before", aside.grown, "x", MEMORY_BAR),
    ]
