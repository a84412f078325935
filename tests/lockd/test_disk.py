"""A disk that is full, read-only, torn or put back: who is served, and what is said of it."""

# ruff: noqa: ANN401 — fixtures and junk of any shape
from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.cast import first, key
from tests.lockd.bent import Board
from tests.lockd.builders import (
    DAY,
    HOUR,
    NOW,
    Door,
    Stand,
    audit_of,
    config_item,
    enrol_item,
    guest,
    log_of,
    owner_key,
    revoke_item,
    tenant,
)
from tests.lockd.cuts import Disk

from mortice.core.commands import Command
from mortice.core.door import Bolt, Leaf, Sight
from mortice.core.errors import Malformed
from mortice.core.grant import Rights
from mortice.core.limits import LOG_RESERVE
from mortice.core.log import About, Kind
from mortice.core.merkle import leaf_hash
from mortice.core.messages import Carried
from mortice.core.refusal import Coarse, Reason
from mortice.core.stages import Factors, TimeState
from mortice.lockd.daemon import Lock
from mortice.lockd.reserve import ROOM_BYTES, SPARE_BYTES

PIN = "48291357"


class Page:
    """Makes SQLite find the disk full, and gives it room again."""

    def __init__(self, stand: Stand, patch: pytest.MonkeyPatch) -> None:
        self._db = stand.lock.store._db
        patch.setattr(shutil, "disk_usage", lambda _: (0, 0, 0))
        self._patch = patch

    def fill(self, *, room: int = 0) -> None:
        """No more than `room` pages are left."""
        [used] = self._db.execute("PRAGMA page_count").fetchone()
        self._db.execute(f"PRAGMA max_page_count = {used + room}")

    def empty(self) -> None:
        self._db.execute("PRAGMA max_page_count = 1000000")

    def room_again(self) -> None:
        self.empty()
        usage = type("Usage", (), {"free": ROOM_BYTES})
        self._patch.setattr(shutil, "disk_usage", lambda _: usage)


