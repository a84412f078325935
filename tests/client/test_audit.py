"""The audit of an exported log: every check by its number, and the entry at fault by its index."""

from __future__ import annotations

import io

import pytest
from tests.core.cast import key

from mortice.client.audit import (
    ENTRY,
    FRAME,
    HEAD_FRAME,
    MAGIC,
    RECEIPT_FRAME,
    Audit,
    Auditor,
    audit,
    entry_frame,
    frame,
    frames,
)
from mortice.core.errors import Malformed
from mortice.core.log import Entry, Head, Kind, Receipt, Result, sign_head, sign_receipt
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.stages import TimeState

LOCK, OTHER = key("lock"), key("another lock")


class Log:
    """A log being written, with its tree."""

    def __init__(self, count: int = 0) -> None:
        self.bodies: list[bytes] = []
        self.tree = Frontier()
        for _ in range(count):
            self.add()

    def add(self, salt: int = 0) -> None:
        index = len(self.bodies)
        body = Entry(
            index, 1_795_500_000 + index, TimeState.SYNCED, index, Kind.STARTED, {},
            bytes([salt]) * 16).encode()
        self.bodies.append(body)
        self.tree.append(leaf_hash(body))

    def head(self, signer: object = LOCK) -> bytes:
        head = Head(0, self.tree.size, self.tree.root(), 0)
        return frame(HEAD_FRAME, sign_head(head, signer))  # type: ignore[arg-type]  # a key

    def receipt(self) -> bytes:
        receipt = Receipt(
            0, leaf_hash(self.bodies[-1]), len(self.bodies) - 1, self.tree.size, self.tree.root(),
            bytes(16), bytes(8), Result.DONE, 0, TimeState.SYNCED)
        return frame(RECEIPT_FRAME, sign_receipt(receipt, LOCK))

    def entries(self, first: int = 0, last: int | None = None) -> bytes:
        return b"".join(entry_frame(body, leaf_hash(body)) for body in self.bodies[first:last])


def found(*parts: bytes) -> Audit:
    return audit(MAGIC + b"".join(parts), LOCK.public)


def fault(*parts: bytes) -> tuple[str, int | None]:
    seen = found(*parts).fault
    assert seen is not None
    return seen.check, seen.index


def test_a_whole_log_has_no_fault() -> None:
    log = Log(5)
    seen = found(log.entries(), log.head())

    assert seen == Audit(5, 1, 0, 0, log.tree.root(), 1_795_500_000, 1_795_500_004, None)


def test_heads_along_the_way_and_at_the_end_all_hold() -> None:
    log, parts = Log(), []
    for _ in range(6):
        log.add()
        parts += [log.entries(len(log.bodies) - 1), log.head()]

    assert found(*parts).fault is None
    assert found(*parts).heads == 6


@pytest.mark.parametrize("body", [b"", b"m", MAGIC[:-1], b"mortice-log/2\n", b"\x00" * 40])
def test_what_is_no_export_is_l4(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        list(frames(io.BytesIO(body)))
    assert caught.value.check == "L4"


def test_a_file_that_stops_within_a_frame_is_l4_at_the_next_entry() -> None:
    log = Log(3)
    whole = MAGIC + log.entries() + log.head()
    for at in range(len(MAGIC) + 1, len(whole)):
        seen = audit(whole[:at], LOCK.public).fault
        assert seen is not None
        assert seen.check in ("L4", "L9")


def test_a_frame_longer_than_any_message_is_l4_and_is_not_read() -> None:
    assert fault(Log(2).entries(), FRAME.pack(ENTRY, 0xFFFF_FFFF)) == ("L4", 2)


def test_a_line_of_another_kind_is_l4() -> None:
    assert fault(frame(b"T"[0], b"hello")) == ("L4", None)


def test_a_changed_entry_is_l5_and_is_named() -> None:
    log = Log(5)
    parts = [entry_frame(body, leaf_hash(body)) for body in log.bodies]
    parts[3] = entry_frame(log.bodies[3][:-1] + b"\x01", leaf_hash(log.bodies[3]))

    assert fault(*parts, log.head()) == ("L5", 3)


def test_an_entry_taken_out_is_l6_where_it_is_missing() -> None:
    log = Log(5)

    assert fault(log.entries(0, 2), log.entries(3), log.head()) == ("L6", 2)


def test_two_entries_changed_about_are_l6() -> None:
    log = Log(4)

    assert fault(
        log.entries(0, 1), log.entries(2, 3), log.entries(1, 2), log.entries(3), log.head()
    ) == ("L6", 1)


def test_an_end_cut_off_is_l7_by_the_head() -> None:
    log = Log(5)

    assert fault(log.entries(0, 3), log.head()) == ("L7", 3)


def test_an_end_cut_off_is_l7_by_a_receipt_that_was_kept() -> None:
    long, short = Log(5), Log(3)

    assert fault(long.receipt(), short.entries(), short.head()) == ("L7", 3)
    assert fault(short.entries(), short.head(), long.receipt()) == ("L7", 3)


def test_an_entry_changed_with_its_hash_is_l8_by_the_head() -> None:
    log, forged = Log(4), Log(3)
    forged.add(salt=9)

    assert fault(log.entries(0, 3), forged.entries(3), log.head()) == ("L8", None)
    first = Log(3)
    assert fault(log.entries(0, 3), first.head(), forged.entries(3), log.head()) == ("L8", 3)


def test_a_head_that_stands_too_late_is_l8() -> None:
    early, late = Log(2), Log(4)

    assert fault(late.entries(), early.head())[0] == "L8"


def test_entries_that_no_head_covers_are_l9() -> None:
    log = Log(3)
    head = log.head()
    log.add()

    assert fault(log.entries(0, 3), head, log.entries(3)) == ("L9", 3)
    assert fault(log.entries()) == ("L9", 0)


def test_a_log_cut_and_written_on_is_l10_by_a_receipt_over_what_was_cut() -> None:
    """Every entry and head is genuine: the lock, or whoever has its keys, signed both."""
    honest, other = Log(4), Log(2)
    receipt = honest.receipt()
    for _ in range(5):
        other.add(salt=7)

    assert fault(receipt, other.entries(), other.head()) == ("L10", 3)


def test_a_receipt_that_agrees_is_no_fault_wherever_it_stands() -> None:
    early, log = Log(2), Log(5)

    assert found(early.receipt(), log.receipt(), log.entries(), log.head()).receipts == 2
    assert found(log.entries(), log.head(), log.receipt(), early.receipt()).fault is None


def test_another_locks_word_is_refused_by_its_number() -> None:
    log = Log(2)

    assert fault(log.entries(), log.head(OTHER)) == ("L2", 2)


def test_a_changed_signature_is_refused() -> None:
    log = Log(2)
    head = log.head()

    assert fault(log.entries(), head[:-1] + bytes([head[-1] ^ 1]))[0] == "K8"


def test_an_empty_log_is_whole() -> None:
    assert found() == Audit(0, 0, 0, 0, Frontier().root(), None, None, None)


def test_the_audit_reads_as_it_goes_and_keeps_nothing() -> None:
    """A generator that is never asked for more than the fault needs."""
    log = Log(3)
    asked: list[int] = []

    def parts() -> object:
        for number, body in enumerate([*log.bodies, b"rubbish", log.bodies[0]]):
            asked.append(number)
            yield ENTRY, leaf_hash(body) + body

    assert Auditor(LOCK.public).run(parts()).fault is not None  # type: ignore[arg-type]  # pairs
    assert asked == [0, 1, 2, 3]
