"""The second door: a real lock at a simulated door, visited over its real socket.

The lock is the product's. The visitor is not: it speaks the formats of
spec/vectors/making/plain.py, a second writing of them, so that product and visitor agree only where
the spec does.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from making import cast, links
from making.plain import Key, Noise, cbor
from tests.lockd.bent import bent_loop
from tests.vectors.vector import LOCK_SECRETS, Fields

from mortice.core import cbor as product_cbor
from mortice.core.log import About, Entry, Kind, Result, read_entry
from mortice.core.refusal import BY_NUMBER, Coarse
from mortice.drivers.simulated import SimulatedDoor
from mortice.lockd.daemon import Lock
from mortice.lockd.listen import Listener
from mortice.lockd.outside import FIRMWARE_AT
from mortice.lockd.secrets import LockSecrets, save_secrets
from mortice.lockd.watch import Watch

COARSE = dict(enumerate((code.value for code in Coarse), start=1))
COMMANDS = {"unlock": 1, "lock": 2, "hold_open": 3, "status": 4, "read_log": 5, "prove": 6,
            "deliver": 7, "set_time": 8, "restore": 10, "commission": 11}
STAPLE, STAPLE_CHAIN, BUNDLE, ASSERTION, PIN, RECEIPT = range(1, 7)
SILENCE = "silence"


class Board:
    """The machine under the lock. What it draws follows from what was drawn before."""

    made_at = FIRMWARE_AT

    def __init__(self, wall: int) -> None:
        self.next_ephemeral: bytes | None = None
        self._wall, self._start, self._drawn = wall, bent_loop().time(), 0

    def wall(self) -> int:
        return self._wall + int(self.count())

    def run_id(self) -> bytes:
        return b""  # a start is a start after a power cut

    def count(self) -> float:
        return bent_loop().time() - self._start

    def random(self, size: int) -> bytes:
        if size == 32 and self.next_ephemeral is not None:
            drawn, self.next_ephemeral = self.next_ephemeral, None
            return drawn
        self._drawn += 1
        return hashlib.shake_256(b"board %d" % self._drawn).digest(size)


class Door(SimulatedDoor):
    """A simulated door whose motor can fail, and which counts its drives."""

    def __init__(self) -> None:
        super().__init__()
        self.drives = 0
        self.broken = False

    async def drive(self, order: Any) -> Any:  # noqa: ANN401 (as the door it stands in for)
        self.drives += 1
        if self.broken:
            raise RuntimeError("the motor's driver failed")
        return await super().drive(order)


@dataclass(frozen=True)
class Answered:
    """What a visitor was told: yes (None), a coarse code, or silence; and what came with a yes."""

    said: str | None
    result: str | None = None
    body: dict[Any, Any] = field(default_factory=dict)


SILENT = Answered(SILENCE)


@dataclass
class Stand:
    """One lock, and where it listens."""

    lock: Lock
    door: Door
    board: Board
    address: tuple[str, int]

    # --- what the lock wrote down --------------------------------------------------------------

    @property
    def size(self) -> int:
        return self.lock.store.size

    def entries(self, since: int = 0) -> list[Entry]:
        rows = self.lock.store.entries(since, self.size)
        return [read_entry(body) for _, body, _ in rows]

    def refusal(self, since: int) -> tuple[str, str] | None:
        """Reason and check of the newest refusal from entry `since` on."""
        refused = [entry for entry in self.entries(since) if entry.kind is Kind.REFUSED]
        if not refused:
            return None
        about = refused[-1].about
        number = about[About.REASON]
        assert isinstance(number, int)
        return BY_NUMBER[number].value, str(about[About.CHECK])

    def has_moved(self) -> bool:
        """Is the newest entry what was seen of the bolt?"""
        return self.entries(self.size - 1)[-1].kind is Kind.MOVED

    # --- what a visitor does -------------------------------------------------------------------

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            yield Line(reader, writer)
        finally:
            writer.close()

    @asynccontextmanager
    async def greeted(self, site: bytes = cast.SITE) -> AsyncIterator[Talk]:
        """A conversation up to and with message 2."""
        async with self.line() as line:
            talk = Talk(line, Noise(links.prologue(site), cast.LINK_PUBLIC))
            talk.first = links.opening(talk.noise.write_first(self.board.random(32)))
            second = await line.say(talk.first)
            assert second is not None, "an owned lock greets"
            talk.greeting = talk.noise.read_second(second)
            yield talk

    async def visit(self, asked: Request) -> Answered:
        """One whole visit."""
        async with self.greeted() as talk:
            return await talk.ask(asked)

    async def deliver(self, *items: list[Any]) -> list[int]:
        """Documents, brought by the owner's phone; what the lock did with each."""
        answered = await self.visit(Request(
            cast.owner_link().wire, cast.owner_link().id, cast.OWNER, "status",
            carried={BUNDLE: [*items]}))
        return [result for _, result, _ in answered.body[1]]

    async def until(self, true: Any) -> None:  # noqa: ANN401 (a condition)
        """Let time pass until `true()`."""
        for _ in range(1000):
            if true():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("what was waited for did not happen")


