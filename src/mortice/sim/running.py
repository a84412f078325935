"""One simulated door that runs: its wood and brass, and the real lock daemon on its board.

The daemon lives as long as the board has power. When the plug is out and the battery is flat it
stops between two instructions, as a real one does: no goodbye, nothing written. When power returns,
a new one starts from what the disk holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mortice.core.schedule import Hours
from mortice.drivers.simulated import Physics, SimulatedDoor
from mortice.lockd.daemon import Lock
from mortice.lockd.listen import Listener
from mortice.lockd.outside import Outside
from mortice.lockd.uplink import Uplink
from mortice.lockd.watch import Watch
from mortice.sim.cells import Cells

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class DoorPlan:
    """One door to build: its name, the place it stands at, and when it locks itself."""

    label: str
    place: str
    number: str
    paint: str
    relock_after: int = 0  # seconds after the leaf closed; 0 is never
    opening: Hours = ()  # in which the first keyholder opens it to everybody
    indoors: bool = False  # within a house of several, so without fanlight and letter plate
    cells: Cells | None = None  # it runs on batteries; without, on the mains

    @property
    def slug(self) -> str:
        """The door's name on the command line."""
        return self.label.lower().replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Daemon:
    """One life of a lock's daemon, from power to power."""

    lock: Lock
    watch: Watch
    listener: Listener
    uplink: Uplink


class RunningDoor:
    """A door with its daemon, listening on loopback. `changed` is called for all that happens."""

    def __init__(self, plan: DoorPlan, folder: Path, physics: Physics, outside: Outside) -> None:
        self.plan = plan
        self.address = (LOOPBACK, 0)
        self.changed: Callable[[], None] = lambda: None
        self.moved: Callable[[str, int], None] = lambda _host, _port: None  # another address
        self.daemon: Daemon | None = None  # None while the board is dead
        self.hardware = SimulatedDoor(physics)
        self.hardware.changed = self._woken
        self.hardware.powered = self._powered
        self._folder, self._outside = folder, outside
        self._pulse = asyncio.Event()
        self._rising: asyncio.Task[None] | None = None
        if plan.cells is not None:
            self.hardware.unplug()

    @property
    def lock(self) -> Lock:
        """The lock that runs now. Only asked while the board has power."""
        assert self.daemon is not None, "the board has no power"
        return self.daemon.lock

    def drain(self, days: float) -> None:
        """Its batteries are as full as that many days before the end of the demo's history."""
        if self.plan.cells is not None:
            self.hardware.flatten(self.plan.cells.before(days))

    async def start(self, port: int = 0) -> None:
        """Start the daemon, on the port of last time if it is free."""
        self.address = (LOOPBACK, port)
        await self._listen(self._boot())

    async def stop(self) -> None:
        """Stop in good order."""
        self.hardware.powered = lambda _: None
        if self._rising is not None:
            self._rising.cancel()
        if self.daemon is not None:
            await self.daemon.listener.stop()
            await self.daemon.uplink.stop()
            await self.daemon.watch.stop()
            self.daemon.lock.close()
            self.daemon = None

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until `true` holds; looked at whenever something happens at this door."""
        while not true():
            self._pulse.clear()
            await self._pulse.wait()

    async def listening(self) -> None:
        """Wait until a daemon that has just been given power can be reached."""
        if self._rising is not None:
            await self._rising

    def _powered(self, alive: bool) -> None:  # noqa: FBT001 - whether there is power
        if alive:
            self._rising = asyncio.ensure_future(self._listen(self._boot()))
        else:
            self._die()

    def _die(self) -> None:
        daemon, self.daemon = self.daemon, None
        if daemon is None:
            return
        self.hardware.listen(lambda _: None)
        daemon.listener.halt()
        daemon.uplink.halt()
        daemon.watch.halt()
        daemon.lock.store.close()

    def _boot(self) -> Daemon:
        lock = Lock(self._folder, self.hardware, self._outside)
        lock.changed = self._woken
        daemon = self.daemon = Daemon(lock, Watch(lock), Listener(lock), Uplink(lock))
        daemon.watch.start()
        daemon.uplink.start()
        self._woken()
        return daemon

    async def _listen(self, daemon: Daemon) -> None:
        if self.daemon is not daemon:  # it died before it got that far
            return
        before = self.address
        try:
            self.address = await daemon.listener.start(*before)
        except OSError:  # somebody else has taken the port meanwhile
            self.address = await daemon.listener.start(LOOPBACK, 0)
        if self.daemon is not daemon:  # it died while it was getting up
            daemon.listener.halt()
        elif self.address != before:
            self.moved(*self.address)

    def _woken(self) -> None:
        self._pulse.set()
        if self.daemon is not None:
            self.daemon.uplink.wake()
        self.changed()
