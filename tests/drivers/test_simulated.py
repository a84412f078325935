"""The simulated door keeps the promises of `Hardware` and the laws of mechanics.

Time is bent: `Bench` is a clock whose seconds pass only while somebody sleeps on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from mortice.core.door import Bolt, DoorState, Leaf, Motor, Sight, state_of
from mortice.core.errors import Misuse
from mortice.core.limits import ENTRY_SECONDS
from mortice.core.stages import Granted, Relock, Towards, Verified
from mortice.drivers import (
    BoltSeen,
    Happening,
    Hardware,
    InsideButton,
    KeyPressed,
    LeafSeen,
    Light,
    SupplySeen,
)
from mortice.drivers.simulated import (
    DRIVE_SECONDS,
    FRESH_VOLTS,
    LIGHT_SECONDS,
    MAINS_VOLTS,
    STEP_SECONDS,
    Physics,
    SimulatedDoor,
)

STALL_PROMISE_SECONDS = 0.3
DRAW = Granted(Verified(()), command=0, towards=Towards.DRAWN)
THROW = Relock("closed")


class Bench:
    """A door on a workbench, a clock that moves only by sleeping, and a trace of the gauges."""

    def __init__(self, physics: Physics = Physics()) -> None:  # noqa: B008 - frozen
        self.now = 100.0
        self.door = SimulatedDoor(physics, lambda: self.now, self.sleep)
        self.told: list[Happening] = []
        self.door.listen(self.told.append)
        self.trace: list[tuple[float, float, float]] = []  # seconds, amps, millimetres
        self.door.changed = self.note
        self.later: list[tuple[float, Callable[[], object]]] = []

    def note(self) -> None:
        gauges = self.door.gauges()
        self.trace.append((self.now, gauges.amps, gauges.bolt_mm))

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        """Do `act` once `seconds` have passed."""
        self.later.append((self.now + seconds, act))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        due = [entry for entry in self.later if entry[0] <= self.now]
        self.later = [entry for entry in self.later if entry[0] > self.now]
        for _, act in due:
            act()
        await asyncio.sleep(0)

    async def drive(self, order: Granted | Relock) -> tuple[Sight, float]:
        began = self.now
        sight = await self.door.drive(order)
        return sight, self.now - began

    @property
    def mm(self) -> float:
        return self.door.gauges().bolt_mm


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_is_hardware_and_says_that_it_is_simulated(bench: Bench) -> None:
    hardware: Hardware = bench.door
    assert hardware.simulated
    assert state_of(hardware.sight()) is DoorState.LOCKED


# --- travel -------------------------------------------------------------------------------------


async def test_a_drive_takes_the_bolt_all_the_way_in_about_nine_tenths_of_a_second(
    bench: Bench,
) -> None:
    sight, seconds = await bench.drive(DRAW)
    assert sight == Sight(Bolt.DRAWN, Leaf.CLOSED)
    assert seconds == pytest.approx(0.9, abs=0.1)
    sight, seconds = await bench.drive(THROW)
    assert sight == Sight(Bolt.THROWN, Leaf.CLOSED)
    assert seconds == pytest.approx(0.9, abs=0.1)


async def test_the_bolt_passes_through_between_and_the_motor_is_seen_at_work(bench: Bench) -> None:
    seen: list[Sight] = []
    bench.at(0.4, lambda: seen.append(bench.door.sight()))
    await bench.drive(DRAW)
    assert seen == [Sight(Bolt.BETWEEN, Leaf.CLOSED, Motor.DRAWING)]


async def test_a_bolt_that_is_there_already_needs_no_motor(bench: Bench) -> None:
    sight, seconds = await bench.drive(THROW)
    assert (sight.bolt, seconds) == (Bolt.THROWN, 0.0)
    assert max(amps for _, amps, _ in bench.trace) == 0.0


async def test_the_current_surges_then_settles_then_ends(bench: Bench) -> None:
    await bench.drive(DRAW)
    amps = [amps for _, amps, _ in bench.trace]
    assert amps[0] == max(amps) > 1.0
    assert 0.3 < amps[len(amps) // 2] < 0.5
    assert amps[-1] == 0.0


async def test_a_stiff_bolt_takes_longer_and_more_current(bench: Bench) -> None:
    stiff = Bench(Physics(stiffness=2.0))
    _, ordinary_seconds = await bench.drive(DRAW)
    _, stiff_seconds = await stiff.drive(DRAW)
    assert stiff_seconds > 1.8 * ordinary_seconds
    assert stiff.trace[-5][1] > 1.8 * bench.trace[-5][1]


async def test_a_keep_out_of_line_drags_on_the_bolt_while_the_leaf_is_closed() -> None:
    dragging = Bench(Physics(drag_mm=8.0))
    await dragging.drive(DRAW)
    _, closed = await dragging.drive(THROW)
    await dragging.drive(DRAW)
    assert dragging.door.open_leaf()
    _, opened = await dragging.drive(THROW)
    assert closed > opened + 0.2


async def test_a_ruined_lock_stops_at_the_time_limit_and_is_not_called_thrown_or_drawn() -> None:
    ruined = Bench(Physics(stiffness=50.0))
    sight, seconds = await ruined.drive(DRAW)
    assert seconds == pytest.approx(DRIVE_SECONDS, abs=2 * STEP_SECONDS)
    assert sight == Sight(Bolt.BETWEEN, Leaf.CLOSED)
    assert ruined.door.gauges().amps == 0.0


async def test_drives_wait_for_each_other(bench: Bench) -> None:
    began = bench.now
    drawn, thrown = await asyncio.gather(bench.door.drive(DRAW), bench.door.drive(THROW))
    assert (drawn.bolt, thrown.bolt) == (Bolt.DRAWN, Bolt.THROWN)
    assert bench.now - began == pytest.approx(1.8, abs=0.2)


async def test_an_order_without_a_direction_is_misuse(bench: Bench) -> None:
    with pytest.raises(Misuse, match="towards thrown or drawn"):
        await bench.door.drive(Granted(Verified(()), command=0, towards=None))


async def test_a_drive_that_is_cancelled_stops_the_motor(bench: Bench) -> None:
    drive = asyncio.ensure_future(bench.door.drive(DRAW))
    bench.at(0.4, drive.cancel)
    await asyncio.gather(drive, return_exceptions=True)
    assert bench.door.sight() == Sight(Bolt.BETWEEN, Leaf.CLOSED, Motor.STILL)
    assert bench.door.gauges().amps == 0.0


async def test_the_same_acts_at_the_same_times_give_the_same_door() -> None:
    traces = []
    for _ in range(2):
        bench = Bench()
        bench.at(0.3, lambda door=bench.door: door.jam(8.0))
        await bench.drive(DRAW)
        traces.append(bench.trace)
    assert traces[0] == traces[1]


# --- obstructions -------------------------------------------------------------------------------


async def test_a_stall_is_noticed_within_300_ms_and_the_motor_backs_off(bench: Bench) -> None:
    await bench.drive(DRAW)
    bench.door.jam(9.0)
    bench.trace.clear()
    sight, _ = await bench.drive(THROW)
    met = next(at for at, _, mm in bench.trace if mm >= 8.9)
    backing = next(at for at, _, mm in bench.trace if at > met and mm < 8.9)
    assert backing - met <= STALL_PROMISE_SECONDS
    assert max(amps for at, amps, _ in bench.trace if met < at < backing) > 1.5
    assert sight == Sight(Bolt.BETWEEN, Leaf.CLOSED, Motor.STALLED)
    assert state_of(sight) is DoorState.JAMMED
    assert bench.mm == pytest.approx(7.0, abs=0.1)


@pytest.mark.parametrize(("order", "furthest"), [(THROW, 9.0), (DRAW, 9.0)])
async def test_no_motor_gets_past_an_obstruction_however_often_it_tries(
    bench: Bench, order: Granted | Relock, furthest: float
) -> None:
    if order is THROW:
        await bench.drive(DRAW)
    bench.door.jam(furthest)
    bench.trace.clear()
    for _ in range(3):
        await bench.drive(order)
    places = [mm for _, _, mm in bench.trace]
    assert (max(places) < furthest) if order is THROW else (min(places) > furthest)


async def test_once_the_obstruction_is_gone_the_next_drive_goes_through(bench: Bench) -> None:
    bench.door.jam()
    assert (await bench.door.drive(DRAW)).motor is Motor.STALLED
    bench.door.clear_jam()
    assert not bench.door.gauges().jammed
    assert await bench.door.drive(DRAW) == Sight(Bolt.DRAWN, Leaf.CLOSED)


# --- hands --------------------------------------------------------------------------------------


def test_the_inside_turn_draws_a_thrown_bolt_and_throws_a_drawn_one(bench: Bench) -> None:
    bench.door.turn_inside()
    assert bench.door.sight().bolt is Bolt.DRAWN
    bench.door.turn_inside()
    assert bench.door.sight().bolt is Bolt.THROWN
    assert bench.told == [
        BoltSeen(Bolt.DRAWN, "inside_turn"),
        BoltSeen(Bolt.THROWN, "inside_turn"),
    ]


def test_the_mechanical_key_is_told_apart_from_the_inside_turn(bench: Bench) -> None:
    bench.door.turn_key()
    assert bench.told == [BoltSeen(Bolt.DRAWN, "key")]


@pytest.mark.parametrize("trouble", ["jam", "dead", "both"])
def test_the_inside_turn_lets_people_out_whatever_is_wrong(bench: Bench, trouble: str) -> None:
    if trouble != "dead":
        bench.door.jam()
    if trouble != "jam":
        bench.door.unplug()
        bench.door.flatten()
    bench.door.turn_inside()
    assert bench.door.open_leaf()


@pytest.mark.parametrize("order", [THROW, DRAW])
async def test_a_hand_on_the_inside_turn_wins_over_the_motor_and_is_not_fought(
    bench: Bench, order: Granted | Relock
) -> None:
    if order is THROW:
        await bench.drive(DRAW)
    bench.at(0.4, bench.door.turn_inside)
    sight, seconds = await bench.drive(order)
    assert seconds < 0.5
    assert sight == Sight(Bolt.DRAWN, Leaf.CLOSED)
    assert bench.told[-1] == BoltSeen(Bolt.DRAWN, "inside_turn")
    assert bench.door.open_leaf()


async def test_a_hand_frees_a_stalled_bolt(bench: Bench) -> None:
    bench.door.jam()
    await bench.drive(DRAW)
    bench.door.turn_inside()
    assert bench.door.sight() == Sight(Bolt.DRAWN, Leaf.CLOSED, Motor.STILL)


def test_not_even_a_hand_throws_a_bolt_through_an_obstruction(bench: Bench) -> None:
    bench.door.turn_inside()
    bench.door.jam(9.0)
    bench.door.turn_inside()
    assert bench.door.sight().bolt is Bolt.BETWEEN
    assert bench.mm < 9.0


# --- the leaf -----------------------------------------------------------------------------------


def test_a_thrown_bolt_holds_the_leaf(bench: Bench) -> None:
    assert not bench.door.open_leaf()
    assert bench.door.sight().leaf is Leaf.CLOSED
    assert bench.told == []


def test_a_drawn_bolt_lets_it_swing_and_both_ways_are_told(bench: Bench) -> None:
    bench.door.turn_inside()
    assert bench.door.open_leaf()
    assert state_of(bench.door.sight()) is DoorState.OPEN
    assert bench.door.close_leaf()
    assert bench.told[1:] == [LeafSeen(Leaf.OPEN), LeafSeen(Leaf.CLOSED)]


def test_opening_an_open_leaf_tells_nothing_new(bench: Bench) -> None:
    bench.door.turn_inside()
    bench.door.open_leaf()
    told = len(bench.told)
    assert bench.door.open_leaf()
    assert len(bench.told) == told


async def test_a_bolt_thrown_while_the_leaf_is_open_is_not_locked_and_keeps_the_leaf_out(
    bench: Bench,
) -> None:
    bench.door.turn_inside()
    bench.door.open_leaf()
    sight, _ = await bench.drive(THROW)
    assert state_of(sight) is DoorState.BOLT_OUT_DOOR_OPEN
    assert not bench.door.close_leaf()
    bench.door.turn_inside()
    assert bench.door.close_leaf()


async def test_the_leaf_can_be_pushed_open_while_the_bolt_is_still_short(bench: Bench) -> None:
    await bench.drive(DRAW)
    opened: list[bool] = []
    bench.at(0.06, lambda: opened.append(bench.door.open_leaf()))
    sight, _ = await bench.drive(THROW)
    assert opened == [True]
    assert sight.leaf is Leaf.OPEN


# --- power --------------------------------------------------------------------------------------


def test_without_mains_the_battery_carries_on_and_it_is_told(bench: Bench) -> None:
    bench.door.unplug()
    assert bench.told == [SupplySeen(FRESH_VOLTS, mains=False)]
    assert bench.door.supply() == SupplySeen(FRESH_VOLTS, mains=False)
    bench.door.plug_in()
    assert bench.told[-1] == SupplySeen(MAINS_VOLTS, mains=True)


def test_a_flat_battery_is_no_trouble_while_the_mains_is_there(bench: Bench) -> None:
    bench.door.flatten()
    assert not bench.door.dead
    assert bench.door.sight().bolt is Bolt.THROWN


async def test_the_volts_sag_while_the_motor_runs(bench: Bench) -> None:
    volts: list[float] = []
    bench.at(0.4, lambda: volts.append(bench.door.supply().volts))
    await bench.drive(DRAW)
    assert volts[0] < bench.door.supply().volts == MAINS_VOLTS


async def test_a_power_cut_in_mid_travel_leaves_the_bolt_where_it_was(bench: Bench) -> None:
    bench.door.flatten()
    bench.at(0.4, bench.door.unplug)
    sight, seconds = await bench.drive(DRAW)
    assert sight == Sight(Bolt.UNKNOWN, Leaf.UNKNOWN)
    assert seconds < 0.5
    assert 5.0 < bench.mm < 18.0
    assert bench.door.gauges().amps == 0.0
    bench.door.plug_in()
    assert bench.door.sight() == Sight(Bolt.BETWEEN, Leaf.CLOSED, Motor.STILL)


class TestDead:
    """A board without power."""

    @pytest.fixture
    def dead(self, bench: Bench) -> Bench:
        bench.door.show(Light.YES)
        bench.door.flatten()
        bench.door.unplug()
        bench.told.clear()
        return bench

    def test_it_sees_nothing_and_shows_nothing(self, dead: Bench) -> None:
        assert dead.door.sight() == Sight(Bolt.UNKNOWN, Leaf.UNKNOWN)
        assert state_of(dead.door.sight()) is DoorState.UNKNOWN
        dead.door.show(Light.YES)
        assert dead.door.gauges().light is Light.OFF

    async def test_it_hears_no_key_and_turns_no_motor(self, dead: Bench) -> None:
        dead.door.press("5")
        await dead.door.hold_inside_button(1.0)
        sight, seconds = await dead.drive(DRAW)
        assert (sight.bolt, seconds, dead.mm, dead.told) == (Bolt.UNKNOWN, 0.0, 20.0, [])

    def test_hands_still_work_and_are_told_when_power_returns_as_nobodys(self, dead: Bench) -> None:
        dead.door.turn_key()
        dead.door.open_leaf()
        assert dead.told == []
        dead.door.plug_in()
        assert dead.told == [
            SupplySeen(MAINS_VOLTS, mains=True),
            BoltSeen(Bolt.DRAWN, "unknown"),
            LeafSeen(Leaf.OPEN),
        ]

    def test_whoever_runs_the_daemon_hears_of_it_before_anything_is_told(self, dead: Bench) -> None:
        heard: list[tuple[bool, int]] = []
        dead.door.powered = lambda alive: heard.append((alive, len(dead.told)))
        dead.door.plug_in()
        told = len(dead.told)
        dead.door.unplug()
        assert told == 1
        assert heard == [(True, 0), (False, told)]

    def test_what_is_as_it_was_is_not_told(self, dead: Bench) -> None:
        dead.door.turn_inside()
        dead.door.turn_inside()
        dead.door.replace_battery()
        assert dead.told == [SupplySeen(FRESH_VOLTS, mains=False)]

    def test_what_was_told_once_is_not_told_after_the_next_cut(self, dead: Bench) -> None:
        dead.door.turn_key()
        dead.door.plug_in()
        dead.told.clear()
        dead.door.unplug()
        dead.door.plug_in()
        assert dead.told == [SupplySeen(MAINS_VOLTS, mains=True)]


# --- keypad, light and inside button --------------------------------------------------------------


def test_every_key_is_told_as_it_is_pressed(bench: Bench) -> None:
    for symbol in ("0", "9", "clear", "enter"):
        bench.door.press(symbol)
    assert bench.told == [KeyPressed(symbol) for symbol in ("0", "9", "clear", "enter")]


@pytest.mark.parametrize("symbol", ["", "10", "#", "٣"])
def test_a_key_that_the_keypad_has_not_is_misuse(bench: Bench, symbol: str) -> None:
    with pytest.raises(Misuse):
        bench.door.press(symbol)


def test_the_light_shows_what_it_was_told(bench: Bench) -> None:
    bench.door.show(Light.BUSY)
    assert bench.door.gauges().light is Light.BUSY


@pytest.mark.parametrize("verdict", [Light.YES, Light.NO, Light.WAIT])
async def test_a_verdict_goes_out_by_itself(bench: Bench, verdict: Light) -> None:
    bench.door.show(verdict)
    await bench.sleep(LIGHT_SECONDS)
    assert bench.door.gauges().light is verdict
    await bench.sleep(0.1)
    assert bench.door.gauges().light is Light.OFF


async def test_the_light_of_work_in_hand_stays_until_the_verdict(bench: Bench) -> None:
    bench.door.show(Light.BUSY)
    await bench.sleep(2 * LIGHT_SECONDS)
    assert bench.door.gauges().light is Light.BUSY


def test_the_next_key_puts_a_verdict_out(bench: Bench) -> None:
    bench.door.show(Light.NO)
    bench.door.press("4")
    assert bench.door.gauges().light is Light.OFF


@pytest.mark.parametrize("last", ["enter", "clear"])
def test_the_display_has_a_star_for_each_digit_until_enter_or_clear(
    bench: Bench, last: str
) -> None:
    for count, symbol in enumerate("123456", 1):
        bench.door.press(symbol)
        assert bench.door.gauges().typed == count
    bench.door.press(last)
    assert bench.door.gauges().typed == 0


async def test_stars_go_when_a_half_typed_code_is_forgotten(bench: Bench) -> None:
    bench.door.press("1")
    await bench.sleep(ENTRY_SECONDS + 0.1)
    assert bench.door.gauges().typed == 0
    bench.door.press("2")
    assert bench.door.gauges().typed == 1


async def test_a_button_let_go_early_is_told_with_its_real_length(bench: Bench) -> None:
    pushed = bench.door.push_inside_button()
    await bench.sleep(2.0)
    assert bench.door.gauges().button
    bench.door.release_inside_button()
    assert bench.told == [InsideButton(pytest.approx(2.0))]
    bench.door.push_inside_button()
    bench.door.release_inside_button(pushed)  # whoever waited for the first push
    assert bench.door.gauges().button


async def test_the_inside_button_is_told_at_its_release_with_how_long_it_was_held(
    bench: Bench,
) -> None:
    held: list[bool] = []
    bench.at(5.0, lambda: held.append(bench.door.gauges().button))
    bench.at(5.0, lambda: held.append(bool(bench.told)))
    await bench.door.hold_inside_button(10.0)
    assert held == [True, False]
    assert bench.told == [InsideButton(pytest.approx(10.0))]


async def test_a_cut_while_the_button_is_held_counts_for_nothing(bench: Bench) -> None:
    bench.door.flatten()
    bench.at(3.0, bench.door.unplug)
    bench.at(5.0, bench.door.plug_in)
    await bench.door.hold_inside_button(10.0)
    assert not [told for told in bench.told if isinstance(told, InsideButton)]


def test_a_new_daemon_takes_the_place_of_the_last(bench: Bench) -> None:
    second: list[Happening] = []
    bench.door.listen(second.append)
    bench.door.press("1")
    assert (bench.told, second) == ([], [KeyPressed("1")])


async def test_on_the_event_loops_own_clock_a_drive_takes_real_time() -> None:
    door = SimulatedDoor(Physics(travel_seconds=0.1))
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await door.drive(DRAW)).bolt is Bolt.DRAWN
    assert loop.time() - began >= 0.1 - STEP_SECONDS
