"""What somebody filled in to give a key: read step by step, refused in words, nothing guessed.

A form is a map of texts and lists. What it says of times is on the clock of the doors that it
names. Nothing here signs or keeps anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mortice.client.owner import Terms
from mortice.core.errors import Theirs
from mortice.core.grant import Passkey
from mortice.core.keys import PublicKey
from mortice.core.limits import TEXT_CHARS
from mortice.core.schedule import DAY, Hours, Window
from mortice.hub.problems import wrong
from mortice.hub.tables import Door, now
from mortice.hub.texts import Asking, read_asking

Form = Mapping[str, Any]
STEPS = ("who", "doors", "when", "how", "check")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIELDS: dict[str, tuple[str, ...]] = {
    "who": ("person", "name", "kin", "like"),
    "doors": ("doors",),
    "when": ("when", "day", "from", "to", "once", "start", "start-time", "end", "end-time", "days",
             "week-from", "week-to", "last", *(f"on-{day}" for day in range(7))),
    "how": ("how", "request", "digits", "fresh", "touch", "passes"),
}
LISTS = frozenset({"doors", "days"})
LONGEST = 8192  # characters of one field: a request for a key, with room
DAY_SECONDS = 86_400
YEARS = range(2000, 2200)  # of any day that somebody means


@dataclass(frozen=True, slots=True)
class Kin:
    """What somebody is to a place, and how long their key may go without being refreshed."""

    label: str
    hint: str
    fresh: int | None  # seconds; 0 stands for as long as the key lasts


KINS = {
    "resident": Kin("Lives here", "a tenant, a partner, a grown-up child", None),
    "family": Kin("Family or friend", "comes and goes", 30 * DAY_SECONDS),
    "staff": Kin("Staff", "works here", 7 * DAY_SECONDS),
    "contractor": Kin("Cleaner, carer or trade", "comes at set hours", DAY_SECONDS),
    "visitor": Kin("Guest", "for a stay or a visit", 0),
}


@dataclass(frozen=True, slots=True)
class Times:
    """When a key opens. Unix seconds."""

    nbf: int | None = None
    exp: int | None = None
    hours: Hours | None = None
    uses: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filled-in form, understood."""

    name: str
    kin: str
    doors: list[Door]
    times: Times
    how: str  # link · request · pin
    fresh: int | None = None
    touch: bool = False  # a passkey at each opening
    holder: PublicKey | None = field(default=None)  # of the device that asked
    passkey: Passkey | None = None  # of a browser that asked
    passes: bool = False  # they may give such keys to others
    terms: Terms | None = None  # exactly these: a link for this hub itself


# --- one field ------------------------------------------------------------------------------------


def plain_name(text: str, what: str = "name", ask: str = "Write a name.") -> str:
    """A name, or what else `ask` asks for, on one line. Raises Problem."""
    name = " ".join(text.split())
    if not name:
        raise wrong({what: ask})
    if not name.isprintable():
        raise wrong({what: "Leave out characters that cannot be seen."})
    if len(name) > TEXT_CHARS:
        raise wrong({what: f"Write at most {TEXT_CHARS} letters."})
    return name


