"""A machine whose clock begins in the past and is let go forward: how the demo's history is made.

The doors' own daemons write it, at the times that it tells of. Only this clock differs from the
product; when it has caught up, the daemons go on by the machine's own.
"""

from __future__ import annotations

import time

from mortice.lockd.outside import Machine


class Past(Machine):
    """The machine as it was `at` Unix second, and as it goes on from there."""

    def __init__(self, at: int) -> None:
        self.made_at = at  # the demo's doors had this firmware from their first day
        self._behind = max(0.0, time.time() - at)

    def wall(self) -> int:
        """Unix seconds by this clock."""
        return int(time.time() - self._behind)

    def run_id(self) -> bytes:
        """Not this run of the machine: what comes later counts from elsewhere."""
        return b"the past"

    def count(self) -> float:
        """Monotonic seconds since it began."""
        return time.time() - self._behind - self.made_at

    def let_pass(self, until: int) -> None:
        """It is Unix second `until` now, or later if that is past already."""
        self._behind = max(0.0, min(self._behind, time.time() - until))
