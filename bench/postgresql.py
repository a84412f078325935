"""A PostgreSQL server of our own, on a free port of this machine, gone at the end.

The server refuses to run as root; then it runs as the user that its Debian package made.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 30
USER = "postgres"  # of the package, and of the databases


class NoServer(Exception):
    """There is none here. The message says why."""


def programs() -> Path:
    """Where Debian puts the newest server's programs. Raises NoServer."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise NoServer("needs the Debian package postgresql")
    return found[-1].parent


@contextmanager
def server(*, inside: Path | None = None) -> Iterator[str]:
    """The URL of a running server, without a database's name at its end. Raises NoServer."""
    where = programs()
    folder = Path(tempfile.mkdtemp(prefix="mortice-pg-", dir=inside))
    port = free_port()
    try:
        prepare(where, folder)
        with (folder / "log").open("wb") as log, subprocess.Popen(
                [where / "postgres", "-D", folder / "data", "-p", str(port),
                 "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"],
                stdout=subprocess.DEVNULL, stderr=log, **as_user()) as run:
            try:
                wait_for(run, port, folder / "log")
                yield f"postgresql://{USER}@127.0.0.1:{port}"
            finally:
                run.terminate()  # SIGTERM: it lets nobody in any more and waits for the rest
                subprocess.run([where / "pg_ctl", "stop", "-D", folder / "data", "-m", "fast"],
                               capture_output=True, check=False, **as_user())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_user() -> dict[str, Any]:
    """Who runs it, for subprocess."""
    if os.getuid():
        return {}
    try:
        user = pwd.getpwnam(USER)
    except KeyError as error:
        raise NoServer(f"there is no user {USER}: needs the Debian package postgresql") from error
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def prepare(where: Path, folder: Path) -> None:
    if not os.getuid():
        shutil.chown(folder, USER)
    subprocess.run(
        [where / "initdb", "-D", folder / "data", "-A", "trust", "-U", USER, "-E", "UTF8",
         "--locale=C.UTF-8"], check=True, capture_output=True, cwd=folder, **as_user())


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def wait_for(run: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until it answers. Raises NoServer with the server's own words if it does not."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and run.poll() is None:
        try:
            with psycopg.connect(f"postgresql://{USER}@127.0.0.1:{port}/postgres"):
                return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise NoServer(f"the server did not start: {log.read_text('utf-8', 'replace')[-400:]}")
