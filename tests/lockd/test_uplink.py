"""A lock's line to a hub that does what it likes: it gets the log, carries, relays, and no more."""

# ruff: noqa: ANN401 — a frame's parts, right or wrong
from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from tests.core.cast import FRONT, GRANTER, SITE, STRANGER, TIMER
from tests.lockd.builders import (
    Stand,
    Visit,
    config_item,
    guest,
    reason_in,
    revoke_item,
    tenant,
)

from mortice.client.audit import HEAD_FRAME, MAGIC, Auditor, entry_frame, frame, frames
from mortice.core import cbor
from mortice.core.document import parse
from mortice.core.freshness import TIME, sign_time
from mortice.core.limits import MESSAGE_BYTES, NONCE_SECONDS, PROOF_SECONDS_RELAYED
from mortice.core.link import check_first, mac_key
from mortice.core.log import Kind, accept_receipt
from mortice.core.merkle import leaf_hash
from mortice.core.noise import Responder, StaticKey, Transport
from mortice.core.refusal import Coarse, Reason
from mortice.lockd.identity import factory_reset
from mortice.lockd.uplink import (
    BEAT_SECONDS,
    DIALLING,
    LENGTH_BYTES,
    LIFE_SECONDS,
    STREAMS,
    UPLINK,
    Uplink,
)

POSITION, DELIVER, SAID, OVER, ENTRIES, DELIVERED, STATUS = range(1, 8)
KEY, OTHER_KEY = StaticKey(bytes([0x31]) * 32), StaticKey(bytes([0x32]) * 32)
PATIENCE = 300.0  # bent seconds
EPHEMERAL = bytes([0x33]) * 32


class Line:
    """The hub's end of one line, which sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.transport: Transport
        self.handshake = b""
        self.hello: Any = None

    async def greeted(self, key: StaticKey) -> bytes:
        """The handshake; returns the hello as it came."""
        first = await self.message()
        check_first(first, DIALLING, mac_key(key.public, UPLINK))
        noise = Responder(UPLINK, key)
        noise.read(first[1:-16])
        self.send(noise.write(EPHEMERAL))
        self.transport, self.handshake = noise.transport(), noise.handshake_hash
        hello = self.transport.open(await self.message())
        self.hello = cbor.decode(parse(UPLINK.decode(), hello).payload)
        return hello

    async def message(self) -> bytes:
        length = int.from_bytes(await self.reader.readexactly(LENGTH_BYTES), "big")
        return await self.reader.readexactly(length)

    def send(self, message: bytes) -> None:
        self.writer.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)

    def say(self, *frame: Any) -> None:
        self.send(self.transport.seal(cbor.encode([*frame])))

    async def hear(self, *kinds: int) -> Any:
        """The next frame of one of `kinds`; others are passed over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                heard: Any = cbor.decode(
                    self.transport.open(await self.message()), max_bytes=65_535)
                if heard[0] in kinds:
                    return heard

    async def ended(self, within: float = PATIENCE) -> bool:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            async with asyncio.timeout(within):
                while True:
                    await self.message()
        return True

    async def log(self) -> list[bytes]:
        """Every entry that the lock has, asked for page after page, and the last head."""
        bodies: list[bytes] = []
        while True:
            self.say(POSITION, len(bodies))
            _, begin, listed, head = await self.hear(ENTRIES)
            assert begin == len(bodies)
            bodies += [body for body, _ in listed]
            if head is not None:
                return [*bodies, head]


