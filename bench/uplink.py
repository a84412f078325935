"""What does a hub pay for each lock that is connected, and how fast does a word reach all of them?

Memory is growth of the serving process, without the kernel's socket buffers. Delivery ends when the
last of N thin locks, all in this process, has the whole message: 300 bytes, sealed for each lock
alone where the hub's own lines carry it. Then the same with an answer from each, a receipt where
it is ours. Bare TCP and an MQTT broker carry the same bytes in turns, to as many connections.

Last, one opening: by a holder who is elsewhere, through the hub, against the same at the door.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.carriers import HUB, LOOPBACK, Shelf
from bench.measure import WARM_UP, Figure, Plan, Turns, progress, show_time, skipped
from bench.places import memory_folder
from bench.processes import Process, daemon, running
from bench.thin import ALL, Crowd, Dialled, Mqtt, Thin, Web, join, published
from bench.world import Owner, commissioned
from mortice.client.line import line_to
from mortice.client.visit import Errand, Session, visit
from mortice.core.commands import Command
from mortice.core.config import CONFIG, Config, sign_config
from mortice.core.link import LockAddress
from mortice.core.messages import BundleItem
from mortice.hub.lines import KnownLock, Lines, Stream
from mortice.lockd.deliver import deliver

MEMORY_BAR, WEB_BAR = 6000, 0.5
TCP_BAR, MQTT_BAR, GROWTH_BAR, ANSWER_BAR = 2.0, 1.25, 1.3, 3.0
FEW, SOME, MANY = 1000, 2000, 5000
ROUNDS = 9
WARM = 2
BROKER = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
"""
PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
NO_BROKER = "needs the Debian package mosquitto"


@dataclass(slots=True)
class Side:
    """One way of carrying: who serves, who is connected, and how a round is begun."""

    kind: Callable[[Crowd, int], Thin]
    port: int
    memory: Callable[[], Awaitable[int]]
    begin: Callable[[int], Awaitable[int]]  # returns the monotonic nanosecond
    answered: Callable[[], Awaitable[int]]
    empty: int = 0  # bytes of memory before anybody came
    crowd: Crowd = field(default_factory=Crowd)
    sent: int = 0


def ask(plan: Plan) -> list[Figure]:
    sizes = (FEW, SOME, MANY) if not plan.quick else (50, 100, 200)
    return [*asyncio.run(carried(plan, sizes)), asyncio.run(relayed(plan))]


# --- who carries ----------------------------------------------------------------------------------


async def ours(stack: AsyncExitStack, name: str, kind: Callable[[Crowd, int], Thin]) -> Side:
    process = await stack.enter_async_context(
        running([sys.executable, "-m", "bench.carriers", name]))
    began = await process.line()

    async def memory() -> int:
        process.order("memory")
        return int((await process.line())["memory"])

    async def begin(number: int) -> int:
        process.order(f"send {number}")
        return int((await process.line())["began"])

    async def answered() -> int:
        return int((await process.line())["answered"])

    return Side(kind, began["port"], memory, begin, answered, began["memory"])


@asynccontextmanager
async def broker() -> AsyncIterator[int]:
    """Mosquitto on a free port of loopback."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        port = found.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder), port)
        process = await asyncio.create_subprocess_exec(
            shutil.which("mosquitto", path=PATH) or "mosquitto", "-c", str(settings),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield port
        finally:
            process.terminate()
            await process.wait()


def _settings(folder: Path, port: int) -> Path:
    """The broker's, in a place that it can read as the user it becomes."""
    settings = folder / "broker.conf"
    settings.write_text(BROKER.format(port=port), "utf-8")
    folder.chmod(0o755)
    settings.chmod(0o644)
    return settings


async def brokered(stack: AsyncExitStack) -> Side:
    port = await stack.enter_async_context(broker())
    acks = Crowd()
    async with asyncio.timeout(10):
        while not acks.connections:
            try:
                await join(lambda crowd, _: Mqtt(crowd, -1), acks, port, 1)
            except* OSError:
                await asyncio.sleep(0.05)  # it is still starting
    side = Side(Mqtt, port, _unknown, _unknown_begin, acks.arrived)

    async def begin(_: int) -> int:
        acks.expect(len(side.crowd.connections))
        began = time.monotonic_ns()
        acks.connections[0].transport.write(published(ALL))
        return began

    side.begin = begin
    return side


async def _unknown() -> int:
    return 0


async def _unknown_begin(_: int) -> int:
    return 0


# --- rounds ---------------------------------------------------------------------------------------


async def carried(plan: Plan, sizes: tuple[int, int, int]) -> list[Figure]:
    async with AsyncExitStack() as stack:
        sides = {
            "tcp": await ours(stack, "tcp", Thin), "lines": await ours(stack, "lines", Dialled)}
        if shutil.which("mosquitto", path=PATH):
            sides["mqtt"] = await brokered(stack)
        web = await ours(stack, "websockets", Web)
        figures: list[Figure] = []
        turns: dict[int, tuple[Turns, Turns]] = {}
        for size in sizes:
            for side in sides.values():
                await join(side.kind, side.crowd, side.port, size)
            if size == sizes[1]:
                figures += await memories(sides["lines"], web, size)
            turns[size] = await rounds(sides, plan, size), await rounds(
                sides, plan, size, answers=True)
        return [*figures, *deliveries(turns, sizes, broker="mqtt" in sides)]


async def memories(lines: Side, web: Side, size: int) -> list[Figure]:
    """Bytes a connection; the empty processes told theirs before anybody came."""
    await join(web.kind, web.crowd, web.port, size)
    await asyncio.sleep(0.5)
    held, others = [
        (await side.memory() - side.empty) / size for side in (lines, web)]
    for thin in web.crowd.connections:
        thin.transport.abort()
    return [
        Figure(f"hub's memory for each of {size:,} connected locks", round(held), "B", MEMORY_BAR),
        Figure("the same over websockets without compression", held / others, "x", WEB_BAR,
               note=f"{held:,.0f} B to {others:,.0f} B"),
    ]


