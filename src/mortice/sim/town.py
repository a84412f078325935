"""The demo's three places in one folder: built once, with their history, and found again later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mortice.core.commands import Command
from mortice.core.stages import TimeState
from mortice.drivers.simulated import Physics
from mortice.sim.cast import DAY, PLACES, PlacePlan, Times, build_place, reopen_place
from mortice.sim.history import live_through, visits
from mortice.sim.past import Past
from mortice.sim.world import OWNER, World

QUICK = Physics(travel_seconds=0.01)  # in the past nobody waits for a motor
DAYS = 60

Told = Callable[[str, int, int], None]  # a place, and how many comings of how many are over


def nobody_watches(_place: str, _done: int, _all: int) -> None:
    """Say nothing."""


class Town:
    """Every place of the demo, each an ordinary Mortice home with running doors."""

    def __init__(self, folder: Path, physics: Physics | None = None) -> None:
        self.folder, self._physics = folder, physics
        self.worlds: dict[str, World] = {}

    def home_of(self, plan: PlacePlan) -> Path:
        """The folder that is `MORTICE_HOME` for a place; the demo's own is that of the first."""
        return self.folder if plan is PLACES[0] else self.folder / "places" / plan.slug

    @property
    def first(self) -> World:
        """The family's house, where whoever looks at the demo begins."""
        return self.worlds[PLACES[0].slug]

    def for_scripts(self) -> dict[str, Any]:
        """Everything of every place, and the first place's home."""
        places = [world.for_scripts() for world in self.worlds.values()]
        return {"home": str(self.first.home.folder.resolve())} | {
            what: [row for place in places for row in place[what]]
            for what in ("doors", "pins", "people")}

    async def build(self, days: int = DAYS, told: Told = nobody_watches) -> None:
        """Make every place and let `days` pass there. Nothing runs afterwards."""
        now = int(time.time())
        times = Times(now - days * DAY - 60, now)
        await asyncio.gather(*(self._build_one(plan, times, told) for plan in PLACES))

    async def _build_one(self, plan: PlacePlan, times: Times, told: Told) -> None:
        past = Past(times.began)
        world = World(self.home_of(plan), QUICK, past)
        world.home.folder.mkdir(parents=True, exist_ok=True)
        try:
            await build_place(world, plan, times)
            coming = visits(plan.slug, times, world.pins())
            done = iter(range(1, len(coming) + 1))
            await live_through(
                world, coming, past, lambda: told(plan.name, next(done), len(coming)))
            past.let_pass(int(time.time()) + 1)
            world.drain()
        finally:
            await world.stop()

    async def open(self) -> None:
        """Run every door of every place."""
        for plan in PLACES:
            world = self.worlds[plan.slug] = World(
                self.home_of(plan), self._physics)
            await reopen_place(world, plan)
            for slug, door in world.doors.items():
                unsure = door.lock.now().state is not TimeState.SYNCED
                if unsure and door.lock.owned is not None:
                    await world.visit(OWNER, slug, Command.STATUS)  # and tell it the time

    async def dial(self, hub: tuple[bytes, str]) -> None:
        """Have every door dial this hub, by its owner's signed settings."""
        for plan in PLACES:
            world = self.worlds[plan.slug]
            for door in plan.doors:
                running = world.doors[door.slug]
                if running.lock.owned is not None and running.lock.owned.config.hub != hub:
                    await world.configure(door.slug, door.relock_after, hub)

    async def close(self) -> None:
        """Stop every door in good order."""
        for world in self.worlds.values():
            await world.stop()
