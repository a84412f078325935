"""How long things are kept, and how somebody is erased.

Logs name keys, never people; names stand in the hub's own tables. So erasing somebody is taking
their rows away: every log stays as its lock signed it and can be checked as before. Old entries go
as a whole, and their hashes stay for the sake of those beside them.

One thing keeps a name: what was signed as it stands, which is a report of how strong a door is and
an installer's own (tables.DoorReport, DoorCheck). Without its words it would be no evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from mortice.core.revocation import REVOKE
from mortice.hub.copies import iso
from mortice.hub.database import Database
from mortice.hub.ingest import Sort
from mortice.hub.keys import alive
from mortice.hub.problems import Problem
from mortice.hub.tables import (
    WAITING,
    Act,
    Answered,
    Bucket,
    Delivery,
    Document,
    Door,
    DoorCheck,
    DoorReport,
    DoorSaid,
    Guest,
    Hold,
    Invitation,
    Key,
    KeyRequest,
    LogEntry,
    Membership,
    Person,
    Place,
    SignIn,
    Spent,
    Staple,
    now,
)
from mortice.hub.tree import keep_leaves

DAY = 86_400
LEAST, MOST = 1, 6 * 365  # days: six years is how long a contract is argued about in England
ERASED = "Somebody erased"
WORDS = frozenset({"by", "email", "reason", "text", "told", "urgent", "who", "why"})  # of an act
ACTS_AT_ONCE = 1000

Ends = Callable[[Session, Place, int], int]  # deletes what is older; how many that were


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table: what is kept, how long, why, and what happens then."""

    name: str
    label: str
    days: int
    why: str
    then: str
    ends: Ends


# --- how long things are kept ---------------------------------------------------------------------


def _entries(*sorts: Sort) -> Ends:
    def ends(db: Session, place: Place, before: int) -> int:
        """Old entries go; first, the hashes are kept that stand for them in the tree."""
        old = (LogEntry.place_id == place.id, LogEntry.sort.in_(sorts), LogEntry.at < before)
        last = db.execute(select(LogEntry.log_id, func.max(LogEntry.number)).where(*old)
                          .group_by(LogEntry.log_id)).all()
        for log, number in last:
            keep_leaves(db.connection(), log, number + 1)
        return _gone(db, LogEntry, *old)
    return ends


def _gone(db: Session, table: Any, *conditions: Any) -> int:  # noqa: ANN401 - a mapped class
    done: Any = db.execute(delete(table).where(*conditions))
    return int(done.rowcount)


def _people(db: Session, place: Place, before: int) -> int:
    """People whose last key ended long ago; somebody without a key from when they were added."""
    count = 0
    for person in db.scalars(select(Person).where(
            Person.place_id == place.id, Person.erased_at.is_(None), Person.made_at < before)):
        ended = [key.taken_back_at or key.ends_at or before for key in person.keys]
        over = all(end < before for end in ended) and not _signs_in(db, person)
        if over and why_not(db, person) is None:
            erase(db, person)
            count += 1
    return count


def _signs_in(db: Session, person: Person) -> bool:
    return db.scalar(select(Membership.id).where(Membership.person_id == person.id)) is not None


def _links(db: Session, place: Place, before: int) -> int:
    return _gone(db, Guest, Guest.place_id == place.id, Guest.closed_at < before)


def _acts(db: Session, place: Place, before: int) -> int:
    return _gone(db, Act, Act.place_id == place.id, Act.at < before)


def _said(db: Session, place: Place, before: int) -> int:
    """Old reports, and old answers that were given anew since; what stands now stays."""
    doors = select(Door.id).where(Door.place_id == place.id)
    newest = select(func.max(DoorSaid.id)).group_by(DoorSaid.door_id, DoorSaid.question)
    last = select(func.max(DoorCheck.id)).group_by(DoorCheck.door_id)
    return _gone(db, DoorReport, DoorReport.door_id.in_(doors), DoorReport.made_at < before) + (
        _gone(db, DoorCheck, DoorCheck.door_id.in_(doors), DoorCheck.made_at < before,
              DoorCheck.id.not_in(last))) + (
        _gone(db, DoorSaid, DoorSaid.door_id.in_(doors), DoorSaid.at < before,
              DoorSaid.id.not_in(newest)))


KINDS = (
    Kind("comings", "Who came and went, and who was refused", 365,
         "to answer what happened, and to see a misuse that was noticed late",
         "the entries are deleted; hashes stay, so that the rest can still be checked",
         _entries(Sort.OPENINGS, Sort.REFUSED)),
    Kind("safety", "Alarms, jams and resets", 365, "an insurer or the police may ask",
         "as above", _entries(Sort.SAFETY)),
    Kind("changes", "What became of keys, settings and the lock itself", 730,
         "to show who could open what", "as above",
         _entries(Sort.KEYS, Sort.DEVICES, Sort.SETTINGS)),
    Kind("people", "Names and contacts of people without a key", 90,
         "to give a key again, and to answer questions about the last one",
         "they are erased: name, contacts, notes and links to their keys", _people),
    Kind("links", "Links that guests were sent, once closed", 30, "to see that they were closed",
         "they are deleted", _links),
    Kind("strength", "Reports of how strong a door is, and answers given anew since", 2190,
         "to show an insurer what was known on a day", "they are deleted; newest answers, trials "
         "and an installer's check stay with their door, as photos do", _said),
    Kind("acts", "What was done and looked at here, with notices of entry", 365,
         "to see who looked at whose comings, and that notice was given",
         "it is deleted", _acts),
)


