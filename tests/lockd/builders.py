"""A real lock at a simulated door on a bent machine, and people who visit it.

Site, keys and chains are those of the tests of the core (tests/core/cast.py). Nothing here checks
anything, except that the holder's side of the link checks every receipt that a lock signs.
"""

# ruff: noqa: ANN401 — a builder takes any field of what it builds
from __future__ import annotations

import asyncio
import io
import random
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from tests.core.cast import (
    FRONT,
    GRANTER,
    PAPER,
    REVOKER,
    ROOT,
    SITE,
    Chain,
    first,
    key,
    site,
)
from tests.lockd.bent import Board

from mortice.client.audit import HEAD_FRAME, Audit, Auditor, entry_frame, frame, frames
from mortice.client.audit import MAGIC as LOG_MAGIC
from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.commissioning import TAKEOVER_ANSWER, Takeover, psk
from mortice.core.config import CONFIG, Config, sign_config
from mortice.core.enrolment import sealed_context
from mortice.core.freshness import TIME, sign_time
from mortice.core.grant import ENROL, CredentialKind, Rights
from mortice.core.keys import SoftwareKey
from mortice.core.link import HolderSide, LockAddress, whole_receipt
from mortice.core.log import Entry, Kind, accept_receipt, read_entry
from mortice.core.merkle import leaf_hash
from mortice.core.messages import Answer, Carried, Greeting, Request
from mortice.core.refusal import BY_NUMBER, Reason
from mortice.core.revocation import REVOKE, Revoked, sign_revocation
from mortice.core.site import DoorMap, LockKeys, MappedDoor, Site, sign_doors, sign_site
from mortice.core.stages import Factors, Granted, Relock
from mortice.drivers.simulated import Physics, SimulatedDoor
from mortice.lockd.conversation import Conversation
from mortice.lockd.daemon import Lock
from mortice.lockd.deliver import HPKE
from mortice.lockd.listen import LENGTH_BYTES, Listener
from mortice.lockd.watch import Watch

NOW = 1_796_209_200  # Wednesday 2 December 2026, 11:00 in London (and UTC)
MINUTE, HOUR, DAY = 60, 3600, 86_400
LONDON = "Europe/London"
USE = Rights.UNLOCK | Rights.LOCK
EVERYTHING = Rights(1023)
NEVER_SHOWN = bytes(64)


# --- people and their keys ----------------------------------------------------------------------


def tenant(name: str = "tenant", **terms: Any) -> Chain:
    """A resident's key without times, who may put PINs on the door."""
    return first(key(name), **{
        "use": USE | Rights.HOLD_OPEN | Rights.ENROL, "delegable": USE | Rights.HOLD_OPEN,
        "depth": 3, "resident": True} | terms)


def owner_key(name: str = "owner's phone", **terms: Any) -> Chain:
    return first(key(name), **{
        "use": EVERYTHING, "delegable": EVERYTHING, "depth": 4, "resident": True} | terms)


def guest(name: str = "guest", **terms: Any) -> Chain:
    """A key from an hour ago until tomorrow."""
    return first(key(name), **{
        "use": Rights.UNLOCK, "nbf": NOW - HOUR, "exp": NOW + DAY} | terms)


def door_map(lock: LockKeys, version: int = 1, *, signer: SoftwareKey = GRANTER) -> bytes:
    door = MappedDoor(FRONT, "Front door", LONDON, lock)
    return sign_doors(DoorMap(SITE, version, (door,)), signer)


def root_bytes(root: Site | None = None, *signers: SoftwareKey) -> bytes:
    return sign_site(root or site(), list(signers) or [ROOT, PAPER])


# --- documents for a bundle ---------------------------------------------------------------------


def revoke_item(
    *named: bytes, signer: SoftwareKey = REVOKER, chain: Chain | None = None,
    expires: int | None = None,
) -> list[cbor.Value]:
    document = sign_revocation(SITE, [Revoked(each, expires) for each in named], signer)
    return [REVOKE, document] if chain is None else [REVOKE, document, chain.wire]


def config_item(version: int = 1, *, signer: SoftwareKey = GRANTER, **settings: Any) -> list[Any]:
    return [CONFIG, sign_config(SITE, Config(FRONT, version, **settings), signer)]