@dataclass(frozen=True)
class Request:
    """What message 3 is to say. `signed` replaces parts of what the holder's proof covers."""

    key: Any
    leaf: bytes
    holder: Key
    command: str = "unlock"
    args: dict[Any, Any] = field(default_factory=dict)
    carried: dict[int, Any] = field(default_factory=dict)
    passkey: Key | None = None
    signed: Fields = field(default_factory=dict)
    touched: bytes | None = None  # what the passkey touched for, if not this proof
    command_id: bytes = links.COMMAND_ID


@dataclass
class Talk:
    """An open conversation, seen from the visitor's side."""

    line: Line
    noise: Noise
    first: bytes = b""  # message 1
    greeting: bytes = b""  # the payload of message 2

    def proof(self, asked: Request) -> bytes:
        """What the holder signs for `asked`."""
        heard: Any = product_cbor.decode(self.greeting)
        parts = {"leaf": asked.leaf, "command": COMMANDS[asked.command],
                 "command_id": asked.command_id, "args": asked.args, "size": heard[3],
                 "root": heard[4], "handshake": self.noise.h} | asked.signed
        return links.proof_bytes(parts.pop("handshake"), parts.pop("leaf"), **parts)

    def message(self, asked: Request) -> bytes:
        """Message 3."""
        proof, carried = self.proof(asked), dict(asked.carried)
        if asked.passkey is not None:
            carried[ASSERTION] = cast.assertion(asked.touched or proof, asked.passkey)
        return self.noise.say(links.request_bytes(
            asked.key, asked.holder.sign(proof), command=COMMANDS[asked.command],
            command_id=asked.command_id, args=asked.args, carried=carried))

    async def ask(self, asked: Request) -> Answered:
        """Messages 3 and 4."""
        return self.read_answer(await self.line.say(self.message(asked)))

    def read_answer(self, message: bytes | None) -> Answered:
        if message is None:
            return SILENT
        parts: Any = product_cbor.decode(self.noise.hear(message))
        said = COARSE[parts[0]] if parts[0] else None
        body = parts[-1] if isinstance(parts[-1], dict) else {}
        result = Result(parts[1]).name.lower() if len(parts) > 2 else None
        return Answered(said, result, body)

    async def deliver(self, *items: list[Any]) -> list[Any]:
        """Documents in a further request; what became of each."""
        plain = cbor([COMMANDS["deliver"], bytes(8), {1: [*items]}])
        answer = await self.line.say(self.noise.say(plain))
        assert answer is not None
        parts: Any = product_cbor.decode(self.noise.hear(answer))
        found: list[Any] = parts[1]
        return found

    async def later(self, command: str, args: dict[Any, Any]) -> Answered:
        """A further request."""
        plain = cbor([COMMANDS[command], bytes(8), args])
        answer = await self.line.say(self.noise.say(plain))
        if answer is None:
            return SILENT
        parts: Any = product_cbor.decode(self.noise.hear(answer))
        return Answered(parts[0])


@dataclass
class Line:
    """Two bytes of length, then a message."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, message: bytes) -> bytes | None:
        """The lock's answer, or None where it hangs up."""
        self.writer.write(len(message).to_bytes(2, "big") + message)
        try:
            length = int.from_bytes(await self.reader.readexactly(2), "big")
            return await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None


# --- a lock, and its taking over ------------------------------------------------------------------


@asynccontextmanager
async def new_lock(folder: Path, wall: int = cast.NOW) -> AsyncIterator[Stand]:
    """The lock under test, without an owner."""
    save_secrets(folder, LockSecrets(dict(LOCK_SECRETS)))
    door, board = Door(), Board(wall)
    lock = Lock(folder, door, board)
    watch, listener = Watch(lock), Listener(lock)
    watch.start()
    try:
        yield Stand(lock, door, board, await listener.start("127.0.0.1", 0))
    finally:
        await listener.stop()
        await watch.stop()
        lock.close()


def press_inside_button(stand: Stand) -> None:
    """A short press: ten minutes begin."""
    stand.door.push_inside_button()
    stand.door.release_inside_button()


async def take_over(
    stand: Stand, args: dict[Any, Any], command: str = "commission", secret: bytes | None = None,
) -> Answered:
    """The commissioning conversation, by whoever has scanned the code."""
    secret = LOCK_SECRETS["takeover"] if secret is None else secret
    psk = hashlib.sha256(b"mortice-takeover/1" + secret).digest()
    async with stand.line() as line:
        talk = Talk(line, Noise(links.prologue(bytes(16), bytes(8)), cast.LINK_PUBLIC, psk))
        first = links.opening(talk.noise.write_first(stand.board.random(32)), links.TAKEOVER)
        second = await line.say(first)
        if second is None:
            return SILENT
        talk.greeting = talk.noise.read_second(second)
        request = links.request_bytes(bytes(16), command=COMMANDS[command], args=args)
        return talk.read_answer(await line.say(talk.noise.say(request)))


@asynccontextmanager
async def owned_lock(
    folder: Path, site: bytes, doors: bytes, at: int = cast.NOW,
) -> AsyncIterator[Stand]:
    """The lock under test, taken over with these documents at second `at`."""
    async with new_lock(folder, at) as stand:
        press_inside_button(stand)
        taken = await take_over(stand, {1: cast.STREET, 2: site, 3: doors, 4: at})
        assert taken.said is None, "the lock takes its first owner"
        yield stand
