"""Invite a visitor: the hub itself signs their key, within the link that its owner gave it.

It needs no key in the browser and no script. The address is shown once; the hub forgets it.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from mortice.hub.access import Here, To, may
from mortice.hub.guests import guest_at
from mortice.hub.pages.give import FORM_SECONDS, Posted, ref_of, state
from mortice.hub.people import person_at, person_or_new
from mortice.hub.problems import Problem
from mortice.hub.saying import listed
from mortice.hub.stays import stay_of, times
from mortice.hub.tables import Person, now
from mortice.hub.tickets import read_ticket, spend, ticket
from mortice.hub.totp import picture
from mortice.hub.visitors import NO_POWER, Stay, end_visit, host, reach
from mortice.hub.wanted import Form, read_doors, read_times, today_in
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/visits", include_in_schema=False)
Gives = Annotated[Here, Depends(may(To.GIVE_KEYS))]
Takes = Annotated[Here, Depends(may(To.TAKE_BACK))]
PURPOSE = "visit"  # of the ticket that lets a form count once
GUEST = "Guest"  # what a new person is to the place


@ROUTER.get("")
def visit(request: Request, here: Gives, s: str = "") -> Response:
    """Who comes, to which doors, from when to when; `s` is what was filled in to give a key."""
    return _page(request, here, {"pin": "yes"} | (state(here, s) if s else {}))


@ROUTER.post("")
def invited(request: Request, here: Gives, form: Posted) -> Response:
    """Issue it, and show the link this once."""
    try:
        with here.hub.database.writing() as db:
            spend(db, form.get("once", ""), read_ticket(
                here.hub.own, PURPOSE, form.get("once", "")))
            doors = read_doors(form, reach(db, here.place))
            asked = read_times(form | {"when": "stay"}, doors, now())
            person = person_or_new(
                db, here.place, ref_of(form), form.get("name", ""), GUEST)
            guest, link, issued = host(db, here.hub, here.place, person, Stay(
                doors, asked.nbf or 0, asked.exp or 0, pin=bool(form.get("pin"))),
                by=here.account, welcome=form.get("welcome", ""))
            said = (f"Your key to {listed([door.label for door in doors])}, "
                    f"{times(stay_of(db, guest, now()))}. Open it on your phone: {link}")
    except Problem as problem:
        return _page(request, here, form, problem)
    here.hub.nudge(door.lock_id for door in doors)
    here.hub.live.tell(here.place.id)
    return page(request, "visit_made.html", here, person=person, doors=doors, link=link, said=said,
                digits=issued.digits, body=quote(said), picture=picture(link))


@ROUTER.post("/{visit}/take-back")
def taken_back(here: Takes, visit: str) -> Response:
    """End a visit at its doors, by the hub's own signature."""
    with here.hub.database.writing() as db:
        guest = guest_at(db, here.place, visit)
        end_visit(db, here.hub, here.place, guest, here.account)
        person = db.get_one(Person, guest.person_id)
    here.hub.nudge(door.lock_id for door in here.place.doors)
    here.hub.live.tell(here.place.id)
    return go(f"/p/{here.place.ref}/people/{person.ref}#taken-back")


def _page(request: Request, here: Here, form: Form, problem: Problem | None = None) -> Response:
    doors = reach(here.db, here.place)
    if not doors:
        raise NO_POWER
    ref = ref_of(form)
    return page(
        request, "visit.html", here, status=problem.status if problem else 200, doors=doors,
        known=person_at(here.db, here.place, ref) if ref else None, form=form, problem=problem,
        errors=problem.fields if problem else {}, today=today_in(here.place.zone),
        once=ticket(here.hub.own, PURPOSE, FORM_SECONDS))
