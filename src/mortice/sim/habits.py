"""Who comes to which door of the demo, on which days, and at about what hour."""

from __future__ import annotations

from dataclasses import dataclass

# who · door · days of the week with a letter · hour · hours either way · how often of such days
PLACES = {
    "alder-road": """
        Margaret Hale · front-door · MTWTF-- · 17.6 · 0.6 · 0.8
        Ben Hale · front-door · MTWTF-- · 18.3 · 0.7 · 0.8
        Ella Hale · front-door · MTWTF-- · 16.0 · 0.4 · 0.9
        Arthur Hale · back-door · MTWTFSS · 11.0 · 0.5 · 0.4
        Ana Sousa · front-door · MTWTF-- · 9.2 · 0.8 · 0.5
        Tom Reed · front-door · -T----- · 10.2 · 0.1 · 1.0
        Tom Reed · front-door · --W---- · 12.5 · 0.5 · 0.25
        Dev Patel · back-door · MTWTF-- · 12.3 · 0.4 · 0.9
        Ben Hale · garage-side-door · -----SS · 14.0 · 2.0 · 0.6
        Bill Mason · garage-side-door · MTWTF-- · 8.3 · 0.2 · 0.7
        """,
    "chaucer-house": """
        Grace Lim · street-door · MTWTFSS · 18.0 · 1.5 · 0.7
        Kofi Boateng · street-door · MTWTFSS · 19.5 · 1.5 · 0.6
        Priya Shah · street-door · MTWTFSS · 17.5 · 1.5 · 0.8
        Sean Doyle · street-door · MTWTFSS · 22.0 · 1.5 · 0.6
        Ines Costa · street-door · MTWTFSS · 16.5 · 1.5 · 0.6
        Grace Lim · room-1 · MTWTFSS · 19.0 · 2.0 · 0.15
        Kofi Boateng · room-2 · MTWTFSS · 20.0 · 2.0 · 0.15
        Priya Shah · room-4 · MTWTFSS · 18.0 · 2.0 · 0.15
        Sean Doyle · room-5 · MTWTFSS · 22.5 · 1.0 · 0.15
        Ines Costa · room-6 · MTWTFSS · 17.0 · 2.0 · 0.15
        Marta Nowak · street-door · M--T--- · 9.4 · 0.2 · 1.0
        Lettings Desk · street-door · --W---- · 14.0 · 1.0 · 0.5
        Lettings Desk · room-3 · --W---- · 14.3 · 1.0 · 0.3
        Lettings Desk · meter-cupboard · --W---- · 14.6 · 1.0 · 0.15
        Sam Guest · street-door · -----S- · 21.0 · 1.0 · 0.2
        """,
    "hale-rowe": """
        Aisha Khan · main-entrance · MTWTF-- · 8.2 · 0.4 · 0.8
        Ben Carter · main-entrance · MTWTF-- · 8.7 · 0.5 · 0.55
        Chloe Evans · main-entrance · MTWTF-- · 8.8 · 0.5 · 0.55
        Daniel Ford · main-entrance · MTWTF-- · 8.6 · 0.5 · 0.55
        Emma Grant · main-entrance · MTWTF-- · 9.0 · 0.5 · 0.5
        Femi Ojo · main-entrance · MTWTF-- · 8.7 · 0.5 · 0.55
        Gita Rao · main-entrance · MTWTF-- · 9.1 · 0.4 · 0.2
        Harry Lowe · main-entrance · MTWTF-- · 8.9 · 0.5 · 0.55
        Isla Munro · main-entrance · MTWTF-- · 8.9 · 0.5 · 0.5
        Owen Rowe · main-entrance · MTWTF-- · 7.6 · 0.4 · 0.7
        Owen Rowe · server-cupboard · M------ · 10.0 · 1.0 · 0.5
        Emma Grant · main-entrance · -----S- · 11.0 · 1.0 · 0.3
        Harry Lowe · main-entrance · --W---- · 20.5 · 0.5 · 0.2
        """,
}


@dataclass(frozen=True, slots=True)
class Habit:
    """Somebody who comes to a door on some days of the week, at about some hour."""

    who: str
    door: str
    days: str  # MTWTFSS, with a dash for a day on which they never come
    hour: float
    spread: float  # hours, either way
    odds: float  # that they come on such a day


def habits_at(place: str) -> list[Habit]:
    """Everybody's habits at a place."""
    rows = (line.split(" · ") for line in PLACES[place].split("\n") if line.strip())
    return [Habit(who.strip(), door, days, float(hour), float(spread), float(odds))
            for who, door, days, hour, spread, odds in rows]
