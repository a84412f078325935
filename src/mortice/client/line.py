"""A line to a lock on the local network: TCP, two bytes of length, then a message of the link.

Spec: spec/link.md, section 2.
"""

from __future__ import annotations

import asyncio
import contextlib
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
    """A TCP connection that speaks frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, message: bytes, seconds: float = CONNECT_SECONDS) -> bytes:
        """Send one message and wait for its answer. Raises Unreachable."""
        try:
            self._writer.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)
            async with asyncio.timeout(seconds):
                length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
                if length > FRAME_BYTES:
                    raise Unreachable("the door answered with something that is no message")
                return await self._reader.readexactly(length)
        except TimeoutError as error:
            raise Unreachable("the door stopped answering") from error
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Unreachable("the door ended the conversation") from error

    async def ask(self, message: bytes) -> bytes:
        """Send the message that makes the lock act. Raises AnswerLost if no answer comes."""
        try:
            return await self.say(message, ANSWER_SECONDS)
        except Unreachable as error:
            raise AnswerLost(str(error)) from error

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def line_to(host: str, port: int) -> AsyncIterator[Line]:
    """A line to a lock for as long as the block lasts. Raises Unreachable."""
    if not host or not port:
        raise Unreachable("nobody has said yet where on the network this door is")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            line = Line(*await asyncio.open_connection(host, port))
    except (OSError, TimeoutError, OverflowError, ValueError) as error:
        raise Unreachable(f"nothing answers at {host}:{port}") from error
    try:
        yield line
    finally:
        await line.close()
