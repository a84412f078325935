"""What a lock sends carries its log on, or contradicts what is kept: nothing in between."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from diaries import Diary, Pair
from hypothesis import given, settings
from hypothesis import strategies as st

from mortice.core import cbor
from mortice.core.errors import Malformed, Theirs, Untrusted
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.log import Kind, read_entry
from mortice.core.merkle import leaf_hash
from mortice.hub.ingest import SORTS, Contradiction, Kept, Reading, Sort, Taken, _parts

LOCK = SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))
OTHER = SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))


class Record:
    """A kept log in memory."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.kept = Kept(LOCK.public, Diary(LOCK).tree)

    def take(self, first: int, pairs: Sequence[Pair], head: bytes | None = None) -> Taken:
        taken = Reading(self.kept, self.hashes, self.root_at).take(first, pairs, head)
        self.bodies += [row[7] for row in taken.rows]
        covered = max([head.size for head, _ in taken.heads], default=self.kept.covered)
        self.kept = replace(self.kept, tree=taken.tree, incarnation=taken.incarnation,
                            covered=covered, risen=taken.risen)
        return taken

    def hashes(self, start: int, end: int) -> list[bytes]:
        return [leaf_hash(body) for body in self.bodies[start:end]]

    def root_at(self, size: int) -> bytes:
        tree = Diary(LOCK).tree
        for body in self.bodies[:size]:
            tree.append(leaf_hash(body))
        return tree.root()


@pytest.fixture
def diary() -> Diary:
    return Diary(LOCK).fill(40)


def taken_in(diary: Diary, *cuts: int) -> Record:
    record = Record()
    for start, end in zip((0, *cuts), (*cuts, len(diary.pairs)), strict=True):
        record.take(start, diary.pairs[start:end], diary.head(end))
    return record


def test_a_log_in_one_or_many_batches_is_the_same_log(diary: Diary) -> None:
    for record in (taken_in(diary), taken_in(diary, 1, 2, 39), taken_in(diary, 20)):
        assert record.kept.tree.root() == diary.tree.root()
        assert record.kept.covered == 40
        assert record.bodies == [body for body, _ in diary.pairs]


def test_every_kind_of_entry_has_its_sort(diary: Diary) -> None:
    assert SORTS.keys() == set(Kind)
    taken = Record().take(0, diary.pairs, None)
    assert {row[5] for row in taken.rows} == {Sort.OPENINGS}
    looked = Diary(LOCK)
    looked.write(Kind.GRANTED, {1: bytes(16), 2: 5})
    looked.write(Kind.MOVED, {6: "jammed"})
    assert [row[5] for row in Record().take(0, looked.pairs, None).rows] == [
        Sort.DEVICES, Sort.SAFETY]


def test_entries_above_the_newest_head_are_not_certain(diary: Diary) -> None:
    record = Record()
    record.take(0, [(body, None) for body, _ in diary.pairs], diary.head(31))
    assert (record.kept.tree.size, record.kept.covered) == (40, 31)
    record.take(40, [], diary.head())
    assert record.kept.covered == 40


def test_a_head_over_more_than_was_sent_says_nothing_yet(diary: Diary) -> None:
    record = Record()
    record.take(0, [(body, None) for body, _ in diary.pairs[:10]], diary.head())
    assert record.kept.covered == 0


def test_what_is_here_already_does_no_harm(diary: Diary) -> None:
    record = taken_in(diary)
    assert record.take(0, diary.pairs, diary.head()).rows == []
    assert record.take(35, diary.pairs[35:], diary.head(36)).heads == []
    diary.fill(4)
    assert len(record.take(30, diary.pairs[30:], diary.head()).rows) == 4
    assert record.kept.tree.root() == diary.tree.root()


def test_a_hole_is_no_log(diary: Diary) -> None:
    record = taken_in(diary.cut(10))
    with pytest.raises(Untrusted, match="10 to 11 were left out"):
        record.take(12, diary.pairs[12:], diary.head())


def test_an_entry_at_another_place_is_refused(diary: Diary) -> None:
    with pytest.raises(Untrusted, match="entry 5 stands where 4 is due"):
        Record().take(0, diary.pairs[:4] + diary.pairs[5:], None)


@pytest.mark.parametrize("body", [b"", b"\xff", b"x" * 20_000, Diary(LOCK).head()])
def test_an_entry_that_cannot_be_read_is_refused(diary: Diary, body: bytes) -> None:
    with pytest.raises(Malformed):
        taken_in(diary).take(40, [(body, None)], None)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(
    st.integers(-2, 300), st.integers(2**63 - 2, 2**64 - 1), st.booleans(), st.binary(max_size=17),
    st.text(max_size=3), st.just({}), st.just({6: "open"}), st.just(bytes(16)), st.none()),
    min_size=6, max_size=8))
