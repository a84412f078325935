"""The hub's end of the locks' lines: who dials in, what they say, and what is carried to them.

Decides whether whoever dials is the lock that it says it is. Nothing that is heard is believed
because of the line: the ledger verifies entries and receipts under each lock's own key. A line is
kept small, because a hub holds thousands: no task and no timer of its own, and keys for ciphers.

Spec: spec/uplink.md. Checks U1 to U3; J1 to J3 and J9 of spec/link.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from mortice.client.visit import Delivered
from mortice.core import cbor
from mortice.core.document import parse
from mortice.core.errors import Malformed, Theirs, Untrusted
from mortice.core.fields import Fields
from mortice.core.keys import PublicKey
from mortice.core.limits import DOOR_ID_BYTES, ID_BYTES, MESSAGE_BYTES, TIME_MAX
from mortice.core.link import Buckets, check_first, mac_key
from mortice.core.log import HASH_BYTES
from mortice.core.messages import NEWS_BYTES
from mortice.core.noise import TAG_BYTES, KeyPair, Responder, StaticKey, Transport
from mortice.core.refusal import BY_NUMBER, Reason

LOG = logging.getLogger(__name__)
UPLINK = b"mortice-uplink/1"
DIALLING = 4
LINE_BYTES, LENGTH_BYTES = 65_535, 2
DIAL_RATE, DIAL_BURST = 500.0, 10_000.0  # first messages of one address: a town after a power cut
HALF_OPEN = 1024  # lines that have not proved themselves; the busiest source's oldest gives way
HALF_OPEN_SECONDS = 5.0
SILENT_SECONDS = 150.0  # after which nobody knows how a door stands (spec/uplink.md, section 3)
SWEEP_SECONDS = 5.0
PENDING = 256  # frames of one lock that wait to be dealt with; no lock sends as many unasked
PENDING_UNPROVED = 8  # the same before anybody knows which lock it is
UNREAD_BYTES = 1 << 20  # that wait for a lock to take them in; then its line has stalled
STREAMS = 65_536
UNHEARD = 4  # messages of a stream that wait for its holder: an honest lock answers one with one


@dataclass(frozen=True, slots=True)
class KnownLock:
    """A lock that stands at a door here."""

    signing: PublicKey
    site: bytes
    door: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of a lock's log from `first` on, each with a head if one was kept with it."""

    first: int
    entries: list[tuple[bytes, bytes | None]]
    head: bytes | None  # signed over all of the log, if these are all


@dataclass(frozen=True, slots=True)
class Seen:
    """What a lock said of itself when it dialled in."""

    handshake: bytes  # the nonce for a time attestation, while it is young
    door: bytes
    incarnation: int
    size: int
    root: bytes
    news: bytes
    site_version: int
    doors_version: int
    config_version: int
    time: int
    at: int


class Ledger(Protocol):
    """What the hub keeps. Called from the event loop."""

    async def lock(self, lock_id: bytes) -> KnownLock | None:
        """Who that is; None for a stranger."""

    async def position(self, lock_id: bytes) -> int:
        """How many of its entries are kept durably."""

    async def take(self, lock_id: bytes, batch: Batch) -> int:
        """Verify and keep; the new position. Raises Theirs for a lie."""

    async def waiting(self, lock_id: bytes, seen: Seen) -> list[tuple[int, list[bytes]]]:
        """Bundles for it, each with a number: fewer than 24 items, as they are encoded."""

    async def delivered(self, lock_id: bytes, number: int, results: list[Delivered]) -> None:
        """What it did with a bundle. Raises Theirs for a lie."""

    async def heard(
        self, lock_id: bytes, status: Mapping[int | str, cbor.Value] | None, connected: bool,  # noqa: FBT001 - whether it is there
    ) -> None:
        """It is there or gone, and perhaps says how its door stands."""


class NotConnected(Exception):
    """That lock has no line to this hub now."""


class StreamEnded(Exception):
    """The lock, or its line, ended a relayed conversation."""


class MessageLine(Protocol):
    """A carrier of whole messages, such as a WebSocket."""

    async def receive(self) -> bytes:
        """The next message. Raises EOFError or OSError at the end."""

    async def send(self, message: bytes) -> None:
        """Send one. Raises EOFError or OSError at the end."""

    async def close(self) -> None:
        """End it."""


