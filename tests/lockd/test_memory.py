"""A lock's memory: a clock that counts on with the machine, and an older disk put back."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.lockd.builders import Stand, guest, owner_key, tenant

from mortice.core.commands import Command
from mortice.core.log import Kind
from mortice.core.messages import Carried
from mortice.core.refusal import Reason
from mortice.core.stages import TimeState
from mortice.lockd.daemon import Lock

HOUR = 3600


def restart(stand: Stand) -> Lock:
    """The daemon alone starts again: the machine, and its monotonic count, have gone on."""
    stand.die()
    stand.lock = Lock(stand.folder, stand.door, stand.board)
    return stand.lock


async def test_a_daemon_that_starts_again_needs_no_board_clock(stand: Stand) -> None:
    stand.board.run_id = lambda: b"this run"  # type: ignore[method-assign]
    assert await stand.opens(owner_key(), command=Command.SET_TIME, args={1: stand.lock.now().at})
    before = stand.lock.now().at
    stand.board.wall = lambda: None  # type: ignore[method-assign,assignment,return-value]
    stand.board.loop.jump(HOUR)
    assert abs(restart(stand).now().at - (before + HOUR)) <= 1
    assert stand.lock.now().state is TimeState.SYNCED


async def test_after_a_power_cut_without_a_board_clock_the_lock_is_unsure(stand: Stand) -> None:
    runs = iter((b"one run", b"one run", b"another"))
    stand.board.run_id = lambda: next(runs, b"another")  # type: ignore[method-assign]
    assert await stand.opens(owner_key(), command=Command.SET_TIME, args={1: stand.lock.now().at})
    stand.board.wall = lambda: None  # type: ignore[method-assign,assignment,return-value]
    stand.board.run_id = lambda: b"another"  # type: ignore[method-assign]
    stand.power_cut()
    assert stand.lock.now().state is TimeState.UNSURE
    assert await stand.reason(guest(exp=stand.lock.now().at + HOUR)) is Reason.TIME_UNSURE


async def test_a_memory_put_back_twice_is_found_twice(stand: Stand, tmp_path: Path) -> None:
    older = stand.copy(tmp_path / "older")
    for found in (1, 2):
        newest = (await stand.visit(tenant())).receipt
        assert newest is not None
        stand.die()
        shutil.rmtree(stand.folder)
        shutil.copytree(older, stand.folder)
        stand.boot()
        await stand.visit(tenant(), Command.STATUS, carried={Carried.RECEIPT: newest})
        assert stand.lock.recorder.incarnation == found
        assert await stand.opens(owner_key(), command=Command.RESTORE)
        if found == 1:
            assert await stand.opens(guest(uses=1)), "counted keys are believed again"


async def test_a_receipt_of_an_earlier_memory_is_no_news(stand: Stand, tmp_path: Path) -> None:
    older = stand.copy(tmp_path / "older")
    for _ in range(5):
        newest = (await stand.visit(tenant())).receipt
    assert newest is not None
    stand.die()
    shutil.rmtree(stand.folder)
    shutil.copytree(older, stand.folder)
    stand.boot()
    for _ in range(3):
        await stand.visit(tenant(), Command.STATUS, carried={Carried.RECEIPT: newest})
    assert stand.count_of(Kind.INCARNATION) == 1


async def test_a_lock_keeps_its_memory_to_itself(stand: Stand) -> None:
    assert await stand.opens(tenant())
    files = [stand.folder / name for name in ("lock.db", "lock.db-wal", "keys")]
    assert [file.stat().st_mode & 0o077 for file in files] == [0, 0, 0]
