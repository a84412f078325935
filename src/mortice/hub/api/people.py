"""People, their keys and visits, and documents that were signed elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.core import cbor
from mortice.core.errors import Malformed
from mortice.hub.access import Here, To, may
from mortice.hub.acts import note
from mortice.hub.api.once import IdempotencyKey, once
from mortice.hub.api.paging import USUAL, Cursor, Limit, Listed, read_cursor, write_cursor
from mortice.hub.api.routing import api_router
from mortice.hub.api.shapes import key_json, person_json
from mortice.hub.guests import guest_at
from mortice.hub.keys import register, register_pin, take_back, wire_of
from mortice.hub.people import about_of, person_at, person_or_new
from mortice.hub.problems import Problem, changed_meanwhile
from mortice.hub.standing import standings
from mortice.hub.tables import Key, Person, now
from mortice.hub.visitors import Stay, end_visit, host
from mortice.hub.wanted import read_doors

ROUTER = api_router("people and keys")
Sees = Annotated[Here, Depends(may(To.SEE_PEOPLE))]
Changes = Annotated[Here, Depends(may(To.CHANGE_PEOPLE))]
Gives = Annotated[Here, Depends(may(To.GIVE_KEYS))]
TakesBack = Annotated[Here, Depends(may(To.TAKE_BACK))]
HEX_LETTERS = 65_536
NEEDS_VERSION = Problem(428, "if-match", "Say which version you are changing",
                        "Send If-Match with the version that you have read.")


class _Strict(BaseModel):
    """A field that is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", str_max_length=HEX_LETTERS)


class PersonIn(_Strict):
    """What is written of somebody."""

    name: str
    what: str = ""
    email: str = ""
    phone: str = ""
    note: str = ""


class KeyIn(_Strict):
    """A chain that was signed elsewhere, as hexadecimal (spec/grant.md, section 6)."""

    wire: str = Field(examples=["81…"])


class ItemIn(_Strict):
    """An item of a bundle, as hexadecimal (spec/messages.md, section 4)."""

    item: str = Field(examples=["83…"])


class VisitIn(_Strict):
    """Who comes: somebody known by `person`, or somebody new by `name`. Times are Unix seconds."""

    person: str = ""
    name: str = ""
    doors: list[str] = Field(description="refs, as /doors has them", max_length=64)
    starts: int
    ends: int
    pin: bool = Field(default=True, description="a PIN as a spare, the same at each door")
    welcome: str = ""
    help: str = Field("", description="whom the visitor may ring")


@ROUTER.get("/people", summary="People")
def people(here: Sees, cursor: Cursor = "", limit: Limit = USUAL) -> Listed:
    """Everybody, in the order in which they were added."""
    after = read_cursor(cursor, 1)
    found = here.db.scalars(select(Person).where(
        Person.place_id == here.place.id, Person.erased_at.is_(None),
        Person.id > (after[0] if after else 0)).order_by(Person.id).limit(limit + 1)).all()
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return Listed(items=[person_json(person) for person in found[:limit]], next=more)


@ROUTER.post("/people", status_code=201, summary="Add a person")
def add(request: Request, here: Changes, body: PersonIn, key: IdempotencyKey = None,
        ) -> JSONResponse:
    """Somebody who holds nothing yet."""
    def act(db: Session) -> tuple[int, dict[str, Any]]:
        person = Person(place_id=here.place.id, **about_of(body.model_dump()))
        db.add(person)
        db.flush()
        note(db, "added a person", here.place, here.account, person=person.ref)
        return 201, person_json(person)
    return once(here, request, body, key, act)


@ROUTER.get("/people/{person}", summary="One person")
def one(here: Sees, person: str) -> JSONResponse:
    """One person; the answer's ETag is what a change must name."""
    found = person_at(here.db, here.place, person)
    return JSONResponse(person_json(found), headers={"etag": f'"{found.version}"'})


@ROUTER.put("/people/{person}", summary="Change what is written of a person")
def change(here: Changes, person: str, body: PersonIn,
           if_match: Annotated[str | None, Header()] = None) -> JSONResponse:
    """All of it, unless somebody else changed it since the version in If-Match. No key changes."""
    if if_match is None:
        raise NEEDS_VERSION
    about = about_of(body.model_dump())
    with here.hub.database.writing() as db:
        found = person_at(db, here.place, person)
        if if_match.strip('"') != str(found.version):
            raise changed_meanwhile()
        for name, text in about.items():
            setattr(found, name, text)
        found.version += 1
        note(db, "changed a person", here.place, here.account, person=found.ref)
    return JSONResponse(person_json(found), headers={"etag": f'"{found.version}"'})


