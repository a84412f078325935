"""A door with no wood in it: bolt, motor, leaf, keypad and supply as physics, for demo and tests.

It behaves like the real thing where the real thing is awkward. The motor takes time and current, an
obstruction stalls it, hands move the bolt whenever they like, and a door without power keeps its
mechanics and loses its senses. Nothing here decides anything, and nothing here is random: the same
acts at the same times give the same door.

Three facts of the mechanics carry the rest:

- **Hands win.** The inside turn and the mechanical key move the bolt through a clutch, with or
  without power, jammed or not, and a motor at work lets go at once. So leaving never depends on us.
- **A hand draws what a motor cannot.** Neither throws a bolt through an obstruction.
- **A dead board knows nothing.** It reads unknown and tells nothing; what hands did meanwhile is
  told when power returns, put down to nobody.

Distances are millimetres of bolt outside the faceplate: 0 is drawn. The clock counts seconds.

Spec: spec/door.md, sections 3 to 5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import exp

from mortice.core.door import Bolt, Leaf, Motor, Sight
from mortice.core.errors import Misuse
from mortice.core.limits import ENTRY_SECONDS
from mortice.core.stages import Granted, Relock, Towards
from mortice.drivers import (
    BoltSeen,
    Happening,
    InsideButton,
    KeyPressed,
    LeafSeen,
    Light,
    SupplySeen,
)

SYMBOLS = frozenset("0123456789") | {"enter", "clear"}

# The bolt.
TRAVEL_MM = 20.0  # the throw that BS 3621 asks of a bolt
TRAVEL_SECONDS = 0.9  # usual for a motor lock
SENSE_MM = 0.5  # how near to its end the switches see a bolt as thrown or drawn
CLEARANCE_MM = 3.0  # gap between leaf and frame; a bolt shorter than that holds nothing
TOUCH_MM = 0.05  # how near to an obstruction the bolt stops
JAM_MM = 9.0  # where an obstruction sits if nobody says otherwise

# The motor.
STEP_SECONDS = 0.02  # how often current and position are looked at
STALL_SECONDS = 0.2  # this long without movement is a stall; the promise is 0.3 s with all delays
DRIVE_SECONDS = 4.0  # longest drive: over four times the usual, so only a ruined lock reaches it
BACK_OFF_MM = 2.0  # how far the motor goes back from what it met, so that it does not press on
INRUSH_AMPS = 1.6  # a small gearmotor from rest
INRUSH_FADES_SECONDS = 0.05
RUN_AMPS = 0.35
STALL_AMPS = 1.9
DRAG_LOAD = 2.0  # how much harder the bolt goes where it rubs on a keep out of line

# The supply.
MAINS_VOLTS = 5.4
FRESH_VOLTS = 5.2  # a full backup battery
FLAT_VOLTS = 3.1
BROWNOUT_VOLTS = 3.6  # below this the board stops
SUPPLY_OHMS = 0.25  # what makes the volts sag while the motor runs

# The keypad.
LIGHT_SECONDS = 6.0  # a verdict's light goes out by itself, so that it greets nobody else
VERDICTS = frozenset({Light.YES, Light.NO, Light.WAIT})


@dataclass(frozen=True, slots=True)
class Physics:
    """What kind of door it is."""

    travel_mm: float = TRAVEL_MM
    travel_seconds: float = TRAVEL_SECONDS
    stiffness: float = 1.0  # 2.0: goes half as fast and takes twice the running current
    drag_mm: float = 0.0  # over how much of the end of its throw the bolt rubs on the keep


@dataclass(frozen=True, slots=True)
class Gauges:
    """What instruments on the workbench would show. The daemon never sees this."""

    amps: float
    bolt_mm: float
    volts: float
    battery: float  # volts of the backup battery, whoever supplies the board
    mains: bool
    leaf: Leaf
    motor: Motor
    light: Light
    typed: int  # digits since the last enter or clear: the stars on the keypad's display
    jam_mm: float | None
    button: bool
    dead: bool

    @property
    def jammed(self) -> bool:
        """Is something in the bolt's way?"""
        return self.jam_mm is not None


