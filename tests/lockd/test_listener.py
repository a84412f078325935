"""Strangers on the network: all they can have is bounded, and nobody else is kept out by them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from tests.core.cast import Chain, first, key
from tests.lockd.builders import (
    Stand,
    Takeoff,
    Visit,
    Wire,
    WireVisit,
    enrol_item,
    guest,
    owner_key,
    tenant,
    wire_to,
)

from mortice.client.visit import Errand, Holder, visit
from mortice.core.commands import Command
from mortice.core.limits import HALF_OPEN_MAX, MESSAGE_BYTES, PROOF_SECONDS, SESSION_SECONDS
from mortice.core.link import HELLO, MAC_BYTES
from mortice.core.log import About, Kind, Result
from mortice.core.messages import Request
from mortice.core.refusal import Coarse
from mortice.core.stages import Factors
from mortice.lockd.listen import CONNECTIONS_MAX, LENGTH_BYTES

STRANGER, OWNER = "127.0.0.7", "127.0.0.9"
Where = tuple[str, int]


def opening(stand: Stand) -> bytes:
    """A first message with a good mac, as anybody can make it who knows the lock's public key."""
    return Visit(stand.lock, tenant()).side.first()


def bogus(stand: Stand) -> bytes:
    message = opening(stand)
    return message[:-MAC_BYTES] + bytes(MAC_BYTES)


async def opens(
    stand: Stand, where: Where, source: str = OWNER, chain: Chain | None = None) -> bool:
    async with wire_to(where, source) as wire:
        said = await WireVisit(stand.lock, chain or tenant(), wire).run()
    return said.answer.coarse is None


def open_lines(stand: Stand) -> int:
    assert stand.listener is not None
    return len(stand.listener._open)


async def all_closed(stand: Stand) -> None:
    await stand.board.until(lambda: open_lines(stand) == 0)


# --- ordinary use -------------------------------------------------------------------------------


async def test_a_phone_on_the_network_opens_the_door(stand: Stand) -> None:
    where = await stand.listening()
    chain = tenant()
    holder = Holder(chain.holder, chain.wire, chain.leaf.id, chain.leaf.use)
    visited = await visit(where, stand.address, holder, Errand(Command.UNLOCK))
    assert visited.answer.receipt is not None
    assert visited.answer.receipt.result is Result.UNLOCKED
    assert visited.receipt is not None
    assert stand.audit(visited.receipt).fault is None


async def test_once_a_line_has_ended_the_next_visitor_waits_for_no_key_pair(stand: Stand) -> None:
    where = await stand.listening()
    assert await opens(stand, where)
    await all_closed(stand)
    asked = []
    draw = stand.board.random
    stand.lock.ephemerals._random = lambda size: asked.append(size) or draw(size)
    assert await opens(stand, where)
    assert not asked  # the pair for this one lay ready
    await all_closed(stand)
    assert asked == [32]  # and one more was made for the next


async def test_a_new_lock_is_taken_over_on_the_network(new: Stand) -> None:
    where = await new.listening()
    new.lock.window.press(new.board.count())
    owner = Takeoff(new.lock)
    async with wire_to(where) as wire:
        assert len(await wire.say(bytes([HELLO]))) > 32
        owner.side.read_greeting(await wire.say(owner.first()))
        answer = owner.side.read_answer(await wire.say(owner.third(new.takeover())))
        assert answer.coarse is None
        assert await wire.ended(), "there is nothing more to say"
    assert await opens(new, where)


async def test_many_requests_pass_on_one_line_after_the_first(stand: Stand) -> None:
    where = await stand.listening()
    async with wire_to(where) as wire:
        talk = WireVisit(stand.lock, owner_key(), wire)
        await talk.run(Command.STATUS)
        for _ in range(20):
            assert (await talk.later(Command.READ_LOG, {1: 0}))[0] is None


async def test_frames_that_arrive_byte_by_byte_are_put_together(stand: Stand) -> None:
    where = await stand.listening()
    async with wire_to(where) as wire:
        talk = Visit(stand.lock, tenant())
        for byte in frame(talk.side.first()):
            wire.writer.write(bytes([byte]))
            await asyncio.sleep(0.001)
        talk.greeting = talk.side.read_greeting(await wire.receive())
        for byte in frame(talk.third()):
            wire.writer.write(bytes([byte]))
        assert talk.side.read_answer(await wire.receive()).coarse is None


