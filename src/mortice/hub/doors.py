"""What a door is now, in words: what its lock said, and *unknown* where nobody has heard it lately.

Nothing here is guessed or folded into a comfortable word. The state words are the lock's own
(spec/door.md, section 1); the ledger writes down when it was heard (`Door.heard_at`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mortice.core.limits import TIME_MAX
from mortice.hub.tables import Door
from mortice.hub.web import clock, when

STALE_SECONDS = 150  # a lock is heard every minute; after two that are missing, nobody knows
LOW_MILLIVOLTS = 4600  # below this a motor may stall half way (lockd/daemon.py)
POSSIBLE_MILLIVOLTS = range(1_500, 15_001)  # a board lives on no less, and on no more than 12 V has
FEW = 3  # doors that a sentence names; more than that are counted


class Words(NamedTuple):
    """A state as people read it: the word, which picture, its colour, and what was seen."""

    word: str
    icon: str
    tone: str
    seen: str


STATES = {
    "locked": Words("Locked", "locked", "good", "bolt out, door closed"),
    "locking": Words("Locking", "locked", "grey", "the bolt is on its way out"),
    "unlocked": Words("Unlocked", "unlocked", "brass", "bolt in, door closed"),
    "unlocking": Words("Unlocking", "unlocked", "grey", "the bolt is on its way in"),
    "open": Words("Open", "open", "brass", "bolt in, door open"),
    "bolt_out_door_open": Words("Open", "boltout", "brass", "the bolt is out beside an open door"),
    "jammed": Words("Jammed", "jammed", "bad", "the bolt is stuck part of the way"),
    "unknown": Words("Unknown", "unknown", "brass", "the lock cannot see how the door stands"),
}
HELD = Words("Held open", "held", "brass", "")
LOST = Words("Unknown", "unknown", "brass", "")
HOLDABLE = frozenset({"unlocked", "open"})


@dataclass(frozen=True, slots=True)
class Now:
    """A door as it is known at one instant."""

    door: Door
    state: str  # the lock's word; "lost" where it was not heard lately
    words: Words
    line: str  # what was seen, and since when or until when
    held_until: int | None = None
    heard_at: int | None = None  # None also for whoever may not know (comings.py)

    @property
    def is_heard(self) -> bool:
        """Was its lock heard lately?"""
        return self.state != "lost"

    @property
    def is_locked(self) -> bool:
        """Has its lock said lately that it is locked?"""
        return self.state == "locked"


def is_lost(door: Door, at: int) -> bool:
    """Has this lock not been heard lately enough to say how its door stands?"""
    return (not door.connected or door.heard_at is None or door.heard_at < at - STALE_SECONDS
            or "state" not in door.status)


def now_of(door: Door, at: int, since: int | None = None, *, tells: bool = True) -> Now:
    """The door at Unix second `at`; `since` is when its log says that this state began.

    Without `tells` nothing says when its lock was last heard, only whether it is.
    """
    heard_at = door.heard_at if tells else None
    state = said_state(door)
    words = STATES[state]
    if is_lost(door, at):
        return Now(door, "lost", LOST, _lost_line(door, words, heard_at), None, heard_at)
    until = number_in(door.status, "held_until")
    if until is not None and until > at and state in HOLDABLE:
        line = f"until {when(until, door.zone)}, {words.seen}"
        return Now(door, state, HELD, line, until, heard_at)
    line = f"{words.seen}, since {when(since, door.zone)}" if since else words.seen
    return Now(door, state, words, line, None, heard_at)


def said_state(door: Door) -> str:
    """The state word that the lock said last, however long ago."""
    said = door.status.get("state")
    return said if isinstance(said, str) and said in STATES else "unknown"


def _lost_line(door: Door, last: Words, heard_at: int | None) -> str:
    if door.heard_at is None or "state" not in door.status:
        return "its lock has not said anything yet"
    was = "" if last.word == "Unknown" else f"; {last.word.lower()} when last heard"
    return f"since {when(heard_at, door.zone)}{was}" if heard_at else f"not reachable{was}"


def number_in(status: Mapping[str, Any], name: str) -> int | None:
    """A number in what a lock said of itself; None if it said none, or none that can be."""
    value = status.get(name)  # as a lock said it, which may lie
    return value if type(value) is int and abs(value) <= TIME_MAX else None


# --- one sentence for all of them -----------------------------------------------------------------


def summary(nows: Sequence[Now]) -> str:
    """Is everything as I left it? One sentence that leaves no door out."""
    loose = [now for now in nows if not now.is_locked]
    if not loose:
        return f"{nows[0].door.label} is locked." if len(nows) == 1 else "Everything is locked."
    if len(loose) == len(nows) and len(nows) > 1 and not any(now.is_heard for now in nows):
        return "No door has been heard from lately."
    if len(loose) > FEW:
        return _counted(nows, loose)
    if len(loose) == len(nows):
        return _upper(_joined([f"{now.door.label} is {_how(now)}" for now in loose]) + ".")
    return f"Everything is locked except {_joined([_named(now) for now in loose])}."


def _named(now: Now) -> str:
    return f"{now.door.label}, {_how(now)}"


def _how(now: Now) -> str:
    if now.held_until is not None:
        return f"held open until {when(now.held_until, now.door.zone)}"
    if not now.is_heard and now.heard_at is not None:
        return f"unknown since {when(now.heard_at, now.door.zone)}"
    return now.words.word.lower()


def _counted(nows: Sequence[Now], loose: Sequence[Now]) -> str:
    kinds = Counter(now.words.word.lower() for now in loose)
    locked = len(nows) - len(loose)
    return f"{locked} of {len(nows)} doors {_is(locked)} locked; " + _joined(
        [f"{number} {_is(number)} {word}" for word, number in kinds.most_common()]) + "."


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _joined(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def heard(nows: Sequence[Now]) -> str:
    """How many were heard, and the oldest time that all of that stands on."""
    many = sum(now.is_heard for now in nows)
    if many < len(nows):
        return f"{many} of {len(nows)} doors heard from"
    times = [now.heard_at for now in nows if now.heard_at is not None]
    if not times:
        return ""
    zone = nows[0].door.zone
    return f"{'All doors heard' if many > 1 else 'Heard'} from at {when(min(times), zone)}"


# --- supply and health ----------------------------------------------------------------------------


class Fact(NamedTuple):
    """Something about a lock, in words; its tone where it needs somebody."""

    name: str
    words: str
    tone: str = ""


def is_possible(millivolts: object) -> bool:
    """Can a lock's supply be that?"""
    return type(millivolts) is int and millivolts in POSSIBLE_MILLIVOLTS


