"""The messages inside a conversation: whole, within their bounds, and with nothing unknown.

A in the names of checks is that of spec/messages.md.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.core.cast import NOW, refused

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.errors import Theirs
from mortice.core.limits import BUNDLE_DOCUMENTS, MESSAGE_BYTES, TEXT_CHARS, TIME_MAX
from mortice.core.log import Receipt, Result
from mortice.core.messages import (
    Answer,
    BundleItem,
    Carried,
    Greeting,
    Request,
    encode_later,
    proof_bytes,
    read_answer,
    read_bundle,
    read_greeting,
    read_later,
    read_request,
    write_bundle,
)
from mortice.core.refusal import Coarse
from mortice.core.stages import Factors, TimeState

Parts = list[Any]


def parts_of(encoded: bytes) -> Parts:
    parts = cbor.decode(encoded)
    assert isinstance(parts, list)
    return parts


def changed(encoded: bytes, place: int, value: cbor.Value) -> bytes:
    parts = parts_of(encoded)
    parts[place] = value
    return cbor.encode(parts)


NO_ARRAYS = [b"", cbor.encode({0: 1}), cbor.encode(None), cbor.encode(b"abc"), cbor.encode("abc")]


# --- message 2: the greeting ----------------------------------------------------------------

GREETING = Greeting(TimeState.HOLDOVER, NOW, 2, 41, b"r" * 32, b"newsnews", 3, 7)


@pytest.mark.parametrize("greeting", [
    GREETING,
    Greeting(TimeState.SYNCED, 0, 0, 0, bytes(32), bytes(8), 0, 0),
    Greeting(
        TimeState.UNSURE, TIME_MAX, TIME_MAX, TIME_MAX, bytes(32), bytes(8), TIME_MAX, TIME_MAX)])
def test_a_greeting_reads_back(greeting: Greeting) -> None:
    assert read_greeting(greeting.encode()) == greeting


@pytest.mark.parametrize(("place", "value"), [
    (0, 3), (0, -1), (0, False), (1, -1), (1, TIME_MAX + 1), (1, True), (2, -1), (2, TIME_MAX + 1),
    (3, bytes(31)), (3, bytes(33)), (3, None), (4, bytes(7)), (4, bytes(9)), (5, -1),
    (5, TIME_MAX + 1), (6, -1), (6, TIME_MAX + 1), (6, None)])
def test_a_greeting_keeps_to_its_bounds(place: int, value: cbor.Value) -> None:
    with refused("A1"):
        read_greeting(changed(GREETING.encode(), place, value))


def test_a_greeting_has_seven_parts() -> None:
    for parts in (parts_of(GREETING.encode())[:-1], [*parts_of(GREETING.encode()), 0]):
        with refused("A1"):
            read_greeting(cbor.encode(parts))


# --- message 3: the request -----------------------------------------------------------------

LEAF = bytes(range(16))
CHAIN: list[cbor.Value] = [b"one link", [b"another", [b"a", b"b", b"c"]]]
REQUEST = Request(
    Command.HOLD_OPEN, b"command1", {1: NOW}, LEAF, Factors.PASSKEY, bytes(64),
    {Carried.PIN: b"271828", Carried.NEWS: b"newsnews"})


@pytest.mark.parametrize("request_", [
    REQUEST,
    Request(Command.UNLOCK, bytes(8), {}, CHAIN, Factors.NONE, bytes(64)),
    Request(Command.COMMISSION, bytes(8), {"a": [1, {2: None}]}, [], Factors(31), bytes(64),
            dict.fromkeys(Carried, b""))])
def test_a_request_reads_back(request_: Request) -> None:
    assert read_request(request_.encode()) == request_


def test_what_is_carried_may_be_left_out() -> None:
    assert len(parts_of(REQUEST.encode())) == 7
    plain = Request(Command.LOCK, b"command1", {}, LEAF, Factors.NONE, bytes(64))
    assert len(parts_of(plain.encode())) == 6
    assert read_request(plain.encode()).carried == {}


@pytest.mark.parametrize(("place", "value", "check"), [
    (0, 0, "A2"), (0, 9, "A2"), (0, 12, "A2"), (0, 255, "A2"), (0, 256, "A1"), (0, -1, "A1"),
    (0, True, "A1"), (0, "unlock", "A1"), (0, None, "A1"),
    (1, bytes(7), "A1"), (1, bytes(9), "A1"), (1, "command1", "A1"),
    (2, [], "A1"), (2, None, "A1"),
    (3, LEAF[:-1], "A3"), (3, LEAF + b"x", "A3"), (3, b"", "A3"), (3, None, "A3"), (3, 1, "A3"),
    (3, {0: b"one link"}, "A3"), (3, "0123456789abcdef", "A3"),
    (4, 32, "A1"), (4, -1, "A1"), (4, True, "A1"), (4, None, "A1"),
    (5, bytes(63), "A1"), (5, bytes(65), "A1"), (5, None, "A1"),
    (6, {0: b""}, "A4"), (6, {8: b""}, "A4"), (6, {"pin": b""}, "A4"), (6, {-1: b""}, "A4"),
    (6, [], "A1"), (6, None, "A1")])
def test_a_request_keeps_to_its_bounds(place: int, value: cbor.Value, check: str) -> None:
    with refused(check):
        read_request(changed(REQUEST.encode(), place, value))


def test_every_command_of_the_table_has_a_number_and_no_other_number_has_a_command() -> None:
    known = {int(command) for command in Command}
    for number in range(256):
        encoded = changed(REQUEST.encode(), 0, number)
        if number in known:
            assert read_request(encoded).command == number
        else:
            with refused("A2"):
                read_request(encoded)


@pytest.mark.parametrize("factors", range(32))
def test_every_set_of_known_factors_can_be_claimed(factors: int) -> None:
    assert read_request(changed(REQUEST.encode(), 4, factors)).factors == factors


def test_a_request_has_six_parts_or_seven() -> None:
    parts = parts_of(REQUEST.encode())
    for wrong in (parts[:5], [*parts, {}], []):
        with refused("A1"):
            read_request(cbor.encode(wrong))


def test_a_request_is_bounded() -> None:
    empty = len(Request(Command.UNLOCK, bytes(8), {1: b""}, LEAF, Factors.NONE, bytes(64)).encode())
    room = MESSAGE_BYTES - empty - 2  # two more bytes declare a length above 255
    for spare, fits in ((room, True), (room + 1, False)):
        request = Request(
            Command.UNLOCK, bytes(8), {1: bytes(spare)}, LEAF, Factors.NONE, bytes(64))
        assert (len(request.encode()) <= MESSAGE_BYTES) is fits
        if fits:
            assert read_request(request.encode()) == request
        else:
            with refused("E1"):
                read_request(request.encode())


def test_a_chain_in_a_bundle_fits_the_depth_and_nothing_deeper() -> None:
    """Message, map, bundle, item, chain, link, assertion: seven deep."""
    assertion: cbor.Value = [b"a", b"b", b"c"]
    bundle: cbor.Value = [["mortice-config/1", b"document", [[b"link", assertion]]]]
    carried = {Carried.BUNDLE: bundle}
    request = Request(Command.DELIVER, bytes(8), {}, LEAF, Factors.NONE, bytes(64), carried)
    assert read_request(request.encode()) == request
    deep: cbor.Value = b""
    for _ in range(8):
        deep = [deep]
    with refused("E8"):
        read_request(changed(REQUEST.encode(), 3, deep))


def test_a_request_shows_no_pin_in_a_trace() -> None:
    assert "271828" not in repr(REQUEST)


# --- what the holder signs: A5 --------------------------------------------------------------


def test_a_proof_is_over_all_that_must_not_move() -> None:
    said = proof_bytes(REQUEST, b"h" * 32, b"L" * 16, LEAF, GREETING)
    assert cbor.decode(said) == [
        "mortice-proof/1", b"h" * 32, b"L" * 16, 3, b"command1", {1: NOW}, LEAF, 2, 41, b"r" * 32]


def test_what_is_carried_and_the_proof_itself_are_not_signed() -> None:
    """Or the proof would have to cover itself, and a passkey's assertion over it as well."""
    bare = Request(
        REQUEST.command, REQUEST.command_id, REQUEST.args, CHAIN, REQUEST.factors, b"p" * 64)
    one = proof_bytes(REQUEST, b"h" * 32, b"L" * 16, LEAF, GREETING)
    assert one == proof_bytes(bare, b"h" * 32, b"L" * 16, LEAF, GREETING)


