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
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mortice.core import cbor, limits
from mortice.core.document import sign
from mortice.core.errors import Malformed, Theirs
from mortice.core.fields import Fields
from mortice.core.link import Buckets, mac1, mac_key
from mortice.core.messages import read_bundle
from mortice.core.noise import Initiator
from mortice.lockd.conversation import RELAY, Closed, Conversation
from mortice.lockd.daemon import Lock
from mortice.lockd.deliver import deliver
from mortice.lockd.ephemeral import StuckRandom
from mortice.lockd.listen import GRACE_SECONDS, LENGTH_BYTES
from mortice.lockd.reading import health, log_page, status

LOG = logging.getLogger(__name__)
UPLINK = b"mortice-uplink/1"  # label, and the kind of the hello
DIALLING = 4  # first byte of message 1
LINE_BYTES = 65_535  # longest message of the line
STREAMS, STREAM_MAX = 8, 65_535
BEAT_SECONDS = 60.0
SETTLE_SECONDS = 0.05  # an opening's entries go up together, and after its answer
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # before dialling again
DIAL_SECONDS = 15.0
DEAF_MILLISECONDS = 90_000  # a hub that takes in nothing for so long has gone
LIFE_SECONDS = 12 * 3600.0  # then anew: other keys, and a nonce before the clock needs one
ENDINGS = (OSError, EOFError, Theirs, ValueError, StuckRandom)  # ValueError: no address


class LineEnded(EOFError):
    """The carrier has ended. Every carrier's own words for that become this one."""


class _Tcp:
    """A line over plain TCP: two bytes of length before each message. Both ways raise ENDINGS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, message: bytes) -> None:
        self._writer.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)
        await self._writer.drain()

    async def receive(self) -> bytes:
        length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
        return await self._reader.readexactly(length)


class _Web:
    """A line within a WebSocket: each message a frame of bytes."""

    def __init__(self, connection: Any, ended: type[Exception]) -> None:  # noqa: ANN401 - its library is not always loaded
        self._connection, self._ended = connection, ended

    async def send(self, message: bytes) -> None:
        try:
            await self._connection.send(message)
        except self._ended as error:
            raise LineEnded(str(error)) from error

    async def receive(self) -> bytes:
        try:
            message = await self._connection.recv()
        except self._ended as error:
            raise LineEnded(str(error)) from error
        if not isinstance(message, bytes):
            raise Malformed("U3", "uplink: a message of text")
        return message


Line = _Tcp | _Web


@asynccontextmanager
async def dial(address: str) -> AsyncIterator[Line]:
    """A line to `host:port`, or to a ws:// or wss:// address. Raises one of ENDINGS."""
    if address.startswith(("ws://", "wss://")):
        from websockets.asyncio.client import connect  # noqa: PLC0415 - 6 MiB
        from websockets.exceptions import WebSocketException  # noqa: PLC0415 - as above

        try:
            async with connect(address, compression=None, max_size=LINE_BYTES) as connection:
                yield _Web(connection, WebSocketException)
        except WebSocketException as error:
            raise LineEnded(str(error)) from error
        return
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    writer.get_extra_info("socket").setsockopt(
        socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAF_MILLISECONDS)
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
            wait = FIRST_WAIT if await self._talk(*hub) else wait
            await self._rest(wait, hub)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _rest(self, most: float, hub: tuple[bytes, str]) -> None:
        """Wait a random time of at most `most` seconds, or until the settings name another hub."""
        share = int.from_bytes(self._lock.outside.random(2), "big") / 0xFFFF
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most * share):
                while self._hub() == hub:
                    self._woken.clear()
                    await self._woken.wait()

    async def _talk(self, key: bytes, address: str) -> bool:
        """One line, until it ends. Returns whether the hub has said anything on it."""
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(DIAL_SECONDS):
                    line = await stack.enter_async_context(dial(address))
                    self.line = await self._greet(line, key)
                await self.line.run(lambda: self._hub() == (key, address))
        except ENDINGS as error:
            LOG.info("the line to the hub ended: %s", error)
        except Exception:  # it ends the line, never the daemon
            LOG.exception("the line to the hub ended in a fault")
        up, self.line = self.line, None
        return up is not None and up.welcome

    async def _greet(self, line: Line, key: bytes) -> Uplinked:
        """The handshake, and who we are. Raises Theirs if that is not the hub, StuckRandom."""
        lock, began = self._lock, self._lock.outside.count()
        noise = Initiator(UPLINK, key, lock.ephemerals.take())
        first = bytes([DIALLING]) + noise.write()
        await line.send(first + mac1(mac_key(key, UPLINK), first))
        noise.read(await line.receive())
        up = Uplinked(lock, line, noise, began, self._buckets)
        await up.say_bytes(_hello(lock, noise.handshake_hash))
        return up


def _hello(lock: Lock, handshake: bytes) -> bytes:
    owned, now = lock.owner(), lock.now()
    return sign(UPLINK.decode(), [
        handshake, owned.place.door, lock.recorder.incarnation, lock.store.size, lock.store.root(),
        lock.news_digest(), owned.place.site.version, owned.doors.version, owned.config.version,
        int(now.state), now.at], lock.secrets.signing)


