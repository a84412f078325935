"""The daemon as a program: one line when it is ready, one sentence when it cannot start."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.core.cast import FRONT
from tests.lockd.builders import NOW, door_map, root_bytes

from mortice.client.takeover import NotOpen, hello, take_over
from mortice.core.commissioning import Takeover, fingerprint, read_code
from mortice.lockd.__main__ import hardware_named

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mortice.lockd", *arguments, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src")},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[dict[str, Any]]:
    """A daemon until the block ends; what it said when it was ready."""
    process = await start("--data", str(folder))
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield json.loads(await process.stdout.readline())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def words(*arguments: str) -> tuple[int | None, str]:
    process = await start(*arguments)
    _, said = await process.communicate()
    return process.returncode, said.decode()


def test_a_new_lock_says_where_it_is_and_what_its_code_is(tmp_path: Path) -> None:
    async def life() -> None:
        async with running(tmp_path / "lock") as ready:
            assert ready.keys() == {"host", "port", "lock", "owned", "code"}
            assert ready["owned"] is False
            code, where = read_code(ready["code"]), (ready["host"], ready["port"])
            keys = await hello(where, code)
            assert fingerprint(keys) == code.fingerprint
            assert keys.id.hex() == ready["lock"]
            takeover = Takeover(FRONT, root_bytes(), door_map(keys), NOW)
            with pytest.raises(NotOpen):
                await take_over(where, keys, code, takeover)

    asyncio.run(life())


def test_a_lock_is_the_same_lock_after_a_restart(tmp_path: Path) -> None:
    async def life() -> str:
        async with running(tmp_path / "lock") as ready:
            return str(ready["code"])

    assert asyncio.run(life()) == asyncio.run(life())


def test_a_second_daemon_on_one_folder_is_told_so(tmp_path: Path) -> None:
    async def life() -> tuple[int | None, str]:
        async with running(tmp_path / "lock"):
            return await words("--data", str(tmp_path / "lock"))

    code, said = asyncio.run(life())
    assert code == 1
    assert "another daemon already runs on this folder" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, said = asyncio.run(words("--data", str(tmp_path / "lock"), "--port", port))
    assert code == 1
    assert "the lock cannot start" in said
    assert "Traceback" not in said


def test_a_driver_that_does_not_exist_is_said_with_what_does() -> None:
    with pytest.raises(SystemExit, match="use --driver simulated"):
        hardware_named("magic")
    assert hardware_named("simulated").simulated
