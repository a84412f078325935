"""Worlds for the tests of the street: real daemons on quick doors, in a temporary folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mortice.drivers.simulated import Physics
from mortice.sim.running import DoorPlan, RunningDoor
from mortice.sim.world import World

QUICK = Physics(travel_seconds=0.05)
FRONT = DoorPlan("Front door", "14 Alder Road", "14", "#0B4D3B")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A founded site without doors."""
    made = World(tmp_path / "home", QUICK)
    made.home.folder.mkdir()
    made.found("A test street")
    yield made
    await made.stop()


@pytest.fixture
async def front(world: World) -> RunningDoor:
    """The front door of `world`, taken over, and the owner's key to it."""
    door = await world.run(FRONT)
    world.owner_key()
    return door
