"""Who lives behind a private door: whoever has a key of it at all hours, and for long.

A cleaner, an engineer and a guest have keys of a tenant's room too, and must not read in its log
when the tenant comes and goes. So only a key without hours or a number of uses, which the hub did
not issue, and which has no end or lasts four weeks, makes somebody one who lives there.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from mortice.core.errors import Theirs
from mortice.core.grant import Rights
from mortice.hub.access import READS, Here
from mortice.hub.keys import CLAIM, links_of
from mortice.hub.tables import GONE, REFUSED, Door, DoorKey, Key, Membership, Person

LONG_SECONDS = 28 * 86_400


def in_force(at: int) -> ColumnElement[bool]:
    """The condition under which a key at a door, joined with it, counts at Unix second `at`."""
    return (Key.taken_back_at.is_(None) & DoorKey.state.not_in((GONE, REFUSED))
            & or_(Key.starts_at.is_(None), Key.starts_at <= at)
            & or_(Key.ends_at.is_(None), Key.ends_at > at))


def since(key: Key) -> int:
    """When a key began: who gives one to themselves may let it start long ago."""
    return max(key.starts_at or 0, key.made_at)


def is_for_living(key: Key) -> bool:
    """Is it a key of somebody who lives behind its doors? One that cannot be read is not."""
    lasts = key.ends_at is None or key.ends_at - since(key) >= LONG_SECONDS
    if not lasts or key.by_hub or key.what == CLAIM:
        return False
    try:
        links = links_of(key)
    except Theirs:
        return False
    return bool(links[-1].use & Rights.UNLOCK) and all(
        link.hours is None and link.uses is None for link in links)


def living_behind(here: Here, door: Door, at: int) -> list[str]:
    """The names of those who live behind a private door, each once.

    Who runs or audits the place is not among them: they see nothing of a private door's comings,
    whatever key they have.
    """
    rows = here.db.execute(
        select(Key, Person.name, Person.id).join(DoorKey, DoorKey.key_id == Key.id)
        .join(Person, Person.id == Key.person_id).where(
            DoorKey.door_id == door.id, in_force(at), Person.id.not_in(_readers(door)))
        .order_by(Person.name, Person.id))
    found = {person: name for key, name, person in rows if is_for_living(key)}
    return ["you" if person == here.person_id else name for person, name in found.items()]


def leaves_of_visitor(db: Session, door: Door, person: Person) -> set[bytes]:
    """What an entry at a door names somebody's keys by, if they only come there.

    Not of whoever lives there or ever did, and not of a key that one of those passed on, by
    whichever key of theirs: a browser passes on from one that opens nothing itself.
    """
    keys = db.scalars(select(Key).join(DoorKey).where(DoorKey.door_id == door.id)).all()
    readers = set(db.scalars(_readers(door)))
    lived = {key.person_id for key in keys if key.person_id not in readers and is_for_living(key)}
    theirs = {key.leaf for key in keys if key.person_id in lived}
    if person.id in lived:
        return set()
    return {key.leaf for key in keys if key.person_id == person.id
            and theirs.isdisjoint(link.id for link in links_of(key))}


def _readers(door: Door) -> Select[int | None]:
    return select(Membership.person_id).where(
        Membership.place_id == door.place_id, Membership.role.in_(READS),
        Membership.person_id.is_not(None))
