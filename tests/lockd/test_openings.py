"""A key opens for a reason that is on the disk before the bolt moves, and is answered truly."""

# ruff: noqa: ANN401 — a touch may be wrong in any field
from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.core.cast import METER, PASSKEY, Chain, first, key, passer, touch
from tests.lockd.builders import (
    DAY,
    HOUR,
    NOW,
    USE,
    Commits,
    Said,
    Stand,
    Visit,
    audit_of,
    config_item,
    enrol_item,
    guest,
    log_of,
    owner_key,
    revoke_item,
    tenant,
)

from mortice.core.commands import Command
from mortice.core.door import Bolt, DoorState, Leaf, Motor, Sight
from mortice.core.grant import KeyClass, Rights
from mortice.core.limits import COMMANDS_ANSWERED
from mortice.core.log import About, Entry, Kind, Result
from mortice.core.merkle import leaf_hash
from mortice.core.messages import Carried, Request
from mortice.core.refusal import Coarse, Reason
from mortice.core.stages import Factors, Granted, Towards
from mortice.lockd.daemon import Lock

ID = b"command1"


async def locked(stand: Stand) -> Said:
    return await stand.visit(tenant(), Command.LOCK)


def result(said: Said) -> Result:
    assert said.answer.receipt is not None
    return said.answer.receipt.result


# --- how it ends, and what is said of it --------------------------------------------------------


async def test_a_good_key_draws_the_bolt_and_gets_a_receipt(stand: Stand) -> None:
    said = await stand.visit(tenant())
    assert (said.answer.coarse, result(said)) == (None, Result.UNLOCKED)
    assert stand.door.sight().bolt is Bolt.DRAWN
    granted, moved = stand.log()[-2:]
    assert (granted.kind, granted.about[About.LEAF]) == (Kind.GRANTED, tenant().leaf.id)
    assert (moved.kind, moved.about[About.STATE]) == (Kind.MOVED, DoorState.UNLOCKED.value)
    assert moved.about[About.CAUSE] == granted.index


async def test_the_receipt_names_the_entry_of_the_decision_and_the_log_proves_it(
    stand: Stand,
) -> None:
    said = await stand.visit(tenant())
    receipt = said.answer.receipt
    assert receipt is not None
    assert said.receipt is not None
    granted = stand.last(Kind.GRANTED)
    assert (receipt.index, receipt.entry) == (granted.index, leaf_hash(granted.encode()))
    assert stand.audit(said.receipt).fault is None


async def test_a_key_without_the_right_is_refused_with_a_receipt_and_one_coarse_code(
    stand: Stand,
) -> None:
    said = await stand.visit(first(key("looker"), use=Rights.LOCK))
    assert (said.answer.coarse, result(said)) == (Coarse.NOT_ALLOWED, Result.REFUSED)
    assert stand.last(Kind.REFUSED).about[About.REASON] == Reason.NO_RIGHT.words.number
    assert stand.moves == 0


async def test_the_peer_learns_no_exact_reason(stand: Stand) -> None:
    said = await stand.visit(first(key("other door"), doors=frozenset({METER})))
    assert said.answer.coarse is Coarse.NOT_ALLOWED
    assert b"wrong_door" not in said.answer.encode()
    assert said.answer.body == {}


async def test_a_jammed_bolt_is_said_to_be_jammed(stand: Stand) -> None:
    stand.door.jam()
    said = await stand.visit(tenant())
    assert (said.answer.coarse, result(said)) == (None, Result.JAMMED)
    assert stand.last(Kind.MOVED).about[About.STATE] == DoorState.JAMMED.value


async def test_locking_says_locked_only_with_the_leaf_closed(stand: Stand) -> None:
    await stand.opens(tenant())
    assert result(await locked(stand)) is Result.LOCKED
    await stand.opens(tenant())
    stand.door.open_leaf()
    assert result(await locked(stand)) is Result.UNKNOWN


async def test_a_bolt_that_cannot_be_seen_is_unknown(stand: Stand) -> None:
    stand.door.sight = lambda: Sight(Bolt.UNKNOWN, Leaf.CLOSED, Motor.STILL)  # type: ignore[method-assign]
    assert result(await stand.visit(tenant())) is Result.UNKNOWN


async def test_a_motor_that_fails_leaves_the_opening_in_the_log_and_an_unknown_answer(
    stand: Stand,
) -> None:
    def burn() -> None:
        raise OSError("the motor does not answer")

    stand.door.at_drive = burn
    said = await stand.visit(tenant())
    assert said.answer.coarse is Coarse.NOT_NOW
    assert stand.count_of(Kind.GRANTED) == 1
    stand.door.at_drive = lambda: None
    assert await stand.opens(tenant()), "and the lock serves on"


