"""A place and its doors."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends

from mortice.assess.assessment import as_json
from mortice.assess.model import model
from mortice.hub.access import Here, To, may
from mortice.hub.api.routing import api_router
from mortice.hub.api.shapes import door_json, place_json
from mortice.hub.comings import door_of, doors_of, eyes_of, state_since
from mortice.hub.doors import health, now_of
from mortice.hub.drift import judged
from mortice.hub.problems import not_found
from mortice.hub.tables import now

ROUTER = api_router("doors")
Sees = Annotated[Here, Depends(may(To.SEE_DOORS))]


@ROUTER.get("", summary="The place")
def place(here: Sees) -> dict[str, Any]:
    """The place that the token is for."""
    return place_json(here.place, here.role)


@ROUTER.get("/doors", summary="Its doors")
def doors(here: Sees) -> dict[str, Any]:
    """Every door that the token's account may see, as its lock last said."""
    eyes = eyes_of(here)
    return {"items": [door_json(now_of(door, now(), tells=eyes.see_when(door)))
                      for door in doors_of(here, eyes)]}


@ROUTER.get("/doors/{door}", summary="One door")
def one(here: Sees, door: str) -> dict[str, Any]:
    """One door, with its health in words."""
    eyes = eyes_of(here)
    found = door_of(here, eyes, door)
    since = state_since(here, eyes, found).get(found.id)
    seen = now_of(found, now(), tells=eyes.see_when(found))
    return door_json(seen) | {
        "since": since[1] if since else None,
        "health": [{"name": fact.name, "words": fact.words} for fact in health(seen, now())]}


@ROUTER.get("/doors/{door}/posture", summary="How strong a door is")
def posture(here: Annotated[Here, Depends(may(To.WATCH_STRENGTH))], door: str) -> dict[str, Any]:
    """As `mortice assess door --json`, and how each fact is known; what is not so names nobody."""
    found = next((each for each in here.place.doors if each.ref == door), None)
    if found is None:
        raise not_found("door")
    made = judged(here.db, found)
    return as_json(model(), made) | {"evidence": {
        fact: {"shown": shown.said, "on": shown.on, "until": shown.until,
               "note": "" if shown.said is False else shown.note, "counts": made.facts.get(fact)}
        for fact, shown in sorted(made.door.facts.items())}}
