"""Two months at the demo's doors: people come and go, and now and then somebody is refused.

Everything is done at the real daemons, on a clock that is let pass between one visit and the next
(past.py). Seeded: the same people come at the same times of day each time the demo is built.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from mortice.client.line import AnswerLost, Line, Unreachable
from mortice.client.visit import Errand, Holder, Session
from mortice.client.wallet import HeldKey, Wallet
from mortice.core.commands import Command
from mortice.core.door import Bolt
from mortice.lockd.conversation import Closed, Conversation
from mortice.sim.cast import DAY, HOUR, MINUTE, Times
from mortice.sim.habits import Habit, habits_at
from mortice.sim.past import Past
from mortice.sim.running import RunningDoor
from mortice.sim.world import World

SEED = "two months at fourteen doors"
LEAF_SECONDS = 6  # for which somebody holds a door open
SETTLE_SECONDS = 5.0  # longest that a door takes over one of these acts


@dataclass(frozen=True, slots=True)
class Visit:
    """One coming."""

    at: int
    who: str
    door: str
    pin: str = ""  # typed at the keypad instead of the phone


def visits(place: str, times: Times, pins: list[dict[str, str]]) -> list[Visit]:
    """Everybody's comings at a place, in order."""
    chance = random.Random(f"{SEED} {place}")  # noqa: S311 - a story, not a secret
    found = [
        visit for habit in habits_at(place) for visit in _of_habit(habit, times, chance)]
    for pin in pins:
        days = range(3, (times.now - times.began) // DAY, 9)
        found += [Visit(times.local(-day, 13, chance.randrange(60)), pin["person"], pin["door"],
                        pin["pin"] if chance.random() < 0.8 else "11" + pin["pin"][2:])
                  for day in days]
    return sorted((v for v in found if times.began < v.at < times.now - MINUTE), key=lambda v: v.at)


def _of_habit(habit: Habit, times: Times, chance: random.Random) -> Iterator[Visit]:
    for day in range(-(times.now - times.began) // DAY, 1):
        midnight = times.local(day, 12) - 12 * HOUR
        weekday = (midnight // DAY + 3) % 7  # 1 January 1970 was a Thursday
        off, comes = chance.uniform(-habit.spread, habit.spread), chance.random() < habit.odds
        if habit.days[weekday] != "-" and comes:
            yield Visit(midnight + int((habit.hour + off) * HOUR), habit.who, habit.door)


class Doorstep:
    """A line to a lock in this process, for whoever stands before its door."""

    def __init__(self, door: RunningDoor) -> None:
        self._conversation = Conversation(door.lock, "at the door")

    async def say(self, message: bytes, seconds: float = 0) -> bytes:
        """As a line of the network does. Raises Unreachable."""
        try:
            return await self._conversation.hear(message)
        except Closed as error:
            raise Unreachable("the door ended the conversation") from error

    async def ask(self, message: bytes) -> bytes:
        """As a line of the network does. Raises AnswerLost."""
        try:
            return await self.say(message)
        except Unreachable as error:
            raise AnswerLost(str(error)) from error


async def live_through(
    world: World, coming: list[Visit], past: Past, told: Callable[[], None]) -> None:
    """Let everybody of `coming` come, each at their time."""
    keys = {name: Wallet(world.home, name) for name in {visit.who for visit in coming}}
    held = {name: (wallet, wallet.keys()) for name, wallet in keys.items()}
    drained = 0
    for visit in coming:
        await _shops_shut(world, past, visit.at)
        past.let_pass(visit.at)
        if visit.at // DAY > drained:  # once a day
            drained = visit.at // DAY
            world.drain()
        door = world.doors[visit.door]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                if visit.pin:
                    await _type(door, visit.pin)
                else:
                    await _show_phone(world, visit, *held[visit.who])
                await _go_through(door, past)
        told()


async def _shops_shut(world: World, past: Past, before: int) -> None:
    """Whatever is held open until then locks itself at its own time."""
    for door in world.doors.values():
        if (held := door.lock.held) is not None and held.until <= before and door.daemon:
            past.let_pass(held.until + 1)
            await door.daemon.watch.look()


async def _show_phone(world: World, visit: Visit, wallet: Wallet, keys: list[HeldKey]) -> None:
    door, running = world.home.door(visit.door), world.doors[visit.door]
    if running.plan.opening:
        running.hardware.press("clear")  # that they are here: who opens from away opens no shop
        await asyncio.sleep(0)
    key = next((k for k in keys if door.mapped.id in k.leaf.doors), keys[-1])
    holder = Holder(wallet.key, key.wire, key.leaf.id)
    line = cast("Line", Doorstep(running))
    session = Session(line, world.lock_address(door), holder)
    await session.ask(await session.greet(), Errand(Command.UNLOCK), whole=True)


async def _type(door: RunningDoor, digits: str) -> None:
    before = door.lock.store.size
    for symbol in (*digits, "enter"):
        door.hardware.press(symbol)
    await door.until(lambda: door.lock.store.size > before)


async def _go_through(door: RunningDoor, past: Past) -> None:
    """Whoever was let in opens the door, closes it behind them, and locks it unless it is held."""
    async with door.lock.motor:
        drawn = door.hardware.sight().bolt is Bolt.DRAWN
    if drawn:
        door.hardware.open_leaf()
        past.let_pass(past.wall() + LEAF_SECONDS)
        door.hardware.close_leaf()
        if door.lock.held is None:
            door.hardware.turn_inside()
