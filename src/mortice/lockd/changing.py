"""Commands that change the lock itself: telling it the time, and ending a rest.

What such a command does becomes durable in the change of its own decision, so whoever asks again
after a power cut finds it done or not done, never half of it.

Spec: spec/messages.md, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.errors import Malformed
from mortice.core.fields import Fields
from mortice.core.limits import SLOTS, TIME_MAX
from mortice.core.log import About, Kind
from mortice.core.refusal import Reason
from mortice.core.stages import Refused
from mortice.core.timekeeping import Clock, Told, attested
from mortice.lockd.daemon import Effect, Lock
from mortice.lockd.store import Appended, Change

Args = Mapping[int | str, cbor.Value]


@dataclass(frozen=True, slots=True)
class Restored:
    """The keypad takes tries again, one PIN is on again, and counts are believed again."""

    lock: Lock
    slot: int | None

    def write(self, change: Change, cause: Appended) -> None:
        """Within the change of the decision."""
        change.clear_tries()
        if self.slot is not None:
            change.switch_slot(self.slot, off=False)
        change.put_number("rolled_back", 0)
        self.lock.recorder.write(change, Kind.RESTORED, {About.CAUSE: cause.index})

    def done(self) -> None:
        """Once that is durable."""
        self.lock.rolled_back = False


@dataclass(frozen=True, slots=True)
class TimeTold:
    """The clock goes by what a holder with the right has said."""

    lock: Lock
    clock: Clock

    def write(self, change: Change, cause: Appended) -> None:
        """Within the change of the decision."""
        self.lock.recorder.write_clock(change, self.clock, "owner")

    def done(self) -> None:
        """Once that is durable."""
        self.lock.recorder.clock = self.clock


def _restore(lock: Lock, args: Args) -> Effect:
    fields = Fields({**args}, "restore", "A7")
    slot = fields.int(1, 0, SLOTS - 1, default=None)
    fields.done()
    return Restored(lock, slot)


def _set_time(lock: Lock, args: Args) -> Effect | Refused:
    fields = Fields({**args}, "set time", "A7")
    told = Told(fields.int(1, 0, TIME_MAX), sure=True)
    fields.done()
    clock = attested(lock.recorder.clock, told, lock.outside.count())
    if clock is None:
        return Refused(Reason.TIME_UNSURE, "T7", "earlier than what is certain")
    return TimeTold(lock, clock)


def effect_of(lock: Lock, command: Command, args: Args) -> Effect | Refused:
    """What `command` is to do, or why it cannot be done."""
    try:
        return CHANGING[command](lock, args)
    except Malformed as error:
        return Refused(Reason.MALFORMED, error.check, error.message)


CHANGING: dict[Command, Callable[[Lock, Args], Effect | Refused]] = {
    Command.RESTORE: _restore, Command.SET_TIME: _set_time}
