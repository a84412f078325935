"""Weekly hours, local to the door, safe over clock changes.

Decides whether an instant lies in a key's hours, and whether one set of hours lies inside another.
The instant is turned from UTC into the door's own time and then compared; never the other way
round. So the hour that comes twice in October admits both times, and the hour that is left out in
March admits nobody because it never comes.

Spec: spec/grant.md, section 4; spec/decision.md, section 8. Checks C13 and R7.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from mortice.core import cbor
from mortice.core.errors import Malformed
from mortice.core.limits import WINDOWS

DAY = 24 * 60  # minutes
WEEK = 7 * DAY


class Window(NamedTuple):
    """Minutes of the door's day on the days in `days` (bit 0 is Monday); may run past midnight."""

    days: int
    start: int
    end: int


Hours = tuple[Window, ...]


def read_hours(value: object) -> Hours:
    """Parse `[[days, start, end], …]`. Raises Malformed (C13)."""
    if not isinstance(value, list) or not 1 <= len(value) <= WINDOWS:
        raise Malformed("C13", f"hours: expected 1 to {WINDOWS} windows")
    return tuple(_read_window(item) for item in value)


def _read_window(item: object) -> Window:
    if not isinstance(item, list) or len(item) != 3 or any(type(n) is not int for n in item):
        raise Malformed("C13", "hours: a window is [days, start minute, end minute]")
    days, start, end = item
    if not 0 <= days < 128 or not 0 <= start < DAY or not start < end <= start + DAY:
        raise Malformed("C13", "hours: days 0-127, start 0-1439, end at most a day after it")
    return Window(days, start, end)


def write_hours(hours: Hours) -> list[cbor.Value]:
    """The inverse of `read_hours`."""
    return [[w.days, w.start, w.end] for w in hours]


@lru_cache(maxsize=512)
def spans(hours: Hours) -> tuple[tuple[int, int], ...]:
    """The hours as sorted, merged, half-open spans of minutes in a week that starts on Monday."""
    pieces: list[tuple[int, int]] = []
    for window in hours:
        for day in range(7):
            if window.days >> day & 1:
                start, end = day * DAY + window.start, day * DAY + window.end
                pieces.append((start, min(end, WEEK)))
                if end > WEEK:
                    pieces.append((0, end - WEEK))
    return _merged(sorted(pieces))


def _merged(pieces: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in pieces:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def admits(hours: Hours, at: int, zone: tzinfo) -> bool:
    """Is Unix second `at`, on a clock in `zone`, inside `hours`?"""
    minute = minute_of_week(at, zone)
    return any(start <= minute < end for start, end in spans(hours))


@lru_cache(maxsize=8)
def minute_of_week(at: int, zone: tzinfo) -> int:
    """Minutes since Monday began on a clock in `zone`; the links of a chain ask for one instant."""
    local = datetime.fromtimestamp(at, zone)
    return local.weekday() * DAY + local.hour * 60 + local.minute


def shut_at(hours: Hours, at: int, zone: tzinfo) -> int:
    """The Unix second from `at` on at which `hours` end on a clock in `zone`; `at` outside of them.

    Minute by minute, so a clock that is changed on the way changes no meaning. A day at most.
    """
    latest = at + DAY * 60
    minutes = (at, *range(at - at % 60 + 60, latest, 60))
    return next((each for each in minutes if not admits(hours, each, zone)), latest)


def within(narrow: Hours, wide: Hours) -> bool:
    """Does every minute of `narrow` lie in `wide`?"""
    outer = spans(wide)
    return all(any(a <= start and end <= b for a, b in outer) for start, end in spans(narrow))
