"""How many relayed conversations there may be at once, so that nobody keeps others from a door.

A lock takes a few at a time (spec/uplink.md, section 3). One person has at most two of them: a
visit, and the one that asks again. Where all are taken, the one that has lasted longest gives way,
if it has lasted longer than any honest visit does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mortice.core.link import Buckets

EACH = 2  # conversations of one person at one door
ALL = 8  # of everybody at one door: what a lock takes
EACH_ANYWHERE = 6  # of one person: a few doors, opened one after the other
BEGUN, BEGUN_RATE = 30.0, 1.0  # of one person at one door: at once, and a second from then on
HONEST_SECONDS = 20.0  # greeting, touch, a slow bolt and the answer


@dataclass(eq=False, slots=True)
class Seat:
    """One conversation under way. `until` ends it when it must give way."""

    who: str
    lock: bytes
    since: float
    until: asyncio.Timeout


class Seats:
    """Every relayed conversation of this hub."""

    def __init__(self) -> None:
        self._taken: dict[Seat, None] = {}  # oldest first
        self._begun = Buckets(BEGUN_RATE, BEGUN)

    def take(self, who: str, lock: bytes, until: asyncio.Timeout) -> Seat | None:
        """A seat at that lock, or None where others have to end first."""
        now = asyncio.get_running_loop().time()
        there = [seat for seat in self._taken if seat.lock == lock]
        own = [seat for seat in self._taken if seat.who == who]
        if len(own) >= EACH_ANYWHERE or sum(seat.lock == lock for seat in own) >= EACH:
            return None
        if not self._begun.take(f"{who} {lock.hex()}", now):
            return None  # the lock begins so many a second for all of them together (J9)
        if len(there) >= ALL:
            if there[0].since > now - HONEST_SECONDS:
                return None
            there[0].until.reschedule(now)
            self.leave(there[0])
        seat = Seat(who, lock, now, until)
        self._taken[seat] = None
        return seat

    def leave(self, seat: Seat) -> None:
        """It is over."""
        self._taken.pop(seat, None)
