"""Found a place: what is signed is signed in the first owner's browser, and on paper."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response

from mortice.hub.access import SETTINGS_SECONDS, Me, signed_in
from mortice.hub.founding import NOT_FOUNDER, found, may_found
from mortice.hub.pages.you import next_step
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/setup/place", include_in_schema=False)
Mine = Annotated[Me, Depends(signed_in)]
Sent = Annotated[dict[str, Any], Body()]
FOUNDING_SECONDS = SETTINGS_SECONDS  # a sheet is printed and put away first


@ROUTER.get("")
def founding(request: Request, me: Mine) -> Response:
    """A name, a sheet that is kept, and a root."""
    first = next_step(me.db, me.account)
    if first is not None:
        return go(first)
    if not may_found(me.db, me.account):
        raise NOT_FOUNDER
    return page(request, "founding.html", account=me.account)


@ROUTER.post("")
def founded(me: Mine, sent: Sent) -> JSONResponse:
    """Take the signed root in."""
    me.must_have_proved(FOUNDING_SECONDS)
    with me.hub.database.writing() as db:
        place = found(db, me.account, sent)
    return JSONResponse({"base": f"/p/{place.ref}"}, 201)
