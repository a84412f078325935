"""Doors: is everything as I left it? And one door, live."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from mortice.core.limits import TIME_MAX
from mortice.hub.access import RUNS, Here, To, may
from mortice.hub.cells import forecasts, worn
from mortice.hub.checked import in_words, last_check
from mortice.hub.comings import (
    PAGE,
    Eyes,
    door_of,
    doors_of,
    eyes_of,
    last_at_each,
    lately,
    opened_up,
    state_since,
    timeline,
)
from mortice.hub.doors import LOW_MILLIVOLTS, Now, health, heard, needs, now_of, summary, supply
from mortice.hub.holders import holders
from mortice.hub.live import Live
from mortice.hub.living import living_behind
from mortice.hub.outbox import unsigned_for
from mortice.hub.pages.notice import notices
from mortice.hub.saying import told_hours
from mortice.hub.tables import Door, now
from mortice.hub.web import page

ROUTER = APIRouter(prefix="/p/{place}", include_in_schema=False)
MANY = 24  # from here on, doors stand in close rows, and those that are not locked come first
STREAM_SECONDS = 600.0  # then a page asks anew, so that whoever may no longer watch does not


@ROUTER.get("")
def doors(request: Request, here: Annotated[Here, Depends(may(To.SEE_DOORS))]) -> HTMLResponse:
    """Every door of the place that they may see."""
    eyes = eyes_of(here)
    since = state_since(here, eyes)
    nows = [_now(door, eyes, since) for door in doors_of(here, eyes)]
    theirs = [now_.door for now_ in nows if here.role in RUNS or eyes.see_comings(now_.door)]
    return page(
        request, "doors.html", here, nows=nows, many=len(nows) > MANY, summary=summary(nows),
        heard=heard(nows), needs=[*needs(nows), *worn(here.db, theirs, now())],
        last=last_at_each(here, eyes), supply=supply, lately=lately(here, eyes),
        runs=here.role in RUNS, notices=notices(here, eyes))


def _now(door: Door, eyes: Eyes, since: dict[int, tuple[str, int]]) -> Now:
    state, at = since.get(door.id, ("", 0))
    return now_of(door, now(), at if state == door.status.get("state") else None,
                  tells=eyes.see_when(door))


@ROUTER.get("/doors/{door}")
def one(
    request: Request, here: Annotated[Here, Depends(may(To.SEE_DOORS))], door: str,
    before: Annotated[int | None, Query(ge=0, le=TIME_MAX)] = None,
) -> HTMLResponse:
    """One door: how it is, what happened, who can open it."""
    eyes = eyes_of(here)
    found = door_of(here, eyes, door)
    held = holders(here, found, now())
    lines = timeline(here, eyes, found, before)
    is_now = _now(found, eyes, state_since(here, eyes, found))
    if is_now.held_until is not None:
        is_now = replace(is_now, line=is_now.line + opened_up(here, eyes, found))
    tells = here.role in RUNS or eyes.see_comings(found)
    last = last_check(here.db, found) if eyes.see_comings(found) else None
    return page(
        request, "door.html", here, door=found, now_=is_now, lines=lines,
        opening=told_hours(found.status.get("opening")),
        older=lines[-1].number if len(lines) == PAGE else None, before=before,
        can_now=[key for key in held if key.opens], later=[key for key in held if not key.opens],
        health=health(is_now, now()), runs=here.role in RUNS, sees_comings=eyes.see_comings(found),
        living=living_behind(here, found, now()) if found.private and tells else None,
        battery=forecasts(here.db, [found], now()).get(found.id) if tells else None,
        low=LOW_MILLIVOLTS, checked=in_words(here, found, last.entry) if last else "",
        late=unsigned_for(here.db, found, now()) if here.role in RUNS else [])


@ROUTER.get("/live")
def live(
    here: Annotated[Here, Depends(may(To.WATCH))], after: int | None = None) -> StreamingResponse:
    """Says that something changed, and nothing of what; the page then asks anew."""
    here.db.close()  # a watcher waits for long, and needs no connection for it
    return StreamingResponse(
        _changes(here.hub.live, here.place.id, after), media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"})


async def _changes(
    watched: Live, place_id: int, after: int | None = None) -> AsyncIterator[str]:
    yield "retry: 5000\n\n"
    ends = monotonic() + STREAM_SECONDS
    async for changed in watched.changes(place_id, after):
        yield "data: changed\n\n" if changed else ": still here\n\n"
        if monotonic() > ends:
            return
