"""What state a door is in, from what its sensors show: a table, never a guess.

Decides one thing: the `DoorState` that people and logs are told. Nothing is folded into a
comfortable word: without a reading the answer is *unknown*, and a bolt that is out while the leaf
stands open is *not* locked.

Spec: spec/door.md, sections 1 and 2. The table there and `STATES` here change together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Bolt(Enum):
    """Where the bolt is seen to be."""

    THROWN = "thrown"
    DRAWN = "drawn"
    BETWEEN = "between"
    UNKNOWN = "unknown"


class Leaf(Enum):
    """Where the door leaf is seen to be."""

    CLOSED = "closed"
    OPEN = "open"
    UNKNOWN = "unknown"


class Motor(Enum):
    """What the motor is doing, or how its last drive ended."""

    STILL = "still"
    THROWING = "throwing"
    DRAWING = "drawing"
    STALLED = "stalled"


class DoorState(Enum):
    """The words that people see (spec/door.md, section 1)."""

    LOCKED = "locked"
    LOCKING = "locking"
    UNLOCKED = "unlocked"
    UNLOCKING = "unlocking"
    OPEN = "open"
    BOLT_OUT_DOOR_OPEN = "bolt_out_door_open"
    JAMMED = "jammed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sight:
    """One reading of the sensors at one instant."""

    bolt: Bolt
    leaf: Leaf
    motor: Motor = Motor.STILL


# A motor at work or stalled says more than the bolt's place. Every other pair stands in STATES.
MOVING = {
    Motor.THROWING: DoorState.LOCKING,
    Motor.DRAWING: DoorState.UNLOCKING,
    Motor.STALLED: DoorState.JAMMED,
}

STATES: dict[tuple[Bolt, Leaf], DoorState] = {
    (Bolt.THROWN, Leaf.CLOSED): DoorState.LOCKED,
    (Bolt.THROWN, Leaf.OPEN): DoorState.BOLT_OUT_DOOR_OPEN,
    (Bolt.THROWN, Leaf.UNKNOWN): DoorState.UNKNOWN,
    (Bolt.DRAWN, Leaf.CLOSED): DoorState.UNLOCKED,
    (Bolt.DRAWN, Leaf.OPEN): DoorState.OPEN,
    (Bolt.DRAWN, Leaf.UNKNOWN): DoorState.UNKNOWN,
    (Bolt.BETWEEN, Leaf.CLOSED): DoorState.JAMMED,
    (Bolt.BETWEEN, Leaf.OPEN): DoorState.JAMMED,
    (Bolt.BETWEEN, Leaf.UNKNOWN): DoorState.UNKNOWN,
    (Bolt.UNKNOWN, Leaf.CLOSED): DoorState.UNKNOWN,
    (Bolt.UNKNOWN, Leaf.OPEN): DoorState.OPEN,
    (Bolt.UNKNOWN, Leaf.UNKNOWN): DoorState.UNKNOWN,
}


def state_of(sight: Sight) -> DoorState:
    """The state that `sight` shows. Total: every reading has exactly one state."""
    moving = MOVING.get(sight.motor)
    return moving if moving is not None else STATES[sight.bolt, sight.leaf]
