"""What a door believes of its clock, and what it refuses while it does not know."""

# ruff: noqa: ANN401 — changes of any field
from __future__ import annotations

from typing import Any

import pytest
from tests.core.cast import REFRESHER, SITE, STRANGER, TIMER, Chain, first, key, site
from tests.lockd.builders import (
    DAY,
    HOUR,
    NOW,
    Fate,
    Stand,
    Visit,
    guest,
    owner_key,
    revoke_item,
    root_bytes,
    tenant,
)

from mortice.core.commands import Command
from mortice.core.freshness import STAPLE, sign_staple
from mortice.core.grant import Rights
from mortice.core.keys import SoftwareKey
from mortice.core.limits import (
    FORWARD_SECONDS,
    HOLDOVER_SECONDS,
    NONCE_SECONDS,
    SYNCED_SECONDS,
)
from mortice.core.log import About, Kind
from mortice.core.messages import Carried
from mortice.core.refusal import Reason
from mortice.core.schedule import Window
from mortice.core.site import SITE as SITE_ROOT
from mortice.core.site import Role, RoleKeys
from mortice.core.stages import TimeState


async def tell(stand: Stand, at: int, teller: Chain | None = None, **changes: Any) -> Fate:
    """The time, attested in a conversation by the holder of a key, or by a role's `signer`."""
    visit = Visit(stand.lock, teller or owner_key())
    await visit.greet()
    item = visit.time_item(at, **changes)
    said = await visit.ask(Command.DELIVER, bundle=[item])
    return said.fates[0]


def state(stand: Stand) -> TimeState:
    return stand.lock.now().state


def lose_rtc(stand: Stand) -> None:
    stand.board.lose_rtc()
    stand.power_cut()


# --- sure, and no longer sure -------------------------------------------------------------------


async def test_the_clock_goes_on_through_a_power_cut(stand: Stand) -> None:
    stand.power_cut(seconds=HOUR)
    assert abs(stand.lock.now().at - (NOW + HOUR)) <= 1
    assert state(stand) is TimeState.SYNCED


async def test_the_clock_ages_from_synced_to_holdover_to_unsure(stand: Stand) -> None:
    stand.board.loop.jump(SYNCED_SECONDS + 1)
    assert state(stand) is TimeState.HOLDOVER
    stand.board.loop.jump(HOLDOVER_SECONDS)
    assert state(stand) is TimeState.UNSURE


async def test_a_board_clock_that_was_lost_makes_the_lock_unsure(stand: Stand) -> None:
    lose_rtc(stand)
    assert state(stand) is TimeState.UNSURE
    assert stand.lock.now().at >= NOW, "and it does not go back"


async def test_a_board_clock_set_back_a_day_holds_the_floor(stand: Stand) -> None:
    ended = guest(exp=NOW + HOUR)
    stand.board.loop.jump(2 * HOUR)
    assert await stand.reason(ended) is Reason.ENDED
    stand.board.set_wall(NOW - DAY)
    stand.power_cut()
    assert state(stand) is TimeState.UNSURE
    assert stand.lock.now().at >= NOW + 2 * HOUR
    assert not await stand.opens(ended)


async def test_a_board_clock_that_is_moved_while_the_lock_runs_moves_nothing(stand: Stand) -> None:
    for seconds in (-DAY, DAY, 3650 * DAY):
        stand.board.set_wall(NOW + seconds)
        assert abs(stand.lock.now().at - NOW) <= 1


@pytest.mark.parametrize("years", [100, 10_000])
async def test_a_board_clock_far_ahead_is_not_believed(stand: Stand, years: int) -> None:
    stand.board.set_wall(NOW + years * 365 * DAY)
    stand.power_cut()
    assert state(stand) is TimeState.UNSURE
    assert stand.lock.now().at < NOW + DAY


