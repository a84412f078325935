"""Privacy: how long things are kept, who looked, what is held of somebody, and erasing it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select

from mortice.hub.access import Here, To, may
from mortice.hub.acts import note
from mortice.hub.held import held, looks
from mortice.hub.pages.give import Posted
from mortice.hub.people import person_at
from mortice.hub.privacy import (
    DAY,
    KINDS,
    LEAST,
    MOST,
    days_of,
    erase,
    on_hold,
    why_not,
)
from mortice.hub.problems import not_found, wrong
from mortice.hub.tables import Hold, Person, Place, now
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}", include_in_schema=False)
Sees = Annotated[Here, Depends(may(To.SEE_SETTINGS))]
Changes = Annotated[Here, Depends(may(To.CHANGE_SETTINGS))]
Asks = Annotated[Here, Depends(may(To.SEE_PEOPLE))]
Own = Annotated[Here, Depends(may(To.SEE_OWN))]
Erases = Annotated[Here, Depends(may(To.ERASE))]
HOLD_DAYS = 365  # at most, and then it must be asked for again
REASON_LETTERS = 300
SHOWN = 200  # entries on the page; the file has them all


@ROUTER.get("/settings/privacy")
def privacy(request: Request, here: Sees) -> Response:
    """The table of what is kept, holds, and who looked."""
    return _shown(request, here, {})


@ROUTER.post("/settings/privacy")
def keep(request: Request, here: Changes, form: Posted) -> Response:
    """Change how long things are kept."""
    wanted, errors = {}, {}
    for kind in KINDS:
        days = str(form.get(kind.name, days_of(here.place, kind)))
        if days.isascii() and days.isdecimal() and LEAST <= int(days[:6]) <= MOST:
            wanted[kind.name] = int(days)
        else:
            errors[kind.name] = f"{kind.label}: write {LEAST} to {MOST} days."
    if errors:
        return _shown(request, here, errors)
    with here.hub.database.writing() as db:
        db.get_one(Place, here.place.id).retention = wanted
        note(db, "changed how long things are kept", here.place, here.account, **wanted)
    return go(f"/p/{here.place.ref}/settings/privacy")


@ROUTER.post("/settings/privacy/hold")
def hold(here: Changes, reason: Annotated[str, Form()] = "", days: Annotated[str, Form()] = "",
         ) -> Response:
    """Keep everything for a dispute, until a day."""
    words = "".join(letter for letter in reason.strip() if letter.isprintable())[:REASON_LETTERS]
    if not words or not (days.isascii() and days.isdecimal() and 1 <= int(days[:6]) <= HOLD_DAYS):
        raise wrong({"reason": f"Say why, and for how many days, at most {HOLD_DAYS}."})
    with here.hub.database.writing() as db:
        db.add(Hold(place_id=here.place.id, account_id=here.account.id, reason=words,
                    ends_at=now() + int(days) * DAY))
        note(db, "put everything on hold", here.place, here.account, reason=words, days=int(days))
    return go(f"/p/{here.place.ref}/settings/privacy")


@ROUTER.post("/settings/privacy/hold/end")
def end_hold(here: Changes) -> Response:
    """Let things be deleted again."""
    with here.hub.database.writing() as db:
        for row in db.scalars(select(Hold).where(
                Hold.place_id == here.place.id, Hold.ends_at > now())):
            row.ends_at = now()
        note(db, "ended a hold", here.place, here.account)
    return go(f"/p/{here.place.ref}/settings/privacy")


def _shown(request: Request, here: Here, errors: dict[str, str]) -> Response:
    return page(
        request, "privacy.html", here, status=422 if errors else 200, kinds=KINDS, errors=errors,
        days={kind.name: days_of(here.place, kind) for kind in KINDS},
        on_hold=on_hold(here.db, here.place, now()), looks=looks(here.db, here.place),
        changes=here.may(To.CHANGE_SETTINGS))


# --- one person -----------------------------------------------------------------------------------


@ROUTER.get("/my-data")
def mine(request: Request, here: Own) -> Response:
    """What is held of whoever asks."""
    return _held_page(request, here, _myself(here), "my-data")


@ROUTER.get("/my-data.json")
def mine_as_file(here: Own) -> Response:
    """The same to take away."""
    return _held_file(here, _myself(here))


@ROUTER.get("/people/{person}/held")
def of_person(request: Request, here: Asks, person: str) -> Response:
    """What is held of somebody."""
    found = person_at(here.db, here.place, person)
    return _held_page(request, here, found, f"people/{person}/held")


@ROUTER.get("/people/{person}/held.json")
def of_person_as_file(here: Asks, person: str) -> Response:
    """The same to hand over."""
    return _held_file(here, person_at(here.db, here.place, person))


@ROUTER.post("/people/{person}/erase")
def erase_person(here: Erases, person: str) -> Response:
    """Erase what says who somebody is. What happened stays, under a key without a name."""
    found = person_at(here.db, here.place, person)
    with here.hub.database.writing() as db:
        erase(db, db.get_one(Person, found.id))
        note(db, "erased a person", here.place, here.account, person=person)
    return go(f"/p/{here.place.ref}/people")


def _held_page(request: Request, here: Here, person: Person, path: str) -> Response:
    every = _held(here, person)
    return page(
        request, "held.html", here, person=person, held=every, path=path, most=SHOWN,
        against=why_not(here.db, person), erases=here.may(To.ERASE) and path != "my-data")


def _held_file(here: Here, person: Person) -> Response:
    with here.hub.database.writing() as db:
        note(db, "took a copy of what is held of somebody", here.place, here.account,
             person=person.ref)
    return JSONResponse(_held(here, person), headers={
        "content-disposition": 'attachment; filename="held.json"'})


def _held(here: Here, person: Person) -> dict[str, object]:
    return held(here.db, person, by_themselves=person.id == here.person_id)



def _myself(here: Here) -> Person:
    found = here.db.get(Person, here.person_id) if here.person_id else None
    if found is None:
        raise not_found("person")
    return found
