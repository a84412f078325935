"""A key said back in sentences: what somebody can do, where and when, and what they cannot.

The words are those of the command line (cli/sentences.py), on the door's own clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from mortice.core.errors import Malformed
from mortice.core.grant import Grant, Rights
from mortice.core.schedule import DAY, Hours, admits, read_hours
from mortice.core.stages import Factors
from mortice.hub.tables import Door

DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
EVERY_DAY, WORKDAYS, WEEKEND = 0b1111111, 0b0011111, 0b1100000
GROUPS = {EVERY_DAY: "every day", WORKDAYS: "Monday to Friday", WEEKEND: "at weekends"}
RIGHTS = {
    Rights.UNLOCK: "open", Rights.LOCK: "lock", Rights.HOLD_OPEN: "hold open",
    Rights.VIEW_LOG: "read the log of", Rights.ENROL: "put PINs on",
    Rights.CONFIGURE: "change settings of", Rights.SET_TIME: "set the clock of",
    Rights.REFRESH: "refresh keys for", Rights.RESTORE: "end a keypad's rest at",
    Rights.UPDATE: "update"}
FACTORS = {
    Factors.PIN: "the PIN that goes with it", Factors.PASSKEY: "a passkey touch",
    Factors.FINGER: "a finger at the door",
    Factors.PERSON: "a second person with a key of their own",
    Factors.TOUCH: "a touch on the keypad at the door"}
UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
YEAR_SECONDS = 366 * 86_400  # how far ahead a change of the clocks is worth a word
PASS_SECONDS = 900  # of an hour that comes twice; hours are rarely set finer


@dataclass(frozen=True, slots=True)
class Sentence:
    """A key in words: what it allows, and what else there is to know of it."""

    can: str
    more: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join([self.can, *self.more])


def sentence(name: str, grant: Grant, doors: Iterable[Door], at: int) -> Sentence:
    """`grant` said back at Unix second `at`; `doors` are those of the place."""
    named = [door for door in doors if door.door_id in grant.doors]
    clock = ZoneInfo(named[0].zone if named else "UTC")
    beside = f", with {needs(grant)}" if grant.factors else ""
    where = listed([door.label for door in named]) or "no door of this place"
    can = f"{name} can {may_do(grant.use)} {where}, {when(grant, clock, at)}{beside}."
    return Sentence(can, tuple(_more(name, grant, clock, at)))


def _more(name: str, grant: Grant, clock: ZoneInfo, at: int) -> Iterator[str]:
    if grant.max_staleness is None:
        yield "It works if the internet is down."
    else:
        yield ("It works if the internet is down, for "
               f"{seconds(grant.max_staleness)} after each refresh.")
    passes = grant.depth and grant.delegable
    yield passing_on(grant) if passes else f"{name} cannot give keys to anyone."
    if grant.exp is None:
        yield "It has no end: take it back when it is not needed any more."
    yield from _changes(grant, clock, at)


def may_do(rights: Rights) -> str:
    """What a holder may do, in front of the names of doors."""
    if all(right & rights for right in RIGHTS):
        return "do everything at"
    return listed([words for right, words in RIGHTS.items() if right & rights]) or "open nothing at"


def main_act(rights: Rights) -> str:
    """What a key is for, where there is room for one word; none if it moves no bolt."""
    return next((RIGHTS[right] for right in (Rights.UNLOCK, Rights.LOCK) if right & rights), "")


def needs(grant: Grant) -> str:
    """What must be shown beside the key."""
    return listed([words for factor, words in FACTORS.items() if factor & grant.factors])


def passing_on(grant: Grant) -> str:
    """What the holder may hand on."""
    links = "to one more person each" if grant.depth == 1 else f"over {grant.depth} steps"
    every = all(right & grant.delegable for right in RIGHTS)
    may = "everything" if every else listed(
        [words for right, words in RIGHTS.items() if right & grant.delegable])
    life = "" if grant.max_life is None else f", for {seconds(grant.max_life)} at most"
    return f"It may be passed on: {may}, {links}{life}."


def when(grant: Grant, clock: ZoneInfo, at: int) -> str:
    """Start if it is still to come, hours, end and count in words."""
    uses = {None: "", 1: "once"}.get(grant.uses, f"{grant.uses} times at most")
    parts = ["" if grant.nbf is None or grant.nbf <= at else f"from {moment(grant.nbf, clock)}",
             "" if grant.hours is None else hours(grant.hours),
             "" if grant.exp is None else f"until {ends(grant.exp, clock)}", uses]
    return ", ".join(filter(None, parts)) or "always"


def told_hours(value: object) -> str:
    """Weekly hours as a lock tells them; nothing for none, and for nonsense."""
    try:
        return hours(read_hours(value))
    except Malformed:
        return ""


def hours(windows: Hours) -> str:
    """Weekly hours as people read them."""
    return " and ".join(
        f"{_days(w.days)} {_minute(w.start)} to {_minute(w.end)}" for w in windows)


def _days(bits: int) -> str:
    named = [name for day, name in enumerate(DAYS) if bits >> day & 1]
    return GROUPS.get(bits) or (f"on {listed(named)}" if named else "on no day")


def _minute(minute: int) -> str:
    return f"{minute % DAY // 60:02d}:{minute % 60:02d}" if minute != DAY else "24:00"


def moment(at: int, clock: ZoneInfo) -> str:
    """A moment with its date and year, as a key's page needs it."""
    return datetime.fromtimestamp(at, clock).strftime("%a %-d %b %Y %H:%M")


def ends(at: int, clock: ZoneInfo) -> str:
    """An end: midnight belongs to the day that it ends."""
    said = moment(at, clock)
    if not said.endswith(" 00:00"):
        return said
    return f"the end of {moment(at - 1, clock).rsplit(' ', 1)[0]}"


def seconds(length: int) -> str:
    """A length of time as people read it."""
    unit, name = next((unit, name) for unit, name in UNITS if length % unit == 0)
    count = length // unit
    return f"{count} {name}{'s' if count != 1 else ''}"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


# --- nights on which the clocks change ------------------------------------------------------------


def _changes(grant: Grant, clock: ZoneInfo, at: int) -> Iterator[str]:
    """A word for each night within a year on which the key's hours meet a change of the clocks."""
    start = max(at, grant.nbf or at)
    end = min(at + YEAR_SECONDS, at + YEAR_SECONDS if grant.exp is None else grant.exp)
    for change, ahead in _turns(start, end, clock) if grant.hours is not None else ():
        assert grant.hours is not None, "the line above"
        night = datetime.fromtimestamp(change, clock).strftime("%a %-d %b %Y")
        passes = range(change, change + abs(ahead), PASS_SECONDS)
        if ahead > 0 and all(admits(grant.hours, at, clock) for at in (change - 1, change)):
            yield (f"On {night} the clocks go forward in the key's hours: that night they are "
                   f"{seconds(ahead)} shorter.")
        if ahead < 0 and any(admits(grant.hours, at, clock) for at in passes):
            yield (f"On {night} the clocks go back in the key's hours: the hour that comes twice "
                   "counts both times.")


def _turns(start: int, end: int, clock: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Each second from which the clock shows something else, and how far ahead it then is."""
    for day in range(start, end, 86_400):
        before, after = _offset(day, clock), _offset(min(day + 86_400, end), clock)
        if before != after:
            low, high = day, min(day + 86_400, end)
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, clock) == before else (low, middle)
            yield high, int((after - before).total_seconds())


def _offset(at: int, clock: ZoneInfo) -> timedelta:
    return datetime.fromtimestamp(at, UTC).astimezone(clock).utcoffset() or timedelta()