async def test_the_floor_never_falls_through_any_number_of_cuts(stand: Stand) -> None:
    floor = 0
    for number in range(20):
        stand.board.set_wall(NOW + stand.board.chance.randrange(-400, 400) * DAY)
        stand.power_cut(seconds=number)
        assert stand.lock.now().floor >= floor
        floor = stand.lock.now().floor
        assert stand.log()[-1].at >= floor


# --- who is served while time is unsure ---------------------------------------------------------


async def test_residents_are_judged_by_the_floor_and_guests_are_refused(stand: Stand) -> None:
    resident, later = tenant("r", exp=NOW + 30 * DAY), guest()
    lose_rtc(stand)
    assert await stand.opens(tenant()), "a key without times"
    assert await stand.opens(resident), "a resident's, by the floor"
    assert await stand.reason(later) is Reason.TIME_UNSURE


async def test_a_resident_whose_key_had_ended_by_the_floor_stays_out(stand: Stand) -> None:
    ended = tenant("r", exp=NOW + HOUR)
    stand.board.loop.jump(2 * HOUR)
    await stand.opens(tenant())
    lose_rtc(stand)
    assert await stand.reason(ended) is Reason.ENDED


async def test_hours_cannot_be_judged_without_a_clock(stand: Stand) -> None:
    lose_rtc(stand)
    in_hours = tenant("r", hours=(Window(127, 0, 1440),))
    assert await stand.reason(in_hours) is Reason.TIME_UNSURE


async def test_any_visit_by_the_owner_ends_it(stand: Stand) -> None:
    lose_rtc(stand)
    assert (await tell(stand, NOW + HOUR)).result == 0
    assert (stand.lock.now().at, state(stand)) == (NOW + HOUR, TimeState.SYNCED)
    assert await stand.opens(guest())
    told = stand.last(Kind.TIME_SET)
    assert (told.at, told.about[About.BY]) == (NOW + HOUR, "owner")


async def test_the_time_told_outlives_a_power_cut(stand: Stand) -> None:
    lose_rtc(stand)
    await tell(stand, NOW + HOUR)
    stand.board.set_wall(NOW + HOUR)
    stand.power_cut(seconds=60)
    assert abs(stand.lock.now().at - (NOW + HOUR + 60)) <= 2
    assert state(stand) is TimeState.SYNCED


# --- whose word counts --------------------------------------------------------------------------


async def test_time_for_another_conversation_is_refused(stand: Stand) -> None:
    old = Visit(stand.lock, owner_key())
    await old.greet()
    fate = await tell(stand, NOW + HOUR, nonce=old.side.handshake)
    assert fate.reason is Reason.BAD_SIGNATURE
    assert stand.lock.now().at < NOW + 60


async def test_time_for_another_lock_is_refused(stand: Stand) -> None:
    assert (await tell(stand, NOW + HOUR, lock=key("other lock").public.id)).reason \
        is Reason.WRONG_DOOR


@pytest.mark.parametrize(("teller", "why"), [
    (tenant(), Reason.NO_RIGHT),
    (first(STRANGER, signer=STRANGER, use=Rights.SET_TIME), Reason.UNKNOWN_KEY),
    (first(key("ex"), use=Rights.SET_TIME, exp=NOW - 1), Reason.ENDED),
    (first(key("m"), use=Rights.SET_TIME, doors=frozenset({b"metercup"})), Reason.WRONG_DOOR),
], ids=["without the right", "a stranger", "whose key ended", "for another door"])
async def test_time_by_whoever_may_not_tell_it_is_refused(
    stand: Stand, teller: Chain, why: Reason,
) -> None:
    visit = Visit(stand.lock, tenant("courier"))
    await visit.greet()
    said = await visit.ask(Command.DELIVER, bundle=[visit.time_item(NOW + HOUR, teller)])
    assert said.fates[0].reason is why
    assert stand.lock.now().at < NOW + 60


