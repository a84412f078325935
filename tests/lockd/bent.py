"""An event loop whose seconds pass when nothing is left to do, and a machine whose clocks bend.

A test that sleeps for a day takes a moment. What a thread would do is done at once and its result
comes 25 ms later by the bent clock, so that every run with one seed is the same run. With sockets
open the loop looks twice before it lets a long time pass: what travels over loopback arrives first.
"""

# ruff: noqa: ANN401 — run_in_executor has the loop's own signature
from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable
from typing import Any

from mortice.lockd.outside import FIRMWARE_AT

START = 5000.0  # monotonic seconds; not zero, so that nothing depends on it
THREAD_SECONDS = 0.025  # how long the slow hash of a PIN takes on a small board
LONG_SECONDS = 0.3  # a jump over which something on a socket might be missed
PATIENCE_SECONDS = 0.05  # real seconds to look for it
OWN_FILES = 1  # the loop's own wake-up pipe
RTC_LOST = 946_684_800  # where a board clock without a battery begins: 1 January 2000


class _Jumping(selectors.EpollSelector):
    now = START

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select()
        if timeout > LONG_SECONDS and len(self.get_map()) > OWN_FILES:
            ready = super().select(PATIENCE_SECONDS)
        if not ready:
            self.now += timeout
        return ready


class BentLoop(asyncio.SelectorEventLoop):
    """Sleeping takes no time."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._jumping.now

    def jump(self, seconds: float) -> None:
        """Let time pass without anybody noticing on the way."""
        self._jumping.now += seconds

    def run_in_executor(
        self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        result = func(*args)
        self.call_later(THREAD_SECONDS, lambda: future.done() or future.set_result(result))
        return future


def bent_loop() -> BentLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, BentLoop)
    return loop


class Board:
    """The machine under a lock: its clocks, its random generator, and what becomes of them."""

    made_at = FIRMWARE_AT

    def __init__(self, wall: int, seed: str = "") -> None:
        self.loop = bent_loop()
        self.chance = random.Random(seed)
        self.stuck = False
        self._wall = self._true = wall - self.loop.time()  # at monotonic second 0
        self._booted = self.loop.time() - 100

    def wall(self) -> int:
        return int(self._wall + self.loop.time())

    def run_id(self) -> bytes:
        return b""  # a start is a start after a power cut

    def count(self) -> float:
        return self.loop.time() - self._booted

    def random(self, size: int) -> bytes:
        return b"\x55" * size if self.stuck else self.chance.randbytes(size)

    def true_time(self) -> int:
        """What a watch outside says, whatever became of the board clock."""
        return int(self._true + self.loop.time())

    def set_wall(self, wall: int) -> None:
        """Somebody turns the board clock."""
        self._wall = wall - self.loop.time()

    def lose_rtc(self) -> None:
        self.set_wall(RTC_LOST)

    def boot(self) -> None:
        """The monotonic count begins anew."""
        self._booted = self.loop.time() - 2.5

    async def until(self, true: Callable[[], bool], *, within: float = 60.0) -> None:
        """Let time pass until `true` holds; it must within some bent seconds."""
        end = self.loop.time() + within
        while not true():
            assert self.loop.time() < end, "what was waited for did not happen"
            await asyncio.sleep(0.01)
