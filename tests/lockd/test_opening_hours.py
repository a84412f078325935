"""Opening hours: hours alone draw no bolt, and the first keyholder opens the shop until they end.

Spec: spec/decision.md, section 8 (R17); spec/door.md, section 5.
"""

# ruff: noqa: ANN401 — a builder takes any field of what it builds
from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.core.cast import Chain, first, key
from tests.lockd.builders import (
    HOUR,
    LONDON,
    MINUTE,
    NOW,
    USE,
    Stand,
    config_item,
    enrol_item,
    owner_key,
    revoke_item,
)

from mortice.core.commands import Command
from mortice.core.door import Bolt, Leaf
from mortice.core.grant import Rights
from mortice.core.limits import TOUCH_SECONDS
from mortice.core.log import About, Entry, Kind
from mortice.core.schedule import Hours, Window
from mortice.core.stages import Factors, Granted, TimeState, Towards

WEEKDAYS = 0b0011111
SHOP = (Window(WEEKDAYS, 9 * 60, 17 * 60 + 30),)
SHUT = NOW + 6 * HOUR + 30 * MINUTE  # 17:30 on a Wednesday whose 11:00 is NOW
PIN = "80526174"


def priya(name: str = "Priya", **terms: Any) -> Chain:
    """A keyholder's key."""
    return first(key(name), **{"use": USE | Rights.HOLD_OPEN} | terms)


def sam() -> Chain:
    """A plain key of somebody who works there."""
    return first(key("Sam"), use=USE)


@pytest.fixture
async def shop(stand: Stand) -> Stand:
    """A door that knows the time, has opening hours, and locks itself after five seconds."""
    await tell_time(stand, NOW)
    await stand.deliver(config_item(relock_after=5, opening=SHOP))
    stand.watched()
    return stand


async def comes(stand: Stand, chain: Chain, **ask: Any) -> bool:
    """Somebody touches the door and unlocks it; were they let in?"""
    await stand.press("c")
    return await stand.opens(chain, **ask)


async def tell_time(stand: Stand, at: int) -> bool:
    return await stand.opens(owner_key(), command=Command.SET_TIME, args={1: at})


def held_until(stand: Stand) -> int | None:
    return stand.lock.held.until if stand.lock.held else None


def bolt(stand: Stand) -> Bolt:
    return stand.door.sight().bolt


async def status(stand: Stand, chain: Chain) -> dict[int | str, Any]:
    said = await stand.visit(chain, Command.STATUS)
    found = said.answer.body[3]
    assert isinstance(found, dict)
    return found


# --- opening up, and shutting ---------------------------------------------------------------------


async def test_the_first_keyholder_opens_the_shop_until_it_shuts(shop: Stand) -> None:
    assert await comes(shop, priya())
    entry = shop.last(Kind.GRANTED)
    assert (entry.about[About.LEAF], entry.about[About.COMMAND], entry.about[About.UNTIL]) == (
        priya().leaf.id, Command.UNLOCK, SHUT)
    await asyncio.sleep(HOUR)
    assert (bolt(shop), held_until(shop)) == (Bolt.DRAWN, SHUT)
    await asyncio.sleep(SHUT - shop.lock.now().at - 1)
    assert bolt(shop) is Bolt.DRAWN
    await asyncio.sleep(5)
    ended = shop.last(Kind.HOLD_ENDED)
    assert (ended.about[About.CAUSE], ended.about[About.DETAIL]) == (entry.index, "ended")
    assert (bolt(shop), held_until(shop)) == (Bolt.THROWN, None)


async def test_the_door_never_opens_by_itself(shop: Stand) -> None:
    """A bank holiday: nobody comes, so it stays shut, and there is no calendar that could err."""
    await asyncio.sleep(7 * HOUR)
    assert (bolt(shop), shop.moves) == (Bolt.THROWN, 0)


async def test_staff_without_the_right_are_let_in_and_the_door_locks_behind_them(
    shop: Stand,
) -> None:
    assert await comes(shop, sam())
    assert (bolt(shop), held_until(shop)) == (Bolt.DRAWN, None)
    assert About.UNTIL not in shop.last(Kind.GRANTED).about
    await asyncio.sleep(10)
    assert bolt(shop) is Bolt.THROWN


async def test_a_keyholder_who_opens_from_away_opens_no_shop(shop: Stand) -> None:
    """A parcel is let in from the sofa on a bank holiday: the door locks behind it."""
    assert await shop.opens(priya())
    assert (bolt(shop), held_until(shop)) == (Bolt.DRAWN, None)
    await asyncio.sleep(10)
    assert bolt(shop) is Bolt.THROWN
    await shop.press("c")
    await asyncio.sleep(TOUCH_SECONDS + 0.1)
    await shop.opens(priya())
    assert held_until(shop) is None, "and a touch is soon forgotten"


