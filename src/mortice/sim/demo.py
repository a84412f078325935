"""`mortice demo`: a street of simulated doors with real lock daemons, in one process.

Needs no network and no set-up. Prints where to look and what to try, or one line of JSON for scripts,
and runs until it is stopped. What it makes lies in one folder, which is an ordinary Mortice home.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mortice.sim.cast import build_street
from mortice.sim.scenes import SCENES, play
from mortice.sim.world import World

FIRST_PORT = 12209  # a nod to BS EN 12209; the next free one is taken if it is in use
PORTS_TRIED = 20


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asked for."""

    browser: bool = True
    port: int = 0
    data: Path | None = None
    reset: bool = False
    json: bool = False
    scene: str | None = None


class DemoProblem(Exception):
    """The demo cannot go on; the message says what to do."""


def run(options: DemoOptions) -> int:
    """Play a scene or run the street; returns the exit code."""
    if options.scene is not None:
        return _run_scene(options)
    folder = options.data or _default_folder()
    try:
        _prepare(folder, reset=options.reset)
        asyncio.run(_street(options, folder))
    except DemoProblem as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def _default_folder() -> Path:
    share = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return share / "mortice" / "demo"


def _prepare(folder: Path, *, reset: bool) -> None:
    """Start anew where asked to, or where the last start was cut off half way."""
    made_here = (folder / "demo.json").exists()
    foreign = folder.exists() and any(folder.iterdir()) and not made_here
    if foreign:
        raise DemoProblem(
            f"{folder} holds something that no demo made, so it is left alone.\n"
            "Name an empty folder with --data, or empty this one yourself.")
    if made_here and (reset or not (folder / "ready").exists()):
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise DemoProblem(f"{folder} cannot be made ({error.strerror}); name another with --data.") from error


async def _street(options: DemoOptions, folder: Path) -> None:
    from mortice.sim.panel_street import serve_panel  # noqa: PLC0415 — the web stack is only loaded by the running demo

    world = World(folder)
    (folder / "demo.json").touch()
    try:
        await build_street(world)
    except OSError as error:
        raise DemoProblem(f"the demo could not start: {error}") from error
    (folder / "ready").touch()
    panel, url = await serve_panel(world, _ports(options.port))
    _say_ready(options, world, url)
    try:
        await _until_stopped()
    finally:
        await panel.stop()
        await world.stop()


def _ports(wanted: int) -> range:
    return range(wanted, wanted + 1) if wanted else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)


def _say_ready(options: DemoOptions, world: World, url: str) -> None:
    if options.json:
        sys.stdout.write(world.ready(url) + "\n")
    else:
        sys.stdout.write(_welcome(world, url))
    sys.stdout.flush()
    if options.browser and not options.json:
        webbrowser.open(url)


def _welcome(world: World, url: str) -> str:
    home = world.home.folder
    pins = {pin["person"]: pin["pin"] for pin in world.home.read("demo.json")["pins"]}
    mortice = f"mortice --home {home}"
    if not shutil.which("mortice"):
        mortice = f"python3 run.py mortice --home {home}"
    return f"""Mortice demo: a street of {len(world.doors)} simulated doors. Nobody in it is real.
Nothing here touches a real lock or leaves this computer.

  Open      {url}
  Type      {_grouped(pins['Ana Sousa'])} ✓  at the front door: Ana's PIN

  Try       {mortice} door unlock front
            {mortice} --as tom-reed door unlock front        the cleaner; Tuesdays 10:00 to 12:00 only
            {mortice} --as mallory door unlock front         a stranger with a key of her own making
            {mortice} why --door front --last                why the door said no
            {mortice} log export --door front front.log
            {mortice} log verify front.log --lock-key $({mortice} door key front)
            python3 run.py demo --scene lost-phone           or: {', '.join(n for n in SCENES if n != 'lost-phone')}

Ctrl-C stops it. The demo's home: {home}  (--reset to begin again)
"""


def _grouped(pin: str) -> str:
    return " ".join(pin[i:i + 4] for i in range(0, len(pin), 4))


async def _until_stopped() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _run_scene(options: DemoOptions) -> int:
    name = options.scene
    if name not in SCENES:
        sys.stderr.write(f"there is no scene called {name!r}; there are: {', '.join(SCENES)}\n")
        return 2
    tell: Callable[[str], None] = _quiet if options.json else _aloud
    tell(f"{name}: {(SCENES[name].__doc__ or '').strip()}")
    stage = asyncio.run(play(name, tell))
    if options.json:
        sys.stdout.write(json.dumps({"scene": name, "ok": stage.ok, "steps": stage.steps}) + "\n")
    else:
        sys.stdout.write("as promised\n" if stage.ok else "NOT as promised\n")
    return 0 if stage.ok else 1


def _quiet(line: str) -> None:
    """Nothing is said before the one line of JSON."""


def _aloud(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