@pytest.mark.parametrize("signer", [STRANGER, REFRESHER, TIMER])
async def test_only_the_time_role_speaks_for_the_hub(stand: Stand, signer: SoftwareKey) -> None:
    fate = await tell(stand, NOW + 60, signer=signer)
    assert (fate.result == 0) is (signer is TIMER)


async def test_time_by_a_key_taken_back_is_refused(stand: Stand) -> None:
    await stand.deliver(revoke_item(owner_key().leaf.id))
    assert (await tell(stand, NOW + HOUR, tenant("courier"), chain=owner_key())).reason \
        is Reason.REVOKED


async def test_a_nonce_grows_old(stand: Stand) -> None:
    """An attestation kept back for longer than 30 s is worth nothing, in the same conversation."""
    visit = Visit(stand.lock, owner_key())
    await visit.run(Command.STATUS)
    item = visit.time_item(NOW + HOUR)
    stand.board.loop.jump(NONCE_SECONDS + 1)
    answer = await visit.later(Command.DELIVER, {1: [item]})
    assert Fate(*answer[1][0]).reason is Reason.BAD_SIGNATURE
    fresh = Visit(stand.lock, owner_key())
    await fresh.run(Command.STATUS)
    answer = await fresh.later(Command.DELIVER, {1: [fresh.time_item(NOW + HOUR)]})
    assert Fate(*answer[1][0]).result == 0


async def test_a_time_below_the_floor_is_refused(stand: Stand) -> None:
    stand.board.loop.jump(HOUR)
    await stand.opens(tenant())
    assert (await tell(stand, NOW)).reason is Reason.TIME_UNSURE
    assert stand.lock.now().at >= NOW + HOUR


@pytest.mark.parametrize("at", [0, -1, 1 << 40, 1 << 62])
async def test_a_time_that_is_none_is_refused(stand: Stand, at: int) -> None:
    fate = await tell(stand, at)
    assert fate.reason in {Reason.TIME_UNSURE, Reason.MALFORMED}
    assert stand.lock.now().at < NOW + 60


@pytest.mark.parametrize("at", [2**31 - 1, 2**31, 2**32, 4_294_967_296 + 1, 4_102_444_800])
async def test_the_years_in_which_other_clocks_end_are_ordinary(stand: Stand, at: int) -> None:
    assert (await tell(stand, at)).result == 0
    assert stand.lock.now().at == at
    assert await stand.opens(guest(nbf=at - 1, exp=at + 60))
    assert await stand.reason(guest(nbf=at - 60, exp=at)) is Reason.ENDED


# --- the hub alone ------------------------------------------------------------------------------


async def test_the_hub_alone_moves_the_clock_a_quarter_of_an_hour_in_all(stand: Stand) -> None:
    assert (await tell(stand, NOW + 600, signer=TIMER)).result == 0
    assert (await tell(stand, NOW + 600 + 200, signer=TIMER)).result == 0
    assert (await tell(stand, NOW + 800 + 200, signer=TIMER)).reason is Reason.TIME_UNSURE
    stand.power_cut()
    assert (await tell(stand, NOW + 800 + 200, signer=TIMER)).reason is Reason.TIME_UNSURE
    assert FORWARD_SECONDS == 900


async def test_the_hub_two_hours_ahead_is_refused_and_that_is_written_down(stand: Stand) -> None:
    assert (await tell(stand, NOW + 2 * HOUR, signer=TIMER)).reason is Reason.TIME_UNSURE
    assert stand.lock.now().at < NOW + 60
    refused = stand.last(Kind.REFUSED)
    assert refused.about[About.CHECK] == "T7"


async def test_the_hub_alone_never_makes_an_unsure_lock_sure(stand: Stand) -> None:
    lose_rtc(stand)
    assert (await tell(stand, NOW + 60, signer=TIMER)).reason is Reason.TIME_UNSURE
    assert state(stand) is TimeState.UNSURE