# --- bundles: A6 ----------------------------------------------------------------------------

ITEMS = (
    BundleItem("mortice-site/1", b"root", None),
    BundleItem("mortice-config/1", b"settings", [b"link"]),
    BundleItem("mortice-revoke/1", b"delta", [], [b"a", b"b", b"c"]),
    BundleItem("mortice-revoke/1", b"", None, [b"a", b"b", b"c"]))


def test_a_bundle_reads_back() -> None:
    written = cbor.decode(cbor.encode(write_bundle(ITEMS)))
    assert read_bundle(written) == ITEMS
    assert [len(item) for item in written if isinstance(item, list)] == [2, 3, 4, 4]
    assert read_bundle([]) == ()


@pytest.mark.parametrize("item", [
    None, b"", {}, [], ["mortice-site/1"], ["mortice-site/1", b"", None, None, None],
    [b"mortice-site/1", b""], [1, b""], ["x" * (TEXT_CHARS + 1), b""], ["mortice-site/1", "root"],
    ["mortice-site/1", None], ["mortice-site/1", b"", b"link"], ["mortice-site/1", b"", {}],
    ["mortice-site/1", b"", False], {0: "mortice-site/1", 1: b""}])
def test_an_item_is_a_kind_a_document_and_perhaps_a_chain(item: cbor.Value) -> None:
    with refused("A6"):
        read_bundle([["mortice-site/1", b"root"], item])


@pytest.mark.parametrize("value", [None, {}, b"", 1, "bundle"])
def test_a_bundle_is_an_array(value: cbor.Value) -> None:
    with refused("A6"):
        read_bundle(value)


