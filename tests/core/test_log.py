"""Entries, heads and receipts: one encoding each, under this lock's key, and what they prove.

L in the names of checks is that of spec/log.md. The audit of a whole exported log is the client's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cast import GRANTER, LOCK, NOW, STRANGER, TENANT, key, refused

from mortice.core import cbor
from mortice.core.document import join, parse, sign
from mortice.core.errors import Theirs
from mortice.core.keys import ESP256, Signer, SoftwareKey
from mortice.core.limits import MESSAGE_BYTES, SALT_BYTES, TIME_MAX
from mortice.core.log import (
    HEAD,
    KINDS,
    RECEIPT,
    About,
    Entry,
    Head,
    Kind,
    Receipt,
    Result,
    accept_head,
    accept_receipt,
    read_entry,
    receipt_signature,
    sign_head,
    sign_receipt,
)
from mortice.core.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from mortice.core.stages import TimeState

SALT = bytes(range(16))
ENTRY = Entry(
    7, NOW, TimeState.SYNCED, 3600, Kind.GRANTED,
    {int(About.LEAF): bytes(16), int(About.RESULT): 1}, SALT)


def changed(encoded: bytes, place: int, value: cbor.Value) -> bytes:
    parts = cbor.decode(encoded)
    assert isinstance(parts, list)
    parts[place] = value
    return cbor.encode(parts)


# --- entries: L1 ----------------------------------------------------------------------------


@pytest.mark.parametrize("entry", [
    ENTRY, Entry(0, 0, TimeState.UNSURE, 0, Kind.STARTED, {}, bytes(16)),
    Entry(TIME_MAX, TIME_MAX, TimeState.HOLDOVER, TIME_MAX, Kind.REMOVED, {"x": [None]}, SALT)])
def test_an_entry_reads_back(entry: Entry) -> None:
    assert read_entry(entry.encode()) == entry
    assert read_entry(entry.encode()).encode() == entry.encode()


@pytest.mark.parametrize(("place", "value"), [
    (0, -1), (0, TIME_MAX + 1), (0, True), (0, None), (1, -1), (1, TIME_MAX + 1), (2, 3), (2, -1),
    (2, False), (3, -1), (3, TIME_MAX + 1), (4, 0), (4, 26), (4, 256), (4, True), (4, "granted"),
    (5, []), (5, None), (6, bytes(SALT_BYTES - 1)), (6, bytes(SALT_BYTES + 1)), (6, None)])
def test_an_entry_keeps_to_its_bounds(place: int, value: cbor.Value) -> None:
    with refused("L1"):
        read_entry(changed(ENTRY.encode(), place, value))


def test_every_kind_of_entry_can_be_read_and_no_other() -> None:
    assert frozenset(range(1, 26)) == KINDS
    for number in range(256):
        encoded = changed(ENTRY.encode(), 4, number)
        if number in KINDS:
            assert read_entry(encoded).kind == number
        else:
            with refused("L1"):
                read_entry(encoded)


@pytest.mark.parametrize("value", [[], [1] * 6, [1] * 8, {0: 1}, b"", None, "entry"])
def test_an_entry_is_an_array_of_seven(value: cbor.Value) -> None:
    with refused("L1"):
        read_entry(cbor.encode(value))


def test_an_entry_is_bounded_and_has_one_encoding() -> None:
    with refused("E1"):
        read_entry(bytes(MESSAGE_BYTES + 1))
    with refused("E3"):
        read_entry(ENTRY.encode() + b"\0")


@given(st.binary(max_size=200))
def test_rubbish_is_no_entry_and_nothing_worse(rubbish: bytes) -> None:
    with pytest.raises(Theirs):
        read_entry(rubbish)


def test_an_entry_says_nothing_of_its_neighbours() -> None:
    """Two entries that say the same hash apart, and the salt that does it shows nowhere else."""
    again = replace(ENTRY, salt=bytes(16))
    assert leaf_hash(ENTRY.encode()) != leaf_hash(again.encode())
    assert repr(SALT) not in repr(ENTRY)


# --- heads and receipts: L1 and L2 ----------------------------------------------------------

HEADED = Head(1, 42, b"R" * 32, NOW)
RECEIVED = Receipt(
    1, b"e" * 32, 41, 42, b"R" * 32, bytes(16), b"command1", Result.UNLOCKED, NOW,
    TimeState.SYNCED)
LOCKS = pytest.mark.parametrize("lock", [LOCK, key("chip", ESP256)], ids=["Ed25519", "ESP256"])


@LOCKS
def test_a_head_holds_under_the_locks_key(lock: Signer) -> None:
    for head in (HEADED, Head(0, 0, bytes(32), 0), Head(TIME_MAX, TIME_MAX, bytes(32), TIME_MAX)):
        assert accept_head(sign_head(head, lock), lock.public) == head


@LOCKS
@pytest.mark.parametrize("result", Result)
def test_a_receipt_holds_under_the_locks_key(lock: Signer, result: Result) -> None:
    receipt = replace(RECEIVED, result=result)
    assert accept_receipt(sign_receipt(receipt, lock), lock.public) == receipt
    alone = receipt_signature(receipt, lock)
    assert join(receipt.payload(), lock.public, alone) == sign_receipt(receipt, lock)


def test_receipts_reach_from_the_first_entry_to_the_last_bound() -> None:
    ends = (
        replace(RECEIVED, incarnation=0, index=0, size=1, at=0),
        replace(RECEIVED, incarnation=TIME_MAX, index=TIME_MAX, size=TIME_MAX, at=TIME_MAX))
    for receipt in ends:
        assert accept_receipt(sign_receipt(receipt, LOCK), LOCK.public) == receipt


def test_a_receipt_proves_more_than_another_by_memory_first_and_then_by_size() -> None:
    """A lock whose memory was put back and that has grown since is still not what it was."""
    larger, newer = replace(RECEIVED, size=RECEIVED.size + 1), replace(RECEIVED, size=1)
    newer = replace(newer, incarnation=RECEIVED.incarnation + 1)
    assert RECEIVED.proves < larger.proves < newer.proves


@pytest.mark.parametrize("signer", [STRANGER, GRANTER, key("another lock")])
def test_another_key_signs_nothing_for_this_lock(signer: SoftwareKey) -> None:
    """Neither a stranger, nor a hub, nor the owner, nor the lock next door."""
    with refused("L2"):
        accept_head(sign_head(HEADED, signer), LOCK.public)
    with refused("L2"):
        accept_receipt(sign_receipt(RECEIVED, signer), LOCK.public)


def test_a_word_in_nobodys_name_is_nobodys() -> None:
    with refused("L2"):
        accept_head(sign(HEAD, [1, 42, bytes(32), NOW], LOCK, kid=False), LOCK.public)
    with refused("L2"):
        accept_receipt(sign(RECEIPT, RECEIVED.payload(), LOCK, kid=False), LOCK.public)


def test_a_forged_word_in_the_locks_name_is_refused() -> None:
    for kind, payload, accept in (
        (HEAD, [1, 43, bytes(32), NOW], accept_head),
        (RECEIPT, replace(RECEIVED, result=Result.LOCKED).payload(), accept_receipt),
    ):
        forged = parse(kind, sign(kind, payload, STRANGER)).signature
        with refused("K8"):
            accept(join(payload, LOCK.public, forged), LOCK.public)


def test_a_head_is_no_receipt_and_a_receipt_no_head() -> None:
    with refused("K8"):
        accept_receipt(sign_head(HEADED, LOCK), LOCK.public)
    with refused("K8"):
        accept_head(sign_receipt(RECEIVED, LOCK), LOCK.public)


@pytest.mark.parametrize(("place", "value"), [
    (0, -1), (0, TIME_MAX + 1), (0, True), (1, -1), (1, TIME_MAX + 1), (2, bytes(31)),
    (2, bytes(33)), (2, None), (3, -1), (3, TIME_MAX + 1)])
def test_a_head_keeps_to_its_bounds(place: int, value: cbor.Value) -> None:
    payload: list[cbor.Value] = [1, 42, bytes(32), NOW]
    payload[place] = value
    with refused("L1"):
        accept_head(sign(HEAD, payload, LOCK), LOCK.public)


@pytest.mark.parametrize(("place", "value"), [
    (0, -1), (0, TIME_MAX + 1), (0, True), (1, bytes(31)), (1, bytes(33)), (2, -1),
    (2, TIME_MAX + 1), (3, 0), (3, TIME_MAX + 1), (4, bytes(31)), (4, None), (5, bytes(15)),
    (5, bytes(17)), (6, bytes(7)), (6, bytes(9)), (7, 6), (7, -1), (7, True), (8, -1),
    (8, TIME_MAX + 1), (9, 3), (9, False)])
def test_a_receipt_keeps_to_its_bounds(place: int, value: cbor.Value) -> None:
    payload = RECEIVED.payload()
    assert isinstance(payload, list)
    payload[place] = value
    with refused("L1"):
        accept_receipt(sign(RECEIPT, payload, LOCK), LOCK.public)


@pytest.mark.parametrize("payload", [{}, [], [1] * 3, [1] * 5, [1] * 9, [1] * 11, b"", None])
def test_heads_and_receipts_have_their_number_of_parts(payload: cbor.Value) -> None:
    with refused("L1"):
        accept_head(sign(HEAD, payload, LOCK), LOCK.public)
    with refused("L1"):
        accept_receipt(sign(RECEIPT, payload, LOCK), LOCK.public)


def test_every_changed_bit_of_a_receipt_is_noticed() -> None:
    encoded = sign_receipt(RECEIVED, LOCK)
    for bit in range(8 * len(encoded)):
        altered = bytearray(encoded)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Theirs):
            accept_receipt(bytes(altered), LOCK.public)


# --- what they prove together ---------------------------------------------------------------


class Log:
    """A lock's log in memory, with the words that it signed on the way."""

    def __init__(self, entries: list[Entry]) -> None:
        self.leaves: list[bytes] = []
        self.receipts: list[Receipt] = []
        self._frontier = Frontier()
        for entry in entries:
            leaf = leaf_hash(entry.encode())
            self.leaves.append(leaf)
            self._frontier.append(leaf)
            self.receipts.append(Receipt(
                0, leaf, entry.index, self.size, self.root, bytes(16), b"command1", Result.DONE,
                entry.at, entry.time))

    @property
    def size(self) -> int:
        return self._frontier.size

    @property
    def root(self) -> bytes:
        return self._frontier.root()

    def node(self, level: int, index: int) -> bytes:
        if level == 0:
            return self.leaves[index]
        return node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))

    def shows(self, receipt: Receipt) -> None:
        """Prove to whoever kept `receipt` that it is in here, and that nothing before it moved."""
        verify_inclusion(
            receipt.entry, receipt.index, self.size, self.root,
            inclusion_proof(receipt.index, self.size, self.node))
        verify_consistency(
            receipt.size, self.size, receipt.root, self.root,
            consistency_proof(receipt.size, self.size, self.node))


