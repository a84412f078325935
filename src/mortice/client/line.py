"""A line to a lock on the local network: TCP, two bytes of length, then a message of the link.

Spec: spec/link.md, section 2.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator

from mortice.core.limits import MESSAGE_BYTES

LENGTH_BYTES = 2
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
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
    """A socket to `host`. A name may stand for several addresses: a thread asks and tries them."""
    try:
        numbered = ipaddress.ip_address(host)
    except ValueError:
        named = await asyncio.to_thread(socket.create_connection, (host, port), CONNECT_SECONDS)
        named.settimeout(0)
        return named
    with contextlib.ExitStack() as unless_connected:
        found = unless_connected.enter_context(socket.socket(FAMILIES[numbered.version]))
        found.settimeout(0)
        await asyncio.get_running_loop().sock_connect(found, (host, port))
        unless_connected.pop_all()
    return found