async def test_two_frames_in_one_packet_are_answered_in_order(stand: Stand) -> None:
    where = await stand.listening()
    async with wire_to(where) as wire:
        talk = WireVisit(stand.lock, owner_key(), wire)
        await talk.run(Command.STATUS)
        messages = [talk.side.later(Command.STATUS, bytes(8), {}) for _ in range(2)]
        wire.writer.write(b"".join(map(frame, messages)))
        for _ in messages:
            assert talk.side.read_later(await wire.receive())[0] is None  # type: ignore[index]


async def test_a_slow_motor_does_not_cost_the_answer(stand: Stand) -> None:
    """Message 3 comes at the last moment, and other drives stand in front of it."""
    where = await stand.listening()
    async with wire_to(where) as wire:
        talk = WireVisit(stand.lock, tenant(), wire)
        await talk.greet()
        await asyncio.sleep(PROOF_SECONDS - 0.1)
        async with stand.lock.motor:
            message = talk.third()
            wire.send(message)
            await asyncio.sleep(8)
        assert talk.side.read_answer(await wire.receive()).coarse is None


async def test_a_stop_lets_an_opening_end_and_be_answered(stand: Stand) -> None:
    where = await stand.listening()
    watch = stand.watched()
    async with wire_to(where) as wire:
        talk = WireVisit(stand.lock, tenant(), wire)
        await talk.greet()
        wire.send(talk.third())
        await stand.board.until(stand.lock.motor.locked)
        assert stand.listener is not None
        await stand.listener.stop()
        await watch.stop()
        assert talk.side.read_answer(await wire.receive()).coarse is None
    assert stand.kinds()[-2:] == [Kind.GRANTED, Kind.MOVED]


# --- nonsense on the line -----------------------------------------------------------------------


def frame(message: bytes) -> bytes:
    return len(message).to_bytes(LENGTH_BYTES, "big") + message


NONSENSE: dict[str, bytes] = {
    "nothing in a frame": frame(b""),
    "a web page's request": b"GET / HTTP/1.1\r\nHost: lock\r\n\r\n",
    "too long by a byte": (MESSAGE_BYTES + 1).to_bytes(LENGTH_BYTES, "big"),
    "as long as can be said": b"\xff\xff",
    "zeros": frame(bytes(65)),
    "a version that is not known": frame(b"\x09" + bytes(64)),
    "a take-over": frame(b"\x02" + bytes(64)),
    "a hello": frame(bytes([HELLO])),
}


@pytest.mark.parametrize("what", NONSENSE)
async def test_nonsense_ends_its_own_line_in_silence(stand: Stand, what: str) -> None:
    where = await stand.listening()
    size = stand.lock.store.size
    async with wire_to(where, STRANGER) as wire:
        wire.writer.write(NONSENSE[what])
        assert await wire.ended()
    await all_closed(stand)
    assert stand.lock.store.size == size
    assert await opens(stand, where)


async def test_random_bytes_open_nothing_and_end_every_line(stand: Stand) -> None:
    where = await stand.listening()
    for _ in range(200):
        async with wire_to(where, STRANGER) as wire:
            wire.writer.write(stand.board.chance.randbytes(stand.board.chance.randrange(1, 400)))
            wire.writer.write_eof()
            assert await wire.ended()
    await all_closed(stand)
    assert stand.moves == 0
    assert await opens(stand, where)


async def test_changed_frames_of_a_real_visit_open_nothing(stand: Stand) -> None:
    where = await stand.listening()
    for _ in range(100):
        async with wire_to(where, STRANGER) as wire:
            talk = WireVisit(stand.lock, tenant(), wire)
            messages = [talk.side.first()]
            spoilt, chance = bytearray(frame(messages[0])), stand.board.chance
            spoilt[chance.randrange(2, len(spoilt))] ^= 1 << chance.randrange(8)
            wire.writer.write(bytes(spoilt))
            assert await wire.ended()
    assert stand.moves == 0


async def test_more_than_two_messages_ahead_of_the_answers_end_the_line(stand: Stand) -> None:
    where = await stand.listening()
    async with wire_to(where, STRANGER) as wire:
        wire.send(opening(stand))
        await wire.receive()
        wire.writer.write(frame(bytes(MESSAGE_BYTES))[:-1] + bytes(3 * MESSAGE_BYTES))
        assert await wire.ended()


# --- patience -----------------------------------------------------------------------------------


