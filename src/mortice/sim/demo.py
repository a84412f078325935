"""`mortice demo`: a street of simulated doors with real lock daemons, in one process.

Needs no network and no set-up. Prints where to look and what to try, or one line of JSON for
scripts, and runs until it is stopped. What it makes lies in one folder, which is an ordinary
Mortice home.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mortice.sim.scenes import NAMES, play, scene_called
from mortice.sim.town import DAYS, Town
from mortice.sim.tries import welcome

FIRST_PORT = 12209  # a nod to BS EN 12209; the next free one is taken if it is in use
PORTS_TRIED = 20
DONE, FAILED, USAGE = 0, 1, 2  # exit codes, as everywhere in Mortice
HIGHEST_PORT = 65_535
MARK = ".mortice-demo"  # the file that says whose folder it is, and is locked while a demo runs
READY = "ready"  # the file that says that the street was built to its end


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asked for."""

    browser: bool = True
    port: int = 0  # 0 takes the first free one
    data: Path | None = None
    reset: bool = False
    json: bool = False
    history: int = DAYS  # days that passed at the doors before anybody looks
    scene: str | None = None


class DemoProblem(Exception):
    """The demo cannot go on; the message says what to do."""


def run(options: DemoOptions) -> int:
    """Play a scene or run the street; returns the exit code."""
    if options.scene is not None:
        return _run_scene(options, options.scene)
    folder = options.data or _default_folder()
    try:
        with _claimed(folder):
            _prepare(folder, reset=options.reset)
            asyncio.run(_street(options, folder))
    except DemoProblem as problem:
        sys.stderr.write(f"{problem}\n")
        return FAILED
    return DONE


# --- the folder ---------------------------------------------------------------------------------


def _default_folder() -> Path:
    share = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return share / "mortice" / "demo"


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """One demo at a time in one folder, and only in a folder that a demo made."""
    try:
        mark = _mark(folder)
    except OSError as error:
        raise DemoProblem(
            f"{folder} cannot be used ({error.strerror}). Name another folder with --data."
        ) from error
    with mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoProblem(
                f"a demo is running in {folder} already.\n"
                "Stop it first, or name another folder with --data."
            ) from None
        yield


def _mark(folder: Path) -> IO[str]:
    """The open file by which a demo knows its own folder."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise DemoProblem(
            f"{folder} holds something that no demo made, so it is left alone.\n"
            "Name an empty folder with --data, or empty this one yourself."
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return (folder / MARK).open("w")


def _prepare(folder: Path, *, reset: bool) -> None:
    """Begin anew where asked to, or where the last start was cut off half way."""
    if reset or not (folder / READY).exists():
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != MARK:
                path.unlink()


# --- the street ---------------------------------------------------------------------------------


async def _street(options: DemoOptions, folder: Path) -> None:
    try:  # here and not above: only the running demo loads the web stack
        from mortice.sim.demo_hub import DemoHub, NoPort  # noqa: PLC0415
        from mortice.sim.panel_street import PortTaken, serve_panel  # noqa: PLC0415
    except ImportError as error:
        raise DemoProblem(
            f"the street's page needs {error.name}, which is not installed.\n"
            "Install it with: pip install 'mortice[demo]'"
        ) from error
    stop, ports = _stop_on_signals(), _ports(options.port)
    town = Town(folder)
    if not (folder / READY).exists():
        await town.build(options.history, _Progress())
        (folder / READY).touch()
    try:
        await town.open()
        panel, url = await serve_panel(town, ports)
        try:
            hub = DemoHub(town, _ports(0))
            await hub.start()
            try:
                _say_ready(options, town, url, hub.for_scripts())
                await stop.wait()
            finally:
                await hub.stop()
        finally:
            await panel.stop()
    except (PortTaken, NoPort):
        raise DemoProblem(_port_taken(options.port)) from None
    finally:
        await town.close()


class _Progress:
    """Tells a terminal how much of the doors' past is over; says nothing elsewhere."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[int, int]] = {}

    def __call__(self, place: str, done: int, of: int) -> None:
        self._done[place] = (done, of)
        if sys.stderr.isatty():
            past, whole = map(sum, zip(*self._done.values(), strict=True))
            end = "\r\x1b[K" if past == whole else ""
            sys.stderr.write(f"\rTwo months at fourteen doors: {past} of {whole} visits {end}")
            sys.stderr.flush()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _ports(wanted: int) -> range:
    if not 0 <= wanted <= HIGHEST_PORT:
        raise DemoProblem(f"{wanted} is no port: choose one from 1 to {HIGHEST_PORT} with --port.")
    return range(wanted, wanted + 1) if wanted else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)


def _port_taken(wanted: int) -> str:
    if wanted:
        return f"port {wanted} cannot be used. Choose another with --port, or leave --port out."
    last = FIRST_PORT + PORTS_TRIED - 1
    return f"ports {FIRST_PORT} to {last} are all in use. Choose a free one with --port."


def _say_ready(options: DemoOptions, town: Town, url: str, hub: dict[str, Any]) -> None:
    scripted = options.json
    owners = hub["sign_ins"][0]["url"]
    sys.stdout.write(
        json.dumps({"url": url, "hub": hub} | town.for_scripts()) + "\n" if scripted
        else welcome(town, url, hub["sign_ins"], list(NAMES)))
    sys.stdout.flush()
    if options.browser and not scripted and _has_screen():
        # Some browsers keep whoever starts them waiting; the street must not.
        threading.Thread(target=webbrowser.open, args=(owners,), daemon=True).start()


def _has_screen() -> bool:
    """A browser in the terminal would cover what the demo printed."""
    unix_without_screen = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return not unix_without_screen


# --- one scene ----------------------------------------------------------------------------------


def _run_scene(options: DemoOptions, name: str) -> int:
    if name not in NAMES:
        sys.stderr.write(f"there is no scene called {name!r}; there are: {', '.join(NAMES)}\n")
        return USAGE
    tell: Callable[[str], None] = _quiet if options.json else _aloud
    tell(f"{name}: {(scene_called(name).__doc__ or '').strip()}")
    stage = asyncio.run(play(name, tell))
    if options.json:
        _aloud(json.dumps({"scene": name, "ok": stage.ok, "steps": stage.steps}))
    else:
        _aloud("as promised" if stage.ok else "NOT as promised")
    return DONE if stage.ok else FAILED


def _quiet(line: str) -> None:
    """Nothing is said before the one line of JSON."""


def _aloud(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
