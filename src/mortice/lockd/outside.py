"""The world outside the daemon: clocks and randomness, handed in, so that a test can bend them.

The one module of `lockd` that reads a clock or draws random bytes.
"""

from __future__ import annotations

import secrets
import time
from typing import Protocol

FIRMWARE_AT = 1_795_478_400  # 24 November 2026: no log entry of this firmware can be older


class Outside(Protocol):
    """What the daemon takes from the machine that it runs on."""

    def wall(self) -> int:
        """The board clock, Unix seconds; not to be believed by itself."""

    def count(self) -> float:
        """Monotonic seconds since some moment."""

    def random(self, size: int) -> bytes:
        """`size` bytes from the operating system's generator."""


class Machine:
    """The real machine."""

    def wall(self) -> int:
        """The board clock, Unix seconds."""
        return int(time.time())

    def count(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def random(self, size: int) -> bytes:
        """Random bytes from the operating system."""
        return secrets.token_bytes(size)
