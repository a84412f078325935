"""What a door must offer to be a Mortice door, and what it tells.

A driver implements `Hardware`. The lock daemon asks for nothing else, so the simulated door, a
motor on pins and a brand's lock are alike to it. A driver decides nothing: it moves the bolt for
whoever hands it a `Granted` or a `Relock`, it reports what it *observes*, and it never hears why.

Spec: spec/door.md, sections 3 to 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from mortice.core.door import Bolt, Leaf, Sight
from mortice.core.stages import Granted, Relock


class Light(Enum):
    """What the keypad shows to the person in front of it."""

    OFF = "off"
    BUSY = "busy"
    YES = "yes"
    NO = "no"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A keypad key: one of 0-9, `enter`, `clear`."""

    symbol: str


@dataclass(frozen=True, slots=True)
class BoltSeen:
    """The bolt moved or settled without the motor: by the inside turn, a key, or force."""

    bolt: Bolt
    by: str  # "inside_turn", "key" or "unknown"


@dataclass(frozen=True, slots=True)
class LeafSeen:
    """The door leaf opened or closed."""

    leaf: Leaf


@dataclass(frozen=True, slots=True)
class InsideButton:
    """The button on the inside was released after `held` seconds."""

    held: float


@dataclass(frozen=True, slots=True)
class SupplySeen:
    """The supply changed: volts at the board, and whether the mains is there."""

    volts: float
    mains: bool


Happening = KeyPressed | BoltSeen | LeafSeen | InsideButton | SupplySeen


class Hardware(Protocol):
    """A door, as the lock daemon sees it."""

    @property
    def simulated(self) -> bool:
        """True only for doors that move nothing real; a demo site is refused elsewhere."""

    def sight(self) -> Sight:
        """Read bolt, leaf and motor now. Never raises: what cannot be read is unknown."""

    def supply(self) -> SupplySeen:
        """Read the supply now."""

    async def drive(self, order: Granted | Relock) -> Sight:
        """Run the motor as `order` says and return what is seen once it has stopped.

        Stops at the end of travel, at a stall (within 300 ms) or at the time limit.
        """

    def show(self, light: Light) -> None:
        """Show the person at the keypad how it went."""

    def listen(self, tell: Callable[[Happening], None]) -> None:
        """Call `tell` for everything that happens at the door from now on."""
