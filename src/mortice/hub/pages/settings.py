"""Settings of a place: its name, which doors are somebody's own, and the ways to the rest."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy import select

import mortice
from mortice.hub.access import Here, To, may
from mortice.hub.acts import note
from mortice.hub.problems import Problem
from mortice.hub.tables import Account, Act, Door, Place
from mortice.hub.wanted import plain_name
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/settings", include_in_schema=False)
Sees = Annotated[Here, Depends(may(To.SEE_SETTINGS))]
Changes = Annotated[Here, Depends(may(To.CHANGE_SETTINGS))]
Text = Annotated[str, Form()]
WAYS = (  # what else there is to set, and in a few words what it is
    ("/team", "Team", "Who signs in here, and what each of them may do."),
    ("/hub", "What a thief of this hub could do", "What lies on this hub, and what that is worth."),
    ("/privacy", "Privacy and keeping", "How long things are kept, and what is held of whom."),
    ("/programs", "Programs", "Let a script or another system in, within bounds."))
LATELY = 20  # acts


@ROUTER.get("")
def settings(request: Request, here: Sees) -> Response:
    """The place, its doors, and what was done at the hub lately."""
    return _shown(request, here, {})


@ROUTER.post("")
def change(request: Request, here: Changes, name: Text = "", zone: Text = "",
           address: Text = "") -> Response:
    """Change what the place is called and where it is."""
    try:
        wanted, where = plain_name(name), " ".join(address.split())[:200]
        ZoneInfo(zone)
    except Problem as problem:
        return _shown(request, here, problem.fields)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _shown(request, here, {"zone": "Write a zone such as Europe/London."})
    with here.hub.database.writing() as db:
        row = db.get_one(Place, here.place.id)
        row.name, row.zone, row.address = wanted, zone, where
        note(db, "changed the place", here.place, here.account)
    return go(f"/p/{here.place.ref}/settings")


@ROUTER.post("/doors/{door}")
def change_door(here: Changes, door: str, private: Annotated[bool, Form()] = False,  # noqa: FBT002 - a box that is ticked or not
                ) -> Response:
    """Say whether a door is somebody's own room, whose comings are nobody else's business."""
    with here.hub.database.writing() as db:
        row = db.scalar(select(Door).where(Door.place_id == here.place.id, Door.ref == door))
        if row is not None:
            row.private = private
            note(db, "made a door private" if private else "made a door ordinary", here.place,
                 here.account, door=row.label)
    return go(f"/p/{here.place.ref}/settings")


def _shown(request: Request, here: Here, errors: dict[str, str]) -> Response:
    known: frozenset[str] = request.app.state.paths
    ways = [(path, label, words) for path, label, words in WAYS
            if f"/p/{{place}}/settings{path}" in known]
    acts = here.db.execute(
        select(Act, Account.name).outerjoin(Account, Account.id == Act.account_id).where(
            Act.place_id == here.place.id).order_by(Act.id.desc()).limit(LATELY)).all()
    return page(request, "settings.html", here, status=422 if errors else 200, errors=errors,
                ways=ways, acts=acts, version=mortice.__version__,
                changes=here.may(To.CHANGE_SETTINGS))
