"""Help, at the same corner of every page, for everybody, signed in or not."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from mortice.hub.access import Reading, hub_of, sign_in_of
from mortice.hub.pages.well_known import promised
from mortice.hub.web import page

ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get("/help")
def help_page(request: Request, db: Reading) -> HTMLResponse:
    """What to do when a door does not do what somebody expects."""
    found = sign_in_of(request, db)
    return page(
        request, "help.html", account=found.account if found else None,
        contact=hub_of(request).settings.contact, report=promised()["report"],
        support=promised()["support"])
