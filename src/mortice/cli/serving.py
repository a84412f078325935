"""One lock's daemon in the foreground, and at a simulated door the hands in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

from mortice.cli.here import Here
from mortice.cli.output import note, say
from mortice.cli.problems import Problem, usage
from mortice.core.commissioning import write_code
from mortice.core.door import state_of
from mortice.core.errors import Theirs
from mortice.lockd.__main__ import hardware_named, problem
from mortice.lockd.daemon import Lock
from mortice.lockd.outside import Machine
from mortice.lockd.serve import serve as serve_door

PRESS_SECONDS = 0.2  # of the inside button, where nothing else was typed
HANDS = {
    "turn": "turn_inside", "open": "open_leaf", "close": "close_leaf", "jam": "jam",
    "clear": "clear_jam", "key": "turn_key", "unplug": "unplug", "plug": "plug_in"}
READ_BYTES = 4096


def serve(here: Here, data: str, where: tuple[str, int], driver: str) -> None:
    """Run until SIGINT or SIGTERM. Raises Problem where the lock cannot start."""
    try:
        hardware = hardware_named(driver)
    except SystemExit as error:
        raise usage(f"{error}", "See: mortice lock run --help") from error

    def ready(lock: Lock, host: str, port: int) -> None:
        _say_ready(here, lock, host, port)
        if hardware.simulated:
            _lend_hands(hardware)

    try:
        serve_door(lambda: Lock(Path(data), hardware, Machine()), where, ready)
    except SystemExit as error:
        raise Problem("not_started", f"{error}", "Use another --driver or another lock.") from error
    except (Theirs, sqlite3.Error) as error:
        raise Problem(
            "not_started", f"{problem(error)[:1].upper()}{problem(error)[1:]}.",
            f"The lock's folder is {data}.") from error


def _say_ready(here: Here, lock: Lock, host: str, port: int) -> None:
    code = None if lock.owned else write_code(lock.secrets.code)
    if here.json:
        say(json.dumps({
            "host": host, "port": port, "lock": lock.secrets.public.id.hex(),
            "owned": code is None, "code": code}))
    else:
        say(f"The lock listens at {host}:{port}. Ctrl-C stops it.")
        if code is not None:
            say(f"It has no owner yet. The code on its inside: {code}")
            note("Press its inside button (type: button), then, in the owner's home: mortice door "
                 f"add CODE --at {host}:{port} --label NAME")
    sys.stdout.flush()


def _lend_hands(hardware: Any) -> None:  # noqa: ANN401 — the driver's own type is none of this room's business
    """Whoever sits at the terminal stands at the simulated door."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def heard(typed: str) -> None:
        for line in typed.splitlines():
            task = asyncio.ensure_future(_do(hardware, line.split()))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    def listen() -> None:
        with contextlib.suppress(OSError, RuntimeError):  # nobody stands there, or the lock stopped
            while typed := os.read(0, READ_BYTES):
                loop.call_soon_threadsafe(heard, typed.decode("utf-8", "replace"))

    # A thread, because uvloop would leave the terminal itself in a mode that others trip over.
    threading.Thread(target=listen, daemon=True).start()


async def _do(hardware: Any, words: list[str]) -> None:  # noqa: ANN401 — as above
    if not words:
        return
    if words[0] == "button":
        await hardware.hold_inside_button(
            float(words[1]) if words[1:] and words[1].isdigit() else PRESS_SECONDS)
    elif "".join(words).isdigit() and "".join(words).isascii():
        for symbol in (*"".join(words), "enter"):
            hardware.press(symbol)
    elif words[0] in HANDS:
        getattr(hardware, HANDS[words[0]])()
    else:
        note(f"At this door one can: button, {', '.join(HANDS)}, or type a PIN.")
        return
    note(f"The door is {state_of(hardware.sight()).value.replace('_', ' ')}.")
