"""Carries a browser's first conversations with a new lock, which is not on the hub's line yet.

As opaque as the relay to a lock that is (relay.py): the browser speaks Noise with the lock, under
the secret of its code. Here the hub dials, so it minds what it dials (near.py), lets nothing begin
that no conversation with a lock begins with, and bounds messages, seconds and how many at once.
"""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from mortice.client.line import ANSWER_SECONDS, Line, Unreachable, line_to
from mortice.core.link import HELLO, OPENING, TAKEOVER
from mortice.hub.hub import Hub
from mortice.hub.near import Spot
from mortice.hub.relay import BUSY, ENDED, NO_MESSAGE, OVER, TOO_LONG, Gone, Why, message_of

LINE_SECONDS = 40.0
MESSAGES_MOST = 12  # a hello is one, a takeover two, a delivery two and what does not fit in them
FIRST_BYTES = 65  # kind, an ephemeral key, a tag and a mac (spec/link.md, section 3)
NOT_THERE = Why(4004, "Nothing answers at that address.")


async def dial(hub: Hub, socket: WebSocket, to: Spot, who: str) -> None:
    """One conversation of `who` with whatever lock is at `to`, to its end."""
    await socket.accept()
    why = await _seated(hub, socket, to, who)
    if socket.application_state.value == socket.client_state.value == 1:  # both still connected
        await socket.close(*why)


async def _seated(hub: Hub, socket: WebSocket, to: Spot, who: str) -> Why:
    try:
        async with asyncio.timeout(LINE_SECONDS) as until:
            seat = hub.seats.take(who, b"dialling", until)
            if seat is None:
                return BUSY
            try:
                return await _carried(socket, to)
            finally:
                hub.seats.leave(seat)
    except TimeoutError:
        return TOO_LONG


async def _carried(socket: WebSocket, to: Spot) -> Why:
    try:
        first = await message_of(socket)
        if not begins(first):
            return NO_MESSAGE
        async with line_to(*to) as line:
            return await _talk(socket, line, first)
    except Gone as gone:
        return gone.why
    except Unreachable:
        return NOT_THERE


def begins(message: bytes) -> bool:
    """Does a conversation with a lock begin like this?"""
    return message == bytes([HELLO]) or (
        len(message) == FIRST_BYTES and message[0] in {OPENING, TAKEOVER})


async def _talk(socket: WebSocket, line: Line, message: bytes) -> Why:
    try:
        for _ in range(MESSAGES_MOST):
            await _hand_over(socket, await line.say(message, ANSWER_SECONDS))
            message = await message_of(socket)
    except Unreachable:
        return ENDED
    return TOO_LONG


async def _hand_over(socket: WebSocket, answer: bytes) -> None:
    try:
        await socket.send_bytes(answer)
    except (WebSocketDisconnect, RuntimeError) as error:
        raise Gone(OVER) from error
