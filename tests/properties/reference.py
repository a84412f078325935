"""What a key allows, written as sets and nothing else: the reference for narrowing and deciding.

It shares no line with the core. A link is the set of points that it allows in each dimension, over
a finite universe of points that lie on both sides of every edge; a chain allows what all of its
links do, and its last holder may do what that link says and every link above hands on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.properties.choices import DOORS, FACTORS, LIVES, QUOTAS, RIGHTS, STALE, USES

from mortice.core.grant import Grant
from mortice.core.schedule import Hours

LONDON = ZoneInfo("Europe/London")
MONDAY = datetime(2026, 3, 2, tzinfo=LONDON)  # of the week in which the examples play
FOREVER = 10**12  # more than any bound in the examples


def instants(links: Iterable[Grant]) -> list[int]:
    """Both sides of every edge in time that the links have, and of every hour of the week."""
    edges = {int((MONDAY + timedelta(minutes=minute)).timestamp())
             for link in links for minute in _edges(link.hours)}
    edges |= {edge for link in links for edge in (link.nbf, link.exp) if edge is not None}
    edges.add(int(MONDAY.timestamp()) + 3 * 86_400)
    return sorted({edge + step for edge in edges for step in (-60, -1, 0, 59)})


def _edges(hours: Hours | None) -> set[int]:
    return {day * 1440 + edge for window in hours or () for day in range(7)
            for edge in (window.start, window.end)}


def minutes(hours: Hours) -> frozenset[int]:
    """Every minute of the week that lies in `hours`, one by one."""
    return frozenset(
        (day * 1440 + minute) % (7 * 1440) for window in hours for day in range(7)
        if window.days >> day & 1 for minute in range(window.start, window.end))


@dataclass(frozen=True)
class Allowed:
    """What one link allows, dimension by dimension, and what it lets others have."""

    doors: frozenset[bytes]
    use: frozenset[int]
    hand_on: frozenset[int]
    when: frozenset[int]
    shown: frozenset[frozenset[int]]  # sets of factors that are enough
    ages: frozenset[int]  # of a staple
    nth: frozenset[int]  # openings
    keys: frozenset[int]  # different keys a day below it
    lives: frozenset[int]  # of links below it
    levels: frozenset[int]  # of links below it


def allowed(link: Grant, at: Iterable[int]) -> Allowed:
    """The points that `link` allows, among the instants `at`."""
    return Allowed(
        frozenset(door for door in DOORS if door in link.doors),
        frozenset(int(right) for right in RIGHTS if right in link.use),
        frozenset(int(right) for right in RIGHTS if right in link.delegable),
        frozenset(second for second in at if _open_at(link, second)),
        frozenset(shown for shown in subsets(FACTORS) if needed(link) <= shown),
        _up_to(link.max_staleness, STALE), _up_to(link.uses, USES), _up_to(link.quota, QUOTAS),
        _up_to(link.max_life, LIVES), frozenset(range(link.depth)))


def needed(link: Grant) -> frozenset[int]:
    """The factors that a link asks for."""
    return frozenset(int(factor) for factor in FACTORS if factor in link.factors)


def subsets(things: Iterable[int]) -> list[frozenset[int]]:
    """Every set of some of `things`."""
    found = [frozenset[int]()]
    for thing in things:
        found += [one | {int(thing)} for one in found]
    return found


def _open_at(link: Grant, second: int) -> bool:
    if link.nbf is not None and second < link.nbf:
        return False
    if link.exp is not None and second >= link.exp:
        return False
    if link.hours is None:
        return True
    local = datetime.fromtimestamp(second, LONDON)
    return local.weekday() * 1440 + local.hour * 60 + local.minute in minutes(link.hours)


def _up_to(bound: int | None, bounds: Iterable[int | None]) -> frozenset[int]:
    """Numbers up to a bound, on both sides of every bound there is."""
    edges = {edge for known in bounds if known for edge in (known, known + 1)} | {1, FOREVER}
    return frozenset(edge for edge in edges if bound is None or edge <= bound)


def widenings(above: Grant, below: Grant) -> list[str]:
    """In which dimensions `below` claims a point that `above` does not let others have."""
    at = instants((above, below))
    one, other = allowed(above, at), allowed(below, at)
    passing_on = bool(below.depth)
    claims = {
        "doors": other.doors <= one.doors, "use": other.use <= one.hand_on,
        "hand on": other.hand_on <= one.hand_on, "when": other.when <= one.when,
        "shown": other.shown <= one.shown, "ages": other.ages <= one.ages,
        "nth": other.nth <= one.nth, "keys": not passing_on or other.keys <= one.keys,
        "lives": not passing_on or other.lives <= one.lives,
        "levels": {level + 1 for level in other.levels} | {0} <= one.levels,
        "life": above.max_life is None or _life(below) <= above.max_life}
    return [name for name, within in claims.items() if not within]


def _life(link: Grant) -> int:
    return FOREVER if link.nbf is None or link.exp is None else link.exp - link.nbf