def days_of(place: Place, kind: Kind) -> int:
    """How long this place keeps it."""
    return int(place.retention.get(kind.name, kind.days))


def on_hold(db: Session, place: Place, at: int) -> Hold | None:
    """What keeps everything from being deleted, if something does."""
    return db.scalar(select(Hold).where(Hold.place_id == place.id, Hold.ends_at > at)
                     .order_by(Hold.ends_at.desc()).limit(1))


def tidy(database: Database, at: int) -> dict[str, int]:
    """Once a day: delete what has been kept long enough. How many of each kind that were."""
    done = dict.fromkeys((kind.name for kind in KINDS), 0)
    with database.reading() as db:
        places = db.scalars(select(Place.id)).all()
    for place_id in places:
        for kind in KINDS:
            with database.writing() as db:
                place = db.get(Place, place_id)
                if place is not None and on_hold(db, place, at) is None:
                    done[kind.name] += kind.ends(db, place, at - days_of(place, kind) * DAY)
    with database.writing() as db:
        _passing(db, at)
    return done


def _passing(db: Session, at: int) -> None:
    """What has an end of its own."""
    for table, condition in (
            (SignIn, SignIn.ends_at < at), (Spent, Spent.ends_at < at),
            (Invitation, Invitation.ends_at < at - 30 * DAY), (Bucket, Bucket.at < at - DAY),
            (Answered, Answered.at < at - DAY),
            (KeyRequest, KeyRequest.forgotten_at < at - 30 * DAY)):
        _gone(db, table, condition)


# --- erasing --------------------------------------------------------------------------------------


def why_not(db: Session, person: Person) -> Problem | None:
    """What stands against erasing somebody now."""
    place, at = db.get_one(Place, person.place_id), now()
    hold = on_hold(db, place, at)
    if hold is not None:
        return Problem(409, "on-hold", "Nothing may be deleted here for now",
                       f"A hold lasts until {iso(hold.ends_at)}: {hold.reason}")
    if any(alive(key, at) for key in person.keys):
        return Problem(409, "has-keys", f"{person.name} holds a key", "Take it back first.")
    door = db.scalar(
        select(Door.label).join(Delivery, Delivery.door_id == Door.id).join(Document).where(
            Document.about_key_id.in_([key.id for key in person.keys]),
            Delivery.state == WAITING).limit(1))
    return None if door is None else Problem(
        409, "door-waits", f"{door} has not heard yet that a key of theirs was taken back",
        "Erase them once it has: until then the hub must remember the key.")


def erase(db: Session, person: Person) -> None:
    """Take away everything that says who somebody is. Raises Problem if that may not be yet."""
    problem = why_not(db, person)
    if problem is not None:
        raise problem
    said = [text for text in (person.name, person.email, person.phone) if re.search(r"\w", text)]
    ids = [key.id for key in person.keys]
    for table, condition in (
            (Guest, Guest.person_id == person.id), (KeyRequest, KeyRequest.person_id == person.id),
            (Staple, Staple.leaf.in_([key.leaf for key in person.keys])),
            (Document, Document.about_key_id.in_(ids) & (Document.kind != REVOKE)),
            (Membership, (Membership.person_id == person.id) & (Membership.role == "member"))):
        _gone(db, table, condition)
    db.execute(update(Document).where(Document.about_key_id.in_(ids)).values(about_key_id=None))
    db.execute(update(Key).where(Key.parent_id.in_(ids)).values(parent_id=None))
    _gone(db, Key, Key.id.in_(ids))
    db.execute(update(Membership).where(Membership.person_id == person.id).values(person_id=None))
    db.execute(update(Person).where(Person.id == person.id).values(
        name=ERASED, what="", email="", phone="", note="", erased_at=now()))
    _scrub(db, person.place_id, said)


def _scrub(db: Session, place_id: int, said: Iterable[str]) -> None:
    """Notes of what was done here may name somebody, in the fields that hold words."""
    names = sorted((_parts(text.strip())[1] for text in said), key=len, reverse=True)
    for act in db.scalars(select(Act).where(Act.place_id == place_id).execution_options(
            yield_per=ACTS_AT_ONCE)):
        about = {field: _without(value, names) if field in WORDS else value
                 for field, value in act.about.items()}
        if about != act.about:
            act.about = about
    for each in db.scalars(select(DoorSaid).join(Door).where(Door.place_id == place_id)):
        each.note = str(_without(each.note, names))


def _without(value: Any, names: list[list[str]]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_without(each, names) for each in value]
    parts, folded = _parts(str(value))
    for name in names:
        for i in reversed(range(len(parts))):
            if folded[i:i + len(name)] == name:
                parts[i:i + len(name)] = folded[i:i + len(name)] = [ERASED]
    return "".join(parts)


def _parts(text: str) -> tuple[list[str], list[str]]:
    """A text's words and what stands between them; and the same without regard to case."""
    parts = re.findall(r"\w+|\W", text)
    return parts, [part.casefold() for part in parts]
