"""A conversation is worth something once, in order, in time, and on the line where it was held."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.core.cast import METER, SITE, Chain, first, key, passer, role, site
from tests.lockd.builders import (
    HOUR,
    NOW,
    Stand,
    Visit,
    guest,
    owner_key,
    revoke_item,
    root_bytes,
    tenant,
)

from mortice.core import cbor
from mortice.core.commands import COMMANDS, Command
from mortice.core.grant import Rights
from mortice.core.limits import PROOF_SECONDS
from mortice.core.link import MAC_BYTES, HolderSide, LockAddress, mac_key
from mortice.core.log import About, Kind, accept_head
from mortice.core.merkle import leaf_hash, verify_consistency, verify_inclusion
from mortice.core.messages import Request
from mortice.core.refusal import Coarse, Reason
from mortice.core.stages import Factors
from mortice.lockd.conversation import Closed, Conversation

Make = Callable[..., Stand]


def refusals(stand: Stand) -> list[int]:
    return [
        entry.about[About.REASON]  # type: ignore[misc]
        for entry in stand.log() if entry.kind is Kind.REFUSED]


async def in_conversation(stand: Stand, chain: Chain | None = None) -> Visit:
    """A visit that has had its first answer."""
    visit = Visit(stand.lock, chain or owner_key())
    await visit.run(Command.STATUS)
    return visit


# --- in time ------------------------------------------------------------------------------------


async def test_message_3_a_tenth_of_a_second_late_is_refused(stand: Stand) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.greet()
    stand.board.loop.jump(PROOF_SECONDS + 0.1)
    assert (await visit.ask()).answer.coarse is Coarse.NOT_NOW
    assert refusals(stand) == [Reason.LATE.words.number]
    assert stand.moves == 0


async def test_message_3_just_in_time_opens(stand: Stand) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.greet()
    stand.board.loop.jump(PROOF_SECONDS - 0.1)
    assert (await visit.ask()).answer.coarse is None


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
async def test_the_board_clock_has_no_say_in_how_late_a_proof_is(
    stand: Stand, seconds: int,
) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.greet()
    stand.board.set_wall(NOW + seconds)
    assert (await visit.ask()).answer.coarse is None


# --- once, and here -----------------------------------------------------------------------------


async def test_a_replayed_first_message_begins_a_conversation_and_no_more(stand: Stand) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.run()
    first_message = visit.messages[0]
    again = Conversation(stand.lock, "thief")
    assert await again.hear(first_message) != visit.messages[1]
    assert stand.moves == 1


async def test_a_whole_session_played_again_opens_nothing(stand: Stand) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.run()
    again = Conversation(stand.lock, "thief")
    await again.hear(visit.messages[0])
    with pytest.raises(Closed):
        await again.hear(visit.messages[2])
    assert stand.moves == 1


async def test_message_3_in_another_session_of_the_same_phone_opens_nothing(stand: Stand) -> None:
    one, other = Visit(stand.lock, tenant()), Visit(stand.lock, tenant())
    await one.greet()
    await other.greet()
    third = one.third()
    with pytest.raises(Closed):
        await other.conversation.hear(third)
    assert stand.moves == 0


async def test_message_3_swapped_between_two_sessions_ends_both(stand: Stand) -> None:
    one, other = Visit(stand.lock, tenant()), Visit(stand.lock, guest())
    for visit in (one, other):
        await visit.greet()
    for visit, message in ((one, other.third()), (other, one.third())):
        with pytest.raises(Closed):
            await visit.conversation.hear(message)
    assert stand.moves == 0


async def test_a_second_line_does_not_share_the_first_ones_proof(stand: Stand) -> None:
    visit = await in_conversation(stand)
    later = visit.side.later(Command.READ_LOG, bytes(8), {})
    with pytest.raises(Closed):
        await Conversation(stand.lock, "thief").hear(later)


async def test_a_proof_over_another_conversation_is_refused(stand: Stand) -> None:
    """The holder's signature is moved into a conversation that somebody else holds."""
    stolen = Visit(stand.lock, tenant())
    await stolen.greet()
    request = Request(
        Command.UNLOCK, bytes(8), {}, tenant().wire, Factors.NONE, bytes(64))
    proof = tenant().holder.sign(stolen.side.proof_for(request, tenant().leaf.id))
    thief = Visit(stand.lock, tenant())
    await thief.greet()
    message = thief.side._ready().seal(replace(request, proof=proof).encode())
    await thief.conversation.hear(message)
    assert refusals(stand) == [Reason.BAD_SIGNATURE.words.number]
    assert stand.moves == 0


