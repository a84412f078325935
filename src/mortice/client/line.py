"""A line to a lock on the local network: TCP, two bytes of length, then a message of the link.

Spec: spec/link.md, section 2.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from mortice.core.limits import MESSAGE_BYTES

LENGTH_BYTES = 2
FRAME_BYTES = MESSAGE_BYTES + 64  # longest answer: a message and what the encryption adds
CONNECT_SECONDS = 5.0  # a door on the local network answers in milliseconds or is not there
ANSWER_SECONDS = 12.0  # a slow bolt's travel and three retries


class Unreachable(Exception):
    """The lock did not answer, or stopped answering before the end. The message is for people."""


class AnswerLost(Unreachable):
    """The lock was asked and its answer never came: what happened at the door is not known."""


class Line:
    """A TCP connection that speaks frames: a bare socket, as streams take a twentieth longer."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    async def say(self, message: bytes, seconds: float = CONNECT_SECONDS) -> bytes:
        """Send one message and wait for its answer. Raises Unreachable."""
        framed = len(message).to_bytes(LENGTH_BYTES, "big") + message
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_sendall(self._socket, framed)
                return await self._frame()
        except TimeoutError as error:
            raise Unreachable("the door stopped answering") from error
        except OSError as error:
            raise Unreachable("the door ended the conversation") from error

    async def _frame(self) -> bytes:
        received, end = b"", LENGTH_BYTES
        while len(received) < end:
            part = await asyncio.get_running_loop().sock_recv(self._socket, FRAME_BYTES)
            if not part:
                raise Unreachable("the door ended the conversation")
            received += part
            end = LENGTH_BYTES + int.from_bytes(received[:LENGTH_BYTES], "big")
            if end > FRAME_BYTES or len(received) > end:  # it speaks only when it is spoken to
                raise Unreachable("the door answered with something that is no message")
        return received[LENGTH_BYTES:]

    async def ask(self, message: bytes) -> bytes:
        """Send the message that makes the lock act. Raises AnswerLost if no answer comes."""
        try:
            return await self.say(message, ANSWER_SECONDS)
        except Unreachable as error:
            raise AnswerLost(str(error)) from error


@contextlib.asynccontextmanager
async def line_to(host: str, port: int) -> AsyncIterator[Line]:
    """A line to a lock for as long as the block lasts. Raises Unreachable."""
    if not host or not port:
        raise Unreachable("nobody has said yet where on the network this door is")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connected = await _connected(host, port)
    except (OSError, TimeoutError, OverflowError, ValueError) as error:
        raise Unreachable(f"nothing answers at {host}:{port}") from error
    with connected:
        yield Line(connected)


async def _connected(host: str, port: int) -> socket.socket:
    """A socket to the first of the host's addresses where somebody listens. Each has its share."""
    stream, loop = socket.SOCK_STREAM, asyncio.get_running_loop()
    try:  # a number needs nobody's answer
        found = socket.getaddrinfo(host, port, type=stream, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        found = await loop.getaddrinfo(host, port, type=stream)
    problem = OSError("no address")
    for family, *_, address in found:
        try:
            async with asyncio.timeout(CONNECT_SECONDS / len(found)):
                return await _connect(family, address)
        except OSError as error:  # the share being over is one as well
            problem = error
    raise problem


async def _connect(family: int, address: tuple[object, ...]) -> socket.socket:
    with contextlib.ExitStack() as unless_connected:
        found = unless_connected.enter_context(socket.socket(family, socket.SOCK_STREAM))
        found.settimeout(0)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a chain fills two packets
        await asyncio.get_running_loop().sock_connect(found, address)
        unless_connected.pop_all()
    return found
