"""aiohomekit as the phone of a HAP lock. Imported in .venv-bench only."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import suppress
from typing import Any

from aiohomekit.controller.ip.connection import HomeKitConnection, SecureHomeKitConnection
from aiohomekit.exceptions import AuthenticationError
from aiohomekit.protocol import perform_pair_setup_part1, perform_pair_setup_part2

from bench.hap_lock import CODE, HOST

PAIR_ATTEMPTS = 5


class Phone:
    """A paired controller."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self._ready = ready
        self._pairing: dict[str, Any] = {}
        self._value = 0

    async def pair(self) -> None:
        """Once, with the code. Now and then the two do not agree on a number, and try again."""
        for _ in range(PAIR_ATTEMPTS - 1):
            with suppress(AuthenticationError):
                return await self._pair()
        return await self._pair()

    async def _pair(self) -> None:
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