async def test_a_command_changed_under_a_good_proof_is_refused(stand: Stand) -> None:
    visit = Visit(stand.lock, owner_key())
    await visit.greet()
    request = Request(Command.LOCK, bytes(8), {}, owner_key().wire, Factors.NONE, bytes(64))
    proof = visit.chain.holder.sign(visit.side.proof_for(request, visit.chain.leaf.id))
    changed = replace(request, command=Command.UNLOCK, proof=proof)
    await visit.conversation.hear(visit.side._ready().seal(changed.encode()))
    assert refusals(stand) == [Reason.BAD_SIGNATURE.words.number]


async def test_a_proof_by_the_right_holder_for_another_key_of_theirs_is_refused(
    stand: Stand,
) -> None:
    wide, narrow = tenant("same"), first(key("same"), use=Rights.LOCK)
    visit = Visit(stand.lock, narrow)
    await visit.greet()
    request = Request(Command.UNLOCK, bytes(8), {}, wide.wire, Factors.NONE, bytes(64))
    proof = narrow.holder.sign(visit.side.proof_for(request, narrow.leaf.id))
    await visit.conversation.hear(visit.side._ready().seal(replace(request, proof=proof).encode()))
    assert refusals(stand) == [Reason.BAD_SIGNATURE.words.number]


async def test_message_3_for_one_lock_is_nothing_to_another(stands: Make) -> None:
    one, other = stands("one").commission(), stands("other").commission()
    at_one, at_other = Visit(one.lock, tenant()), Visit(other.lock, tenant())
    await at_one.greet()
    await at_other.greet()
    with pytest.raises(Closed):
        await at_other.conversation.hear(at_one.third())
    assert other.moves == 0


async def test_a_holder_who_means_another_door_gets_no_answer(stand: Stand) -> None:
    keys = stand.lock.secrets.public
    side = HolderSide(LockAddress(SITE, METER, keys.link, keys.signing), bytes(range(32)))
    with pytest.raises(Closed):
        await Conversation(stand.lock, "phone").hear(side.first())


# --- in order -----------------------------------------------------------------------------------


async def test_message_3_before_message_1_is_met_with_silence(stand: Stand) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.greet()
    with pytest.raises(Closed):
        await Conversation(stand.lock, "phone").hear(visit.third())


async def test_message_1_twice_ends_the_conversation(stand: Stand) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.greet()
    third = visit.third()
    with pytest.raises(Closed):
        await visit.conversation.hear(visit.messages[0])
    with pytest.raises(Closed):
        await visit.conversation.hear(third)
    assert stand.moves == 0


async def test_message_3_twice_in_one_session_opens_once(stand: Stand) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.greet()
    third = visit.third()
    await visit.conversation.hear(third)
    with pytest.raises(Closed):
        await visit.conversation.hear(third)
    assert stand.moves == 1


async def test_a_second_message_3_while_the_bolt_moves_is_not_heard(stand: Stand) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.greet()
    opening = asyncio.ensure_future(visit.ask())
    await stand.board.until(stand.lock.motor.locked)
    with pytest.raises(Closed):
        await visit.conversation.hear(visit.side.later(Command.STATUS, bytes(8), {}))
    await opening
    assert stand.moves == 1


@pytest.mark.parametrize("at", [1, 20, -1])
async def test_a_message_3_cut_short_does_nothing(stand: Stand, at: int) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.greet()
    third = visit.third()
    with pytest.raises(Closed):
        await visit.conversation.hear(third[:at])
    assert stand.moves == 0


