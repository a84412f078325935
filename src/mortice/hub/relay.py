"""Carries a holder's conversation to a lock and back, as bytes that nobody here can read or forge.

One message of the holder, then one of the lock, as they speak in turn (spec/link.md, section 2);
so a browser cannot fill the hub's memory. What can go wrong is said in the reason of the closing.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect

from mortice.core.limits import MESSAGE_BYTES
from mortice.hub.hub import Hub
from mortice.hub.lines import NotConnected, Stream, StreamEnded

FRAME_BYTES = MESSAGE_BYTES  # a lock ends its whole line at a longer one (spec/uplink.md, U3)
LINE_SECONDS = 60.0  # a visit with a touch takes twenty


class Why(NamedTuple):
    """A WebSocket's closing: a code (RFC 6455, section 7.4) and a sentence of up to 123 bytes."""

    code: int
    reason: str


OVER = Why(1000, "")
NO_MESSAGE = Why(1003, "Only messages of the link pass here.")
ENDED = Why(4000, "The door ended the conversation.")
NOT_CONNECTED = Why(4004, "The door is not connected to this hub now.")
TOO_LONG = Why(4008, "That took too long.")
BUSY = Why(4029, "Too many conversations with this door at once. Try again in a few seconds.")


class Gone(Exception):
    """The holder's browser has closed its end, or said something that is no message."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.reason)
        self.why = why


async def relay(hub: Hub, socket: WebSocket, lock: bytes, who: str) -> None:
    """One conversation of `who` with `lock`, to its end."""
    await socket.accept()
    why = await _seated(hub, socket, lock, who)
    if socket.application_state.value == socket.client_state.value == 1:  # both still connected
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it has just gone
            await socket.close(*why)


async def _seated(hub: Hub, socket: WebSocket, lock: bytes, who: str) -> Why:
    try:
        async with asyncio.timeout(LINE_SECONDS) as until:
            seat = hub.seats.take(who, lock, until)
            if seat is None:
                return BUSY
            try:
                return await _carried(hub, socket, lock)
            finally:
                hub.seats.leave(seat)
    except TimeoutError:
        return TOO_LONG


async def _carried(hub: Hub, socket: WebSocket, lock: bytes) -> Why:
    if hub.lines is None:
        return NOT_CONNECTED
    try:
        stream = await hub.lines.open_stream(lock)
    except NotConnected:
        return NOT_CONNECTED
    try:
        while True:
            await _in_turn(socket, stream)
    except Gone as gone:
        return gone.why
    except StreamEnded:
        return ENDED
    finally:
        stream.close()


async def _in_turn(socket: WebSocket, stream: Stream) -> None:
    """One message to the lock, and its answer. Raises Gone, StreamEnded."""
    await stream.send(await message_of(socket))
    try:
        await socket.send_bytes(await stream.receive())
    except (WebSocketDisconnect, RuntimeError) as error:
        raise Gone(OVER) from error


async def message_of(socket: WebSocket) -> bytes:
    """The next message of the other end. Raises Gone."""
    try:
        event = await socket.receive()
    except RuntimeError as error:  # it was gone before
        raise Gone(OVER) from error
    if event["type"] != "websocket.receive":
        raise Gone(OVER)
    message: bytes | None = event.get("bytes")
    if message is None or len(message) > FRAME_BYTES:
        raise Gone(NO_MESSAGE)
    return message