def enrol_item(
    lock: Lock, above: Chain, digits: str, *, slot: int = 3, version: int = 1, **terms: Any,
) -> list[cbor.Value]:
    """A PIN on `lock` below `above`, sealed as a phone seals it."""
    context = sealed_context(above.leaf.holder.id, above.leaf.id, slot)
    sealing = X25519PublicKey.from_public_bytes(lock.secrets.public.sealing)
    sealed = terms.pop("sealed", None) or HPKE.encrypt(digits.encode(), sealing, info=context)
    terms = {"use": Rights.UNLOCK, "holder": lock.secrets.signing} | terms
    enrolled = above.enrol(
        CredentialKind.PIN, slot=slot, version=version, sealed=sealed, **terms)
    return [ENROL, enrolled.leaf_bytes, above.wire]


# --- the door and its lock ----------------------------------------------------------------------


class Door(SimulatedDoor):
    """A simulated door that remembers each drive, and lets a test look in at that moment."""

    def __init__(self, physics: Physics = Physics()) -> None:  # noqa: B008 — frozen
        super().__init__(physics)
        self.driven: list[Granted | Relock] = []
        self.at_drive: Callable[[], None] = lambda: None
        self.after_drive: Callable[[], None] = lambda: None

    async def drive(self, order: Granted | Relock) -> Any:
        self.driven.append(order)
        self.at_drive()
        sight = await super().drive(order)
        self.after_drive()
        return sight


@dataclass
class Stand:
    """One lock, its door and its machine, through as many lives of the daemon as a test likes."""

    folder: Path
    board: Board
    door: Door
    lock: Lock
    watch: Watch | None = None
    listener: Listener | None = None

    @classmethod
    def new(cls, folder: Path, seed: str = "") -> Stand:
        board, door = Board(NOW, seed), Door()
        return cls(folder, board, door, Lock(folder, door, board))

    def commission(self, root: Site | None = None) -> Stand:
        """Taken over by the site, through the link, as a phone does."""
        self.lock.window.press(self.board.count())
        assert Takeoff(self.lock).run(self.takeover(root)).coarse is None
        return self

    def takeover(self, root: Site | None = None) -> Takeover:
        """What the owner tells a new lock."""
        return Takeover(FRONT, root_bytes(root), door_map(self.lock.secrets.public), NOW)

    @property
    def address(self) -> LockAddress:
        keys = self.lock.secrets.public
        return LockAddress(SITE, FRONT, keys.link, keys.signing)

    def watched(self) -> Watch:
        """Begin to listen to the door."""
        self.watch = Watch(self.lock)
        self.watch.start()
        return self.watch

    async def listening(self, **bounds: Any) -> tuple[str, int]:
        self.listener = Listener(self.lock, **bounds)
        return await self.listener.start("127.0.0.1", 0)

    # --- power ----------------------------------------------------------------------------------

    def die(self) -> None:
        """The power goes: nothing is said and nothing is written any more."""
        self.door.listen(lambda _: None)
        if self.watch is not None:
            self.watch.halt()
        if self.listener is not None:
            self.listener.halt()
        self.lock.store.close()
        self.watch = self.listener = None

    def boot(self) -> Lock:
        """Power is back; the disk is all that is left."""
        self.board.boot()
        self.lock = Lock(self.folder, self.door, self.board)
        return self.lock

    def power_cut(self, seconds: float = 0.0) -> Lock:
        watched = self.watch is not None
        self.die()
        self.board.loop.jump(seconds)
        lock = self.boot()
        if watched:
            self.watched()
        return lock

    def copy(self, to: Path) -> Path:
        """The disk as it is at this moment: what a power cut now would leave."""
        shutil.copytree(self.folder, to)
        return to

    # --- what there is to see -------------------------------------------------------------------

    def log(self, lock: Lock | None = None) -> list[Entry]:
        return log_of(lock or self.lock)

    def kinds(self) -> list[Kind]:
        return [entry.kind for entry in self.log()]

    def last(self, kind: Kind) -> Entry:
        return next(entry for entry in reversed(self.log()) if entry.kind is kind)

    def count_of(self, kind: Kind) -> int:
        return self.kinds().count(kind)

    def audit(self, *receipts: bytes) -> Audit:
        return audit_of(self.lock, *receipts)

    @property
    def moves(self) -> int:
        return len(self.door.driven)

    # --- visits ---------------------------------------------------------------------------------

    async def visit(self, chain: Chain, command: Command = Command.UNLOCK, **ask: Any) -> Said:
        """One whole visit, over bytes."""
        return await Visit(self.lock, chain, ask.pop("source", "phone")).run(command, **ask)

    async def deliver(self, *items: list[cbor.Value], by: Chain | None = None) -> list[Fate]:
        """What became of each document that somebody carried in."""
        said = await self.visit(by or tenant("courier"), Command.DELIVER, bundle=list(items))
        return said.fates

    async def opens(self, chain: Chain, **ask: Any) -> bool:
        return (await self.visit(chain, **ask)).answer.coarse is None

    async def reason(self, chain: Chain, command: Command = Command.UNLOCK, **ask: Any) -> Reason:
        """Why a visit was refused, as the owner reads it in the log."""
        before = self.lock.store.size
        said = await self.visit(chain, command, **ask)
        assert said.answer.coarse is not None, "it was not refused"
        return next(reason_in(e) for e in self.log()[before:] if e.kind is Kind.REFUSED)

    async def press(self, keys: str) -> None:
        """Press keys at the keypad: digits, `#` for enter, `c` for clear; wait for the verdict."""
        assert self.watch is not None
        for symbol in keys:
            self.door.press({"#": "enter", "c": "clear"}.get(symbol, symbol))
        await self.settled()

    async def settled(self) -> None:
        """Until the keypad has dealt with what was pressed and the motor stands still."""
        watch = self.watch
        assert watch is not None
        await self.board.until(
            lambda: watch._presses.empty() and not watch._keypad._busy.locked()
            and not self.lock.motor.locked())
        await asyncio.sleep(0.01)


