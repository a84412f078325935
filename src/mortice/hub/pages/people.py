"""People: who can open what, and one person with everything that they hold.

Changing a name changes nothing at any door. What somebody can open changes by a signed document
only: a new key, or one that was taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select

from mortice.core.grant import KeyClass
from mortice.hub.access import Here, To, may
from mortice.hub.acts import note
from mortice.hub.comings import eyes_of, lines
from mortice.hub.giving import opens
from mortice.hub.holders import WHAT
from mortice.hub.keys import CLAIM, PIN, alive, links_of
from mortice.hub.pages.give import Posted
from mortice.hub.people import FREE, about_of, person_at
from mortice.hub.problems import Problem, changed_meanwhile
from mortice.hub.saying import Sentence, main_act, sentence
from mortice.hub.standing import Standing, next_time, standings
from mortice.hub.stays import guest_rows
from mortice.hub.tables import Door, Key, Log, LogEntry, Person, now
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/people", include_in_schema=False)
Sees = Annotated[Here, Depends(may(To.SEE_PEOPLE))]
Changes = Annotated[Here, Depends(may(To.CHANGE_PEOPLE))]
HISTORY = 30  # entries


@dataclass(frozen=True, slots=True)
class Shown:
    """A key as a person's page shows it."""

    key: Key
    way: str
    said: Sentence
    at_doors: list[Standing]
    live: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A person in the list."""

    person: Person
    doors: list[str]
    last: int | None
    next: int | None
    act: str  # what they can do then: open, or only lock
    waits: int  # for how many doors: they have not taken a PIN, or not heard of a taking back


@ROUTER.get("")
def people(request: Request, here: Sees) -> Response:
    """Everybody, with what they can open, and when they last and next do."""
    return _list(request, here)


@ROUTER.post("")
def add(request: Request, here: Changes, form: Posted) -> Response:
    """Add somebody, who then holds nothing yet."""
    try:
        about = about_of(form)
    except Problem as problem:
        return _list(request, here, form, problem.fields)
    with here.hub.database.writing() as db:
        made = Person(place_id=here.place.id, **about)
        db.add(made)
        db.flush()
        note(db, "added a person", here.place, here.account, person=made.ref)
    return go(_path(here, made))


@ROUTER.get("/{person}")
def one(request: Request, here: Sees, person: str) -> Response:
    """One person: keys and how each stands at its doors, what happened, what is held."""
    return _one(request, here, person_at(here.db, here.place, person))


@ROUTER.post("/{person}")
def change(request: Request, here: Changes, person: str, form: Posted) -> Response:
    """Change what is written of somebody, unless somebody else did in the meantime."""
    found = person_at(here.db, here.place, person)
    try:
        about = about_of(form)
    except Problem as problem:
        return _one(request, here, found, form, problem.fields)
    with here.hub.database.writing() as db:
        row = db.get_one(Person, found.id, with_for_update=True)
        if str(row.version) != form.get("version"):
            raise changed_meanwhile()
        for name, text in about.items():
            setattr(row, name, text)
        row.version += 1
        note(db, "changed a person", here.place, here.account, person=row.ref)
    return go(_path(here, found))


# --- what pages show ------------------------------------------------------------------------------


def _list(request: Request, here: Here, form: dict[str, Any] | None = None,
          errors: dict[str, str] | None = None) -> Response:
    found = here.db.scalars(select(Person).where(
        Person.place_id == here.place.id, Person.erased_at.is_(None)).order_by(Person.name)).all()
    keys = keys_of(here, found)
    stands = standings(here.db, keys, now())
    rows = [_row(person, [key for key in keys if key.person_id == person.id], stands)
            for person in found]
    return page(request, "people.html", here, status=422 if errors else 200, rows=rows,
                form=form or {}, errors=errors or {})


def _row(person: Person, keys: list[Key], stands: dict[int, list[Standing]]) -> Row:
    live, at = [key for key in keys if alive(key, now())], now()
    every = [each for key in keys for each in stands[key.id]]
    doors = {each.door.label: None for key in live for each in stands[key.id]}
    used = [each.used_at for each in every if each.used_at]
    coming = [(found, act) for key in live for each in stands[key.id][:1]
              if (act := main_act(opens(links_of(key)[-1]).use))
              and (found := next_time(links_of(key), each.door, at)) is not None]
    soonest, act = min(coming, key=lambda each: (each[0], each[1] != "open"), default=(None, ""))
    waits = sum(each.word != "a link" and each.tone in {"brass", "bad"} for each in every)
    return Row(person, [*doors], max(used, default=None), soonest, act, waits)


def _one(request: Request, here: Here, person: Person, form: dict[str, Any] | None = None,
         errors: dict[str, str] | None = None) -> Response:
    keys, at = keys_of(here, [person]), now()
    claimed = {key.parent_id for key in keys}  # a link and the key that was made of it are one
    stands = standings(here.db, keys, at)
    shown = [Shown(key, way_of(key), sentence(
        person.name, opens(links_of(key)[-1]), here.place.doors, at), stands[key.id],
        alive(key, at)) for key in keys if key.what != CLAIM or key.id not in claimed]
    about = form or {name: getattr(person, name) for name in ("name", *FREE)}
    return page(
        request, "person.html", here, status=422 if errors else 200, person=person, about=about,
        errors=errors or {}, live=[each for each in shown if each.live],
        over=[each for each in shown if not each.live], history=_history(here, keys),
        rows=guest_rows(here.db, person))


def way_of(key: Key) -> str:
    """What a key is, for people."""
    words = {PIN: "A PIN at the keypad", CLAIM: "A link that is still to be opened"}
    return words.get(key.what) or f"A {WHAT[KeyClass(key.klass)]}"


def keys_of(here: Here, people: Sequence[Person]) -> Sequence[Key]:
    """Every key of theirs, the newest first."""
    return here.db.scalars(select(Key).where(
        Key.person_id.in_([person.id for person in people])).order_by(Key.id.desc())).all()


def _history(here: Here, keys: Sequence[Key]) -> list[Any]:
    eyes = eyes_of(here)
    rows = here.db.execute(select(LogEntry, Door).join(Log, Log.id == LogEntry.log_id).join(
        Door, Door.id == Log.door_id).where(
            LogEntry.leaf.in_([key.leaf for key in keys]), eyes.allow(LogEntry)).order_by(
                LogEntry.at.desc(), LogEntry.number.desc()).limit(HISTORY))
    return lines(here, [(entry, door) for entry, door in rows])


def _path(here: Here, person: Person) -> str:
    return f"/p/{here.place.ref}/people/{person.ref}"
