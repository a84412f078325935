"""Strangers who flood a lock, from a process of their own: `python -m bench.flood KIND …`.

Each kind costs the lock something else: *junk* fails the mac; *forged* was made by somebody who
knows the lock's public key, and fails the first decryption; *abandoned* is a good first message
whose sender then falls silent and stays connected; *silent* connects and says nothing.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time

from bench.world import with_mac
from mortice.core.keys import ED25519, PublicKey
from mortice.core.link import FIRST_BYTES, MAC_BYTES, OPENING, HolderSide, LockAddress

KINDS = ("junk", "forged", "abandoned", "silent")
STEP_SECONDS = 0.01  # a few connections at a time keep the rate


class Flood:
    """Connections at a steady rate, for a while."""

    def __init__(self, kind: str, port: int, source: str, address: LockAddress) -> None:
        self._kind, self._port, self._source = kind, port, source
        self._address = address
        self._staying: list[asyncio.StreamWriter] = []
        self.sent = self.refused = 0

    async def run(self, rate: int, seconds: float) -> None:
        start, tasks = time.monotonic(), set()
        while (elapsed := time.monotonic() - start) < seconds:
            while self.sent < elapsed * rate:
                self.sent += 1
                task = asyncio.ensure_future(self._one())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(STEP_SECONDS)
        for task in tasks:
            task.cancel()
        for writer in self._staying:
            writer.close()

    async def _one(self) -> None:
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self._port, local_addr=(self._source, 0))
            self._staying.append(writer)
            message = self._message()
            if message:
                writer.write(len(message).to_bytes(2, "big") + message)
            if not await reader.read(1):
                self.refused += 1
            if self._kind in {"junk", "forged"}:
                writer.close()
        except OSError:
            self.refused += 1

    def _message(self) -> bytes:
        if self._kind == "silent":
            return b""
        if self._kind == "junk":
            return bytes([OPENING]) + secrets.token_bytes(FIRST_BYTES - 1)
        if self._kind == "abandoned":
            return HolderSide(self._address, secrets.token_bytes(32)).first()
        body = bytes([OPENING]) + secrets.token_bytes(FIRST_BYTES - 1 - MAC_BYTES)
        return with_mac(body, self._address.link)


if __name__ == "__main__":
    kind, port, source, rate, seconds, known = sys.argv[1:]
    parts = [bytes.fromhex(part) for part in known.split(":")]
    site, door, link, signing = parts
    lock_address = LockAddress(site, door, link, PublicKey(ED25519, signing))
    flood = Flood(kind, int(port), source, lock_address)
    asyncio.run(flood.run(int(rate), float(seconds)))
    print(json.dumps({"sent": flood.sent, "refused": flood.refused}), flush=True)
