"""Leaving asks nobody, hands have the last word, and the door locks itself only where it may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.core.cast import first, key
from tests.lockd.builders import (
    HOUR,
    NOW,
    Stand,
    config_item,
    enrol_item,
    guest,
    owner_key,
    revoke_item,
    tenant,
)

from mortice.core.commands import COMMANDS, Command
from mortice.core.door import Bolt, DoorState, Leaf, Motor, Sight, state_of
from mortice.core.log import About, Kind
from mortice.core.refusal import Reason
from mortice.core.stages import Granted, Relock, Towards
from mortice.drivers import BoltSeen, Light
from mortice.lockd.watch import RELOCK_TRIES

PIN = "48291357"


async def relocking(stand: Stand, after: int = 5) -> Stand:
    """A door that locks itself some seconds after its leaf has closed."""
    await stand.deliver(config_item(relock_after=after))
    stand.watched()
    return stand


def bolt(stand: Stand) -> Bolt:
    return stand.door.sight().bolt


def leave(stand: Stand) -> None:
    """What a person inside does: one turn, then the door. It must work whatever else is."""
    if stand.door.gauges().bolt_mm > 0.5:
        stand.door.turn_inside()
    assert stand.door.open_leaf(), "the way out is shut"


# --- leaving ------------------------------------------------------------------------------------


async def nothing(stand: Stand) -> None:
    pass


async def no_power(stand: Stand) -> None:
    stand.door.unplug()
    stand.door.flatten()


async def a_dead_daemon(stand: Stand) -> None:
    stand.die()


async def a_full_disk(stand: Stand) -> None:
    stand.lock.store._db.execute("PRAGMA query_only = ON")


async def a_jammed_bolt(stand: Stand) -> None:
    stand.door.jam()


async def somebody_locking(stand: Stand) -> None:
    await stand.opens(tenant())
    stand.opening = asyncio.ensure_future(  # type: ignore[attr-defined]
        stand.visit(tenant(), Command.LOCK))
    await stand.board.until(lambda: stand.door.sight().motor is Motor.THROWING)


async def somebody_opening(stand: Stand) -> None:
    stand.opening = asyncio.ensure_future(stand.visit(tenant()))  # type: ignore[attr-defined]
    await stand.board.until(lambda: stand.door.sight().motor is Motor.DRAWING)


async def a_pin_being_judged(stand: Stand) -> None:
    for symbol in [*PIN, "enter"]:
        stand.door.press(symbol)
    await asyncio.sleep(0.001)


async def a_lock_that_relocks(stand: Stand) -> None:
    await stand.deliver(config_item(relock_after=1))
    await asyncio.sleep(2)


async def a_key_taken_back_from_everybody(stand: Stand) -> None:
    await stand.deliver(revoke_item(tenant().leaf.id, owner_key().leaf.id))


async def a_fault_in_the_daemon(stand: Stand) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    stand.lock.note = broken  # type: ignore[method-assign,assignment]


async def an_unsure_clock(stand: Stand) -> None:
    stand.board.lose_rtc()
    stand.power_cut()


async def a_memory_put_back(stand: Stand) -> None:
    stand.lock.rolled_back = True


async def a_reset_lock(stand: Stand) -> None:
    await stand.door.hold_inside_button(11)
    await asyncio.sleep(0.01)


SITUATIONS: tuple[Callable[[Stand], Awaitable[None]], ...] = (
    nothing, no_power, a_dead_daemon, a_full_disk, a_jammed_bolt, somebody_locking,
    somebody_opening, a_pin_being_judged, a_lock_that_relocks, a_key_taken_back_from_everybody,
    a_fault_in_the_daemon, an_unsure_clock, a_memory_put_back, a_reset_lock)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.__name__)
async def test_the_way_out_is_open_in_every_situation(
    stand: Stand, situation: Callable[[Stand], Awaitable[None]],
) -> None:
    await stand.deliver(enrol_item(stand.lock, tenant(), PIN))
    stand.watched()
    await situation(stand)
    leave(stand)
    assert stand.door.gauges().leaf is Leaf.OPEN
    opening = getattr(stand, "opening", None)
    if opening is not None:
        await opening


@pytest.mark.parametrize("command", list(COMMANDS))
async def test_no_command_from_outside_keeps_anybody_in(stand: Stand, command: Command) -> None:
    stand.watched()
    await stand.visit(owner_key(), command, args={1: NOW + HOUR})
    leave(stand)


async def test_a_turn_of_the_knob_is_written_down_as_that_and_put_down_to_nobody(
    stand: Stand,
) -> None:
    stand.watched()
    stand.door.turn_inside()
    seen = stand.log()[-1]
    assert seen.kind is Kind.BOLT_SEEN
    assert seen.about == {
        About.BY: "inside_turn", About.STATE: DoorState.UNLOCKED.value}
    assert About.LEAF not in seen.about


async def test_a_turn_of_the_mechanical_key_is_written_down_too(stand: Stand) -> None:
    stand.watched()
    stand.door.turn_key()
    assert stand.log()[-1].about[About.BY] == "key"


async def test_a_hand_in_the_middle_of_a_drive_wins_and_the_answer_says_what_is_seen(
    stand: Stand,
) -> None:
    stand.watched()
    await stand.opens(tenant())
    locking = asyncio.ensure_future(
        stand.visit(tenant(), Command.LOCK, command_id=b"lock now"))
    await stand.board.until(lambda: stand.door.sight().bolt is Bolt.BETWEEN)
    stand.door.turn_inside()
    said = await locking
    assert bolt(stand) is Bolt.DRAWN
    assert said.answer.receipt is not None
    assert said.answer.receipt.result.name == "UNKNOWN"
    again = await stand.visit(tenant(), Command.LOCK, command_id=b"lock now")
    assert again.answer.receipt is not None
    assert again.answer.receipt.result.name == "UNKNOWN"
    stand.power_cut()
    again = await stand.visit(tenant(), Command.LOCK, command_id=b"lock now")
    assert again.answer.receipt is not None
    assert again.answer.receipt.result.name == "UNKNOWN"


async def test_what_hands_did_while_the_board_was_dead_is_told_when_it_wakes(
    stand: Stand,
) -> None:
    stand.watched()
    stand.door.unplug()
    stand.door.flatten()
    stand.door.turn_inside()
    stand.door.plug_in()
    seen = stand.last(Kind.BOLT_SEEN)
    assert seen.about[About.BY] == "unknown"


async def test_after_a_restart_nothing_moves_by_itself(stand: Stand) -> None:
    opening = asyncio.ensure_future(stand.visit(tenant()))
    await stand.board.until(lambda: stand.door.sight().bolt is Bolt.BETWEEN)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    stand.watched()
    stand.power_cut()
    before = stand.door.gauges().bolt_mm
    await asyncio.sleep(120)
    assert stand.door.gauges().bolt_mm == before
    started = stand.last(Kind.STARTED)
    assert started.about[About.STATE] == DoorState.JAMMED.value, "between is not locked"


async def test_a_start_tells_the_state_that_is_seen(stand: Stand) -> None:
    assert stand.last(Kind.STARTED).about[About.STATE] == DoorState.LOCKED.value
    stand.door.turn_inside()
    stand.door.open_leaf()
    stand.power_cut()
    assert stand.last(Kind.STARTED).about[About.STATE] == DoorState.OPEN.value


# --- alarms -------------------------------------------------------------------------------------


async def test_an_alarm_is_raised_when_the_leaf_opens_with_the_bolt_out(stand: Stand) -> None:
    stand.watched()
    stand.door._swing(Leaf.OPEN)  # by force
    leaf, alarm = stand.log()[-2:]
    assert (leaf.kind, alarm.kind) == (Kind.LEAF_SEEN, Kind.ALARM)
    assert alarm.about[About.CAUSE] == leaf.index


async def test_that_alarm_is_raised_after_a_stall_as_well(stand: Stand) -> None:
    stand.watched()
    stand.door.sight = lambda: Sight(  # type: ignore[method-assign]
        Bolt.THROWN, Leaf.OPEN, Motor.STALLED)
    stand.door._swing(Leaf.OPEN)
    assert stand.count_of(Kind.ALARM) == 1


async def test_an_ordinary_leaving_raises_none(stand: Stand) -> None:
    stand.watched()
    leave(stand)
    stand.door.close_leaf()
    assert stand.count_of(Kind.ALARM) == 0


async def test_a_supply_that_changes_is_written_down(stand: Stand) -> None:
    stand.watched()
    stand.door.unplug()
    seen = stand.last(Kind.SUPPLY_SEEN)
    assert (seen.about[About.BY], seen.about[About.COUNT]) == ("battery", 5200)


async def test_a_supply_too_low_for_the_motor_moves_no_bolt(stand: Stand) -> None:
    stand.watched()
    stand.door.unplug()
    stand.door.flatten(4.2)
    assert await stand.reason(tenant()) is Reason.LOW_POWER
    assert stand.moves == 0
    leave(stand)


# --- locking itself -----------------------------------------------------------------------------


async def test_the_door_locks_itself_some_seconds_after_it_closed(stand: Stand) -> None:
    await relocking(stand)
    leave(stand)
    await asyncio.sleep(30)
    assert bolt(stand) is Bolt.DRAWN, "not while it stands open"
    stand.door.close_leaf()
    await asyncio.sleep(4)
    assert bolt(stand) is Bolt.DRAWN
    await asyncio.sleep(4)
    assert bolt(stand) is Bolt.THROWN
    relocked, moved = stand.log()[-2:]
    assert (relocked.kind, moved.kind) == (Kind.RELOCKED, Kind.MOVED)
    assert moved.about[About.CAUSE] == relocked.index


async def test_a_door_without_that_setting_never_locks_itself(stand: Stand) -> None:
    stand.watched()
    await stand.opens(tenant())
    await asyncio.sleep(4000)
    assert bolt(stand) is Bolt.DRAWN


async def test_the_bolt_is_never_thrown_with_the_leaf_open(stand: Stand) -> None:
    """Whatever the moment at which the leaf is pushed open again."""
    await relocking(stand, after=1)
    thrown_open: list[Leaf] = []
    stand.door.at_drive = lambda: thrown_open.append(stand.door.gauges().leaf)
    for tenths in range(30):
        await stand.opens(tenant())
        thrown_open.clear()
        await asyncio.sleep(tenths / 10)
        if stand.door.open_leaf():
            await asyncio.sleep(10)
            assert Leaf.OPEN not in thrown_open
            stand.door.close_leaf()
        await asyncio.sleep(10)


async def test_a_relock_that_waits_for_the_motor_looks_again_before_it_throws(
    stand: Stand,
) -> None:
    watch = (await relocking(stand)).watch
    assert watch is not None
    await stand.opens(tenant())
    async with stand.lock.motor:
        relock = asyncio.ensure_future(watch.relock("closed"))
        await asyncio.sleep(0.1)
        assert stand.door.open_leaf()
    await relock
    assert not any(isinstance(order, Relock) for order in stand.door.driven)


async def test_against_an_obstruction_it_tries_three_times_and_then_only_tells(
    stand: Stand,
) -> None:
    await relocking(stand)
    await stand.opens(tenant())
    stand.door.jam()
    await asyncio.sleep(300)
    relocks = [order for order in stand.door.driven if isinstance(order, Relock)]
    assert len(relocks) == RELOCK_TRIES
    assert stand.count_of(Kind.ALARM) == RELOCK_TRIES
    stand.door.clear_jam()
    leave(stand)
    stand.door.close_leaf()
    await asyncio.sleep(10)
    assert bolt(stand) is Bolt.THROWN, "and tries anew once somebody has been at the door"


async def test_a_hold_that_ended_with_the_leaf_open_locks_nobody_out_later(stand: Stand) -> None:
    """The reason to lock is gone once somebody has locked by hand or opened anew."""
    stand.watched()
    await stand.visit(tenant(), Command.HOLD_OPEN, args={1: NOW + 10})
    stand.door.open_leaf()
    await asyncio.sleep(15)
    assert stand.count_of(Kind.HOLD_ENDED) == 1
    stand.door.close_leaf()
    stand.door.turn_inside()
    assert bolt(stand) is Bolt.THROWN
    await asyncio.sleep(60)
    await stand.opens(tenant())
    await asyncio.sleep(60)
    assert bolt(stand) is Bolt.DRAWN, "the door does not lock in the face of whoever opened it"


async def test_a_hold_that_ended_locks_as_soon_as_the_leaf_is_closed(stand: Stand) -> None:
    stand.watched()
    await stand.visit(tenant(), Command.HOLD_OPEN, args={1: NOW + 10})
    stand.door.open_leaf()
    await asyncio.sleep(15)
    assert bolt(stand) is Bolt.DRAWN
    stand.door.close_leaf()
    await asyncio.sleep(3)
    assert bolt(stand) is Bolt.THROWN


async def test_a_key_without_the_right_ends_nobodys_hold(stand: Stand) -> None:
    stand.watched()
    await stand.visit(tenant(), Command.HOLD_OPEN, args={1: NOW + HOUR})
    assert not await stand.opens(first(key("x"), uses=1, doors=frozenset({b"metercup"})))
    await asyncio.sleep(10)
    assert stand.lock.held is not None


async def test_the_daemon_never_draws_the_bolt_of_itself(stand: Stand) -> None:
    await relocking(stand)
    for _ in range(3):
        await stand.opens(guest())
        await asyncio.sleep(60)
    drawn = [o for o in stand.door.driven if o.towards is Towards.DRAWN]
    assert all(isinstance(order, Granted) for order in drawn)
    assert len(drawn) == 3
    assert Relock.towards is Towards.THROWN


async def test_nothing_is_driven_faster_than_the_motor_ends(stand: Stand) -> None:
    """Twenty phones at once: one drive at a time."""
    running = 0
    most = 0
    real = stand.door.drive

    async def drive(order: Granted | Relock) -> Sight:
        nonlocal running, most
        running += 1
        most = max(most, running)
        sight: Sight = await real(order)
        running -= 1
        return sight

    stand.door.drive = drive  # type: ignore[method-assign]
    await asyncio.gather(*(stand.visit(tenant(f"t{n}")) for n in range(20)))
    assert most == 1
    assert stand.count_of(Kind.MOVED) == 20


@pytest.mark.parametrize("leaf", list(Leaf))
@pytest.mark.parametrize("bolt_at", list(Bolt))
async def test_locked_is_said_only_of_a_thrown_bolt_in_a_closed_leaf(
    stand: Stand, bolt_at: Bolt, leaf: Leaf,
) -> None:
    sight = Sight(bolt_at, leaf)
    stand.door.sight = lambda: sight  # type: ignore[method-assign]
    said = await stand.visit(owner_key(), Command.STATUS)
    body = said.answer.body[3]
    assert isinstance(body, dict)
    assert (body["state"] == DoorState.LOCKED.value) == (
        (bolt_at, leaf) == (Bolt.THROWN, Leaf.CLOSED))
    assert body["state"] == state_of(sight).value


async def test_a_happening_that_cannot_be_written_down_hurts_no_hand(
    stand: Stand, caplog: pytest.LogCaptureFixture,
) -> None:
    stand.watched()
    await a_fault_in_the_daemon(stand)
    stand.door.turn_inside()
    assert "could not be dealt with" in caplog.text
    assert stand.watch is not None
    stand.watch.heard(BoltSeen(Bolt.THROWN, "key"))
    assert stand.door.gauges().light is Light.OFF


async def test_a_stop_writes_down_a_relock_that_was_under_way(stand: Stand) -> None:
    watch = (await relocking(stand)).watch
    assert watch is not None
    await stand.opens(tenant())
    await stand.board.until(lambda: stand.door.sight().motor is Motor.THROWING)
    await watch.stop()
    assert stand.kinds()[-2:] == [Kind.RELOCKED, Kind.MOVED]
    assert bolt(stand) is Bolt.THROWN