class Hub:
    """Where locks dial in."""

    def __init__(self, key: StaticKey = KEY) -> None:
        self.key = key
        self.calls: asyncio.Queue[Line] = asyncio.Queue()
        self.address = ("127.0.0.1", 0)
        self._server: asyncio.Server | None = None
        self._lines: list[Line] = []

    async def listen(self) -> Hub:
        self._server = await asyncio.start_server(self._dialled, *self.address)
        self.address = self._server.sockets[0].getsockname()
        return self

    def _dialled(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.append(Line(reader, writer))
        self.calls.put_nowait(self._lines[-1])

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for line in self._lines:
            line.writer.close()
        await asyncio.sleep(0)

    @property
    def setting(self) -> tuple[bytes, str]:
        return self.key.public, "{}:{}".format(*self.address)

    async def called(self) -> Line:
        async with asyncio.timeout(PATIENCE):
            return await self.calls.get()

    async def line(self) -> Line:
        """The next lock that dials, greeted."""
        line = await self.called()
        await line.greeted(self.key)
        return line


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    made = await Hub().listen()
    yield made
    await made.close()


@pytest.fixture
async def uplink(stand: Stand, hub: Hub) -> AsyncIterator[Uplink]:
    """The line of a lock whose settings name the hub."""
    made = Uplink(stand.lock)
    stand.lock.changed = made.wake
    made.start()
    assert [fate.result for fate in await stand.deliver(config_item(hub=hub.setting))] == [0]
    yield made
    await made.stop()


@pytest.fixture
async def line(uplink: Uplink, hub: Hub) -> AsyncIterator[Line]:
    made = await hub.line()
    yield made
    made.writer.close()


class Relayed(Visit):
    """A holder's visit through a stream."""

    def __init__(self, stand: Stand, line: Line, number: int, who: Any = None) -> None:
        super().__init__(stand.lock, who or tenant())
        self.line, self.number = line, number

    async def hear(self, message: bytes) -> bytes:
        self.line.say(SAID, self.number, message)
        while (frame := await self.line.hear(SAID, OVER))[1] != self.number:
            pass
        if frame[0] == OVER:
            raise EOFError
        heard: bytes = frame[2]
        self.messages += [message, heard]
        return heard


# --- who it is, and what it says of itself --------------------------------------------------------


async def test_the_hello_is_this_locks_word_in_this_conversation(
    uplink: Uplink, hub: Hub, stand: Stand,
) -> None:
    line = await hub.called()
    hello = parse(UPLINK.decode(), await line.greeted(hub.key))
    hello.verify(stand.lock.secrets.signing.public)
    lock = stand.lock
    handshake, door, incarnation, size, root, news, *versions = line.hello[:9]
    assert (handshake, door, incarnation) == (line.handshake, FRONT, 0)
    assert (size, root, news) == (lock.store.size, lock.store.root(), lock.news_digest())
    assert versions == [1, 1, 1]


async def test_a_hello_is_no_other_document_and_no_other_is_a_hello(
    uplink: Uplink, hub: Hub, stand: Stand,
) -> None:
    hello = await (await hub.called()).greeted(hub.key)
    for kind in ("mortice-head/1", "mortice-receipt/1", TIME):
        with pytest.raises(Exception, match="K8"):
            parse(kind, hello).verify(stand.lock.secrets.signing.public)
    with pytest.raises(Exception, match="K8"):
        parse(UPLINK.decode(), stand.lock.recorder.head()).verify(
            stand.lock.secrets.signing.public)


async def test_a_hub_with_another_key_gets_not_even_a_hello(
    uplink: Uplink, hub: Hub, stand: Stand,
) -> None:
    line = await hub.called()
    noise = Responder(UPLINK, OTHER_KEY)
    with pytest.raises(Exception, match="N4"):
        noise.read((await line.message())[1:-16])
    line.send(bytes(48))
    assert await line.ended()


async def test_a_lock_without_a_hub_dials_nobody(stand: Stand, hub: Hub) -> None:
    made = Uplink(stand.lock)
    stand.lock.changed = made.wake
    made.start()
    assert await stand.opens(tenant())
    await asyncio.sleep(600)
    assert hub.calls.empty()
    await made.stop()


# --- the log --------------------------------------------------------------------------------------


async def test_a_log_comes_in_pages_and_stands_up_to_an_audit(stand: Stand, line: Line) -> None:
    for _ in range(70):
        await stand.opens(tenant())
    *bodies, head = await line.log()
    assert len(bodies) == stand.lock.store.size > 128
    parts = [MAGIC, *(entry_frame(body, leaf_hash(body)) for body in bodies),
             frame(HEAD_FRAME, head)]
    audit = Auditor(stand.lock.secrets.signing.public).run(frames(io.BytesIO(b"".join(parts))))
    assert audit.size == len(bodies)


async def test_an_entry_is_sent_as_soon_as_it_is_written(stand: Stand, line: Line) -> None:
    *bodies, _ = await line.log()
    line.say(POSITION, len(bodies))
    await stand.opens(tenant())
    _, begin, listed, _ = await line.hear(ENTRIES)
    assert begin == len(bodies)
    assert listed


async def test_nothing_is_sent_before_the_last_was_acknowledged(stand: Stand, line: Line) -> None:
    line.say(POSITION, 0)
    await line.hear(ENTRIES)
    await stand.opens(tenant())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(50):
            await line.hear(ENTRIES)


async def test_what_is_asked_for_again_is_sent_again_and_nothing_is_pruned(
    stand: Stand, line: Line,
) -> None:
    first, second = await line.log(), await line.log()
    assert first[:-1] == second[:-1]
    line.say(POSITION, len(first) - 1)
    line.say(POSITION, 0)
    assert (await line.hear(ENTRIES))[1] == 0
    assert len(stand.log()) == len(first) - 1


@pytest.mark.parametrize("beyond", [1, 1000, 1 << 36])
async def test_a_position_beyond_the_log_gets_a_head_and_harms_nothing(
    stand: Stand, line: Line, beyond: int,
) -> None:
    line.say(POSITION, stand.lock.store.size + beyond)
    _, _, listed, head = await line.hear(ENTRIES)
    assert listed == []
    assert head is not None
    assert len(await line.log()) == stand.lock.store.size + 1
    assert await stand.opens(tenant())


# --- the door's state -----------------------------------------------------------------------------


async def test_the_status_comes_at_first_after_each_change_and_every_minute(
    stand: Stand, line: Line,
) -> None:
    assert (await line.hear(STATUS))[1]["state"] == "locked"
    await stand.opens(tenant())
    while (await line.hear(STATUS))[1]["state"] != "unlocked":
        pass
    before = stand.board.count()
    await line.hear(STATUS)
    assert stand.board.count() - before <= 61


# --- documents ------------------------------------------------------------------------------------


async def test_a_document_is_applied_for_its_signature_and_answered_with_a_receipt(
    stand: Stand, line: Line,
) -> None:
    who = guest()
    item = revoke_item(who.leaf.id)
    line.say(DELIVER, 4, [item])
    _, number, ((_, result, receipt),) = await line.hear(DELIVERED)
    assert (number, result) == (4, 0)
    accept_receipt(receipt, stand.lock.secrets.signing.public)
    assert not await stand.opens(who)


async def test_a_delivery_that_comes_again_is_known_and_changes_nothing(
    stand: Stand, line: Line,
) -> None:
    item = revoke_item(guest().leaf.id)
    for _ in range(3):
        line.say(DELIVER, 4, [item])
    results = [(await line.hear(DELIVERED))[2][0][1] for _ in range(3)]
    assert results == [0, -1, -1]
    assert stand.count_of(Kind.REVOKED) == 1


async def test_what_the_hub_signs_itself_counts_for_nothing(stand: Stand, line: Line) -> None:
    line.say(DELIVER, 1, [revoke_item(tenant().leaf.id, signer=STRANGER)])
    assert (await line.hear(DELIVERED))[2][0][1] > 0
    assert await stand.opens(tenant())


async def test_a_hub_with_the_role_time_sets_the_clock_of_a_young_line(
    stand: Stand, line: Line,
) -> None:
    at = stand.board.true_time() + 120
    document = sign_time(SITE, stand.lock.secrets.public.id, line.handshake, at, TIMER)
    line.say(DELIVER, 1, [[TIME, document]])
    assert (await line.hear(DELIVERED))[2][0][1] == 0
    assert abs(stand.lock.now().at - at) <= 1


async def test_an_attestation_that_was_kept_back_is_worth_nothing(
    stand: Stand, line: Line,
) -> None:
    document = sign_time(
        SITE, stand.lock.secrets.public.id, line.handshake, stand.board.true_time() + 120, TIMER)
    stand.board.loop.jump(NONCE_SECONDS + 0.1)
    line.say(DELIVER, 1, [[TIME, document]])
    assert (await line.hear(DELIVERED))[2][0][1] > 0
    assert reason_in(stand.last(Kind.REFUSED)) is Reason.BAD_SIGNATURE


async def test_an_attestation_for_another_line_is_worth_nothing(stand: Stand, line: Line) -> None:
    document = sign_time(
        SITE, stand.lock.secrets.public.id, bytes(32), stand.board.true_time() + 120, TIMER)
    line.say(DELIVER, 1, [[TIME, document]])
    assert (await line.hear(DELIVERED))[2][0][1] > 0


# --- frames that are none -------------------------------------------------------------------------


FRAMES: dict[str, list[Any]] = {
    "of no kind": [0, 1], "of the lock's": [5, 0, [], None], "unknown": [8, 1], "empty": [],
    "one part": [1], "one part more": [1, 0, 0], "a negative position": [1, -1],
    "a position of text": [1, "0"], "a bundle of bytes": [2, 1, b""],
    "a bundle of 65": [2, 1, [["x", b""]] * 65], "a large stream": [3, 65_536, b""],
    "a stream of text": [3, 1, "text"], "a long message": [3, 1, bytes(MESSAGE_BYTES + 1)],
    "an end with more": [4, 1, b""]}


@pytest.mark.parametrize("what", FRAMES)
async def test_a_frame_of_another_form_ends_the_line_and_nothing_else(
    stand: Stand, line: Line, hub: Hub, what: str,
) -> None:
    line.say(*FRAMES[what])
    assert await line.ended()
    assert await stand.opens(tenant())
    await hub.line()  # and the lock dials again


@pytest.mark.parametrize("message", [b"", bytes(16), bytes(17), bytes(65_535)])
async def test_a_message_that_was_not_sealed_ends_the_line(
    line: Line, hub: Hub, message: bytes,
) -> None:
    line.send(message)
    assert await line.ended()


async def test_a_doubled_message_ends_the_line(line: Line) -> None:
    sealed = line.transport.seal(cbor.encode([POSITION, 0]))
    line.send(sealed)
    line.send(sealed)
    assert await line.ended()


async def test_a_line_cut_in_the_middle_of_a_message_is_dialled_again(
    stand: Stand, line: Line, hub: Hub,
) -> None:
    line.writer.write(b"\x01\x00half")
    await line.writer.drain()
    line.writer.close()
    again = await hub.line()
    assert len(await again.log()) == stand.lock.store.size + 1


# --- relayed holders ------------------------------------------------------------------------------


async def test_a_relayed_holder_opens_the_door(stand: Stand, line: Line) -> None:
    said = await Relayed(stand, line, 7).run()
    assert said.answer.coarse is None
    assert stand.moves == 1


async def test_several_are_relayed_side_by_side(stand: Stand, line: Line) -> None:
    visits = [Relayed(stand, line, number, tenant(f"t{number}")) for number in range(STREAMS)]
    for visit in visits:
        await visit.greet()
    for visit in reversed(visits):
        assert (await visit.ask()).answer.coarse is None


async def test_one_more_than_that_is_turned_away_and_the_others_go_on(
    stand: Stand, line: Line,
) -> None:
    visits = [Relayed(stand, line, number) for number in range(STREAMS + 1)]
    for visit in visits[:-1]:
        await visit.greet()
    with pytest.raises(EOFError):
        await visits[-1].greet()
    assert (await visits[0].ask()).answer.coarse is None
    line.say(OVER, 0)
    await Relayed(stand, line, STREAMS).greet()


async def test_a_proof_that_the_hub_kept_back_is_late(stand: Stand, line: Line) -> None:
    visit = Relayed(stand, line, 1)
    await visit.greet()
    stand.board.loop.jump(PROOF_SECONDS_RELAYED + 0.1)
    assert (await visit.ask()).answer.coarse is Coarse.NOT_NOW
    assert reason_in(stand.last(Kind.REFUSED)) is Reason.LATE
    assert stand.moves == 0


async def test_a_relayed_proof_may_take_longer_than_one_at_the_door(
    stand: Stand, line: Line,
) -> None:
    visit = Relayed(stand, line, 1)
    await visit.greet()
    stand.board.loop.jump(PROOF_SECONDS_RELAYED - 0.5)
    assert (await visit.ask()).answer.coarse is None


async def test_a_recorded_conversation_played_again_opens_nothing(
    stand: Stand, line: Line,
) -> None:
    visit = Relayed(stand, line, 1)
    await visit.run()
    first, _, third, _ = visit.messages
    again = Relayed(stand, line, 2)
    await again.hear(first)
    with pytest.raises(EOFError):
        await again.hear(third)
    assert stand.moves == 1


async def test_a_message_out_of_turn_ends_its_stream(stand: Stand, line: Line) -> None:
    visit = Relayed(stand, line, 1)
    await visit.greet()
    message = visit.third()
    line.say(SAID, 1, message)
    line.say(SAID, 1, message)
    assert (await line.hear(OVER))[1] == 1


async def test_a_stream_on_which_nothing_is_said_makes_room_again(
    stand: Stand, line: Line,
) -> None:
    for number in range(STREAMS):
        await Relayed(stand, line, number).greet()
    await asyncio.sleep(PROOF_SECONDS_RELAYED + 10)
    await Relayed(stand, line, 100).greet()


async def test_relayed_strangers_spend_no_strangers_patience_at_the_door(
    stand: Stand, line: Line,
) -> None:
    for number in range(40):
        visit = Relayed(stand, line, number)
        await visit.greet()
        with suppress(EOFError):
            await visit.hear(visit.side._ready().seal(b"nonsense"))
    before, stranger = stand.count_of(Kind.REFUSED), Visit(stand.lock, tenant())
    await stranger.greet()
    assert (await stranger.ask(signer=GRANTER)).answer.coarse is not None
    assert stand.count_of(Kind.REFUSED) == before + 1


async def test_a_flood_of_streams_is_bounded_and_keeps_nobody_at_the_door_out(
    stand: Stand, line: Line,
) -> None:
    first = Visit(stand.lock, tenant()).side.first()
    for number in range(300):
        line.say(SAID, number, first[:-1] + b"\0")
    assert await stand.opens(tenant())


# --- lines break ----------------------------------------------------------------------------------


async def test_the_door_opens_while_no_hub_answers(stand: Stand, hub: Hub, line: Line) -> None:
    await hub.close()
    await asyncio.sleep(30)
    assert await stand.opens(tenant())


async def test_a_lock_waits_longer_and_longer_but_never_more_than_a_minute(
    stand: Stand, uplink: Uplink, hub: Hub,
) -> None:
    waits, last = [], stand.board.count()
    for _ in range(14):
        line = await hub.called()
        waits.append(stand.board.count() - last)
        line.writer.close()
        last = stand.board.count()
    assert waits[1] <= 1.1
    assert max(waits[2:4]) <= 4.1
    assert 8 < max(waits) <= 60.1


async def test_a_line_that_was_up_is_dialled_again_within_a_second(
    stand: Stand, uplink: Uplink, hub: Hub,
) -> None:
    for _ in range(6):
        (await hub.called()).writer.close()
    line = await hub.line()
    await line.log()
    line.writer.close()
    before = stand.board.count()
    await hub.called()
    assert stand.board.count() - before <= 1.1


async def test_settings_that_name_another_hub_move_the_line_at_once(
    stand: Stand, line: Line,
) -> None:
    other = await Hub(OTHER_KEY).listen()
    await stand.deliver(config_item(2, hub=other.setting))
    assert await line.ended()
    before = stand.board.count()
    moved = await other.line()
    assert stand.board.count() - before <= 1.1
    assert moved.hello[8] == 2
    await other.close()


async def test_a_lock_that_waits_for_its_old_hub_dials_a_new_one_at_once(
    stand: Stand, uplink: Uplink, hub: Hub,
) -> None:
    for _ in range(12):
        (await hub.called()).writer.close()
    other = await Hub(OTHER_KEY).listen()
    await stand.deliver(config_item(2, hub=other.setting))
    before = stand.board.count()
    await other.line()
    assert stand.board.count() - before <= 1.1
    await other.close()


async def test_settings_without_a_hub_end_the_line(stand: Stand, line: Line, hub: Hub) -> None:
    await stand.deliver(config_item(2))
    assert await line.ended()
    await asyncio.sleep(300)
    assert hub.calls.empty()


async def test_a_factory_reset_ends_the_line(stand: Stand, line: Line, hub: Hub) -> None:
    await factory_reset(stand.lock)
    stand.lock.changed()
    assert await line.ended()


@pytest.mark.slow  # thirteen hours of beats
async def test_a_line_is_made_anew_before_its_nonce_and_keys_are_old(
    line: Line, hub: Hub, stand: Stand,
) -> None:
    end = asyncio.ensure_future(line.ended(13 * 3600))
    before = stand.board.count()
    assert await end
    assert stand.board.count() - before <= LIFE_SECONDS + BEAT_SECONDS
    assert (await hub.line()).handshake != line.handshake
