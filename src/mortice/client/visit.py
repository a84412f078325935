"""A visit to a lock: connect, prove, ask, and keep the receipt.

Two round trips. The chain is left out when this lock has seen it; if the lock has forgotten, it
says so and the visit is made once more with the whole chain. News goes both ways on every visit.

Spec: spec/link.md.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.commissioning import Code, Takeover, psk, read_hello, TAKEOVER_ANSWER
from mortice.core.document import id_of, parse
from mortice.core.errors import Malformed, Theirs
from mortice.core.freshness import TIME, sign_time
from mortice.core.grant import Rights
from mortice.core.keys import Signer
from mortice.core.limits import COMMAND_ID_BYTES, MESSAGE_BYTES
from mortice.core.link import HELLO, HolderSide, LockAddress, news_digest, whole_receipt
from mortice.core.log import accept_receipt
from mortice.core.messages import Answer, Carried, Greeting, Request, read_bundle
from mortice.core.refusal import Coarse
from mortice.core.site import LockKeys
from mortice.core.stages import Factors, TimeState

CONNECT_SECONDS = 5.0  # a door on the local network answers in milliseconds or is not there
ANSWER_SECONDS = 12.0  # a slow bolt's travel and three retries
CLOCK_APART_SECONDS = 30  # a lock further off than this is told the time by whoever may


class Unreachable(Exception):
    """The lock did not answer, or stopped answering before the end. The message is for people."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who visits: the signing key, the chain, and what they carry."""

    signer: Signer
    wire: list[cbor.Value]
    leaf: bytes
    use: Rights = Rights.NONE
    news: dict[bytes, bytes] = field(default_factory=dict)
    receipt: bytes | None = None


@dataclass(frozen=True, slots=True)
class Visited:
    """What a visit brought back."""

    greeting: Greeting
    answer: Answer
    receipt: bytes | None
    news: dict[bytes, bytes]


