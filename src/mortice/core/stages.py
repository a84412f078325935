"""The values that travel from a presented key to a moved bolt.

`presented → verified → decided → recorded → moved → uploaded → shown`. Each step takes the value
of the step before it and nothing else, so a shortcut does not type-check: only a `Verified` can be
decided, and only a `Granted` (or a `Relock`, which can do nothing but throw) can drive a bolt.
`Verified` is made in core/chain.py alone and `Granted` in core/decision.py alone; a test holds it.

Spec: spec/decision.md, section 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum, IntFlag
from typing import TYPE_CHECKING, ClassVar

from mortice.core.refusal import Reason

if TYPE_CHECKING:
    from mortice.core.door import DoorState, Sight
    from mortice.core.grant import Grant


class Towards(Enum):
    """Which way a bolt is to go."""

    THROWN = "thrown"
    DRAWN = "drawn"


class Reader(Enum):
    """Where a key was presented."""

    LINK = "link"  # a holder's device, over any transport
    KEYPAD = "keypad"
    INSIDE = "inside"  # the inside turn or button: egress asks nobody


class Factors(IntFlag):
    """What was shown, or must be shown, beside the key itself (spec/grant.md, section 5)."""

    NONE = 0
    PIN = 1
    PASSKEY = 2
    FINGER = 4
    PERSON = 8  # a second leaf under another root-signed first link
    TOUCH = 16  # a touch at the door within 5 s


class TimeState(IntEnum):
    """How far the door believes its own clock (spec/time.md)."""

    SYNCED = 0
    HOLDOVER = 1
    UNSURE = 2


@dataclass(frozen=True, slots=True)
class Instant:
    """Now, as the door knows it. `at` is Unix seconds and never below `floor`."""

    at: int
    floor: int
    state: TimeState


@dataclass(frozen=True, slots=True)
class Presented:
    """Bytes that somebody showed, at which reader, when. Nothing in it is believed."""

    reader: Reader
    at: Instant
    source: str  # the transport's own name for the peer; for the log, never for the decision
    shown: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class Verified:
    """Whose key it is, by what chain, with which factors. Signatures hold; nothing is decided."""

    links: tuple[Grant, ...]
    factors: Factors = Factors.NONE
    reader: Reader = Reader.LINK

    @property
    def leaf(self) -> Grant:
        """The last link: the holder's own."""
        return self.links[-1]

    @property
    def own(self) -> Grant:
        """The holder's link itself, also where a PIN or card enrolled below it was shown."""
        return self.links[-2] if self.leaf.credential is not None else self.leaf

    @property
    def first(self) -> Grant:
        """The link that the site signed."""
        return self.links[0]


class CountKind(Enum):
    """What an opening is counted against (spec/decision.md, section 4)."""

    USES = "uses"  # openings under this link
    QUOTA = "quota"  # different leaves under this link, on one day
    CLAIM = "claim"  # the one child that a claim key or key file was exchanged for


@dataclass(frozen=True, slots=True)
class Count:
    """What becomes durable with an opening: `link` was used, by `leaf`, on `day`."""

    kind: CountKind
    link: bytes
    leaf: bytes
    day: int  # days since 1970 in the door's own zone
    expires: int | None  # when the link ends and the count may be forgotten


@dataclass(frozen=True, slots=True)
class Granted:
    """The door said yes. `counts` are made durable, with the log entry, before the bolt moves."""

    verified: Verified
    command: int
    towards: Towards | None
    counts: tuple[Count, ...] = ()
    until: int | None = None  # for holding open: as was asked, or in opening hours


@dataclass(frozen=True, slots=True)
class Relock:
    """The door locks itself. It can only throw the bolt, so it needs nobody's key."""

    because: str
    towards: ClassVar[Towards] = Towards.THROWN


@dataclass(frozen=True, slots=True)
class Refused:
    """The door said no, why, and at which numbered check."""

    reason: Reason
    check: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was seen once the motor had stopped: never what was commanded."""

    sight: Sight
    state: DoorState
