"""How soon after its start does a lock open, and how much memory does it hold?

Our daemon from process start to the bolt's command for the first visitor, against HAP-python from
process start to listening; the same again with a long log. Then what must not be imported: a web
stack has no business on a door or in a holder's command.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.daemon import WEB_STACK
from bench.environment import ROOT, NoPeers, python, variables
from bench.measure import WARM_UP, Figure, Plan, Turns, progress, skipped
from bench.places import NoSuchPlace, disk_folder
from bench.processes import daemon, running
from bench.world import Key, Owner, commissioned, fill
from mortice.client.visit import Errand, visit
from mortice.core.commands import Command
from mortice.core.link import LockAddress

START_BAR, LONG_BAR, MEMORY_BAR = 1.5, 1.3, 1.2
LONG = 100_000  # entries
MEBIBYTE = 1 << 20
HAP_START = "process start to first opening, over HAP's to ready"
HAP_LONG = "the same with {:,} log entries"
LONG_START = "start with those over start with an empty log"
HAP_MEMORY = "resident memory after it, over HAP's"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A commissioned lock's folder, and how to open it."""

    folder: Path
    address: LockAddress
    key: Key


def ask(plan: Plan) -> list[Figure]:
    try:
        with disk_folder() as folder:
            figures = asyncio.run(starts(folder, plan))
    except NoSuchPlace as error:
        figures = [skipped(HAP_START, str(error))]
    return [*figures, imported_by_command()]


async def starts(folder: Path, plan: Plan) -> list[Figure]:
    entries = plan.count(LONG, 5000)
    locks = {"empty": prepared(folder / "empty", 0), "long": prepared(folder / "long", entries)}
    peer, why = peer_command(folder / "hap")
    turns, memory, web = Turns(), dict[str, list[int]](), set[str]()
    order = [*locks, *(["hap"] if peer else [])]
    for number in range(WARM_UP + plan.rounds):
        progress(f"round {number + 1} of {WARM_UP + plan.rounds}")
        row = {
            name: await first_opening(name, locks[name], memory, web) if name in locks
            else await ready(peer, memory) for name in order}
        if number >= WARM_UP:
            turns.rows.append(row)
        order.reverse()
    progress("")
    return [
        *over_hap(turns, memory, why, entries),
        turns.figure(LONG_START, "long", "empty", bar=LONG_BAR),
        Figure("packages of a web stack in the running daemon", len(web), "", 0,
               note=", ".join(web) or f"none of {', '.join(WEB_STACK)}"),
    ]


def over_hap(turns: Turns, memory: dict[str, list[int]], why: str, entries: int) -> list[Figure]:
    longer = HAP_LONG.format(entries)
    if why:
        return [skipped(question, why) for question in (HAP_START, longer, HAP_MEMORY)]
    held = {name: statistics.median(values) / MEBIBYTE for name, values in memory.items()}
    note = ", ".join(f"{name} {size:.1f} MiB" for name, size in held.items())
    return [
        turns.figure(HAP_START, "empty", "hap", bar=START_BAR),
        turns.figure(longer, "long", "hap", bar=START_BAR),
        Figure(HAP_MEMORY, held["empty"] / held["hap"], "x", MEMORY_BAR, note=note),
    ]


def prepared(folder: Path, entries: int) -> Prepared:
    owner = Owner()
    lock = commissioned(owner, folder)
    fill(lock, entries)
    address = owner.address(lock.secrets.public)
    lock.close()
    return Prepared(folder, address, owner.chain_of_three())


def peer_command(folder: Path) -> tuple[list[str], str]:
    folder.mkdir()
    try:
        return [str(python()), "-m", "bench.hap_lock", str(folder)], ""
    except NoPeers as error:
        return [], str(error)


async def first_opening(
    name: str, lock: Prepared, memory: dict[str, list[int]], web: set[str]) -> float:
    """Seconds from the process's start to the bolt's command."""
    async with running(daemon(lock.folder)) as process:
        port = (await process.line())["port"]
        await visit(("127.0.0.1", port), lock.address, lock.key.holder, Errand(Command.UNLOCK))
        driven: int = (await process.line())["driven"]
        memory.setdefault(name, []).append(process.resident())
        process.order("loaded")
        web.update((await process.line())["loaded"])
        return (driven - process.born) / 1e9


async def ready(command: list[str], memory: dict[str, list[int]]) -> float:
    """Seconds from the process's start until it listens."""
    async with running(command) as process:
        await process.line()
        at = time.monotonic_ns()
        memory.setdefault("hap", []).append(process.resident())
        return (at - process.born) / 1e9


def imported_by_command() -> Figure:
    """Starts the command as a person would, and reads what the interpreter says it imported."""
    question = "packages of a web stack imported by the command"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mortice", "--help"], cwd=ROOT,
        env=variables(), capture_output=True, text=True, check=False)
    if done.returncode:
        return skipped(question, "the command does not start")
    names = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    found = sorted(names & set(WEB_STACK))
    return Figure(question, len(found), "", 0, note=", ".join(found))