class Line:
    """A TCP connection that speaks frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, message: bytes, seconds: float = CONNECT_SECONDS) -> bytes:
        """Send one message and wait for its answer. Raises Unreachable."""
        try:
            self._writer.write(len(message).to_bytes(2, "big") + message)
            async with asyncio.timeout(seconds):
                length = int.from_bytes(await self._reader.readexactly(2), "big")
                if length > MESSAGE_BYTES + 64:
                    raise Unreachable("the door answered with something that is no message")
                return await self._reader.readexactly(length)
        except TimeoutError as error:
            raise Unreachable("the door stopped answering") from error
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Unreachable("the door ended the conversation") from error

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def connect(host: str, port: int) -> Line:
    """Reach a lock. Raises Unreachable."""
    if not host or not port:
        raise Unreachable("nobody has said yet where on the network this door is")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return Line(*await asyncio.open_connection(host, port))
    except (OSError, TimeoutError) as error:
        raise Unreachable(f"nothing answers at {host}:{port}") from error


class Session:
    """One conversation with one lock, from the greeting on."""

    def __init__(self, line: Line, lock: LockAddress, holder: Holder) -> None:
        self._line, self._lock, self._holder = line, lock, holder
        self._side = HolderSide(lock, secrets.token_bytes(32))

    async def greet(self) -> Greeting:
        """Messages 1 and 2."""
        return self._side.read_greeting(await self._line.say(self._side.first()))

    def carried(self, greeting: Greeting, bundle: list[cbor.Value]) -> dict[int | str, cbor.Value]:
        """What goes along: news that the lock lacks, the time if it needs it, an older receipt."""
        holder = self._holder
        extra: dict[int | str, cbor.Value] = {}
        documents = list(bundle)
        if greeting.news != news_digest(set(holder.news)):
            extra[Carried.NEWS] = news_digest(set(holder.news))
            documents += [item for news in holder.news.values() for item in _items(news)]
        if holder.use & Rights.SET_TIME and self._needs_time(greeting):
            told = sign_time(
                self._lock.site, self._lock.signing.id, self._side.handshake, int(time.time()),
                holder.signer)
            documents.insert(0, [TIME, told, holder.wire])
        if documents:
            extra[Carried.BUNDLE] = documents
        if holder.receipt is not None and _size_of(holder.receipt, self._lock) > greeting.size:
            extra[Carried.RECEIPT] = holder.receipt
        return extra

    def _needs_time(self, greeting: Greeting) -> bool:
        apart = abs(greeting.at - int(time.time()))
        return greeting.time is not TimeState.SYNCED or apart > CLOCK_APART_SECONDS

    async def ask(
        self, command: Command, args: Mapping[int | str, cbor.Value],
        carried: dict[int | str, cbor.Value], *, whole: bool,
    ) -> Answer:
        """Messages 3 and 4."""
        holder = self._holder
        key: bytes | list[cbor.Value] = holder.wire if whole else holder.leaf
        request = Request(
            command, secrets.token_bytes(COMMAND_ID_BYTES), dict(args), key, Factors.NONE,
            bytes(64), carried)
        message = self._side.ask(request, holder.leaf, holder.signer)
        return self._side.read_answer(await self._line.say(message, ANSWER_SECONDS))

    async def more(self, command: Command, args: Mapping[int | str, cbor.Value]) -> cbor.Value:
        """A further request: (None, answer) or a coarse refusal."""
        message = self._side.later(command, secrets.token_bytes(COMMAND_ID_BYTES), args)
        answer = self._side.read_later(await self._line.say(message))
        if not isinstance(answer, list) or not answer:
            raise Malformed("A1", "the door's answer cannot be read")
        if answer[0] is not None:
            raise Unreachable(f"the door answered: {answer[0]}")
        return answer[1]

    def close(self) -> None:
        """Hang up."""
        self._line.close()


def _items(news: bytes) -> list[cbor.Value]:
    items = cbor.decode(news)
    return items if isinstance(items, list) else []


def _size_of(receipt: bytes, lock: LockAddress) -> int:
    try:
        return accept_receipt(receipt, lock.signing).size
    except Theirs:
        return 0


@dataclass(frozen=True, slots=True)
class Errand:
    """What to ask for, and what to bring along."""

    command: Command
    args: Mapping[int | str, cbor.Value] = field(default_factory=dict)
    bundle: list[cbor.Value] = field(default_factory=list)
    pin: bytes | None = None


async def visit(
    where: tuple[str, int], lock: LockAddress, holder: Holder, errand: Errand, *, seen: bool = False,
) -> Visited:
    """One errand at one lock. Raises Unreachable, Malformed, Untrusted."""
    visited = await _visit_once(where, lock, holder, errand, whole=not seen)
    if seen and visited.answer.coarse is Coarse.SHOW_MORE and visited.answer.receipt is None:
        visited = await _visit_once(where, lock, holder, errand, whole=True)
    return visited


async def _visit_once(
    where: tuple[str, int], lock: LockAddress, holder: Holder, errand: Errand, *, whole: bool,
) -> Visited:
    session = Session(await connect(*where), lock, holder)
    try:
        greeting = await session.greet()
        carried = session.carried(greeting, errand.bundle)
        if errand.pin is not None:
            carried[Carried.PIN] = errand.pin
        answer = await session.ask(errand.command, errand.args, carried, whole=whole)
    finally:
        session.close()
    receipt = whole_receipt(answer, lock.signing) if answer.receipt is not None else None
    return Visited(greeting, answer, receipt, news_in(answer))


def news_in(answer: Answer) -> dict[bytes, bytes]:
    """Revoke documents that the lock handed over, by id. They are verified wherever they are used."""
    found = {}
    listed = answer.body.get(2, [])
    for encoded in listed if isinstance(listed, list) else []:
        if isinstance(encoded, bytes):
            for item in read_bundle(_items(encoded)):
                found[parse(item.kind, item.document).id] = encoded
    return found


async def hello(where: tuple[str, int], code: Code) -> LockKeys:
    """Ask a new lock for its keys and check them against its code. Raises Unreachable, Untrusted."""
    line = await connect(*where)
    try:
        return read_hello(await line.say(bytes([HELLO])), code)
    finally:
        line.close()


async def take_over(where: tuple[str, int], keys: LockKeys, code: Code, takeover: Takeover) -> bytes:
    """Commission a new lock; returns its receipt. Raises Unreachable, Malformed, Untrusted."""
    line = await connect(*where)
    try:
        side = HolderSide(
            LockAddress(b"", b"", keys.link, keys.signing), secrets.token_bytes(32), psk(code.secret))
        side.read_greeting(await line.say(side.first()))
        request = Request(
            Command.COMMISSION, secrets.token_bytes(COMMAND_ID_BYTES), takeover.args(),
            TAKEOVER_ANSWER, Factors.NONE, bytes(64))
        answer = side.read_answer(await line.say(side.ask(request, TAKEOVER_ANSWER, _Nobody(keys))))
    finally:
        line.close()
    if answer.receipt is None:
        raise Unreachable("the lock did not take an owner; press its inside button and try again")
    return whole_receipt(answer, keys.signing)


class _Nobody:
    """In a commissioning conversation the secret proves the owner, so the proof is left empty."""

    def __init__(self, keys: LockKeys) -> None:
        self.public = keys.signing

    def sign(self, message: bytes) -> bytes:
        """No signature."""
        return bytes(64)


def document_id(document: bytes) -> bytes:
    """The name under which a lock answers for a delivered document."""
    return id_of(document)