async def test_a_line_without_a_word_is_hung_up_on(stand: Stand) -> None:
    where = await stand.listening()
    async with wire_to(where, STRANGER) as wire:
        began = stand.board.count()
        assert await wire.ended()
        assert stand.board.count() - began <= PROOF_SECONDS + 0.1


async def test_a_trickle_of_bytes_buys_no_time(stand: Stand) -> None:
    where = await stand.listening()
    async with wire_to(where, STRANGER) as wire:
        began = stand.board.count()
        ended = asyncio.ensure_future(wire.ended())
        for byte in frame(opening(stand))[:20]:
            wire.writer.write(bytes([byte]))
            await asyncio.sleep(0.5)
        assert await ended
        assert stand.board.count() - began <= PROOF_SECONDS + 6


async def test_whoever_reads_the_greeting_and_stalls_is_hung_up_on(stand: Stand) -> None:
    where = await stand.listening()
    async with wire_to(where, STRANGER) as wire:
        await wire.say(opening(stand))
        began = stand.board.count()
        assert await wire.ended()
        assert stand.board.count() - began <= PROOF_SECONDS + 1.1


async def unproved(stand: Stand, wire: Wire) -> Coarse | None:
    """All four messages, with a chain that is known and a proof that is not."""
    talk = WireVisit(stand.lock, tenant(), wire)
    await talk.greet()
    request = Request(Command.UNLOCK, bytes(8), {}, tenant().wire, Factors.NONE, bytes(64))
    talk.side._asked = (tenant().leaf.id, bytes(8))
    answer = talk.side.read_answer(await wire.say(talk.side._ready().seal(request.encode())))
    return answer.coarse


async def test_a_stranger_who_proves_nothing_is_not_kept_on_the_line(stand: Stand) -> None:
    where = await stand.listening()
    async with wire_to(where, STRANGER) as wire:
        assert await unproved(stand, wire) is Coarse.NOT_ALLOWED
        assert await wire.ended()
    await all_closed(stand)


async def test_a_holder_may_stay_for_half_an_hour_and_no_longer(stand: Stand) -> None:
    where = await stand.listening()
    async with wire_to(where) as wire:
        talk = WireVisit(stand.lock, owner_key(), wire)
        await talk.run(Command.STATUS)
        await asyncio.sleep(SESSION_SECONDS - 10)
        assert (await talk.later(Command.STATUS))[0] is None
        await asyncio.sleep(20)
        wire.send(talk.side.later(Command.STATUS, bytes(8), {}))
        assert await wire.ended()


async def test_a_holder_who_reads_no_answers_is_answered_no_further(stand: Stand) -> None:
    for _ in range(64):
        stand.lock.note(Kind.ALARM, {13: "x" * 180})
    where = await stand.listening()
    async with wire_to(where) as wire:
        talk = WireVisit(stand.lock, owner_key(), wire)
        await talk.run(Command.STATUS)
        wire.writer.transport.pause_reading()
        for _ in range(800):  # 16 kB each
            wire.send(talk.side.later(Command.READ_LOG, bytes(8), {1: 0}))
            await asyncio.sleep(0)
        assert stand.listener is not None
        [line] = stand.listener._open
        assert line._transport is not None
        await asyncio.sleep(1)
        assert line._stalled
        assert line._transport.get_write_buffer_size() < 200_000
        wire.writer.transport.resume_reading()
        for _ in range(100):
            talk.side.read_later(await wire.receive())


# --- crowds -------------------------------------------------------------------------------------


async def crowd(  # noqa: PLR0913 — how many, from where, and what they say
    stand: Stand, where: Where, stack: AsyncExitStack, count: int, *, source: str = STRANGER,
    say: Callable[[Stand], bytes] | None = None,
) -> list[Wire]:
    """Some lines from one source, each after a word if `say` makes one."""
    wires = []
    for _ in range(count):
        wire = await stack.enter_async_context(wire_to(where, source))
        if say is not None:
            wire.send(say(stand))
        wires.append(wire)
    await asyncio.sleep(0.01)
    return wires


async def test_open_lines_are_bounded_and_the_owner_still_gets_in(stand: Stand) -> None:
    where = await stand.listening()
    async with AsyncExitStack() as stack:
        await crowd(stand, where, stack, CONNECTIONS_MAX + 40)
        assert open_lines(stand) == CONNECTIONS_MAX
        assert await opens(stand, where)