async def test_a_keyholders_pin_only_unlocks(shop: Stand) -> None:
    """A code is told on sooner than a phone is lent, so no credential may carry the right (H3)."""
    above = priya(use=USE | Rights.HOLD_OPEN | Rights.ENROL, resident=True)
    with_it = Rights.UNLOCK | Rights.HOLD_OPEN
    [fate] = await shop.deliver(enrol_item(shop.lock, above, PIN, use=with_it))
    assert fate.reason is not None
    await shop.deliver(enrol_item(shop.lock, above, PIN))
    await shop.press(f"{PIN}#")
    assert (bolt(shop), held_until(shop)) == (Bolt.DRAWN, None)


async def test_whoever_comes_later_changes_nothing_about_it(shop: Stand) -> None:
    await comes(shop, priya())
    opened_up = shop.last(Kind.GRANTED)
    for later in (sam(), priya("Ben")):
        assert await comes(shop, later)
        assert About.UNTIL not in shop.last(Kind.GRANTED).about
    assert shop.lock.held is not None
    assert shop.lock.held.entry == opened_up.index


async def test_a_longer_hold_by_command_is_not_shortened(shop: Stand) -> None:
    await shop.visit(priya(), Command.HOLD_OPEN, args={1: SHUT + HOUR})
    await comes(shop, priya("Ben"))
    assert held_until(shop) == SHUT + HOUR


async def test_locking_shuts_the_shop_until_the_next_keyholder(shop: Stand) -> None:
    await comes(shop, priya())
    assert await shop.opens(sam(), command=Command.LOCK)
    assert (bolt(shop), held_until(shop)) == (Bolt.THROWN, None)
    await comes(shop, sam())
    await asyncio.sleep(10)
    assert (bolt(shop), held_until(shop)) == (Bolt.THROWN, None)
    await comes(shop, priya("Ben"))
    assert held_until(shop) == SHUT


async def test_a_keyholder_in_the_evening_is_let_in_like_anybody(shop: Stand) -> None:
    await asyncio.sleep(SHUT - shop.lock.now().at)
    assert await comes(shop, priya())
    assert held_until(shop) is None
    await asyncio.sleep(10)
    assert bolt(shop) is Bolt.THROWN


# --- what ends it early ---------------------------------------------------------------------------


async def test_a_keyholder_whose_key_is_taken_back_holds_nothing_open(shop: Stand) -> None:
    await comes(shop, priya())
    await shop.deliver(revoke_item(priya().leaf.id))
    await asyncio.sleep(5)
    assert shop.last(Kind.HOLD_ENDED).about[About.DETAIL] == "key no longer good"
    assert bolt(shop) is Bolt.THROWN


async def test_the_shop_shuts_with_the_hours_of_its_keyholder(shop: Stand) -> None:
    early_shift = priya(hours=(Window(WEEKDAYS, 8 * 60, 13 * 60),))
    await comes(shop, early_shift)
    assert held_until(shop) == NOW + 2 * HOUR
    await asyncio.sleep(2 * HOUR + 5)
    assert bolt(shop) is Bolt.THROWN


@pytest.mark.parametrize("relock", [0, 5], ids=["never locks itself", "locks itself"])
@pytest.mark.parametrize("command", [Command.UNLOCK, Command.HOLD_OPEN])
async def test_no_hold_outlives_a_power_cut(shop: Stand, command: Command, relock: int) -> None:
    await shop.deliver(config_item(2, relock_after=relock, opening=SHOP))
    await comes(shop, priya(), command=command, args={1: SHUT})
    opened_up = shop.last(Kind.GRANTED)
    shop.power_cut(30)
    assert held_until(shop) is None
    ended = shop.last(Kind.HOLD_ENDED)
    assert (ended.about[About.CAUSE], ended.about[About.DETAIL]) == (
        opened_up.index, "the lock started anew")
    await asyncio.sleep(10)
    assert bolt(shop) is Bolt.THROWN
    await comes(shop, priya())
    assert held_until(shop) == SHUT, "and the keyholder opens up again"