def entry(index: int, **changes: Any) -> Entry:  # noqa: ANN401 — any field of an Entry
    return replace(replace(ENTRY, index=index, at=NOW + index), **changes)


ENTRIES = [entry(index) for index in range(23)]
HONEST = Log(ENTRIES)


@pytest.mark.parametrize("receipt", HONEST.receipts, ids=lambda receipt: str(receipt.index))
def test_an_honest_log_shows_every_receipt(receipt: Receipt) -> None:
    HONEST.shows(accept_receipt(sign_receipt(receipt, LOCK), LOCK.public))


@pytest.mark.parametrize("cut", range(1, 23))
def test_a_log_cut_short_fails_any_later_receipt(cut: int) -> None:
    """It has no such entry, or does not begin with what the receipt saw."""
    short = Log(ENTRIES[:-cut])
    for receipt in HONEST.receipts[:-cut]:
        short.shows(receipt)
    for receipt in HONEST.receipts[-cut:]:
        with pytest.raises(Theirs):
            verify_consistency(
                receipt.size, short.size, receipt.root, short.root, [])


@pytest.mark.parametrize("cut", [1, 2, 11, 22])
def test_a_log_cut_and_written_on_fails_the_receipts_of_what_was_cut(cut: int) -> None:
    """Even where the lock itself did it: its own older word speaks against it."""
    rewritten = Log(ENTRIES[:-cut] + [entry(n, salt=bytes(16)) for n in range(23 - cut, 40)])
    for receipt in HONEST.receipts[:-cut]:
        rewritten.shows(receipt)
    for receipt in HONEST.receipts[-cut:]:
        with pytest.raises(Theirs):
            rewritten.shows(receipt)


