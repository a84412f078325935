"""Holders are relayed to real locks; nobody else is, and nobody keeps others from a door."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, cast

import pytest
from joined import Frames, Joined, closing, joined, unlock, until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mortice.cli.hub_running import run_hub
from mortice.cli.problems import Problem
from mortice.client.visit import Errand
from mortice.core.commands import Command
from mortice.core.limits import MESSAGE_BYTES
from mortice.core.link import Buckets
from mortice.core.log import Result, accept_receipt
from mortice.hub import relay, seats
from mortice.hub.carrier import LOCKS_PATH
from mortice.hub.hub import make_hub
from mortice.hub.settings import Settings


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Joined]:
    async with joined(tmp_path) as made:
        yield made


async def test_a_holder_opens_through_the_hub_and_the_lock_signs_it(there: Joined) -> None:
    visited = await unlock(there)
    assert visited.receipt
    receipt = accept_receipt(visited.receipt, there.running().lock.secrets.public.signing)
    assert (visited.answer.coarse, receipt.result) == (None, Result.UNLOCKED)
    assert there.openings() == 1


async def test_the_same_line_reads_on(there: Joined) -> None:
    async with there.line("owner") as socket:
        session = there.session(Frames(socket))
        await session.ask(await session.greet(), Errand(Command.LOCK), whole=True)
        status = await session.more(Command.STATUS, {})
        assert isinstance(status, dict)
        assert status["state"] == "locked"


async def test_a_door_that_is_not_there_says_so(there: Joined) -> None:
    lines = there.hub.lines
    assert lines
    await there.running().stop()
    await until(lambda: not lines.connected(there.doors["Front door"].lock_id))
    async with there.line("owner") as socket:
        assert await closing(socket) == relay.NOT_CONNECTED
    assert (await unlock(there, label="Back door")).answer.coarse is None


async def test_a_lock_that_goes_ends_the_conversation(there: Joined) -> None:
    async with there.line("owner") as socket:
        session = there.session(Frames(socket))
        greeting = await session.greet()
        await there.running().stop()
        with pytest.raises(ConnectionClosed):
            await session.ask(greeting, Errand(Command.UNLOCK), whole=True)
        assert await closing(socket) == relay.ENDED


async def test_what_is_no_message_ends_it(there: Joined) -> None:
    async with there.line("owner") as socket:
        await socket.send("hello")
        assert await closing(socket) == relay.NO_MESSAGE
    async with there.line("owner") as socket:
        await socket.send(bytes(relay.FRAME_BYTES + 1))
        assert await closing(socket) == relay.NO_MESSAGE
    async with there.line("owner") as socket:
        await socket.send(bytes(relay.FRAME_BYTES))  # as long as may be, and nonsense
        assert await closing(socket) == relay.ENDED


async def test_it_does_not_last_for_ever(
    there: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "LINE_SECONDS", 0.2)
    async with there.line("owner") as socket:
        assert await closing(socket) == relay.TOO_LONG
    monkeypatch.undo()
    assert (await unlock(there)).answer.coarse is None


# --- nobody keeps others from a door -----------------------------------------------------------


async def test_one_person_has_two_lines_to_a_door(there: Joined) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(seats.EACH):
            session = there.session(Frames(await stack.enter_async_context(there.line("manager"))))
            await session.greet()
        third = await stack.enter_async_context(there.line("manager"))
        assert await closing(third) == relay.BUSY
        assert (await unlock(there, "owner")).answer.coarse is None


async def test_whoever_sits_too_long_gives_way(
    there: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "ALL", 2)
    async with AsyncExitStack() as stack:
        sitting = [await stack.enter_async_context(there.line("manager")) for _ in range(2)]
        for socket in sitting:
            await there.session(Frames(socket)).greet()
        late = await stack.enter_async_context(there.line("owner"))
        assert await closing(late) == relay.BUSY  # they may be honest
        monkeypatch.setattr(seats, "HONEST_SECONDS", 0.0)
        assert (await unlock(there, "owner")).answer.coarse is None
        assert await closing(sitting[0]) == relay.TOO_LONG
        assert there.openings() == 1


async def test_a_seat_is_free_again_when_its_holder_goes(there: Joined) -> None:
    for _ in range(2 * seats.ALL):
        assert (await unlock(there, command=Command.LOCK)).answer.coarse is None
    assert there.openings() == 2 * seats.ALL


# --- who else --------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "status"), [("", 401), ("stranger", 404), ("auditor", 403)])
async def test_who_may_not_open_is_not_relayed(there: Joined, role: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await there.line(role)
    assert refused.value.response.status_code == status


@pytest.mark.parametrize("origin", ["https://evil.example", None])
async def test_another_sites_page_is_not_relayed(there: Joined, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await there.line("owner", origin=origin)
    assert refused.value.response.status_code == 403


async def test_a_lock_dials_in_over_a_websocket(there: Joined) -> None:
    origin = there.hub.settings.origin.replace("http", "ws")
    named = (there.hub.own.link.public, f"{origin.replace('localhost', '127.0.0.1')}{LOCKS_PATH}")
    await there.world.configure("front-door", 0, named)
    await asyncio.sleep(0.1)
    await there.connected("Front door")
    assert (await unlock(there)).answer.coarse is None


async def test_a_browser_is_no_lock(there: Joined) -> None:
    address = f"{there.hub.settings.origin.replace('http', 'ws')}{LOCKS_PATH}"
    for headers in ({"origin": there.hub.settings.origin}, {"origin": "https://evil.example"}):
        with pytest.raises(InvalidStatus):
            await connect(address, **headers)  # type: ignore[arg-type]
    async with connect(address) as socket:  # and whoever does not know the hub's key is dropped
        await socket.send(b"\x04" + secrets.token_bytes(64))
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)


async def test_a_message_that_no_lock_takes_leaves_its_line_alone(there: Joined) -> None:
    """A longer one would end the line, and with it everybody's conversations."""
    lines, lock = there.hub.lines, there.doors["Front door"].lock_id
    assert lines
    line = lines._ends[lock]
    for size in (MESSAGE_BYTES, MESSAGE_BYTES + 1, MESSAGE_BYTES + 64):
        async with there.line("manager") as socket:
            await socket.send(bytes(size))
            assert await closing(socket) in {relay.ENDED, relay.NO_MESSAGE}
    await asyncio.sleep(0.1)
    assert lines._ends.get(lock) is line


async def test_nobody_begins_conversations_for_everybody(
    there: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(there.hub, "seats", seats.Seats())
    there.hub.seats._begun = Buckets(0.0, 2.0)
    for expected in (relay.ENDED, relay.ENDED, relay.BUSY):
        async with there.line("manager") as socket:
            with suppress(ConnectionClosed):
                await socket.send(b"\x01" + bytes(64))
            assert await closing(socket) == expected
    assert (await unlock(there, "owner")).answer.coarse is None


@pytest.mark.parametrize("setting", ["port", "lines_port"])
def test_a_port_that_is_taken_is_said_before_anything_runs(tmp_path: Path, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        hub = make_hub(Settings(tmp_path / "hub", **{"port": 0, "lines_port": 0} | {setting: port}))
        with pytest.raises(Problem, match=f"127.0.0.1:{port} cannot be used"):
            run_hub(cast("Any", None), hub)
        hub.database.close()