@pytest.fixture
def page(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(stand, monkeypatch)


async def fill(stand: Stand, page: Page) -> None:
    """Until the disk has refused an entry once."""
    page.fill()
    for _ in range(200):
        if stand.lock.log_full:
            break
        stand.lock.note(Kind.LEAF_SEEN, {})
    assert stand.lock.log_full
    page.fill(room=40)  # the reserve


# --- full ---------------------------------------------------------------------------------------


async def test_a_full_disk_serves_residents_out_of_the_reserve_and_refuses_others(
    stand: Stand, page: Page,
) -> None:
    assert await stand.opens(guest())
    await fill(stand, page)
    assert await stand.opens(tenant())
    assert await stand.opens(owner_key())
    said = await stand.visit(guest())
    assert said.answer.coarse is Coarse.NOT_NOW
    assert stand.audit().fault is None


async def test_residents_are_served_in_the_very_moment_the_disk_fills(
    stand: Stand, page: Page,
) -> None:
    page.fill()
    real, spare = stand.lock.reserve.release, stand.folder / "spare"

    def release() -> None:
        real()
        page.fill(room=40)

    stand.lock.reserve.release = release  # type: ignore[method-assign]
    for _ in range(60):
        assert await stand.opens(tenant())
    assert stand.lock.log_full
    assert not spare.exists()


async def test_a_guest_whose_opening_finds_no_room_moves_nothing(stand: Stand, page: Page) -> None:
    page.fill()
    opened = 0
    for _ in range(60):
        if await stand.opens(guest(uses=1000)):
            opened += 1
    assert stand.lock.log_full
    assert stand.moves == opened == stand.count_of(Kind.GRANTED)
    assert opened < 60


async def test_a_residents_pin_works_on_a_full_disk(stand: Stand, page: Page) -> None:
    await stand.deliver(enrol_item(stand.lock, tenant(), PIN))
    stand.watched()
    await fill(stand, page)
    await stand.press(PIN + "#")
    assert stand.moves == 1


async def test_a_pin_of_a_resident_opens_when_the_disk_fills_under_it(
    stand: Stand, page: Page,
) -> None:
    await stand.deliver(enrol_item(stand.lock, tenant(), PIN))
    stand.watched()
    page.fill()
    real = stand.lock.reserve.release

    def release() -> None:
        real()
        page.fill(room=40)

    stand.lock.reserve.release = release  # type: ignore[method-assign]
    for number in range(1, 40):
        await stand.press(PIN + "#")
        assert stand.moves == number
    assert stand.lock.log_full


async def test_a_right_pin_that_a_full_disk_refuses_costs_no_try(
    stand: Stand, page: Page,
) -> None:
    visitor = guest(use=Rights.UNLOCK | Rights.ENROL, delegable=Rights.UNLOCK, depth=1)
    terms = {"nbf": visitor.leaf.nbf, "exp": visitor.leaf.exp}
    await stand.deliver(enrol_item(stand.lock, visitor, PIN, **terms))
    stand.watched()
    await fill(stand, page)
    for _ in range(3):
        await stand.press(PIN + "#")
    assert stand.moves == 0
    assert not stand.lock.store.tries("door").at


async def test_two_residents_open_a_two_person_door_as_the_disk_fills(
    stand: Stand, page: Page,
) -> None:
    a, b = (tenant(name, factors=Factors.PERSON) for name in "ab")
    await fill(stand, page)
    assert not await stand.opens(a)
    assert await stand.opens(b)


async def test_refusals_on_a_full_disk_are_counted_and_take_nothing_from_the_reserve(
    stand: Stand, page: Page,
) -> None:
    await fill(stand, page)
    size, left_off = stand.lock.store.size, stand.lock.reserve.left_off
    for _ in range(20):
        said = await stand.visit(guest())
        assert said.answer.receipt is None
    stand.door.open_leaf()
    assert stand.lock.store.size == size
    assert stand.lock.reserve.left_off == left_off + 20


async def test_news_settings_and_time_are_taken_on_a_full_disk(stand: Stand, page: Page) -> None:
    await fill(stand, page)
    fates = await stand.deliver(
        revoke_item(guest().leaf.id), config_item(), by=owner_key())
    assert [fate.result for fate in fates] == [0, 0]
    assert await stand.opens(owner_key(), command=Command.SET_TIME, args={1: NOW + HOUR})
    assert stand.lock.now().at == NOW + HOUR


async def test_what_finds_no_room_at_all_is_refused_and_nothing_is_half_done(
    stand: Stand, page: Page,
) -> None:
    await fill(stand, page)
    page.fill()
    for _ in range(100):
        before, at = stand.lock.owned, stand.lock.now().at
        said = await stand.visit(
            owner_key(), Command.SET_TIME, args={1: at + HOUR},
            bundle=[config_item(stand.lock.owner().config.version + 1)])
        if said.answer.coarse is not None and said.fates[0].result > 0:
            break
    assert said.fates[0].reason is Reason.STORAGE_FULL
    assert said.answer.coarse is Coarse.NOT_NOW
    assert stand.lock.owned == before
    assert stand.lock.now().at - at < 2
    moves = stand.moves
    assert not await stand.opens(tenant())
    assert stand.moves == moves
    page.empty()
    assert await stand.opens(tenant())


async def test_the_tick_and_the_keypad_outlive_a_full_disk(stand: Stand, page: Page) -> None:
    await stand.deliver(
        config_item(relock_after=5), enrol_item(stand.lock, tenant(), PIN))
    stand.watched()
    await fill(stand, page)
    page.fill()
    for _ in range(100):
        stand.lock.note(Kind.ALARM, {About.DETAIL: "filling"})
    stand.board.loop.jump(2 * HOUR)
    await asyncio.sleep(5)
    await stand.press("999999#")
    page.empty()
    await stand.press(PIN + "#")
    assert stand.door.sight().bolt is Bolt.DRAWN
    await asyncio.sleep(10)
    assert stand.door.sight().bolt is Bolt.THROWN


async def test_when_room_returns_it_is_said_how_much_was_left_off(
    stand: Stand, page: Page,
) -> None:
    stand.watched()
    await fill(stand, page)
    for _ in range(7):
        await stand.visit(guest())
    missing = stand.lock.reserve.left_off
    assert missing >= 7
    page.room_again()
    await asyncio.sleep(1.1)
    assert stand.last(Kind.LEFT_OFF).about[About.COUNT] == missing
    assert (stand.folder / "spare").stat().st_size == SPARE_BYTES
    assert await stand.opens(guest())
    assert stand.lock.reserve.left_off == 0


async def test_the_count_of_what_was_left_off_outlives_a_power_cut(
    stand: Stand, page: Page, monkeypatch: pytest.MonkeyPatch,
) -> None:
    await fill(stand, page)
    for _ in range(7):
        await stand.visit(guest())
    missing = stand.lock.reserve.left_off
    stand.power_cut()
    assert stand.lock.reserve.left_off >= missing


async def test_the_reserve_is_set_aside_once_and_whole(stand: Stand) -> None:
    spare = stand.folder / "spare"
    assert spare.stat().st_size == SPARE_BYTES
    spare.write_bytes(b"torn")
    stand.power_cut()
    assert spare.stat().st_size == SPARE_BYTES


async def test_a_factory_reset_works_on_a_full_disk(stand: Stand, page: Page) -> None:
    stand.watched()
    await fill(stand, page)
    page.fill()
    await stand.door.hold_inside_button(11)
    await asyncio.sleep(0.01)
    assert stand.lock.owned is None
    assert stand.log()[0].kind is Kind.RESET


async def test_a_door_without_room_for_the_reason_does_not_lock_itself(
    stand: Stand, page: Page,
) -> None:
    watch = stand.watched()
    await stand.opens(tenant())
    await fill(stand, page)
    stand.lock.store._db.execute("PRAGMA query_only = ON")
    moves = stand.moves
    await watch.relock("closed")
    assert stand.moves == moves
    stand.lock.store._db.execute("PRAGMA query_only = OFF")


# --- full, for real -----------------------------------------------------------------------------

MNT_DETACH = 2  # umount2(2): out of sight now, gone when nothing has a file of it open


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB, where this machine lets a test mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)],
        check=False, capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("needs leave to mount a file system in memory")
    yield place
    # By the call itself: the command looks into /proc, which a bare machine need not have.
    assert ctypes.CDLL(None).umount2(str(place).encode(), MNT_DETACH) == 0