def test_a_bundle_is_bounded() -> None:
    item: cbor.Value = ["mortice-site/1", b""]
    assert len(read_bundle([item] * BUNDLE_DOCUMENTS)) == BUNDLE_DOCUMENTS
    with refused("A6"):
        read_bundle([item] * (BUNDLE_DOCUMENTS + 1))


# --- message 4: the answer ------------------------------------------------------------------

RECEIPT = Receipt(
    2, b"e" * 32, 41, 42, b"R" * 32, LEAF, b"command1", Result.LOCKED, NOW, TimeState.HOLDOVER)
FIRST_RECEIPT = Receipt(
    0, bytes(32), 0, 1, bytes(32), LEAF, b"command1", Result.REFUSED, 0, TimeState.SYNCED)
ANSWER = Answer(None, RECEIPT, b"s" * 64, {1: b"more"})


def read(encoded: bytes) -> Answer:
    return read_answer(encoded, LEAF, b"command1")


@pytest.mark.parametrize("answer", [
    ANSWER, Answer(None), Answer(Coarse.NOT_NOW), Answer(None, body={3: [1]}),
    Answer(Coarse.NOT_ALLOWED, RECEIPT, bytes(64)), Answer(Coarse.MALFORMED, body={1: 2}),
    Answer(None, FIRST_RECEIPT, bytes(64))])
def test_an_answer_reads_back(answer: Answer) -> None:
    assert read(answer.encode()) == answer


def test_a_strangers_refusal_takes_two_bytes() -> None:
    """All four alike in size: the length of an answer tells nothing either."""
    assert {len(Answer(coarse).encode()) for coarse in Coarse} == {2}
    assert len({Answer(coarse).encode() for coarse in Coarse}) == 4


def test_the_receipt_travels_without_what_both_sides_know() -> None:
    parts = parts_of(ANSWER.encode())
    assert LEAF not in parts
    assert b"command1" not in parts
    mine = read_answer(ANSWER.encode(), b"another leaf id!", b"command2")
    assert mine.receipt is not None
    assert (mine.receipt.leaf, mine.receipt.command_id) == (b"another leaf id!", b"command2")


@pytest.mark.parametrize(("place", "value"), [
    (0, 5), (0, -1), (0, True), (0, None), (1, 6), (1, -1), (1, None), (2, -1),
    (2, TIME_MAX + 1), (3, bytes(31)), (3, bytes(33)), (4, -1), (4, TIME_MAX + 1), (5, 0),
    (5, TIME_MAX + 1), (6, bytes(31)), (7, -1), (7, TIME_MAX + 1), (8, 3), (8, False),
    (9, bytes(63)), (9, bytes(65)), (10, []), (10, None)])
def test_an_answer_keeps_to_its_bounds(place: int, value: cbor.Value) -> None:
    with refused("A1"):
        read(changed(ANSWER.encode(), place, value))


@pytest.mark.parametrize("length", [0, 3, 4, 5, 6, 7, 8, 9])
def test_half_a_receipt_is_none(length: int) -> None:
    with refused("A1"):
        read(cbor.encode(parts_of(ANSWER.encode())[:length]))


def test_an_answer_has_no_part_that_nobody_reads() -> None:
    with refused("A1"):
        read(cbor.encode([*parts_of(ANSWER.encode()), 0]))
    with refused("A1"):
        read(cbor.encode([0, 1]))
    with refused("A1"):
        read(cbor.encode([0, {1: b"more"}, 0]))


# --- further requests -----------------------------------------------------------------------


def test_a_further_request_reads_back() -> None:
    for command in Command:
        later = (command, b"command2", {1: 0, "since": None})
        assert read_later(encode_later(*later)) == later


@pytest.mark.parametrize(("place", "value", "check"), [
    (0, 0, "A2"), (0, 9, "A2"), (0, 256, "A1"), (0, False, "A1"), (1, bytes(7), "A1"),
    (1, None, "A1"), (2, [], "A1"), (2, None, "A1")])
def test_a_further_request_keeps_to_its_bounds(
    place: int, value: cbor.Value, check: str,
) -> None:
    with refused(check):
        read_later(changed(encode_later(Command.STATUS, b"command2", {}), place, value))


def test_a_further_request_has_three_parts() -> None:
    parts = parts_of(encode_later(Command.STATUS, b"command2", {}))
    for wrong in (parts[:2], [*parts, {}]):
        with refused("A1"):
            read_later(cbor.encode(wrong))


# --- rubbish --------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", NO_ARRAYS, ids=lambda plain: plain.hex() or "nothing")
def test_a_message_is_an_array(plain: bytes) -> None:
    for reader in (read_greeting, read_request, read_later, read):
        with pytest.raises(Theirs):
            reader(plain)


@given(st.binary(max_size=200))
@example(b"\x81\x00")  # the shortest answer that there is
def test_rubbish_is_at_worst_malformed(rubbish: bytes) -> None:
    for reader in (read_greeting, read_request, read_later, read):
        with suppress(Theirs):
            reader(rubbish)
