"""A served hub and real locks that have dialled in to it, in one event loop.

The owner's home, the doors and their daemons are the simulator's (mortice.sim.world); the hub keeps
their site, and each door's settings name it.
"""

# ruff: noqa: ANN401 — whatever websockets and Terms take

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubs import add_account
from sqlalchemy import select
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mortice.client.owner import Terms
from mortice.client.visit import Errand, Holder, Session, Visited
from mortice.client.wallet import HeldKey, Wallet
from mortice.core.commands import Command
from mortice.core.log import Entry, Kind, read_entry
from mortice.drivers.simulated import Physics
from mortice.hub.access import Role
from mortice.hub.accounts import begin_sign_in
from mortice.hub.hub import Hub, make_hub
from mortice.hub.places import found_place
from mortice.hub.running import beside, bound
from mortice.hub.settings import Settings
from mortice.hub.tables import Account, Door, Place
from mortice.sim.running import DoorPlan, RunningDoor
from mortice.sim.world import OWNER, World

QUICK = Physics(travel_seconds=0.02)
PATIENCE = 10.0
LABELS = ("Front door", "Back door")


async def until(true: Callable[[], Any]) -> None:
    """Wait until `true` holds."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 — what is waited for is elsewhere
            await asyncio.sleep(0.01)


@dataclass
class Joined:
    """The hub, the owner's world, and accounts of every role."""

    hub: Hub
    world: World
    place: Place
    doors: dict[str, Door]
    accounts: dict[str, Account]

    @property
    def base(self) -> str:
        return f"/p/{self.place.ref}"

    def running(self, label: str = "Front door") -> RunningDoor:
        return self.world.doors[label.lower().replace(" ", "-")]

    def entries(self, label: str = "Front door", *kinds: Kind) -> list[Entry]:
        """What stands in the lock's own log."""
        rows = self.running(label).lock.store.entries(0, 1_000_000)
        found = [read_entry(body) for _, body, _ in rows]
        return [entry for entry in found if not kinds or entry.kind in kinds]

    def openings(self, label: str = "Front door") -> int:
        return len(self.entries(label, Kind.GRANTED))

    async def connected(self, *labels: str) -> None:
        for label in labels or LABELS:
            lock = self.doors[label].lock_id
            await until(lambda lock=lock: self.hub.lines and self.hub.lines.connected(lock))

    def cookie(self, role: str) -> str:
        with self.hub.database.writing() as db:
            token = begin_sign_in(db, self.accounts[role], "passkey", "test")
        return f"{self.hub.cookie}={token}"

    def line(self, role: str, label: str = "Front door", **other: Any) -> Any:
        """A browser's WebSocket to a door."""
        origin = self.hub.settings.origin
        return connect(
            f"{origin.replace('http', 'ws')}{self.base}/doors/{self.doors[label].ref}/line",
            additional_headers={"cookie": self.cookie(role)} if role else {},
            compression=None, **{"origin": origin} | other)

    def holder(self, name: str, held: HeldKey | None = None) -> Holder:
        wallet = Wallet(self.world.home, name)
        held = held or wallet.keys()[-1]
        return Holder(wallet.key, held.wire, held.leaf.id)

    def session(self, over: Any, name: str = OWNER, label: str = "Front door",
                held: HeldKey | None = None) -> Session:
        """The holder's side of a conversation over anything that says one thing at a time."""
        slug = label.lower().replace(" ", "-")
        address = self.world.lock_address(self.world.home.door(slug))
        return Session(over, address, self.holder(name, held))

    def terms(self, *labels: str, **terms: Any) -> Terms:
        ids = frozenset(self.doors[label].door_id for label in labels or LABELS)
        return Terms(ids, **terms)


class Frames:
    """A client's line over a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def say(self, message: bytes, seconds: float = 0) -> bytes:
        await self._socket.send(message)
        answer = await self._socket.recv()
        assert isinstance(answer, bytes)
        return answer

    ask = say


async def unlock(there: Joined, role: str = "owner", name: str = OWNER, label: str = "Front door",
                 command: Command = Command.UNLOCK) -> Visited:
    """One whole visit through the hub."""
    async with there.line(role, label) as socket:
        session = there.session(Frames(socket), name, label)
        return await session.ask(await session.greet(), Errand(command), whole=True)


async def closing(socket: ClientConnection) -> tuple[int, str]:
    """How the other end closes, whatever it says before."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(PATIENCE):
            while True:
                await socket.recv()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


@asynccontextmanager
async def joined(folder: Path, labels: tuple[str, ...] = LABELS) -> AsyncIterator[Joined]:
    """Everything running, and every lock connected."""
    taken = bound("127.0.0.1", 0)
    port = taken.getsockname()[1]
    hub = make_hub(Settings(
        folder / "hub", origin=f"http://localhost:{port}", port=port, lines_port=0))
    server = beside(hub)
    serving = asyncio.ensure_future(server.serve(sockets=[taken]))
    await server.up.wait()
    home = folder / "home"
    home.mkdir()
    world = await _world(home, labels)
    there = _keep(hub, world)
    assert hub.lines_at
    for slug in world.doors:
        await world.configure(
            slug, 0, (hub.own.link.public, "{}:{}".format(*hub.lines_at)))
    await there.connected(*labels)
    try:
        yield there
    finally:
        await world.stop()
        hub.live.close()
        server.should_exit = True
        await serving
        taken.close()
        hub.database.close()


async def _world(folder: Path, labels: tuple[str, ...]) -> World:
    world = World(folder, QUICK)
    world.found("14 Alder Road")
    for label in labels:
        await world.run(DoorPlan(label, "14 Alder Road", "14", "#0B4D3B"))
    world.owner_key()
    return world


def _keep(hub: Hub, world: World) -> Joined:
    owner = add_account(hub, "Margaret Hale")
    with hub.database.writing() as db:
        place = found_place(
            db, db.get_one(Account, owner.id), "14 Alder Road", world.home.site_bytes(),
            world.home.doors_bytes())
        doors = {door.label: door for door in db.scalars(select(Door))}
    accounts = {role.value: add_account(hub, role.value.capitalize(), place, role.value)
                for role in Role if role is not Role.OWNER}
    return Joined(hub, world, place, doors, accounts | {
        "owner": owner, "stranger": add_account(hub, "Stranger")})