def fill_up(file: Path) -> None:
    """Take all the room that there is."""
    with file.open("wb", buffering=0) as junk, contextlib.suppress(OSError):
        while junk.write(bytes(4096)):
            pass


async def test_a_really_full_disk_has_room_for_a_thousand_entries_of_residents(
    small_disk: Path,
) -> None:
    stand = Stand.new(small_disk / "lock").commission()
    stand.watched()
    fill_up(small_disk / "junk")

    async def drive(_: Any) -> Sight:
        return Sight(Bolt.DRAWN, Leaf.CLOSED)

    stand.door.drive = drive  # type: ignore[method-assign]
    begun = stand.lock.store.size
    while not stand.lock.log_full:
        assert await stand.opens(guest(uses=1000)) or stand.lock.log_full
    served = stand.lock.store.size
    while stand.lock.store.size - served < LOG_RESERVE:
        assert await stand.opens(tenant()), f"after {stand.lock.store.size - served} entries"
        await asyncio.sleep(1)
    assert served >= begun
    assert not await stand.opens(guest())
    assert stand.audit().fault is None
    (small_disk / "junk").unlink()
    await asyncio.sleep(2)
    assert stand.count_of(Kind.LEFT_OFF) == 1
    assert await stand.opens(guest())
    stand.die()


# --- read-only ----------------------------------------------------------------------------------


async def test_a_disk_that_became_read_only_moves_no_bolt_and_no_clock(stand: Stand) -> None:
    stand.watched()
    db = stand.lock.store._db
    db.execute("PRAGMA query_only = ON")
    assert not await stand.opens(tenant())
    assert not await stand.opens(owner_key(), command=Command.SET_TIME, args={1: NOW + HOUR})
    await stand.press(PIN + "#")
    stand.door.turn_inside()
    assert stand.door.sight().bolt is Bolt.DRAWN
    await asyncio.sleep(3)
    assert stand.moves == 0
    assert stand.lock.now().at < NOW + 60
    db.execute("PRAGMA query_only = OFF")
    assert await stand.opens(tenant())
    assert stand.audit().fault is None


async def test_an_input_output_error_is_a_refusal(stand: Stand) -> None:

    def broken() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    real = stand.lock.store._db
    stand.lock.store._db = Disk(real, broken)  # type: ignore[assignment]
    assert not await stand.opens(tenant())
    stand.lock.store._db = real
    assert await stand.opens(tenant())
    assert stand.audit().fault is None


