"""The demo's world: its cast's keys do what the cast is told, and it is there again next time."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mortice.client.home import Home
from mortice.client.wallet import Wallet
from mortice.core.commands import Command
from mortice.core.refusal import Coarse
from mortice.drivers import InsideButton
from mortice.drivers.simulated import Physics
from mortice.sim.cast import DAY, STREET, build_street, friday_at_three
from mortice.sim.world import NO_NEWS, OWNER, World

QUICK = Physics(travel_seconds=0.05)


class Street:
    """The demo's street in one folder, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World(folder, QUICK)

    async def start(self) -> World:
        self.world = World(self.folder, QUICK)
        await build_street(self.world)
        return self.world

    async def restart(self) -> World:
        await self.world.stop()
        return await self.start()


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    made = Street(tmp_path / "street")
    made.folder.mkdir()
    yield made
    await made.world.stop()


async def test_the_cast_is_let_in_or_not_as_its_keys_say(street: Street) -> None:
    world = await street.start()
    tried = [
        (OWNER, "front-door"),
        ("Ben Hale", "back-door"),
        ("Ana Sousa", "front-door"),
        ("Priya Shah", "room-4"),
        ("Sam Guest", "street-door"),
        ("Eve Engineer", "meter-cupboard"),
        ("Eve Engineer", "meter-cupboard"),  # once is all
        ("Jo Visitor", "back-door"),
        ("Mallory", "front-door"),
        ("Priya Shah", "front-door"),
    ]
    heard = [(await world.visit(name, door, Command.UNLOCK)).answer.coarse for name, door in tried]
    no, later = Coarse.NOT_ALLOWED, Coarse.NOT_NOW
    assert heard == [None] * 6 + [no, later, no, no]


async def test_every_pin_opens_its_own_door(street: Street) -> None:
    world = await street.start()
    for pin in world.pins():
        door = world.doors[pin["door"]]
        door.hardware.turn_inside()
        door.hardware.turn_inside()
        for symbol in [*pin["pin"], "enter"]:
            door.hardware.press(symbol)
        await door.until(lambda door=door: door.hardware.gauges().bolt_mm == 0.0)
    assert {pin["door"] for pin in world.pins()} == {"front-door", "street-door"}


async def test_a_second_start_finds_the_same_street(street: Street) -> None:
    world = await street.start()
    await world.visit(OWNER, "front-door", Command.UNLOCK)
    before, size = json.loads(world.ready("x")), world.doors["front-door"].lock.store.size
    world = await street.restart()
    assert json.loads(world.ready("x")) == before
    assert world.doors["front-door"].lock.store.size == size + 1  # it wrote down that it started
    visited = await world.visit("Ben Hale", "front-door", Command.UNLOCK)
    assert visited.answer.coarse is None


async def test_a_lock_that_was_wiped_stays_without_an_owner(street: Street) -> None:
    world = await street.start()
    front = world.doors["front-door"]
    assert front.daemon is not None
    front.daemon.watch.heard(InsideButton(10.0))
    await front.until(lambda: front.lock.owned is None)
    world = await street.restart()
    assert world.doors["front-door"].lock.owned is None
    assert len(world.home.known_doors()) == len(STREET)


async def test_what_scripts_are_told_is_enough_to_reach_every_door(street: Street) -> None:
    world = await street.start()
    told = json.loads(world.ready("http://127.0.0.1:1/?t=x"))
    assert told["url"] == "http://127.0.0.1:1/?t=x"
    assert [door["name"] for door in told["doors"]] == [plan.slug for plan in STREET]
    for door in told["doors"]:
        running = world.doors[door["name"]]
        assert door["address"] == "{}:{}".format(*running.address)
        assert door["lock"] == running.lock.secrets.public.id.hex()
        assert bytes.fromhex(door["lock_key"]) == running.lock.secrets.signing.public.encoded
    assert {person["key"] for person in told["people"]} <= {str(f) for f in files(street.folder)}
    assert told["home"] == str(street.folder)


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
    start = friday_at_three(now)
    local = datetime.fromtimestamp(start, ZoneInfo("Europe/London"))
    assert (local.weekday(), local.hour, local.minute) == (4, 15, 0)
    assert DAY <= start - now <= 9 * DAY


def test_a_world_without_a_site_is_new(tmp_path: Path) -> None:
    assert World(tmp_path).is_new
    assert not Home(tmp_path).owns_site()
