"""What is written of people: names and how to reach them. It changes nothing at any door."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.core.limits import TEXT_CHARS
from mortice.hub.problems import not_found, wrong
from mortice.hub.tables import Person, Place
from mortice.hub.wanted import plain_name

FREE = ("what", "email", "phone", "note")  # what may be left empty
MOST = {"note": 2000}  # characters; the rest have what a label has


def person_at(db: Session, place: Place, ref: str) -> Person:
    """Somebody of this place. Raises Problem."""
    found = db.scalar(select(Person).where(
        Person.place_id == place.id, Person.ref == ref, Person.erased_at.is_(None)))
    if found is None:
        raise not_found("person")
    return found


def person_or_new(db: Session, place: Place, ref: str, name: str, what: str) -> Person:
    """Somebody of this place, or without `ref` somebody new. Raises Problem."""
    if ref:
        return person_at(db, place, ref)
    made = Person(place_id=place.id, name=plain_name(name), what=what)
    db.add(made)
    db.flush()
    return made


def about_of(form: Mapping[str, str]) -> dict[str, str]:
    """What a form or a program says of somebody, checked. Raises Problem."""
    about = {"name": plain_name(form.get("name", ""))}
    for name in FREE:
        text, most = form.get(name, "").strip(), MOST.get(name, TEXT_CHARS)
        if len(text) > most:
            raise wrong({name: f"Write at most {most} letters."})
        about[name] = "".join(each for each in text if each.isprintable() or each == "\n")
    return about
