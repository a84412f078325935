"""What does a stranger cost the lock, and do owner and tenants notice a flood of them?

First the CPU of turning one first message away, as the daemon does it, over the CPU of an accepted
opening. Then floods from another process, 300 a second, of each kind that bench/flood.py knows,
while an owner opens all the time and somebody types PINs: spells of quiet and of flood in turns.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.flood import KINDS
from bench.measure import Figure, Plan, Watch, in_turns, percentile, progress, show_time
from bench.pins import lock_with_pins
from bench.places import NoSuchPlace, memory_folder
from bench.processes import Process, daemon, running
from bench.visits import visit as visit_at_once
from bench.world import Key, Owner, commissioned, with_mac
from mortice.client.line import Unreachable
from mortice.client.visit import Errand, visit
from mortice.core.commands import Command
from mortice.core.link import FIRST_BYTES, MAC_BYTES, OPENING, LockAddress
from mortice.lockd.conversation import Closed, Conversation
from mortice.lockd.daemon import Lock
from mortice.lockd.listen import Listener

CHAINS = 100  # three keys each: more than the 256 keys that the core remembers
RATE = 300  # strangers a second
SPELLS, SPELL_SECONDS = 4, 2.0  # of quiet, and as many of flood
PAUSE_SECONDS = 0.015  # between the owner's openings
WARM_SECONDS = 1.0
VERDICT_SECONDS = 5.0  # after which a keypad counts as dead
CPU_BAR, WAIT_BAR, MEMORY_BAR = 0.15, 3.0, 1.05


def ask(plan: Plan) -> list[Figure]:
    try:
        with memory_folder() as folder:
            return _ask(folder, plan)
    except NoSuchPlace:
        with tempfile.TemporaryDirectory() as name:
            return _ask(Path(name), plan)


def _ask(folder: Path, plan: Plan) -> list[Figure]:
    spells = [asyncio.run(flooded(kind, folder / kind, plan)) for kind in KINDS]
    return [*refusals(folder, plan), *report(spells)]


# --- one stranger's CPU --------------------------------------------------------------------------


def refusals(folder: Path, plan: Plan) -> list[Figure]:
    owner, watch = Owner(), Watch()
    lock = commissioned(owner, folder / "one")
    news, known = [owner.chain_of_three() for _ in range(CHAINS)], owner.chain_of_three()
    visit_at_once(owner, lock, known)
    unseen = itertools.cycle(news)
    body = bytes([OPENING]) + secrets.token_bytes(FIRST_BYTES - 1 - MAC_BYTES)
    junk, forged = body + bytes(MAC_BYTES), with_mac(body, lock.secrets.link.public)
    turns = in_turns({
        "accepted": lambda: visit_at_once(owner, lock, next(unseen), watch=watch),
        "repeat": lambda: visit_at_once(owner, lock, known, whole=False, watch=watch),
        "forged": refusing(lock, forged, watch),
        "junk": refusing(lock, junk, watch),
    }, plan, clock=watch)
    lock.close()
    return [
        turns.figure("refusing a first message made with the lock's public key, over an opening",
                     "forged", "accepted", bar=CPU_BAR),
        turns.figure("the same over a repeat opening", "forged", "repeat"),
        turns.figure("refusing one made without it, over an opening", "junk", "accepted"),
    ]


def refusing(lock: Lock, message: bytes, watch: Watch) -> Callable[[], None]:
    """What the daemon does with a stranger's first message, each from another address."""
    listener, sources = Listener(lock), map(str, itertools.count())

    def once() -> None:
        source = next(sources)
        with watch:
            if not listener.may_start(source, message):
                return
            try:
                Conversation(lock, source).first(message)
            except Closed:
                return
        raise AssertionError("a stranger's message must be refused")

    return once


# --- floods ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Spells:
    """How the owner's openings and PINs went in one kind of spell."""

    seconds: list[float] = field(default_factory=list)
    verdicts: list[float] = field(default_factory=list)  # a PIN's, from the last key to the light
    lost: int = 0
    unheard: int = 0  # PINs without a verdict, or with the wrong one

    @property
    def p95(self) -> float:
        return percentile(self.seconds, 0.95) if self.seconds else float("inf")

    @property
    def keypad(self) -> float:
        return percentile(self.verdicts, 0.5) if self.verdicts else float("inf")


@dataclass(slots=True)
class Flooded:
    """One kind of flood."""

    kind: str
    quiet: Spells = field(default_factory=Spells)
    busy: Spells = field(default_factory=Spells)
    sent: int = 0
    refused: int = 0
    grown: float = 1.0  # the daemon's memory after the last flood, over that before the first


