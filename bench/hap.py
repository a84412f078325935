"""HAP-python as a lock and aiohomekit as its phone. Imported in .venv-bench only.

`python -m bench.hap` serves one lock on loopback, without mDNS, and prints what `bench.daemon`
prints.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from aiohomekit.controller.ip.connection import HomeKitConnection, SecureHomeKitConnection
from aiohomekit.protocol import perform_pair_setup_part1, perform_pair_setup_part2
from pyhap.accessory import Accessory
from pyhap.accessory_driver import AccessoryDriver
from pyhap.const import CATEGORY_DOOR_LOCK

CODE = "031-45-154"
HOST = "127.0.0.1"


def tell(**line: object) -> None:
    os.write(1, (json.dumps(line) + "\n").encode())


# --- the lock -----------------------------------------------------------------------------------


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


async def serve(folder: str) -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    driver = AccessoryDriver(
        address=HOST, port=port, persist_file=str(Path(folder) / "state"), pincode=CODE.encode(),
        loop=asyncio.get_running_loop(), async_zeroconf_instance=Silent())
    lock = Lock(driver, "Lock")
    driver.add_accessory(lock)
    await driver.async_start()
    tell(port=port, aid=lock.aid, iid=lock.iid_manager.get_iid(lock.target))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until it is closed
    await driver.async_stop()


# --- the phone ------------------------------------------------------------------------------------


class Phone:
    """A paired controller."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self._ready = ready
        self._pairing: dict[str, Any] = {}
        self._value = 0

    async def pair(self) -> None:
        """Once, with the code."""
        connection = HomeKitConnection(None, [HOST], self._ready["port"])
        await connection.ensure_connection()
        salt, key = await _drive(connection, perform_pair_setup_part1())
        self._pairing = await _drive(
            connection, perform_pair_setup_part2(CODE, str(uuid.uuid4()), salt, key))
        self._pairing |= {
            "AccessoryIP": HOST, "AccessoryIPs": [HOST], "AccessoryPort": self._ready["port"],
            "Connection": "IP"}
        await connection.close()

    async def unlock(self) -> None:
        """A new connection, pair-verify, and the target state set."""
        connection = SecureHomeKitConnection(None, self._pairing)
        await connection.ensure_connection()
        self._value ^= 1
        await connection.put_json("/characteristics", {"characteristics": [{
            "aid": self._ready["aid"], "iid": self._ready["iid"], "value": self._value}]})
        await connection.close()


async def _drive(connection: HomeKitConnection, steps: Generator[Any, Any, Any]) -> Any:  # noqa: ANN401
    request, expected = next(steps)
    while True:
        answer = await connection.post_tlv("/pair-setup", body=request, expected=expected)
        try:
            request, expected = steps.send(answer)
        except StopIteration as done:
            return done.value


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as state:
        asyncio.run(serve(state))