ORDINARY = Physics()


def loop_time() -> float:
    """The running event loop's own time, which a test may bend."""
    return asyncio.get_running_loop().time()


class SimulatedDoor:
    """One door: `Hardware` for a daemon, and acts for whoever stands in front of it or inside."""

    simulated = True

    def __init__(
        self,
        physics: Physics = ORDINARY,
        clock: Callable[[], float] = loop_time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.physics = physics
        self.changed: Callable[[], None] = lambda: None  # called whenever a gauge may have moved
        self.powered: Callable[[bool], None] = lambda _: None  # called as the board dies or wakes
        self._clock, self._sleep = clock, sleep
        self._bolt_mm = physics.travel_mm
        self._jam_mm: float | None = None
        self._leaf = Leaf.CLOSED
        self._motor = Motor.STILL
        self._amps = 0.0
        self._driving = asyncio.Lock()
        self._mains, self._battery = True, FRESH_VOLTS
        self._light, self._shown_at = Light.OFF, 0.0
        self._typed, self._typed_at = 0, 0.0
        self._pushed_at: float | None = None  # since when the inside button is down
        self._known = (Bolt.THROWN, Leaf.CLOSED)  # what the board knew when it last died
        self._tell_daemon: Callable[[Happening], None] = lambda _: None

    # --- what the daemon asks for ----------------------------------------------------------

    def sight(self) -> Sight:
        """What the sensors show; a dead board sees nothing."""
        if self.dead:
            return Sight(Bolt.UNKNOWN, Leaf.UNKNOWN)
        return Sight(self._bolt(), self._leaf, self._motor)

    def supply(self) -> SupplySeen:
        """Volts at the board, sagging while the motor runs."""
        source = MAINS_VOLTS if self._mains else self._battery
        return SupplySeen(max(source - self._amps * SUPPLY_OHMS, 0.0), self._mains)

    async def drive(self, order: Granted | Relock) -> Sight:
        """Run the motor. Drives wait for each other; a dead or freed motor leaves the bolt alone.

        Raises:
            Misuse: the order names no direction.
        """
        if order.towards is None:
            raise Misuse("drive: expected an order towards thrown or drawn, got one without")
        async with self._driving:
            if not self.dead:
                await self._run(order.towards)
        return self.sight()

    def show(self, light: Light) -> None:
        """Set the keypad's light, if there is power for one."""
        if not self.dead:
            self._light, self._shown_at = light, self._clock()
        self.changed()

    def listen(self, tell: Callable[[Happening], None]) -> None:
        """Tell `tell` from now on. A board has one daemon: a new one replaces the last."""
        self._tell_daemon = tell

    # --- what people do at the door ----------------------------------------------------------

    def press(self, symbol: str) -> None:
        """Press a key of the keypad.

        Raises:
            Misuse: the keypad has no such key.
        """
        if symbol not in SYMBOLS:
            raise Misuse(f"press: expected 0 to 9, enter or clear, got {symbol!r}")
        if not self.dead:
            self._star(symbol)
        self._tell(KeyPressed(symbol))

    def turn_inside(self) -> None:
        """Turn the inside knob all the way: it draws the bolt, or throws one that was drawn."""
        self._by_hand("inside_turn")

    def turn_key(self) -> None:
        """Turn the mechanical key outside, all the way."""
        self._by_hand("key")

    def open_leaf(self) -> bool:
        """Push the door. False if the bolt holds it."""
        if self._leaf is Leaf.CLOSED and self._bolt_mm > CLEARANCE_MM:
            return False
        self._swing(Leaf.OPEN)
        return True

    def close_leaf(self) -> bool:
        """Pull the door to. False if the bolt is out and meets the frame."""
        if self._leaf is Leaf.OPEN and self._bolt_mm > CLEARANCE_MM:
            return False
        self._swing(Leaf.CLOSED)
        return True

    def jam(self, at_mm: float = JAM_MM) -> None:
        """Put something in the way: no motor gets the bolt past `at_mm`, in or out."""
        self._jam_mm = at_mm
        self.changed()

    def clear_jam(self) -> None:
        """Take it away."""
        self._jam_mm = None
        self.changed()

    def unplug(self) -> None:
        """Take the mains away; the battery carries on if it can."""
        self._supply(mains=False, battery=self._battery)

    def plug_in(self) -> None:
        """Give the mains back."""
        self._supply(mains=True, battery=self._battery)

    def flatten(self, volts: float = FLAT_VOLTS) -> None:
        """Run the backup battery down to `volts`."""
        self._supply(mains=self._mains, battery=volts)

    def replace_battery(self) -> None:
        """Put a full backup battery in."""
        self._supply(mains=self._mains, battery=FRESH_VOLTS)

    def push_inside_button(self) -> float:
        """Push the inside button down and keep it there; returns when, which names this push."""
        now = self._clock()
        if not self.dead and self._pushed_at is None:
            self._pushed_at = now
        self.changed()
        return now

    def release_inside_button(self, pushed: float | None = None) -> None:
        """Let it go, or only if it was pushed at `pushed`. The board tells how long it counted."""
        since = self._pushed_at
        if since is None or pushed not in (None, since):
            return
        self._pushed_at = None
        self._tell(InsideButton(self._clock() - since))

    async def hold_inside_button(self, seconds: float) -> None:
        """Hold the inside button. The board counts; if it dies meanwhile, nobody was counting."""
        pushed = self.push_inside_button()
        await self._sleep(seconds)
        self.release_inside_button(pushed)

    def gauges(self) -> Gauges:
        """Every instrument at once."""
        supply = self.supply()
        return Gauges(
            amps=self._amps,
            bolt_mm=self._bolt_mm,
            volts=supply.volts,
            battery=self._battery,
            mains=supply.mains,
            leaf=self._leaf,
            motor=self._motor,
            light=self._lit(),
            typed=self._stars(),
            jam_mm=self._jam_mm,
            button=self._pushed_at is not None,
            dead=self.dead,
        )

    @property
    def dead(self) -> bool:
        """Is the board without power? The mechanics never are."""
        return not self._mains and self._battery < BROWNOUT_VOLTS

    # --- the motor ---------------------------------------------------------------------------

    async def _run(self, towards: Towards) -> None:
        thrown = towards is Towards.THROWN
        self._motor = Motor.THROWING if thrown else Motor.DRAWING
        stalled = False
        try:
            stalled = await self._push(self.physics.travel_mm if thrown else 0.0)
            if stalled:
                await self._push(self._bolt_mm + (-BACK_OFF_MM if thrown else BACK_OFF_MM))
        finally:
            if self._engaged():
                self._let_go(Motor.STALLED if stalled else Motor.STILL)

    async def _push(self, target: float) -> bool:
        """Turn until the bolt is at `target`, is let go, or time is up. True if it stalled."""
        target = min(max(target, 0.0), self.physics.travel_mm)
        began = before = self._clock()
        stuck = 0.0
        while self._bolt_mm != target and before - began < DRIVE_SECONDS:
            self._draw_current(before - began, stuck)
            await self._sleep(STEP_SECONDS)
            if not self._engaged():
                return False
            now = self._clock()
            stuck = 0.0 if self._advance(target, now - before) else stuck + now - before
            before = now
            if stuck >= STALL_SECONDS:
                return True
        return False

    def _engaged(self) -> bool:
        return self._motor in (Motor.THROWING, Motor.DRAWING)

    def _advance(self, target: float, seconds: float) -> bool:
        """Move the bolt as far as it goes in `seconds`. False if it did not move."""
        physics, here = self.physics, self._bolt_mm
        pace = physics.travel_mm / physics.travel_seconds / self._load()
        reach = pace * seconds * self.supply().volts / MAINS_VOLTS
        wanted = min(target, here + reach) if target > here else max(target, here - reach)
        self._bolt_mm = self._stopped_by_jam(here, wanted)
        return self._bolt_mm != here

    def _stopped_by_jam(self, here: float, wanted: float) -> float:
        jam = self._jam_mm
        if jam is None or not min(here, wanted) < jam < max(here, wanted):
            return wanted
        return jam - TOUCH_MM if wanted > here else jam + TOUCH_MM

    def _load(self) -> float:
        rubs = self._leaf is Leaf.CLOSED and (
            self._bolt_mm > self.physics.travel_mm - self.physics.drag_mm
        )
        return self.physics.stiffness * (DRAG_LOAD if rubs else 1.0)

    def _draw_current(self, running: float, stuck: float) -> None:
        steady = STALL_AMPS if stuck else min(RUN_AMPS * self._load(), STALL_AMPS)
        inrush = (INRUSH_AMPS - RUN_AMPS) * exp(-running / INRUSH_FADES_SECONDS)
        self._amps = min(steady + inrush, STALL_AMPS)
        self.changed()

    def _let_go(self, motor: Motor = Motor.STILL) -> None:
        self._motor, self._amps = motor, 0.0
        self.changed()

    # --- the keypad's own electronics ------------------------------------------------------------

    def _star(self, symbol: str) -> None:
        """A key answers the finger at once: a star, and the last verdict's light goes out."""
        stars = self._stars()
        self._typed = stars + 1 if symbol.isdigit() else 0
        self._typed_at = self._clock()
        if self._light in VERDICTS:
            self._light = Light.OFF

    def _stars(self) -> int:
        """A half-typed code disappears when the daemon forgets it."""
        if self._typed and self._clock() - self._typed_at > ENTRY_SECONDS:
            return 0
        return self._typed

    def _lit(self) -> Light:
        over = self._light in VERDICTS and self._clock() - self._shown_at > LIGHT_SECONDS
        return Light.OFF if over else self._light

    # --- hands, hinges and the supply ----------------------------------------------------------

    def _bolt(self) -> Bolt:
        if self._bolt_mm <= SENSE_MM:
            return Bolt.DRAWN
        return Bolt.THROWN if self._bolt_mm >= self.physics.travel_mm - SENSE_MM else Bolt.BETWEEN

    def _by_hand(self, by: str) -> None:
        """The clutch frees the motor first. A hand always draws; it throws up to an obstruction."""
        self._let_go()
        if self._bolt() is Bolt.DRAWN:
            self._bolt_mm = self._stopped_by_jam(self._bolt_mm, self.physics.travel_mm)
        else:
            self._bolt_mm = 0.0
        self._tell(BoltSeen(self._bolt(), by))

    def _swing(self, leaf: Leaf) -> None:
        if leaf is not self._leaf:
            self._leaf = leaf
            self._tell(LeafSeen(leaf))

    def _supply(self, *, mains: bool, battery: float) -> None:
        was_dead, bolt, leaf = self.dead, self._bolt(), self._leaf
        self._mains, self._battery = mains, battery
        if self.dead:
            if not was_dead:
                self._die(bolt, leaf)
            return
        if was_dead:
            self.powered(True)  # noqa: FBT003 - whether there is power
        self._tell(self.supply())
        if was_dead:
            self._wake()

    def _die(self, bolt: Bolt, leaf: Leaf) -> None:
        self._known = (bolt, leaf)
        self._light, self._typed, self._pushed_at = Light.OFF, 0, None
        self._let_go()
        self.powered(False)  # noqa: FBT003 - whether there is power

    def _wake(self) -> None:
        """Power is back: tell what is not as it was."""
        bolt, leaf = self._known
        if self._bolt() is not bolt:
            self._tell(BoltSeen(self._bolt(), "unknown"))
        if self._leaf is not leaf:
            self._tell(LeafSeen(self._leaf))

    def _tell(self, happening: Happening) -> None:
        if not self.dead:
            self._tell_daemon(happening)
        self.changed()
