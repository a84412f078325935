"""Notices of entry: that somebody comes in at a tenant's door, and what its log says of that.

A notice is an act (acts.py), so nothing of it ever changes; that it was called off is another. Of
its window, which is never before it was given, whoever gave it sees what the named person's keys
did, and nothing that a tenant did or gave others the key for: who lives behind a door, or ever
did, cannot be looked after by a notice.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select

from mortice.hub.access import RUNS, Here, To, may
from mortice.hub.acts import note
from mortice.hub.comings import Eyes, Line, door_of, eyes_of, lines
from mortice.hub.doors import is_lost, number_in
from mortice.hub.living import leaves_of_visitor, living_behind
from mortice.hub.pages.give import Posted
from mortice.hub.people import person_at
from mortice.hub.privacy import DAY, KINDS, days_of
from mortice.hub.problems import Problem, not_found, wrong
from mortice.hub.tables import Act, Door, Log, LogEntry, Person, new_ref, now
from mortice.hub.wanted import plain_name, read_times
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}", include_in_schema=False)
Sees = Annotated[Here, Depends(may(To.SEE_DOORS))]
Gives = Annotated[Here, Depends(may(To.GIVE_NOTICE))]
GAVE, OFF = "gave notice of entry", "called off a notice of entry"
OVER = "A notice cannot begin before it is given. Choose a later time."
LATE = "That is less than 24 hours ahead. Choose a later time, or write why it cannot wait."


class Notice(NamedTuple):
    """One that was given; `about` is what stands in it, as `_read` makes it."""

    door: Door
    at: int
    off_at: int | None
    about: dict[str, Any]


def notices(here: Here, eyes: Eyes) -> list[Notice]:
    """Those that they may see, newest first: who runs the place, and who lives behind the door."""
    acts = here.db.scalars(select(Act).where(
        Act.place_id == here.place.id, Act.what.in_((GAVE, OFF))).order_by(Act.id.desc())).all()
    off = {act.about["notice"]: act.at for act in acts if act.what == OFF}
    since = {door.ref: (door, 0 if here.role in RUNS else eyes.lives[door.id])
             for door in here.place.doors if here.role in RUNS or eyes.see_comings(door)}
    found = [(*since[act.about["door"]], act) for act in acts
             if act.what == GAVE and act.about["door"] in since]
    return [Notice(door, act.at, off.get(act.about["notice"]), act.about)
            for door, lives, act in found if act.about["ends"] >= lives]


def _room(here: Here, eyes: Eyes, ref: str) -> Door:
    found = door_of(here, eyes, ref)
    if not found.private:
        raise Problem(409, "not-private", f"{found.label} is no tenant's own door",
                      "Notices of entry are for private doors. Settings say which doors are.")
    return found


@ROUTER.get("/doors/{door}/notices")
def of_door(request: Request, here: Sees, door: str) -> Response:
    """Those of one door, and a form for another."""
    return _form(request, here, door, {}, {})


def _form(request: Request, here: Here, door: str, form: dict[str, Any], errors: dict[str, str],
          ) -> Response:
    eyes = eyes_of(here)
    found = _room(here, eyes, door)
    people = here.db.execute(select(Person.ref, Person.name).where(
        Person.place_id == here.place.id, Person.erased_at.is_(None)).order_by(Person.name))
    return page(
        request, "notices.html", here, status=422 if errors else 200, door=found, form=form,
        errors=errors, people=people.all() if here.may(To.GIVE_NOTICE) else None,
        notices=[each for each in notices(here, eyes) if each.door is found])


@ROUTER.post("/doors/{door}/notices")
def give(request: Request, here: Gives, door: str, form: Posted) -> Response:
    """Write a notice down."""
    found = _room(here, eyes_of(here), door)
    try:
        about = _read(here, found, form, now())
    except Problem as problem:
        if not problem.fields:
            raise
        return _form(request, here, door, form, problem.fields)
    with here.hub.database.writing() as db:
        note(db, GAVE, here.place, here.account, **about)
    here.hub.live.tell(here.place.id)
    return go(f"/p/{here.place.ref}/notices/{about['notice']}")


def _read(here: Here, door: Door, form: dict[str, Any], at: int) -> dict[str, Any]:
    person = person_at(here.db, here.place, str(form.get("person", "")))
    told = living_behind(here, door, at)
    if person.name in told:
        raise wrong({"person": f"{person.name} lives there, and needs no notice."})
    why = plain_name(str(form.get("why", "")), "why", "Write why somebody comes.")
    times = read_times({**form, "when": "visit", "once": ""}, [door], at)
    starts = times.nbf or 0
    if starts < at:
        raise wrong({"from": OVER})
    urgent = "" if starts >= at + DAY else plain_name(
        str(form.get("urgent", "")), "urgent", LATE)
    return {"notice": new_ref(), "door": door.ref, "person": person.ref, "who": person.name,
            "why": why, "urgent": urgent, "starts": starts, "ends": times.exp,
            "by": here.account.name, "told": told}


def _one(here: Here, ref: str) -> Notice:
    for each in notices(here, eyes_of(here)):
        if each.about["notice"] == ref:
            return each
    raise not_found("notice")


@ROUTER.get("/notices/{notice}")
def one(request: Request, here: Sees, notice: str) -> Response:
    """A notice, and what the door's log says of it so far; good in print."""
    found, at = _one(here, notice), now()
    about, door = found.about, found.door
    log = here.db.scalar(select(Log).where(Log.door_id == door.id, Log.ended_at.is_(None)))
    person = here.db.scalar(select(Person).where(
        Person.ref == about["person"], Person.erased_at.is_(None)))
    heard = (door.heard_at or 0) if is_lost(door, at) else at
    told = number_in(door.status, "entries")
    behind = log is None or heard < min(at, about["ends"]) or told is None or told > log.size
    return page(
        request, "notice.html", here, notice=found, about=about, door=door, log=log, behind=behind,
        came=_came(here, found, person, log), at=at, person=person,
        gives=here.may(To.GIVE_NOTICE),
        kept=about["starts"] > at - DAY * days_of(here.place, KINDS[0]))


def _came(here: Here, notice: Notice, person: Person | None, log: Log | None) -> list[Line]:
    if log is None or person is None:
        return []
    rows = here.db.scalars(select(LogEntry).where(
        LogEntry.log_id == log.id, LogEntry.at >= max(notice.about["starts"], notice.at),
        LogEntry.at < notice.about["ends"],
        LogEntry.leaf.in_(leaves_of_visitor(here.db, notice.door, person)))
        .order_by(LogEntry.number))
    return lines(here, [(row, notice.door) for row in rows])


@ROUTER.post("/notices/{notice}/off")
def call_off(here: Gives, notice: str) -> Response:
    """Write down that nobody comes after all."""
    found = _one(here, notice)
    if found.off_at is None and found.about["ends"] > now():
        with here.hub.database.writing() as db:
            note(db, OFF, here.place, here.account, notice=notice, door=found.door.ref)
    return go(f"/p/{here.place.ref}/notices/{notice}")
