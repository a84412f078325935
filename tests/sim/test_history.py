"""The demo's history is what its doors wrote: also of an office that is open on workdays."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mortice.client.wallet import Wallet
from mortice.core.log import About, Entry, Kind, read_entry
from mortice.core.schedule import admits
from mortice.sim.cast import HALE_ROWE, MAIN, STAFF
from mortice.sim.town import Town
from mortice.sim.world import ZONE

LONDON = ZoneInfo(ZONE)
SHUT = (17, 30)


async def test_an_office_is_open_from_its_first_keyholder_on_and_shuts_by_itself(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    await town.build(21)
    await town.open()
    try:
        world = town.worlds[HALE_ROWE.slug]
        rows = world.doors[MAIN.slug].lock.store.entries(0, 10_000)
        log = [read_entry(body) for _, body, _ in rows]
        keyholders = {key.leaf.id for name in (*STAFF[:2], "Owen Rowe")
                      for key in Wallet(world.home, name).keys()}  # noqa: SIM118 - no dict
    finally:
        await town.close()
    opened = [entry for entry in log if About.UNTIL in entry.about]
    ended = {entry.about[About.CAUSE]: entry for entry in log if entry.kind is Kind.HOLD_ENDED}
    assert len(opened) >= 5, "on most workdays of three weeks"
    assert len({_day(entry) for entry in opened}) == len(opened), "once a day"
    for entry in opened:
        assert entry.about[About.LEAF] in keyholders
        assert admits(MAIN.opening, entry.at, LONDON)
    for entry in opened[:-1]:  # the last may be open still, and ends as the demo starts
        assert _day(ended[entry.index]) == _day(entry)
        assert (_local(ended[entry.index]).hour, _local(ended[entry.index]).minute) == SHUT


def _local(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.at, LONDON)


def _day(entry: Entry) -> str:
    return f"{_local(entry):%Y-%m-%d}"
