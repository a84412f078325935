"""The demo's doors on the street's page: each door's daemon speaks, in its owner's words.

The page shows what the owner may read, with the names that the owner's home holds. It asks the
running daemons beside it, so that it is live; it has no way to make one of them open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import cast

from mortice.client.words import say
from mortice.core.log import read_entry
from mortice.core.stages import TimeState
from mortice.sim.panel import Panel
from mortice.sim.running import RunningDoor
from mortice.sim.street import LogLine, Street, StreetDoor, Tone
from mortice.sim.town import Town
from mortice.sim.tries import hints
from mortice.sim.world import World

NEWEST = 200  # entries of a log that a page is shown when it is opened


class PortTaken(Exception):
    """No port was free for the page. The message says what to do."""


class DaemonVoice:
    """What the daemon of one running door says, for as long as it has power."""

    def __init__(self, door: RunningDoor, names: Callable[[], dict[bytes, str]]) -> None:
        self._door, self._names = door, names
        self._owned = False

    def is_owned(self) -> bool:
        """Does the lock have an owner? A lock without power is still whose it was."""
        if self._door.daemon is not None:
            self._owned = self._door.daemon.lock.owned is not None
        return self._owned

    def size(self) -> int | None:
        """How many entries the log has. None without power."""
        return None if self._door.daemon is None else self._door.daemon.lock.store.size

    def lines(self, since: int) -> list[LogLine]:
        """The log from entry `since` on, at most the newest 200 entries."""
        if self._door.daemon is None:
            return []
        store = self._door.daemon.lock.store
        names = self._names()
        rows = store.entries(max(since, store.size - NEWEST), NEWEST)
        return [_line(body, names) for _, body, _ in rows]

    def rests_for(self) -> float:
        """Seconds until the keypad takes a code again."""
        if self._door.daemon is None:
            return 0.0
        lock = self._door.daemon.lock
        return lock.store.tries("door").rest(lock.recorder.uptime())


def _line(body: bytes, names: dict[bytes, str]) -> LogLine:
    entry = read_entry(body)
    said = say(entry, names)
    sure, tone = entry.time is not TimeState.UNSURE, cast("Tone", said.tone)
    return LogLine(entry.index, entry.at, sure, said.word, tone, said.sentence, said.detail)


async def serve_panel(town: Town, ports: Iterable[int]) -> tuple[Panel, str]:
    """Show the town's doors on a page, on the first free one of `ports`; returns its address.

    Raises:
        PortTaken: none of them was free.
    """
    worlds = [*town.worlds.values()]
    street = Street([door for world in worlds for door in _doors(world)], hints(town))
    for world in worlds:
        for running in world.doors.values():
            running.changed = street.changed
    panel = Panel(street)
    for port in ports:
        try:
            return panel, await panel.start(port)
        except OSError:
            continue
    raise PortTaken


def _doors(world: World) -> Iterator[StreetDoor]:
    for slug, running in world.doors.items():
        plan = running.plan
        yield StreetDoor(
            slug,
            plan.label,
            plan.place,
            plan.number,
            running.hardware,
            DaemonVoice(running, world.home.names),
            plan.paint,
            plan.indoors,
        )
