"""The guest's page, open to whoever has its address; and, for a host, making and ending links.

What an address alone shows: which place, when, and the spare PIN if there is one and no digits are
asked. Opening a door takes the key, which only one phone has.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Depends, Form, Request, WebSocket
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from mortice.hub import guests, stays
from mortice.hub.access import Here, Reading, To, hub_of, may
from mortice.hub.guest_facts import facts
from mortice.hub.keys import CLAIM, alive
from mortice.hub.pages.people import keys_of, way_of
from mortice.hub.people import person_at
from mortice.hub.problems import Problem, not_found
from mortice.hub.refreshing import renew_now
from mortice.hub.relay import relay
from mortice.hub.tables import Door, Guest, Person, now
from mortice.hub.tickets import read_ticket, ticket
from mortice.hub.web import go, page

ROUTER = APIRouter(include_in_schema=False)
SHOWN_SECONDS = 30 * 86_400  # how long a browser need not give the digits again
Answer = TypeVar("Answer", bound=Response)
Sent = Annotated[dict[str, Any], Body()]


# --- the guest ------------------------------------------------------------------------------------


@ROUTER.get("/k/{ref}")
def guest(request: Request, db: Reading, ref: str) -> Response:
    """The page, whatever state it is in."""
    return _page(request, db, stays.stay_of(db, guests.find(db, ref), now()))


@ROUTER.post("/k/{ref}/claim")
def put_on_phone(request: Request, ref: str, sent: Sent) -> JSONResponse:
    """Put the key on the phone that asks."""
    found = guests.claim(hub_of(request).database, ref, guests.bytes_of(sent.get("wire")),
                         str(sent.get("digits", "")))
    renew_now(hub_of(request), found.place_id, found.key_id)
    hub_of(request).live.tell(found.place_id)
    return _remembered(request, found, JSONResponse({"ref": ref}))


@ROUTER.post("/k/{ref}/pin")
def show_pin(request: Request, db: Reading, ref: str,
             digits: Annotated[str, Form(alias="pin-digits")] = "") -> Response:
    """Show the PIN in this browser from now on. By a form: what previews links opens none."""
    try:
        guests.try_digits(hub_of(request).database, ref, digits, keep=guests.PHONE_TRIES)
    except Problem as problem:
        return _page(request, db, stays.stay_of(db, guests.find(db, ref), now()), problem)
    return _remembered(request, guests.find(db, ref), go(f"/k/{ref}?pin=shown"))


@ROUTER.get("/k/{ref}/stay.ics")
def stay_file(request: Request, db: Reading, ref: str) -> Response:
    """The stay, for a calendar."""
    stay = stays.stay_of(db, guests.find(db, ref), now())
    if stay.claim.starts_at is None or stay.claim.ends_at is None:
        raise not_found("calendar entry")
    made = stays.calendar(
        stay, hub_of(request).settings.origin, stay.claim.starts_at, stay.claim.ends_at)
    return Response(made, media_type="text/calendar; charset=utf-8", headers={
        "content-disposition": 'attachment; filename="stay.ics"'})


@ROUTER.get("/k/{ref}/manifest.webmanifest")
def manifest(db: Reading, ref: str) -> JSONResponse:
    """For the home screen. It opens in the browser, which is where the key is."""
    stay = stays.stay_of(db, guests.find(db, ref), now())
    return JSONResponse({
        "name": stays.short(stay.title), "short_name": stays.short(stay.title)[:12],
        "start_url": f"/k/{ref}", "scope": f"/k/{ref}", "display": "browser",
        "icons": [{"src": "/static/mark.svg", "sizes": "any", "type": "image/svg+xml"}],
    }, media_type="application/manifest+json")


def _door(db: Reading, ref: str, door: str) -> Door:
    """A door of this guest's key, within the stay. Raises Problem."""
    stay = stays.stay_of(db, guests.find(db, ref), now())
    found = next((each for each in stay.doors if each.ref == door), None)
    if found is None or stay.stage is not stays.Stage.CLAIMED:
        raise not_found("door")
    db.close()  # a conversation lasts, and needs no connection for it
    return found


@ROUTER.websocket("/k/{ref}/doors/{door}/line")
async def line(socket: WebSocket, ref: str, to: Annotated[Door, Depends(_door)]) -> None:
    """A conversation of the guest's phone with a door's lock, which decides."""
    await relay(hub_of(socket), socket, to.lock_id, f"guest {ref}")


