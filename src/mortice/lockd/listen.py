"""Phones on the local network: TCP, two bytes of length, then a message of the link.

A protocol object for each connection, all bounded: connections, half-open conversations, seconds
between messages, bytes of a message. A stranger who floods is dropped by the mac and the bucket
before any public-key work; keypad and inside button do not pass here at all.

Spec: spec/link.md, sections 2 and 7.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from mortice.core.errors import Theirs
from mortice.core.limits import HALF_OPEN_MAX, MESSAGE_BYTES, PROOF_SECONDS, SESSION_SECONDS
from mortice.core.link import OPENING, Buckets, check_first
from mortice.lockd.conversation import Closed, Conversation
from mortice.lockd.daemon import Lock

LOG = logging.getLogger(__name__)
LENGTH_BYTES = 2
CONNECTIONS_MAX = 256  # open at once, proved or not
GRACE_SECONDS = 1.0  # after the last moment for a proof: it is refused by the lock's own count


class Listener:
    """One lock's door to the network."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._server: asyncio.Server | None = None
        self._buckets = Buckets()
        self._open: dict[_Connection, None] = {}  # oldest first
        self.dropped = 0

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; returns the address that was really taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self, self._lock), host, port)
        taken = self._server.sockets[0].getsockname()
        return taken[0], taken[1]

    def halt(self) -> None:
        """Stop listening and end every conversation where it stands, as a power cut does."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.halt()

    async def stop(self) -> None:
        """Stop listening, let what is being answered be answered, and end every conversation."""
        if self._server is not None:
            self._server.close()
        answering = [c.task for c in self._open if c.task is not None]
        await asyncio.gather(*answering, return_exceptions=True)
        self.halt()

    def admit(self, connection: _Connection) -> None:
        """Take one more connection. If there are too many, the busiest source loses its oldest."""
        self._open[connection] = None
        if len(self._open) > CONNECTIONS_MAX:
            self._drop_from_the_busiest(list(self._open))

    def _drop_from_the_busiest(self, among: list[_Connection]) -> None:
        """A crowd from one place is thinned; somebody else's phone is not kept out by it."""
        busiest = Counter(connection.source for connection in among).most_common(1)[0][0]
        self.dropped += 1
        oldest = next(c for c in among if c.source == busiest)
        self.forget(oldest)
        oldest.close()

    def forget(self, connection: _Connection) -> None:
        """The connection has ended."""
        self._open.pop(connection, None)

    def may_start(self, source: str, message: bytes) -> bool:
        """Whether message 1 passes the cheap checks before public-key work (J1 to J3, J9)."""
        lock = self._lock
        if lock.owned is not None:
            try:
                check_first(message, OPENING, lock.mac1_key)
            except Theirs:
                self.dropped += 1
                return False
        if not self._buckets.take(source, lock.outside.count()):
            self.dropped += 1
            return False
        half_open = [c for c in self._open if c.begun and not c.conversation.proved]
        if len(half_open) >= HALF_OPEN_MAX:
            self._drop_from_the_busiest(half_open)
        return True


class _Connection(asyncio.Protocol):
    """Frames in order, one answer before the next frame is looked at."""

    def __init__(self, listener: Listener, lock: Lock) -> None:
        self._listener, self._lock = listener, lock
        self._buffer = bytearray()
        self._busy = False
        self._stalled = False  # the peer does not read what it asked for
        self.begun = False  # message 1 was taken
        self.task: asyncio.Task[None] | None = None  # at an answer that has to wait
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.source = ""
        self.conversation = Conversation(lock, "")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one but by name
        peer = transport.get_extra_info("peername")
        self.source = str(peer[0]) if peer else "local"
        self.conversation = Conversation(self._lock, self.source)
        self._wait(PROOF_SECONDS)
        self._listener.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.forget(self)
        self._stop_waiting()
        self._lock.ephemerals.make_ready()

    def pause_writing(self) -> None:
        self._stalled = True

    def resume_writing(self) -> None:
        self._stalled = False
        self._next()

    def halt(self) -> None:
        """End it now, with whatever it was at."""
        if self.task is not None:
            self.task.cancel()
        self.close()

    def close(self) -> None:
        """End it now."""
        if self._transport is not None:
            self._transport.abort()

    def _wait(self, seconds: float) -> None:
        """The peer has this long for its next message, on the lock's own count."""
        self._stop_waiting()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.close)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > 2 * (MESSAGE_BYTES + LENGTH_BYTES):
            self.close()
            return
        self._next()

    def _next(self) -> None:
        if self._busy or self._stalled or len(self._buffer) < LENGTH_BYTES:
            return
        length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
        if length > MESSAGE_BYTES:
            self.close()
            return
        end = LENGTH_BYTES + length
        if len(self._buffer) < end:
            return
        message = bytes(self._buffer[LENGTH_BYTES:end])
        del self._buffer[:end]
        self._take(message)

    def _take(self, message: bytes) -> None:
        self._busy = True
        if self.begun:
            self._stop_waiting()  # now it is the peer who waits
            self.task = asyncio.ensure_future(self._answer(message))
        elif self._listener.may_start(self.source, message):
            self.begun = len(message) > 1  # asking a new lock for its keys begins nothing
            with self._ending_at_a_fault():
                self._say(self.conversation.first(message))
        else:
            self.close()

    async def _answer(self, message: bytes) -> None:
        with self._ending_at_a_fault():
            self._say(await self.conversation.hear(message))

    @contextmanager
    def _ending_at_a_fault(self) -> Iterator[None]:
        try:
            yield
        except Closed:
            self.close()
        except Exception:  # it ends one conversation, never the daemon
            LOG.exception("a conversation ended in a fault")
            self.close()

    def _say(self, answer: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(len(answer).to_bytes(LENGTH_BYTES, "big") + answer)
        proved = self.conversation.proved
        self._wait(SESSION_SECONDS if proved else PROOF_SECONDS + GRACE_SECONDS)
        if self.conversation.over:
            self._transport.close()  # once the answer is out
            return
        self._busy = False
        self._next()
