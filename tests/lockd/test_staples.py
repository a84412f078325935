"""A PIN goes stale with the key above it, and stays good as long as somebody vouches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.core.cast import REFRESHER, SITE, Chain, first, key
from tests.core.cast import site as site_of
from tests.lockd.builders import (
    DAY,
    HOUR,
    NOW,
    Commits,
    Stand,
    Visit,
    enrol_item,
    revoke_item,
    root_bytes,
)

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.freshness import STAPLE, sign_staple
from mortice.core.grant import Rights
from mortice.core.keys import Signer
from mortice.core.log import About, Kind
from mortice.core.messages import Carried
from mortice.core.refusal import Reason
from mortice.core.site import SITE as ROOT_DOCUMENT
from mortice.core.site import Role, RoleKeys

PIN = "48291357"
CLEANER = first(key("cleaner"), use=Rights.UNLOCK | Rights.ENROL, max_staleness=DAY)


def staple(named: Chain = CLEANER, at: int = NOW, signer: Signer = REFRESHER) -> bytes:
    return sign_staple(SITE, named.leaf.id, at, signer)


async def opens(stand: Stand) -> bool:
    """Whether the PIN opens now; if not, it is stale and nothing else."""
    moves = stand.moves
    await stand.press(PIN + "#")
    if stand.moves > moves:
        return True
    assert stand.last(Kind.REFUSED).about[About.REASON] == Reason.TOO_STALE.words.number
    return False


async def became(stand: Stand, *item: cbor.Value) -> int:
    """What the lock did with one document: 0 taken, -1 of no use, or the number of a reason."""
    fate, = await stand.deliver([*item])
    return fate.result


@pytest.fixture
async def door(stand: Stand) -> Stand:
    """A cleaner's PIN is on the door, and their key and PIN go stale within a day."""
    await stand.deliver(enrol_item(stand.lock, CLEANER, PIN, max_staleness=DAY))
    stand.watched()
    return stand


def refreshed(stand: Stand) -> int:
    return stand.count_of(Kind.REFRESHED)


async def test_a_pin_opens_once_its_holder_came_by_with_a_fresh_key(door: Stand) -> None:
    assert not await opens(door)
    assert await door.opens(CLEANER, carried={Carried.STAPLE: staple()})
    assert await opens(door)
    door.board.loop.jump(DAY + 1)
    assert not await opens(door)


async def test_a_staple_is_kept_after_the_bolt_has_moved_and_once(door: Stand) -> None:
    shown: dict[Any, Any] = {Carried.STAPLE: staple()}
    commits = Commits(door)
    assert await door.opens(CLEANER, carried=shown)
    assert commits.before_bolt == [1]
    kinds = [entry.kind for entry in door.log()][-3:]
    assert kinds == [Kind.GRANTED, Kind.MOVED, Kind.REFRESHED]
    entry = door.last(Kind.REFRESHED)
    assert (entry.about[About.SLOT], entry.about[About.LEAF]) == (3, CLEANER.leaf.id)
    assert await door.opens(CLEANER, carried=shown)
    assert refreshed(door) == 1


async def test_a_pin_put_on_the_door_in_the_same_conversation_is_good_at_once(
    stand: Stand,
) -> None:
    stand.watched()
    visit = Visit(stand.lock, CLEANER)
    await visit.run(Command.UNLOCK, carried={Carried.STAPLE: staple()})
    item = enrol_item(stand.lock, CLEANER, PIN, max_staleness=DAY)
    await visit.later(Command.DELIVER, {1: [item]})
    assert await opens(stand)


async def test_a_refused_visit_leaves_no_staple(door: Stand) -> None:
    await door.deliver(revoke_item(CLEANER.leaf.id))
    assert not await door.opens(CLEANER, carried={Carried.STAPLE: staple()})
    assert refreshed(door) == 0


async def test_a_granted_visit_with_junk_for_a_staple_leaves_no_trace_of_it(door: Stand) -> None:
    calm = first(key("calm"))
    assert await door.opens(calm, carried={Carried.STAPLE: b"junk"})
    assert [entry.kind for entry in door.log()][-2:] == [Kind.GRANTED, Kind.MOVED]


