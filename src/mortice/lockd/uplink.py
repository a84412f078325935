"""The lock's own line to the hub that its owner named: the log up, documents down, holders relayed.

It decides nothing. What comes down is delivered or conversed with as from any visitor, and what the
hub acknowledges is kept all the same. Whatever goes wrong here ends the line and never the daemon;
the door waits for none of it.

Spec: spec/uplink.md. Check U3.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from mortice.core import cbor
from mortice.core.document import sign
from mortice.core.errors import Malformed, Theirs
from mortice.core.fields import Fields
from mortice.core.limits import (
    EPHEMERAL_BYTES,
    MESSAGE_BYTES,
    NONCE_SECONDS,
    PROOF_SECONDS,
    PROOF_SECONDS_RELAYED,
    SESSION_SECONDS,
    TIME_MAX,
)
from mortice.core.link import Buckets, mac1, mac_key
from mortice.core.messages import read_bundle
from mortice.core.noise import Initiator, Transport
from mortice.lockd.conversation import Closed, Conversation
from mortice.lockd.daemon import Lock
from mortice.lockd.deliver import deliver
from mortice.lockd.reading import health, status

LOG = logging.getLogger(__name__)
UPLINK = b"mortice-uplink/1"  # label, and the kind of the hello
DIALLING = 4  # first byte of message 1
LINE_BYTES = 65_535  # longest message of the line
LENGTH_BYTES = 2
PAGE, PAGE_BYTES = 256, 40_000  # entries, and bytes of them, in one frame
STREAMS, STREAM_MAX = 8, 65_535
BEAT_SECONDS = 60.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # before dialling again
DIAL_SECONDS = 15.0
ENDINGS = (OSError, EOFError, Theirs, TimeoutError, ValueError, WebSocketException)


class Line(Protocol):
    """Whole messages, over whatever carries them."""

    async def send(self, message: bytes) -> None:
        """Hand a message over. Raises one of ENDINGS."""

    async def recv(self) -> bytes | str:
        """The next message. Raises one of ENDINGS."""


class _Tcp:
    """A line over plain TCP: two bytes of length before each message."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, message: bytes) -> None:
        self._writer.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)
        await self._writer.drain()

    async def recv(self) -> bytes:
        length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
        return await self._reader.readexactly(length)


@asynccontextmanager
async def dial(address: str) -> AsyncIterator[Line | ClientConnection]:
    """A line to `host:port`, or to a ws:// or wss:// address. Raises one of ENDINGS."""
    if address.startswith(("ws://", "wss://")):
        async with connect(address, compression=None, max_size=LINE_BYTES) as socket:
            yield socket
        return
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        yield _Tcp(reader, writer)
    finally:
        writer.close()


