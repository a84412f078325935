"""Times as people type and read them, always on the clock of the door that they are for.

A time that the clock skips in spring is refused. In autumn, when an hour comes twice, a key starts
at the first and ends at the second, so it covers both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mortice.cli.problems import usage
from mortice.core.limits import WINDOWS
from mortice.core.schedule import DAY, Hours, Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = (
    "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
EVERY_DAY, WORKDAYS, WEEKEND = 0b1111111, 0b0011111, 0b1100000
GROUPS = {"daily": EVERY_DAY, "weekdays": WORKDAYS, "weekend": WEEKEND}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
DATES = ("%Y-%m-%d", "%d %b %Y", "%d %B %Y", "%d/%m/%Y")
WEEKLY_EXAMPLE = "Write them like: mon-fri 09:00-17:30; sat 10:00-16:00"
TIME_EXAMPLES = "16:00, tomorrow, fri 15:00, 2026-12-24, 2026-12-24 16:00, 24 Dec 2026"


def zone_named(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises Problem."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise usage(
            f"No time zone is called {name!r}.", "Use a name such as Europe/London.") from error


@dataclass(frozen=True)
class Clock:
    """Now, at one door."""

    zone: tzinfo
    now: int

    def start(self, text: str) -> int:
        """Unix seconds at which `text` begins: a bare date begins at midnight."""
        day, at = self._read(text)
        return self._seconds(day, at or time(0), fold=0)

    def end(self, text: str) -> int:
        """Unix seconds at which `text` is over: a bare date is over at its last midnight."""
        day, at = self._read(text)
        if at is None:
            return self._seconds(day + timedelta(days=1), time(0), fold=1)
        return self._seconds(day, at, fold=1)

    def _read(self, text: str) -> tuple[datetime, time | None]:
        """The day that `text` names, and the time on it if it names one."""
        words = " ".join(text.replace("T", " ").split()).lower()
        if words == "now":
            local = datetime.fromtimestamp(self.now, self.zone)
            return local, local.time()
        found = re.fullmatch(r"(.*?)\s*(\d{1,2}:\d\d(?::\d\d)?)?", words)
        date_part, time_part = (found[1], found[2]) if found else (words, None)
        at = None if time_part is None else _time(time_part, text)
        return self._day(date_part, at, text), at

    def _day(self, words: str, at: time | None, text: str) -> datetime:
        today = datetime.fromtimestamp(self.now, self.zone).replace(tzinfo=None)
        if not words and at is not None:  # the next time that the clock shows it
            return today if at > today.time() else today + timedelta(days=1)
        if words in ("today", "tomorrow"):
            return today + timedelta(days=words == "tomorrow")
        if words[:3] in DAYS and words.isalpha():
            ahead = (DAYS.index(words[:3]) - today.weekday()) % 7
            return today + timedelta(days=ahead or 7)
        for form in DATES:
            try:
                return datetime.strptime(words, form)  # noqa: DTZ007 — the door's zone follows
            except ValueError:
                continue
        raise usage(f"{text!r} is no time.", f"Write it like one of these: {TIME_EXAMPLES}")

    def _seconds(self, day: datetime, at: time, *, fold: int) -> int:
        local = datetime.combine(day.date(), at, self.zone).replace(fold=fold)
        seconds = int(local.timestamp())
        shown = datetime.fromtimestamp(seconds, self.zone)
        if (shown.hour, shown.minute) != (local.hour, local.minute):
            raise usage(
                f"{at:%H:%M} does not exist on {day:%d %B %Y}: the clocks go forward then.",
                "Choose a time an hour later.")
        return seconds

    def say(self, at: int) -> str:
        """A moment as people read it."""
        return datetime.fromtimestamp(at, self.zone).strftime("%a %-d %b %Y %H:%M")

    def say_exactly(self, at: int) -> str:
        """A moment to the second."""
        return datetime.fromtimestamp(at, self.zone).strftime("%a %-d %b %Y %H:%M:%S")

    def say_end(self, at: int) -> str:
        """An end as people read it: midnight belongs to the day that it ends."""
        if not self.say(at).endswith(" 00:00"):
            return self.say(at)
        return f"the end of {self.say(at - 1).rsplit(' ', 1)[0]}"


def _time(text: str, whole: str) -> time:
    try:
        hour, minute, second = map(int, (text + ":0").split(":")[:3])
        return time(hour, minute, second)
    except ValueError as error:
        raise usage(f"{whole!r} is no time.", f"Write it like one of: {TIME_EXAMPLES}") from error


def iso(at: int) -> str:
    """A moment for scripts: UTC, ISO 8601."""
    return datetime.fromtimestamp(at, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> int:
    """A length of time such as `2h`, `7d` or `1h30m`. Raises Problem."""
    parts = re.findall(r"(\d{1,9})\s*([smhdw])", text.lower())
    if not parts or "".join(a + b for a, b in parts) != "".join(text.lower().split()):
        raise usage(
            f"{text!r} is no length of time.", "Write it like: 30s, 10m, 2h, 7d, 2w, 1h30m")
    return sum(int(count) * UNITS[unit] for count, unit in parts)


def say_seconds(length: int) -> str:
    """A length of time as people read it."""
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if length >= unit and length % unit == 0:
            count = length // unit
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{length} seconds"


# --- weekly hours -----------------------------------------------------------------------


def days(text: str) -> int:
    """Days such as `Tue,Thu` or `Mon-Fri` as bits, Monday the lowest. Raises Problem."""
    bits = 0
    for part in filter(None, re.split(r"[,\s]+", text.lower())):
        first, dash, last = part.partition("-")
        if part in GROUPS:
            bits |= GROUPS[part]
        elif first[:3] in DAYS and (last[:3] in DAYS or not dash):
            at, until = DAYS.index(first[:3]), DAYS.index((last or first)[:3])
            bits |= sum(1 << (at + n) % 7 for n in range((until - at) % 7 + 1))
        else:
            raise usage(
                f"{part!r} is no day.", "Write days like: Tue,Thu or Mon-Fri or weekdays or daily")
    if not bits:
        raise usage("No day was named.", "Write days like: Tue,Thu")
    return bits


def hours(day_bits: int, text: str) -> Hours:
    """Hours such as `10:00-12:00,14:00-16:00` on those days. Raises Problem."""
    return tuple(_window(day_bits, part.strip()) for part in text.split(","))


def _window(day_bits: int, text: str) -> Window:
    found = re.fullmatch(r"(\d{1,2}):(\d\d)\s*(?:-|\u2013|to)\s*(\d{1,2}):(\d\d)", text)
    if found is None:
        raise usage(f"{text!r} are no hours.", "Write hours like: 10:00-12:00")
    start, end = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3))
    if start >= DAY or end > DAY or int(found[2]) > 59 or int(found[4]) > 59 or start == end:
        raise usage(
            f"{text!r} are no hours.", "Write hours like: 10:00-12:00, or 22:00-06:00 over night")
    return Window(day_bits, start, end if end > start else end + DAY)


def weekly(text: str) -> Hours:
    """Hours such as `mon-fri 09:00-17:30; sat 10:00-16:00`. Raises Problem."""
    found: list[Window] = []
    for part in filter(None, (each.strip() for each in text.split(";"))):
        said = re.fullmatch(r"(\D+?)\s+(\d.*)", part)
        if said is None:
            raise usage(f"{part!r} does not say days and hours.", WEEKLY_EXAMPLE)
        found += hours(days(said[1]), said[2])
    if len(found) > WINDOWS:
        raise usage(f"Those are {len(found)} windows; a door keeps {WINDOWS}.",
                    "Name days that are alike together, such as: mon-fri 09:00-17:30")
    return tuple(found)


def say_hours(windows: Hours) -> str:
    """Weekly hours as people read them."""
    return " and ".join(
        f"{_say_days(w.days)} {_say_minute(w.start)} to {_say_minute(w.end)}" for w in windows)


def _say_days(bits: int) -> str:
    named = {EVERY_DAY: "every day", WORKDAYS: "Monday to Friday", WEEKEND: "at weekends"}
    if bits in named:
        return named[bits]
    listed = [DAY_NAMES[n] for n in range(7) if bits >> n & 1]
    return ("on " + " and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))
            if listed else "on no day")


def _say_minute(minute: int) -> str:
    return f"{minute % DAY // 60:02d}:{minute % 60:02d}" if minute != DAY else "24:00"
