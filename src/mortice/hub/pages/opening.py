"""The two lines that pages and locks speak over: a holder's to a door, and a lock's to this hub."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, WebSocket

from mortice.hub.access import Here, To, hub_of, may
from mortice.hub.carrier import LOCKS_PATH, Carrier
from mortice.hub.comings import door_of, eyes_of
from mortice.hub.relay import relay
from mortice.hub.tables import Door

ROUTER = APIRouter(include_in_schema=False)
Holder = Annotated[Here, Depends(may(To.OPEN))]


def _door(here: Holder, door: str) -> Door:
    return door_of(here, eyes_of(here), door)


@ROUTER.websocket("/p/{place}/doors/{door}/line")
async def to_a_door(
    socket: WebSocket, here: Holder, door: Annotated[Door, Depends(_door)]) -> None:
    """A conversation with a door's lock, for somebody's browser."""
    here.db.close()  # a conversation lasts, and needs no connection for it
    await relay(here.hub, socket, door.lock_id, here.account.ref)


@ROUTER.websocket(LOCKS_PATH)
async def from_a_lock(socket: WebSocket) -> None:
    """A lock dials in. Noise says which lock it is, and whether it is (spec/uplink.md)."""
    lines = hub_of(socket).lines
    if lines is None:
        await socket.close(1013)
        return
    await socket.accept()
    await lines.serve(Carrier(socket), socket.client.host if socket.client else "local")