async def test_a_changed_byte_anywhere_in_message_3_ends_it(stand: Stand) -> None:
    for at in range(0, 700, 23):
        visit = Visit(stand.lock, tenant())
        await visit.greet()
        third = bytearray(visit.third())
        third[at % len(third)] ^= 1
        with pytest.raises(Closed):
            await visit.conversation.hear(bytes(third))
    assert stand.moves == 0


@pytest.mark.parametrize("first_byte", [0, 2, 3, 4, 255])
async def test_an_unknown_version_or_kind_is_one_silent_drop(stand: Stand, first_byte: int) -> None:
    message = bytes([first_byte]) + Visit(stand.lock, tenant()).side.first()[1:]
    size = stand.lock.store.size
    with pytest.raises(Closed):
        await Conversation(stand.lock, "phone").hear(message)
    assert stand.lock.store.size == size


async def test_an_ephemeral_of_small_order_is_refused(stand: Stand) -> None:
    body = bytes([1]) + bytes(32) + bytes(16)
    mac = hashlib.blake2s(
        body, key=mac_key(stand.lock.secrets.link.public), digest_size=MAC_BYTES).digest()
    with pytest.raises(Closed):
        await Conversation(stand.lock, "phone").hear(body + mac)


# --- one move -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [Command.UNLOCK, Command.LOCK, Command.HOLD_OPEN])
async def test_one_conversation_moves_the_bolt_once(stand: Stand, command: Command) -> None:
    visit = Visit(stand.lock, owner_key())
    await visit.run(Command.UNLOCK)
    assert await visit.later(command, {1: NOW + HOUR}) == [Coarse.NOT_NOW.value]
    assert refusals(stand) == [Reason.ONE_MOVE.words.number]
    assert stand.moves == 1


@pytest.mark.parametrize("command", [Command.RESTORE, Command.SET_TIME, Command.COMMISSION])
async def test_what_changes_the_lock_is_not_asked_for_in_passing(
    stand: Stand, command: Command,
) -> None:
    visit, at = await in_conversation(stand), stand.lock.now().at
    try:
        answer = await visit.later(command, {1: at + 500})
    except Closed:
        answer = ["closed"]
    assert answer[0] is not None, "it must not be said to be done"
    assert stand.lock.now().at == at


async def test_a_holder_cannot_fill_the_log_with_second_moves(stand: Stand) -> None:
    visit = await in_conversation(stand)
    size = stand.lock.store.size
    for _ in range(500):
        await visit.later(Command.UNLOCK)
    assert stand.lock.store.size - size < 100
    assert stand.lock.unlogged > 400


async def test_a_further_request_without_the_right_is_refused_and_written_down(
    stand: Stand,
) -> None:
    visit = await in_conversation(stand, tenant())
    assert await visit.later(Command.READ_LOG) == [Coarse.NOT_ALLOWED.value]
    refused = stand.last(Kind.REFUSED)
    assert refused.about[About.LEAF] == tenant().leaf.id
    assert refused.about[About.REASON] == Reason.NO_RIGHT.words.number


async def test_a_key_taken_back_in_the_middle_of_a_conversation_reads_no_more(
    stand: Stand,
) -> None:
    visit = await in_conversation(stand)
    assert (await visit.later(Command.READ_LOG))[0] is None
    await stand.deliver(revoke_item(owner_key().leaf.id))
    assert await visit.later(Command.READ_LOG) == [Coarse.NOT_ALLOWED.value]


async def test_a_key_taken_back_before_message_3_opens_nothing(stand: Stand) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.greet()
    await stand.deliver(revoke_item(tenant().leaf.id))
    assert (await visit.ask()).answer.coarse is Coarse.NOT_ALLOWED
    assert stand.moves == 0


NEXT_ROOT = replace(site(version=2), roles=site().roles | {1: role(key("next granter"))})


async def test_a_conversation_under_an_old_root_ends_with_that_root(stand: Stand) -> None:
    visit = await in_conversation(stand)
    await stand.deliver(["mortice-site/1", root_bytes(NEXT_ROOT)])
    assert stand.lock.owner().place.site.version == 2
    with pytest.raises(Closed):
        await visit.later(Command.READ_LOG)