class Commits:
    """Counts what SQLite is asked to make durable, and when the motor starts."""

    def __init__(self, stand: Stand) -> None:
        self.commits = 0
        self.before_bolt: list[int] = []
        self._stand = stand
        stand.lock.store._db.set_trace_callback(self._traced)
        stand.door.at_drive = lambda: self.before_bolt.append(self.commits)

    def _traced(self, statement: str) -> None:
        self.commits += statement == "COMMIT"


def reason_in(entry: Entry) -> Reason:
    number = entry.about[3]
    assert isinstance(number, int)
    return BY_NUMBER[number]


def log_of(lock: Lock) -> list[Entry]:
    return [read_entry(body) for _, body, _ in lock.store.entries(0, 1_000_000)]


def audit_of(lock: Lock, *receipts: bytes) -> Audit:
    """The whole log through the audit that a stranger would run, with the lock's key alone."""
    parts = [LOG_MAGIC]
    for _, body, seal in lock.store.entries(0, 1_000_000):
        parts.append(entry_frame(body, leaf_hash(body)))
        if seal is not None:
            parts.append(frame(HEAD_FRAME, seal))
    parts.append(frame(HEAD_FRAME, lock.recorder.head()))
    parts += [frame(ord("R"), receipt) for receipt in receipts]
    return Auditor(lock.secrets.signing.public).run(frames(io.BytesIO(b"".join(parts))))


# --- visits over bytes --------------------------------------------------------------------------


@dataclass(frozen=True)
class Fate:
    """What became of one delivered document."""

    document: bytes
    result: int  # 0 applied, -1 known, else the number of a reason
    receipt: bytes | None

    @property
    def reason(self) -> Reason | None:
        return BY_NUMBER.get(self.result)


@dataclass(frozen=True)
class Said:
    """What a visit brought back."""

    greeting: Greeting
    answer: Answer
    receipt: bytes | None
    messages: list[bytes] = field(default_factory=list)

    @property
    def fates(self) -> list[Fate]:
        listed = self.answer.body.get(1, [])
        assert isinstance(listed, list)
        return [Fate(*item) for item in listed]  # type: ignore[misc]

    @property
    def news(self) -> list[bytes]:
        listed = self.answer.body.get(2, [])
        assert isinstance(listed, list)
        return [item for item in listed if isinstance(item, bytes)]


