"""How strong a door is today, and what of that is otherwise than on the last day that was kept.

Each hour the hub keeps today's levels, facts and gate of every door, without names; so the last of
a day is what it was when the day ended, and what changes today is told today.

Spec: spec/assess.md, rule B49.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from mortice.assess.assessment import Assessment
from mortice.assess.model import CONTEXTS, model
from mortice.hub.database import Database
from mortice.hub.strength import strength_of
from mortice.hub.tables import Door, Posture

LOG = logging.getLogger(__name__)
KEPT_DAYS, SHOWN_DAYS = 400, 14
LIFE = "life"

Levels = list[tuple[str, int, int]]
Facts = list[tuple[str, Any, Any]]


class Change(NamedTuple):
    """What was otherwise on `day` than on `before`: each as name, what was, what is.

    The gate has LIFE in words of the verdict, and each use of the door, as true or none.
    """

    day: date
    before: date
    levels: Levels
    facts: Facts
    gate: Facts


def judged(db: Session, door: Door) -> Assessment:
    """A door today, by what its owner said and what this hub shows."""
    return strength_of(db, door).made


def seen(made: Assessment) -> dict[str, Any]:
    """What is kept of a day (Posture.seen)."""
    levels = {layer: bounds.level for layer, bounds in made.verdict.layers.items()}
    return {"levels": {"": made.verdict.level} | levels,
            "facts": {fact: said for fact, said in made.facts.items() if said is not None},
            "gate": {LIFE: made.verdict.life.value} | dict.fromkeys(sorted(made.door.used), True)}


def keep_today(database: Database) -> None:
    """Keep how every door is now as its look of today; what is older than KEPT_DAYS goes."""
    with database.reading() as db:
        doors = db.scalars(select(Door.id)).all()
    for number in doors:
        try:
            _keep_one(database, number)
        except Exception:  # one door is no reason to keep nothing of the others
            LOG.exception("no posture was kept of door %s", number)


def _keep_one(database: Database, number: int) -> None:
    with database.writing() as db:
        if (door := db.get(Door, number)) is not None:
            made = judged(db, door)
            keep(db, door, made.day, seen(made))


def keep(db: Session, door: Door, day: date, look: dict[str, Any]) -> None:
    """Keep a look at a door as that of `day`."""
    db.merge(Posture(door_id=door.id, day=day.toordinal(), seen=look))
    db.execute(delete(Posture).where(
        Posture.door_id == door.id, Posture.day < day.toordinal() - KEPT_DAYS))


def changes(db: Session, door: Door, made: Assessment) -> list[Change] | None:
    """What changed from day to day lately, newest first. None: no earlier day was kept."""
    today = made.day.toordinal()
    earlier = (Posture.door_id == door.id, Posture.day < today)
    rows = db.execute(select(Posture.day, Posture.seen).where(*earlier, or_(
        Posture.day >= today - SHOWN_DAYS,
        Posture.day == select(func.max(Posture.day)).where(*earlier).scalar_subquery(),
    )).order_by(Posture.day.desc())).all()
    found = [Change(
        date.fromordinal(day), date.fromordinal(before),
        _other(was["levels"], is_["levels"], ("", *made.verdict.layers)),
        _other(was["facts"], is_["facts"], model().facts),
        _other(was.get("gate", gate := is_.get("gate", {})), gate, (LIFE, *CONTEXTS)))
        for (day, is_), (before, was) in pairwise([(today, seen(made)), *rows])]
    return [each for each in found if each.levels or each.facts or each.gate] if rows else None


def _other(
    was: dict[str, Any], is_: dict[str, Any], known: Iterable[str]) -> list[tuple[str, Any, Any]]:
    """What differs, of the names that this release knows."""
    return [(name, was.get(name), is_.get(name)) for name in known
            if was.get(name) != is_.get(name)]
