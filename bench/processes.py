"""Processes that speak lines of JSON: a lock's daemon, a peer's, a flood."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.environment import ROOT, variables

ANSWER_SECONDS = 30.0  # a process that says nothing for this long has failed


class Process:
    """One running process."""

    def __init__(self, process: asyncio.subprocess.Process, born: int) -> None:
        self._process = process
        self.born = born  # monotonic nanoseconds, just before it was started

    @property
    def number(self) -> int:
        return self._process.pid

    async def line(self) -> dict[str, Any]:
        """The next line that it prints."""
        assert self._process.stdout is not None
        async with asyncio.timeout(ANSWER_SECONDS):
            text = await self._process.stdout.readline()
        if not text:
            raise RuntimeError("a process of this benchmark ended before its time")
        found: dict[str, Any] = json.loads(text)
        return found

    def order(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    def resident(self) -> int:
        """Bytes of memory that it holds."""
        status = Path(f"/proc/{self.number}/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

    async def end(self) -> None:
        """Close its input, and wait until it has gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def running(command: list[str]) -> AsyncIterator[Process]:
    """`command` from the project's root, until the block ends."""
    born = time.monotonic_ns()
    process = Process(await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=variables(), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE), born)
    try:
        yield process
    finally:
        await process.end()


def daemon(folder: Path, python: str = sys.executable) -> list[str]:
    """The command of a lock's daemon."""
    return [python, "-m", "bench.daemon", str(folder)]
