"""A lost phone: the paper stops it at once, and replaces it after a day and two presses inside."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.cast import GRANTER, PAPER, ROOT, key, role, site
from tests.lockd.builders import (
    DAY,
    Fate,
    Stand,
    config_item,
    revoke_item,
    root_bytes,
    tenant,
)
from tests.lockd.cuts import Cuts

from mortice.core.commands import Command
from mortice.core.keys import SoftwareKey
from mortice.core.log import About, Kind
from mortice.core.refusal import Reason
from mortice.core.site import SITE, Role, Site
from mortice.lockd.ownership import RECOVERY_WAIT_SECONDS

NEW_PHONE, NEW_GRANTER = key("new phone"), key("new granter")
MINUTE = 60


def by_paper(**changes: object) -> Site:
    """The root that the paper's holder wants: a new phone, new keys, one courier's link kept."""
    roles = site().roles | {
        Role.ROOT: role(NEW_PHONE, PAPER, threshold=2), Role.GRANT: role(NEW_GRANTER),
        Role.REVOKE: role(key("new revoker"))}
    kept = {GRANTER.public: frozenset({tenant("courier").leaf.id})}
    return replace(site(version=2), **{"roles": roles, "retired": kept} | changes)  # type: ignore[arg-type]


def press(stand: Stand) -> None:
    stand.lock.window.press(stand.board.count())


async def bring(stand: Stand, root: Site, *signers: SoftwareKey) -> Fate:
    [fate] = await stand.deliver([SITE, root_bytes(root, *signers)])
    return fate


async def begin(stand: Stand) -> Fate:
    press(stand)
    return await bring(stand, by_paper(), PAPER, NEW_PHONE)


def version(stand: Stand) -> int:
    return stand.lock.owner().place.site.version


def pass_powered_on(stand: Stand, seconds: float) -> None:
    stand.board.loop.jump(seconds)


async def test_paper_alone_needs_the_inside_button(stand: Stand) -> None:
    fate = await bring(stand, by_paper(), PAPER, NEW_PHONE)
    assert fate.reason is Reason.WINDOW_CLOSED
    assert await stand.opens(tenant()), "and nothing has begun"


async def test_with_the_button_a_wait_begins_and_everybody_can_read_it(stand: Stand) -> None:
    assert (await begin(stand)).reason is Reason.WINDOW_CLOSED
    assert version(stand) == 1
    assert stand.last(Kind.ALARM).about[About.DETAIL] == "recovery by paper has begun"


async def test_the_phones_keys_are_stopped_at_once(stand: Stand) -> None:
    await begin(stand)
    assert (await stand.deliver(config_item()))[0].reason is Reason.NO_RIGHT
    assert (await stand.deliver(revoke_item(tenant().leaf.id)))[0].reason is not None
    assert await stand.reason(tenant()) is Reason.UNKNOWN_KEY, "whoever they signed for is out"


async def test_links_that_the_new_root_keeps_stay_good_while_it_waits(stand: Stand) -> None:
    kept = by_paper(retired={GRANTER.public: frozenset({tenant().leaf.id})})
    press(stand)
    await bring(stand, kept, PAPER, NEW_PHONE)
    assert await stand.opens(tenant())
    assert await stand.reason(tenant("lover")) is Reason.UNKNOWN_KEY


async def test_what_the_paper_brings_signs_nothing_before_the_wait_is_over(stand: Stand) -> None:
    await begin(stand)
    assert await stand.reason(tenant(signer=NEW_GRANTER)) is Reason.UNKNOWN_KEY


async def test_a_day_later_and_with_the_button_again_the_paper_has_replaced_the_phone(
    stand: Stand,
) -> None:
    await begin(stand)
    pass_powered_on(stand, RECOVERY_WAIT_SECONDS + 1)
    press(stand)
    assert (await bring(stand, by_paper(), PAPER, NEW_PHONE)).result == 0
    assert version(stand) == 2
    stand.power_cut()
    assert await stand.opens(tenant(signer=NEW_GRANTER))
    assert await stand.reason(tenant()) is Reason.UNKNOWN_KEY


async def test_the_only_phone_was_lost_and_nobody_else_has_a_key(stand: Stand) -> None:
    """Whoever stands inside with the paper needs no key: both times they hand the root in."""
    lonely, mine = by_paper(retired={}), tenant("owner", signer=NEW_GRANTER)
    item = [SITE, root_bytes(lonely, PAPER, NEW_PHONE)]
    said = await stand.visit(mine, Command.DELIVER, bundle=[item])
    assert said.fates == [], "not without the button"
    for wanted in (Reason.WINDOW_CLOSED, None):
        press(stand)
        said = await stand.visit(mine, Command.DELIVER, bundle=[item])
        assert [fate.reason for fate in said.fates] == [wanted]
        assert said.answer.coarse is not None
        pass_powered_on(stand, RECOVERY_WAIT_SECONDS + 1)
    assert version(stand) == 2
    assert await stand.opens(mine)


async def test_the_inside_button_lets_nobody_without_a_key_do_more_than_hand_in(
    stand: Stand,
) -> None:
    press(stand)
    strange = tenant("stranger", signer=key("stranger"))
    for command in Command:
        said = await stand.visit(strange, command, bundle=[revoke_item(tenant().leaf.id)])
        assert said.answer.coarse is not None
        assert bool(said.fates) is (command is Command.DELIVER)
    assert stand.moves == 0


async def test_without_the_second_press_the_wait_does_not_end(stand: Stand) -> None:
    await begin(stand)
    pass_powered_on(stand, RECOVERY_WAIT_SECONDS + 1)
    assert (await bring(stand, by_paper(), PAPER, NEW_PHONE)).reason is Reason.WINDOW_CLOSED
    assert version(stand) == 1


async def test_a_day_less_a_minute_is_not_a_day(stand: Stand) -> None:
    await begin(stand)
    pass_powered_on(stand, RECOVERY_WAIT_SECONDS - MINUTE)
    press(stand)
    assert (await bring(stand, by_paper(), PAPER, NEW_PHONE)).reason is Reason.WINDOW_CLOSED
    assert version(stand) == 1


async def test_only_time_with_power_counts(stand: Stand) -> None:
    await begin(stand)
    stand.power_cut(seconds=3 * DAY)
    press(stand)
    assert (await bring(stand, by_paper(), PAPER, NEW_PHONE)).reason is Reason.WINDOW_CLOSED


@pytest.mark.parametrize("seconds", [2 * DAY, -2 * DAY])
async def test_no_clock_shortens_the_wait(stand: Stand, seconds: int) -> None:
    await begin(stand)
    stand.board.set_wall(stand.board.wall() + seconds)
    stand.power_cut()
    press(stand)
    assert (await bring(stand, by_paper(), PAPER, NEW_PHONE)).reason is Reason.WINDOW_CLOSED


async def test_the_wait_and_the_stop_outlive_power_cuts(stand: Stand) -> None:
    await begin(stand)
    stand.watched()
    for _ in range(30):  # an hour with power, then a cut, again and again
        pass_powered_on(stand, 3601)
        await asyncio.sleep(2)
        stand.power_cut(seconds=600)
        assert await stand.reason(tenant()) is Reason.UNKNOWN_KEY
    press(stand)
    assert (await bring(stand, by_paper(), PAPER, NEW_PHONE)).result == 0


async def test_the_phone_alone_cannot_end_the_wait(stand: Stand) -> None:
    await begin(stand)
    for signers in ((ROOT,), (ROOT, GRANTER)):
        assert (await bring(stand, site(version=2), *signers)).reason is not None
    assert version(stand) == 1
    assert await stand.reason(tenant()) is Reason.UNKNOWN_KEY


async def test_a_phone_that_was_enough_by_itself_is_not_while_the_paper_waits(
    stands: object, new: Stand,
) -> None:
    """A site whose root is the phone alone: the paper must still be able to stop it."""
    single = site(roles=site().roles | {Role.ROOT: role(ROOT)})
    new.commission(single)
    await begin(new)
    assert (await bring(new, replace(single, version=2), ROOT)).reason is not None
    assert version(new) == 1


async def test_phone_and_paper_together_end_the_wait_at_once(stand: Stand) -> None:
    await begin(stand)
    assert (await bring(stand, site(version=2), ROOT, PAPER)).result == 0
    assert version(stand) == 2
    assert await stand.opens(tenant())
    stand.power_cut()
    assert await stand.opens(tenant())


async def test_another_root_by_paper_begins_another_wait(stand: Stand) -> None:
    await begin(stand)
    pass_powered_on(stand, RECOVERY_WAIT_SECONDS - MINUTE)
    other = by_paper(strict=True)
    press(stand)
    await bring(stand, other, PAPER, NEW_PHONE)
    pass_powered_on(stand, 2 * MINUTE)
    press(stand)
    for root in (by_paper(), other):
        fate = await bring(stand, root, PAPER, NEW_PHONE)
        assert fate.reason is Reason.WINDOW_CLOSED


async def test_a_root_that_the_paper_has_not_signed_begins_no_wait(stand: Stand) -> None:
    press(stand)
    assert (await bring(stand, by_paper(), NEW_PHONE)).reason is not None
    assert stand.count_of(Kind.ALARM) == 0
    assert await stand.opens(tenant())


async def test_recovery_does_not_change_the_paper(stand: Stand) -> None:
    press(stand)
    thief = key("thief's paper")
    roles = by_paper().roles | {Role.RECOVERY: role(thief)}
    assert (await bring(stand, by_paper(roles=roles), PAPER, NEW_PHONE)).reason is not None
    assert stand.count_of(Kind.ALARM) == 0


async def test_a_hold_by_a_key_that_the_paper_leaves_out_ends(stand: Stand) -> None:
    stand.watched()
    at = stand.lock.now().at
    await stand.visit(tenant(), Command.HOLD_OPEN, args={1: at + 3600})
    await begin(stand)
    await asyncio.sleep(1.1)
    assert stand.count_of(Kind.HOLD_ENDED) == 1


async def test_a_power_cut_while_the_wait_begins_leaves_it_begun_or_not(
    stand: Stand, tmp_path: Path,
) -> None:
    cuts = Cuts(stand, tmp_path / "cuts")
    with cuts.during():
        await begin(stand)
    states = []
    for lock in cuts.lives():
        began = lock.store.meta("recovery") is not None
        alarmed = Kind.ALARM in [entry.kind for entry in stand.log(lock)]
        stopped = not lock.owner().place.site.keys(Role.GRANT)
        assert began == alarmed == stopped
        states.append(began)
    assert states == sorted(states)
    assert set(states) == {False, True}
