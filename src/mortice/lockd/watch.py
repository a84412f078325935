"""What happens at the door without a command: hands, keys, the leaf, the supply, and time passing.

Everything is written down as what was seen. A bolt that moves without the motor is never put down
to a person. The inside turn is mechanical: it has already opened the door when this module hears
of it. The one movement that starts here is a relock, which can only throw the bolt, and only with
the leaf closed.

Spec: spec/door.md, sections 4 to 6.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from mortice.core.decision import day_of, standing
from mortice.core.door import Bolt, DoorState, Leaf, Sight, state_of
from mortice.core.log import About, Kind
from mortice.core.stages import Relock, TimeState
from mortice.drivers import (
    BoltSeen,
    Happening,
    InsideButton,
    KeyPressed,
    LeafSeen,
    Light,
    SupplySeen,
)
from mortice.lockd.daemon import Held, Lock
from mortice.lockd.identity import RESET_HOLD_SECONDS, factory_reset
from mortice.lockd.keypad import Keypad
from mortice.lockd.store import DiskFull

LOG = logging.getLogger(__name__)
TICK_SECONDS = 1.0  # how often holds and relocks are looked at
RELOCK_TRIES = 3  # against an obstruction, before the door only tells
HOUSEKEEPING_SECONDS = 3600.0  # how often the disk is put in order
TIDY_WHEN_FULL = 20  # changes between two foldings of the write-ahead file


class Watch:
    """Listens to one lock's hardware for as long as it runs."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._keypad = Keypad(lock)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._presses: asyncio.Queue[str] = asyncio.Queue(maxsize=64)
        self._closed_at: float | None = None
        self._relock_tries = 0
        self._kept_house_at = lock.outside.count()
        lock.hardware.listen(self.heard)

    def start(self) -> None:
        """Begin: the keypad and the clock's tick, each as a task."""
        self._spawn(self._type())
        self._spawn(self._tick())

    def halt(self) -> None:
        """End all tasks where they stand, as a power cut does."""
        for task in self._tasks:
            task.cancel()

    async def stop(self) -> None:
        """End all tasks, once the bolt stands still and that is written down."""
        async with self._lock.motor:
            self.halt()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def heard(self, happening: Happening) -> None:
        """Something happened at the door. It has happened, whatever goes wrong in here."""
        try:
            self._take_in(happening)
        except Exception:  # it has happened all the same; the next is heard
            LOG.exception("what happened at the door could not be dealt with")

    def _take_in(self, happening: Happening) -> None:
        match happening:
            case KeyPressed(symbol):
                if not self._presses.full():  # a jammed key must not fill memory
                    self._presses.put_nowait(symbol)
            case BoltSeen(bolt, by):
                self._bolt_seen(bolt, by)
            case LeafSeen(leaf):
                self._leaf_seen(leaf)
            case InsideButton(held):
                self._inside_button(held)
            case SupplySeen(volts, mains):
                self._lock.note(Kind.SUPPLY_SEEN, {
                    About.COUNT: int(volts * 1000), About.BY: "mains" if mains else "battery"})

    async def _type(self) -> None:
        while True:
            symbol = await self._presses.get()
            if self._lock.owned is None:
                continue
            try:
                await self._keypad.press(symbol)
            except Exception:  # this press fails; the next is heard again
                LOG.exception("a key press failed")
                self._lock.hardware.show(Light.NO)

    def _bolt_seen(self, bolt: Bolt, by: str) -> None:
        state = state_of(self._lock.hardware.sight())
        self._lock.note(Kind.BOLT_SEEN, {About.BY: by, About.STATE: state.value})
        self._lock.relock_because = ""  # hands have the last word
        self._restart_relock()

    def _leaf_seen(self, leaf: Leaf) -> None:
        lock = self._lock
        entry = lock.note(Kind.LEAF_SEEN, {About.STATE: leaf.value})
        if lock.hardware.sight().bolt is Bolt.THROWN and leaf is Leaf.OPEN:
            lock.note(Kind.ALARM, {
                About.DETAIL: "the door is open while its bolt is out",
                About.CAUSE: entry.index if entry else None})
        self._restart_relock()

    def _inside_button(self, held: float) -> None:
        lock = self._lock
        if held >= RESET_HOLD_SECONDS:
            self._spawn(factory_reset(lock))
            return
        lock.window.press(lock.outside.count())
        lock.note(Kind.INSIDE, {About.BY: "button"})

    def _restart_relock(self) -> None:
        self._closed_at = None
        self._relock_tries = 0

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self.look()
            except Exception:  # this look fails; the next comes in a second
                LOG.exception("a look at the door failed")

    async def look(self) -> None:
        """What the passing of time asks for: ends of holds, relocking, a tidy disk."""
        lock = self._lock
        if lock.owned is not None:
            self._look_at_hold()
            await self._relock_if_due()
        self._keep_house()

    def _keep_house(self) -> None:
        """What the disk needs. Nothing waits for it, and a full disk puts it off."""
        lock, count = self._lock, self._lock.outside.count()
        lock.regain_room()
        with suppress(DiskFull):
            if count - self._kept_house_at >= HOUSEKEEPING_SECONDS:
                self._kept_house_at = count
                lock.keep_uptime()
                lock.tell_unlogged()
                self._forget_ended()
            if lock.log_full:
                lock.store.tidy(after=TIDY_WHEN_FULL)
            lock.store.tidy()

    def _forget_ended(self) -> None:
        """Drop counts and news of keys that have ended, whoever sets the clock back afterwards."""
        lock, now = self._lock, self._lock.now()
        if lock.owned is None or now.state is TimeState.UNSURE:
            return
        with lock.store.change() as change:
            change.forget_ended(now.floor, day_of(now.floor, lock.owned.place.zone))
        lock.forget_news_digest()

    def _look_at_hold(self) -> None:
        """A hold ends at its end, and as soon as its key no longer counts at this door."""
        lock = self._lock
        held = lock.held
        if held is None:
            return
        over = lock.now().at >= held.until
        if over or not self._still_counts(held):
            lock.end_hold(held.entry, "ended" if over else "key no longer good")

    def _still_counts(self, held: Held) -> bool:
        lock = self._lock
        if held.site is not lock.owner().place.site:  # verified under a root that is gone
            return False
        return standing(held.verified, lock.facts(held.verified)) is None

    async def _relock_if_due(self) -> None:
        lock = self._lock
        sight = lock.hardware.sight()
        if sight.bolt is Bolt.THROWN:
            lock.relock_because = ""
        if lock.held is not None or not self._can_lock(sight):
            self._closed_at = None
            return
        now = lock.outside.count()
        self._closed_at = now if self._closed_at is None else self._closed_at
        after = lock.owner().config.relock_after
        due = after > 0 and now - self._closed_at >= after
        if (due or lock.relock_because) and self._relock_tries < RELOCK_TRIES:
            await self.relock(lock.relock_because or "closed")

    def _can_lock(self, sight: Sight) -> bool:
        """Is there a bolt to throw: one that is drawn, or that met something when it was thrown?"""
        half_way = sight.bolt is Bolt.BETWEEN and self._relock_tries > 0
        return sight.leaf is Leaf.CLOSED and (sight.bolt is Bolt.DRAWN or half_way)

    async def relock(self, because: str) -> None:
        """Throw the bolt, with its cause durable first."""
        lock = self._lock
        entry = lock.note(Kind.RELOCKED, {About.DETAIL: because})
        if entry is None:
            return
        moved = await lock.move(Relock(because))
        lock.note(Kind.MOVED, {About.STATE: moved.state.value, About.CAUSE: entry.index})
        self._closed_at = None
        if moved.state is DoorState.JAMMED:
            self._relock_tries += 1
            lock.note(Kind.ALARM, {About.DETAIL: "the bolt met something while locking",
                                   About.CAUSE: entry.index})
            return
        lock.relock_because = ""
        self._relock_tries = 0