# --- torn ---------------------------------------------------------------------------------------


def revived(stand: Stand, folder: Path) -> Lock:
    """Another board starts from a copy of the disk; the first one runs on."""
    return Lock(folder, Door(), Board(stand.board.wall(), str(folder)))


@pytest.mark.parametrize("cut", [1, 100, 4096, 10_000])
async def test_a_torn_end_of_the_write_ahead_file_costs_whole_entries_only(
    stand: Stand, tmp_path: Path, cut: int,
) -> None:
    for _ in range(10):
        await stand.opens(tenant())
    size = stand.lock.store.size
    torn = stand.copy(tmp_path / "torn")
    wal = torn / "lock.db-wal"
    wal.write_bytes(wal.read_bytes()[:-cut])
    lock = revived(stand, torn)
    assert 0 < lock.store.size <= size + 1
    assert audit_of(lock).fault is None
    assert lock.owned is not None
    lock.store.close()


async def test_a_write_that_never_reached_the_disk_takes_nothing_else_with_it(
    stand: Stand, tmp_path: Path,
) -> None:
    """A page of the newest transaction holds garbage: the one before it stands."""
    await stand.opens(tenant())
    before = [entry.encode() for entry in stand.log()]
    whole = (stand.folder / "lock.db-wal").stat().st_size
    stand.lock.note(Kind.INSIDE, {})
    torn = stand.copy(tmp_path / "torn")
    wal = torn / "lock.db-wal"
    body = bytearray(wal.read_bytes())
    for at in range(whole, len(body)):
        body[at] ^= 0x5A
    wal.write_bytes(bytes(body))
    lock = revived(stand, torn)
    assert [entry.encode() for entry in log_of(lock)][:len(before)] == before
    lock.store.close()


async def test_every_acknowledged_entry_is_there_after_a_cut_at_any_moment(
    stand: Stand, tmp_path: Path,
) -> None:
    acknowledged: list[bytes] = []
    for number in range(8):
        said = await stand.visit(tenant())
        assert said.answer.receipt is not None
        acknowledged.append(said.answer.receipt.entry)
        lock = revived(stand, stand.copy(tmp_path / f"cut-{number}"))
        kept = {leaf_hash(entry.encode()) for entry in log_of(lock)}
        assert set(acknowledged) <= kept
        assert audit_of(lock).fault is None
        lock.store.close()


async def test_folding_the_write_ahead_file_loses_nothing(stand: Stand) -> None:
    for _ in range(5):
        await stand.opens(tenant())
        stand.lock.store.tidy(after=0)
    before = [entry.encode() for entry in stand.log()]
    stand.power_cut()
    assert [entry.encode() for entry in stand.log()][:len(before)] == before
    assert stand.audit().fault is None


async def test_a_key_file_that_is_torn_is_said_to_be_damaged(stand: Stand) -> None:
    stand.die()
    keys = stand.folder / "keys"
    keys.write_bytes(keys.read_bytes()[:-5])
    with pytest.raises(Malformed):
        Lock(stand.folder, stand.door, stand.board)
    (stand.folder / "keys").unlink()
    shutil.rmtree(stand.folder)
    stand.boot()


# --- put back -----------------------------------------------------------------------------------


async def put_back(stand: Stand, tmp_path: Path) -> bytes:
    """An older copy of the disk takes the place of the newer; returns a receipt of the newer."""
    await stand.deliver(enrol_item(stand.lock, tenant(), PIN))
    older = stand.copy(tmp_path / "older")
    assert await stand.opens(guest(uses=1))
    said = await stand.visit(tenant())
    stand.die()
    shutil.rmtree(stand.folder)
    shutil.copytree(older, stand.folder)
    stand.boot()
    assert said.receipt is not None
    return said.receipt


async def test_an_older_disk_that_was_put_back_is_found_by_a_visitors_receipt(
    stand: Stand, tmp_path: Path,
) -> None:
    receipt = await put_back(stand, tmp_path)
    size, root = stand.lock.store.size, stand.lock.store.root()
    await stand.visit(tenant(), Command.STATUS, carried={Carried.RECEIPT: receipt})
    begun = stand.last(Kind.INCARNATION)
    heads = begun.about[About.HEADS]
    assert isinstance(heads, list)
    assert heads[1] == [size, root]
    assert heads[0][0] > size  # type: ignore[index,operator]
    assert stand.last(Kind.ALARM).about[About.DETAIL] == \
        "this lock's memory was put back to an older state"
    assert stand.lock.recorder.incarnation == 1


