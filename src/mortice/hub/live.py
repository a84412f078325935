"""Tells watching pages that something changed at their place. It carries no content: they ask anew.

So a missed word costs nothing, and what somebody may see is judged where it always is.
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
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, place_id)

    def _wake(self, place_id: int) -> None:
        for watcher in self._watchers.get(place_id, ()):
            watcher.set()

    async def changes(self, place_id: int) -> AsyncIterator[bool]:
        """True whenever something changed, False when nothing did for a while."""
        changed = asyncio.Event()
        self._watchers[place_id].add(changed)
        try:
            while not self.closing:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), BEAT_SECONDS)
                yield changed.is_set()
                changed.clear()
        finally:
            self._watchers[place_id].discard(changed)