class Uplink:
    """Keeps one lock's line to its hub, for as long as its settings name one."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._buckets = Buckets()
        self.line: Uplinked | None = None  # while it is up

    def start(self) -> None:
        """Dial, and dial again."""
        self._task = asyncio.ensure_future(self._keep())

    def wake(self) -> None:
        """Something was written down: an entry, or other settings."""
        self._woken.set()
        if self.line is not None:
            self.line.wake()

    def halt(self) -> None:
        """End it where it stands."""
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        """End it."""
        self.halt()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _hub(self) -> tuple[bytes, str] | None:
        return self._lock.owned.config.hub if self._lock.owned else None

    async def _keep(self) -> None:
        wait = FIRST_WAIT
        while True:
            self._woken.clear()
            hub = self._hub()
            if hub is None:
                await self._woken.wait()
                continue
            before = self._lock.outside.count()
            try:
                await self._talk(*hub)
            except ENDINGS as error:
                LOG.info("the line to the hub ended: %s", error)
            except Exception:  # it ends the line, never the daemon
                LOG.exception("the line to the hub ended in a fault")
            long = self._lock.outside.count() - before > LONGEST_WAIT
            wait = FIRST_WAIT if long or hub != self._hub() else min(2 * wait, LONGEST_WAIT)
            await asyncio.sleep(wait * self._lock.outside.random(1)[0] / 255)

    async def _talk(self, key: bytes, address: str) -> None:
        async with contextlib.AsyncExitStack() as stack:
            async with asyncio.timeout(DIAL_SECONDS):
                line = await stack.enter_async_context(dial(address))
                self.line = await self._greet(line, key)
            try:
                await self.line.run(lambda: self._hub() == (key, address))
            finally:
                self.line = None

    async def _greet(self, line: Line | ClientConnection, key: bytes) -> Uplinked:
        """The handshake, and who we are. Raises Theirs if that is not the hub."""
        lock = self._lock
        noise = Initiator(UPLINK, key, lock.outside.random(EPHEMERAL_BYTES))
        first = bytes([DIALLING]) + noise.write()
        await line.send(first + mac1(mac_key(key, UPLINK), first))
        noise.read(_bytes(await line.recv()))
        up = Uplinked(lock, line, noise.transport(), noise.handshake_hash, self._buckets)
        await up.say_bytes(_hello(lock, noise.handshake_hash))
        return up


def _bytes(message: bytes | str) -> bytes:
    if not isinstance(message, bytes):
        raise Malformed("U3", "uplink: a message of text")
    return message


def _hello(lock: Lock, handshake: bytes) -> bytes:
    owned, now = lock.owner(), lock.now()
    return sign(UPLINK.decode(), [
        handshake, owned.place.door, lock.recorder.incarnation, lock.store.size, lock.store.root(),
        lock.news_digest(), owned.place.site.version, owned.doors.version, owned.config.version,
        int(now.state), now.at], lock.secrets.signing)


class _Stream:
    """One relayed holder."""

    def __init__(self, lock: Lock) -> None:
        self.conversation = Conversation(lock, "relay", PROOF_SECONDS_RELAYED)
        self.task: asyncio.Task[None] | None = None
        self.until = lock.outside.count() + PROOF_SECONDS


class Uplinked:
    """A line that is up."""

    def __init__(
        self, lock: Lock, line: Line | ClientConnection, transport: Transport, handshake: bytes,
        buckets: Buckets,
    ) -> None:
        self._lock, self._line, self._transport = lock, line, transport
        self._handshake, self._began = handshake, lock.outside.count()
        self._buckets = buckets
        self._saying = asyncio.Lock()  # what is sealed in turn is sent in turn
        self._wanted: int | None = None  # the hub waits for entries from here
        self._woken = asyncio.Event()
        self._changed = True  # since the last status
        self._streams: dict[int, _Stream] = {}

    def wake(self) -> None:
        """Something was written down."""
        self._changed = True
        self._woken.set()

    async def run(self, wanted: Callable[[], bool]) -> None:
        """Until the line breaks, or `wanted()` is no longer true. Raises one of ENDINGS."""
        hearing = asyncio.ensure_future(self._hear())
        try:
            while wanted() and not hearing.done():
                await self._tell()
                await self._pause(hearing)
            if hearing.done():
                hearing.result()
        finally:
            hearing.cancel()
            for stream in list(self._streams):
                self._end(stream)

    async def _pause(self, hearing: asyncio.Future[None]) -> None:
        waking = asyncio.ensure_future(self._woken.wait())
        both: set[asyncio.Future[Any]] = {waking, hearing}
        done, _ = await asyncio.wait(
            both, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        waking.cancel()
        self._woken.clear()
        self._changed |= not done
        now = self._lock.outside.count()
        for number, stream in list(self._streams.items()):
            if stream.task is None and stream.until < now:
                await self._over(number)

    async def say_bytes(self, plain: bytes) -> None:
        """Send one sealed message."""
        async with self._saying:
            await self._line.send(self._transport.seal(plain))

    async def _say(self, *frame: cbor.Value) -> None:
        await self.say_bytes(cbor.encode([*frame]))

    # --- up ------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        lock = self._lock
        if self._changed and lock.owned is not None:
            self._changed = False
            await self._say(7, status(lock) | health(lock))
        size = lock.store.size
        if self._wanted is not None and self._wanted != size:
            first, self._wanted = self._wanted, None
            await self._say(5, first, *_page(lock, first))

    # --- down ----------------------------------------------------------------------------------

    async def _hear(self) -> None:
        while True:
            plain = self._transport.open(_bytes(await self._line.recv()))
            frame = cbor.decode(plain, max_bytes=LINE_BYTES)
            await self._take(Fields.listed(frame, 2, 3, "uplink", "U3"))

    async def _take(self, frame: Fields) -> None:
        kind = frame.int(0, 1, 4)
        number = frame.int(1, 0, STREAM_MAX if kind > 2 else TIME_MAX)
        bundle = frame.any(2) if kind == 2 else None
        message = frame.bytes(2, (0, MESSAGE_BYTES)) if kind == 3 else b""
        frame.done()
        if kind == 1:
            self._wanted = number
            self._woken.set()
        elif kind == 2:
            await self._deliver(number, bundle)
        elif kind == 3:
            await self._relay(number, message)
        else:
            self._end(number)

    async def _deliver(self, number: int, bundle: cbor.Value) -> None:
        young = self._lock.outside.count() - self._began <= NONCE_SECONDS
        answers = deliver(self._lock, read_bundle(bundle), self._handshake if young else b"")
        await self._say(6, number, answers)

    # --- relayed holders -----------------------------------------------------------------------

    async def _relay(self, number: int, message: bytes) -> None:
        stream = self._streams.get(number) or self._begin(number)
        if stream is None or stream.task is not None:
            await self._over(number)
            return
        stream.task = asyncio.ensure_future(self._answer(number, stream, message))

    def _begin(self, number: int) -> _Stream | None:
        room = len(self._streams) < STREAMS and self._lock.owned is not None
        if not room or not self._buckets.take("relay", self._lock.outside.count()):
            return None
        stream = self._streams[number] = _Stream(self._lock)
        return stream

    async def _answer(self, number: int, stream: _Stream, message: bytes) -> None:
        try:
            answer = await stream.conversation.hear(message)
            await self._say(3, number, answer)
        except Closed:
            await self._over(number)
        except Exception:  # it ends one holder's conversation, never the line or the daemon
            LOG.exception("a relayed conversation ended in a fault")
            await self._over(number)
        finally:
            proved = stream.conversation.proved
            more = SESSION_SECONDS if proved else PROOF_SECONDS_RELAYED + PROOF_SECONDS
            stream.until = self._lock.outside.count() + more
            stream.task = None
        if stream.conversation.over:
            await self._over(number)

    async def _over(self, number: int) -> None:
        self._end(number)
        with contextlib.suppress(*ENDINGS):
            await self._say(4, number)

    def _end(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None and stream.task is not None and (
                stream.task is not asyncio.current_task()):
            stream.task.cancel()


def _page(lock: Lock, first: int) -> tuple[list[cbor.Value], bytes | None]:
    """Entries from `first`, as many as fit; and a head signed now, if those are all."""
    kept: list[cbor.Value] = []
    room, size = PAGE_BYTES, lock.store.size
    for _, body, head in lock.store.entries(first, PAGE):
        room -= len(body) + len(head or b"")
        if kept and room < 0:
            break
        kept.append([body, head])
    return kept, lock.recorder.head() if first + len(kept) >= size else None
