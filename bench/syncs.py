"""Counts what the kernel was asked to make durable between a request and the bolt's command.

strace watches the daemon. A line that the daemon prints stands in the trace like any other call, so
the order of calls tells which sync came before which bolt.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

from bench.measure import Figure, skipped
from bench.pins import lock_with_pins
from bench.places import NoSuchPlace, disk_folder
from bench.processes import daemon, running
from bench.world import Owner
from mortice.client.visit import Errand, visit
from mortice.core.commands import Command

OPENINGS = 10  # of each kind
KEY, PIN = "syncs before the bolt, for a key", "syncs before the bolt, for a PIN"
SYNC = re.compile(r"\b(?:fsync|fdatasync|msync|sync_file_range|syncfs)\(")
BEGUN = re.compile(r'\baccept4?\(.* = \d|write\(1, "\{\\"typed')  # somebody came, or typed
DRIVEN = re.compile(r'write\(1, "\{\\"driven')
TRACED = "trace=fsync,fdatasync,msync,sync_file_range,syncfs,accept,accept4,write"


def count_syncs() -> list[Figure]:
    if shutil.which("strace") is None:
        return [skipped(question, "strace is not installed") for question in (KEY, PIN)]
    try:
        with disk_folder() as folder:
            asyncio.run(_openings(folder))
            counts = syncs_in((folder / "trace").read_text("utf-8"))
    except NoSuchPlace as error:
        return [skipped(question, str(error)) for question in (KEY, PIN)]
    keys, pins = counts[:OPENINGS], counts[OPENINGS:]
    assert len(pins) == OPENINGS, "every opening must show in the trace"
    return [_figure(KEY, keys, 1), _figure(PIN, pins, 2)]


def _figure(question: str, counts: list[int], expected: int) -> Figure:
    """Each opening counts: the one furthest from what is expected is the figure."""
    furthest = max(counts, key=lambda count: abs(count - expected))
    return Figure(
        question, furthest, "", expected, exact=True,
        note=f"in each of {len(counts)} openings; counted by strace")


async def _openings(folder: Path) -> None:
    """Some openings with a phone, then as many with a PIN, under strace."""
    owner = Owner()
    lock, digits = lock_with_pins(owner, folder / "lock", 1)
    address, key = owner.address(lock.secrets.public), owner.chain_of_three()
    lock.close()
    traced = ["strace", "-f", "-qq", "-e", TRACED, "-o", str(folder / "trace")]
    async with running([*traced, *daemon(folder / "lock")]) as process:
        where = ("127.0.0.1", (await process.line())["port"])
        for _ in range(OPENINGS):
            await visit(where, address, key.holder, Errand(Command.UNLOCK))
            assert "driven" in await process.line()
        for _ in range(OPENINGS):
            process.order(f"type {digits}")
            for word in ("typed", "driven", "light"):
                assert word in await process.line()


def syncs_in(trace: str) -> list[int]:
    """Syncs between each beginning and the bolt's command after it."""
    counts, syncs = [], 0
    for line in trace.splitlines():
        if BEGUN.search(line):
            syncs = 0
        elif SYNC.search(line):
            syncs += 1
        elif DRIVEN.search(line):
            counts.append(syncs)
    return counts