class Stream:
    """One relayed conversation with a lock: whole messages, which nobody here can read."""

    __slots__ = ("_end", "_messages", "_number")

    def __init__(self, end: _End, number: int) -> None:
        self._end, self._number = end, number
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def send(self, message: bytes) -> None:
        """To the lock. Raises StreamEnded."""
        if self._number not in self._end.streams:
            raise StreamEnded
        self._end.say(3, self._number, message)

    async def receive(self) -> bytes:
        """From the lock. Raises StreamEnded."""
        message = await self._messages.get()
        if message is None:
            raise StreamEnded
        return message

    def hear(self, message: bytes | None) -> None:
        """The lock said this, or nothing more. One that says more than it was asked is cut off."""
        if message is not None and self._messages.qsize() >= UNHEARD:
            self.close()
            message = None
        self._messages.put_nowait(message)

    def close(self) -> None:
        """The holder has gone."""
        if self._end.streams.pop(self._number, None) is not None:
            self._end.say(4, self._number)


class _End:
    """This end of one line, whatever carries it. `post` sends a message, `drop` ends the line."""

    __slots__ = (
        "_gone",
        "_handshake",
        "_noise",
        "_pending",
        "_sent",
        "_task",
        "_transport",
        "drop",
        "heard_at",
        "lines",
        "lock",
        "post",
        "seen",
        "source",
        "streams",
    )

    def __init__(
        self, lines: Lines, source: str, post: Callable[[bytes], None], drop: Callable[[], None],
    ) -> None:
        self.lines, self.source, self.post, self.drop = lines, source, post, drop
        self.lock, self.seen = b"", cast("Seen", None)
        self.streams: dict[int, Stream] = {}
        self.heard_at = time.monotonic()
        self._noise: Responder | None = Responder(UPLINK, lines.key)
        self._transport = cast("Transport", None)
        self._handshake = b""
        self._pending: list[Any] = []  # short, and a deque takes 700 bytes when it is empty
        self._sent: frozenset[int] = frozenset()
        self._task: asyncio.Task[None] | None = None
        self._gone = False

    def feed(self, message: bytes) -> None:
        """A message came. Raises Theirs; then drop the line."""
        self.heard_at = time.monotonic()
        if self._noise is not None:
            self._first(self._noise, message)
            return
        plain = self._transport.open(message)
        if len(self._pending) >= (PENDING if self.lock else PENDING_UNPROVED):
            raise Malformed("U3", "uplink: more frames than were asked for")
        self.soon(plain)

    def _first(self, noise: Responder, message: bytes) -> None:
        check_first(message, DIALLING, self.lines.mac_key)
        if not self.lines.buckets.take(self.source, time.monotonic()):
            self.drop()  # it dials too often (J9)
            return
        noise.read(message[1:-16])
        self.post(noise.write(secrets.token_bytes(32)))
        self._transport, self._handshake = noise.transport(), noise.handshake_hash
        self._noise = None

    def soon(self, what: Any) -> None:  # noqa: ANN401 - a frame's bytes, or None to look for mail
        """Deal with `what` after all that came before it."""
        self._pending.append(what)
        if self._task is None:
            self._task = asyncio.ensure_future(self._work())

    async def _work(self) -> None:
        try:
            while self._pending:
                await self._deal(self._pending.pop(0))
        except Theirs as error:
            LOG.info("a line was ended: %s (%s)", error.message, error.check)
            self.drop()
        except Exception:  # it ends one line, never the hub
            LOG.exception("a line ended in a fault")
            self.drop()
        finally:
            self._task = None

    async def _deal(self, what: bytes | None) -> None:
        if what is None:
            await self._deliver()
        elif self.lock:
            await self._frame(what)
        else:
            await self._enter(what)

    def say(self, *frame: cbor.Value) -> None:
        """Send one frame."""
        self.post(self._transport.seal(cbor.encode([*frame])))

    # --- who it is -----------------------------------------------------------------------------

    async def _enter(self, hello: bytes) -> None:
        document = parse(UPLINK.decode(), hello)
        seen = _read_hello(document.payload)
        known = await self.lines.ledger.lock(document.kid or b"")
        if known is None or seen.door != known.door or seen.handshake != self._handshake:
            raise Untrusted("U2", "uplink: no lock of a door here, or not in this conversation")
        document.verify(known.signing)
        if self._gone:  # while the ledger looked it up
            return
        self.seen, self.lock = seen, known.signing.id
        self.lines.entered(self)
        await self.lines.ledger.heard(self.lock, None, connected=True)
        self.say(1, await self.lines.ledger.position(self.lock))
        await self._deliver()

    async def _deliver(self) -> None:
        if not self.lock:
            return
        for number, bundle in await self.lines.ledger.waiting(self.lock, self.seen):
            frame = bundle_frame(number, bundle)
            if hash(frame) in self._sent:  # once a line: what it did not take it gets at the next
                continue
            self._sent |= {hash(frame)}
            if len(frame) <= LINE_BYTES - TAG_BYTES:
                self.post(self._transport.seal(frame))
            else:
                LOG.error("delivery %d is longer than a message of the line", number)

    # --- what it says --------------------------------------------------------------------------

    async def _frame(self, plain: bytes) -> None:
        frame = Fields.listed(cbor.decode(plain, max_bytes=LINE_BYTES), 2, 4, "uplink", "U3")
        kind = frame.int(0, 3, 7)
        if kind == 5:
            batch = Batch(
                frame.int(1, 0, TIME_MAX), _pairs(frame.list(2, LINE_BYTES)), _head(frame.any(3)))
            frame.done()
            await self._take(batch)
        elif kind == 6:
            number, results = frame.int(1, 0, TIME_MAX), frame.list(2, LINE_BYTES)
            frame.done()
            await self._answered(number, [*map(_result, results)])
        elif kind == 7:
            status = frame.map(1)
            frame.done()
            await self.lines.ledger.heard(self.lock, status, connected=True)
        else:
            self._relay(kind, frame)

    async def _take(self, batch: Batch) -> None:
        """A log that does not fit is asked for no further; its door is served all the same."""
        try:
            self.say(1, await self.lines.ledger.take(self.lock, batch))
        except Theirs as error:
            LOG.warning("a lock's log was not taken: %s", error)

    async def _answered(self, number: int, results: list[Delivered]) -> None:
        try:
            await self.lines.ledger.delivered(self.lock, number, results)
        except Theirs as error:
            LOG.warning("a lock's answer was not taken: %s", error)
            return
        await self._deliver()

    def _relay(self, kind: int, frame: Fields) -> None:
        number = frame.int(1, 0, STREAMS - 1)
        message = frame.bytes(2, (0, MESSAGE_BYTES + 64)) if kind == 3 else None
        frame.done()
        stream = self.streams.get(number)
        if kind == 4:
            self.streams.pop(number, None)
        if stream is not None:
            stream.hear(message)

    def ended(self) -> None:
        """The line is gone."""
        self._gone = True
        for stream in self.streams.values():
            stream.hear(None)
        self.streams.clear()
        self._pending.clear()
        self.lines.left(self)


