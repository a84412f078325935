"""Batteries of the demo's doors: how full they are, by how many days are still to pass.

A straight line with a little weather on it, which is what cells do in mid life; the same each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sin

WEATHER_VOLTS = 0.012
WEATHER_DAYS = 4.3  # how long warm and cold take to follow each other, about


@dataclass(frozen=True, slots=True)
class Cells:
    """Volts at the end of the demo's history, and how much they fell each day until then."""

    volts: float
    a_day: float

    def before(self, days: float) -> float:
        """Volts that many days before the end."""
        weather = WEATHER_VOLTS * sin(days / WEATHER_DAYS) if days >= 1 else 0.0
        return self.volts + self.a_day * max(0.0, days) + weather
