"""Tells watching pages that something changed at their place. It carries no content: they ask anew.

So a missed word costs nothing, and what somebody may see is judged where it always is. A page says
how much had been told before it was read, so that what changed before it listened is not missed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator

BEAT_SECONDS = 15.0  # a comment on the stream this often keeps proxies from closing it


class Live:
    """Who watches which place."""

    def __init__(self) -> None:
        self._watchers: dict[int, set[asyncio.Event]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closing = False
        self.told = 0  # words so far, about any place

    def start(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """End every stream, so that a server can stop."""
        self.closing = True
        for place in list(self._watchers):
            self._wake(place)

    def tell(self, place_id: int) -> None:
        """Something changed at `place_id`. May be called from any thread."""
        self.told += 1
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, place_id)

    def _wake(self, place_id: int) -> None:
        for watcher in self._watchers.get(place_id, ()):
            watcher.set()

    async def changes(self, place_id: int, after: int | None = None) -> AsyncIterator[bool]:
        """True whenever something changed, False when nothing did for a while.

        At once if something may have changed since `after` words were told.
        """
        changed = asyncio.Event()
        self._watchers[place_id].add(changed)
        if after is not None and after != self.told:
            changed.set()
        try:
            while not self.closing:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), BEAT_SECONDS)
                yield changed.is_set()
                changed.clear()
        finally:
            self._watchers[place_id].discard(changed)
