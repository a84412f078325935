"""A process that holds many locks' connections in one of several ways: `python -m bench.carriers`.

    tcp         bare asyncio: what any server pays
    websockets  the library of that name, without compression
    lines       the hub's own (mortice.hub.lines), over TCP

Prints a line of JSON when it listens, then takes orders: `memory`; `send NUMBER` gives 300 bytes to
every connection and tells when it began, and a second line comes when all have answered. On `lines`
the bytes are a bundle with one document, sealed for each lock alone, and an answer is a receipt.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from websockets.asyncio.server import ServerConnection, broadcast, serve

from mortice.client.visit import Delivered
from mortice.core import cbor
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.noise import StaticKey
from mortice.core.revocation import REVOKE
from mortice.hub.lines import Batch, KnownLock, Lines, Seen

LOOPBACK = "127.0.0.1"
MESSAGE = bytes(300)
DOCUMENT = bytes(272)  # so that the frame with kind and number has 300 bytes before it is sealed
HUB, SITE, DOOR = StaticKey(bytes([7]) * 32), bytes(16), bytes(8)
BACKLOG = 4096
MOST = 10_000  # locks that are known, whether they dial in or not
Say = Callable[..., None]


def tell(**line: object) -> None:
    os.write(1, (json.dumps(line) + "\n").encode())


def resident() -> int:
    gc.collect()
    with open("/proc/self/status", encoding="utf-8") as status:  # noqa: PTH123 — short
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def lock_key(number: int) -> SoftwareKey:
    """The log key of one of the thin locks."""
    return SoftwareKey.from_seed(ED25519, hashlib.sha256(number.to_bytes(4, "big")).digest())


class Answers:
    """Counts what comes back, and tells when all of it has."""

    def __init__(self) -> None:
        self.left = 0

    def came(self, much: int) -> None:
        self.left -= much
        if self.left == 0:
            tell(answered=time.monotonic_ns())


ANSWERS = Answers()


# --- bare -----------------------------------------------------------------------------------------


class Bare(asyncio.Protocol):
    """A connection with nothing around it."""

    __slots__ = ("transport",)
    all: set[Bare] = set()  # noqa: RUF012 — this process has one server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        Bare.all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        Bare.all.discard(self)

    def data_received(self, data: bytes) -> None:
        ANSWERS.came(len(data))


async def tcp() -> tuple[int, Callable[[int], int]]:
    server = await asyncio.get_running_loop().create_server(Bare, LOOPBACK, 0, backlog=BACKLOG)

    def send(_: int) -> int:
        for connection in Bare.all:
            connection.transport.write(MESSAGE)
        return len(Bare.all) * len(MESSAGE)

    return server.sockets[0].getsockname()[1], send


async def websockets() -> tuple[int, Callable[[int], int]]:
    held: set[ServerConnection] = set()

    async def hold(connection: ServerConnection) -> None:
        held.add(connection)
        try:
            await connection.wait_closed()
        finally:
            held.discard(connection)

    server = await serve(
        hold, LOOPBACK, 0, compression=None, ping_interval=None, backlog=BACKLOG, open_timeout=60)

    def send(_: int) -> int:
        broadcast(held, MESSAGE)
        return 0

    return next(iter(server.sockets)).getsockname()[1], send


# --- the hub's own --------------------------------------------------------------------------------


class Shelf:
    """A ledger of locks that write no log. Receipts are counted and not verified."""

    def __init__(self, locks: int) -> None:
        keys = (lock_key(number).public for number in range(locks))
        self.known = {key.id: KnownLock(key, SITE, DOOR) for key in keys}
        self.mail: list[tuple[int, list[bytes]]] = []
        self.came = asyncio.Event()  # somebody has dialled in

    async def lock(self, lock_id: bytes) -> KnownLock | None:
        return self.known.get(lock_id)

    async def position(self, lock_id: bytes) -> int:
        return 0

    async def take(self, lock_id: bytes, batch: Batch) -> int:
        return 0

    async def waiting(self, lock_id: bytes, seen: Seen) -> list[tuple[int, list[bytes]]]:
        return self.mail

    async def delivered(self, lock_id: bytes, number: int, results: list[Delivered]) -> None:
        ANSWERS.came(1)

    async def heard(
        self, lock_id: bytes, status: Mapping[Any, Any] | None, connected: bool,  # noqa: FBT001 — as in the product
    ) -> None:
        self.came.set()


async def lines() -> tuple[int, Callable[[int], int]]:
    shelf = Shelf(MOST)
    held = Lines(HUB, shelf)
    held.start()
    _, port = await held.listen(LOOPBACK, 0)

    def send(number: int) -> int:
        shelf.mail = [(number, [cbor.encode([REVOKE, DOCUMENT])])]
        locks = [lock for lock in shelf.known if held.connected(lock)]
        for lock in locks:
            held.nudge(lock)
        return len(locks)

    return port, send


async def main(kind: str) -> None:
    port, send = await {"tcp": tcp, "websockets": websockets, "lines": lines}[kind]()
    tell(port=port, memory=resident())
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while order := (await orders.readline()).decode().split():
        if order[0] == "memory":
            tell(memory=resident())
        else:
            began = time.monotonic_ns()
            ANSWERS.left = send(int(order[1]))
            tell(began=began)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