@pytest.mark.parametrize("index", [0, 1, 11, 21, 22])
def test_a_changed_entry_fails_every_receipt_from_there_on(index: int) -> None:
    edited = [*ENTRIES]
    edited[index] = entry(index, about={int(About.LEAF): TENANT.public.id})
    log = Log(edited)
    for receipt in HONEST.receipts[:index]:
        log.shows(receipt)
    for receipt in HONEST.receipts[index:]:
        with pytest.raises(Theirs):
            log.shows(receipt)


def test_two_heads_of_one_size_convict_the_lock() -> None:
    """Both hold under its key and cannot both be true; nothing else is needed as evidence."""
    other = Log([*ENTRIES[:-1], entry(22, salt=bytes(16))])
    heads = [
        accept_head(sign_head(Head(1, log.size, log.root, NOW), LOCK), LOCK.public)
        for log in (HONEST, other)]
    assert heads[0].size == heads[1].size
    assert heads[0].root != heads[1].root
    with pytest.raises(Theirs):
        verify_consistency(heads[0].size, heads[1].size, heads[0].root, heads[1].root, [])


def test_an_entry_that_nobody_logged_has_no_proof() -> None:
    """A hub that makes one up has neither its place in the tree nor the lock's signature."""
    made_up = leaf_hash(entry(11, about={int(About.LEAF): STRANGER.public.id}).encode())
    proof = inclusion_proof(11, HONEST.size, HONEST.node)
    with refused("M3"):
        verify_inclusion(made_up, 11, HONEST.size, HONEST.root, proof)
    with refused("M3"):
        verify_inclusion(HONEST.leaves[11], 12, HONEST.size, HONEST.root,
                         inclusion_proof(12, HONEST.size, HONEST.node))


def test_an_entry_keeps_names_as_they_are_and_leaves_showing_them_to_others() -> None:
    """Nothing is lost or made safe here: what is hashed must be what was written."""
    nasty = "Eve\n\x1b[2J\u202e=cmd()"
    written = replace(ENTRY, about={int(About.DETAIL): nasty})
    assert read_entry(written.encode()).about == {13: nasty}