class _Stream:
    """One relayed holder."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self.conversation = Conversation(lock, RELAY, limits.PROOF_SECONDS_RELAYED)
        self.task: asyncio.Task[None] | None = None  # at an answer

    def said(self) -> None:
        """The lock has answered; now it is the holder's turn, for a while."""
        proved = self.conversation.proved
        self.until = self._lock.outside.count() + (
            limits.SESSION_SECONDS if proved else limits.PROOF_SECONDS_RELAYED + GRACE_SECONDS)


class Uplinked:
    """A line that is up."""

    def __init__(
        self, lock: Lock, line: Line, noise: Initiator, began: float, buckets: Buckets) -> None:
        self._lock, self._line, self._buckets = lock, line, buckets
        self._transport, self._handshake = noise.transport(), noise.handshake_hash
        self._began = self._beat = began  # when the handshake began, and the next status is due
        self._saying = asyncio.Lock()  # what is sealed in turn is sent in turn
        self._wanted: int | None = None  # the hub waits for entries from here
        self._woken = asyncio.Event()
        self._streams: dict[int, _Stream] = {}
        self.welcome = False  # the hub knows this lock: it has said something

    def wake(self) -> None:
        """Something was written down, and the status with it."""
        self._beat = 0.0
        self._woken.set()

    async def run(self, wanted: Callable[[], bool]) -> None:
        """Until the line breaks or is old, or `wanted()` is no longer so. Raises one of ENDINGS."""
        hearing = asyncio.ensure_future(self._hear())
        try:
            while wanted() and not hearing.done() and not self._is_old():
                await self._tell()
                await self._pause(hearing)
                if self._beat == 0.0:
                    await asyncio.sleep(SETTLE_SECONDS)
            if hearing.done():
                hearing.result()
        finally:
            hearing.cancel()
            for stream in list(self._streams):
                self._end(stream)

    def _is_old(self) -> bool:
        return self._lock.outside.count() - self._began > LIFE_SECONDS and not self._streams

    async def _pause(self, hearing: asyncio.Future[None]) -> None:
        """Until there is something to tell, or a relayed holder has been silent for too long."""
        idle = {number: s.until for number, s in self._streams.items() if s.task is None}
        now = self._lock.outside.count()
        waking = asyncio.ensure_future(self._woken.wait())
        both: set[asyncio.Future[Any]] = {waking, hearing}
        await asyncio.wait(
            both, timeout=max(0.0, min([self._beat, *idle.values()]) - now),
            return_when=asyncio.FIRST_COMPLETED)
        waking.cancel()
        self._woken.clear()
        now = self._lock.outside.count()
        for number, stream in list(self._streams.items()):
            if stream.task is None and stream.until <= now:
                await self._over(number)

    async def say_bytes(self, plain: bytes) -> None:
        """Send one sealed message."""
        async with self._saying:
            await self._line.send(self._transport.seal(plain))

    async def _say(self, *frame: cbor.Value) -> None:
        await self.say_bytes(cbor.encode([*frame]))

    # --- up ------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        lock, now = self._lock, self._lock.outside.count()
        if self._beat <= now and lock.owned is not None:
            self._beat = now + BEAT_SECONDS
            await self._say(7, status(lock) | health(lock))
        if self._wanted is not None and self._wanted != lock.store.size:
            first, self._wanted = self._wanted, None
            page = log_page(lock, first)
            await self._say(5, first, [[body, head] for _, body, head in page.entries], page.head)

    # --- down ----------------------------------------------------------------------------------

    async def _hear(self) -> None:
        while True:
            await self._take(*read_frame(self._transport.open(await self._line.receive())))
            self.welcome = True
            if not self._buckets.take("hub", self._lock.outside.count()):
                await asyncio.sleep(1)  # whatever it sends, the door has its time

    async def _take(self, kind: int, number: int, what: cbor.Value) -> None:
        if kind == 1:
            self._wanted = number
            self._woken.set()
        elif kind == 2:
            await self._deliver(number, what)
        elif isinstance(what, bytes):
            await self._relay(number, what)
        else:
            self._end(number)

    async def _deliver(self, number: int, bundle: cbor.Value) -> None:
        young = self._lock.outside.count() - self._began <= limits.NONCE_SECONDS
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
        goes_on = False
        try:
            await self._say(3, number, await stream.conversation.hear(message))
            goes_on = not stream.conversation.over
        except (Closed, *ENDINGS):
            pass  # silence is the answer, or nobody is there to hear it
        except Exception:  # it ends one holder's conversation, never the line or the daemon
            LOG.exception("a relayed conversation ended in a fault")
        stream.task = None
        if goes_on:
            stream.said()
            self._woken.set()
        else:
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


def read_frame(plain: bytes) -> tuple[int, int, cbor.Value]:
    """Kind and number of what the hub says, and a bundle or a message. Raises Malformed (E, U3)."""
    frame = Fields.listed(cbor.decode(plain, max_bytes=LINE_BYTES), 2, 3, "uplink", "U3")
    kind = frame.int(0, 1, 4)
    number = frame.int(1, 0, STREAM_MAX if kind > 2 else limits.TIME_MAX)
    what = frame.any(2) if kind == 2 else None
    what = frame.bytes(2, (0, limits.MESSAGE_BYTES)) if kind == 3 else what
    frame.done()
    return kind, number, what