def _text(form: Form, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _date(form: Form, name: str, example: date) -> date:
    try:
        day = date.fromisoformat(_text(form, name))
    except ValueError:
        day = date.min
    if day.year not in YEARS:
        raise wrong({name: f"Choose a day, such as {example}."})
    return day


def _time(form: Form, name: str) -> time:
    said = _text(form, name)  # on the door's own clock, so without a zone
    if re.fullmatch(r"([01]\d|2[0-3])(:[0-5]\d){1,2}", said, re.ASCII) is None:
        raise wrong({name: "Write a time, such as 09:00."})
    return time.fromisoformat(said)


def _second(day: date, at: time, zone: ZoneInfo, name: str, *, fold: int) -> int:
    """The second at which the door's clock shows this. An end takes the later of two."""
    local = datetime.combine(day, at, zone).replace(fold=fold)
    seconds = int(local.timestamp())
    if datetime.fromtimestamp(seconds, zone).time() != local.time():
        raise wrong({name: f"{at:%H:%M} does not exist on that day: the clocks go forward then. "
                     "Choose a time an hour later."})
    return seconds


# --- when -----------------------------------------------------------------------------------------


def read_times(form: Form, doors: Sequence[Door], at: int) -> Times:
    """When the key is to open. Raises Problem."""
    kind = _text(form, "when")
    reader = READERS.get(kind)
    if reader is None:
        raise wrong({"when": "Choose when the key opens."})
    zones = {door.zone for door in doors}
    if len(zones) > 1 and kind != "always":
        raise wrong({"when": "These doors stand in different time zones. Give a key for each."})
    zone = ZoneInfo(next(iter(zones), "UTC"))
    times = reader(form, zone, datetime.fromtimestamp(at, zone).date())
    if times.nbf is not None and times.exp is not None and times.exp <= times.nbf:
        raise wrong({ENDS[kind]: "The key must end after it starts."})
    if times.exp is not None and times.exp <= at:
        raise wrong({ENDS[kind]: "The key would have ended already. Choose a later day."})
    if times.uses is not None and len(doors) != 1:
        raise wrong({"once": "A door counts for itself, so a key that opens once is for one door."})
    return times


ENDS = {"visit": "to", "stay": "end", "week": "last", "exact": "last"}


def _visit(form: Form, zone: ZoneInfo, today: date) -> Times:
    day, start, end = _date(form, "day", today), _time(form, "from"), _time(form, "to")
    over = day + timedelta(days=1) if end == time(0) else day  # midnight ends the day
    return Times(_second(day, start, zone, "from", fold=0), _second(over, end, zone, "to", fold=1),
                 uses=1 if form.get("once") else None)


def _stay(form: Form, zone: ZoneInfo, today: date) -> Times:
    start, end = _date(form, "start", today), _date(form, "end", today + timedelta(days=3))
    return Times(_second(start, _time(form, "start-time"), zone, "start-time", fold=0),
                 _second(end, _time(form, "end-time"), zone, "end-time", fold=1))


def _week(form: Form, zone: ZoneInfo, today: date) -> Times:
    chosen = form.get("days", [])
    bits = sum(1 << day for day in range(7) if str(day) in chosen)
    if not bits:
        raise wrong({"days": "Choose one day at least."})
    start, end = (_minute(_time(form, name)) for name in ("week-from", "week-to"))
    if start == end:
        raise wrong({"week-to": "The hours must end after they start."})
    window = Window(bits, start, end if end > start else end + DAY)
    return Times(exp=until(form, zone, today), hours=(window,))


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _exact(form: Form, zone: ZoneInfo, today: date) -> Times:
    windows = [window for day in range(7) for window in _day_windows(form, day)]
    if not windows:
        raise wrong({"on-0": "Write hours for one day at least."})
    return Times(exp=until(form, zone, today), hours=tuple(windows))


def _day_windows(form: Form, day: int) -> list[Window]:
    said = _text(form, f"on-{day}")
    return [_window(part.strip(), day) for part in said.split(",")][:4] if said else []


def _window(text: str, day: int) -> Window:
    found = re.fullmatch(r"(\d{1,2}):(\d\d)\s*(?:-|\u2013|to)\s*(\d{1,2}):(\d\d)", text)
    start, end = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3)) if found else (0, 0)
    minutes = found is None or max(int(found[2]), int(found[4])) > 59
    if minutes or start >= DAY or end > DAY or start == end:
        raise wrong({f"on-{day}": f"{WEEKDAYS[day]}: write hours like 09:00-12:00, "
                     "or 22:00-06:00 over night."})
    return Window(1 << day, start, end if end > start else end + DAY)


def until(form: Form, zone: ZoneInfo, today: date) -> int | None:
    """The second at which the last day is over; None if none was chosen. Raises Problem."""
    if not _text(form, "last"):
        return None
    last = _date(form, "last", today + timedelta(days=90))
    return _second(last + timedelta(days=1), time(0), zone, "last", fold=1)


READERS = {"always": lambda *_: Times(), "visit": _visit, "stay": _stay, "week": _week,
           "exact": _exact}


# --- all of it ------------------------------------------------------------------------------------


def read_wanted(form: Form, name: str, doors: Sequence[Door], at: int, *, refreshed: bool,
                ) -> Wanted:
    """The whole form at Unix second `at`. Raises Problem at the first thing that is wrong."""
    chosen = read_doors(form, doors)
    times = read_times(form, chosen, at)
    how = _text(form, "how")
    if how not in {"link", "request", "pin"}:
        raise wrong({"how": "Choose how they get it."})
    touch = how == "link" and bool(form.get("touch"))
    asking = read_holder(form) if how == "request" else None
    fresh = read_fresh(form, times, at) if refreshed and how != "pin" else None
    return Wanted(name, read_kin(form), chosen, times, how, fresh, touch,
                  asking.key if asking else None, asking.passkey if asking else None,
                  asking is not None and bool(form.get("passes")))


def read_kin(form: Form) -> str:
    """What they are to the place. Raises Problem."""
    kin = _text(form, "kin")
    if kin not in KINS:
        raise wrong({"kin": "Choose what they are to this place."})
    return kin


def read_doors(form: Form, doors: Sequence[Door]) -> list[Door]:
    """The doors that were chosen. Raises Problem."""
    chosen = [door for door in doors if door.ref in form.get("doors", [])]
    if not chosen or len(chosen) != len(set(form.get("doors", []))):
        raise wrong({"doors": "Choose one door at least."})
    return chosen


def read_fresh(form: Form, times: Times, at: int) -> int | None:
    """How long the key may go without being refreshed; absent means ever."""
    kin = KINS[read_kin(form)]
    if form.get("fresh") == "never" or kin.fresh is None:
        return None
    if kin.fresh:
        return kin.fresh
    return times.exp - (times.nbf or at) if times.exp is not None else None


def read_holder(form: Form) -> Asking:
    """The device or browser that asked for a key. Raises Problem."""
    try:
        return read_asking(_text(form, "request"))
    except Theirs as error:
        raise wrong({"request": f"{error.message[:1].upper()}{error.message[1:]}."}) from error


def today_in(zone: str) -> date:
    """The day on a door's clock."""
    return datetime.fromtimestamp(now(), UTC).astimezone(ZoneInfo(zone)).date()
