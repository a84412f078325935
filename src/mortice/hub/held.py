"""What is held of one person, to read and to take away; and who looked at what happened."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from mortice.client.words import say
from mortice.core.grant import KeyClass
from mortice.core.log import read_entry
from mortice.hub.activity import LOOKED
from mortice.hub.copies import iso
from mortice.hub.holders import WHAT
from mortice.hub.ingest import Sort
from mortice.hub.tables import (
    Account,
    Act,
    Door,
    Guest,
    Key,
    KeyRequest,
    Log,
    LogEntry,
    Membership,
    Person,
    Place,
    now,
)

WRITTEN = ("name", "what", "email", "phone", "note")


def held(db: Session, person: Person, *, by_themselves: bool) -> dict[str, Any]:
    """All that is held of somebody. Others are not named in it.

    What happened at a tenant's own room is in it only if the tenant asks.
    """
    return {
        "format": "mortice-held/1", "made": iso(now()),
        "person": {name: getattr(person, name) for name in WRITTEN}
        | {"since": iso(person.made_at)},
        "keys": [_key(key) for key in person.keys],
        "links": [{"made": iso(guest.made_at), "welcome": guest.welcome, "help": guest.help,
                   "closed": guest.closed_at and iso(guest.closed_at)}
                  for guest in db.scalars(select(Guest).where(Guest.person_id == person.id))],
        "browsers": [{"asked": iso(one.made_at), "browser": one.agent}
                     for one in db.scalars(
                         select(KeyRequest).where(KeyRequest.person_id == person.id))],
        "sign_in": _account(db, person),
        "entries": _comings(db, person, by_themselves=by_themselves)}


def _key(key: Key) -> dict[str, Any]:
    return {
        "what": key.what, "label": key.label, "made": iso(key.made_at),
        "starts": key.starts_at and iso(key.starts_at), "ends": key.ends_at and iso(key.ends_at),
        "taken_back": key.taken_back_at and iso(key.taken_back_at),
        "doors": [{"door": each.door.label, "state": each.state} for each in key.doors]}


def _account(db: Session, person: Person) -> list[dict[str, Any]]:
    rows = db.execute(select(Account, Membership.role).join(
        Membership, Membership.account_id == Account.id).where(Membership.person_id == person.id))
    return [{"name": account.name, "email": account.email, "role": role} for account, role in rows]


def _comings(db: Session, person: Person, *, by_themselves: bool) -> list[dict[str, Any]]:
    leaves = {key.leaf: person.name for key in person.keys}
    ways = {key.leaf: WHAT[KeyClass(key.klass)] for key in person.keys}
    shown = select(LogEntry, Log.label).join(Log, Log.id == LogEntry.log_id).outerjoin(
        Door, Door.id == Log.door_id).where(LogEntry.leaf.in_(leaves))
    if not by_themselves:
        private = func.coalesce(Door.private, Log.private)
        shown = shown.where(or_(private.is_(False), LogEntry.sort == int(Sort.SAFETY)))
    entries = []
    for row, door in db.execute(shown.order_by(LogEntry.at.desc())):
        said = say(read_entry(row.body), leaves, ways)
        entries.append({"at": iso(row.at), "door": door, "entry": row.number, "word": said.word,
                        "sentence": said.sentence})
    return entries


def looks(db: Session, place: Place, most: int = 50) -> list[tuple[Act, str | None]]:
    """Who looked at what happened here, or took a copy of it, newest first."""
    rows = db.execute(
        select(Act, Account.name).outerjoin(Account, Account.id == Act.account_id).where(
            Act.place_id == place.id, or_(Act.what == LOOKED, Act.what.like("took a copy%")))
        .order_by(Act.id.desc()).limit(most))
    return [(act, name) for act, name in rows]
