"""How long a door's batteries last, from the volts that its lock reports: or why nobody can say.

They end where the lock stops turning its bolt (spec/door.md, section 3). *About* goes on as they
fell: by the median of the slopes between all pairs of readings since the cells were fitted (Theil
1950, Sen 1968), which some wrong readings do not move. *At least* takes the steep end of that
slope's interval, one-sided at 90 % (Gilbert, Statistical Methods for Environmental Pollution
Monitoring, 1987, section 16.4.2), and then STEEPER of it: alkaline cells fall faster towards their
end than in mid life. Nobody sees a colder month coming, nor the sudden end of lithium cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations
from math import ceil, inf, sqrt
from statistics import median
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mortice.hub.doors import LOW_MILLIVOLTS, is_possible
from mortice.hub.tables import Door, Reading

DAY = 86_400
KEPT_DAYS, LOOKED_DAYS = 400, 45  # of readings; a forecast looks no further back: another season
ENOUGH = 7  # readings before anything is forecast
FORTNIGHT = 14  # they span as many days; the last is no older; cells at work change within it
JUMP_MILLIVOLTS = 250  # above all of the last three: new cells, and not a warm day
MOST_DAYS = 730  # further ahead nobody sees
STEEPER = 1.75  # makers' curves of alkaline cells: 1.6 between 1.2 and 1.15 V, against before
NINETY_PER_CENT = 1.2816  # of the normal distribution, one-sided
SOON_DAYS, VERY_SOON_DAYS = 30, 7

Readings = tuple[tuple[int, int], ...]  # (day since 1970, millivolts), oldest first


class Forecast(NamedTuple):
    """What is said of a door's batteries. `at_least` is days, where there is a number at all."""

    words: str
    last: tuple[int, int] | None = None  # the newest reading
    fitted: int | None = None  # the day on which new cells were seen
    at_least: float | None = None
    tone: str = ""  # brass or bad, where somebody has to see to them


def keep(db: Session, door: Door, millivolts: object, at: int) -> None:
    """Keep what a lock said of its battery, unless no battery can be that.

    Of a day the best counts: a motor at work pulls the volts down.
    """
    if not isinstance(millivolts, int) or not is_possible(millivolts):
        return
    kept = db.get(Reading, (door.id, at // DAY))
    if kept is not None:
        kept.millivolts = max(kept.millivolts, millivolts)
        return
    db.add(Reading(door_id=door.id, day=at // DAY, millivolts=millivolts))
    db.execute(delete(Reading).where(
        Reading.door_id == door.id, Reading.day <= at // DAY - KEPT_DAYS))


def forecasts(db: Session, doors: Iterable[Door], at: int) -> dict[int, Forecast]:
    """For each door that says it runs on batteries, by the door's id."""
    said = {door.id: door.status.get("millivolts") for door in doors
            if door.status.get("mains") is False}
    found: dict[int, list[tuple[int, int]]] = {door: [] for door in said}
    for row in db.scalars(select(Reading).where(
            Reading.door_id.in_(said), Reading.day > at // DAY - LOOKED_DAYS)
            .order_by(Reading.day)):
        found[row.door_id].append((row.day, row.millivolts))
    return {door: forecast(tuple(those), at // DAY) if is_possible(said[door])
            else Forecast("its reading makes no sense, so no forecast")
            for door, those in found.items()}


def worn(db: Session, doors: Iterable[Door], at: int) -> list[tuple[Door, str, str]]:
    """The doors that need new cells soon: door, sentence, tone."""
    known = {door.id: door for door in doors}
    return [(known[door], f"the batteries last {said.words}.", said.tone)
            for door, said in forecasts(db, known.values(), at).items() if said.tone]


@lru_cache(maxsize=4096)
def forecast(readings: Readings, today: int) -> Forecast:
    """What readings, one a day, say on day `today`."""
    begin = _fitted(readings)
    run = readings[begin:]
    last, fitted = (run[-1], run[0][0] if begin else None) if run else (None, None)
    why = _why_not(run, today) if run else "no reading yet"
    if why:
        return Forecast(why, last, fitted)
    about, least = left(run, today)
    tone = "" if least >= SOON_DAYS else "brass" if least >= VERY_SOON_DAYS else "bad"
    words = f"about {_span(about)}" if about < MOST_DAYS else "more than 2 years"
    return Forecast(f"{words}, at least {_span(min(least, MOST_DAYS))}", last, fitted, least, tone)


def _fitted(readings: Readings) -> int:
    """The place of the first reading since new cells were seen."""
    return max((place for place in range(1, len(readings)) if readings[place][1] >= (
        JUMP_MILLIVOLTS + max(each for _, each in readings[max(0, place - 3):place]))), default=0)


def _why_not(run: Readings, today: int) -> str:
    """Why there is no number, if there is none."""
    (last, level), days = run[-1], run[-1][0] - run[0][0]
    changed = max((day for day, other in run if other != level), default=run[0][0] - 1)
    same = [day for day, _ in run if day > changed]
    if today - last > FORTNIGHT:
        return f"no reading for {today - last} days, so no forecast"
    if last - same[0] >= FORTNIGHT and len(same) >= ENOUGH:
        return f"the reading has not changed for {last - same[0]} days, so it says nothing"
    if level < LOW_MILLIVOLTS:
        return "empty: the lock no longer turns its bolt"
    if len(run) < ENOUGH or days < FORTNIGHT:
        return f"not enough readings yet: {len(run)} in {days} days"
    return "" if left(run, today)[0] < inf else f"no fall in {days} days, so no forecast yet"


def left(run: Readings, today: int) -> tuple[float, float]:
    """Days that are left on day `today`: about, and at least. Without any fall, no end is seen."""
    slopes = sorted((early - late) / (to - since)
                    for (since, early), (to, late) in combinations(run, 2))
    count = len(run)
    spread = NINETY_PER_CENT * sqrt(count * (count - 1) * (2 * count + 5) / 18)
    steep = STEEPER * slopes[min(len(slopes) - 1, ceil((len(slopes) + spread) / 2))]
    above = max(0, run[-1][1] - LOW_MILLIVOLTS)
    about, least = (
        max(0.0, above / fall - (today - run[-1][0])) if fall > 0 else inf
        for fall in (median(slopes), steep))
    return about, least


def _span(days: float) -> str:
    """In the largest unit of which there are two, rounded down."""
    for length, unit in ((365 / 12, "months"), (7, "weeks")):
        if days >= 2 * length:
            return f"{int(days / length)} {unit}"
    return f"{int(days)} day{'' if int(days) == 1 else 's'}"
