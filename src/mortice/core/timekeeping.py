"""What time it is and how far to believe it: synced, holdover or unsure, over a floor.

Decides the `Instant` that a decision is judged at. Time runs on the monotonic count from an
anchor, so a wall clock that is moved while the lock runs moves nothing. The floor is persisted and
only rises: by attestations, by the firmware and by the lock's own log. After a power cut the board
clock is believed only if it has not gone below the floor; otherwise the lock is unsure until
somebody with the right answers its nonce, or two keys of the role `time` say the same. Steps by one
of these alone share one allowance.

Spec: spec/time.md, sections 1 and 2. Checks T7 to T11.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mortice.core import limits
from mortice.core.stages import Instant, TimeState


@dataclass(frozen=True, slots=True)
class Clock:
    """The anchor and what is known of it. All of it is kept on the disk."""

    floor: int
    anchor_at: int  # Unix seconds at `anchor_count`
    anchor_count: float  # monotonic seconds
    attested_at: int = 0  # Unix second of the newest attestation
    sure: bool = False
    forward: int = 0  # seconds of the allowance that the hub has used, either way

    def now(self, count: float) -> Instant:
        """The instant at monotonic second `count`."""
        at = max(self.floor, self.anchor_at + int(count - self.anchor_count))
        return Instant(at, self.floor, self._state(at))

    def _state(self, at: int) -> TimeState:
        age = at - self.attested_at
        if not self.sure or age > limits.HOLDOVER_SECONDS:
            return TimeState.UNSURE
        return TimeState.SYNCED if age <= limits.SYNCED_SECONDS else TimeState.HOLDOVER


def started(kept: Clock, board_at: int | None, count: float) -> Clock:
    """The clock after a power cut: what a clock with a battery says, if one may, else unsure (T8).

    `board_at` is None without such a clock: what software put back is older than the cut.
    """
    newest = kept.attested_at + limits.HOLDOVER_SECONDS
    believed = kept.sure and board_at is not None and kept.floor <= board_at <= newest
    at = board_at if believed and board_at is not None else kept.floor
    return replace(kept, anchor_at=at, anchor_count=count, sure=believed)


def first_clock(firmware_at: int, count: float) -> Clock:
    """The clock of a new lock: unsure, at the firmware's build time. Nothing depends on it."""
    return Clock(firmware_at, firmware_at, count)


@dataclass(frozen=True, slots=True)
class Word:
    """What one key of the role `time` has attested, at monotonic second `count`."""

    key: bytes
    at: int
    count: float


def confirms(word: Word, earlier: Word) -> bool:
    """Do two sources say the same, so that neither is the hub alone (T11)?"""
    apart = word.count - earlier.count
    differ = abs(word.at - earlier.at - apart)
    agree = apart <= limits.CONFIRM_SECONDS and differ <= limits.AGREE_SECONDS
    return agree and earlier.key != word.key


@dataclass(frozen=True, slots=True)
class Told:
    """An attested time, and whether the owner's side or two sources say so, or the hub alone."""

    at: int
    sure: bool


def attested(clock: Clock, told: Told, count: float) -> Clock | None:
    """The clock after an attestation, or None where it is not enough (T7, T9, T10).

    The owner, or two sources that agree, may set any time that is not below the floor. The hub
    alone may only nudge a sure clock, either way, by at most `FORWARD_SECONDS` in all.
    """
    now = clock.now(count)
    if not clock.floor <= told.at < limits.TIME_MAX:
        return None
    if told.sure:
        return Clock(told.at, told.at, count, told.at, sure=True)
    step = abs(told.at - now.at)  # back is no safer: a key that has ended would live again
    if now.state is TimeState.UNSURE or clock.forward + step > limits.FORWARD_SECONDS:
        return None
    return Clock(
        max(clock.floor, min(told.at, now.at)), told.at, count, told.at, sure=True,
        forward=clock.forward + step)
