"""The stage on which a scene is played: a world of its own, its doors, and the promises kept.

What happens is awaited at the door itself, never guessed by the clock; a promise that is not kept
within `SETTLE_SECONDS` is a promise broken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from mortice.client.words import reason_of
from mortice.core.commands import Command
from mortice.core.log import Entry, Kind, read_entry
from mortice.core.refusal import Coarse
from mortice.sim.running import DoorPlan, RunningDoor
from mortice.sim.world import NOTHING, OWNER, Bring, World

SETTLE_SECONDS = 5.0  # longest that a scene waits for the door; a slow machine needs one


@dataclass(slots=True)
class Stage:
    """One scene being played."""

    world: World
    tell: Callable[[str], None]
    steps: list[dict[str, object]] = field(default_factory=list)

    def step(self, what: str, *, ok: bool, saw: str = "") -> None:
        """One promise, whether it was kept, and what was seen."""
        self.steps.append({"step": what, "ok": ok, "saw": saw})
        self.tell(f"  {'✓' if ok else '✗'} {what}{f'  ({saw})' if saw else ''}")

    @property
    def ok(self) -> bool:
        """Was every promise kept?"""
        return bool(self.steps) and all(bool(step["ok"]) for step in self.steps)

    async def door(self, plan: DoorPlan) -> Actor:
        """A door of this scene, running and taken over."""
        return Actor(await self.world.run(plan))

    async def open(self, name: str, door: str, bring: Bring = NOTHING) -> Answered:
        """`name` tries to open `door`."""
        visited = await self.world.visit(name, door, Command.UNLOCK, bring)
        receipt = visited.answer.receipt
        return Answered(
            receipt.result.name.lower() if receipt else "refused", visited.answer.coarse
        )

    async def read_log(self, door: str) -> list[dict[int | str, object]]:
        """The owner reads a whole log at the door, page by page, as the lock hands it out."""
        pages: list[dict[int | str, object]] = []
        first = 0
        while not pages or "head" not in pages[-1]:
            asked = Bring(args={1: first})
            answer = (await self.world.visit(OWNER, door, Command.READ_LOG, asked)).answer
            page = answer.body[3]
            assert isinstance(page, dict), "the owner may read the log"
            pages.append(dict(page))
            entries = page["entries"]
            assert isinstance(entries, list), "a page holds entries"
            first += len(entries)
        return pages


@dataclass(frozen=True, slots=True)
class Answered:
    """What a visitor is told: a result, and a stranger's coarse code where it was refused."""

    result: str
    coarse: Coarse | None

    @property
    def opened(self) -> bool:
        """Was the bolt seen drawn?"""
        return self.result == "unlocked"

    def __str__(self) -> str:
        return f"{self.result}: {self.coarse.value}" if self.coarse else self.result


@dataclass(frozen=True, slots=True)
class Actor:
    """A door on the stage."""

    running: RunningDoor

    async def sees(self, true: Callable[[], bool]) -> bool:
        """Does `true` come true at this door?"""
        return await within(self.running.until(true))

    async def typed(self, digits: str) -> str:
        """Type a PIN and wait for the verdict: `granted`, or the reason that the owner reads."""
        before = self.running.lock.store.size
        for symbol in digits:
            self.running.hardware.press(symbol)
        self.running.hardware.press("enter")
        if not await self.sees(lambda: bool(self._verdicts(before))):
            return "no verdict"
        entry = self._verdicts(before)[0]
        return "granted" if entry.kind is Kind.GRANTED else reason_of(entry).value

    def _verdicts(self, since: int) -> list[Entry]:
        """Decisions from an entry on; an alarm may stand before the last try's."""
        kinds = (Kind.GRANTED, Kind.REFUSED)
        return [entry for entry in self.entries()[since:] if entry.kind in kinds]

    def entries(self) -> list[Entry]:
        """The door's log, from the first entry to the last."""
        store = self.running.lock.store
        return [read_entry(body) for _, body, _ in store.entries(0, store.size)]

    def last_reason(self) -> str:
        """The exact reason of the newest refusal: what the owner reads, and nobody else."""
        refused = [entry for entry in self.entries() if entry.kind is Kind.REFUSED]
        return reason_of(refused[-1]).value if refused else "none"


async def within(work: Awaitable[object]) -> bool:
    """Does `work` come to its end in time?"""
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            await work
    except TimeoutError:
        return False
    return True


def stage_in(folder: Path, world: World, tell: Callable[[str], None]) -> Stage:
    """An empty stage in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    world.found("A scene")
    return Stage(world, tell)
