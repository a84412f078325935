"""The demo's world: its cast's keys do what the cast is told, and it is there again next time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mortice.client.home import Home
from mortice.client.wallet import Wallet
from mortice.core.commands import Command
from mortice.core.log import Kind, read_entry
from mortice.core.refusal import Coarse
from mortice.drivers import InsideButton
from mortice.drivers.simulated import Physics
from mortice.sim.cast import ALDER_ROAD, DAY, PLACES, Times
from mortice.sim.running import RunningDoor
from mortice.sim.town import Town
from mortice.sim.world import NO_NEWS, OWNER, World

QUICK = Physics(travel_seconds=0.05)


class Street:
    """The demo's town in one folder, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.town = Town(folder, QUICK)

    async def start(self) -> Town:
        if not any(self.folder.iterdir()):
            await self.town.build(days=0)
        self.town = Town(self.folder, QUICK)
        await self.town.open()
        return self.town

    async def restart(self) -> Town:
        await self.town.close()
        return await self.start()


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    made = Street(tmp_path / "street")
    made.folder.mkdir()
    yield made
    await made.town.close()


async def test_the_cast_is_let_in_or_not_as_its_keys_say(street: Street) -> None:
    town = await street.start()
    tried = [
        ("alder-road", OWNER, "front-door", None),
        ("alder-road", "Ben Hale", "back-door", None),
        ("alder-road", "Ana Sousa", "front-door", None),
        ("chaucer-house", "Priya Shah", "room-4", None),
        ("chaucer-house", "Sam Guest", "street-door", None),
        ("chaucer-house", "Eve Engineer", "meter-cupboard", None),
        ("chaucer-house", "Eve Engineer", "meter-cupboard", Coarse.NOT_ALLOWED),  # once is all
        ("chaucer-house", "Priya Shah", "room-5", Coarse.NOT_ALLOWED),
        ("alder-road", "Jo Visitor", "garden-annexe", Coarse.NOT_NOW),
        ("alder-road", "Bill Mason", "garage-side-door", Coarse.NOT_NOW),  # it ended
        ("alder-road", "Mallory", "front-door", Coarse.NOT_ALLOWED),
        ("hale-rowe", "Owen Rowe", "server-cupboard", None),
        ("hale-rowe", "Gita Rao", "server-cupboard", Coarse.SHOW_MORE),  # a second person
    ]
    for place, name, door, expected in tried:
        visited = await town.worlds[place].visit(name, door, Command.UNLOCK)
        assert visited.answer.coarse is expected, (name, door)


async def test_every_pin_opens_its_own_door(street: Street) -> None:
    town = await street.start()
    doors = set()
    for world in town.worlds.values():
        for pin in world.pins():
            door = world.doors[pin["door"]]
            door.hardware.turn_inside()
            door.hardware.turn_inside()
            for symbol in [*pin["pin"], "enter"]:
                door.hardware.press(symbol)
            await door.until(lambda door=door: door.hardware.gauges().bolt_mm == 0.0)
            doors.add(pin["door"])
    assert doors == {"front-door", "street-door", "main-entrance"}


def started(door: RunningDoor) -> int:
    """How often a door's log says that it started."""
    rows = door.lock.store.entries(0, door.lock.store.size)
    return sum(read_entry(body).kind is Kind.STARTED for _, body, _ in rows)


async def test_a_second_start_finds_the_same_street(street: Street) -> None:
    town = await street.start()
    world = town.first
    await world.visit(OWNER, "front-door", Command.UNLOCK)
    before, starts = town.for_scripts(), started(world.doors["front-door"])
    town = await street.restart()
    assert town.for_scripts() == before
    world = town.first
    assert started(world.doors["front-door"]) == starts + 1  # it wrote that down
    visited = await world.visit("Ben Hale", "front-door", Command.UNLOCK)
    assert visited.answer.coarse is None


async def test_a_lock_that_was_wiped_stays_without_an_owner(street: Street) -> None:
    front = (await street.start()).first.doors["front-door"]
    assert front.daemon is not None
    front.daemon.watch.heard(InsideButton(10.0))
    await front.until(lambda: front.lock.owned is None)
    world = (await street.restart()).first
    assert world.doors["front-door"].lock.owned is None
    assert len(world.home.known_doors()) == len(ALDER_ROAD.doors)


async def test_what_scripts_are_told_is_enough_to_reach_every_door(street: Street) -> None:
    town = await street.start()
    told = town.for_scripts()
    plans = [door.slug for place in PLACES for door in place.doors]
    assert [door["name"] for door in told["doors"]] == plans
    running_doors = {
        slug: door for world in town.worlds.values() for slug, door in world.doors.items()}
    for door in told["doors"]:
        running = running_doors[door["name"]]
        assert door["address"] == "{}:{}".format(*running.address)
        assert door["lock"] == running.lock.secrets.public.id.hex()
        assert bytes.fromhex(door["lock_key"]) == running.lock.secrets.signing.public.encoded
    assert {person["key"] for person in told["people"]} <= {str(f) for f in files(street.folder)}
    assert told["home"] == str(street.folder)
    assert {pin["home"] for pin in told["pins"]} == {
        str(street.town.home_of(place)) for place in PLACES}


async def test_the_site_is_marked_as_a_demos(world: World) -> None:
    assert world.home.site().demo


async def test_everything_of_the_home_is_for_its_user_alone(street: Street) -> None:
    await street.start()
    kept = [file for file in files(street.folder) if "locks" not in file.parts]
    full = [file for file in kept if file.stat().st_size]  # an empty one tells nobody anything
    assert full
    assert {oct(file.stat().st_mode & 0o077) for file in full} == {"0o0"}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_news_travels_only_if_it_is_carried(world: World, front: object) -> None:
    visited = await world.visit(OWNER, "front-door", Command.STATUS, NO_NEWS)
    assert visited.news == {}


async def test_the_owners_key_is_made_once(world: World, front: object) -> None:
    before = world.owner_key()
    assert world.owner_key().wire == before.wire
    assert len(Wallet(world.home, OWNER).keys()) == 1


@pytest.mark.parametrize("days", range(14))
def test_the_visitors_stay_begins_on_a_friday_at_three_at_least_a_day_ahead(days: int) -> None:
    now = int(time.time()) + days * DAY
    start = Times(now, now).friday()
    local = datetime.fromtimestamp(start, ZoneInfo("Europe/London"))
    assert (local.weekday(), local.hour, local.minute) == (4, 15, 0)
    assert DAY <= start - now <= 9 * DAY


def test_a_world_without_a_site_is_new(tmp_path: Path) -> None:
    assert World(tmp_path).is_new
    assert not Home(tmp_path).owns_site()
