"""The batteries of the demo's doors fall as cells do, and its hub has heard of it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from mortice.hub.cells import forecasts
from mortice.hub.hub import make_hub
from mortice.hub.settings import Settings
from mortice.hub.tables import Door, now
from mortice.sim.cells import WEATHER_VOLTS, Cells
from mortice.sim.demo_hub import fill
from mortice.sim.town import Town


def test_cells_fall_to_where_they_are_now() -> None:
    cells = Cells(5.0, 0.01)
    volts = [cells.before(days) for days in range(60, -1, -1)]
    assert volts[-1] == 5.0
    assert all(abs(each - (5.0 + 0.01 * (60 - day))) <= WEATHER_VOLTS
               for day, each in enumerate(volts))
    assert len(set(volts)) == len(volts), "and are never stuck"


async def test_after_the_demos_history_one_door_is_near_its_end(tmp_path: Path) -> None:
    town = Town(tmp_path)
    await town.build(30)
    await town.open()
    hub = make_hub(Settings(tmp_path / "hub"))
    try:
        fill(hub, town)
        with hub.database.writing() as db:
            doors = db.scalars(select(Door)).all()
            for door in doors:
                running = next(each for world in town.worlds.values()
                               for each in world.doors.values() if each.plan.label == door.label)
                supply = running.hardware.supply()
                door.status = {"mains": supply.mains, "millivolts": int(supply.volts * 1000)}
            said = {door.label: each for door in doors for of, each in forecasts(
                db, doors, now()).items() if of == door.id}
        assert {label for label, each in said.items() if each.tone} == {"Garage side door"}
        assert set(said) == {"Back door", "Garage side door", *(f"Room {n}" for n in range(1, 7))}
        assert all(each.at_least for each in said.values())
    finally:
        hub.database.close()
        await town.close()
