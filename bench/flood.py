"""Strangers who flood a lock, from a process of their own: `python -m bench.flood KIND …`.

Each kind costs the lock something else: *junk* fails the mac; *forged* was made by somebody who
knows the lock's public key, and fails the first decryption; *abandoned* is a good first message
whose sender then falls silent and stays connected; *keyless* goes on to show a key that another
site signed; *silent* connects and says nothing. They come from hundreds of addresses, so that no
bucket for a source stops them.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time

from bench.world import Owner, with_mac
from mortice.core.commands import Command
from mortice.core.keys import ED25519, PublicKey
from mortice.core.link import FIRST_BYTES, MAC_BYTES, OPENING, HolderSide, LockAddress
from mortice.core.messages import Request
from mortice.core.stages import Factors

KINDS = ("junk", "forged", "abandoned", "keyless", "silent")
LEAVING = ("junk", "forged", "keyless")  # the others stay connected
ADDRESSES = 500  # of loopback's 16 million
STEP_SECONDS = 0.01  # a few connections at a time keep the rate


class Flood:
    """Connections at a steady rate, for a while."""

    def __init__(self, kind: str, port: int, address: LockAddress) -> None:
        self._kind, self._port, self._address = kind, port, address
        self._key = Owner().chain_of_three()
        self._staying: list[asyncio.StreamWriter] = []
        self.sent = self.refused = 0

    async def run(self, rate: int, seconds: float) -> None:
        start, tasks = time.monotonic(), set()
        while (elapsed := time.monotonic() - start) < seconds:
            while self.sent < elapsed * rate:
                self.sent += 1
                task = asyncio.ensure_future(self._one(self.sent % ADDRESSES))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(STEP_SECONDS)
        for task in tasks:
            task.cancel()
        for writer in self._staying:
            writer.close()

    async def _one(self, number: int) -> None:
        source = f"127.0.{1 + number // 250}.{1 + number % 250}"
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self._port, local_addr=(source, 0))
            self._staying.append(writer)
            await self._talk(reader, writer)
            if self._kind in LEAVING:
                writer.close()
                self._staying.remove(writer)
        except (OSError, asyncio.IncompleteReadError):
            self.refused += 1

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._kind in ("abandoned", "keyless"):
            side = HolderSide(self._address, secrets.token_bytes(32))
            greeting = await _say(reader, writer, side.first())
            if self._kind == "keyless":
                side.read_greeting(greeting)
                await _say(reader, writer, self._asking(side))
                self.refused += 1
                return
        elif self._kind != "silent":
            writer.write(_frame(self._first()))
        if not await reader.read(1):
            self.refused += 1

    def _first(self) -> bytes:
        if self._kind == "junk":
            return bytes([OPENING]) + secrets.token_bytes(FIRST_BYTES - 1)
        body = bytes([OPENING]) + secrets.token_bytes(FIRST_BYTES - 1 - MAC_BYTES)
        return with_mac(body, self._address.link)

    def _asking(self, side: HolderSide) -> bytes:
        request = Request(
            Command.UNLOCK, secrets.token_bytes(8), {}, self._key.wire, Factors.NONE, bytes(64))
        return side.ask(request, self._key.leaf.id, self._key.signer)


async def _say(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes) -> bytes:
    writer.write(_frame(message))
    return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


def _frame(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


if __name__ == "__main__":
    kind, port, rate, seconds, known = sys.argv[1:]
    site, door, link, signing = (bytes.fromhex(part) for part in known.split(":"))
    flood = Flood(kind, int(port), LockAddress(site, door, link, PublicKey(ED25519, signing)))
    print(json.dumps({"ready": True}), flush=True)
    asyncio.run(flood.run(int(rate), float(seconds)))
    print(json.dumps({"sent": flood.sent, "refused": flood.refused}), flush=True)
