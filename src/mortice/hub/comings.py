"""Who sees what of a door: which doors, and whose comings and goings.

Owners and managers see every door and what happened there, except at a tenant's own room: there
they see state and health, of the comings only their own, and not when its lock was last heard. A
member sees the doors that a key of theirs opens now, and what they did there themselves; behind a
private door, whoever lives there (living.py) sees all that happened since they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, or_, select, true
from sqlalchemy.orm import aliased

from mortice.client.words import Said, say, text, who
from mortice.core.commands import Command
from mortice.core.grant import KeyClass
from mortice.core.limits import TIME_MAX
from mortice.core.log import About, Entry, Kind, read_entry
from mortice.hub.access import RUNS, Here, Role
from mortice.hub.holders import WHAT
from mortice.hub.ingest import Sort
from mortice.hub.living import in_force, is_for_living, since
from mortice.hub.problems import not_found
from mortice.hub.tables import Door, DoorKey, Key, Log, LogEntry, Person, now
from mortice.hub.web import when

PAGE = 40  # entries on a door's page
FEW = 6  # on the page of all doors
TONES = {"good": "good", "bad": "bad", "plain": "grey"}
SHOW_STATE = (Kind.MOVED, Kind.BOLT_SEEN, Kind.LEAF_SEEN)
FOLLOW = (Kind.MOVED, Kind.LEAF_SEEN, Kind.RELOCKED)  # they follow from what somebody did
REPEATS = (Kind.MOVED, Kind.RELOCKED)  # their word says it all


@dataclass(frozen=True, slots=True)
class Eyes:
    """What `here` may see: the doors that they have a key of, and their own links.

    `lives` are those of the doors that they live behind, with the second since when.
    """

    role: Role
    own: frozenset[int]
    lives: dict[int, int]
    leaves: frozenset[bytes]

    def see(self, door: Door) -> bool:
        """May they know of this door at all?"""
        return self.role in RUNS or door.id in self.own

    def see_comings(self, door: Door) -> bool:
        """May they see what others did there?"""
        return not door.private if self.role in RUNS else door.private and door.id in self.lives

    def see_when(self, door: Door) -> bool:
        """May they see when its lock was last heard? It speaks up when somebody comes."""
        return not door.private or self.see_comings(door)

    def allow(self, entry: type[LogEntry]) -> ColumnElement[bool]:
        """The condition on an entry and its door under which they may see it."""
        mine = entry.leaf.in_(self.leaves)
        if self.role in RUNS:
            return or_(Door.private.is_(False), mine)
        rooms = [and_(Door.id == door, Door.private.is_(True), entry.at >= since)
                 for door, since in self.lives.items()]
        return and_(Door.id.in_(self.own), or_(mine, *rooms))


def eyes_of(here: Here) -> Eyes:
    """What whoever asks may see at this place."""
    if here.person_id is None:
        return Eyes(here.role, frozenset(), {}, frozenset())
    leaves = here.db.scalars(select(Key.leaf).where(Key.person_id == here.person_id))
    keys = here.db.execute(select(DoorKey.door_id, Key).join(Key).where(
        Key.person_id == here.person_id, in_force(now()))).all()
    lives: dict[int, int] = {}
    for door, key in keys:
        if is_for_living(key):
            lives[door] = min(since(key), lives.get(door, TIME_MAX))
    return Eyes(here.role, frozenset(door for door, _ in keys), lives, frozenset(leaves))



def doors_of(here: Here, eyes: Eyes) -> list[Door]:
    """The doors that they may see, in the place's order."""
    return [door for door in here.place.doors if eyes.see(door)]


def door_of(here: Here, eyes: Eyes, ref: str) -> Door:
    """One of them. Raises Problem, the same where there is none and where it is not theirs."""
    found = here.db.scalar(select(Door).where(Door.place_id == here.place.id, Door.ref == ref))
    if found is None or not eyes.see(found):
        raise not_found("door")
    return found


def opened_up(here: Here, eyes: Eyes, door: Door) -> str:
    """Who came in its opening hours and holds it open since (R17), for whoever may see that."""
    number = door.status.get("held_entry")  # as a lock said it, which may lie
    found = _entries_of(door, eyes).where(LogEntry.number == number)
    known = type(number) is int and 0 <= number <= TIME_MAX
    entries = [read_entry(row.body) for row, _ in here.db.execute(found)] if known else []
    names, _ = named_in(here, entries)
    return "".join(
        f", since {who(entry, names)} came at {when(entry.at, door.zone)}" for entry in entries
        if entry.about.get(About.COMMAND) == Command.UNLOCK and About.UNTIL in entry.about)


# --- what happened --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as a page shows it."""

    key: str  # its door and its number there
    number: int
    at: int
    door: str
    word: str
    tone: str
    sentence: str
    detail: str  # for whoever asks why
    follows: bool  # from what somebody did; shown more quietly

    @property
    def short(self) -> str:
        """The whole of it after the door's name."""
        if self.tone == "good":
            return f"{self.word.lower()} {self.sentence}"
        if self.word in {"Refused", "Alarm"}:
            return f"{self.word.lower()}: {self.sentence[:1].lower()}{self.sentence[1:]}"
        return self.sentence or self.word.lower()