# --- the record comes first ---------------------------------------------------------------------


class Witness:
    """Looks at the disk, as a power cut would leave it, at each moment the motor starts."""

    def __init__(self, stand: Stand, into: Path) -> None:
        self.seen: list[list[Entry]] = []
        self.uses: list[dict[bytes, int]] = []
        self._stand, self._into = stand, into
        stand.door.at_drive = self.look

    def look(self) -> None:
        left = self._stand.copy(self._into / f"at-drive-{len(self.seen)}")
        lock = Lock(left, self._stand.door, self._stand.board)
        assert audit_of(lock).fault is None
        self.seen.append([entry for entry in log_of(lock) if entry.kind is not Kind.STARTED])
        rows = lock.store._db.execute("SELECT link, n FROM uses")
        self.uses.append(dict(rows.fetchall()))
        lock.store.close()


async def test_the_entry_and_the_count_are_on_the_disk_before_the_motor_runs(
    stand: Stand, tmp_path: Path,
) -> None:
    witness = Witness(stand, tmp_path)
    once = guest(uses=1)
    assert await stand.opens(once)
    [seen], [uses] = witness.seen, witness.uses
    assert (seen[-1].kind, seen[-1].about[About.LEAF]) == (Kind.GRANTED, once.leaf.id)
    assert uses == {once.leaf.id: 1}


async def test_a_relock_is_on_the_disk_before_the_motor_runs(stand: Stand, tmp_path: Path) -> None:
    await stand.opens(tenant())
    witness = Witness(stand, tmp_path)
    await stand.watched().relock("closed")
    assert witness.seen[0][-1].kind is Kind.RELOCKED


async def test_a_pins_opening_is_on_the_disk_before_the_motor_runs(
    stand: Stand, tmp_path: Path,
) -> None:
    await stand.deliver(enrol_item(stand.lock, tenant(), "48291357"))
    stand.watched()
    witness = Witness(stand, tmp_path)
    await stand.press("48291357#")
    assert witness.seen[0][-1].kind is Kind.GRANTED
    assert witness.seen[0][-1].about[About.SLOT] == 3


@pytest.mark.parametrize("command", [Command.UNLOCK, Command.LOCK, Command.HOLD_OPEN])
async def test_every_move_has_exactly_one_decision_before_it(
    stand: Stand, command: Command,
) -> None:
    args: dict[int | str, int] = {1: NOW + HOUR} if command is Command.HOLD_OPEN else {}
    for _ in range(3):
        await stand.visit(tenant(), command, args=args)
    entries = stand.log()
    causes = [entry.about[About.CAUSE] for entry in entries if entry.kind is Kind.MOVED]
    granted = [entry.index for entry in entries if entry.kind is Kind.GRANTED]
    assert causes == granted
    assert stand.moves == len(granted)


async def test_a_key_costs_one_durable_write_before_the_bolt(stand: Stand) -> None:
    await stand.opens(tenant())
    commits = Commits(stand)
    assert await stand.opens(guest(uses=3))
    assert commits.before_bolt == [1]


async def test_a_pin_costs_two_durable_writes_before_the_bolt(stand: Stand) -> None:
    await stand.deliver(enrol_item(stand.lock, tenant(), "48291357"))
    stand.watched()
    commits = Commits(stand)
    await stand.press("48291357#")
    assert commits.before_bolt == [2]


# --- the same question twice --------------------------------------------------------------------


async def test_a_lost_answer_is_asked_for_again_and_nothing_moves_twice(stand: Stand) -> None:
    once = guest(uses=1)
    answered = await stand.visit(once, command_id=ID)
    again = await stand.visit(once, command_id=ID)
    assert result(again) is result(answered) is Result.UNLOCKED
    assert again.answer.receipt is not None
    assert answered.answer.receipt is not None
    assert again.answer.receipt.index == answered.answer.receipt.index
    assert stand.moves == 1
    assert stand.count_of(Kind.GRANTED) == 1


