"""A visit: what is sent, what is asked again, and what happens when the line breaks."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from dataclasses import replace

import pytest
from tests.client.place import LOOPBACK, PASSPHRASE, Place, cable

from mortice.client import line, owner
from mortice.client.errands import calling
from mortice.client.line import AnswerLost, Unreachable, line_to
from mortice.client.visit import Declined, Errand, Holder, Papers, _read_delivered, visit
from mortice.client.wallet import Wallet
from mortice.core.commands import Command
from mortice.core.errors import Theirs
from mortice.core.grant import Rights
from mortice.core.link import LockAddress
from mortice.core.log import About, Kind, Result
from mortice.core.messages import Greeting
from mortice.core.refusal import Coarse, Reason
from mortice.core.revocation import Revoked
from mortice.core.site import DOORS_MAP, SITE, Role
from mortice.core.stages import TimeState

GREETING, ANSWER = 0, 1  # the lock's frames of one conversation


def never(connection: int, frame: int) -> bool:
    return False


# --- lost answers --------------------------------------------------------------------------


async def test_a_lost_answer_is_asked_for_again_and_the_bolt_moves_once(place: Place) -> None:
    place.give("Ana", uses=2)
    async with cable(place, lambda connection, frame: (connection, frame) == (0, ANSWER)):
        visited = await place.visit("Ana")

    granted = place.entries(Kind.GRANTED)
    assert len(granted) == len(place.entries(Kind.MOVED)) == 1
    assert visited.answer.receipt is not None
    assert visited.answer.receipt.result is Result.UNLOCKED
    assert visited.answer.receipt.index == granted[0].index


async def test_an_answer_that_is_lost_twice_leaves_it_unknown(place: Place) -> None:
    place.give("Ana")
    async with cable(place, lambda _, frame: frame == ANSWER) as between:
        with pytest.raises(AnswerLost):
            await place.visit("Ana")

    assert between.connections == 2
    assert len(place.entries(Kind.GRANTED)) == 1


async def test_a_line_that_breaks_before_the_question_is_just_unreachable(place: Place) -> None:
    place.give("Ana")
    async with cable(place, lambda _, frame: frame == GREETING) as between:
        with pytest.raises(Unreachable) as caught:
            await place.visit("Ana")

    assert not isinstance(caught.value, AnswerLost)
    assert between.connections == 1
    assert place.entries(Kind.GRANTED) == []


async def test_a_lock_that_is_gone_after_the_question_leaves_it_unknown(place: Place) -> None:
    place.give("Ana")

    def cut(connection: int, frame: int) -> bool:
        return frame == (ANSWER if connection == 0 else GREETING)

    async with cable(place, cut):
        with pytest.raises(AnswerLost):
            await place.visit("Ana")


async def test_two_errands_are_two_commands(place: Place) -> None:
    place.give("Ana")
    await place.visit("Ana")
    await place.visit("Ana")

    ids = [entry.about[About.COMMAND_ID] for entry in place.entries(Kind.GRANTED)]
    assert len(set(map(str, ids))) == 2


# --- the chain -----------------------------------------------------------------------------


async def test_a_lock_that_has_seen_the_key_is_sent_its_id_alone(place: Place) -> None:
    held = place.give("Ana")
    async with cable(place, never) as between:
        await place.visit("Ana")
        await place.visit("Ana")

    first, second = (sizes[1] for sizes in between.asked)
    assert first - second > len(held.wire[0]) - 40  # type: ignore[arg-type]  # a link is bytes


async def test_a_lock_that_has_forgotten_the_key_is_shown_it_again(place: Place) -> None:
    place.give("Ana")
    await place.visit("Ana")
    place.lock.chains.clear()
    async with cable(place, never) as between:
        visited = await place.visit("Ana")

    assert between.connections == 2
    assert visited.answer.coarse is None
    assert len(place.entries(Kind.GRANTED)) == 2
    assert place.entries(Kind.REFUSED) == []


async def test_a_key_that_asks_for_more_is_not_asked_for_again(place: Place) -> None:
    place.give("Ana", max_staleness=60)
    async with cable(place, never) as between:
        visited = await place.visit("Ana")

    assert visited.answer.coarse is Coarse.SHOW_MORE
    assert between.connections == 1


# --- what goes along -----------------------------------------------------------------------


async def test_more_news_than_one_message_holds_goes_along_all_the_same(place: Place) -> None:
    place.give_owner()
    revoke_key = place.home.site_key(Role.REVOKE, PASSPHRASE)
    for _ in range(150):
        owner.take_back(place.home, [Revoked(secrets.token_bytes(16), None)], revoke_key)

    visited = await place.visit("Owner")

    assert place.lock.store.revoked_count() == 150
    assert len(visited.delivered) == 150
    assert {one.refused for one in visited.delivered} == {None}
    assert all(one.receipt for one in visited.delivered)


async def test_news_that_the_lock_has_is_not_carried_again(place: Place) -> None:
    place.give_owner()
    revoke_key = place.home.site_key(Role.REVOKE, PASSPHRASE)
    owner.take_back(place.home, [Revoked(secrets.token_bytes(16), None)], revoke_key)
    assert len((await place.visit("Owner")).delivered) == 1

    assert (await place.visit("Owner")).delivered == []


async def test_news_comes_back_from_a_lock_that_knows_more(place: Place, tmp_path: object) -> None:
    place.give_owner()
    revoke_key = place.home.site_key(Role.REVOKE, PASSPHRASE)
    owner.take_back(place.home, [Revoked(secrets.token_bytes(16), None)], revoke_key)
    await place.visit("Owner")
    known = place.home.news()
    place.home.write("news.json", {})
    await place.visit("Owner")

    assert place.home.news() == known


async def test_a_lock_whose_clock_is_wrong_is_told_the_time_by_who_may(place: Place) -> None:
    place.give_owner()
    place.give("Ana")
    clock = place.lock.recorder.clock
    place.lock.recorder.clock = replace(
        clock, floor=clock.floor - 3600, anchor_at=clock.anchor_at - 3600)

    await place.visit("Ana")
    assert place.lock.now().at < time.time() - 3000
    await place.visit("Owner")
    assert place.lock.now().at > time.time() - 60


async def test_a_key_without_the_right_attests_no_time(place: Place) -> None:
    place.give("Ana")
    before = len(place.entries(Kind.TIME_SET))
    await place.visit("Ana")

    assert len(place.entries(Kind.TIME_SET)) == before


def test_what_a_lock_said_of_documents_is_read_with_and_without_receipts() -> None:
    name = bytes(16)
    said = _read_delivered([
        [name, 0, b"receipt"], [name, 28, b"receipt"], [name, -1, None], [name, 0], [name, 200],
        "junk", [name], [1, 2, 3], [name, "0", None]])

    assert [(one.refused, one.receipt) for one in said] == [
        (None, b"receipt"), (Reason.STALE_DOCUMENT, b"receipt"), (None, None), (None, None),
        (Reason.FAULT, None)]
    assert _read_delivered(None) == _read_delivered(b"junk") == []


def greeting(site: int, doors: int) -> Greeting:
    return Greeting(TimeState.SYNCED, 0, 0, 0, bytes(32), bytes(8), site, doors)


def test_a_lock_gets_each_root_that_it_lacks_in_order_and_then_the_map() -> None:
    papers = Papers(((2, b"two"), (3, b"three")), 3, (7, b"map"))

    assert papers.missing(greeting(1, 1)) == (
        [[SITE, b"two"], [SITE, b"three"], [DOORS_MAP, b"map"]], 3)
    assert papers.missing(greeting(2, 7)) == ([[SITE, b"three"]], 3)
    assert papers.missing(greeting(3, 6)) == ([[DOORS_MAP, b"map"]], 3)
    assert papers.missing(greeting(3, 7)) == ([], 3)
    assert papers.missing(greeting(9, 9)) == ([], 9)


def test_a_map_waits_for_the_root_that_signed_it() -> None:
    papers = Papers((), 2, (7, b"map"))

    assert papers.missing(greeting(1, 1)) == ([], 1)


# --- afterwards ----------------------------------------------------------------------------


async def test_what_a_key_may_not_ask_is_declined_in_coarse_words(place: Place) -> None:
    place.give("Ana")
    async with calling(Wallet(place.home, "Ana"), place.door, Errand(Command.STATUS)) as call:
        with pytest.raises(Declined) as caught:
            await call.session.more(Command.READ_LOG, {1: 0})

    assert caught.value.coarse is Coarse.NOT_ALLOWED


async def test_a_second_move_in_one_conversation_is_declined(place: Place) -> None:
    place.give("Ana", use=Rights.UNLOCK | Rights.LOCK)
    async with calling(Wallet(place.home, "Ana"), place.door, Errand(Command.UNLOCK)) as call:
        with pytest.raises(Declined):
            await call.session.more(Command.LOCK, {})

    assert len(place.entries(Kind.MOVED)) == 1


# --- whoever answers instead of the lock ---------------------------------------------------


async def answering(answer: bytes) -> asyncio.Server:
    """Somebody who answers every frame with the same bytes, then hangs up."""
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    return await asyncio.start_server(talk, LOOPBACK, 0)


@pytest.mark.parametrize("answer", [
    b"", b"\x00", b"\x00\x00", b"\xff\xff" + bytes(65_535), b"\x00\x05hello",
    b"\x00\x80" + bytes(128), b"\x00\x80" + os.urandom(128), b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_what_is_no_lock_is_an_error_in_words(place: Place, answer: bytes) -> None:
    place.give("Ana")
    server = await answering(answer)
    place.home.keep_address(place.door.mapped.id, *server.sockets[0].getsockname()[:2])

    with pytest.raises((Unreachable, Theirs)) as caught:
        await place.visit("Ana")

    assert str(caught.value)
    server.close()
    await server.wait_closed()


async def test_another_lock_at_the_same_address_is_not_talked_to(place: Place) -> None:
    held = place.give("Ana")
    wallet = Wallet(place.home, "Ana")
    lock = place.door.mapped.lock
    other = LockAddress(place.home.site().id, place.door.mapped.id, bytes(31) + b"\x09",
                        lock.signing)

    with pytest.raises(Unreachable):
        await visit((place.door.host, place.door.port), other,
                    Holder(wallet.key, held.wire, held.leaf.id), Errand(Command.UNLOCK))

    assert place.entries(Kind.GRANTED) == []


async def test_a_lock_that_falls_silent_is_not_waited_for_long(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.give("Ana")
    heard = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard.wait()
        writer.close()

    server = await asyncio.start_server(listen, LOOPBACK, 0)
    place.home.keep_address(place.door.mapped.id, *server.sockets[0].getsockname()[:2])
    monkeypatch.setattr(line.Line.say, "__defaults__", (0.05,))

    with pytest.raises(Unreachable, match="stopped answering"):
        await place.visit("Ana")
    heard.set()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(("host", "port"), [
    ("", 0), ("", 80), ("127.0.0.1", 0), ("127.0.0.1", 99_999), ("192.0.2.1:80", 80),
    ("no such host", 80), ("x" * 300, 80), ("\u0000", 80), ("-", 80)])
async def test_an_address_where_nobody_is_is_unreachable(host: str, port: int) -> None:
    with pytest.raises(Unreachable):
        async with line_to(host, port):
            pass
