"""The world outside the daemon: clocks and randomness, handed in, so that a test can bend them.

The one module of `lockd` that reads a clock or draws random bytes.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from pathlib import Path
from typing import Protocol

HARDWARE_CLOCKS = Path("/sys/class/rtc")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

FIRMWARE_AT = 1_795_478_400  # 24 November 2026


class Outside(Protocol):
    """What the daemon takes from the machine that it runs on."""

    made_at: int  # Unix seconds: when this firmware was made, so no entry of its log is older

    def wall(self) -> int | None:
        """Unix seconds by a clock that runs through power cuts; None if there is none."""

    def run_id(self) -> bytes:
        """What names this run of the machine, in which `count` counts on; empty if unknown."""

    def count(self) -> float:
        """Monotonic seconds since some moment."""

    def random(self, size: int) -> bytes:
        """`size` bytes from the operating system's generator."""


class Machine:
    """The real machine."""

    made_at = FIRMWARE_AT

    def wall(self) -> int | None:
        """What the first hardware clock says. The system's own clock may be one put back."""
        for clock in sorted(HARDWARE_CLOCKS.glob("rtc*/since_epoch")):
            with contextlib.suppress(OSError, ValueError):  # a dead one cannot be read
                return int(clock.read_text("ascii"))
        return None

    def run_id(self) -> bytes:
        """Linux's own random name for the time since it started."""
        with contextlib.suppress(OSError):
            return BOOT_ID.read_bytes().strip()
        return b""

    def count(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def random(self, size: int) -> bytes:
        """Random bytes from the operating system."""
        return secrets.token_bytes(size)
