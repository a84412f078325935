"""Who can open a door now, and who can later, as far as its lock has confirmed it.

A key that was taken back stays under *now* until the door has learnt it: that is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mortice.core.errors import Theirs
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.schedule import admits
from mortice.hub.access import Here, To
from mortice.hub.keys import CLAIM, PIN, links_of
from mortice.hub.tables import GONE, ON_DOOR, REFUSED, Door, DoorKey, Key, Person, Place
from mortice.hub.web import when

WHAT = {
    KeyClass.DEVICE: "key on a device", KeyClass.WEB: "key in a browser", KeyClass.FILE: "key file",
    KeyClass.BRIDGE: "key of a program"}


@dataclass(frozen=True, slots=True)
class Holder:
    """A key at this door: whose, what it is, and what there is to say of it."""

    name: str
    what: str
    note: str
    tone: str
    opens: bool  # now, as far as anybody here knows


def ways(db: Session, place: Place) -> dict[bytes, str]:
    """What each key of a place is, by its leaf's id."""
    rows = db.execute(select(Key.leaf, Key.klass).where(Key.place_id == place.id))
    return {leaf: WHAT[KeyClass(klass)] for leaf, klass in rows}


def holders(here: Here, door: Door, at: int) -> list[Holder]:
    """Every key that opens this door at `at` or will, by name. Members are told of their own.

    A key that may only look or lock is not among them.
    """
    found = select(Key, DoorKey, Person.name).join(DoorKey, DoorKey.key_id == Key.id).join(
        Person, Person.id == Key.person_id).where(
            DoorKey.door_id == door.id, DoorKey.state != GONE,
            or_(Key.ends_at.is_(None), Key.ends_at > at))
    if not here.may(To.SEE_PEOPLE):
        found = found.where(Key.person_id == here.person_id)
    return [_holder(key, stands, name, door, at)
            for key, stands, name in here.db.execute(found.order_by(Person.name, Key.id))
            if may_open(key)]


def may_open(key: Key) -> bool:
    """Does it give the right to open? One that cannot be read is shown, and said to be so."""
    try:
        return key.what == PIN or bool(links_of(key)[-1].use & Rights.UNLOCK)
    except Theirs:
        return True


def _holder(key: Key, stands: DoorKey, name: str, door: Door, at: int) -> Holder:
    what = "PIN" if key.what == PIN else WHAT.get(KeyClass(key.klass), "key")
    if key.taken_back_at is not None:
        return Holder(name, what, "taken back, but this door has not learnt it yet", "bad",
                      opens=True)
    waits = _waits(key, stands, door, at)
    if waits:
        return Holder(name, what, *waits, opens=False)
    ends = f"until {when(key.ends_at, door.zone)}" if key.ends_at is not None else "no end"
    return Holder(name, what, ends, "", opens=True)


def _waits(key: Key, stands: DoorKey, door: Door, at: int) -> tuple[str, str] | None:
    """Why it does not open now, and the tone of that."""
    if stands.state == REFUSED:
        return "the door refused it", "bad"
    if key.what == CLAIM:
        return "the link was not claimed yet", ""
    if key.starts_at is not None and key.starts_at > at:
        return f"from {when(key.starts_at, door.zone)}", ""
    if key.what == PIN and stands.state != ON_DOOR:
        return "on its way to the door", "brass"
    try:
        links = links_of(key)
    except Theirs:
        return "this hub cannot read its chain", "bad"
    return None if all(_open_at(link, door, at) for link in links) else (
        "outside its hours now", "")


def _open_at(link: Grant, door: Door, at: int) -> bool:
    alive = (link.nbf is None or link.nbf <= at) and (link.exp is None or at < link.exp)
    return alive and (link.hours is None or admits(link.hours, at, ZoneInfo(door.zone)))