async def test_then_pins_and_counted_keys_rest_and_others_are_served(
    stand: Stand, tmp_path: Path,
) -> None:
    receipt = await put_back(stand, tmp_path)
    await stand.visit(tenant(), Command.STATUS, carried={Carried.RECEIPT: receipt})
    moves = stand.moves
    assert await stand.reason(guest(uses=1)) is Reason.LOG_ROLLED_BACK
    stand.watched()
    await stand.press(PIN + "#")
    assert stand.moves == moves
    assert await stand.opens(tenant())


async def test_the_rest_outlives_power_cuts_and_ends_with_a_restore(
    stand: Stand, tmp_path: Path,
) -> None:
    receipt = await put_back(stand, tmp_path)
    await stand.visit(tenant(), Command.STATUS, carried={Carried.RECEIPT: receipt})
    stand.power_cut()
    assert await stand.reason(guest(uses=1)) is Reason.LOG_ROLLED_BACK
    assert await stand.opens(owner_key(), command=Command.RESTORE)
    stand.power_cut()
    stand.watched()
    await stand.press(PIN + "#")
    assert stand.last(Kind.GRANTED).about[About.SLOT] == 3


async def test_one_alarm_is_raised_for_one_memory_that_was_put_back(
    stand: Stand, tmp_path: Path,
) -> None:
    receipt = await put_back(stand, tmp_path)
    for _ in range(3):
        await stand.visit(tenant(), Command.STATUS, carried={Carried.RECEIPT: receipt})
        await stand.visit(owner_key(), Command.RESTORE)
    assert stand.count_of(Kind.INCARNATION) == 1


async def test_the_receipt_counts_before_the_key_that_came_with_it(
    stand: Stand, tmp_path: Path,
) -> None:
    """Whoever presents a spent key with a receipt of its spending does not open once more."""
    receipt = await put_back(stand, tmp_path)
    moves = stand.moves
    said = await stand.visit(guest(uses=1), carried={Carried.RECEIPT: receipt})
    assert said.answer.coarse is not None
    assert stand.moves == moves


@pytest.mark.parametrize("receipt", [b"", b"junk", 7, None, [b"x"]])
async def test_a_receipt_that_is_none_says_nothing(stand: Stand, receipt: Any) -> None:
    assert await stand.opens(tenant(), carried={Carried.RECEIPT: receipt})
    assert stand.count_of(Kind.INCARNATION) == 0


async def test_another_locks_receipt_says_nothing(stand: Stand, stands: Any) -> None:
    other = stands("other").commission()
    for _ in range(9):
        said = await other.visit(tenant())
    assert await stand.opens(tenant(), carried={Carried.RECEIPT: said.receipt})
    assert stand.count_of(Kind.INCARNATION) == 0


async def test_ones_own_newest_receipt_says_nothing(stand: Stand) -> None:
    said = await stand.visit(tenant())
    assert await stand.opens(tenant(), carried={Carried.RECEIPT: said.receipt})
    assert not stand.lock.rolled_back


async def test_two_daemons_never_share_one_disk(stand: Stand) -> None:
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Lock(stand.folder, Door(), stand.board)
    assert await stand.opens(tenant())


async def test_counts_and_quotas_leave_when_their_links_have_ended(stand: Stand) -> None:
    ended = guest(uses=3, exp=NOW + HOUR)
    assert await stand.opens(ended)
    stand.watched()
    stand.board.loop.jump(2 * HOUR)
    await stand.opens(tenant())
    await asyncio.sleep(2)
    assert stand.lock.store._db.execute("SELECT count(*) FROM uses").fetchone() == (0,)
    assert not await stand.opens(ended)


async def test_nothing_is_kept_for_a_key_that_was_only_shown(stand: Stand) -> None:
    tables = ("uses", "leaf_day", "claim", "revoked", "news", "slot", "tries")
    for number in range(50):
        await stand.opens(first(key(f"k{number}"), use=Rights.UNLOCK, exp=NOW + DAY))
    for table in tables:
        assert stand.lock.store._db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert stand.lock.now().state is TimeState.SYNCED
