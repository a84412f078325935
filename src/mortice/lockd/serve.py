"""Serving one door from the first look at it until the daemon is told to stop.

`python -m mortice.lockd` and `mortice lock run` both come here; what they say when the door listens
is their own.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import uvloop

from mortice.lockd.daemon import Lock
from mortice.lockd.listen import Listener
from mortice.lockd.uplink import Uplink
from mortice.lockd.watch import Watch

Ready = Callable[[Lock, str, int], None]


def serve(make: Callable[[], Lock], where: tuple[str, int], ready: Ready) -> None:
    """Open the lock that `make` makes at `where` (host, port; 0 takes a free one), until a signal.

    Calls `ready` with the lock, and the host and port on which it listens. Raises what `make` and
    listening raise: Theirs, sqlite3.Error, OSError, SystemExit.
    """
    uvloop.run(_serve(make, where, ready))


async def _serve(make: Callable[[], Lock], where: tuple[str, int], ready: Ready) -> None:
    lock = make()
    watch, listener, uplink = Watch(lock), Listener(lock), Uplink(lock)
    lock.changed = uplink.wake
    watch.start()
    uplink.start()
    try:
        ready(lock, *await listener.start(*where))
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
        await listener.stop()
    finally:
        await uplink.stop()
        await watch.stop()
        lock.close()
