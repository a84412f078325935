"""What can be seen of a street, and who is woken when it changes."""

from __future__ import annotations

import asyncio

import pytest

from mortice.drivers.simulated import SimulatedDoor
from mortice.sim.street import Hint, Silent, Street, StreetDoor, picture


@pytest.fixture
def door() -> StreetDoor:
    return StreetDoor("front", "Front door", "14 Alder Road", "14", SimulatedDoor())


async def test_a_door_at_rest_is_locked_and_closed_with_its_bolt_out(door: StreetDoor) -> None:
    seen = picture(door)
    assert (seen["state"], seen["leaf"], seen["bolt_mm"]) == ("locked", "closed", 20.0)
    assert (seen["mains"], seen["flat"], seen["dead"]) == (True, False, False)


async def test_without_power_the_state_is_unknown_but_the_bolt_is_still_to_be_seen(
    door: StreetDoor,
) -> None:
    door.hardware.flatten()
    door.hardware.unplug()
    seen = picture(door)
    assert (seen["state"], seen["dead"], seen["flat"]) == ("unknown", True, True)
    assert seen["bolt_mm"] == 20.0


async def test_a_door_without_a_daemon_has_no_owner_and_no_log(door: StreetDoor) -> None:
    silent = Silent()
    assert picture(door)["owned"] is False
    assert (silent.size(), silent.lines(0), silent.rests_for()) == (None, [], 0.0)


async def test_a_watcher_wakes_when_something_changes(door: StreetDoor) -> None:
    street = Street([door])
    with street.watch() as watcher:
        waiting = asyncio.ensure_future(watcher.change(60))
        street.changed()
        assert await waiting


async def test_many_changes_at_once_wake_a_watcher_once(door: StreetDoor) -> None:
    street = Street([door])
    with street.watch() as watcher:
        for _ in range(100):
            street.changed()
        assert await watcher.change(60)
        assert not await watcher.change(0.01)


async def test_whoever_has_gone_is_not_woken(door: StreetDoor) -> None:
    street = Street([door])
    with street.watch() as watcher:
        pass
    street.changed()
    assert not await watcher.change(0.01)


def test_doors_are_found_by_their_slug_and_hints_keep_their_order(door: StreetDoor) -> None:
    hints = [Hint("b"), Hint("a")]
    street = Street([door], hints)
    assert street.doors == {"front": door}
    assert [hint.label for hint in street.hints] == ["b", "a"]
