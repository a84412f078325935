"""Thin locks: connections from this process that are greeted, count what comes, and answer it.

One class for each way of carrying (bench/carriers.py, and an MQTT broker). What a lock does with a
document is no part of it: the receipt that goes back is signed beforehand.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from collections.abc import Callable
from typing import cast

from bench.carriers import DOCUMENT, DOOR, HUB, MESSAGE, lock_key
from mortice.core import cbor
from mortice.core.document import id_of, sign
from mortice.core.link import mac1, mac_key
from mortice.core.log import Receipt, Result, sign_receipt
from mortice.core.noise import Initiator, Transport
from mortice.core.stages import TimeState
from mortice.hub.lines import DIALLING, UPLINK

LENGTH_BYTES = 2
TAG_BYTES = 16
NAME = id_of(DOCUMENT)
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
ALL, ACKS = b"all", b"acks"  # topics


class Crowd:
    """What all connections of one way have received in this round."""

    def __init__(self) -> None:
        self.connections: list[Thin] = []
        self.answers = False  # whether what comes is answered
        self._left, self._done = 0, asyncio.Event()
        self.last = 0

    def expect(self, much: int) -> None:
        """A round begins. What came in the last is dealt with before, on nobody's time."""
        for connection in self.connections:
            connection.catch_up()
        self._left = much
        self._done.clear()

    def came(self, much: int) -> None:
        self._left -= much
        if self._left <= 0:
            self.last = time.monotonic_ns()
            self._done.set()

    async def arrived(self) -> int:
        """The monotonic nanosecond at which the last of it came."""
        async with asyncio.timeout(60):
            await self._done.wait()
        return self.last


class Thin(asyncio.Protocol):
    """One thin lock on a bare connection."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd, self.number = crowd, number
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.greet()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("turned away"))

    def greet(self) -> None:
        self.ready.set_result(None)

    def catch_up(self) -> None:
        """Look at what was only counted."""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (whole := self.whole(self._buffer)) and len(self._buffer) >= whole:
            message, self._buffer = self._buffer[:whole], self._buffer[whole:]
            self.take(message)

    def whole(self, buffer: bytes) -> int:
        """How long the message is that `buffer` begins with; 0 if that cannot be told yet."""
        return len(MESSAGE)

    def take(self, message: bytes) -> None:
        self.crowd.came(1)
        if self.crowd.answers:
            self.transport.write(message)


class Mqtt(Thin):
    """A subscriber of a broker."""

    def greet(self) -> None:
        name = _text(b"lock%d" % self.number)
        self.transport.write(_packet(0x10, _text(b"MQTT") + bytes([4, 2, 0, 0]) + name))
        topic = ALL if self.number >= 0 else ACKS
        self.transport.write(_packet(0x82, struct.pack(">H", 1) + _text(topic) + b"\0"))

    def whole(self, buffer: bytes) -> int:
        size = 0
        for place, part in enumerate(buffer[1:5]):
            size |= (part & 127) << 7 * place
            if part < 128:
                return 2 + place + size
        return 0

    def take(self, message: bytes) -> None:
        if message[0] >> 4 == 9:  # subscribed
            self.ready.set_result(None)
        elif message[0] >> 4 == 3:
            self.crowd.came(1)
            if self.crowd.answers and self.number >= 0:
                self.transport.write(published(ACKS))


class Web(Thin):
    """A WebSocket that only holds on."""

    def greet(self) -> None:
        self.transport.write(UPGRADE)

    def whole(self, buffer: bytes) -> int:
        return buffer.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in buffer else 0

    def take(self, message: bytes) -> None:
        if not self.ready.done():
            self.ready.set_result(None)


class Dialled(Thin):
    """A lock's end of an uplink."""

    def greet(self) -> None:
        self._keys: Transport | None = None
        self._sealed: list[bytes] = []  # not opened yet: delivered is what has arrived
        self._noise = Initiator(UPLINK, HUB.public, secrets.token_bytes(32))
        body = bytes([DIALLING]) + self._noise.write()
        self._say(body + mac1(mac_key(HUB.public, UPLINK), body))

    def whole(self, buffer: bytes) -> int:
        known = len(buffer) >= LENGTH_BYTES
        return LENGTH_BYTES + int.from_bytes(buffer[:LENGTH_BYTES], "big") if known else 0

    def take(self, message: bytes) -> None:
        if self._keys is None:
            self._noise.read(message[LENGTH_BYTES:])
            self._keys = self._noise.transport()
            self._say(self._keys.seal(self._hello()))
            return
        self._sealed.append(message[LENGTH_BYTES:])
        if not self.ready.done():
            self.catch_up()
            self.ready.set_result(None)
            return
        self.crowd.came(1)
        if self.crowd.answers:
            self.catch_up()

    def catch_up(self) -> None:
        assert self._keys is not None, "it has been greeted"
        for message in self._sealed:
            match cbor.decode(self._keys.open(message)):
                case [2, int(number), _] if self.crowd.answers:
                    answer: list[cbor.Value] = [6, number, [[NAME, 0, self._receipt]]]
                    self._say(self._keys.seal(cbor.encode(answer)))
        self._sealed.clear()

    def _hello(self) -> bytes:
        key = lock_key(self.number)
        self._receipt = sign_receipt(Receipt(
            0, bytes(32), 1, 2, bytes(32), NAME, bytes(8), Result.DONE, 1_800_000_000,
            TimeState.SYNCED), key)
        return sign(UPLINK.decode(), [
            self._noise.handshake_hash, DOOR, 0, 0, bytes(32), bytes(8), 1, 1, 1, 0,
            1_800_000_000], key)

    def _say(self, message: bytes) -> None:
        self.transport.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)


def _text(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text


def _packet(kind: int, body: bytes) -> bytes:
    size = bytearray()
    left = len(body)
    while left > 127:
        size.append(left & 127 | 128)
        left >>= 7
    return bytes([kind, *size, left]) + body


def published(topic: bytes) -> bytes:
    """300 bytes for whoever subscribed to `topic`."""
    return _packet(0x30, _text(topic) + MESSAGE)


async def join(
    kind: Callable[[Crowd, int], Thin], crowd: Crowd, port: int, most: int, at_once: int = 100,
) -> None:
    """Connect until the crowd has `most` connections."""
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with gate:
            _, thin = await asyncio.get_running_loop().create_connection(
                lambda: kind(crowd, number), "127.0.0.1", port)
            async with asyncio.timeout(60):
                await thin.ready
            crowd.connections.append(thin)

    async with asyncio.TaskGroup() as tasks:
        for number in range(len(crowd.connections), most):
            tasks.create_task(one(number))
