"""What to try at the demo's doors: codes for a keypad, and commands for a second terminal.

Both the words printed at the start and the page take them from here.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from mortice.sim.street import Hint
from mortice.sim.town import Town
from mortice.sim.world import World

COMMANDS = (
    ("door unlock front", "open the front door with the owner's key"),
    ("--as tom-reed door unlock front", "the cleaner; Tuesdays 10:00 to 12:00 only"),
    ("--as mallory door unlock front", "a stranger, with a key of her own making"),
    ("log show --door front", "what the lock wrote down"),
    ("log export --door front front.log", "take the log along, to verify anywhere"),
)
GROUP = 4  # digits of a PIN that are read in one breath


def program() -> str:
    """How this machine starts `mortice`: installed, from a clone, or as a module."""
    if shutil.which("mortice"):
        return "mortice"
    if Path("run.py").exists():
        return "python3 run.py mortice"
    return f"{shlex.quote(sys.executable)} -m mortice"


def hints(town: Town) -> Iterator[Hint]:
    """What the page offers: each PIN at its own door, and the commands."""
    for world in town.worlds.values():
        for pin in world.pins():
            first_name = pin["person"].split()[0]
            yield Hint(f"{first_name}'s PIN", code=pin["pin"], door=pin["door"])
    start = f"MORTICE_HOME={shlex.quote(str(town.first.home.folder.resolve()))} {program()}"
    for command, why in COMMANDS:
        yield Hint(why, shown=f"mortice {command}", command=f"{start} {command}")


def welcome(town: Town, url: str, sign_ins: list[dict[str, str]], scenes: list[str]) -> str:
    """What the demo prints when it is ready."""
    home = town.first.home.folder.resolve()
    width = max(len(command) for command, _ in COMMANDS)
    commands = "\n".join(f"    {program()} {c:<{width}}   {why}" for c, why in COMMANDS)
    widest = max(len(one["name"]) for one in sign_ins)
    people = "\n".join(
        f"    {one['name']:<{widest}}   {one['url']}   {one['role']}" for one in sign_ins)
    doors = sum(len(world.doors) for world in town.worlds.values())
    return f"""Mortice: {len(town.worlds)} places with {doors} simulated doors. Nobody there is
real, and nothing here touches a real lock or leaves this computer.

Hub        each link signs somebody in, once:
{people}
Doors      {url}
Type       {_type(town.first)}
Command    in another terminal:
    export MORTICE_HOME={shlex.quote(str(home))}
{commands}
Scenes     {program()} demo --scene NAME, where NAME is one of
    {" ".join(scenes)}

Ctrl-C stops all of it. Starting it again finds it as it was; --reset builds it anew.
"""


def _type(world: World) -> str:
    pins = world.pins()
    if not pins:
        return "a code on the keypad"
    pin = pins[0]
    door = world.doors[pin["door"]].plan.label.lower()
    return f"{grouped(pin['pin'])} ✓  at the {door}: {pin['person']}'s PIN"


def grouped(pin: str) -> str:
    """A PIN as it is read out."""
    return " ".join(pin[i : i + GROUP] for i in range(0, len(pin), GROUP))