@ROUTER.get("/people/{person}/keys", summary="A person's keys")
def keys(here: Sees, person: str) -> Listed:
    """Every key, with what each of its doors has confirmed."""
    found = here.db.scalars(select(Key).where(
        Key.person_id == person_at(here.db, here.place, person).id).order_by(Key.id)).all()
    return Listed(items=_keys_json(here.db, found), next=None)


@ROUTER.post("/people/{person}/keys", status_code=201, summary="File a key")
def file_key(here: Gives, person: str, body: KeyIn) -> JSONResponse:
    """File a chain that was signed for this person. It counts here only as at a lock."""
    wire = wire_of(_bytes(body.wire))
    with here.hub.database.writing() as db:
        whose = person_at(db, here.place, person)
        made = register(db, here.place, whose, wire, made_by=here.account)
        note(db, "filed a key", here.place, here.account, key=made.ref, person=whose.ref)
        return JSONResponse(_keys_json(db, [made])[0], 201)


@ROUTER.post("/people/{person}/pins", status_code=201, summary="Send a PIN to its door")
def file_pin(here: Gives, person: str, body: ItemIn) -> JSONResponse:
    """Send a signed enrolment to its door; its state there is what the lock says of it."""
    item = _item(body)
    with here.hub.database.writing() as db:
        whose = person_at(db, here.place, person)
        made = register_pin(db, here.place, whose, item, made_by=here.account)
        note(db, "filed a PIN", here.place, here.account, key=made.ref, person=whose.ref)
        answer = JSONResponse(_keys_json(db, [made])[0], 201)
    here.hub.nudge(door.lock_id for door in here.place.doors)
    return answer


@ROUTER.post("/taken-back", summary="Take keys back")
def taken_back(here: TakesBack, body: ItemIn) -> Listed:
    """Send a signed revocation to the doors; answers with every key that it ends."""
    item = _item(body)
    with here.hub.database.writing() as db:
        ended = take_back(db, here.place, item)
        note(db, "took keys back", here.place, here.account, keys=[key.ref for key in ended])
        answer = Listed(items=_keys_json(db, ended), next=None)
    here.hub.nudge(door.lock_id for door in here.place.doors)
    return answer


@ROUTER.post("/visits", status_code=201, summary="Invite a visitor")
def invite_visitor(request: Request, here: Gives, body: VisitIn, key: IdempotencyKey = None,
           ) -> JSONResponse:
    """Issue a key within the hub's own link. `link` and `pin` are secrets, and said only here."""
    def act(db: Session) -> tuple[int, dict[str, Any]]:
        doors = read_doors({"doors": body.doors}, here.place.doors)
        person = person_or_new(db, here.place, body.person, body.name, "Guest")
        guest, link, issued = host(db, here.hub, here.place, person, Stay(
            doors, body.starts, body.ends, pin=body.pin), by=here.account,
            welcome=body.welcome, help_=body.help)
        keys = [*filter(None, [issued.key]), *issued.pins]
        return 201, {"ref": guest.ref, "person": person.ref, "link": link,
                     "pin": issued.digits or None, "keys": _keys_json(db, keys)}
    answer = once(here, request, body, key, act)
    here.hub.nudge(door.lock_id for door in here.place.doors)
    return answer


@ROUTER.delete("/visits/{visit}", summary="Take a visit back")
def end_a_visit(here: TakesBack, visit: str) -> Listed:
    """End it at its doors; answers with every key that this ends, none if they had ended."""
    with here.hub.database.writing() as db:
        guest = guest_at(db, here.place, visit)
        answer = Listed(items=_keys_json(db, end_visit(
            db, here.hub, here.place, guest, here.account)), next=None)
    here.hub.nudge(door.lock_id for door in here.place.doors)
    return answer


def _keys_json(db: Session, keys: Sequence[Key]) -> list[dict[str, Any]]:
    stands = standings(db, keys, now())
    return [key_json(key, stands[key.id]) for key in keys]


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Malformed("Z3", "that is not hexadecimal") from error


def _item(body: ItemIn) -> list[cbor.Value]:
    item = cbor.decode(_bytes(body.item))
    if not isinstance(item, list):
        raise Malformed("A6", "bundle: an item is a list")
    return item