async def test_half_open_conversations_are_bounded_and_the_owner_still_gets_in(
    stand: Stand,
) -> None:
    where = await stand.listening()
    async with AsyncExitStack() as stack:
        await crowd(stand, where, stack, HALF_OPEN_MAX + 30, say=opening)
        assert stand.listener is not None
        begun = [c for c in stand.listener._open if c.begun and not c.conversation.proved]
        assert len(begun) <= HALF_OPEN_MAX
        assert await opens(stand, where)


async def test_lines_are_taken_from_the_crowd_and_not_from_the_one_phone(stand: Stand) -> None:
    where = await stand.listening()
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(wire_to(where, OWNER))
        talk = WireVisit(stand.lock, owner_key(), phone)
        await talk.run(Command.STATUS)
        await crowd(stand, where, stack, CONNECTIONS_MAX + 10)
        await crowd(stand, where, stack, HALF_OPEN_MAX + 10, say=opening)
        assert (await talk.later(Command.STATUS))[0] is None


async def test_three_hundred_bogus_first_messages_a_second_keep_nobody_out(stand: Stand) -> None:
    """Ten bent seconds of them from the owner's own address: each costs a mac and no more."""
    where = await stand.listening()
    stand.watched()
    opened, size = 0, stand.lock.store.size
    for _ in range(10):
        async with AsyncExitStack() as stack:
            await crowd(stand, where, stack, 300, source=OWNER, say=bogus)
        opened += await opens(stand, where, OWNER, guest())
        await asyncio.sleep(1)
    assert opened == 10
    assert stand.lock.store.size == size + 2 * opened, "they leave nothing in the log"
    assert stand.listener is not None
    assert stand.listener.dropped == 3000


async def test_a_flood_of_good_first_messages_from_one_source_keeps_no_other_out(
    stand: Stand,
) -> None:
    where = await stand.listening()
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await crowd(stand, where, stack, 100, say=opening)
        assert stand.listener is not None
        assert stand.listener.dropped >= 200, "the bucket of that source is empty"
        assert await opens(stand, where, OWNER)


async def test_a_source_that_was_too_eager_is_heard_again_later(stand: Stand) -> None:
    where = await stand.listening()
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await crowd(stand, where, stack, 100, say=opening)
    await asyncio.sleep(10)
    assert await opens(stand, where, STRANGER)


async def test_strangers_who_prove_nothing_cannot_fill_the_log(stand: Stand) -> None:
    where = await stand.listening()
    size = stand.lock.store.size
    for _ in range(100):
        async with wire_to(where, STRANGER) as wire:
            await unproved(stand, wire)
    assert stand.lock.store.size - size <= 31
    assert stand.lock.unlogged == 100 - (stand.lock.store.size - size)


async def test_refusals_left_out_of_the_log_are_counted_in_it(stand: Stand) -> None:
    where = await stand.listening()
    stand.watched()
    for _ in range(50):
        async with wire_to(where, STRANGER) as wire:
            await unproved(stand, wire)
    missing = stand.lock.unlogged
    stand.board.loop.jump(3600)
    await asyncio.sleep(2)
    assert stand.last(Kind.LEFT_OFF).about[About.COUNT] == missing


async def test_a_key_that_has_ended_cannot_fill_the_log_either(stand: Stand) -> None:
    size, dead = stand.lock.store.size, first(key("dead"), exp=1)
    for _ in range(200):
        said = await stand.visit(dead)
        assert said.answer.coarse is Coarse.NOT_NOW
    assert stand.lock.store.size - size <= 31
    assert await stand.opens(tenant())


async def test_the_keypad_does_not_pass_the_network(stand: Stand) -> None:
    await stand.deliver(enrol_item(stand.lock, tenant(), "48291357"))
    where = await stand.listening()
    stand.watched()
    async with AsyncExitStack() as stack:
        await crowd(stand, where, stack, CONNECTIONS_MAX, say=opening)
        await stand.press("48291357#")
    assert stand.moves == 1


async def test_a_peer_that_hangs_up_in_the_middle_of_a_drive_stops_nothing(stand: Stand) -> None:
    where = await stand.listening()
    async with wire_to(where) as wire:
        talk = WireVisit(stand.lock, tenant(), wire)
        await talk.greet()
        wire.send(talk.third())
        await stand.board.until(stand.lock.motor.locked)
    await stand.board.until(lambda: not stand.lock.motor.locked())
    await asyncio.sleep(0.01)
    assert stand.kinds()[-2:] == [Kind.GRANTED, Kind.MOVED]
    await all_closed(stand)
