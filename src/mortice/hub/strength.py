"""How strong a door is by what its owner said of it and what this hub can prove.

Answers are rows that are never changed. The verdict is worked out anew each time; only a report is
kept, as it was signed (assess/report.py).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mortice import __version__
from mortice.assess.assessment import Assessment, as_json, assess
from mortice.assess.doorset import DoorSet, read_table
from mortice.assess.model import model
from mortice.assess.ours import better
from mortice.assess.questions import (
    NOTHING,
    Given,
    Question,
    alone,
    asked,
    door_table,
    evidence,
    questions,
    shared,
)
from mortice.assess.report import KIND, data_version, table_of
from mortice.hub.checked import facts_of as facts_of_check
from mortice.hub.copies import iso, visible
from mortice.hub.posture import facts_of, joined
from mortice.hub.tables import Door, DoorPhoto, DoorSaid, now


class Strength(NamedTuple):
    """A door's verdict of today, with the answers that it rests on."""

    given: dict[str, Given]
    marks: list[dict[str, Any]]
    made: Assessment


def day_of(at: int, door: Door) -> date:
    """The day at that door."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(door.zone)).date()


def given_of(db: Session, door: Door) -> dict[str, Given]:
    """The newest answer to each question."""
    newest = db.execute(select(DoorPhoto.question, func.max(DoorPhoto.made_at)).where(
        DoorPhoto.door_id == door.id).group_by(DoorPhoto.question))
    photos = {question: str(day_of(at, door)) for question, at in newest}
    rows = db.scalars(select(DoorSaid).where(DoorSaid.door_id == door.id).order_by(DoorSaid.id))
    return {row.question: Given(
        row.answer, str(day_of(row.at, door)), row.how, row.note, row.until,
        photos.get(row.question, "")) for row in rows
        if row.question in questions() and row.answer in questions()[row.question].answers}


def said_of(door: Door, given: dict[str, Given]) -> DoorSet:
    """What its owner says of a door."""
    return read_table(door_table(door.label, given, model()), model())


def strength_of(db: Session, door: Door) -> Strength:
    """How strong a door is today, at the door."""
    given, today = given_of(db, door), day_of(now(), door)
    proved = shared(facts_of(db, door, today), given, model())
    found = joined(door, said_of(door, given), proved, today)
    if not alone(given):
        found = replace(found, support=None)  # B25
    found = replace(found, facts=better(
        facts_of_check(db, door), found.facts, found, today))  # B59
    marks = door_table(door.label, given, model())["marks"]
    return Strength(given, marks, assess(model(), found, today))


def left(given: dict[str, Given]) -> list[Question]:
    """What was not answered yet, in order."""
    return [each for each in asked(given) if each.id not in given]


def report_of(db: Session, door: Door) -> dict[str, Any]:
    """What a report says, to be signed (B26)."""
    at, found = now(), strength_of(db, door)
    photos = db.scalars(select(DoorPhoto).where(DoorPhoto.door_id == door.id)
                        .order_by(DoorPhoto.id))
    facts, verdict = table_of(found.made.door, found.marks), as_json(model(), found.made)
    return {
        "format": KIND, "place": visible(door.place.name), "address": visible(door.place.address),
        "door": visible(door.label), "made": iso(at), "day": str(found.made.day),
        "release": __version__, "data": data_version(), "facts": facts,
        "said": {fact: model().facts[fact].say for fact in (
            *facts["facts"], *verdict["gates"])},
        "answers": [_answered(each, found.given[each.id]) for each in asked(found.given)
                    if each.id in found.given],
        "not_looked_at": [each.ask for each in asked(found.given)
                          if found.given.get(each.id, NOTHING).answer == NOTHING.answer],
        "photos": [{"of": questions()[each.question].ask, "sha256": each.sha256,
                    "sent_sha256": each.sent_sha256, "on": str(day_of(each.made_at, door))}
                   for each in photos if each.question in questions()],
        "verdict": verdict}


def _answered(question: Question, one: Given) -> dict[str, str]:
    answer = question.answers[one.answer]
    shows = answer.yes or answer.mark or answer.standard
    return {"ask": question.ask, "answer": answer.say, "on": one.on, "note": one.note,
            "how": evidence(question, one) if shows else ""}