async def test_a_hold_that_is_over_does_not_end_again_at_a_start(shop: Stand) -> None:
    await comes(shop, priya())
    await shop.opens(sam(), command=Command.LOCK)
    await shop.visit(priya(), Command.HOLD_OPEN, args={1: shop.lock.now().at + 10})
    await asyncio.sleep(20)
    await shop.deliver(config_item(2, opening=SHOP))  # and it locks itself no more
    await comes(shop, sam())
    shop.power_cut()
    await asyncio.sleep(10)
    assert shop.count_of(Kind.HOLD_ENDED) == 1
    assert bolt(shop) is Bolt.DRAWN, "nobody is locked out of what a plain key has opened"


async def test_a_lock_that_is_unsure_of_the_time_opens_no_shop_and_says_so(shop: Stand) -> None:
    shop.board.lose_rtc()
    shop.power_cut()
    assert await comes(shop, priya())
    assert held_until(shop) is None
    assert shop.last(Kind.GRANTED).time is TimeState.UNSURE
    assert (await status(shop, priya()))["time"] == "unsure"
    await tell_time(shop, NOW + HOUR)
    await comes(shop, priya())
    assert held_until(shop) == SHUT


@pytest.mark.parametrize("opening", [
    (), (Window(127, 0, 24 * 60),), (Window(WEEKDAYS, 9 * 60, 20 * 60),),
    (Window(WEEKDAYS, 9 * 60, 12 * 60),)], ids=["none", "always", "longer", "shorter"])
async def test_settings_that_change_leave_a_hold_as_it_began(shop: Stand, opening: Hours) -> None:
    await comes(shop, priya())
    await shop.deliver(config_item(2, relock_after=5, opening=opening))
    await comes(shop, priya("Ben"))
    assert held_until(shop) == SHUT
    await asyncio.sleep(SHUT - shop.lock.now().at + 10)
    assert (bolt(shop), held_until(shop)) == (Bolt.THROWN, None)


async def test_an_obstructed_bolt_opens_no_shop(shop: Stand) -> None:
    shop.door.jam()
    await comes(shop, priya())
    assert held_until(shop) is None


# --- leaving, and looking -------------------------------------------------------------------------


async def test_the_way_out_is_free_whatever_the_hours_say(shop: Stand) -> None:
    shop.door.turn_inside()
    assert bolt(shop) is Bolt.DRAWN
    await asyncio.sleep(10)
    assert (bolt(shop), held_until(shop)) == (Bolt.THROWN, None), "and leaving opens no shop"


async def test_a_shop_door_that_stands_open_at_the_end_locks_once_it_is_closed(
    shop: Stand,
) -> None:
    await comes(shop, priya())
    shop.door.open_leaf()
    await asyncio.sleep(SHUT - shop.lock.now().at + MINUTE)
    assert (bolt(shop), held_until(shop)) == (Bolt.DRAWN, None)
    shop.door.close_leaf()
    await asyncio.sleep(10)
    assert bolt(shop) is Bolt.THROWN


async def test_the_owner_reads_the_hours_and_who_opened_up(shop: Stand) -> None:
    await comes(shop, priya())
    full = await status(shop, owner_key())
    assert full["opening"] == [[31, 540, 1050]]
    assert (full["held_until"], full["held_entry"]) == (SHUT, shop.last(Kind.GRANTED).index)
    assert not {"opening", "held_entry"} & (await status(shop, sam())).keys()


# --- whatever happens -----------------------------------------------------------------------------

ZONE = ZoneInfo(LONDON)
HOURS: tuple[Hours, ...] = (
    SHOP, (), (Window(127, 10 * 60, 11 * 60 + 7), Window(127, 12 * 60, 25 * 60)),
    (Window(0b1000000, 20 * 60, 28 * 60), Window(WEEKDAYS, 7 * 60, 12 * 60)))


def is_open(hours: Hours, at: int) -> bool:
    """The plainest reading: some window of today or of yesterday has this minute in it."""
    local = datetime.fromtimestamp(at, UTC).astimezone(ZONE)
    minute, today = local.hour * 60 + local.minute, local.weekday()
    return any(
        window.days >> (today - back) % 7 & 1 and window.start <= minute + back * 1440 < window.end
        for window in hours for back in (0, 1))


