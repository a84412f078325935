"""One lock's daemon in a process of its own, as `mortice.lockd` runs it, but for its door.

`python -m bench.daemon FOLDER` prints a line of JSON when it listens and one each time the bolt is
commanded or the keypad lights up, with the monotonic nanosecond. It reads lines: `type DIGITS`
presses the keypad, `loaded` tells which packages of a web stack were imported.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import uvloop

from bench.door import Door
from mortice.drivers import KeyPressed, Light
from mortice.lockd.daemon import Lock
from mortice.lockd.listen import Listener
from mortice.lockd.outside import Machine
from mortice.lockd.uplink import Uplink
from mortice.lockd.watch import Watch

WEB_STACK = ("fastapi", "starlette", "uvicorn", "jinja2", "sqlalchemy", "httptools", "h11")


def tell(**line: object) -> None:
    os.write(1, (json.dumps(line) + "\n").encode())


def driven() -> None:
    tell(driven=time.monotonic_ns())


def shown(light: Light) -> None:
    if light is not Light.BUSY:
        tell(light=light.value, at=time.monotonic_ns())


async def serve(folder: Path) -> None:
    door = Door(driven, shown)
    lock = Lock(folder, door, Machine())
    watch, listener, uplink = Watch(lock), Listener(lock), Uplink(lock)
    lock.changed = uplink.wake
    watch.start()
    uplink.start()
    _, port = await listener.start("127.0.0.1", 0)
    tell(port=port)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while order := (await orders.readline()).decode().split():
        if order[0] == "type":
            tell(typed=time.monotonic_ns())
            for symbol in [*order[1], "enter"]:
                door.tell(KeyPressed(symbol))
        elif order[0] == "loaded":
            tell(loaded=[name for name in WEB_STACK if name in sys.modules])
    await listener.stop()
    await uplink.stop()
    await watch.stop()
    lock.close()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