async def flooded(kind: str, folder: Path, plan: Plan) -> Flooded:
    """A fresh daemon for each kind, so that none inherits what another left behind."""
    owner, found = Owner(), Flooded(kind)
    lock, digits = lock_with_pins(owner, folder, 1)
    address, key = owner.address(lock.secrets.public), owner.resident()
    lock.close()
    spells, seconds = plan.count(SPELLS, 1), SPELL_SECONDS if not plan.quick else 1.0
    async with running(daemon(folder)) as process:
        where = ("127.0.0.1", (await process.line())["port"])
        household = Household(where, address, key, Keypad(process, digits))
        for _ in range(2):  # the second PIN is the first to leave its 19 MiB with the allocator
            await household.live(WARM_SECONDS, Spells())
        before = process.resident()
        for number in range(spells):
            progress(f"{kind}: spell {number + 1} of {spells}")
            await household.live(seconds, found.quiet)
            async with running(flooding(kind, where[1], address, seconds)) as flood:
                await flood.line()  # it is ready
                await household.live(seconds, found.busy)
                ended = await flood.line()
            found.sent, found.refused = found.sent + ended["sent"], found.refused + ended["refused"]
        found.grown = process.resident() / before
        household.keypad.stop()
    progress("")
    return found


class Household:
    """The owner, opening again and again, and somebody at the keypad."""

    def __init__(
        self, where: tuple[str, int], address: LockAddress, key: Key, keypad: Keypad,
    ) -> None:
        self._where, self._address, self._key = where, address, key
        self.keypad = keypad

    async def live(self, seconds: float, spells: Spells) -> None:
        typing = asyncio.ensure_future(self._type(seconds / 2, spells))
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            begun = time.monotonic()
            if await self._open():
                spells.seconds.append(time.monotonic() - begun)
            else:
                spells.lost += 1
            await asyncio.sleep(PAUSE_SECONDS)
        await typing

    async def _open(self) -> bool:
        errand = Errand(Command.UNLOCK)
        try:
            found = await visit(self._where, self._address, self._key.holder, errand, seen=True)
        except Unreachable:
            return False
        return found.answer.coarse is None

    async def _type(self, after: float, spells: Spells) -> None:
        await asyncio.sleep(after)
        taken = await self.keypad.type()
        if taken is None:
            spells.unheard += 1
        else:
            spells.verdicts.append(taken)


class Keypad:
    """Types a PIN, and reads everything that the daemon prints meanwhile."""

    def __init__(self, process: Process, digits: str) -> None:
        self._process, self._digits = process, digits
        self._typed = 0
        self._verdict: asyncio.Future[tuple[str, float]] | None = None
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        while True:
            line = await self._process.line()
            if "typed" in line:
                self._typed = line["typed"]
            elif "light" in line and self._verdict is not None and not self._verdict.done():
                self._verdict.set_result((line["light"], (line["at"] - self._typed) / 1e9))

    async def type(self) -> float | None:
        """Seconds from the last key to the green light; None if there was none."""
        self._verdict = asyncio.get_running_loop().create_future()
        self._process.order(f"type {self._digits}")
        try:
            async with asyncio.timeout(VERDICT_SECONDS):
                light, taken = await self._verdict
        except TimeoutError:
            return None
        return taken if light == "yes" else None

    def stop(self) -> None:
        self._reading.cancel()


def flooding(kind: str, port: int, address: LockAddress, seconds: float) -> list[str]:
    known = ":".join(
        part.hex() for part in (address.site, address.door, address.link, address.signing.point))
    return [sys.executable, "-m", "bench.flood", kind, str(port), str(RATE), str(seconds), known]


def report(found: list[Flooded]) -> list[Figure]:
    """The bars hold for the worst kind; then each kind for itself."""
    waits = {each.kind: each.busy.p95 / each.quiet.p95 for each in found}
    worst = max(waits, key=lambda kind: waits[kind])
    fattest = max(found, key=lambda each: each.grown)
    openings = sum(len(each.busy.seconds) for each in found)
    typed = sum(len(each.busy.verdicts) for each in found)
    unheard = sum(each.busy.unheard for each in found)
    return [
        Figure("flood: the owner's p95 over idle, worst kind", waits[worst], "x", WAIT_BAR,
               note=worst),
        Figure("flood: owner's openings lost", sum(each.busy.lost for each in found), "", 0,
               note=f"{openings:,} served meanwhile"),
        Figure("flood: the daemon's memory over before, worst kind", fattest.grown, "x", MEMORY_BAR,
               note=fattest.kind),
        Figure("flood: PINs without their green light", unheard, "", 0,
               note=f"{typed} opened meanwhile"),
        *(_of_kind(each, waits[each.kind]) for each in found),
    ]


def _of_kind(each: Flooded, wait: float) -> Figure:
    return Figure(f"flood of {each.kind}: the owner's p95 over idle", wait, note=(
        f"{show_time(each.busy.p95)} of {len(each.busy.seconds)} to {show_time(each.quiet.p95)} of "
        f"{len(each.quiet.seconds)}; {each.sent:,} came, {each.refused:,} turned away; "
        f"keypad {show_time(each.busy.keypad)} to {show_time(each.quiet.keypad)}"))
