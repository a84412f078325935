"""Ten tries, whatever happens to the power, the clocks and the people in between."""

# ruff: noqa: ANN401 — stand-ins take what the real ones take
from __future__ import annotations

import asyncio
import logging
import sqlite3
import traceback
from pathlib import Path
from typing import Any

import pytest
from tests.core.cast import Chain, first, key
from tests.lockd.builders import (
    DAY,
    HOUR,
    NOW,
    Commits,
    Stand,
    config_item,
    enrol_item,
    log_of,
    owner_key,
    revoke_item,
    tenant,
)
from tests.lockd.cuts import Cuts

from mortice.core import limits, pin
from mortice.core.commands import Command
from mortice.core.door import Bolt
from mortice.core.grant import Rights
from mortice.core.limits import PIN_REST_SECONDS, PIN_TRIES, PIN_TRIES_SECONDS
from mortice.core.log import About, Kind
from mortice.core.pin import Entry, PinPolicy, Spent
from mortice.core.refusal import BY_NUMBER, Reason
from mortice.core.stages import Factors
from mortice.drivers import Light
from mortice.lockd import keypad
from mortice.lockd.daemon import Lock

RIGHT, OTHERS, WRONG = "48291357", "70164825", "11223377"
INDEXED = PinPolicy(Entry.INDEX, Spent.OFF)


@pytest.fixture
async def door(stand: Stand) -> Stand:
    """A lock with the PINs of two tenants, and somebody's hands at its keypad."""
    await stand.deliver(
        enrol_item(stand.lock, tenant(), RIGHT, slot=3),
        enrol_item(stand.lock, tenant("neighbour"), OTHERS, slot=4))
    stand.watched()
    return stand


@pytest.fixture
async def shared(stand: Stand) -> Stand:
    """The same at a door where an index stands in front, and spent tries switch a PIN off."""
    await stand.deliver(config_item(pins=INDEXED))
    await stand.deliver(
        enrol_item(stand.lock, tenant(), RIGHT, slot=3),
        enrol_item(stand.lock, tenant("neighbour"), OTHERS, slot=4))
    stand.watched()
    return stand


def reasons(stand: Stand) -> list[Reason]:
    return [BY_NUMBER[entry.about[About.REASON]]  # type: ignore[index]
            for entry in stand.log() if entry.kind is Kind.REFUSED]


async def guess(stand: Stand, times: int, typed: str = WRONG) -> None:
    for _ in range(times):
        await stand.press(typed + "#")


async def rest(stand: Stand, seconds: float) -> None:
    """Powered-on time passes."""
    stand.board.loop.jump(seconds)
    await asyncio.sleep(0)


# --- what may be typed --------------------------------------------------------------------------


async def test_the_right_pin_opens(door: Stand) -> None:
    await door.press(RIGHT + "#")
    assert door.moves == 1
    granted = door.last(Kind.GRANTED)
    assert (granted.about[About.SLOT], granted.about[About.READER]) == (3, 1)
    assert door.door.gauges().light is Light.YES


async def test_a_wrong_pin_does_not(door: Stand) -> None:
    await door.press(WRONG + "#")
    assert door.moves == 0
    assert reasons(door) == [Reason.WRONG_PIN]
    assert door.door.gauges().light is Light.NO


@pytest.mark.parametrize("typed", [
    RIGHT + "0", "0" + RIGHT, RIGHT[:-1], RIGHT * 2, "4" * 20, RIGHT + "00000000", "1"])
async def test_anything_but_the_pin_itself_is_a_try(door: Stand, typed: str) -> None:
    await door.press(typed + "#")
    assert door.moves == 0
    assert door.lock.store.tries("door").at


async def test_clear_forgets_what_was_typed(door: Stand) -> None:
    await door.press("999c" + RIGHT + "#")
    assert door.moves == 1


async def test_enter_alone_is_no_try(door: Stand) -> None:
    await door.press("###c#")
    assert not door.lock.store.tries("door").at


async def test_a_pin_half_typed_is_forgotten(door: Stand) -> None:
    await door.press(RIGHT[:4])
    await asyncio.sleep(21)
    await door.press(RIGHT[4:] + "#")
    assert door.moves == 0
    await door.press(RIGHT + "#")
    assert door.moves == 1


