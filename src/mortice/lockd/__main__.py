"""Start one lock's daemon: `python -m mortice.lockd --data DIR --listen HOST:PORT`.

Prints one line of JSON on stdout when the door listens, then runs until it is told to stop.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import sys
from pathlib import Path

from mortice.core.commissioning import write_code
from mortice.core.errors import Theirs
from mortice.drivers import Hardware
from mortice.lockd.daemon import Lock
from mortice.lockd.outside import Machine
from mortice.lockd.serve import serve


def hardware_named(name: str) -> Hardware:
    """The driver called `name`. Exits with advice if there is none."""
    if name == "simulated":
        from mortice.drivers.simulated import SimulatedDoor  # noqa: PLC0415 — only the chosen driver is loaded

        return SimulatedDoor()
    raise SystemExit(f"no driver is called {name!r}; use --driver simulated")


def ready(lock: Lock, host: str, port: int) -> None:
    """Tell whoever started the daemon where it listens."""
    said = {"host": host, "port": port, "lock": lock.secrets.public.id.hex(),
            "owned": lock.owned is not None}
    if lock.owned is None:
        said["code"] = write_code(lock.secrets.code)
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="mortice.lockd", description="The daemon of one door.")
    parser.add_argument("--data", required=True, help="folder of this lock's keys and log")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    parser.add_argument("--driver", default="simulated", help="what is wired to the door")
    arguments = parser.parse_args()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            hardware = hardware_named(arguments.driver)
            serve(
                lambda: Lock(Path(arguments.data), hardware, Machine()),
                (arguments.host, arguments.port), ready)
    except (Theirs, sqlite3.Error, OSError) as error:
        raise SystemExit(f"{problem(error)} (data folder: {arguments.data})") from error


def problem(error: Exception) -> str:
    """Why the daemon does not start, and what to do, in one sentence."""
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return "another daemon already runs on this folder; stop it, or name another with --data"
    if isinstance(error, sqlite3.DatabaseError):
        return (f"this lock's database cannot be read ({error}); "
                "move the folder away, press and hold the inside button, and commission it again")
    if isinstance(error, Theirs):
        return f"this lock's files do not belong together or are damaged: {error}"
    return f"the lock cannot start: {error}"


if __name__ == "__main__":
    main()
