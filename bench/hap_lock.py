"""HAP-python as a lock. Runs in .venv-bench.

`python -m bench.hap_lock FOLDER` serves one lock on loopback, without mDNS, and prints what
`bench.daemon` prints; its identity and pairings are kept in FOLDER. Nothing of its phone is
imported here, nor of ours: start and memory are the peer's own.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyhap.accessory import Accessory
from pyhap.accessory_driver import AccessoryDriver
from pyhap.const import CATEGORY_DOOR_LOCK

CODE = "031-45-154"
HOST = "127.0.0.1"


def tell(**line: object) -> None:
    os.write(1, (json.dumps(line) + "\n").encode())


class Silent:
    """Stands in for mDNS: nobody looks for the lock by name."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def nothing(*_: object, **__: object) -> None:
            return None

        return nothing


class Lock(Accessory):  # type: ignore[misc]  # HAP-python is untyped
    category = CATEGORY_DOOR_LOCK

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        service = self.add_preload_service("LockMechanism")
        self.target = service.configure_char(
            "LockTargetState", setter_callback=lambda _: tell(driven=time.monotonic_ns()))

    def setup_message(self) -> None:
        """Prints no pairing code."""


async def serve(folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    driver = AccessoryDriver(
        address=HOST, port=port, persist_file=str(folder / "state"), pincode=CODE.encode(),
        loop=asyncio.get_running_loop(), async_zeroconf_instance=Silent())
    lock = Lock(driver, "Lock")
    driver.add_accessory(lock)
    await driver.async_start()
    tell(port=port, aid=lock.aid, iid=lock.iid_manager.get_iid(lock.target))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until it is closed
    await driver.async_stop()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
