"""A street of simulated doors, as something that can be watched.

`StreetDoor` ties one simulated door to what its own lock daemon says about it. `Street` holds the
doors and wakes everybody who watches, at most twenty times a second, however fast the doors change.
Nothing here knows of web pages, and nothing here decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from mortice.core.door import state_of
from mortice.drivers.simulated import BROWNOUT_VOLTS, SimulatedDoor

UPDATE_SECONDS = 0.05  # a moving bolt looks smooth at twenty pictures a second
GREEN = "#0B4D3B"

Tone = Literal["good", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a door's log, in the owner's words."""

    index: int  # position in the door's log
    at: float  # Unix seconds
    sure: bool  # does the lock believe its clock? If not, `at` is only a lower bound
    word: str  # "Opened", "Refused", "Locked" …
    tone: Tone
    sentence: str
    detail: str | None = None  # the owner's exact reason, and what helps


@dataclass(frozen=True, slots=True)
class Hint:
    """Something to try: a `code` for the keypad, or a `command` for a terminal, and what it is."""

    label: str
    code: str | None = None
    command: str | None = None  # whole, as it is copied
    shown: str | None = None  # the command as it is read
    door: str | None = None  # slug of the door it is for; None is for all


class Voice(Protocol):
    """What a door's daemon says about it. A daemon without power says nothing."""

    def is_owned(self) -> bool:
        """Does the lock have an owner? The last answer stands while it has no power."""

    def size(self) -> int | None:
        """How many entries its log has. None while nobody can say."""

    def lines(self, since: int) -> list[LogLine]:
        """Its log from entry `since` on."""

    def rests_for(self) -> float:
        """Seconds until the keypad takes a code again."""


class Silent:
    """The voice of a door without a daemon."""

    def is_owned(self) -> bool:
        """Nobody has taken it over."""
        return False

    def size(self) -> int | None:
        """It keeps no log."""
        return None

    def lines(self, since: int) -> list[LogLine]:
        """It keeps no log."""
        return []

    def rests_for(self) -> float:
        """It takes no codes."""
        return 0.0


@dataclass(slots=True)
class StreetDoor:
    """One door of the street."""

    slug: str
    name: str
    place: str
    number: str  # what stands on the door in brass; may be empty
    hardware: SimulatedDoor
    voice: Voice = field(default_factory=Silent)
    paint: str = GREEN  # "#rrggbb"
    indoors: bool = False


Picture = dict[str, str | float | bool | None]


def picture(door: StreetDoor) -> Picture:
    """What there is to see of a door at this moment, in values that JSON can carry.

    `state` is what the daemon would say. The rest are the workbench's instruments, which see the
    wood and brass even where the daemon has lost its senses.
    """
    gauges = door.hardware.gauges()
    return {
        "slug": door.slug,
        "state": state_of(door.hardware.sight()).value,
        "leaf": gauges.leaf.value,
        "motor": gauges.motor.value,
        "light": gauges.light.value,
        "typed": gauges.typed,
        "bolt_mm": round(gauges.bolt_mm, 1),
        "amps": round(gauges.amps, 2),
        "volts": round(gauges.volts, 2),
        "mains": gauges.mains,
        "flat": gauges.battery < BROWNOUT_VOLTS,
        "jam_mm": gauges.jam_mm,
        "button": gauges.button,
        "dead": gauges.dead,
        "owned": door.voice.is_owned(),
        "rest": math.ceil(door.voice.rests_for()),
    }


@dataclass(eq=False, slots=True)
class Watcher:
    """Somebody who watches the street."""

    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Something changed."""
        self._woken.set()

    async def change(self, patience: float) -> bool:
        """Wait for the next change, at least `UPDATE_SECONDS`. False after `patience` seconds."""
        await asyncio.sleep(UPDATE_SECONDS)
        try:
            async with asyncio.timeout(patience):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True


class Street:
    """The doors, what to try at them, and who watches."""

    def __init__(self, doors: Iterable[StreetDoor], hints: Iterable[Hint] = ()) -> None:
        self.doors = {door.slug: door for door in doors}
        self.hints = tuple(hints)
        self._watchers: set[Watcher] = set()

    def changed(self) -> None:
        """Something on the street is not as it was: a gauge, or a new line in a log."""
        for watcher in self._watchers:
            watcher.wake()

    @contextlib.contextmanager
    def watch(self) -> Iterator[Watcher]:
        """A watcher who is woken for as long as the `with` block runs."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