class Visit:
    """A holder's side of one conversation with a lock, message by message."""

    chance = random.Random("phones")

    def __init__(self, lock: Lock, chain: Chain, source: str = "phone") -> None:
        keys = lock.secrets.public
        self.lock, self.chain = lock, chain
        self.conversation = Conversation(lock, source)
        self.side = HolderSide(
            LockAddress(SITE, FRONT, keys.link, keys.signing), self.chance.randbytes(32))
        self.messages: list[bytes] = []
        self.greeting: Greeting | None = None

    async def hear(self, message: bytes) -> bytes:
        answer = await self.conversation.hear(message)
        self.messages += [message, answer]
        return answer

    async def greet(self) -> Greeting:
        self.greeting = self.side.read_greeting(await self.hear(self.side.first()))
        return self.greeting

    def third(  # noqa: PLR0913 — all that a request may hold
        self, command: Command = Command.UNLOCK, *,
        args: Mapping[int | str, cbor.Value] | None = None, whole: bool = True,
        command_id: bytes | None = None, bundle: list[Any] | None = None,
        pin: str | None = None, carried: Mapping[int | str, cbor.Value] | None = None,
        signer: SoftwareKey | None = None, change: Callable[[Request], Request] = lambda r: r,
    ) -> bytes:
        """Message 3. `change` edits the request before it is proved."""
        extra: dict[int | str, cbor.Value] = dict(carried or {})
        if bundle is not None:
            extra[Carried.BUNDLE] = bundle
        if pin is not None:
            extra[Carried.PIN] = pin.encode()
        request = change(Request(
            command, command_id or self.chance.randbytes(8), args or {},
            self.chain.wire if whole else self.chain.leaf.id, Factors.NONE, NEVER_SHOWN, extra))
        return self.side.ask(request, self.chain.leaf.id, signer or self.chain.holder)

    async def ask(self, command: Command = Command.UNLOCK, **ask: Any) -> Said:
        greeting = self.greeting
        assert greeting is not None
        answer = self.side.read_answer(await self.hear(self.third(command, **ask)))
        signing = self.lock.secrets.signing.public
        receipt = whole_receipt(answer, signing) if answer.receipt else None
        return Said(greeting, answer, receipt, self.messages)

    async def run(self, command: Command = Command.UNLOCK, **ask: Any) -> Said:
        await self.greet()
        return await self.ask(command, **ask)

    async def later(
        self, command: Command, args: Mapping[int | str, cbor.Value] | None = None) -> Any:
        message = self.side.later(command, self.chance.randbytes(8), args or {})
        return self.side.read_later(await self.hear(message))

    def time_item(self, at: int, chain: Chain | None = None, **changes: Any) -> list[Any]:
        """The time, attested within this conversation by the holder of a chain or by `signer`."""
        lock = changes.get("lock", self.lock.secrets.public.id)
        nonce = changes.get("nonce", self.side.handshake)
        signer = changes.get("signer") or (chain or self.chain).holder
        document = sign_time(SITE, lock, nonce, at, signer)
        return [TIME, document] if "signer" in changes else [
            TIME, document, (chain or self.chain).wire]


class Takeoff:
    """The owner's side of a take-over, over bytes."""

    def __init__(self, lock: Lock, secret: bytes | None = None) -> None:
        keys = lock.secrets.public
        code = lock.secrets.code
        self.conversation = Conversation(lock, "phone")
        self.side = HolderSide(
            LockAddress(b"", b"", keys.link, keys.signing), Visit.chance.randbytes(32),
            psk(code.secret if secret is None else secret))
        self._nobody = key("nobody")

    def first(self) -> bytes:
        return self.side.first()

    def third(self, takeover: Takeover, command: Command = Command.COMMISSION) -> bytes:
        request = Request(
            command, Visit.chance.randbytes(8), takeover.args(), TAKEOVER_ANSWER,
            Factors.NONE, NEVER_SHOWN)
        return self.side.ask(request, TAKEOVER_ANSWER, self._nobody)

    def run(self, takeover: Takeover) -> Answer:
        """All four messages. Nothing in a take-over waits."""
        self.side.read_greeting(at_once(self.conversation.hear(self.first())))
        return self.side.read_answer(at_once(self.conversation.hear(self.third(takeover))))


def at_once(work: Any) -> Any:
    """The result of something asynchronous that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise AssertionError("expected no waiting, but it waits")


def receipt_of(fate: Fate, lock: Lock) -> Any:
    """The receipt of a delivered document, if it is this lock's word."""
    assert fate.receipt is not None
    return accept_receipt(fate.receipt, lock.secrets.signing.public)


# --- over TCP -----------------------------------------------------------------------------------


class Wire:
    """One TCP connection that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, message: bytes) -> None:
        self.writer.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)

    async def receive(self) -> bytes:
        length = int.from_bytes(await self.reader.readexactly(LENGTH_BYTES), "big")
        return await self.reader.readexactly(length)

    async def say(self, message: bytes) -> bytes:
        self.send(message)
        return await self.receive()

    async def ended(self) -> bool:
        """Wait until the lock hangs up, without a word."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def wire_to(where: tuple[str, int], source: str = "127.0.0.1") -> AsyncIterator[Wire]:
    """A connection from `source`, which may be any address of the loopback network."""
    wire = Wire(*await asyncio.open_connection(*where, local_addr=(source, 0)))
    try:
        yield wire
    finally:
        wire.close()


class WireVisit(Visit):
    """A visit over a TCP connection."""

    def __init__(self, lock: Lock, chain: Chain, wire: Wire) -> None:
        super().__init__(lock, chain)
        self.wire = wire

    async def hear(self, message: bytes) -> bytes:
        return await self.wire.say(message)