def test_the_quick_reading_agrees_with_the_cores(parts: list[cbor.Value]) -> None:
    body = cbor.encode(parts)
    assert what(_parts, body) == what(lambda body: (
        (entry := read_entry(body)).index, entry.at, entry.kind, entry.about), body)


def what(read: Callable[[bytes], object], body: bytes) -> object:
    try:
        return read(body)
    except Malformed as error:
        return error.check


def test_another_locks_head_is_refused(diary: Diary) -> None:
    diary.signer = OTHER
    with pytest.raises(Untrusted, match="another lock") as raised:
        Record().take(0, [(diary.pairs[0][0], None)], diary.head(1))
    assert not isinstance(raised.value, Contradiction)


# --- lies (L1 to L5) ------------------------------------------------------------------------------


def test_an_entry_that_was_changed_later_is_a_contradiction(diary: Diary) -> None:
    record = taken_in(diary)
    changed = Diary(LOCK).fill(40)
    with pytest.raises(Contradiction, match="entry 7 is not the one") as raised:
        record.take(7, changed.pairs[7:9], None)
    assert raised.value.number == 7
    assert raised.value.entry == changed.pairs[7][0]


def test_a_log_that_was_cut_and_written_on_is_a_contradiction(diary: Diary) -> None:
    record = taken_in(diary)
    other = diary.cut(30).fill(20)
    with pytest.raises(Contradiction):
        record.take(40, other.pairs[40:], other.head())
    assert record.kept.tree.root() == diary.tree.root()


def test_a_lock_that_has_less_than_it_sent_is_a_contradiction(diary: Diary) -> None:
    record = taken_in(diary)
    with pytest.raises(Contradiction, match="39 entries left of the 40"):
        record.take(40, [], diary.head(39))


def test_two_heads_of_one_size_are_a_contradiction(diary: Diary) -> None:
    record = taken_in(diary)
    with pytest.raises(Contradiction, match="40 entries which are not those"):
        record.take(40, [], Diary(LOCK).fill(40).head())
    with pytest.raises(Contradiction):
        record.take(40, [], Diary(LOCK).fill(17).head())


@pytest.mark.parametrize("where", ["kept", "batch"])
def test_a_head_with_a_wrong_root_is_a_contradiction(diary: Diary, where: str) -> None:
    wrong = diary.head(root=bytes(32))
    pairs = [*diary.pairs[:39], (diary.pairs[39][0], wrong if where == "kept" else None)]
    with pytest.raises(Contradiction) as raised:
        Record().take(0, pairs, wrong if where == "batch" else None)
    assert raised.value.head == wrong


def test_a_memory_that_was_put_back_must_say_so(diary: Diary) -> None:
    record = taken_in(diary)
    diary.fill(2)
    with pytest.raises(Contradiction, match="memory 1 after it was memory 0"):
        record.take(40, diary.pairs[40:], diary.head(incarnation=1))
    diary.incarnation = 3
    diary.write(Kind.INCARNATION, {19: [[50, bytes(32)], [42, bytes(32)]]})
    diary.write(seal=True)
    record.take(40, [(body, None) for body, _ in diary.pairs[40:]], None)  # its head comes later
    record.take(44, [], diary.head())
    assert record.kept.incarnation == 3
    diary.write()
    with pytest.raises(Contradiction, match="memory 2 after it was memory 3"):
        record.take(44, diary.pairs[44:], diary.head(incarnation=2))


# --- any order ------------------------------------------------------------------------------------

WHOLE = Diary(LOCK).fill(24)
FORGED = WHOLE.cut(11).fill(13)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(
    st.booleans(), st.integers(0, 24), st.integers(0, 24), st.integers(0, 24), st.booleans()),
    max_size=12))
def test_any_batches_in_any_order_make_one_log_or_a_fault(
    batches: list[tuple[bool, int, int, int, bool]],
) -> None:
    """Cut, doubled, reordered, and from a second history: what is certain begins one of the two."""
    record = Record()
    for forged, start, end, size, sealed in batches:
        diary = FORGED if forged else WHOLE
        before = record.kept
        try:
            record.take(start, diary.pairs[start:end], diary.head(size) if sealed else None)
        except Theirs:
            assert record.kept is before
        covered = record.kept.covered
        assert len(record.bodies) == record.kept.tree.size >= covered
        assert record.root_at(covered) in {one.tree_of(covered).root() for one in (WHOLE, FORGED)}
