"""The line to a lock: whatever is at its other end, one answer or one sentence."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mortice.client import line
from mortice.client.line import AnswerLost, Unreachable, line_to

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(peer: Peer, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Somebody who listens at `host`; the port."""
    async def at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(at_once, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def saying(answer: bytes, *, slowly: bool = False) -> Peer:
    """Hears one frame, then says `answer`, a byte at a time if `slowly`."""
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        for part in [bytes([byte]) for byte in answer] if slowly else [answer]:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)  # lets the other end read it by itself

    return peer


async def asked(port: int, host: str = "127.0.0.1", seconds: float = 5.0) -> bytes:
    async with line_to(host, port) as opened:
        return await opened.say(b"hello", seconds)


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


@pytest.mark.parametrize("slowly", [False, True], ids=["in one piece", "byte by byte"])
@pytest.mark.parametrize("length", [0, 1, 255, 256, 16_384])
async def test_a_frame_comes_whole(length: int, *, slowly: bool) -> None:
    body = bytes(length if not slowly else min(length, 300))
    async with listening(saying(len(body).to_bytes(2, "big") + body, slowly=slowly)) as port:
        assert await asked(port) == body


async def test_several_frames_pass_in_turn_on_one_line() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(2):
            writer.write(head + await reader.readexactly(int.from_bytes(head, "big")))

    async with listening(echo) as port, line_to("127.0.0.1", port) as opened:
        for message in (b"one", b"two" * 1000, b"three"):
            assert await opened.say(message) == message


async def test_a_door_may_be_named_by_a_name() -> None:
    async with listening(saying(b"\0\2hi")) as port:
        assert await asked(port, "localhost") == b"hi"


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_a_door_may_have_an_address_of_ipv6() -> None:
    async with listening(saying(b"\0\2hi"), "::1") as port:
        assert await asked(port, "::1") == b"hi"


@pytest.mark.parametrize("nonsense", [
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xff", b"\0\2hi and more"])
async def test_what_is_no_frame_is_said_to_be_none(nonsense: bytes) -> None:
    async with listening(saying(nonsense)) as port:
        with pytest.raises(Unreachable, match="no message"):
            await asked(port)


@pytest.mark.parametrize("half", [b"", b"\0", b"\0\5hel"])
async def test_half_a_frame_is_an_end(half: bytes) -> None:
    async with listening(saying(half)) as port:
        with pytest.raises(Unreachable, match="ended the conversation"):
            await asked(port)


async def test_silence_has_an_end() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as port:
        with pytest.raises(Unreachable, match="stopped answering"):
            await asked(port, seconds=0.05)


@pytest.mark.parametrize("answer", [b"", b"\0\5hel", b"\xff\xff", b"\0\2hi and more"])
async def test_after_the_command_every_failure_is_a_lost_answer(answer: bytes) -> None:
    async with listening(saying(answer)) as port, line_to("127.0.0.1", port) as opened:
        with pytest.raises(AnswerLost):
            await opened.ask(b"open")


@pytest.mark.parametrize("host", [
    "127.0.0.1", "localhost", "::1", "256.1.1.1", "no such host", "no-such-host.invalid", "é"])
async def test_where_nobody_listens_the_address_is_named(host: str) -> None:
    with pytest.raises(Unreachable, match="nothing answers at"):
        await asked(1, host)


async def test_an_address_that_never_answers_keeps_no_other_from_being_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TEST-NET-1 (RFC 5737) stands for a dead address in front of a live one."""
    monkeypatch.setattr(line, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(line, "_connect", deaf_to("192.0.2.1", line._connect))
    async with listening(saying(b"\0\2hi")) as port:
        def two(*_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
                    for host in ("192.0.2.1", "127.0.0.1")]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        assert await asked(port, "front-door") == b"hi"


def deaf_to(host: str, connect: Callable[..., Awaitable[socket.socket]]) -> Any:  # noqa: ANN401 - as `connect`
    async def deaf(family: int, address: tuple[object, ...]) -> socket.socket:
        if address[0] == host:
            await asyncio.Event().wait()  # for ever
        return await connect(family, address)

    return deaf


async def test_what_is_sent_waits_for_no_earlier_packet() -> None:
    async with listening(saying(b"\0\2hi")) as port, line_to("127.0.0.1", port) as opened:
        assert opened._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("port", [99_999, -1, 2**70])
async def test_a_port_that_is_none_is_no_crash(port: int) -> None:
    with pytest.raises(Unreachable, match="nothing answers at"):
        await asked(port)


@pytest.mark.parametrize(("host", "port"), [("", 5), ("127.0.0.1", 0)])
async def test_a_door_without_an_address_is_said_to_have_none(host: str, port: int) -> None:
    with pytest.raises(Unreachable, match="nobody has said"):
        await asked(port, host)
