"""Add a door to a place: signed in its owner's browser, with the paper in hand."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, WebSocket
from fastapi.responses import JSONResponse, Response

from mortice.hub.access import Here, To, may
from mortice.hub.buckets import Budget, take
from mortice.hub.dialling import dial
from mortice.hub.founding import add_door, heard, papers, settings_for
from mortice.hub.hub import Hub
from mortice.hub.near import Spot, nearby
from mortice.hub.problems import Problem, not_found
from mortice.hub.web import page

ROUTER = APIRouter(prefix="/p/{place}/doors/new", include_in_schema=False)
Owner = Annotated[Here, Depends(may(To.CHANGE_SETTINGS))]
Sent = Annotated[dict[str, Any], Body()]
DIALS = Budget("dials", 40, 5)  # a door takes three, and as many again for each thing mistyped


@ROUTER.get("")
def new_door(request: Request, here: Owner) -> Response:
    """Everything that a new door needs, on one page."""
    return page(request, "new_door.html", here)


@ROUTER.get("/papers")
def needed(here: Owner) -> JSONResponse:
    """What a newer map is signed upon."""
    return JSONResponse(papers(here.db, here))


@ROUTER.post("/to")
async def to(here: Owner, sent: Sent) -> JSONResponse:
    """Where the hub would dial, and what the lock's settings are to say of the hub."""
    spot = await nearby(str(sent.get("address", "")))
    return JSONResponse({"to": str(spot), "hub": settings_for(here.hub, spot.host)})


@ROUTER.websocket("/line")
async def line(socket: WebSocket, here: Owner, to: str = "") -> None:
    """A conversation with a new lock, for its owner's browser."""
    who = here.account.ref
    here.db.close()  # a conversation lasts, and needs no connection for it
    await asyncio.to_thread(_count, here.hub, who)
    await dial(here.hub, socket, await _spot(to), who)


def _count(hub: Hub, who: str) -> None:
    with hub.database.writing() as db:
        take(db, (DIALS, who))


async def _spot(to: str) -> Spot:
    """What `/to` has said is near; a page that asks for anything else is not told why."""
    try:
        return await nearby(to)
    except Problem as problem:
        raise not_found("lock") from problem


@ROUTER.post("")
def added(here: Owner, sent: Sent) -> JSONResponse:
    """Take in the newer map, and its owner's keys."""
    with here.hub.database.writing() as db:
        add_door(db, here, sent)
    here.hub.live.tell(here.place.id)
    return JSONResponse({}, 201)


@ROUTER.get("/heard")
def is_heard(here: Owner, door: str = "") -> JSONResponse:
    """Has the new lock dialled in?"""
    return JSONResponse(heard(here.db, here, door))
