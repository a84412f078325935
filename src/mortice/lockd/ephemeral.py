"""A fresh key pair for each conversation, the next one made while nobody waits for it.

Spec: spec/link.md, section 3.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from mortice.core.limits import EPHEMERAL_BYTES
from mortice.core.noise import KeyPair


class StuckRandom(Exception):
    """The machine's random generator gave the same bytes twice. Nothing secret can be made."""


class Ephemerals:
    """Key pairs from `random`, each given out once. `alarm` is told once of a stuck generator."""

    def __init__(self, random: Callable[[int], bytes], alarm: Callable[[], object]) -> None:
        self._random, self._alarm = random, alarm
        self._last, self._stuck = b"", False
        self._next: KeyPair | None = None

    def take(self) -> KeyPair:
        """A pair for one conversation. Raises StuckRandom rather than use any twice."""
        taken, self._next = self._next or self._made(), None
        return taken

    def make_ready(self) -> None:
        """Make the next pair now: it takes a twentieth of an opening's time."""
        if self._next is None:
            with contextlib.suppress(StuckRandom):  # told already; the next visitor is turned away
                self._next = self._made()

    def _made(self) -> KeyPair:
        drawn = self._random(EPHEMERAL_BYTES)
        if drawn == self._last:
            if not self._stuck:
                self._alarm()
            self._stuck = True
            raise StuckRandom
        self._last, self._stuck = drawn, False
        return KeyPair(drawn)