@pytest.mark.parametrize(("command", "jam", "leaf_open"), [
    (Command.UNLOCK, False, False), (Command.LOCK, False, False), (Command.UNLOCK, True, False),
    (Command.LOCK, False, True),
])
async def test_the_first_answer_is_given_again_after_a_restart(
    stand: Stand, command: Command, jam: bool, leaf_open: bool,
) -> None:
    if command is Command.LOCK:
        await stand.opens(tenant())
    if jam:
        stand.door.jam()
    if leaf_open:
        stand.door.open_leaf()
    answered = await stand.visit(tenant(), command, command_id=ID)
    moves = stand.moves
    stand.power_cut()
    again = await stand.visit(tenant(), command, command_id=ID)
    assert result(again) is result(answered)
    assert again.answer.receipt is not None
    assert answered.answer.receipt is not None
    assert again.answer.receipt.entry == answered.answer.receipt.entry
    assert stand.moves == moves


async def test_an_opening_cut_off_in_its_drive_is_answered_as_unknown(stand: Stand) -> None:
    opening = asyncio.ensure_future(stand.visit(tenant(), command_id=ID))
    await stand.board.until(stand.lock.motor.locked)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    stand.power_cut()
    assert result(await stand.visit(tenant(), command_id=ID)) is Result.UNKNOWN
    assert stand.moves == 1


async def test_asking_again_while_the_bolt_still_moves_moves_nothing_more(stand: Stand) -> None:
    asks = [stand.visit(tenant(), command_id=ID) for _ in range(3)]
    said = await asyncio.gather(*asks)
    assert {result(each) for each in said} <= {Result.UNLOCKED, Result.UNKNOWN}
    assert stand.moves == 1


async def test_the_same_id_from_another_key_is_another_question(stand: Stand) -> None:
    await stand.visit(tenant(), command_id=ID)
    await stand.visit(tenant("neighbour"), command_id=ID)
    assert stand.count_of(Kind.GRANTED) == 2


async def test_the_same_id_with_another_command_is_another_question(stand: Stand) -> None:
    await stand.visit(tenant(), command_id=ID)
    await stand.visit(tenant(), Command.LOCK, command_id=ID)
    assert stand.count_of(Kind.GRANTED) == 2


async def test_a_refusal_is_judged_anew_when_asked_again(stand: Stand) -> None:
    early = guest(nbf=NOW + HOUR)
    assert not await stand.opens(early, command_id=ID)
    stand.board.loop.jump(HOUR + 1)
    assert await stand.opens(early, command_id=ID)


# --- counted keys -------------------------------------------------------------------------------


async def test_a_key_for_one_use_opens_once(stand: Stand) -> None:
    once = guest(uses=1)
    assert await stand.opens(once)
    assert await stand.reason(once) is Reason.USED_UP
    stand.power_cut()
    assert await stand.reason(once) is Reason.USED_UP
    assert stand.moves == 1


async def test_a_key_for_one_use_presented_on_two_lines_at_once_opens_once(stand: Stand) -> None:
    once = guest(uses=1)
    visits = [Visit(stand.lock, once, source) for source in ("one", "other")]
    for visit in visits:
        await visit.greet()
    said = await asyncio.gather(*(visit.ask() for visit in visits))
    assert sorted(str(result(each)) for each in said) == ["0", "1"]
    assert stand.moves == 1


async def test_a_count_is_spent_on_every_link_that_carries_one(stand: Stand) -> None:
    above = passer(uses=2, depth=1)
    a, b = (above.pass_on(key(name), uses=2) for name in "ab")
    assert await stand.opens(a)
    assert await stand.opens(b)
    assert await stand.reason(a) is Reason.USED_UP


async def test_a_quota_counts_leaves_and_begins_anew_on_another_day(stand: Stand) -> None:
    above = passer(quota=1, depth=1)
    a, b = (above.pass_on(key(name)) for name in "ab")
    assert await stand.opens(a)
    assert await stand.opens(a)
    assert await stand.reason(b) is Reason.OVER_QUOTA
    stand.power_cut()
    assert await stand.reason(b) is Reason.OVER_QUOTA
    stand.board.loop.jump(DAY)
    assert await stand.opens(b)


async def test_a_claim_key_is_exchanged_for_one_child(stand: Stand) -> None:
    claim = passer(key("claim"), klass=KeyClass.FILE, depth=1)
    mine, copied = claim.pass_on(key("phone")), claim.pass_on(key("thief"))
    assert await stand.opens(mine)
    assert await stand.reason(copied) is Reason.USED_UP
    stand.power_cut()
    assert await stand.reason(copied) is Reason.USED_UP
    assert await stand.opens(mine)