def _page(
    request: Request, db: Session, stay: stays.Stay, problem: Problem | None = None) -> Response:
    hub, at = hub_of(request), now()
    shown = _was_shown(request, stay.guest)
    start, end = stay.claim.starts_at, stay.claim.ends_at
    return page(
        request, "guest.html", status=problem.status if problem else 200, stay=stay,
        facts=facts(db, stay), said=stays.said_of(stay), starts=stays.starts(stay, at),
        wait=stays.wait((start or at) - at), has_pin=stay.guest.pin is not None,
        pin=stays.pin_of(hub.own, stay) if shown else "", asks=stay.guest.check is not None,
        check_digits=guests.CHECK_DIGITS, problem=problem,
        has_times=start is not None and end is not None)


def _remembered(request: Request, found: Guest, answer: Answer) -> Answer:
    """Remember in this browser that it gave the digits, or that none are asked."""
    hub = hub_of(request)
    answer.set_cookie(
        _cookie(found), ticket(hub.own, _cookie(found), SHOWN_SECONDS), path=f"/k/{found.ref}",
        max_age=SHOWN_SECONDS, httponly=True, samesite="lax", secure=hub.settings.is_https)
    return answer


def _was_shown(request: Request, found: Guest) -> bool:
    try:
        read_ticket(hub_of(request).own, _cookie(found), request.cookies.get(_cookie(found), ""))
    except Problem:
        return False
    return True


def _cookie(found: Guest) -> str:
    return f"guest-{found.ref}"


# --- the host -------------------------------------------------------------------------------------


@ROUTER.post("/p/{place}/guests")
def make_link(here: Annotated[Here, Depends(may(To.GIVE_KEYS))], sent: Sent) -> JSONResponse:
    """Keep a link that was signed in the giver's browser; if that is said, in place of another.

    Takes `person`, `wire`, and if wanted `digits`, `welcome`, `help`. To move a key to another
    phone also `replaces`, the old link's ref, and `taking_back`, the signed revocation of its
    claim key as an item of a bundle. A second sending changes nothing and is answered alike.
    """
    said = guests.Invitation(guests.bytes_of(sent.get("wire")), *(
        str(sent.get(name, "")) for name in ("digits", "welcome", "help")))
    with here.hub.database.writing() as db:
        if sent.get("replaces"):
            old = guests.guest_at(db, here.place, str(sent["replaces"]))
            taking_back = guests.bytes_of(sent.get("taking_back"))
            made = guests.move(db, old, taking_back, said, here.account)
        else:
            person = person_at(db, here.place, str(sent.get("person")))
            made = guests.invite(db, here.place, person, said, here.account)
    here.hub.nudge(door.lock_id for door in here.place.doors)  # the old key was taken back
    here.hub.live.tell(here.place.id)
    return JSONResponse({"ref": made.ref, "path": f"/k/{made.ref}"}, 201)


@ROUTER.get("/p/{place}/guests/{ref}/move")
def move_page(
    request: Request, here: Annotated[Here, Depends(may(To.GIVE_KEYS))], ref: str) -> Response:
    """Move a key to another phone: signed in the browser of whoever gave it."""
    stay = guests.movable(here.db, guests.guest_at(here.db, here.place, ref))
    person = here.db.get_one(Person, stay.guest.person_id)
    keys, of_it = keys_of(here, [person]), {stay.claim.id, stay.guest.key_id}
    claimed = {key.parent_id for key in keys}  # a link and the key that was made of it are one
    others = [key for key in keys if alive(key, now()) and key.id not in of_it and (
        key.what != CLAIM or key.id not in claimed)]
    return page(request, "guest_move.html", here, stay=stay, person=person, others=others,
                way_of=way_of, wire=guests.text_of(stay.claim.wire))


@ROUTER.post("/p/{place}/guests/{ref}/close")
def close_link(here: Annotated[Here, Depends(may(To.TAKE_BACK))], ref: str) -> Response:
    """End a link's page, and with it claiming."""
    with here.hub.database.writing() as db:
        closed = guests.close(db, here.place, ref, here.account)
        person = db.get_one(Person, closed.person_id)
    here.hub.live.tell(here.place.id)
    return go(f"/p/{here.place.ref}/people/{person.ref}")
