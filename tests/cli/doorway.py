"""A real lock on a simulated door, listening on loopback in a thread of its own.

The command under test runs in the test's own thread, as it would in a terminal beside the door.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from mortice.core.commissioning import write_code
from mortice.core.log import Entry, Kind, read_entry
from mortice.drivers import InsideButton
from mortice.drivers.simulated import Physics, SimulatedDoor
from mortice.lockd.daemon import Lock
from mortice.lockd.listen import Listener
from mortice.lockd.outside import Machine
from mortice.lockd.watch import Watch

T = TypeVar("T")
QUICK = Physics(travel_seconds=0.02)
PATIENCE_SECONDS = 10.0  # for something that happens at once, or never


class Later(Machine):
    """A machine with a clock of its own, put forward by `ahead` seconds."""

    ahead = 0

    def wall(self) -> int:
        return int(time.time()) + self.ahead

    def count(self) -> float:
        return super().count() + self.ahead


class Doorway:
    """One door: its hardware, its daemon, and a thread in which both live."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outside = Later()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.hardware = self.at_door(lambda: SimulatedDoor(QUICK))
        self.host, self.port = "127.0.0.1", 0
        self.lock: Lock
        self.start()

    def at_door(self, do: Callable[[], T]) -> T:
        """Run something in the door's own thread, and wait for what it returns."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(do())
            except BaseException as error:  # noqa: BLE001 - for whoever waits
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(PATIENCE_SECONDS)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the door's own thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    # --- power -------------------------------------------------------------------------------

    def start(self) -> None:
        """The daemon starts, on the port of last time."""
        self.wait(self._start())

    async def _start(self) -> None:
        self.lock = Lock(self.folder, self.hardware, self.outside)
        self._watch, self._listener = Watch(self.lock), Listener(self.lock)
        self._watch.start()
        self.host, self.port = await self._listener.start(self.host, self.port)

    def stop(self) -> None:
        """The daemon stops; the door stays as it is."""
        self.wait(self._stop())

    async def _stop(self) -> None:
        await self._listener.stop()
        await self._watch.stop()
        self.lock.close()

    def end(self) -> None:
        """Stop the daemon and the thread."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    # --- people at the door --------------------------------------------------------------------

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def code(self) -> str:
        return write_code(self.lock.secrets.code)

    def press_button(self) -> None:
        self.at_door(lambda: self._watch.heard(InsideButton(0.2)))

    def type(self, digits: str) -> Entry:
        """Type a PIN and the tick; the entry in which the door decided."""
        before = self.at_door(lambda: self.lock.store.size)
        for symbol in (*digits, "enter"):
            self.at_door(lambda symbol=symbol: self.hardware.press(symbol))
        return self.wait(self._decided(before))

    async def _decided(self, before: int) -> Entry:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for entry in self._entries(before):
                    if entry.kind in (Kind.GRANTED, Kind.REFUSED):
                        return entry
                await asyncio.sleep(0.005)

    # --- what the door wrote -------------------------------------------------------------------

    def _entries(self, first: int = 0) -> list[Entry]:
        return [read_entry(body) for _, body, _ in self.lock.store.entries(first, 1_000_000)]

    def entries(self, *kinds: Kind) -> list[Entry]:
        """The log, or its entries of some kinds."""
        found = self.at_door(self._entries)
        return [entry for entry in found if not kinds or entry.kind in kinds]