async def test_two_people_are_two_keys_under_two_first_links(stand: Stand) -> None:
    a, b = (first(key(name), factors=Factors.PERSON) for name in "ab")
    assert await stand.reason(a) is Reason.NEEDS_PERSON
    assert await stand.reason(a) is Reason.NEEDS_PERSON
    assert await stand.opens(b)
    assert stand.last(Kind.GRANTED).about[About.WITNESS] == a.leaf.id
    assert await stand.reason(b) is Reason.NEEDS_PERSON, "one word serves one opening"


async def test_the_second_person_must_come_within_thirty_seconds(stand: Stand) -> None:
    a, b = (first(key(name), factors=Factors.PERSON) for name in "ab")
    await stand.reason(a)
    stand.board.loop.jump(31)
    assert await stand.reason(b) is Reason.NEEDS_PERSON


async def test_a_first_person_whose_key_was_taken_back_is_nobody(stand: Stand) -> None:
    a, b = (first(key(name), factors=Factors.PERSON) for name in "ab")
    await stand.reason(a)
    await stand.deliver(revoke_item(a.leaf.id))
    assert await stand.reason(b) is Reason.NEEDS_PERSON


async def test_a_first_person_whose_key_is_used_up_is_nobody(stand: Stand) -> None:
    a = first(key("a"), factors=Factors.PERSON, uses=1)
    b, c = (first(key(name), factors=Factors.PERSON) for name in "bc")
    assert await stand.reason(b) is Reason.NEEDS_PERSON
    assert await stand.opens(a)
    assert await stand.reason(a) is Reason.NEEDS_PERSON
    assert await stand.reason(c) is Reason.NEEDS_PERSON


async def test_no_clock_set_back_revives_a_key_that_was_taken_back(stand: Stand) -> None:
    lost = guest()
    await stand.deliver(revoke_item(lost.leaf.id, expires=NOW + DAY))
    stand.board.loop.jump(DAY + HOUR)
    watch = stand.watched()
    stand.board.loop.jump(2 * HOUR)  # the hour in which what has ended is forgotten
    await watch.look()
    back = Visit(stand.lock, owner_key(), "phone")
    await back.greet()
    await back.ask(Command.DELIVER, bundle=[back.time_item(NOW + DAY - 60)])
    assert stand.lock.now().at == NOW + DAY - 60
    assert await stand.reason(lost) is Reason.REVOKED


async def test_a_touch_at_the_keypad_counts_for_five_seconds(stand: Stand) -> None:
    touch = first(key("toucher"), factors=Factors.TOUCH)
    assert await stand.reason(touch) is Reason.NEEDS_FACTOR
    stand.watched()
    await stand.press("1")
    assert await stand.opens(touch)
    stand.board.loop.jump(6)
    assert await stand.reason(touch) is Reason.NEEDS_FACTOR


# --- holding open -------------------------------------------------------------------------------


async def test_unlocking_holds_nothing_open_whatever_its_arguments(stand: Stand) -> None:
    only_unlock = first(key("no holder"), use=Rights.UNLOCK)
    assert await stand.opens(only_unlock, args={1: NOW + HOUR})
    assert stand.lock.held is None


async def test_a_hold_needs_an_end(stand: Stand) -> None:
    assert await stand.reason(tenant(), Command.HOLD_OPEN) is Reason.NO_RIGHT
    assert await stand.reason(tenant(), Command.HOLD_OPEN, args={1: NOW}) is Reason.NO_RIGHT
    assert await stand.reason(tenant(), Command.HOLD_OPEN, args={1: NOW + DAY}) is Reason.NO_RIGHT
    assert stand.moves == 0


async def test_a_hold_keeps_the_door_from_locking_itself_until_its_end(stand: Stand) -> None:
    await stand.deliver(config_item(relock_after=5))
    stand.watched()
    await stand.visit(tenant(), Command.HOLD_OPEN, args={1: NOW + 60})
    await asyncio.sleep(50)
    assert stand.door.sight().bolt is Bolt.DRAWN
    await asyncio.sleep(12)
    assert stand.last(Kind.HOLD_ENDED).about[About.DETAIL] == "ended"
    assert stand.door.sight().bolt is Bolt.THROWN


async def test_locking_ends_a_hold(stand: Stand) -> None:
    await stand.visit(tenant(), Command.HOLD_OPEN, args={1: NOW + HOUR})
    assert stand.lock.held is not None
    await locked(stand)
    assert stand.lock.held is None


