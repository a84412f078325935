"""What a holder can ask of a door: each command, the right it needs, and which way it moves a bolt.

One table. A command that is not in it does not exist; a command moves the bolt only if the table
says which way.

Spec: spec/messages.md, section 3. The table there and `COMMANDS` here change together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from mortice.core.grant import Rights
from mortice.core.stages import Towards


class Command(IntEnum):
    """The number of a command on the wire and in the log."""

    UNLOCK = 1
    LOCK = 2
    HOLD_OPEN = 3
    STATUS = 4
    READ_LOG = 5
    PROVE = 6  # inclusion and consistency proofs
    DELIVER = 7  # signed documents; they count by their signatures, not by the messenger's rights
    SET_TIME = 8
    RESTORE = 10  # switch a PIN on again, end a rest
    COMMISSION = 11  # only in a commissioning conversation


@dataclass(frozen=True, slots=True)
class Rule:
    """What a command needs and does."""

    right: Rights  # NONE: any holder of a live key for this door
    towards: Towards | None = None


COMMANDS: dict[Command, Rule] = {
    Command.UNLOCK: Rule(Rights.UNLOCK, Towards.DRAWN),
    Command.LOCK: Rule(Rights.LOCK, Towards.THROWN),
    Command.HOLD_OPEN: Rule(Rights.HOLD_OPEN, Towards.DRAWN),
    Command.STATUS: Rule(Rights.NONE),
    Command.READ_LOG: Rule(Rights.VIEW_LOG),
    Command.PROVE: Rule(Rights.NONE),
    Command.DELIVER: Rule(Rights.NONE),
    Command.SET_TIME: Rule(Rights.SET_TIME),
    Command.RESTORE: Rule(Rights.RESTORE),
}
