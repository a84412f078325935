"""What happened at a place, filtered and newest first, for whoever may see it.

Each page costs the same however long the history is: it is read from an index on from the last
entry of the page before. A rare thing is looked for in so many entries at a time, and whoever looks
is told how far that went. A tenant's own room shows the place's owner nothing but what concerns
safety; a member sees what they did themselves, and all of what happened in their own room.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import ColumnElement, Select, and_, or_, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from mortice.client.words import say, who
from mortice.core.log import Kind, read_entry
from mortice.hub.access import READS, Here
from mortice.hub.comings import eyes_of
from mortice.hub.found import Coming, Looked, Mark, Wanted
from mortice.hub.holders import ways
from mortice.hub.ingest import Sort
from mortice.hub.tables import Act, Door, Key, Log, LogEntry, Person, now

PAGE = 50  # entries
AROUND = 12  # on either side of one
CHUNK = 200  # rows read at a time
SCAN = 4000  # rows looked through for one page
LOOKED = "looked at what happened"
HOUR = 3600

KEY = (LogEntry.at, LogEntry.log_id, LogEntry.number)


@dataclass(frozen=True, slots=True)
class Source:
    """Entries that one index gives in order."""

    condition: ColumnElement[bool]
    order: tuple[InstrumentedAttribute[int], ...] = KEY


class Search:
    """What one person may find at one place."""

    def __init__(self, here: Here, wanted: Wanted, names: Mapping[bytes, str]) -> None:
        """`names` are those of links."""
        self._here, self._db, self._names = here, here.db, names
        self._ways = ways(here.db, here.place)
        self._reads, self._eyes = here.role in READS, eyes_of(here)
        self.logs = {log.id: (log, door) for log, door in _logs(here.db, here.place.id)}
        self.wanted = wanted
        self._leaves = _leaves(here.db, here.place.id, wanted.person)
        self._hidden = [log.id for log, door in self.logs.values() if self._reads and (
            door.private if door else log.private)]
        self._only = {log.id for log, door in self.logs.values() if wanted.door and wanted.door in {
            log.ref, door.ref if door else None}}

    # --- pages ------------------------------------------------------------------------------------

    def page(self, before: Mark | None = None, size: int = PAGE) -> Looked:
        """The newest of what is wanted, below `before`."""
        found: list[Coming] = []
        looked, mark = 0, before
        for row in islice(self._rows(before), SCAN):
            looked, mark = looked + 1, (row.at, row.log_id, row.number)
            coming = self._coming(row)
            if coming is not None:
                found.append(coming)
                if len(found) > size:
                    return Looked(found[:size], found[size - 1].mark, None)
        ended = looked < SCAN or mark is None
        return Looked(found, None if ended else mark, None if ended or mark is None else mark[0])

    def all(self) -> Iterator[Coming]:
        """Everything that is wanted, newest first."""
        return (coming for row in self._rows(None) if (coming := self._coming(row)) is not None)

    def around(self, mark: Mark) -> list[Coming]:
        """What stands about one entry, of every sort, newest first."""
        plain = Search(self._here, Wanted(), self._names)
        at, log, number = mark
        newer = plain.near((at, log, number - 1), older=False)
        return [*reversed(newer), *plain.near(mark, older=True)]

    def chosen_logs(self) -> list[Log]:
        """The logs of the wanted door, or all."""
        every = not self.wanted.door
        return [log for log, _ in self.logs.values() if every or log.id in self._only]

    def open_logs(self) -> list[Log]:
        """Those of the chosen logs whose entries may be counted before whoever looks."""
        return [log for log in self.chosen_logs() if log.id not in self._hidden and (
            self._reads or self._sees_comings(log))]

    def doors(self) -> list[Door]:
        """The doors that whoever looks may know of."""
        return [door for _, door in self.logs.values()
                if door is not None and (self._reads or self._eyes.see(door))]

    def whole(self, log: Log) -> bool:
        """May they see everything in this log, and did they want everything?"""
        if self.wanted not in {Wanted(), Wanted(door=self.wanted.door)}:
            return False
        door = self.logs[log.id][1]
        return self._reads and not (door.private if door else log.private)

    def near(self, mark: Mark, *, older: bool) -> list[Coming]:
        """The next few in one direction."""
        rows = islice(self._rows(mark, older=older), SCAN)
        found = (coming for row in rows if (coming := self._coming(row)) is not None)
        return list(islice(found, AROUND + (not older)))

    def one(self, log: Log, number: int) -> Coming | None:
        """One entry, if it is there and theirs to see."""
        row = self._db.get(LogEntry, (log.id, number))
        return None if row is None or log.id not in self.logs else self._coming(row)

    # --- rows -------------------------------------------------------------------------------------

    def _rows(self, mark: Mark | None, *, older: bool = True) -> Iterator[LogEntry]:
        """All that an index gives, in order: the sorts or keys side by side."""
        if mark is None and self.wanted.until is not None:
            mark = self.wanted.until, 0, 0
        each = [self._stream(source, mark, older=older) for source in self._sources()]
        for row in heapq.merge(*each, key=_mark, reverse=older):
            if self.wanted.since is not None and row.at < self.wanted.since:
                return
            yield row

    def _sources(self) -> list[Source]:
        """Conditions that together cover what is wanted, each with an index of its own."""
        leaves, wanted = self._leaves, self.wanted
        if leaves is None and not self._reads and not self._in_own_room():
            leaves = sorted(self._eyes.leaves)
        theirs = self._theirs()
        if leaves is not None:
            return [Source(theirs & (LogEntry.leaf == leaf)) for leaf in leaves]
        if len(self._only) == 1 and wanted.until is None:
            return [Source(theirs & (LogEntry.log_id == log), (LogEntry.number,))
                    for log in self._only]
        sorts = [wanted.sort] if wanted.sort else list(Sort)
        here = theirs & (LogEntry.place_id == self._here.place.id)
        return [Source(here & (LogEntry.sort == int(sort))) for sort in sorts]

    def _theirs(self) -> ColumnElement[bool]:
        """As _may_see, for the index: where a search stops tells nothing of what is hidden."""
        own = LogEntry.leaf.in_(self._eyes.leaves)
        if self._reads:
            return or_(LogEntry.log_id.not_in(self._hidden), LogEntry.sort == int(Sort.SAFETY),
                       own) if self._hidden else true()
        since = [and_(LogEntry.log_id == log.id, LogEntry.at >= self._eyes.lives[door.id])
                 for log, door in self.logs.values() if door and self._eyes.see_comings(door)]
        return or_(own, *since)

    def _stream(self, source: Source, mark: Mark | None, *, older: bool) -> Iterator[LogEntry]:
        size = CHUNK // 4
        while True:
            rows = self._db.scalars(chunk(source, mark, size, older=older)).all()
            yield from rows
            if len(rows) < size:
                return
            mark, size = _mark(rows[-1]), CHUNK

    # --- what is theirs ---------------------------------------------------------------------------

    def _in_own_room(self) -> bool:
        return bool(self._only) and all(
            self._sees_comings(self.logs[log][0]) for log in self._only)

    def _sees_comings(self, log: Log) -> bool:
        door = self.logs[log.id][1]
        return door is not None and self._eyes.see_comings(door)

    def _may_see(self, row: LogEntry) -> bool:
        log, door = self.logs[row.log_id]
        if row.leaf in self._eyes.leaves:
            return True
        if self._reads:
            return row.sort == Sort.SAFETY or not (door.private if door else log.private)
        return bool(door and self._eyes.see_comings(door) and row.at >= self._eyes.lives[door.id])

    def _coming(self, row: LogEntry) -> Coming | None:
        """The entry in words, unless it is not wanted or not theirs to see."""
        wanted = self.wanted
        if row.log_id not in self.logs or (wanted.door and row.log_id not in self._only):
            return None
        if (wanted.sort and row.sort != wanted.sort) or not self._may_see(row):
            return None
        log, door = self.logs[row.log_id]
        entry = read_entry(row.body)
        whom = who(entry, self._names) if entry.kind in {Kind.GRANTED, Kind.REFUSED} else ""
        coming = Coming(
            log, entry, Sort(row.sort), say(entry, self._names, self._ways), whom,
            door.label if door else f"{log.label} (removed)",
            door.zone if door else self._here.place.zone)
        return coming if coming.says(wanted.text) else None


def _mark(row: LogEntry) -> Mark:
    return row.at, row.log_id, row.number


def chunk(
    source: Source, mark: Mark | None, size: int, *, older: bool = True,
) -> Select[LogEntry]:
    """The next rows of a source, in the order of its index."""
    found = select(LogEntry).where(source.condition).limit(size)
    if mark is not None:
        key, at = tuple_(*source.order), mark[-len(source.order):]
        found = found.where(key < at if older else key > at)
    return found.order_by(*(each.desc() if older else each.asc() for each in source.order))


def _logs(db: Session, place: int) -> Sequence[tuple[Log, Door | None]]:
    rows = db.execute(
        select(Log, Door).outerjoin(Door, Door.id == Log.door_id).where(Log.place_id == place)
        .order_by(Door.position, Log.id))
    return [(log, door) for log, door in rows]


def _leaves(db: Session, place: int, person: str) -> list[bytes] | None:
    if not person:
        return None
    return list(db.scalars(
        select(Key.leaf).join(Person, Person.id == Key.person_id).where(
            Person.ref == person, Person.place_id == place)))


def note_look(here: Here, what: str = LOOKED) -> None:
    """Write down that somebody looked: once for each person, place and hour."""
    at = now()
    seen = here.db.scalar(select(Act.id).where(
        Act.place_id == here.place.id, Act.at >= at - at % HOUR, Act.what == what,
        Act.account_id == here.account.id).limit(1))
    if seen is None:
        with here.hub.database.writing() as db:
            db.add(Act(at=at, place_id=here.place.id, account_id=here.account.id, what=what))