def bundle_frame(number: int, items: list[bytes]) -> bytes:
    """A frame around items that are encoded already, once for all the locks that get them."""
    head = cbor.encode([2, number, []])
    return head[:-1] + bytes([head[-1] + len(items)]) + b"".join(items)


def _read_hello(payload: bytes) -> Seen:
    fields = Fields.listed(cbor.decode(payload), 11, 11, "hello", "U1")
    return Seen(
        fields.bytes(0, HASH_BYTES), fields.bytes(1, DOOR_ID_BYTES), fields.int(2, 0, TIME_MAX),
        fields.int(3, 0, TIME_MAX), fields.bytes(4, HASH_BYTES), fields.bytes(5, NEWS_BYTES),
        fields.int(6, 0, TIME_MAX), fields.int(7, 0, TIME_MAX), fields.int(8, 0, TIME_MAX),
        fields.int(9, 0, 2), fields.int(10, 0, TIME_MAX))


def _pairs(listed: list[cbor.Value]) -> list[tuple[bytes, bytes | None]]:
    pairs = []
    for item in listed:
        fields = Fields.listed(item, 2, 2, "uplink", "U3")
        pairs.append((fields.bytes(0), _head(fields.any(1))))
    return pairs


def _head(value: cbor.Value) -> bytes | None:
    if value is not None and not isinstance(value, bytes):
        raise Malformed("U3", "uplink: a head is bytes, or null")
    return value


def _result(item: cbor.Value) -> Delivered:
    fields = Fields.listed(item, 3, 3, "uplink", "U3")
    number = fields.int(1, -1, 255)
    refused = BY_NUMBER.get(number, Reason.FAULT) if number > 0 else None
    return Delivered(fields.bytes(0, ID_BYTES), refused, _head(fields.any(2)))