async def test_anybody_may_carry_a_staple(door: Stand) -> None:
    assert await became(door, STAPLE, staple()) == 0
    assert await opens(door)
    assert await became(door, STAPLE, staple()) == -1
    assert await became(door, STAPLE, staple(at=NOW - 1)) == -1
    assert await became(door, STAPLE, staple(at=NOW + 1)) == 0


@pytest.mark.parametrize("at", [NOW + HOUR, NOW + 2 * DAY])
async def test_a_staple_from_the_future_stands_in_no_good_ones_way(door: Stand, at: int) -> None:
    assert await became(door, STAPLE, staple(at=at)) == -1
    assert await became(door, STAPLE, staple()) == 0
    assert await opens(door)


async def test_who_vouches_needs_a_key_that_counts_here(door: Stand) -> None:
    manager = first(key("manager"), use=Rights.REFRESH, exp=NOW + HOUR)
    elsewhere = first(key("manager"), use=Rights.REFRESH, doors=frozenset({b"otherdor"}))
    vouched = staple(signer=manager.holder)
    assert await became(door, STAPLE, vouched, elsewhere.wire) == Reason.WRONG_DOOR.words.number
    assert not await opens(door)
    assert await became(door, STAPLE, vouched, manager.wire) == 0
    assert await opens(door)
    door.board.loop.jump(2 * HOUR)
    assert not await opens(door)


async def test_one_who_may_go_stale_vouches_for_nobody_and_stands_in_nobodys_way(
    door: Stand,
) -> None:
    manager = first(key("manager"), use=Rights.REFRESH, max_staleness=DAY)
    await became(door, STAPLE, staple())
    later = staple(at=NOW + 900, signer=manager.holder)
    assert await became(door, STAPLE, later, manager.wire) == -1
    assert await opens(door)
    assert await became(door, STAPLE, staple(at=NOW + 5)) == 0


async def test_a_kept_staple_that_has_died_stands_in_no_older_ones_way(door: Stand) -> None:
    manager = first(key("manager"), use=Rights.REFRESH)
    assert await became(
        door, STAPLE, staple(at=NOW + 900, signer=manager.holder), manager.wire) == 0
    assert await became(door, STAPLE, staple(at=NOW + 10)) == -1
    await door.deliver(revoke_item(manager.leaf.id))
    assert not await opens(door)
    assert await became(door, STAPLE, staple(at=NOW + 10)) == 0
    assert await opens(door)


async def test_a_staple_dies_with_the_role_that_signed_it(door: Stand) -> None:
    await door.deliver([STAPLE, staple()])
    assert await opens(door)
    old = site_of()
    roles = {**old.roles, Role.REFRESH: RoleKeys(1, (key("another refresher").public,))}
    await door.deliver([ROOT_DOCUMENT, root_bytes(replace(old, version=2, roles=roles))])
    assert not await opens(door)


async def test_a_pin_that_alone_goes_stale_is_vouched_for_by_its_own_name(stand: Stand) -> None:
    calm = first(key("cleaner"), use=Rights.UNLOCK | Rights.ENROL)
    item = enrol_item(stand.lock, calm, PIN, max_staleness=DAY)
    await stand.deliver(item)
    stand.watched()
    assert await became(stand, STAPLE, staple(calm)) == -1
    assert not await opens(stand)
    named = stand.last(Kind.ENROLLED).about[About.LEAF]
    assert isinstance(named, bytes)
    assert await became(stand, STAPLE, sign_staple(SITE, named, NOW, REFRESHER)) == 0
    assert await opens(stand)


async def test_a_new_pin_in_the_slot_begins_without(door: Stand) -> None:
    await door.deliver([STAPLE, staple()])
    await door.deliver(enrol_item(door.lock, CLEANER, PIN, version=2, max_staleness=DAY))
    assert not await opens(door)


async def test_a_kept_staple_survives_a_power_cut(door: Stand) -> None:
    await door.deliver([STAPLE, staple()])
    door.power_cut()
    assert await opens(door)
