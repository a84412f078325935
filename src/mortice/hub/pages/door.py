"""Doors: is everything as I left it? And one door, live."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from mortice.hub.access import Here, To, may
from mortice.hub.web import page

ROUTER = APIRouter(prefix="/p/{place}", include_in_schema=False)


@ROUTER.get("")
def doors(request: Request, here: Annotated[Here, Depends(may(To.SEE_DOORS))]) -> HTMLResponse:
    """Every door of the place."""
    return page(request, "doors.html", here, doors=here.place.doors)