async def test_whoever_brings_the_root_that_ends_their_key_does_not_open_with_it(
    stand: Stand,
) -> None:
    said = await stand.visit(tenant(), bundle=[["mortice-site/1", root_bytes(NEXT_ROOT)]])
    assert stand.lock.owner().place.site.version == 2
    assert said.answer.coarse is not None
    assert stand.moves == 0
    assert await stand.reason(tenant()) is Reason.UNKNOWN_KEY


# --- not shown, and shown again -----------------------------------------------------------------


async def test_a_chain_seen_before_need_not_be_sent_again(stand: Stand) -> None:
    assert await stand.opens(tenant())
    assert await stand.opens(tenant(), whole=False)


async def test_a_chain_not_seen_is_asked_for_and_nothing_is_written(stand: Stand) -> None:
    size = stand.lock.store.size
    said = await stand.visit(tenant(), whole=False)
    assert said.answer.coarse is Coarse.SHOW_MORE
    assert stand.lock.store.size == size


async def test_a_chain_seen_before_is_judged_anew(stand: Stand) -> None:
    await stand.opens(guest())
    await stand.deliver(revoke_item(guest().leaf.id))
    assert await stand.reason(guest(), whole=False) is Reason.REVOKED


async def test_seen_chains_are_forgotten_with_the_root(stand: Stand) -> None:
    await stand.opens(tenant())
    await stand.deliver(["mortice-site/1", root_bytes(NEXT_ROOT)])
    said = await stand.visit(tenant(), whole=False)
    assert said.answer.coarse is Coarse.SHOW_MORE


async def test_no_more_chains_are_remembered_than_allowed(stand: Stand) -> None:
    above = passer(depth=1)
    for number in range(150):
        await stand.visit(above.pass_on(key(f"child {number}")), Command.STATUS)
    assert len(stand.lock.chains) == 128


# --- nonsense -----------------------------------------------------------------------------------


async def test_a_stuck_random_generator_serves_nobody_and_alarms_once(stand: Stand) -> None:
    stand.board.stuck = True
    await Visit(stand.lock, tenant()).greet()
    for _ in range(50):
        with pytest.raises(Closed):
            await Visit(stand.lock, tenant()).greet()
    alarms = [e for e in stand.log() if e.kind is Kind.ALARM]
    details = [alarm.about[About.DETAIL] for alarm in alarms]
    assert details == ["the random generator repeats itself"]
    stand.board.stuck = False
    assert await stand.opens(tenant())


async def test_two_conversations_never_greet_with_one_ephemeral(stand: Stand) -> None:
    visits = [Visit(stand.lock, tenant()) for _ in range(5)]
    for visit in visits:
        await visit.greet()
    assert len({visit.messages[1][:32] for visit in visits}) == 5


@pytest.mark.parametrize("plain", [
    b"", b"\x00", b"\x80", b"\xff" * 40, cbor.encode([1, 2, 3]),
    cbor.encode([1, bytes(8), {}, bytes(16), 0, bytes(63)]),
    cbor.encode([99, bytes(8), {}, bytes(16), 0, bytes(64)]),
    cbor.encode([1, bytes(8), {}, bytes(16), 0, bytes(64), {99: 1}]),
], ids=range(8))
async def test_a_request_that_cannot_be_read_ends_the_conversation(
    stand: Stand, plain: bytes,
) -> None:
    visit = Visit(stand.lock, tenant())
    await visit.greet()
    with pytest.raises(Closed):
        await visit.conversation.hear(visit.side._ready().seal(plain))
    assert refusals(stand) == [Reason.MALFORMED.words.number]


@pytest.mark.parametrize("wire", [
    [], [b""], [b"\x00"], [1], [[b"", []]], [b"\xff" * 9000], [tenant().wire[0]] * 6,
], ids=range(7))
async def test_a_chain_that_cannot_be_read_is_malformed(stand: Stand, wire: list[object]) -> None:
    reason = await stand.reason(
        tenant(), change=lambda request: replace(request, key=wire))  # type: ignore[arg-type]
    assert reason is Reason.MALFORMED