async def test_a_stream_of_all_digits_without_enter_never_matches(door: Stand) -> None:
    """The keypad holds one entry from clear to enter; it is no sliding window."""
    stream = "".join(f"{number:03d}" for number in range(200))
    for start in range(0, 600, 30):
        await door.press(RIGHT + stream[start:start + 30])
    await door.press("#")
    assert door.moves == 0
    assert len(door.lock.store.tries("door").at) == 1


async def test_keys_pressed_while_a_verdict_is_made_belong_to_the_next_entry(door: Stand) -> None:
    await door.press(WRONG + "#" + RIGHT + "#")
    assert door.moves == 1
    assert reasons(door) == [Reason.WRONG_PIN]


async def test_a_jammed_key_fills_no_memory(door: Stand) -> None:
    assert door.watch is not None
    for _ in range(10_000):
        door.door.press("5")
    assert door.watch._presses.qsize() == 64
    await door.settled()


async def test_a_keypad_without_an_owner_does_nothing(new: Stand) -> None:
    new.watched()
    await new.press(RIGHT + "#")
    assert new.kinds() == [Kind.STARTED]


async def test_a_fault_at_one_entry_leaves_the_keypad_alive(
    door: Stand, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(keypad, "verifier", broken)
    await door.press(RIGHT + "#")
    assert door.door.gauges().light is Light.NO
    monkeypatch.undo()
    monkeypatch.setattr(limits, "ARGON2_KIB", 8)
    monkeypatch.setattr(limits, "ARGON2_PASSES", 1)
    await door.press(RIGHT + "#")
    assert door.moves == 1


# --- ten tries ----------------------------------------------------------------------------------


async def test_after_ten_wrong_tries_the_keypad_rests_and_the_owner_is_told(door: Stand) -> None:
    await guess(door, PIN_TRIES)
    assert reasons(door) == [Reason.WRONG_PIN] * PIN_TRIES
    assert door.count_of(Kind.ALARM) == 1
    await door.press(RIGHT + "#")
    assert reasons(door)[-1] is Reason.RESTING
    assert door.door.gauges().light is Light.WAIT
    assert door.moves == 0


async def test_a_rest_takes_one_try_in_fifteen_minutes(door: Stand) -> None:
    await guess(door, PIN_TRIES)
    for _ in range(3):
        await rest(door, PIN_REST_SECONDS - 5)
        await door.press(WRONG + "#")
        assert reasons(door)[-1] is Reason.RESTING
        await rest(door, 6)
        await door.press(WRONG + "#")
        assert reasons(door)[-1] is Reason.WRONG_PIN


async def test_a_day_of_powered_on_time_forgets_the_tries(door: Stand) -> None:
    await guess(door, PIN_TRIES)
    await rest(door, PIN_TRIES_SECONDS + 1)
    await guess(door, PIN_TRIES - 1)
    await door.press(RIGHT + "#")
    assert door.moves == 1


async def test_a_right_pin_after_the_rest_opens(door: Stand) -> None:
    await guess(door, PIN_TRIES)
    await rest(door, PIN_REST_SECONDS + 1)
    await door.press(RIGHT + "#")
    assert door.moves == 1


async def test_ones_own_right_pin_costs_no_try(door: Stand) -> None:
    for _ in range(PIN_TRIES + 5):
        await door.press(RIGHT + "#")
    assert door.moves == PIN_TRIES + 5
    assert not door.lock.store.tries("door").at


@pytest.mark.parametrize("before", [0, 5, PIN_TRIES])
async def test_somebody_elses_right_pin_forgives_nothing(door: Stand, before: int) -> None:
    await guess(door, before)
    await rest(door, PIN_REST_SECONDS + 1)
    left = door.lock.store.tries("door").left(door.lock.recorder.uptime())
    await door.press(OTHERS + "#")
    assert door.moves == 1
    assert door.lock.store.tries("door").left(door.lock.recorder.uptime()) == left
    await guess(door, left + 1)
    assert reasons(door)[-1] is (Reason.RESTING if left else Reason.WRONG_PIN)


async def test_phones_are_not_affected_by_a_rest(door: Stand) -> None:
    await guess(door, PIN_TRIES + 3)
    assert await door.opens(tenant())


async def test_guessing_on_and_on_cannot_fill_the_log(door: Stand) -> None:
    await guess(door, 150)
    assert door.count_of(Kind.REFUSED) <= 60
    assert door.lock.unlogged >= 90


@pytest.mark.parametrize("seconds", [DAY, -DAY, 3650 * DAY])
async def test_no_clock_change_shortens_the_rest(door: Stand, seconds: int) -> None:
    await guess(door, PIN_TRIES)
    door.board.set_wall(NOW + seconds)
    door.power_cut()
    await door.press(RIGHT + "#")
    assert reasons(door)[-1] is Reason.RESTING


async def test_time_without_power_shortens_no_rest(door: Stand) -> None:
    await guess(door, PIN_TRIES)
    door.power_cut(seconds=DAY)
    await door.press(RIGHT + "#")
    assert reasons(door)[-1] is Reason.RESTING


async def test_being_told_the_time_shortens_no_rest(door: Stand) -> None:
    await guess(door, PIN_TRIES)
    await door.visit(owner_key(), Command.SET_TIME, args={1: NOW + 2 * DAY})
    await door.press(RIGHT + "#")
    assert reasons(door)[-1] is Reason.RESTING


async def test_restoring_ends_the_rest(door: Stand) -> None:
    await guess(door, PIN_TRIES)
    assert await door.opens(owner_key(), command=Command.RESTORE)
    await door.press(RIGHT + "#")
    assert door.moves == 1
    assert door.count_of(Kind.RESTORED) == 1


async def test_restoring_needs_its_right(door: Stand) -> None:
    await guess(door, PIN_TRIES)
    assert await door.reason(tenant(), Command.RESTORE) is Reason.NO_RIGHT
    await door.press(RIGHT + "#")
    assert reasons(door)[-1] is Reason.RESTING


# --- power cuts between the keys and the verdict ------------------------------------------------


@pytest.mark.parametrize("policy", [PinPolicy(), INDEXED], ids=["rest", "off"])
async def test_power_cuts_before_the_verdict_give_no_guess_for_nothing(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, policy: PinPolicy,
) -> None:
    """200 guesses, each cut off after the hash is made: no more are compared than the budget."""
    indexed = policy.entry is Entry.INDEX
    await stand.deliver(config_item(pins=policy))
    await stand.deliver(enrol_item(stand.lock, tenant(), RIGHT, slot=3))
    hashed: list[str] = []
    verify = pin.verifier
    monkeypatch.setattr(
        keypad, "verifier", lambda keys, typed: hashed.append(typed.pin) or verify(keys, typed))
    for number in range(200):
        typed = f"{'03' if indexed else ''}{number:08d}"
        attempt = asyncio.ensure_future(keypad.pin_typed(stand.lock, typed))
        await asyncio.sleep(0.001)  # the hash is being made
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        stand.power_cut()
    assert len(hashed) <= PIN_TRIES + 200 * 3 // PIN_REST_SECONDS + 1
    stand.watched()
    await stand.press(("03" if indexed else "") + RIGHT + "#")
    assert stand.moves == 0


async def test_a_cut_anywhere_in_a_wrong_entry_leaves_the_try_counted(
    door: Stand, tmp_path: Path,
) -> None:
    cuts = Cuts(door, tmp_path / "cuts")
    with cuts.during():
        await door.press(WRONG + "#")
    tries = [len(lock.store.tries("door").at) for lock in cuts.lives()]
    assert tries[0] == 0, "before anything was compared"
    assert set(tries[1:]) == {1}


async def test_a_cut_in_a_right_entry_keeps_the_try_or_the_opening(
    door: Stand, tmp_path: Path,
) -> None:
    cuts = Cuts(door, tmp_path / "cuts")
    with cuts.during():
        await door.press(RIGHT + "#")
    for lock in cuts.lives():
        opened = Kind.GRANTED in [entry.kind for entry in log_of(lock)]
        counted = len(lock.store.tries("door").at)
        assert (opened, counted) in {(False, 0), (False, 1), (True, 0)}


# --- an index, and PINs that are switched off ---------------------------------------------------


async def test_at_a_shared_door_the_index_stands_before_the_pin(shared: Stand) -> None:
    await shared.press("03" + RIGHT + "#")
    assert shared.moves == 1
    await shared.press("04" + RIGHT + "#")
    await shared.press(RIGHT + "#")
    assert shared.moves == 1


async def test_spent_tries_switch_off_the_pin_of_that_index_alone(shared: Stand) -> None:
    await guess(shared, PIN_TRIES, "03" + WRONG)
    assert shared.count_of(Kind.ALARM) == 1
    await shared.press("03" + RIGHT + "#")
    assert reasons(shared)[-1] is Reason.PIN_OFF
    assert shared.moves == 0
    await shared.press("04" + OTHERS + "#")
    assert shared.moves == 1


async def test_the_right_pin_at_the_last_try_is_still_right(shared: Stand) -> None:
    await guess(shared, PIN_TRIES - 1, "03" + WRONG)
    await shared.press("03" + RIGHT + "#")
    await shared.press("03" + RIGHT + "#")
    assert shared.moves == 2


async def test_a_pin_that_is_off_stays_off_until_it_is_restored(shared: Stand) -> None:
    await guess(shared, PIN_TRIES, "03" + WRONG)
    await rest(shared, 3 * PIN_TRIES_SECONDS)
    shared.power_cut()
    await shared.press("03" + RIGHT + "#")
    assert reasons(shared)[-1] is Reason.PIN_OFF
    assert await shared.opens(owner_key(), command=Command.RESTORE, args={1: 3})
    await shared.press("03" + RIGHT + "#")
    assert shared.moves == 1


async def test_restoring_one_pin_leaves_another_off(shared: Stand) -> None:
    await guess(shared, PIN_TRIES, "03" + WRONG)
    await guess(shared, PIN_TRIES, "04" + WRONG)
    await shared.opens(owner_key(), command=Command.RESTORE, args={1: 3})
    await shared.press("04" + OTHERS + "#")
    assert reasons(shared)[-1] is Reason.PIN_OFF


async def test_an_index_without_a_pin_is_wrong_and_harms_nobody(shared: Stand) -> None:
    await guess(shared, PIN_TRIES + 5, "77" + WRONG)
    await shared.press("03" + RIGHT + "#")
    assert shared.moves == 1


# --- a PIN beside a phone -----------------------------------------------------------------------


def with_pin() -> Chain:
    return first(key("careful"), use=Rights.UNLOCK | Rights.ENROL, delegable=Rights.UNLOCK,
                 depth=1, factors=Factors.PIN)


@pytest.fixture
async def careful(stand: Stand) -> Stand:
    """A key that asks for a PIN, its PIN, and somebody else's."""
    await stand.deliver(
        enrol_item(stand.lock, with_pin(), RIGHT, slot=3, factors=Factors.PIN),
        enrol_item(stand.lock, tenant("neighbour"), OTHERS, slot=4))
    return stand


async def test_a_key_that_asks_for_a_pin_opens_with_it(careful: Stand) -> None:
    assert await careful.reason(with_pin()) is Reason.NEEDS_FACTOR
    assert await careful.opens(with_pin(), pin=RIGHT)
    assert not careful.lock.store.tries("door").at


async def test_a_second_check_costs_two_durable_writes_as_well(careful: Stand) -> None:
    commits = Commits(careful)
    assert await careful.opens(with_pin(), pin=RIGHT)
    assert commits.before_bolt == [2]


async def test_somebody_elses_pin_is_no_second_check_and_costs_a_try(careful: Stand) -> None:
    assert await careful.reason(with_pin(), pin=OTHERS) is Reason.SECOND_FACTOR
    assert len(careful.lock.store.tries("door").at) == 1


async def test_a_wrong_pin_beside_a_phone_costs_a_try(careful: Stand) -> None:
    for _ in range(PIN_TRIES):
        assert await careful.reason(with_pin(), pin=WRONG) is Reason.WRONG_PIN
    assert await careful.reason(with_pin(), pin=RIGHT) is Reason.RESTING
    assert careful.moves == 0


async def test_phone_and_keypad_share_one_budget(careful: Stand) -> None:
    careful.watched()
    await guess(careful, 5)
    for _ in range(5):
        await careful.visit(with_pin(), pin=WRONG)
    await careful.press(OTHERS + "#")
    assert careful.moves == 0


async def test_asking_again_with_a_pin_spends_no_try(careful: Stand) -> None:
    for _ in range(3):
        said = await careful.visit(with_pin(), pin=RIGHT, command_id=b"question")
        assert said.answer.coarse is None
    assert careful.moves == 1
    assert not careful.lock.store.tries("door").at


async def test_the_pin_alone_does_not_open_what_asks_for_the_phone_too(careful: Stand) -> None:
    careful.watched()
    await careful.press(RIGHT + "#")
    assert careful.moves == 0


async def test_a_key_that_asks_for_no_pin_is_not_kept_out_by_a_wrong_one(door: Stand) -> None:
    assert await door.reason(tenant(), pin=WRONG) is Reason.WRONG_PIN
    assert await door.opens(tenant())


# --- PINs that are dead -------------------------------------------------------------------------


async def test_the_pin_of_a_key_taken_back_leaves_the_door(door: Stand) -> None:
    await door.deliver(revoke_item(tenant().leaf.id))
    assert door.last(Kind.REMOVED).about[About.SLOT] == 3
    await door.press(RIGHT + "#")
    assert reasons(door)[-1] is Reason.WRONG_PIN
    await door.press(OTHERS + "#")
    assert door.moves == 1


async def test_a_pin_ends_with_its_link(stand: Stand) -> None:
    ends = NOW + HOUR
    await stand.deliver(enrol_item(stand.lock, tenant(), RIGHT, nbf=NOW, exp=ends))
    stand.watched()
    await stand.press(RIGHT + "#")
    assert stand.moves == 1
    stand.board.loop.jump(HOUR)
    await stand.press(RIGHT + "#")
    assert reasons(stand) == [Reason.ENDED]
    assert not stand.lock.store.tries("door").at, "it was a right PIN"


async def test_a_pin_for_one_use_opens_once(stand: Stand) -> None:
    await stand.deliver(enrol_item(stand.lock, tenant(), RIGHT, uses=1))
    stand.watched()
    await stand.press(RIGHT + "#")
    await stand.press(RIGHT + "#")
    assert (stand.moves, reasons(stand)) == (1, [Reason.USED_UP])


async def test_a_verifier_copied_from_another_door_fits_nothing(
    door: Stand, stands: Any,
) -> None:
    other = stands("other").commission()
    row = door.lock.store._db.execute(
        "SELECT n, version, kind, wire, verifier, off FROM slot WHERE n = 3").fetchone()
    other.lock.store._db.execute("INSERT INTO slot VALUES (?, ?, ?, ?, ?, ?)", row)
    other.watched()
    await other.press(RIGHT + "#")
    assert other.moves == 0


async def test_the_bolt_stays_where_it_is_while_a_pin_is_judged(door: Stand) -> None:
    for symbol in RIGHT:
        door.door.press(symbol)
    door.door.press("enter")
    await asyncio.sleep(0.001)
    assert door.door.sight().bolt is Bolt.THROWN
    await door.settled()
    assert door.moves == 1


# --- a PIN is nowhere ---------------------------------------------------------------------------


def everywhere(stand: Stand) -> bytes:
    """All bytes on the lock's disk, and every row of its database."""
    files = b"".join(path.read_bytes() for path in stand.folder.rglob("*") if path.is_file())
    db: sqlite3.Connection = stand.lock.store._db
    return files + "\n".join(db.iterdump()).encode()


async def test_no_pin_stands_in_log_database_journal_or_trace(
    door: Stand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    """Canaries: right, wrong and too long, at the keypad and by phone, and in a fault."""
    caplog.set_level(logging.DEBUG)
    canaries = [RIGHT, OTHERS, WRONG, "83746592", "9182736450918273645"]
    for typed in canaries:
        await door.press(typed + "#")
        await door.visit(with_pin(), pin=typed)
    await door.deliver(
        enrol_item(door.lock, owner_key(), "83746592", slot=9),
        enrol_item(door.lock, owner_key(), RIGHT, slot=10))
    await door.opens(owner_key(), command=Command.RESTORE)
    found: list[BaseException] = []

    def broken(keys: Any, typed: Any) -> bytes:
        error = RuntimeError("the hash cannot be made")
        found.append(error)
        raise error

    monkeypatch.setattr(keypad, "verifier", broken)
    await door.press(RIGHT + "#")
    await door.visit(with_pin(), pin=WRONG)
    assert len(found) == 2
    traces = "".join("".join(traceback.format_exception(error)) for error in found)
    haystack = everywhere(door) + caplog.text.encode() + traces.encode()
    haystack += repr(door.log()).encode() + repr(door.lock.answers._known).encode()
    assert b"cannot be made" in haystack, "the journal was looked at"
    assert not [canary for canary in canaries if canary.encode() in haystack]
    assert isinstance(door.lock, Lock)


async def test_secrets_say_nothing_of_themselves(door: Stand) -> None:
    shown = repr(door.lock.secrets) + repr(door.lock.owned)
    for secret in door.lock.secrets.kept.values():
        assert repr(secret) not in shown
