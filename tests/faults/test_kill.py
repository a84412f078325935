"""A real daemon on a real disk is killed where it stands, again and again, and loses nothing.

`kill -9` gives no moment to tidy up. What phones were told before it stands in the log after it; a
key for one use never opens twice; the daemon starts again on whatever it finds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.core.cast import FRONT, SITE, Chain, first, key
from tests.lockd.builders import audit_of, door_map, log_of, root_bytes, tenant

from mortice.client.line import AnswerLost, Unreachable
from mortice.client.visit import Errand, Holder, visit
from mortice.core.commands import Command
from mortice.core.grant import Rights
from mortice.core.link import LockAddress
from mortice.core.log import About, Kind, Result, accept_receipt
from mortice.core.merkle import leaf_hash
from mortice.drivers.simulated import SimulatedDoor
from mortice.lockd import identity, ownership
from mortice.lockd.daemon import Lock
from mortice.lockd.outside import Machine

KILLS, MANY_KILLS = 20, 500
ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0  # of patience with a busy machine
LATEST_SECONDS = 0.25  # after the phones have set out; a bolt's travel alone takes longer


@dataclass
class Told:
    """What phones were told by a daemon that may be dead by now."""

    receipts: list[bytes] = field(default_factory=list)
    opened: dict[str, int] = field(default_factory=dict)  # key for one use -> answers that it did


def new_lock(folder: Path) -> LockAddress:
    """A lock taken over by the site; its daemon is not running."""
    lock = Lock(folder, SimulatedDoor(), Machine())
    keys = lock.secrets.public
    owned = ownership.first_owner(root_bytes(), door_map(keys), FRONT, keys.id)
    identity.take_over(lock, owned, int(time.time()))
    lock.close()
    return LockAddress(SITE, FRONT, keys.link, keys.signing)


@asynccontextmanager
async def daemon(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, tuple[str, int]]]:
    """`python -m mortice.lockd` on `folder`, killed at the end at the latest."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mortice.lockd", "--data", str(folder), cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src")},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        assert line, (await process.stderr.read()).decode() if process.stderr else ""
        ready = json.loads(line)
        yield process, (ready["host"], ready["port"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def for_one_use(number: int) -> Chain:
    return first(key(f"once {number}"), use=Rights.UNLOCK, uses=1)


def holder(chain: Chain) -> Holder:
    return Holder(chain.holder, chain.wire, chain.leaf.id, chain.leaf.use)


async def phone(
    where: tuple[str, int], lock: LockAddress, chain: Chain, command: Command, told: Told,
) -> None:
    """One visit; whatever answer arrives is kept."""
    try:
        visited = await visit(where, lock, holder(chain), Errand(command))
    except (AnswerLost, Unreachable):
        return
    if visited.receipt is not None:
        told.receipts.append(visited.receipt)
    receipt = visited.answer.receipt
    if receipt is not None and receipt.result is Result.UNLOCKED and chain.leaf.uses == 1:
        name = chain.leaf.id.hex()
        told.opened[name] = told.opened.get(name, 0) + 1


async def one_life(folder: Path, lock: LockAddress, told: Told, number: int) -> None:
    """Start, let phones come, and kill at a moment that nobody chose."""
    chance = random.Random(number)
    async with daemon(folder) as (process, where):
        visits = [asyncio.ensure_future(phone(where, lock, chain, command, told)) for chain, command
                  in ((for_one_use(number // 3), Command.UNLOCK), (tenant(), Command.LOCK),
                      (for_one_use(number), Command.UNLOCK), (tenant(), Command.STATUS),
                      (first(key("no right"), use=Rights.LOCK), Command.UNLOCK))]
        enough = chance.choice([asyncio.ALL_COMPLETED, asyncio.FIRST_COMPLETED, None, None, None])
        if enough is not None:
            await asyncio.wait(visits, return_when=enough)
        await asyncio.sleep(chance.uniform(0, LATEST_SECONDS))
        process.kill()
        await asyncio.gather(*visits)


def hold(folder: Path, told: Told, lives: int) -> None:
    """What was promised stands in the log, and nothing of it opened twice."""
    lock = Lock(folder, SimulatedDoor(), Machine())
    try:
        audit = audit_of(lock, *told.receipts)
        assert audit.fault is None, audit.fault
        bodies = [entry.encode() for entry in log_of(lock)]
        for signed in told.receipts:
            receipt = accept_receipt(signed, lock.secrets.signing.public)
            assert leaf_hash(bodies[receipt.index]) == receipt.entry
        granted = Counter(
            entry.about[About.LEAF] for entry in log_of(lock) if entry.kind is Kind.GRANTED)
        once = {for_one_use(number).leaf.id for number in range(lives)}
        assert {leaf: n for leaf, n in granted.items() if leaf in once and n > 1} == {}
        assert {name: n for name, n in told.opened.items() if n > 1} == {}
    finally:
        lock.close()


async def killed(folder: Path, times: int) -> Told:
    lock, told = new_lock(folder), Told()
    for number in range(times):
        await one_life(folder, lock, told, number)
    return told


def live_and_die(folder: Path, times: int) -> None:
    told = asyncio.run(killed(folder, times))
    assert len(told.receipts) >= times // 4, "some phones were answered in time"
    assert told.opened, "and some of them had opened"
    hold(folder, told, times)


def test_a_daemon_killed_at_any_moment_keeps_every_promise(tmp_path: Path) -> None:
    live_and_die(tmp_path / "lock", KILLS)


@pytest.mark.slow
def test_a_daemon_killed_five_hundred_times_keeps_every_promise(tmp_path: Path) -> None:
    live_and_die(tmp_path / "lock", MANY_KILLS)


def test_a_daemon_that_is_told_to_stop_ends_in_good_order(tmp_path: Path) -> None:
    folder = tmp_path / "lock"
    lock = new_lock(folder)

    async def life() -> int | None:
        async with daemon(folder) as (process, where):
            told = Told()
            await phone(where, lock, tenant(), Command.STATUS, told)
            process.terminate()
            return await process.wait()

    assert asyncio.run(life()) == 0


@pytest.mark.parametrize(("spoil", "says"), [
    (lambda folder: (folder / "lock.db").write_bytes(b"not a database" * 100), "cannot be read"),
    (lambda folder: (folder / "keys").write_bytes(b"\x00"), "damaged"),
])
def test_a_damaged_disk_is_said_in_one_sentence(
    tmp_path: Path, spoil: object, says: str,
) -> None:
    folder = tmp_path / "lock"
    new_lock(folder)
    assert callable(spoil)
    spoil(folder)

    async def start() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mortice.lockd", "--data", str(folder), cwd=ROOT,
            env={"PYTHONPATH": str(ROOT / "src")}, stderr=asyncio.subprocess.PIPE)
        _, words = await process.communicate()
        return process.returncode, words.decode()

    code, words = asyncio.run(start())
    assert code == 1
    assert says in words
    assert "Traceback" not in words
    assert len(words.splitlines()) == 1
