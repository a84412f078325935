"""`mortice log`: read a door's log, keep a copy of it, and check a copy with nothing but a key."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from mortice.cli import copying, verifying
from mortice.cli.command import PASS_HERE, Group
from mortice.cli.here import Here
from mortice.cli.lines import line_json, say_entry
from mortice.cli.moments import Clock, zone_named
from mortice.cli.output import note, plain, show_json
from mortice.cli.pages import Row, more, newest, people_names, read_page
from mortice.cli.problems import usage
from mortice.cli.visiting import Wish, reading
from mortice.client.home import KnownDoor
from mortice.client.line import Unreachable
from mortice.core.commands import Command

DOOR = click.option("--door", "door_name", required=True, metavar="DOOR", help="Which door.")
LOOK_SECONDS = 1.0  # between two looks at a log that is followed
AGAIN_SECONDS = 5.0  # before a door that did not answer is asked again


@click.group(cls=Group, examples=(
    "mortice log show --door front", "mortice log export --door front front.log",
    "mortice log verify front.log --lock-key $(mortice door key front)"))
def log() -> None:
    """Read, follow, export and verify a door's log."""


@log.command(examples=("mortice log show --door front", "mortice log show --door front --last 500"))
@DOOR
@click.option("--last", type=click.IntRange(1), default=50, show_default=True, metavar="N",
              help="How many of the newest entries.")
@PASS_HERE
def show(here: Here, door_name: str, last: int) -> None:
    """The newest entries in words."""
    door = here.door(door_name)
    rows = asyncio.run(newest(here, door, last))
    names = people_names(here.home)
    if here.json:
        show_json({"door": door.slug, "entries": [line_json(row.entry, names) for row in rows]})
        return
    clock = Clock(zone_named(door.mapped.zone), int(time.time()))
    for row in rows:
        say_entry(row.entry, names, clock)


@log.command(examples=("mortice log follow --door front",))
@DOOR
@PASS_HERE
def follow(here: Here, door_name: str) -> None:
    """Entries as they are written, until Ctrl-C. With --json, one line each."""
    asyncio.run(_follow(here, here.door(door_name)))


async def _follow(here: Here, door: KnownDoor) -> None:
    at: int | None = None
    while True:
        try:
            at = await _follow_while_answered(here, door, at)
        except Unreachable as error:
            note(f"{error}; trying again every {AGAIN_SECONDS:.0f} seconds.")
            await asyncio.sleep(AGAIN_SECONDS)


async def _follow_while_answered(here: Here, door: KnownDoor, at: int | None) -> int:
    """One conversation's worth; returns the next entry to read when the door hangs up."""
    names = people_names(here.home)
    clock = Clock(zone_named(door.mapped.zone), int(time.time()))
    start = 1 << 32 if at is None else at
    async with reading(here, door, Wish(Command.READ_LOG, {1: start})) as (call, answer):
        page = read_page(answer)
        at = page.size if at is None else at
        note(f"Following {plain(door.mapped.label)} from entry {at}. Ctrl-C stops it.")
        while True:
            for row in page.rows:
                _say(here, row, names, clock)
            sys.stdout.flush()
            at += len(page.rows)
            await asyncio.sleep(LOOK_SECONDS)
            page = await more(call, at)


def _say(here: Here, row: Row, names: Mapping[bytes, str], clock: Clock) -> None:
    if here.json:
        show_json(line_json(row.entry, names))
    else:
        say_entry(row.entry, names, clock)


# --- copies --------------------------------------------------------------------------------


@log.command(examples=(
    "mortice log export --door front front.log",
    "mortice log export --door front front.csv --format csv"))
@DOOR
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--format", "kind", type=click.Choice(["mortice", "csv", "jsonl"]),
              default="mortice", show_default=True,
              help="What `log verify` checks; or a table for people; or JSON lines.")
@PASS_HERE
def export(here: Here, door_name: str, file: Path, kind: str) -> None:
    """Write the whole log to a file that anybody can check with the lock's public key."""
    copying.export(here, here.door(door_name), file, kind)


@log.command(examples=(
    "mortice log verify front.log --lock-key $(mortice door key front)",
    "mortice log verify front.log --lock-key front.pub", "mortice log verify --door front"))
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--lock-key", metavar="HEX|FILE", help="The lock's public key: mortice door key.")
@click.option("--door", "door_name", metavar="DOOR",
              help="Take the key from this home; without FILE, check the door's own log now.")
@PASS_HERE
def verify(here: Here, file: Path | None, lock_key: str | None, door_name: str | None) -> int:
    """Check that nothing was added to a log, removed from it or changed in it.

    Needs no home: FILE and the lock's public key are enough. A proof from `mortice log proof` is
    checked the same way.
    """
    if (file is None or lock_key is None) and door_name is None:
        raise usage(
            "A log is checked with the lock's public key.",
            "Add --lock-key KEY, which mortice door key DOOR prints; or --door DOOR for its own.")
    door = here.door(door_name) if door_name else None
    key = verifying.read_key(lock_key) if lock_key else None
    return verifying.verify(here, file, key, door)


@log.command(examples=("mortice log proof --door front --entry 4812 proof.json",))
@DOOR
@click.option("--entry", type=click.IntRange(0), required=True, metavar="N", help="Which entry.")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@PASS_HERE
def proof(here: Here, door_name: str, entry: int, file: Path | None) -> None:
    """One entry with the proof that it is in the log, and nothing about its neighbours."""
    copying.prove(here, here.door(door_name), entry, file)
