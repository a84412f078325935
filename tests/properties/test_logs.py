"""Whatever is done to an exported log is found: at every byte of one, and at random in others."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cast import LOCK, NOW
from tests.properties.choices import MANY, PARTS, QUICK, Choices, strings

from mortice.client.audit import (
    HEAD_FRAME,
    MAGIC,
    RECEIPT_FRAME,
    Audit,
    audit,
    entry_frame,
    frame,
)
from mortice.core.log import Entry, Head, Kind, Receipt, Result, sign_head, sign_receipt
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.stages import TimeState

LEAF, COMMAND_ID = b"a leaf's 16 byte", b"command!"


def entry(index: int, chance: random.Random) -> bytes:
    about = {1: LEAF, 2: chance.randrange(3), 13: "x" * chance.randrange(20)}
    return Entry(
        index, NOW + index, TimeState.SYNCED, index, chance.choice([Kind.GRANTED, Kind.MOVED]),
        about, chance.randbytes(16)).encode()


def frames_of(entries: int, heads: set[int], receipts: set[int], seed: int) -> Iterator[bytes]:
    """The lines of a log's export, with a signed head or a receipt after some of its entries."""
    chance, tree = random.Random(seed), Frontier()
    yield MAGIC
    for index in range(entries):
        body = entry(index, chance)
        tree.append(leaf_hash(body))
        yield entry_frame(body, leaf_hash(body))
        size, root = index + 1, tree.root()
        if index in receipts:
            yield frame(RECEIPT_FRAME, sign_receipt(receipt(leaf_hash(body), index, size, root),
                                                    LOCK))
        if index in heads or size == entries:
            yield frame(HEAD_FRAME, sign_head(Head(0, size, root, NOW + size), LOCK))


def receipt(hashed: bytes, index: int, size: int, root: bytes) -> Receipt:
    parts = {
        "entry": hashed, "index": index, "size": size, "root": root, "leaf": LEAF,
        "command_id": COMMAND_ID, "result": Result.UNLOCKED, "at": NOW, "time": TimeState.SYNCED}
    named = Receipt.__dataclass_fields__
    return Receipt(**parts, **{name: 0 for name in named if name not in parts})


def audited(export: bytes) -> Audit:
    return audit(export, LOCK.public)


SMALL = [*frames_of(6, {2}, {1}, 1)]
WHOLE = b"".join(SMALL)


def owners() -> list[int | None]:
    """For each byte of the small export, the entry whose line it stands in, if it is one."""
    found: list[int | None] = []
    entries = 0
    for line in SMALL:
        is_entry = line[:1] == b"E"
        found += [entries if is_entry else None] * len(line)
        entries += is_entry
    return found


def test_the_small_log_is_good() -> None:
    assert audited(WHOLE).fault is None


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_a_change_to_any_byte_of_an_export_is_found_at_its_entry(mask: int) -> None:
    """Every byte of every line, with its length and its letter."""
    for at, owner in enumerate(owners()):
        changed = bytearray(WHOLE)
        changed[at] ^= mask
        fault = audited(bytes(changed)).fault
        assert fault is not None, f"byte {at} was changed and nobody noticed"
        line_head = at < len(MAGIC) or _offset_in_line(at) < LINE_HEAD
        if owner is not None and not line_head:
            assert fault.index == owner


LINE_HEAD = 5  # bytes: a letter and a length


def _offset_in_line(at: int) -> int:
    for line in SMALL:
        if at < len(line):
            return at
        at -= len(line)
    raise AssertionError


@pytest.mark.parametrize("at", range(1, len(SMALL)))
def test_a_line_that_is_missing_is_found_if_it_is_an_entry_or_the_last_head(at: int) -> None:
    """Nobody misses a receipt or an older head that is not shown."""
    fault = audited(b"".join(SMALL[:at] + SMALL[at + 1:])).fault
    needed = SMALL[at][:1] == b"E" or at == len(SMALL) - 1
    assert (fault is not None) == needed


@pytest.mark.parametrize("end", range(1, len(SMALL)))
def test_an_end_that_was_cut_off_is_found_by_whoever_kept_a_receipt(end: int) -> None:
    kept = frame(RECEIPT_FRAME, sign_receipt(
        receipt(bytes(32), 5, 6, audited(WHOLE).root), LOCK))
    fault = audited(b"".join([SMALL[0], kept, *SMALL[1:end]])).fault
    assert fault is not None
    assert fault.check in ("L7", "L9")


def check_changed(drawn: bytes, entries: int, seed: int) -> None:
    choices = Choices(drawn)
    heads, receipts = ({*choices.some(range(entries))} for _ in range(2))
    export = b"".join(frames_of(entries, heads, receipts, seed))
    assert audited(export).fault is None
    at = int.from_bytes(drawn[-4:-1], "big") % len(export)
    ways = [
        export[:at] + bytes([export[at] ^ (drawn[-1] or 1)]) + export[at + 1:],
        export[:at] + drawn[-1:] + export[at:], export[:at] + export[at + 1:]]
    changed = choices.one(ways)
    assert changed == export or audited(changed).fault is not None


@QUICK
@given(strings(16), st.integers(1, 12), st.integers(0, 1 << 32))
def test_a_random_byte_changed_put_in_or_taken_out_is_found(
    drawn: bytes, entries: int, seed: int) -> None:
    check_changed(drawn, entries, seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@MANY
@given(strings(16), st.integers(1, 12), st.integers(0, 1 << 32))
def test_twenty_thousand_changes_are_found(
    part: int, drawn: bytes, entries: int, seed: int) -> None:
    check_changed(drawn, entries, seed)


@QUICK
@given(st.integers(1, 10), st.integers(0, 1 << 32), st.randoms(use_true_random=False))
def test_lines_in_any_other_order_are_found(entries: int, seed: int, chance: random.Random) -> None:
    lines = [*frames_of(entries, set(), set(), seed)]
    shuffled = lines[1:]
    chance.shuffle(shuffled)
    assert shuffled == lines[1:] or audited(b"".join([lines[0], *shuffled])).fault is not None