class Watcher:
    """Holds a door to what it may do, from its log and from what its owner has signed."""

    def __init__(self, stand: Stand, keyholders: frozenset[bytes]) -> None:
        self.stand, self._keyholders = stand, keyholders
        self.hours: list[tuple[int, Hours]] = []  # from which entry on
        self.seen_held = 0

    def configured(self, hours: Hours) -> None:
        self.hours.append((self.stand.last(Kind.CONFIGURED).index, hours))

    def _hours_at(self, index: int) -> Hours:
        return [hours for since, hours in self.hours if since < index][-1]

    def look(self) -> None:
        held = self.stand.lock.held
        if held is None:
            return
        self.seen_held += 1
        log = self.stand.log()
        begun = log[held.entry]
        self._keyholder_opened_up(begun)
        after = [entry for entry in log[held.entry + 1:] if not _opened_by(entry)]
        assert not [e for e in after if e.kind in (Kind.STARTED, Kind.HOLD_ENDED)]
        assert not [e for e in after if e.kind is Kind.GRANTED
                    and e.about[About.COMMAND] == Command.LOCK]
        now = self.stand.lock.now().at
        assert begun.at <= now <= held.until, "never past its end"
        hours = self._hours_at(begun.index)
        assert all(is_open(hours, at) for at in (*range(begun.at, held.until, 60), held.until - 1))

    def _keyholder_opened_up(self, entry: Entry) -> None:
        held = self.stand.lock.held
        assert held is not None
        about = entry.about
        assert (entry.kind, about[About.COMMAND], about[About.UNTIL]) == (
            Kind.GRANTED, Command.UNLOCK, held.until)
        assert about[About.LEAF] in self._keyholders
        assert about[About.FACTORS] == Factors.TOUCH
        assert entry.time is not TimeState.UNSURE


def _opened_by(entry: Entry) -> bool:
    return entry.kind is Kind.GRANTED and entry.about[About.COMMAND] == Command.UNLOCK


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_happens_a_shop_is_open_only_in_its_hours_and_by_a_keyholder(
    stand: Stand, seed: int,
) -> None:
    chance = random.Random(seed)
    late = priya("late", hours=(Window(127, 11 * 60, 23 * 60),), exp=NOW + 14 * 24 * HOUR)
    keyholders = [priya(), priya("Ben"), late]
    watcher = Watcher(stand, frozenset(each.leaf.id for each in keyholders))
    await tell_time(stand, NOW + chance.randrange(7) * 24 * HOUR + 2 * HOUR)
    stand.board.set_wall(stand.lock.now().at)
    version = iter(range(1, 1000))

    async def configure(hours: Hours | None = None) -> None:
        hours = chance.choice(HOURS) if hours is None else hours
        await stand.deliver(config_item(
            next(version), relock_after=chance.choice([0, 5]), opening=hours))
        watcher.configured(hours)

    async def power_goes() -> None:
        if chance.random() < 0.2:
            stand.board.lose_rtc()
        stand.power_cut(chance.randrange(HOUR))

    async def clock_jumps() -> None:
        now = stand.lock.now().at
        morning = now + (-now + 10 * HOUR + chance.randrange(2 * HOUR)) % (24 * HOUR)
        jumps = [now - 2 * HOUR, now - 10, now + 20 * MINUTE, now + 5 * HOUR, morning, morning]
        await tell_time(stand, chance.choice(jumps))
        stand.board.set_wall(stand.lock.now().at)  # a board sets its own clock by the lock's

    acts: list[Callable[[], Any]] = [
        *[lambda: comes(stand, chance.choice(keyholders))] * 5, lambda: comes(stand, sam()),
        lambda: stand.opens(priya()),
        lambda: stand.opens(sam(), command=Command.LOCK), configure, power_goes,
        *[clock_jumps] * 2,
        lambda: asyncio.sleep(chance.randrange(90)),
        lambda: asyncio.sleep(chance.randrange(40 * MINUTE)),
        lambda: _passes_unseen(stand, chance.randrange(4 * HOUR)),
        lambda: _hands(stand, chance)]
    await configure(HOURS[2])
    stand.watched()
    await comes(stand, priya())
    watcher.look()
    assert watcher.seen_held == 1, "at one o'clock on any day, so that there is something to see"
    for _ in range(60):
        await chance.choice(acts)()
        await asyncio.sleep(1.1)  # within a second the lock has looked at its clock
        watcher.look()
    drawn = [order for order in stand.door.driven if order.towards is Towards.DRAWN]
    assert all(isinstance(order, Granted) for order in drawn)


async def _passes_unseen(stand: Stand, seconds: int) -> None:
    stand.board.loop.jump(seconds)


async def _hands(stand: Stand, chance: random.Random) -> None:
    door = stand.door
    if door.sight().leaf is Leaf.CLOSED and door.sight().bolt is Bolt.DRAWN:
        door.open_leaf()
    elif door.sight().leaf is Leaf.OPEN:
        door.close_leaf()
    if chance.random() < 0.5:
        door.turn_inside()


def test_the_plain_reading_agrees_with_itself() -> None:
    assert is_open(SHOP, NOW)
    assert not is_open(SHOP, SHUT)
    assert is_open(SHOP, SHUT - 1)
    assert not is_open((), NOW)
