"""A new lock is taken over once, by whoever stands inside with its code, and let go from inside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.cast import METER, ROOT, STRANGER, key, role, site
from tests.lockd.builders import (
    NOW,
    Stand,
    Takeoff,
    at_once,
    door_map,
    owner_key,
    root_bytes,
    tenant,
)
from tests.lockd.cuts import Cuts

from mortice.core.commands import Command
from mortice.core.commissioning import Takeover, read_code, read_hello, write_code
from mortice.core.errors import Theirs
from mortice.core.link import HELLO
from mortice.core.log import About, Kind, accept_head
from mortice.core.messages import Answer
from mortice.core.refusal import Coarse, Reason
from mortice.core.stages import TimeState
from mortice.core.timekeeping import Word
from mortice.lockd.conversation import Closed, Conversation
from mortice.lockd.daemon import Lock
from mortice.lockd.identity import RESET_HOLD_SECONDS

Make = Callable[..., Stand]
MINUTE = 60


def the_owner(stand: Stand, **changes: object) -> Takeover:
    return replace(stand.takeover(), **changes)  # type: ignore[arg-type]


def take_over(stand: Stand, **changes: object) -> Answer:
    return Takeoff(stand.lock).run(the_owner(stand, **changes))


def press(stand: Stand) -> None:
    stand.lock.window.press(stand.board.count())


def is_new(stand: Stand) -> bool:
    return stand.lock.owned is None and stand.lock.store.meta("site") is None


async def hold_button(stand: Stand, seconds: float) -> None:
    await stand.door.hold_inside_button(seconds)
    await asyncio.sleep(0.01)


# --- taking over --------------------------------------------------------------------------------


async def test_a_new_lock_is_taken_over_after_its_inside_button(new: Stand) -> None:
    press(new)
    answer = take_over(new)
    assert answer.coarse is None
    assert new.lock.owner().place.site.id == site().id
    assert new.last(Kind.COMMISSIONED).about[About.VERSION] == 1
    assert await new.opens(tenant())


async def test_the_owner_sets_the_new_locks_clock(new: Stand) -> None:
    new.board.lose_rtc()
    press(new)
    take_over(new)
    assert (new.lock.now().at, new.lock.now().state) == (NOW, TimeState.SYNCED)


async def test_without_the_inside_button_a_new_lock_is_silent(new: Stand) -> None:
    with pytest.raises(Closed):
        take_over(new)
    assert is_new(new)


async def test_the_window_closes_in_the_eleventh_minute(new: Stand) -> None:
    press(new)
    new.board.loop.jump(10 * MINUTE + 1)
    with pytest.raises(Closed):
        take_over(new)
    assert is_new(new)


async def test_the_window_is_open_to_the_end_of_the_tenth_minute(new: Stand) -> None:
    press(new)
    new.board.loop.jump(10 * MINUTE - 1)
    assert take_over(new).coarse is None


async def test_the_button_of_another_life_opens_no_window(new: Stand) -> None:
    press(new)
    new.power_cut()
    with pytest.raises(Closed):
        take_over(new)


async def test_a_wrong_secret_is_met_with_silence(new: Stand) -> None:
    press(new)
    owner = Takeoff(new.lock, secret=bytes(16))
    with pytest.raises(Closed):
        at_once(owner.conversation.hear(owner.first()))
    assert is_new(new)


async def test_a_lock_is_taken_over_once(new: Stand) -> None:
    press(new)
    owner, second = Takeoff(new.lock), Takeoff(new.lock)
    for each in (owner, second):
        each.side.read_greeting(at_once(each.conversation.hear(each.first())))
    takeover = the_owner(new)
    assert owner.side.read_answer(
        at_once(owner.conversation.hear(owner.third(takeover)))).coarse is None
    other = the_owner(new, site=root_bytes(site(version=7)))
    answer = second.side.read_answer(at_once(second.conversation.hear(second.third(other))))
    assert answer.coarse is Coarse.NOT_ALLOWED
    assert new.lock.owner().place.site.version == 1
    assert new.last(Kind.REFUSED).about[About.REASON] == Reason.WINDOW_CLOSED.words.number


async def test_the_secret_is_burnt_by_its_use(new: Stand) -> None:
    secret = new.lock.secrets.code.secret
    new.commission()
    assert new.lock.secrets.code.secret != secret
    assert secret not in (new.folder / "keys").read_bytes()


async def test_an_owned_lock_answers_no_takeover_and_no_hello(stand: Stand) -> None:
    press(stand)
    with pytest.raises(Closed):
        take_over(stand)
    with pytest.raises(Closed):
        at_once(Conversation(stand.lock, "phone").hear(bytes([HELLO])))


async def test_a_new_lock_tells_its_keys_and_they_match_its_code(new: Stand) -> None:
    code = read_code(write_code(new.lock.secrets.code))
    told = at_once(Conversation(new.lock, "phone").hear(bytes([HELLO])))
    assert read_hello(told, code) == new.lock.secrets.public


async def test_another_locks_code_does_not_fit(stands: Make) -> None:
    one, other = stands("one"), stands("other")
    told = at_once(Conversation(one.lock, "phone").hear(bytes([HELLO])))
    with pytest.raises(Theirs, match="not the one whose code"):
        read_hello(told, other.lock.secrets.code)


async def test_a_new_lock_opens_for_nobody(new: Stand) -> None:
    with pytest.raises(Closed):
        await new.opens(owner_key())
    assert new.moves == 0


@pytest.mark.parametrize(("changed", "why"), [
    ({"site": b"\x00"}, "no root at all"),
    ({"site": root_bytes(site(), ROOT)}, "a root that only the phone signed"),
    ({"doors": b"\x00"}, "no map at all"),
    ({"door": METER}, "a door that is not on the map"),
])
async def test_a_takeover_that_does_not_hold_changes_nothing(
    new: Stand, changed: dict[str, object], why: str,
) -> None:
    press(new)
    assert take_over(new, **changed).coarse is not None, why
    assert is_new(new)
    assert take_over(new).coarse is None, "and the right owner can still come"


async def test_a_map_signed_by_a_stranger_is_refused(new: Stand) -> None:
    press(new)
    doors = door_map(new.lock.secrets.public, signer=STRANGER)
    assert take_over(new, doors=doors).coarse is not None
    assert is_new(new)


async def test_a_map_that_names_another_lock_is_refused(stands: Make) -> None:
    one, other = stands("one"), stands("other")
    press(one)
    assert take_over(one, doors=door_map(other.lock.secrets.public)).coarse is not None
    assert is_new(one)


async def test_a_real_door_refuses_a_demos_site(new: Stand) -> None:
    press(new)
    new.door.simulated = False
    demo = root_bytes(site(demo=True))
    assert take_over(new, site=demo).coarse is not None
    assert is_new(new)
    assert take_over(new).coarse is None, "and serves a real one"


async def test_a_simulated_door_serves_a_demos_site(new: Stand) -> None:
    press(new)
    assert take_over(new, site=root_bytes(site(demo=True))).coarse is None


async def test_a_real_door_does_not_start_with_a_demos_data(new: Stand) -> None:
    new.commission(site(demo=True))
    new.lock.store.close()
    new.door.simulated = False
    with pytest.raises(SystemExit, match="demo"):
        Lock(new.folder, new.door, new.board)
    new.door.simulated = True
    new.boot()


async def test_an_ordinary_command_means_nothing_to_a_new_lock(new: Stand) -> None:
    press(new)
    owner = Takeoff(new.lock)
    owner.side.read_greeting(at_once(owner.conversation.hear(owner.first())))
    takeover = the_owner(new)
    third = owner.third(takeover, Command.UNLOCK)
    answer = owner.side.read_answer(at_once(owner.conversation.hear(third)))
    assert answer.coarse is Coarse.NOT_ALLOWED
    assert new.moves == 0


async def test_to_commission_an_owned_lock_within_a_visit_is_refused(stand: Stand) -> None:
    reason = await stand.reason(owner_key(), Command.COMMISSION, args=the_owner(stand).args())
    assert reason is not Reason.FAULT
    assert stand.lock.owner().place.site.version == 1


# --- letting go ---------------------------------------------------------------------------------


async def test_holding_the_inside_button_for_ten_seconds_resets_the_lock(stand: Stand) -> None:
    stand.watched()
    before = stand.lock.secrets.public
    await hold_button(stand, RESET_HOLD_SECONDS + 0.1)
    assert is_new(stand)
    assert stand.lock.secrets.public != before


async def test_a_shorter_press_resets_nothing(stand: Stand) -> None:
    stand.watched()
    await hold_button(stand, RESET_HOLD_SECONDS - 0.1)
    assert await stand.opens(tenant())


async def test_no_command_resets_a_lock(stand: Stand) -> None:
    """From outside it is impossible: there is no such command, for any right."""
    identity = stand.lock.secrets.public
    for command in Command:
        await stand.visit(owner_key(), command)
    assert stand.lock.secrets.public == identity
    assert stand.count_of(Kind.RESET) == 0


async def test_old_keys_are_dead_after_a_reset(stand: Stand) -> None:
    stand.watched()
    old = tenant()
    await hold_button(stand, 11)
    with pytest.raises(Closed):
        await stand.opens(old)
    press(stand)
    other_root = site(roles=site().roles | {1: role(key("next owner"))})
    doors = door_map(stand.lock.secrets.public, signer=key("next owner"))
    assert take_over(stand, site=root_bytes(other_root), doors=doors).coarse is None
    assert await stand.reason(old) is Reason.UNKNOWN_KEY
    assert stand.moves == 0


async def test_what_an_old_owners_hub_said_of_the_time_is_forgotten(stand: Stand) -> None:
    stand.watched()
    stand.lock.time_words[b"an old hub"] = Word(b"an old hub", NOW, stand.board.count())
    await hold_button(stand, 11)
    press(stand)
    assert take_over(stand, doors=door_map(stand.lock.secrets.public)).coarse is None
    assert not stand.lock.time_words


async def test_the_new_log_begins_with_the_head_that_ended_the_old_one(stand: Stand) -> None:
    stand.watched()
    await stand.opens(tenant())
    size, signing = stand.lock.store.size, stand.lock.secrets.signing.public
    await hold_button(stand, 11)
    first = stand.log()[0]
    assert first.kind is Kind.RESET
    document = first.about[About.DOCUMENT]
    assert isinstance(document, bytes)
    head = accept_head(document, signing)
    assert head.size == size
    assert stand.audit().fault is None


async def test_a_reset_leaves_nothing_of_the_old_life_on_the_disk(stand: Stand) -> None:
    stand.watched()
    await stand.opens(tenant())
    secrets = dict(stand.lock.secrets.kept)
    await hold_button(stand, 11)
    stand.lock.store.tidy(after=0)
    kept = b"".join(path.read_bytes() for path in stand.folder.iterdir() if path.is_file())
    assert not [name for name, secret in secrets.items() if secret in kept]


async def test_an_earlier_press_of_the_button_opens_no_window_after_a_reset(stand: Stand) -> None:
    stand.watched()
    await hold_button(stand, 1)
    await hold_button(stand, 11)
    with pytest.raises(Closed):
        take_over(stand)


async def test_a_reset_lock_waits_for_an_owner_to_tell_the_time(stand: Stand) -> None:
    stand.watched()
    await hold_button(stand, 11)
    assert stand.lock.now().state is TimeState.UNSURE


async def test_a_reset_in_the_middle_of_a_drive_waits_for_the_bolt(stand: Stand) -> None:
    stand.watched()
    pushed = stand.door.push_inside_button()
    await asyncio.sleep(RESET_HOLD_SECONDS)
    opening = asyncio.ensure_future(stand.visit(tenant()))
    await stand.board.until(stand.lock.motor.locked)
    stand.door.release_inside_button(pushed)
    said = await opening
    assert said.receipt is not None, "the receipt is the old lock's word"
    await asyncio.sleep(0.01)
    assert is_new(stand)
    assert [entry.kind for entry in stand.log()] == [Kind.RESET]


# --- power cuts on the way ----------------------------------------------------------------------


async def test_a_power_cut_while_taking_over_leaves_a_new_lock_or_an_owned_one(
    new: Stand, tmp_path: Path,
) -> None:
    press(new)
    cuts, secret = Cuts(new, tmp_path / "cuts"), new.lock.secrets.code.secret
    with cuts.during():
        take_over(new)
    states = []
    for lock in cuts.lives():
        states.append(lock.owned is not None)
        press(new)
        lock.window.press(new.board.count())
        if lock.owned is None:
            assert lock.secrets.code.secret == secret
            assert Takeoff(lock).run(the_owner(new)).coarse is None, "it can be taken over"
        else:
            with pytest.raises(Closed):
                Takeoff(lock).run(the_owner(new))
    assert states == sorted(states), "owned once and for all"
    assert set(states) == {False, True}


async def test_a_power_cut_while_resetting_leaves_the_old_lock_or_a_new_one(
    stand: Stand, tmp_path: Path,
) -> None:
    stand.watched()
    before, size = stand.lock.secrets.public, stand.lock.store.size
    cuts = Cuts(stand, tmp_path / "cuts")
    with cuts.during():
        await hold_button(stand, 11)
    states = []
    for lock in cuts.lives():
        reset = lock.owned is None
        states.append(reset)
        first = Stand(lock.folder, stand.board, stand.door, lock).log()[0]
        if reset:
            assert lock.secrets.public != before
            document = first.about[About.DOCUMENT]
            assert isinstance(document, bytes)
            assert accept_head(document, before.signing).size == size
        else:
            assert lock.secrets.public == before
            assert first.kind is Kind.STARTED
    assert states == sorted(states)
    assert set(states) == {False, True}