async def test_the_owners_word_gives_the_hub_its_allowance_back(stand: Stand) -> None:
    await tell(stand, NOW + 900, signer=TIMER)
    await tell(stand, NOW + 1000)
    assert (await tell(stand, NOW + 1600, signer=TIMER)).result == 0


# --- two sources --------------------------------------------------------------------------------


SECOND = key("another hub")


@pytest.fixture
async def twofold(stand: Stand) -> Stand:
    """A door of a site whose time is told by two keys that are kept apart."""
    roles = {**site().roles, Role.TIME: RoleKeys(1, (TIMER.public, SECOND.public))}
    fate, = await stand.deliver([SITE_ROOT, root_bytes(site(version=2, roles=roles))])
    assert fate.result == 0
    return stand


async def test_two_sources_that_agree_end_unsure(twofold: Stand) -> None:
    lose_rtc(twofold)
    at = NOW + 30 * DAY
    assert (await tell(twofold, at, signer=TIMER)).reason is Reason.TIME_UNSURE
    assert (await tell(twofold, at, signer=TIMER)).reason is Reason.TIME_UNSURE
    twofold.board.loop.jump(120)
    assert (await tell(twofold, at + 120, signer=SECOND)).result == 0
    assert state(twofold) is TimeState.SYNCED
    assert abs(twofold.lock.now().at - at - 120) <= 1
    assert twofold.last(Kind.TIME_SET).about[About.BY] == "hubs"


async def test_two_sources_that_agree_give_the_allowance_back(twofold: Stand) -> None:
    assert (await tell(twofold, NOW + 900, signer=TIMER)).result == 0
    assert (await tell(twofold, NOW + 901, signer=SECOND)).result == 0
    assert (await tell(twofold, NOW + 1800, signer=SECOND)).result == 0


async def test_two_sources_that_disagree_are_two_hubs_alone(twofold: Stand) -> None:
    assert (await tell(twofold, NOW + DAY, signer=TIMER)).reason is Reason.TIME_UNSURE
    assert (await tell(twofold, NOW + DAY + 120, signer=SECOND)).reason is Reason.TIME_UNSURE
    assert abs(twofold.lock.now().at - NOW) <= 1


async def test_two_of_three_sources_agree_whatever_the_third_says_between(stand: Stand) -> None:
    third = key("a hub gone wrong")
    told_by = RoleKeys(1, (TIMER.public, SECOND.public, third.public))
    await stand.deliver([SITE_ROOT, root_bytes(
        site(version=2, roles={**site().roles, Role.TIME: told_by}))])
    at = NOW + DAY
    assert (await tell(stand, at, signer=TIMER)).reason is Reason.TIME_UNSURE
    assert (await tell(stand, at + DAY, signer=third)).reason is Reason.TIME_UNSURE
    assert (await tell(stand, at, signer=SECOND)).result == 0
    assert abs(stand.lock.now().at - at) <= 1


@pytest.mark.parametrize("between", ["eleven minutes", "a power cut", "a new root"])
async def test_a_word_fades(twofold: Stand, between: str) -> None:
    at = NOW + DAY
    assert (await tell(twofold, at, signer=TIMER)).reason is Reason.TIME_UNSURE
    if between == "eleven minutes":
        twofold.board.loop.jump(660)
        at += 660
    elif between == "a power cut":
        twofold.power_cut()
    else:
        fate, = await twofold.deliver([SITE_ROOT, root_bytes(
            site(version=3, roles=twofold.lock.owner().place.site.roles))])
        assert fate.result == 0
    assert (await tell(twofold, at, signer=SECOND)).reason is Reason.TIME_UNSURE


# --- the command --------------------------------------------------------------------------------


async def test_the_command_sets_the_clock_within_its_own_record(stand: Stand) -> None:
    assert await stand.opens(owner_key(), command=Command.SET_TIME, args={1: NOW + HOUR})
    assert stand.lock.now().at == NOW + HOUR
    assert stand.kinds()[-2:] == [Kind.GRANTED, Kind.TIME_SET]