@pytest.mark.parametrize("spent", [{"uses": 1}, {"factors": Factors.TOUCH}])
async def test_a_hold_does_not_end_because_it_has_begun(
    stand: Stand, spent: dict[str, object],
) -> None:
    stand.watched()
    await stand.press("1")
    holder = first(key("holder"), use=USE | Rights.HOLD_OPEN, **spent)
    assert await stand.opens(holder, command=Command.HOLD_OPEN, args={1: NOW + HOUR})
    await asyncio.sleep(30)
    assert stand.lock.held is not None


async def test_a_hold_ends_within_a_tick_when_its_key_is_taken_back(stand: Stand) -> None:
    stand.watched()
    await stand.visit(tenant(), Command.HOLD_OPEN, args={1: NOW + HOUR})
    await stand.deliver(revoke_item(tenant().leaf.id))
    await asyncio.sleep(1.1)
    assert stand.last(Kind.HOLD_ENDED).about[About.DETAIL] == "key no longer good"
    await asyncio.sleep(2)
    assert stand.door.sight().bolt is Bolt.THROWN


# --- a passkey beside the key -------------------------------------------------------------------


def touched_key() -> Chain:
    return first(key("browser"), passkey=PASSKEY, factors=Factors.PASSKEY)


async def show_touch(
    stand: Stand, over: Callable[[Visit, Request], bytes], **touched: Any,
) -> Said:
    """One visit with a passkey's assertion over what `over` says."""
    visit = Visit(stand.lock, touched_key())
    await visit.greet()

    def assert_it(request: Request) -> Request:
        carried = {Carried.ASSERTION: touch(over(visit, request), **touched)}
        return replace(request, carried=carried)

    return await visit.ask(change=assert_it)


def this_proof(visit: Visit, request: Request) -> bytes:
    return visit.side.proof_for(request, touched_key().leaf.id)


async def test_a_key_that_asks_for_a_touch_opens_with_one_over_this_very_request(
    stand: Stand,
) -> None:
    assert await stand.reason(touched_key()) is Reason.NEEDS_FACTOR
    assert (await show_touch(stand, this_proof)).answer.coarse is None
    assert stand.last(Kind.GRANTED).about[About.FACTORS] == Factors.PASSKEY


@pytest.mark.parametrize("wrong", [
    {"credential": key("another passkey")}, {"origin": "https://keys.example.evil"},
    {"flags": 1}, {"rp_hash": bytes(32)}, {"type": "webauthn.create"},
], ids=["another's", "on another page", "without the person", "of another site", "not an answer"])
async def test_a_touch_that_does_not_fit_is_refused(stand: Stand, wrong: dict[str, Any]) -> None:
    said = await show_touch(stand, this_proof, **wrong)
    assert said.answer.coarse is Coarse.NOT_ALLOWED
    assert stand.moves == 0


async def test_a_touch_for_another_command_or_conversation_is_refused(stand: Stand) -> None:
    def another_command(visit: Visit, request: Request) -> bytes:
        return this_proof(visit, replace(request, command=Command.LOCK))

    other = Visit(stand.lock, touched_key())
    await other.greet()
    for over in (another_command, lambda _, request: this_proof(other, request)):
        assert (await show_touch(stand, over)).answer.coarse is Coarse.NOT_ALLOWED
    assert stand.moves == 0


async def test_a_key_without_a_passkey_is_not_helped_by_an_assertion(stand: Stand) -> None:
    plain = first(key("plain"), factors=Factors.PASSKEY)
    visit = Visit(stand.lock, plain)
    await visit.greet()
    said = await visit.ask(carried={Carried.ASSERTION: touch(b"anything")})
    assert said.answer.coarse is not None


# --- what is promised of the disk ---------------------------------------------------------------


async def test_every_commit_is_synced_and_none_folds_the_write_ahead_file(stand: Stand) -> None:
    def setting(name: str) -> object:
        return stand.lock.store._db.execute(f"PRAGMA {name}").fetchone()[0]

    assert setting("journal_mode") == "wal"
    assert setting("synchronous") == 2, "FULL"
    assert setting("wal_autocheckpoint") == 0
    assert setting("locking_mode") == "exclusive"


async def test_no_more_answers_are_remembered_than_are_promised(stand: Stand) -> None:
    for number in range(COMMANDS_ANSWERED + 20):
        await stand.visit(tenant(), command_id=number.to_bytes(8, "big"))
    assert len(stand.lock.answers._known) == COMMANDS_ANSWERED


async def test_only_a_decision_of_ours_can_name_a_direction(stand: Stand) -> None:
    await stand.opens(tenant())
    [order] = stand.door.driven
    assert isinstance(order, Granted)
    assert order.towards is Towards.DRAWN