class Lines:
    """Every lock that is connected."""

    def __init__(self, key: KeyPair, ledger: Ledger) -> None:
        """`key` is what owners name this hub by."""
        self.key = key if isinstance(key, StaticKey) else cast("StaticKey", key)
        self.mac_key = mac_key(key.public, UPLINK)
        self.ledger = ledger
        self.buckets = Buckets(DIAL_RATE, DIAL_BURST)
        self._ends: dict[bytes, _End] = {}
        self._half_open: dict[_End, None] = {}  # oldest first
        self._nudged: deque[bytes] = deque()
        self._will_look = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._goodbyes: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._sweeper = asyncio.ensure_future(self._sweep())

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Take lines over plain TCP; returns the address that was really taken. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Tcp(self), host, port)
        taken = self._server.sockets[0].getsockname()
        return taken[0], taken[1]

    async def close(self) -> None:
        """End every line."""
        if self._server is not None:
            self._server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for end in (*self._half_open, *self._ends.values()):
            end.drop()
        await asyncio.sleep(0)  # for connections to hear that they are lost
        await asyncio.gather(*self._goodbyes, return_exceptions=True)

    async def serve(self, line: MessageLine, source: str) -> None:
        """One lock over any carrier, until its line ends."""
        out: asyncio.Queue[bytes] = asyncio.Queue()
        until, unread = asyncio.timeout(None), 0

        def drop() -> None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                until.reschedule(0)

        def post(message: bytes) -> None:
            nonlocal unread
            out.put_nowait(message)
            unread += len(message)
            if unread > UNREAD_BYTES:
                drop()

        end = self.admit(source, post, drop)
        reading = asyncio.ensure_future(_feed(line, end))
        reading.add_done_callback(lambda _: drop())
        try:
            async with until:
                while True:
                    message = await out.get()
                    await line.send(message)
                    unread -= len(message)
        except (EOFError, OSError):
            pass  # it has gone, takes nothing in, or was dropped
        finally:
            reading.cancel()
            end.ended()
            with contextlib.suppress(EOFError, OSError, RuntimeError):
                await line.close()

    # --- who is there --------------------------------------------------------------------------

    def connected(self, lock_id: bytes) -> bool:
        """Has that lock a line now?"""
        return lock_id in self._ends

    def nudge(self, lock_id: bytes) -> None:
        """Something waits for that lock. May be called from any thread."""
        if self._loop is None or self._loop.is_closed():
            return
        self._nudged.append(lock_id)
        if not self._will_look:  # one call wakes the loop for all that come meanwhile
            self._will_look = True
            self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._will_look = False  # first, so that whoever is added from now on calls again
        while self._nudged:
            end = self._ends.get(self._nudged.popleft())
            if end is not None:
                end.soon(None)

    async def open_stream(self, lock_id: bytes) -> Stream:
        """A conversation with that lock, for a holder who is elsewhere. Raises NotConnected."""
        end = self._ends.get(lock_id)
        if end is None:
            raise NotConnected
        number = next(n for n in iter(lambda: secrets.randbelow(STREAMS), None)
                      if n not in end.streams)
        stream = end.streams[number] = Stream(end, number)
        return stream

    # --- lines come and go ---------------------------------------------------------------------

    def admit(
        self, source: str, post: Callable[[bytes], None], drop: Callable[[], None]) -> _End:
        """A new line, of which nothing is known yet."""
        end = _End(self, source, post, drop)
        self._half_open[end] = None
        if len(self._half_open) > HALF_OPEN:
            busiest = Counter(other.source for other in self._half_open).most_common(1)[0][0]
            oldest = next(other for other in self._half_open if other.source == busiest)
            del self._half_open[oldest]
            oldest.drop()
        return end

    def entered(self, end: _End) -> None:
        """It has proved which lock it is. The newest line of a lock is the one that counts."""
        self._half_open.pop(end, None)
        older = self._ends.get(end.lock)
        self._ends[end.lock] = end
        if older is not None:
            older.drop()

    def left(self, end: _End) -> None:
        """It is gone."""
        self._half_open.pop(end, None)
        if self._ends.get(end.lock) is end:
            del self._ends[end.lock]
            gone = asyncio.ensure_future(self.ledger.heard(end.lock, None, connected=False))
            self._goodbyes.add(gone)
            gone.add_done_callback(self._goodbyes.discard)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            late = [end for end in self._half_open if end.heard_at < now - HALF_OPEN_SECONDS]
            silent = [end for end in self._ends.values() if end.heard_at < now - SILENT_SECONDS]
            for end in (*late, *silent):
                end.drop()


async def _feed(line: MessageLine, end: _End) -> None:
    with contextlib.suppress(EOFError, OSError, Theirs):
        while True:
            end.feed(await line.receive())


class _Tcp(asyncio.Protocol):
    """A line over plain TCP: two bytes of length before each message."""

    __slots__ = ("_buffer", "_end", "_lines", "_transport")

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody dials in."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._end = self._lines.admit(
            str(peer[0]) if peer else "local", self._post, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """They have gone."""
        self._end.ended()

    def _post(self, message: bytes) -> None:
        self._transport.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)
        if self._transport.get_write_buffer_size() > UNREAD_BYTES:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Part of a message, or several."""
        self._buffer += data
        while len(self._buffer) >= LENGTH_BYTES:
            stop = LENGTH_BYTES + int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if len(self._buffer) < stop:
                return
            message, self._buffer = self._buffer[LENGTH_BYTES:stop], self._buffer[stop:]
            try:
                self._end.feed(message)
            except Theirs as error:
                LOG.info("a line was ended: %s (%s)", error.message, error.check)
                self._transport.abort()
                return