async def test_the_command_says_when_it_cannot_be_done(stand: Stand) -> None:
    assert await stand.reason(owner_key(), Command.SET_TIME, args={1: NOW - DAY}) \
        is Reason.TIME_UNSURE
    assert await stand.reason(owner_key(), Command.SET_TIME, args={1: "noon"}) is Reason.MALFORMED
    assert await stand.reason(owner_key(), Command.SET_TIME) is Reason.MALFORMED


async def test_asking_again_sets_no_clock_again(stand: Stand) -> None:
    await stand.visit(owner_key(), Command.SET_TIME, args={1: NOW + HOUR}, command_id=b"time set")
    stand.board.loop.jump(60)
    said = await stand.visit(
        owner_key(), Command.SET_TIME, args={1: NOW + HOUR}, command_id=b"time set")
    assert said.answer.coarse is None
    assert stand.lock.now().at >= NOW + HOUR + 60
    assert stand.count_of(Kind.TIME_SET) == 2, "the take-over, and once"


# --- staples ------------------------------------------------------------------------------------


STAFF = first(key("staff"), max_staleness=DAY)


async def staff(stand: Stand, staple: bytes | None, chain: Chain | None = None) -> Reason | None:
    carried: dict[Any, Any] = {} if staple is None else {Carried.STAPLE: staple}
    if chain is not None:
        carried[Carried.STAPLE_CHAIN] = chain.wire
    said = await stand.visit(STAFF, carried=carried)
    if said.answer.coarse is None:
        return None
    number = stand.last(Kind.REFUSED).about[About.REASON]
    return next(reason for reason in Reason if reason.words.number == number)


def staple(at: int, signer: SoftwareKey = REFRESHER, leaf: bytes = STAFF.leaf.id) -> bytes:
    return sign_staple(SITE, leaf, at, signer)


async def test_a_key_that_may_not_go_stale_needs_a_fresh_staple(stand: Stand) -> None:
    assert await staff(stand, None) is Reason.TOO_STALE
    assert await staff(stand, staple(NOW - DAY - 1)) is Reason.TOO_STALE
    assert await staff(stand, staple(NOW - DAY + 2)) is None


@pytest.mark.parametrize(("shown", "why"), [
    (staple(NOW, STRANGER), "by a stranger"), (staple(NOW, leaf=bytes(16)), "for another key"),
    (staple(NOW + HOUR), "from later today"), (b"junk", "no staple at all"),
    (STAPLE.encode(), "its name alone")])
async def test_a_staple_that_does_not_hold_is_none(stand: Stand, shown: bytes, why: str) -> None:
    assert await staff(stand, shown) is Reason.TOO_STALE, why


async def test_a_holder_with_the_right_vouches_while_their_own_key_lives(stand: Stand) -> None:
    vouching = first(key("manager"), use=Rights.REFRESH, exp=NOW + HOUR)
    shown = staple(NOW, vouching.holder)
    assert await staff(stand, shown, vouching) is None
    stand.board.loop.jump(2 * HOUR)
    assert await staff(stand, shown, vouching) is Reason.TOO_STALE


async def test_without_a_clock_no_staple_is_young(stand: Stand) -> None:
    lose_rtc(stand)
    assert await staff(stand, staple(NOW)) is Reason.TIME_UNSURE


async def test_a_staple_shown_at_first_serves_for_the_whole_conversation(stand: Stand) -> None:
    reader = first(key("staff"), use=Rights.VIEW_LOG, max_staleness=DAY)
    visit = Visit(stand.lock, reader)
    await visit.greet()
    shown = staple(NOW, leaf=reader.leaf.id)
    await visit.ask(Command.READ_LOG, carried={Carried.STAPLE: shown})
    assert (await visit.later(Command.READ_LOG, {1: 0}))[0] is None