def supply(door: Door) -> Fact | None:
    """What the lock runs on, if it said."""
    millivolts = number_in(door.status, "millivolts")
    if millivolts is None:
        return None
    if not is_possible(millivolts):
        return Fact("Supply", "its reading makes no sense", "brass")
    low = millivolts < LOW_MILLIVOLTS
    source = "mains" if door.status.get("mains") else "battery"
    return Fact("Supply", f"{source}{' low' if low else ''}, {millivolts / 1000:.1f} V",
                "brass" if low else "")


CLOCKS = {
    "synced": "in step",
    "holdover": "by itself since it was last set",
    "unsure": "not sure of the time",
}
FAULTS = {
    "unlogged": "its disk is full: some entries were counted instead of written",
    "log_full": "its log is full",
    "rolled_back": "its memory was put back to an older state",
}


def health(now: Now, at: int) -> list[Fact]:
    """What its lock said of itself, and when, for whoever may know that."""
    door, status = now.door, now.door.status
    facts = [Fact(*_contact(now, at), "" if now.is_heard else "brass")]
    clock = CLOCKS.get(str(status.get("time")))
    if clock:
        facts.append(Fact("Its clock", clock, "brass" if status["time"] == "unsure" else ""))
    if (power := supply(door)) is not None:
        facts.append(power)
    if (pins := number_in(status, "pins")) is not None:
        facts.append(Fact("PINs on it", str(pins) if pins else "none"))
    if rest := number_in(status, "keypad_rest"):
        facts.append(Fact("Keypad", f"rests {rest} s after wrong PINs", "brass"))
    facts += [Fact("Its record", words, "bad") for name, words in FAULTS.items()
              if status.get(name)]
    return facts


def _contact(now: Now, at: int) -> tuple[str, str]:
    if now.door.heard_at is None:
        return "Last heard", "never"
    if now.heard_at is None:
        return "Reachable", "yes" if now.is_heard else "no"
    say = clock if now.heard_at >= at - STALE_SECONDS else when
    return "Last heard", say(now.heard_at, now.door.zone)


def needs(nows: Sequence[Now]) -> list[tuple[Door, str, str]]:
    """What somebody should see to: door, sentence, tone. Nothing that is only open or unlocked."""
    found = []
    for now in nows:
        power = supply(now.door)
        if now.state == "jammed":
            found.append((now.door, "the bolt is stuck part of the way.", "bad"))
        if power is not None and power.tone:
            found.append((now.door, f"{power.words}.", "brass"))
        found += [(now.door, f"{words}.", "bad") for name, words in FAULTS.items()
                  if now.door.status.get(name)]
    return found