async def test_our_own_fault_is_a_refusal_and_the_trace_stays_in_the_journal(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mortice.lockd.daemon.decide", broken)
    with caplog.at_level(logging.ERROR):
        assert await stand.reason(tenant()) is Reason.FAULT
    assert "ZeroDivisionError" in caplog.text
    assert stand.moves == 0
    monkeypatch.undo()
    assert await stand.opens(tenant())


async def test_four_coarse_codes_are_all_that_a_peer_can_learn() -> None:
    assert {reason.words.coarse.value for reason in Reason} == {
        "not_allowed", "not_now", "show_more", "malformed"}


async def test_refusals_of_all_kinds_look_alike_to_the_peer(stand: Stand) -> None:
    """Reasons with one coarse code make answers of one size, receipt aside."""
    revoked, strange = tenant("revoked"), first(key("x"), signer=key("forger"))
    await stand.deliver(revoke_item(revoked.leaf.id))
    sizes = set()
    without_right = first(key("y"), use=Rights.LOCK)
    for chain in (revoked, without_right, first(key("z"), doors=frozenset({METER}))):
        said = await stand.visit(chain)
        assert said.answer.receipt is not None
        sizes.add(len(said.messages[3]))
    assert max(sizes) - min(sizes) <= 2, "a growing log makes longer numbers"
    said = await stand.visit(strange)
    assert said.answer.receipt is None


# --- what may be read ---------------------------------------------------------------------------


async def status(stand: Stand, chain: Chain) -> dict[str, object]:
    said = await stand.visit(chain, Command.STATUS)
    body = said.answer.body[3]
    assert isinstance(body, dict)
    return body  # type: ignore[return-value]


async def test_a_plain_holder_learns_less_of_the_door_than_the_owner(stand: Stand) -> None:
    plain, full = await status(stand, guest()), await status(stand, owner_key())
    assert plain.keys() < full.keys()
    assert {"state", "bolt", "leaf"} <= plain.keys()
    assert not {"slots", "pins", "unlogged", "revoked", "config"} & plain.keys()
    assert {"slots", "pins", "unlogged", "revoked", "rolled_back"} <= full.keys()


async def test_the_log_is_read_in_pages_that_end_with_a_signed_head(stand: Stand) -> None:
    for _ in range(70):
        stand.lock.note(Kind.INSIDE, {})
    visit = await in_conversation(stand)
    first_page = (await visit.later(Command.READ_LOG, {1: 0}))[1]
    second_page = (await visit.later(Command.READ_LOG, {1: 64}))[1]
    assert [row[0] for row in first_page["entries"]] == list(range(64))
    assert "head" not in first_page
    assert "head" in second_page


@pytest.mark.parametrize("args", [
    {}, {1: -1}, {1: "x"}, {1: 1 << 62}, {1: None}, {2: []}, {1: 10**9, 2: 10**9}, {1: True},
], ids=range(8))
@pytest.mark.parametrize("command", [
    c for c, rule in COMMANDS.items() if rule.towards is None and c is not Command.DELIVER])
async def test_arguments_that_make_no_sense_do_no_harm(
    stand: Stand, command: Command, args: dict[int | str, cbor.Value],
) -> None:
    at = stand.lock.now().at
    said = await stand.visit(owner_key(), command, args=args)
    if said.answer.coarse is not None:
        assert stand.log()[-1].about[About.REASON] != Reason.FAULT.words.number
    assert abs(stand.lock.now().at - at) < 2


async def test_a_proof_shows_any_entry_and_that_the_log_only_grew(stand: Stand) -> None:
    old_root, old = stand.lock.store.root(), stand.lock.store.size
    for _ in range(9):
        await stand.opens(tenant())
    visit = await in_conversation(stand, tenant())
    answer = (await visit.later(Command.PROVE, {1: 3, 2: old}))[1]
    head = accept_head(answer["head"], stand.lock.secrets.signing.public)
    entry = stand.log()[3].encode()
    verify_inclusion(leaf_hash(entry), 3, head.size, head.root, answer["inclusion"])
    verify_consistency(old, head.size, old_root, head.root, answer["consistency"])


async def test_reading_costs_no_entry(stand: Stand) -> None:
    size = stand.lock.store.size
    await in_conversation(stand)
    assert stand.lock.store.size == size