async def rounds(
    sides: dict[str, Side], plan: Plan, size: int, *, answers: bool = False) -> Turns:
    turns, order = Turns(), list(sides)
    for number in range(WARM + plan.count(ROUNDS, 3)):
        progress(f"{size:,} locks, round {number + 1}")
        row = {name: await one(sides[name], answers=answers) for name in order}
        if number >= WARM:
            turns.rows.append(row)
        order.reverse()
    progress("")
    return turns


async def one(side: Side, *, answers: bool) -> float:
    """Seconds until all have the message, or until all their answers are back."""
    side.crowd.answers = False
    side.crowd.expect(len(side.crowd.connections))
    side.crowd.answers = answers
    side.sent += 1
    began = await side.begin(side.sent)
    last = await side.crowd.arrived()
    if answers:
        async with asyncio.timeout(60):
            last = await side.answered()
    await asyncio.sleep(0.02)
    return (last - began) / 1e9


def deliveries(
    turns: dict[int, tuple[Turns, Turns]], sizes: tuple[int, int, int], *, broker: bool,
) -> list[Figure]:
    few, some, many = sizes
    told, answered = turns[some]
    growth = statistics.median(
        later["lines"] / earlier["lines"] * few / many for later, earlier in zip(
            turns[many][0].rows, turns[few][0].rows, strict=True))
    figures = [
        told.figure(f"300 bytes sealed to each of {some:,} locks, over bare TCP", "lines", "tcp",
                    bar=TCP_BAR),
        _over_mqtt("the same over an MQTT broker, which seals nothing", told, MQTT_BAR, broker),
        Figure(f"time for each lock at {many:,} over that at {few:,}", growth, "x", GROWTH_BAR),
        Figure(f"a receipt from each of {some:,}, over the delivery alone", statistics.median(
            back["lines"] / there["lines"] for back, there in zip(
                answered.rows, told.rows, strict=True)), "x", ANSWER_BAR,
            note=f"{show_time(answered.median('lines'))} to {show_time(told.median('lines'))}"),
    ]
    for size in (few, many):
        told, answered = turns[size]
        figures += [
            told.figure(f"delivered to {size:,}, over bare TCP", "lines", "tcp"),
            answered.figure(f"delivered and answered by {size:,}, over bare TCP", "lines", "tcp"),
            _over_mqtt(f"delivered and answered by {size:,}, over an MQTT broker", answered, None,
                       broker)]
    return figures


def _over_mqtt(question: str, turns: Turns, bar: float | None, broker: bool) -> Figure:  # noqa: FBT001 — whether there is one
    if not broker:
        return skipped(question, NO_BROKER)
    return turns.figure(question, "lines", "mqtt", bar=bar)


# --- one opening through the hub ------------------------------------------------------------------


class Through:
    """A line to a lock that is one stream of the hub's."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def say(self, message: bytes, seconds: float = 0) -> bytes:
        await self._stream.send(message)
        return await self._stream.receive()

    ask = say


async def relayed(plan: Plan) -> Figure:
    """Client's start to its receipt, seen before by the lock: over its uplink, and at the door."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(memory_folder()) / "lock"
        shelf = Shelf(0)
        lines = Lines(HUB, shelf)
        lines.start()
        stack.push_async_callback(lines.close)
        host, port = await lines.listen(LOOPBACK, 0)
        owner, lock_id, address = prepared(folder, f"{host}:{port}", shelf)
        served = await stack.enter_async_context(running(daemon(folder)))
        at_the_door = (LOOPBACK, (await served.line())["port"])
        async with asyncio.timeout(10):
            await shelf.came.wait()
        key = owner.chain_of_three()

        async def through() -> None:
            stream = await lines.open_stream(lock_id)
            await opened(Session(Through(stream), address, key.holder))  # type: ignore[arg-type]
            stream.close()

        async def direct() -> None:
            async with line_to(*at_the_door) as line:
                await opened(Session(line, address, key.holder))

        await visit(at_the_door, address, key.holder, Errand(Command.UNLOCK))
        await served.line()
        turns, ways = Turns(), {"relayed": through, "direct": direct}
        for number in range(WARM_UP + plan.rounds):
            row = {name: await timed(ways[name], served) for name in ways}
            if number >= WARM_UP:
                turns.rows.append(row)
        return turns.figure("an opening relayed by the hub, over one at the door", "relayed",
                            "direct")


async def timed(way: Callable[[], Awaitable[None]], served: Process) -> float:
    start = time.monotonic()
    await way()
    taken = time.monotonic() - start
    await served.line()  # that its bolt was driven
    await asyncio.sleep(0.005)
    return taken


async def opened(session: Session) -> None:
    visited = await session.ask(await session.greet(), Errand(Command.UNLOCK), whole=False)
    assert visited.answer.coarse is None, "the door must open"


def prepared(folder: Path, address: str, shelf: Shelf) -> tuple[Owner, bytes, LockAddress]:
    """A lock whose settings name the hub at `address`, and a hub that knows it."""
    owner = Owner()
    lock = commissioned(owner, folder)
    settings = sign_config(
        owner.site.id, Config(owner.door, 1, hub=(HUB.public, address)), owner.grant)
    deliver(lock, (BundleItem(CONFIG, settings, None),), b"")
    keys = lock.secrets.public
    lock.close()
    shelf.known[keys.signing.id] = KnownLock(keys.signing, owner.site.id, owner.door)
    return owner, keys.signing.id, owner.address(keys)