Row = tuple[LogEntry, Door]


def _entries_of(door: Door, eyes: Eyes) -> Select[LogEntry, Door]:
    return select(LogEntry, Door).join(Log, Log.id == LogEntry.log_id).join(
        Door, Door.id == Log.door_id).where(
            Door.id == door.id, Log.ended_at.is_(None), eyes.allow(LogEntry))


def timeline(here: Here, eyes: Eyes, door: Door, before: int | None = None) -> list[Line]:
    """What happened at a door, newest first: one page of it, of the entries below `before`."""
    found = _entries_of(door, eyes)
    if before is not None:
        found = found.where(LogEntry.number < before)
    return lines(here, here.db.execute(found.order_by(LogEntry.number.desc()).limit(PAGE)).all())


def lately(here: Here, eyes: Eyes) -> list[Line]:
    """The last things that somebody did, or that went wrong, at any door they may see."""
    found = select(LogEntry, Door).join(Log, Log.id == LogEntry.log_id).join(
        Door, Door.id == Log.door_id).where(
            LogEntry.place_id == here.place.id, LogEntry.kind.not_in(FOLLOW), eyes.allow(LogEntry))
    order = (LogEntry.at.desc(), LogEntry.log_id.desc(), LogEntry.number.desc())
    rows = [  # of each sort by itself: its index has them in this order
        (entry, door) for sort in (Sort.OPENINGS, Sort.REFUSED, Sort.SAFETY)
        for entry, door in here.db.execute(
            found.where(LogEntry.sort == int(sort)).order_by(*order).limit(FEW))]
    rows.sort(key=lambda row: (row[0].at, row[0].log_id, row[0].number), reverse=True)
    return lines(here, rows[:FEW])


def last_at_each(here: Here, eyes: Eyes) -> dict[int, Line]:
    """For each door, the last thing that somebody did there, by the door's id."""
    rows = _newest_of_each(here, eyes, _happening)
    shown = lines(here, rows)
    return {door.id: line for (_, door), line in zip(rows, shown, strict=True)}


def state_since(here: Here, eyes: Eyes, door: Door | None = None) -> dict[int, tuple[str, int]]:
    """For each door whose comings they may see, the state that its log ends on, and since when."""
    rows = _newest_of_each(here, eyes, lambda entry: entry.kind.in_(SHOW_STATE), door)
    return {door.id: (text(read_entry(entry.body), About.STATE), entry.at)
            for entry, door in rows if eyes.see_comings(door)}


def _happening(entry: type[LogEntry]) -> ColumnElement[bool]:
    return or_(entry.sort.in_((Sort.REFUSED, Sort.SAFETY)),
               and_(entry.sort == Sort.OPENINGS, entry.kind.not_in(FOLLOW)))


def _newest_of_each(
    here: Here, eyes: Eyes, which: Callable[[type[LogEntry]], ColumnElement[bool]],
    only: Door | None = None,
) -> list[Row]:
    inner = aliased(LogEntry)
    newest = select(inner.number).where(
        inner.log_id == Log.id, which(inner), eyes.allow(inner),
    ).order_by(inner.number.desc()).limit(1).correlate(Log, Door).scalar_subquery()
    found = select(LogEntry, Door).join(Log, Log.id == LogEntry.log_id).join(
        Door, Door.id == Log.door_id).where(
            Door.place_id == here.place.id, Log.ended_at.is_(None), LogEntry.number == newest,
            Door.id == only.id if only else true())
    return [(entry, door) for entry, door in here.db.execute(found)]


def lines(here: Here, rows: Iterable[Row]) -> list[Line]:
    """Entries in words."""
    read = [(read_entry(row.body), door) for row, door in rows]
    names, ways = named_in(here, [entry for entry, _ in read])
    return [_line(entry, door, say(entry, names, ways)) for entry, door in read]


def _line(entry: Entry, door: Door, said: Said) -> Line:
    sentence = "" if entry.kind in REPEATS else said.sentence.partition(" · ")[0]
    return Line(
        f"{door.ref}-{entry.index}", entry.index, entry.at, door.label, said.word,
        TONES[said.tone], sentence, said.detail or "", entry.kind in FOLLOW)


def named_in(
    here: Here, entries: Sequence[Entry]) -> tuple[dict[bytes, str], dict[bytes, str]]:
    """The names of whoever these entries speak of, and what each key is. Who looks is *you*."""
    links: set[bytes] = set()
    for entry in entries:
        above = entry.about.get(About.LINKS)
        every = [entry.about.get(About.LEAF), *(above if isinstance(above, list) else [])]
        links |= {link for link in every if isinstance(link, bytes)}
    rows = here.db.execute(
        select(Key.leaf, Key.klass, Person.id, Person.name).join(
            Person, Person.id == Key.person_id).where(
                Key.place_id == here.place.id, Key.leaf.in_(links))).all()
    return ({leaf: "you" if who == here.person_id else name for leaf, _, who, name in rows},
            {leaf: WHAT[KeyClass(klass)] for leaf, klass, *_ in rows})
