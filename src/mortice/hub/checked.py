"""An installer's report at a hub: taken for a door whose own log names it, and for no other.

The log says that somebody checked the door, when, and with how many failures. What they found is in
a report that stays with people; whoever has it may give it to the hub, and its facts then count.
Only the newest check counts: what an older one found may have changed since.

Spec: spec/assess.md, section 11 (B59), and spec/checked.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.assess.checklist import Report, read_kept
from mortice.assess.doorset import Shown
from mortice.assess.text import MOST_BYTES, BadFile
from mortice.client.words import checked_by
from mortice.core.document import id_of
from mortice.core.errors import Theirs
from mortice.core.log import About, Entry, Kind, read_entry
from mortice.hub.access import Here
from mortice.hub.comings import eyes_of, named_in
from mortice.hub.ingest import Sort
from mortice.hub.problems import wrong
from mortice.hub.tables import Door, DoorCheck, Log, LogEntry
from mortice.hub.web import moment


class Last(NamedTuple):
    """The newest check of a door, by its log; and its report, if somebody gave it to this hub."""

    log_id: int
    entry: Entry
    report: Report | None


def last_check(db: Session, door: Door) -> Last | None:
    """Of the log of the lock that the door has now, as this hub checked it.

    A report that was taken stands by itself: its entry is kept with it when the log's has gone.
    """
    log = db.scalar(select(Log.id).where(Log.door_id == door.id, Log.ended_at.is_(None)))
    body = db.scalar(select(LogEntry.body).where(
        LogEntry.log_id == log, LogEntry.place_id == door.place_id,
        LogEntry.sort == int(Sort.SETTINGS), LogEntry.kind == int(Kind.CHECKED),
    ).order_by(LogEntry.number.desc()).limit(1))
    row = db.scalar(select(DoorCheck).where(
        DoorCheck.door_id == door.id, DoorCheck.log_id == log,
    ).order_by(DoorCheck.id.desc()).limit(1))
    found = [read_entry(each) for each in (body, row and row.entry) if each]
    if log is None or not found:
        return None
    entry = max(found, key=lambda each: each.index)
    here = row is not None and row.document == entry.about.get(About.DOCUMENT)
    return Last(log, entry, read_kept(row.content)[0] if row and here else None)


def facts_of(db: Session, door: Door) -> dict[str, Shown]:
    """What the newest check shows of the door; by its log alone, no more than that items failed."""
    last = last_check(db, door)
    if last is None:
        return {}
    if last.report is not None:
        return last.report.facts()
    failed = last.entry.about.get(About.COUNT)
    day = datetime.fromtimestamp(last.entry.at, UTC).astimezone(ZoneInfo(door.zone)).date()
    return {"commissioning_complete": Shown(
        said=False, on=day, note=f"items failed when it was checked: {failed!r}; its report is not "
        "here")} if failed else {}


def in_words(here: Here, door: Door, entry: Entry) -> str:
    """When a door was checked, by whom, and how much failed; that it was, where no more is theirs.

    A check is somebody who came, and behind a private door that is not told (comings.py).
    """
    if not eyes_of(here).see_when(door):
        return "Somebody checked this door."
    by = checked_by(entry, named_in(here, [entry])[0])
    return f"Checked on {moment(entry.at, door.zone)} {by}."


def take(here: Here, door: Door, body: bytes) -> list[DoorCheck]:
    """What to keep for a file that `assess commission` wrote; nothing if it is here already.

    Raises Problem for any other file.
    """
    body = body[:MOST_BYTES]  # nobody who checks it reads more
    try:
        record = read_kept(body)[1]
    except (BadFile, Theirs) as error:
        why = "It was changed after it was signed." if isinstance(error, Theirs) else ""
        raise wrong({"file": f"That is no signed report. {why} Send the installer's own file as it "
                     "is; its name ends in .checked.json."}) from error
    last = last_check(here.db, door)
    if last is None:
        raise wrong({"file": "The log of this door names no check yet. A report comes here once "
                     "its record was taken to the door and the lock has called."})
    if last.entry.about.get(About.DOCUMENT) != id_of(record):
        which = f"report of {moment(last.entry.at, door.zone)}" if eyes_of(here).see_when(
            door) else "newest"
        raise wrong({"file": f"The newest check in this door's log is another. Send the {which}."})
    return [] if last.report else [DoorCheck(
        door_id=door.id, log_id=last.log_id, entry=last.entry.encode(), document=id_of(record),
        content=body)]
