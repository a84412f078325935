"""The two nights of the year on which clocks are changed, at a door whose key has hours.

The door's own clock is let go back to those nights (past.py); what it decides is its own.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from mortice.client import owner
from mortice.core.schedule import Window
from mortice.sim.cast import DAY, FRONT, HOUR, MINUTE, USE
from mortice.sim.past import Past
from mortice.sim.stage import Actor, Stage
from mortice.sim.world import ZONE, World

ONE_TO_TWO = (Window(0b1000000, 60, 120),)  # Sundays, from one to two in the night
LONGEST = 400  # days in which clocks change twice at least


async def clock_change(stage: Stage) -> None:
    """Clocks go back and forward; a key for one to two in the night keeps its hours exactly."""
    back, forward = _changes(int(time.time()))
    await _night(stage, "back", back, {
        "just before one, it is too early": (-HOUR - MINUTE, False),
        "at a quarter past one, before the change": (-HOUR + 15 * MINUTE, True),
        "at a quarter past one again, after it": (15 * MINUTE, True),
        "at two it is over": (HOUR + MINUTE, False)})
    await _night(stage, "forward", forward, {
        "a minute before one": (-MINUTE, False),
        "the clock shows two at once; the hour never came": (0, False)})


async def _night(
    stage: Stage, name: str, change: int, moments: dict[str, tuple[int, bool]]) -> None:
    past = Past(change - DAY)
    world = World(stage.world.home.folder / name, past=past)
    world.home.folder.mkdir(parents=True)
    world.found("A night")
    try:
        door = Actor(await world.run(FRONT))
        world.give("Tom Reed", owner.Terms(world.door_ids(), USE, hours=ONE_TO_TWO))
        there = Stage(world, stage.tell, stage.steps)
        for what, (apart, opens) in moments.items():
            past.let_pass(change + apart)
            answered = await there.open("Tom Reed", FRONT.slug)
            reason = "opened" if answered.opened else door.last_reason()
            right = answered.opened if opens else reason == "outside_hours"
            stage.step(f"clocks go {name}: {what}", ok=right, saw=reason)
    finally:
        await world.stop()


def _changes(now: int) -> tuple[int, int]:
    """The newest moments, in Unix seconds, at which clocks went back and forward."""
    zone, found = ZoneInfo(ZONE), dict[str, int]()
    noon = datetime.fromtimestamp(now, UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    for days in range(2, LONGEST):
        day = noon - timedelta(days=days)
        before = (day - timedelta(days=1)).astimezone(zone).utcoffset()
        after = day.astimezone(zone).utcoffset()
        assert before is not None, "a zone has an offset"
        assert after is not None, "a zone has an offset"
        if before != after:
            found.setdefault("back" if after < before else "forward", int(day.timestamp()))
    return found["back"] - 11 * HOUR, found["forward"] - 11 * HOUR  # at 01:00 UTC of that day
