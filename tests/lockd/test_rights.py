"""Every command without its right is refused, whatever else the key may do."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.cast import Chain, first, key, passer
from tests.lockd.builders import (
    HOUR,
    NOW,
    Stand,
    Visit,
    config_item,
    enrol_item,
    owner_key,
    revoke_item,
    tenant,
)

from mortice.core.commands import COMMANDS, Command
from mortice.core.grant import Rights
from mortice.core.log import About, Kind
from mortice.core.refusal import Coarse, Reason

ARGS: dict[Command, dict[int | str, Any]] = {
    Command.HOLD_OPEN: {1: NOW + HOUR}, Command.SET_TIME: {1: NOW + 60}}
SINGLE = [right for right in Rights if right]
GUARDED = {command: rule.right for command, rule in COMMANDS.items() if rule.right}


def holder(right: Rights) -> Chain:
    return first(key(f"holder of {right.name}"), use=right)


async def ask(stand: Stand, chain: Chain, command: Command) -> bool:
    said = await stand.visit(chain, command, args=ARGS.get(command, {}))
    return said.answer.coarse is None


@pytest.mark.parametrize("right", SINGLE, ids=lambda right: right.name)
@pytest.mark.parametrize("command", list(COMMANDS), ids=lambda command: command.name)
async def test_a_command_is_granted_for_its_own_right_and_no_other(
    stand: Stand, command: Command, right: Rights,
) -> None:
    needed = COMMANDS[command].right
    granted = await ask(stand, holder(right), command)
    assert granted is (needed in {Rights.NONE, right})
    if not granted:
        refused = stand.last(Kind.REFUSED)
        assert refused.about[About.REASON] == Reason.NO_RIGHT.words.number
        assert refused.about[About.COMMAND] == command
        assert stand.moves == 0


@pytest.mark.parametrize(("command", "right"), GUARDED.items(), ids=lambda each: each.name)
async def test_all_rights_but_the_one_are_not_enough(
    stand: Stand, command: Command, right: Rights,
) -> None:
    assert not await ask(stand, first(key("almost"), use=Rights(1023) & ~right), command)
    assert stand.moves == 0


@pytest.mark.parametrize(("command", "right"), GUARDED.items(), ids=lambda each: each.name)
async def test_a_right_to_hand_on_is_no_right_to_use(
    stand: Stand, command: Command, right: Rights,
) -> None:
    chain = first(key("agent"), use=Rights.NONE, delegable=Rights(1023), depth=2)
    assert not await ask(stand, chain, command)


@pytest.mark.parametrize(("command", "right"), GUARDED.items(), ids=lambda each: each.name)
async def test_a_right_that_the_link_above_may_not_hand_on_is_none(
    stand: Stand, command: Command, right: Rights,
) -> None:
    above = first(key("above"), use=Rights(1023), delegable=Rights(1023) & ~right, depth=2)
    assert not await ask(stand, above.pass_on(key("below"), use=right), command)
    assert stand.moves == 0


@pytest.mark.parametrize(("command", "right"), GUARDED.items(), ids=lambda each: each.name)
async def test_a_right_handed_on_down_the_chain_serves(
    stand: Stand, command: Command, right: Rights,
) -> None:
    above = passer(delegable=right, use=Rights.NONE, depth=2)
    middle = above.pass_on(key("firm"), delegable=right, use=Rights.NONE, depth=1)
    assert await ask(stand, middle.pass_on(key("engineer"), use=right), command)


@pytest.mark.parametrize("command", [
    command for command, rule in COMMANDS.items() if rule.right and rule.towards is None
], ids=lambda command: command.name)
async def test_a_further_request_needs_its_right_as_well(stand: Stand, command: Command) -> None:
    visit = Visit(stand.lock, first(key("plain")))
    await visit.run(Command.STATUS)
    answer = await visit.later(command, ARGS.get(command, {}))
    assert answer[0] in {Coarse.NOT_ALLOWED.value, Coarse.NOT_NOW.value}


async def test_every_right_guards_something(stand: Stand) -> None:
    """Rights without a command of their own guard documents: tried here one by one."""
    by_document = {Rights.ENROL, Rights.CONFIGURE, Rights.REFRESH, Rights.UPDATE}
    assert set(GUARDED.values()) | by_document == set(SINGLE)
    plain = first(key("plain"), use=Rights.UNLOCK, delegable=Rights.UNLOCK, depth=1)
    kind, settings = config_item(signer=plain.holder)
    for item in (enrol_item(stand.lock, plain, "48291357"), [kind, settings, plain.wire],
                 revoke_item(tenant().leaf.id, signer=plain.holder)):
        [fate] = await stand.deliver(item)
        assert fate.result > 0


async def test_the_owner_may_do_everything(stand: Stand) -> None:
    for command in COMMANDS:
        assert await ask(stand, owner_key(), command), command.name
