"""An owner's home and a real lock in one event loop, and a line between them that can be cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from mortice.client.errands import calling
from mortice.client.founding import add_door, create_site
from mortice.client.home import Home, KnownDoor
from mortice.client.owner import OWNER_RIGHTS, Terms, give
from mortice.client.takeover import hello, take_over
from mortice.client.visit import Errand, Visited
from mortice.client.wallet import HeldKey, Wallet
from mortice.core.commands import Command
from mortice.core.commissioning import Takeover
from mortice.core.log import Entry, Kind, read_entry
from mortice.core.site import Role
from mortice.drivers import InsideButton
from mortice.drivers.simulated import Physics, SimulatedDoor
from mortice.lockd.daemon import Lock
from mortice.lockd.listen import Listener
from mortice.lockd.outside import Machine
from mortice.lockd.watch import Watch

PASSPHRASE = "correct horse battery staple"
LOOPBACK = "127.0.0.1"


class Place:
    """One door, its daemon, and the home of whoever owns it."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.sheet = create_site(self.home, "14 Alder Road", PASSPHRASE).sheet
        self.lock = Lock(folder / "lock", SimulatedDoor(Physics(travel_seconds=0.01)), Machine())
        self.listener, self.watch = Listener(self.lock), Watch(self.lock)
        self.grant_key = self.home.site_key(Role.GRANT, PASSPHRASE)

    async def open(self) -> None:
        """Listen, and be taken over as the front door."""
        where = await self.listener.start(LOOPBACK, 0)
        code = self.lock.secrets.code
        keys = await hello(where, code)
        door = add_door(self.home, self.grant_key, "Front door", "Europe/London", keys)
        self.watch.heard(InsideButton(0.2))
        doors = self.home.doors_bytes()
        assert doors is not None
        told = Takeover(door.id, self.home.site_bytes(), doors, int(time.time()))
        await take_over(where, keys, code, told)
        self.home.keep_address(door.id, *where)

    async def close(self) -> None:
        await self.listener.stop()
        await self.watch.stop()
        self.lock.close()

    @property
    def door(self) -> KnownDoor:
        return self.home.door("front")

    def give(self, name: str, **terms: object) -> HeldKey:
        """A first link for somebody in this home."""
        self.home.make_person(name)
        wallet = Wallet(self.home, name)
        asked = Terms(frozenset({self.door.mapped.id}), label=name, **terms)  # type: ignore[arg-type]  # of Terms
        held = wallet.add(give(self.home, self.grant_key, wallet.key.public, asked))
        self.home.keep_issued(held.links, name)
        return held

    def give_owner(self) -> HeldKey:
        """The owner's own key."""
        return self.give("Owner", use=OWNER_RIGHTS, delegable=OWNER_RIGHTS, depth=4, resident=True)

    async def visit(
        self, name: str, command: Command = Command.UNLOCK, errand: Errand | None = None
    ) -> Visited:
        """Somebody's errand at the door, with all that belongs to one."""
        asked = errand or Errand(command)
        async with calling(Wallet(self.home, name), self.door, asked) as call:
            return call.visited

    def entries(self, *kinds: Kind) -> list[Entry]:
        """What stands in the lock's log."""
        rows = self.lock.store.entries(0, 1_000_000)
        found = [read_entry(body) for _, body, _ in rows]
        return [entry for entry in found if not kinds or entry.kind in kinds]


class Cable:
    """Between phone and lock: carries frames, counts them, and breaks where a test says so.

    `cut` is asked before a frame of the lock is handed on: (which connection, which frame of it).
    """

    def __init__(self, lock: tuple[str, int], cut: Callable[[int, int], bool]) -> None:
        self._lock, self._cut = lock, cut
        self.connections = 0
        self.asked: list[list[int]] = []  # sizes of the phone's frames, for each connection
        self._tasks: set[asyncio.Task[None]] = set()

    async def _carry(self, phone: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        number, self.connections = self.connections, self.connections + 1
        self.asked.append([])
        lock, out = await asyncio.open_connection(*self._lock)
        try:
            for frame in range(1000):
                asked = await _frame(phone)
                self.asked[number].append(len(asked) - 2)
                out.write(asked)
                answer = await _frame(lock)
                if self._cut(number, frame):
                    return
                back.write(answer)
        except asyncio.IncompleteReadError:
            return
        finally:
            back.close()
            out.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, LOOPBACK, 0)
        self.address: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(2)
    return head + await reader.readexactly(int.from_bytes(head, "big"))


@asynccontextmanager
async def cable(place: Place, cut: Callable[[int, int], bool]) -> AsyncIterator[Cable]:
    """Put a cable between the home and its door."""
    door = place.door
    async with Cable((door.host, door.port), cut) as between:
        place.home.keep_address(door.mapped.id, *between.address)
        yield between
