"""A door's daemon lives exactly as long as its board has power."""

from __future__ import annotations

import asyncio
import socket

import pytest

from mortice.client.visit import Unreachable
from mortice.core.commands import Command
from mortice.core.door import Bolt
from mortice.core.log import About, Entry, Kind, read_entry
from mortice.drivers.simulated import Physics
from mortice.sim.running import RunningDoor
from mortice.sim.world import OWNER, World

SLUG = "front-door"


def entries(door: RunningDoor) -> list[Entry]:
    store = door.lock.store
    return [read_entry(body) for _, body, _ in store.entries(0, store.size)]


def pull_the_plug(door: RunningDoor) -> None:
    door.hardware.flatten()
    door.hardware.unplug()


async def power_up(door: RunningDoor) -> None:
    door.hardware.plug_in()
    await door.listening()


async def test_without_mains_the_daemon_runs_on_from_the_battery(front: RunningDoor) -> None:
    daemon = front.daemon
    front.hardware.unplug()
    assert front.daemon is daemon


async def test_without_any_power_nothing_answers(world: World, front: RunningDoor) -> None:
    pull_the_plug(front)
    assert front.daemon is None
    with pytest.raises(Unreachable, match="nothing answers"):
        await world.visit(OWNER, SLUG, Command.STATUS)


async def test_nothing_is_written_once_the_power_is_gone(front: RunningDoor) -> None:
    front.hardware.flatten()
    before = front.lock.store.size
    front.hardware.unplug()
    front.hardware.turn_inside()
    front.hardware.open_leaf()
    front.hardware.press("1")
    await power_up(front)
    assert entries(front)[before].kind is Kind.STARTED


async def test_power_brings_back_the_same_lock_at_the_same_address(
    world: World, front: RunningDoor
) -> None:
    lock, address = front.lock.secrets.public.id, front.address
    pull_the_plug(front)
    await power_up(front)
    assert front.lock.secrets.public.id == lock
    assert front.address == address
    assert (await world.visit(OWNER, SLUG, Command.UNLOCK)).answer.receipt is not None


async def test_what_hands_did_in_the_dark_is_logged_as_nobodys(front: RunningDoor) -> None:
    pull_the_plug(front)
    front.hardware.turn_key()
    await power_up(front)
    started, _, by_hand = entries(front)[-3:]
    assert (started.kind, started.about[About.STATE]) == (Kind.STARTED, "unlocked")
    assert (by_hand.kind, by_hand.about[About.BY]) == (Kind.BOLT_SEEN, "unknown")


async def test_a_cut_stops_the_motor_and_the_bolt_stays_where_it_is(
    world: World, front: RunningDoor
) -> None:
    front.hardware.physics = Physics(travel_seconds=2.0)
    opening = asyncio.ensure_future(world.visit(OWNER, SLUG, Command.UNLOCK))
    await front.until(lambda: front.hardware.gauges().bolt_mm < 15)
    pull_the_plug(front)
    stood = front.hardware.gauges().bolt_mm
    with pytest.raises(Unreachable):
        await opening
    await power_up(front)
    assert 0 < stood < 15
    assert front.hardware.gauges().bolt_mm == stood
    assert front.hardware.sight().bolt is Bolt.BETWEEN


async def test_a_cut_in_the_middle_of_a_code_leaves_no_half_of_it(front: RunningDoor) -> None:
    for symbol in "1234":
        front.hardware.press(symbol)
    pull_the_plug(front)
    await power_up(front)
    before = front.lock.store.size
    front.hardware.press("enter")
    front.hardware.turn_inside()  # heard after the key, so the key has been dealt with
    await front.until(lambda: front.lock.store.size > before)
    assert entries(front)[before].kind is Kind.BOLT_SEEN


async def test_if_its_port_was_taken_meanwhile_the_home_learns_the_new_address(
    world: World, front: RunningDoor
) -> None:
    host, port = front.address
    pull_the_plug(front)
    with socket.create_server((host, port)):
        await power_up(front)
        known = world.home.door(SLUG)
        assert (known.host, known.port) == front.address
        assert known.port != port
        assert (await world.visit(OWNER, SLUG, Command.STATUS)).answer.coarse is None


async def test_many_cuts_in_a_row_leave_one_daemon_and_a_whole_log(
    world: World, front: RunningDoor
) -> None:
    for _ in range(5):
        pull_the_plug(front)
        front.hardware.plug_in()
        front.hardware.unplug()
        front.hardware.plug_in()
    await front.listening()
    assert (await world.visit(OWNER, SLUG, Command.UNLOCK)).answer.receipt is not None
    assert [entry.index for entry in entries(front)] == list(range(front.lock.store.size))


async def test_a_door_that_was_stopped_is_not_woken_by_its_plug(front: RunningDoor) -> None:
    pull_the_plug(front)
    await front.stop()
    front.hardware.plug_in()
    assert front.daemon is None


async def test_whoever_watches_is_told_of_power_of_hands_and_of_the_log(
    front: RunningDoor,
) -> None:
    heard: list[int] = []
    front.changed = lambda: heard.append(1)
    for act in (front.hardware.jam, front.hardware.turn_inside, lambda: pull_the_plug(front)):
        before = len(heard)
        act()
        assert len(heard) > before
