"""What time it is, how far to believe it, and that nobody gains by making it unsure."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.core.cast import DAY, HOUR, NOW

from mortice.core.limits import FORWARD_SECONDS, HOLDOVER_SECONDS, SYNCED_SECONDS, TIME_MAX
from mortice.core.stages import Instant, TimeState
from mortice.core.timekeeping import Clock, Told, Word, attested, confirms, first_clock, started

UNSURE, HOLDOVER, SYNCED = TimeState.UNSURE, TimeState.HOLDOVER, TimeState.SYNCED
OWNER, HUB = True, False


def told(clock: Clock, at: int, count: float = 0.0, *, by_owner: bool) -> Clock | None:
    return attested(clock, Told(at, by_owner), count)


def synced(at: int = NOW, count: float = 0.0) -> Clock:
    """A clock that the owner has just set."""
    clock = told(first_clock(0, count), at, count, by_owner=OWNER)
    assert clock is not None
    return clock


# --- two sources ----------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "at", "count", "confirmed"), [
    (b"two", NOW, 50.0, True), (b"one", NOW, 50.0, False),
    (b"two", NOW + 600, 650.0, True), (b"two", NOW + 601, 650.1, False),
    (b"two", NOW + 60, 50.0, True), (b"two", NOW + 61, 50.0, False),
    (b"two", NOW - 60, 50.0, True), (b"two", NOW - 61, 50.0, False),
    (b"two", NOW, 110.0, True), (b"two", NOW, 111.0, False),
])
def test_another_key_confirms_what_the_lock_has_counted_on_from(
    key: bytes, at: int, count: float, *, confirmed: bool,
) -> None:
    assert confirms(Word(key, at, count), Word(b"one", NOW, 50.0)) is confirmed


# --- running --------------------------------------------------------------------------------


def test_a_new_lock_is_unsure_and_at_the_time_of_its_firmware() -> None:
    assert first_clock(NOW, 5.0).now(5.0) == Instant(NOW, NOW, UNSURE)
    assert first_clock(NOW, 5.0).now(65.9) == Instant(NOW + 60, NOW, UNSURE)


def test_time_runs_with_the_monotonic_count() -> None:
    clock = synced(count=100.0)
    assert clock.now(100.0) == Instant(NOW, NOW, SYNCED)
    assert clock.now(100.999).at == NOW
    assert clock.now(101.0).at == NOW + 1
    assert clock.now(100.0 + DAY).at == NOW + DAY


def test_time_is_never_below_the_floor() -> None:
    assert replace(synced(), anchor_at=NOW - DAY).now(0.0).at == NOW
    assert synced(count=100.0).now(40.0).at == NOW


@pytest.mark.parametrize(("after", "state"), [
    (0, SYNCED), (SYNCED_SECONDS, SYNCED), (SYNCED_SECONDS + 1, HOLDOVER),
    (HOLDOVER_SECONDS, HOLDOVER), (HOLDOVER_SECONDS + 1, UNSURE),
])
def test_belief_fades_with_the_time_since_the_last_attestation(
    after: int, state: TimeState,
) -> None:
    assert synced().now(float(after)).state is state


# --- after a start --------------------------------------------------------------------------


def test_a_board_clock_that_kept_running_is_believed() -> None:
    clock = started(synced(), NOW + HOUR, 7.0)
    assert clock.now(7.0) == Instant(NOW + HOUR, NOW, SYNCED)
    assert clock.now(8.0).at == NOW + HOUR + 1
    assert started(synced(), NOW + DAY + 1, 7.0).now(7.0).state is HOLDOVER


@pytest.mark.parametrize(("board", "believed"), [
    (NOW - 1, False), (NOW, True), (NOW + HOLDOVER_SECONDS, True),
    (NOW + HOLDOVER_SECONDS + 1, False), (0, False), (NOW - DAY, False), (TIME_MAX, False),
])
def test_a_board_clock_below_the_floor_or_far_ahead_is_not_believed(
    board: int, *, believed: bool,
) -> None:
    instant = started(synced(), board, 0.0).now(0.0)
    assert instant == (
        Instant(board, NOW, SYNCED if board == NOW else HOLDOVER) if believed
        else Instant(NOW, NOW, UNSURE))


def test_without_a_clock_that_runs_through_power_cuts_a_start_is_unsure() -> None:
    assert started(synced(), None, 5.0).now(5.0) == Instant(NOW, NOW, UNSURE)


def test_a_lock_that_was_unsure_stays_so_whatever_its_board_clock_says() -> None:
    unsure = replace(synced(), sure=False)
    assert started(unsure, NOW + HOUR, 0.0).now(0.0) == Instant(NOW, NOW, UNSURE)
    assert started(first_clock(NOW, 0.0), NOW, 0.0).now(0.0).state is UNSURE


def test_switching_the_power_off_and_on_never_turns_time_back_below_the_floor() -> None:
    clock = started(synced(), NOW + HOUR, 0.0)
    for board in (0, NOW - DAY, NOW + 1, NOW + HOUR):
        clock = started(clock, board, 0.0)
        assert clock.now(0.0).at >= NOW
    assert clock.now(0.0).state is UNSURE  # once below the floor, and no longer believed


def test_a_start_keeps_what_the_hub_has_used_of_its_allowance() -> None:
    nudged = told(synced(), NOW + 600, by_owner=HUB)
    assert nudged is not None
    again = started(nudged, NOW + 600, 0.0)
    assert told(again, NOW + 600 + 301, by_owner=HUB) is None


# --- by the owner ---------------------------------------------------------------------------


@pytest.mark.parametrize("at", [NOW, NOW + 1, NOW + DAY, NOW + 10 * HOLDOVER_SECONDS, TIME_MAX - 1])
def test_the_owner_sets_any_time_from_the_floor_on(at: int) -> None:
    for clock in (synced(), first_clock(NOW, 0.0), started(synced(), 0, 0.0)):
        after = told(clock, at, by_owner=OWNER)
        assert after is not None
        assert after.now(0.0) == Instant(at, at, SYNCED)


@pytest.mark.parametrize("at", [NOW - 1, 0, -1, TIME_MAX, 2**63])
def test_nobody_sets_a_time_below_the_floor_or_beyond_the_last(at: int) -> None:
    for by_owner in (OWNER, HUB):
        assert told(synced(), at, by_owner=by_owner) is None


def test_the_owner_may_set_a_fast_clock_back_to_the_floor_and_no_further() -> None:
    later = float(DAY)
    after = told(synced(), NOW, later, by_owner=OWNER)
    assert after is not None
    assert after.now(later).at == NOW
    assert told(synced(), NOW - 1, later, by_owner=OWNER) is None


def test_what_the_owner_said_raises_the_floor() -> None:
    after = told(synced(), NOW + DAY, by_owner=OWNER)
    assert after is not None
    assert told(after, NOW + DAY - 1, by_owner=OWNER) is None


# --- by the hub alone -----------------------------------------------------------------------


@pytest.mark.parametrize("at", [NOW, NOW + 1, NOW + DAY])
def test_the_hub_alone_never_ends_unsure(at: int) -> None:
    for clock in (first_clock(NOW, 0.0), started(synced(), 0, 0.0)):
        assert told(clock, at, by_owner=HUB) is None
    faded = synced()
    assert told(faded, at + HOLDOVER_SECONDS + 1, HOLDOVER_SECONDS + 1.0, by_owner=HUB) is None


def test_the_hub_alone_moves_the_clock_a_quarter_of_an_hour_and_not_a_second_more() -> None:
    after = told(synced(), NOW + FORWARD_SECONDS, by_owner=HUB)
    assert after is not None
    assert after.now(0.0).at == NOW + FORWARD_SECONDS
    assert told(synced(), NOW + FORWARD_SECONDS + 1, by_owner=HUB) is None


def test_all_steps_of_the_hub_share_one_allowance() -> None:
    clock: Clock | None = synced()
    for step in range(1, 4):
        assert clock is not None
        clock = told(clock, NOW + 300 * step, by_owner=HUB)
    assert clock is not None
    assert told(clock, NOW + FORWARD_SECONDS + 1, by_owner=HUB) is None
    assert told(clock, NOW + FORWARD_SECONDS, by_owner=HUB) is not None


def test_the_hub_turns_the_clock_back_no_further_than_forward() -> None:
    # Else a key that ended last month would open again at the word of a stolen hub.
    later = float(30 * DAY)
    assert told(synced(), NOW, later, by_owner=HUB) is None
    assert told(synced(), NOW + 30 * DAY - FORWARD_SECONDS - 1, later, by_owner=HUB) is None
    after = told(synced(), NOW + 30 * DAY - FORWARD_SECONDS, later, by_owner=HUB)
    assert after is not None
    assert told(after, NOW + 30 * DAY - FORWARD_SECONDS - 1, later, by_owner=HUB) is None


def test_the_owner_gives_the_hub_a_new_allowance() -> None:
    used = told(synced(), NOW + FORWARD_SECONDS, by_owner=HUB)
    assert used is not None
    renewed = told(used, NOW + FORWARD_SECONDS, by_owner=OWNER)
    assert renewed is not None
    assert told(renewed, NOW + 2 * FORWARD_SECONDS, by_owner=HUB) is not None


def test_the_hub_raises_the_floor_to_what_the_lock_itself_believed_and_no_higher() -> None:
    after = told(synced(), NOW + DAY + FORWARD_SECONDS, float(DAY), by_owner=HUB)
    assert after is not None
    assert after.floor == NOW + DAY
    back = told(synced(), NOW + DAY - 60, float(DAY), by_owner=HUB)
    assert back is not None
    assert back.floor == NOW + DAY - 60


def test_the_hub_keeps_a_sure_clock_synced() -> None:
    week = 7.0 * DAY
    assert synced().now(week).state is HOLDOVER
    after = told(synced(), NOW + 7 * DAY, week, by_owner=HUB)
    assert after is not None
    assert after.now(week).state is SYNCED


# --- at large -------------------------------------------------------------------------------


def test_whatever_is_told_in_whatever_order_the_floor_never_falls() -> None:
    chance = random.Random(3)
    for _ in range(300):
        clock, count = synced(), 0.0
        for _ in range(12):
            count += chance.choice([0.0, 1.0, 600.0, 2.0 * DAY, 100.0 * DAY])
            before = clock.now(count)
            if chance.random() < 0.3:
                clock = started(clock, before.at + chance.choice([-DAY, 0, HOUR, 200 * DAY]), count)
            else:
                by_owner = chance.random() < 0.3
                said = told(clock, before.at + chance.choice(
                    [-DAY, -600, 0, 600, FORWARD_SECONDS, DAY]), count, by_owner=by_owner)
                if said is not None and not by_owner:
                    assert before.state is not UNSURE
                    assert abs(said.now(count).at - before.at) <= FORWARD_SECONDS
                clock = said or clock
            assert clock.floor >= before.floor
            assert clock.now(count).at >= clock.floor


def test_without_a_clock_that_runs_through_power_cuts_a_lock_starts_unsure() -> None:
    clock = started(synced(), None, 0.0)
    assert clock.now(0.0).state is UNSURE
    assert clock.now(0.0).at == clock.floor
