"""What a thief of this hub could do: computed from what lies on it, said without comfort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Body, Depends, Form, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mortice.client.owner import Terms
from mortice.core.errors import Theirs
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.site import Role
from mortice.core.stages import Factors
from mortice.hub.access import Here, To, may
from mortice.hub.acts import note
from mortice.hub.guests import bytes_of
from mortice.hub.keys import CLAIM, alive, beneath, links_of, take_back, wire_of
from mortice.hub.pages.taking import signed_of, signing
from mortice.hub.places import site_of
from mortice.hub.powers import REFRESH, VISITORS, grants_of, live, stop, take_grants, told
from mortice.hub.problems import Problem, not_found
from mortice.hub.saying import listed, seconds, sentence
from mortice.hub.tables import Guest, HubGrant, Key, Person, now
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/settings/hub", include_in_schema=False)
Sees = Annotated[Here, Depends(may(To.SEE_SETTINGS))]
Changes = Annotated[Here, Depends(may(To.CHANGE_SETTINGS))]
LONGEST = 200_000  # characters of a pasted text


class Power(NamedTuple):
    """A link of the hub's own, and what it is worth to a thief."""

    grant: HubGrant
    worth: str
    said: tuple[str, ...]


class Browser(NamedTuple):
    """A key in somebody's browser, which pages of this hub can drive."""

    name: str
    can: str
    touched: bool  # each use asks for a touch


@ROUTER.get("")
def worth(request: Request, here: Sees) -> Response:
    """What lies here, and its worth."""
    return _page(request, here)


@ROUTER.post("")
def let(request: Request, here: Changes, text: Annotated[str, Form()] = "") -> Response:
    """Take in what the owner signed for this hub."""
    try:
        with here.hub.database.writing() as db:
            take_grants(db, here.hub, here.place, text[:LONGEST], here.account)
    except Theirs as error:
        return _page(request, here, f"{error.message[:1].upper()}{error.message[1:]}.")
    except Problem as problem:
        return _page(request, here, f"{problem.title}. {problem.help}")
    return go(_path(here))


@ROUTER.get("/{grant}/end")
def end(request: Request, here: Changes, grant: str) -> Response:
    """End a link: at the doors, by a signature, or only here."""
    found = _grant(here.db, here, grant)
    return page(request, "hub_end.html", here, power=_power(here, found, now()),
                signing=signing(here, [found]), below=beneath(here.db, [found]))


@ROUTER.post("/{grant}/end")
def ended(here: Changes, grant: str, sent: Annotated[dict[str, Any], Body()]) -> JSONResponse:
    """Take in the signed revocation, and tell the doors."""
    with here.hub.database.writing() as db:
        for each in signed_of(sent):
            wanted = [_grant(db, here, grant)]
            take_back(db, here.place, wire_of(bytes_of(each.get("item"))), wanted)
        note(db, "ended a link of the hub", here.place, here.account, grant=grant)
    here.hub.nudge(door.lock_id for door in here.place.doors)
    here.hub.live.tell(here.place.id)
    return JSONResponse({"next": f"{_path(here)}#ended"})


@ROUTER.post("/{grant}/stop")
def stop_using(here: Changes, grant: str) -> Response:
    """Let the hub use a link no more."""
    with here.hub.database.writing() as db:
        stop(db, here.place, _grant(db, here, grant), here.account)
    return go(_path(here))


def _grant(db: Session, here: Here, ref: str) -> HubGrant:
    found = db.scalar(select(HubGrant).where(
        HubGrant.ref == ref, HubGrant.place_id == here.place.id))
    if found is None:
        raise not_found("link")
    return found


def _page(request: Request, here: Here, error: str = "") -> Response:
    powers = _powers(here) if here.place.root is not None else []
    return page(
        request, "thief.html", here, status=422 if error else 200,
        errors={"text": error} if error else {}, powers=powers,
        opens=listed([power.worth for power in powers if power.grant.what == VISITORS]),
        browsers=_browsers(here), pins=_pins(here), tells_time=_tells_time(here),
        changes=here.may(To.CHANGE_SETTINGS), stopped=[
            (grant, told(here.db, here.place, grant))
            for grant in grants_of(here.db, here.place) if grant.ended_at is not None])


def _powers(here: Here) -> list[Power]:
    at = now()
    return [_power(here, grant, at) for what in (VISITORS, REFRESH)
            for grant in live(here.db, here.place, what, at)]


def _power(here: Here, grant: HubGrant, at: int) -> Power:
    leaf = links_of(grant)[-1]
    if grant.what == VISITORS:
        said = sentence("This hub", leaf, here.place.doors, at)
        return Power(grant, _visits(here, leaf), said.more)
    return Power(grant, _doors(here, leaf), (_vouches(here, leaf),))


def sum_of(here: Here, what: str, terms: Grant | Terms) -> str:
    """A sentence on what a thief would have by such a link."""
    if what == VISITORS:
        return f"They could open {_visits(here, terms)}."
    return _vouches(here, terms)


def _doors(here: Here, leaf: Grant | Terms) -> str:
    return listed([door.label for door in here.place.doors if door.door_id in leaf.doors])


def _visits(here: Here, leaf: Grant | Terms) -> str:
    """The sum of what visitors' keys can do."""
    life = "" if leaf.max_life is None else f", each for {seconds(leaf.max_life)} at most"
    hours = ", only in its hours" if leaf.hours is not None else ""
    return f"{_doors(here, leaf)} with {leaf.quota} different keys a day{life}{hours}"


def _vouches(here: Here, leaf: Grant | Terms) -> str:
    asking = [key for key in _live_keys(here) if links_of(key)[-1].max_staleness is not None
              and links_of(key)[-1].doors & leaf.doors]
    if not asking:
        return "No key here asks for that now, so today it is worth nothing."
    people = listed(sorted({key.person.name for key in asking}))
    return (f"It could keep a key alive that was taken back: one of {people}, until the door hears "
            "of it in another way, or until this link ends.")


def _live_keys(here: Here) -> Sequence[Key]:
    keys = here.db.scalars(select(Key).join(Person).where(
        Key.place_id == here.place.id, Key.what != CLAIM).order_by(Person.name, Key.id))
    return [key for key in keys if alive(key, now())]


def _browsers(here: Here) -> list[Browser]:
    found = []
    for key in _live_keys(here):
        leaf = links_of(key)[-1]
        if leaf.klass is KeyClass.WEB and (leaf.use or leaf.delegable):
            said = sentence(key.person.name, leaf, here.place.doors, now())
            opens = bool(leaf.use & (Rights.UNLOCK | Rights.HOLD_OPEN))
            found.append(Browser(key.person.name, said.can,
                                 not opens or Factors.PASSKEY in leaf.factors))
    return found


def _pins(here: Here) -> int:
    return here.db.scalar(select(func.count()).select_from(Guest).where(
        Guest.place_id == here.place.id, Guest.pin.is_not(None))) or 0


def _tells_time(here: Here) -> bool:
    if here.place.root is None:
        return False
    return site_of(here.place).key(Role.TIME, here.hub.own.signer.public.id) is not None


def _path(here: Here) -> str:
    return f"/p/{here.place.ref}/settings/hub"
