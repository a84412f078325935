"""Real locks dial in to a real hub end over loopback, and whoever is none gets nowhere."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from mortice.client.visit import Delivered, Errand, Holder, Session
from mortice.client.wallet import Wallet
from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.document import id_of, sign
from mortice.core.errors import Theirs
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.link import mac1, mac_key
from mortice.core.log import Kind, accept_head, read_entry
from mortice.core.noise import Initiator, StaticKey, Transport
from mortice.core.revocation import REVOKE, Revoked, sign_revocation
from mortice.core.site import Role
from mortice.drivers.simulated import Physics
from mortice.hub.lines import (
    UNHEARD,
    UPLINK,
    Batch,
    KnownLock,
    Lines,
    NotConnected,
    Seen,
    Stream,
    StreamEnded,
)
from mortice.sim.running import DoorPlan, RunningDoor
from mortice.sim.world import OWNER, PASSPHRASE, World

QUICK = Physics(travel_seconds=0.02)
FRONT = DoorPlan("Front door", "14 Alder Road", "14", "#0B4D3B")
PATIENCE = 10.0


@dataclass
class Notes:
    """A ledger on paper: believes nothing that is out of place, keeps everything."""

    known: dict[bytes, KnownLock] = field(default_factory=dict)
    bodies: dict[bytes, list[bytes]] = field(default_factory=dict)
    heads: list[bytes] = field(default_factory=list)
    mail: list[tuple[int, list[bytes]]] = field(default_factory=list)
    answers: list[tuple[int, list[Delivered]]] = field(default_factory=list)
    statuses: list[Mapping[int | str, cbor.Value]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    gone: int = 0
    start_at: int | None = None  # a position that is a lie
    pulse: asyncio.Event = field(default_factory=asyncio.Event)

    async def lock(self, lock_id: bytes) -> KnownLock | None:
        return self.known.get(lock_id)

    async def position(self, lock_id: bytes) -> int:
        return len(self.bodies.get(lock_id, ())) if self.start_at is None else self.start_at

    async def take(self, lock_id: bytes, batch: Batch) -> int:
        kept = self.bodies.setdefault(lock_id, [])
        if batch.first == len(kept):
            kept += [body for body, _ in batch.entries]
        self.heads += [batch.head] if batch.head else []
        self.pulse.set()
        return len(kept)

    async def waiting(self, lock_id: bytes, seen: Seen) -> list[tuple[int, list[bytes]]]:
        self.seen.append(seen)
        return self.mail

    async def delivered(self, lock_id: bytes, number: int, results: list[Delivered]) -> None:
        self.answers.append((number, results))
        self.mail = [one for one in self.mail if one[0] != number]
        self.pulse.set()

    async def heard(
        self, lock_id: bytes, status: Mapping[int | str, cbor.Value] | None, connected: bool,
    ) -> None:
        self.statuses += [status] if status is not None else []
        self.gone += not connected
        self.pulse.set()

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():
                self.pulse.clear()
                await self.pulse.wait()


@dataclass
class Stand:
    """A hub's lines, a ledger, and one door whose settings name the hub."""

    notes: Notes
    lines: Lines
    world: World
    door: RunningDoor
    address: tuple[str, int]

    @property
    def lock_id(self) -> bytes:
        return self.door.lock.secrets.public.id

    @property
    def size(self) -> int:
        return self.door.lock.store.size

    async def name_the_hub(self, key: bytes | None = None) -> None:
        named = key or self.lines.key.public
        await self.world.configure(
            FRONT.slug, 0, (named, "{}:{}".format(*self.address)))

    async def caught_up(self) -> None:
        await self.notes.until(
            lambda: len(self.notes.bodies.get(self.lock_id, ())) == self.size)


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    world = World(tmp_path / "home", QUICK)
    world.home.folder.mkdir()
    world.found("Lines")
    door = await world.run(FRONT)
    world.owner_key()
    notes = Notes()
    keys = door.lock.secrets.public
    notes.known[keys.id] = KnownLock(
        keys.signing, world.home.site().id, door.lock.owner().place.door)
    lines = Lines(StaticKey(secrets.token_bytes(32)), notes)
    lines.start()
    address = await lines.listen("127.0.0.1", 0)
    yield Stand(notes, lines, world, door, address)
    await world.stop()
    await lines.close()


class Line:
    """A client's line over a relayed stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def say(self, message: bytes, seconds: float = 0) -> bytes:
        await self._stream.send(message)
        return await self._stream.receive()

    ask = say


def owners_session(stand: Stand, stream: Stream) -> Session:
    wallet, door = Wallet(stand.world.home, OWNER), stand.world.home.door(FRONT.slug)
    held = wallet.keys()[-1]
    holder = Holder(wallet.key, held.wire, held.leaf.id)
    return Session(Line(stream), stand.world.lock_address(door), holder)  # type: ignore[arg-type]


async def test_a_log_comes_up_whole_and_goes_on_coming(stand: Stand) -> None:
    await stand.name_the_hub()
    await stand.caught_up()
    await stand.world.visit(OWNER, FRONT.slug, Command.UNLOCK)
    await stand.caught_up()
    bodies = stand.notes.bodies[stand.lock_id]
    assert [read_entry(body).index for body in bodies] == list(range(stand.size))
    assert Kind.GRANTED in {read_entry(body).kind for body in bodies}
    head = accept_head(stand.notes.heads[-1], stand.door.lock.secrets.signing.public)
    assert (head.size, head.root) == (stand.size, stand.door.lock.store.root())


async def test_it_says_how_its_door_stands(stand: Stand) -> None:
    await stand.name_the_hub()
    await stand.world.visit(OWNER, FRONT.slug, Command.UNLOCK)
    await stand.notes.until(
        lambda: stand.notes.statuses and stand.notes.statuses[-1]["state"] == "unlocked")


async def test_a_lock_that_was_away_catches_up_in_pages(
    stand: Stand, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mortice.lockd.reading.LOG_PAGE", 3)
    for _ in range(6):
        await stand.world.visit(OWNER, FRONT.slug, Command.UNLOCK)
    await stand.name_the_hub()
    await stand.caught_up()
    assert len(stand.notes.bodies[stand.lock_id]) > 6


async def test_a_document_goes_down_and_its_receipt_comes_back(stand: Stand) -> None:
    revoke_key = stand.world.home.site_key(Role.REVOKE, PASSPHRASE)
    document = sign_revocation(
        stand.world.home.site().id, [Revoked(secrets.token_bytes(16), None)], revoke_key)
    await stand.name_the_hub()
    await stand.caught_up()
    stand.notes.mail = [(7, [cbor.encode([REVOKE, document])])]
    stand.lines.nudge(stand.lock_id)
    await stand.notes.until(lambda: stand.notes.answers)
    number, [result] = stand.notes.answers[0]
    assert (number, result.document, result.refused) == (7, id_of(document), None)
    assert result.receipt


async def test_what_the_hub_makes_up_itself_is_refused(stand: Stand) -> None:
    stranger = SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))
    document = sign_revocation(
        stand.world.home.site().id, [Revoked(secrets.token_bytes(16), None)], stranger)
    stand.notes.mail = [(1, [cbor.encode([REVOKE, document])])]
    await stand.name_the_hub()
    await stand.notes.until(lambda: stand.notes.answers)
    assert stand.notes.answers[0][1][0].refused is not None


async def test_a_holder_who_is_away_opens_through_the_relay(stand: Stand) -> None:
    await stand.name_the_hub()
    await stand.caught_up()
    session = owners_session(stand, await stand.lines.open_stream(stand.lock_id))
    visited = await session.ask(await session.greet(), Errand(Command.UNLOCK), whole=True)
    assert visited.answer.coarse is None
    assert visited.receipt


async def test_a_proof_that_was_kept_back_is_worth_nothing(
    stand: Stand, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mortice.core.limits.PROOF_SECONDS_RELAYED", -1.0)
    monkeypatch.setattr("mortice.lockd.uplink.GRACE_SECONDS", 60.0)
    await stand.name_the_hub()
    await stand.caught_up()
    session = owners_session(stand, await stand.lines.open_stream(stand.lock_id))
    visited = await session.ask(await session.greet(), Errand(Command.UNLOCK), whole=True)
    assert visited.answer.coarse is not None
    kinds = [read_entry(body).kind for _, body, _ in stand.door.lock.store.entries(0, 99)]
    assert Kind.GRANTED not in kinds[kinds.index(Kind.CONFIGURED):]


async def test_more_conversations_than_a_lock_holds_are_ended_at_once(stand: Stand) -> None:
    await stand.name_the_hub()
    await stand.caught_up()
    sessions = []
    for _ in range(8):
        sessions.append(owners_session(stand, await stand.lines.open_stream(stand.lock_id)))
        await sessions[-1].greet()
    with pytest.raises(StreamEnded):
        await owners_session(stand, await stand.lines.open_stream(stand.lock_id)).greet()


async def test_nonsense_ends_its_own_conversation_only(stand: Stand) -> None:
    await stand.name_the_hub()
    await stand.caught_up()
    good = owners_session(stand, await stand.lines.open_stream(stand.lock_id))
    greeting = await good.greet()
    bad = await stand.lines.open_stream(stand.lock_id)
    await bad.send(b"\x01" + bytes(80))
    with pytest.raises(StreamEnded):
        await bad.receive()
    assert (await good.ask(greeting, Errand(Command.UNLOCK), whole=True)).answer.coarse is None


async def test_a_hub_with_another_key_hears_nothing(stand: Stand) -> None:
    await stand.name_the_hub(StaticKey(secrets.token_bytes(32)).public)
    await asyncio.sleep(0.3)  # long enough for a line that should not come
    assert not stand.lines.connected(stand.lock_id)
    assert stand.notes.seen == []


async def test_positions_beyond_the_log_bring_a_head_and_nothing_else(stand: Stand) -> None:
    stand.notes.start_at = 10_000
    await stand.name_the_hub()
    await stand.notes.until(lambda: stand.notes.heads)
    assert stand.notes.bodies.get(stand.lock_id, []) == []
    assert stand.lines.connected(stand.lock_id)


async def test_a_hub_that_went_away_is_found_again(stand: Stand) -> None:
    await stand.name_the_hub()
    await stand.caught_up()
    await stand.lines.close()
    assert (await stand.world.visit(OWNER, FRONT.slug, Command.UNLOCK)).answer.coarse is None
    stand.lines = Lines(stand.lines.key, stand.notes)
    stand.lines.start()
    await stand.lines.listen(*stand.address)
    await stand.caught_up()


async def test_without_a_hub_in_its_settings_the_line_ends(stand: Stand) -> None:
    await stand.name_the_hub()
    await stand.caught_up()
    await stand.world.configure(FRONT.slug, 0)
    await stand.notes.until(lambda: stand.notes.gone)
    assert not stand.lines.connected(stand.lock_id)


# --- whoever is no lock of this hub ---------------------------------------------------------------


class Caller:
    """Somebody who knows the hub's key and speaks the protocol."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.transport: Transport
        self.handshake = b""

    async def dial(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(*self.stand.address)
        noise = Initiator(UPLINK, self.stand.lines.key.public, secrets.token_bytes(32))
        first = b"\x04" + noise.write()
        self.send(first + mac1(mac_key(self.stand.lines.key.public, UPLINK), first))
        noise.read(await self.message())
        self.transport, self.handshake = noise.transport(), noise.handshake_hash

    def send(self, message: bytes) -> None:
        self.writer.write(len(message).to_bytes(2, "big") + message)

    def say(self, *frame: cbor.Value) -> None:
        self.send(self.transport.seal(cbor.encode([*frame])))

    async def message(self) -> bytes:
        length = int.from_bytes(await self.reader.readexactly(2), "big")
        return await self.reader.readexactly(length)

    def hello(self, signer: SoftwareKey, **other: cbor.Value) -> bytes:
        said: dict[str, cbor.Value] = {
            "handshake": self.handshake, "door": self.stand.door.lock.owner().place.door,
            "incarnation": 0, "size": 0, "root": bytes(32), "news": bytes(8), "site": 1,
            "doors": 1, "config": 1, "time": 0, "at": 0}
        return sign(UPLINK.decode(), [*(said | other).values()], signer)

    async def is_ended(self) -> bool:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    await self.message()
        return True


@pytest.fixture
async def caller(stand: Stand) -> AsyncIterator[Caller]:
    made = Caller(stand)
    await made.dial()
    yield made
    made.writer.close()


LIES: dict[str, Callable[[Caller], bytes]] = {
    "a stranger": lambda c: c.hello(SoftwareKey.from_seed(ED25519, bytes(range(32)))),
    "another conversation's": lambda c: c.hello(
        c.stand.door.lock.secrets.signing, handshake=bytes(32)),
    "another door": lambda c: c.hello(c.stand.door.lock.secrets.signing, door=bytes(8)),
    "another form": lambda c: c.hello(c.stand.door.lock.secrets.signing, at="now"),
    "nothing signed": lambda _: b"\x80",
    "a head for a hello": lambda c: c.stand.door.lock.recorder.head(),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_hello_that_is_not_the_locks_ends_the_line(caller: Caller, lie: str) -> None:
    caller.send(caller.transport.seal(LIES[lie](caller)))
    assert await caller.is_ended()
    assert not caller.stand.lines.connected(caller.stand.lock_id)


@pytest.mark.parametrize("message", [
    b"", b"\x04", b"\x01" + bytes(64), b"\x04" + bytes(64), bytes(70), b"GET / HTTP/1.1\r\n\r\n"])
async def test_a_first_message_from_nowhere_is_not_answered(
    stand: Stand, message: bytes,
) -> None:
    reader, writer = await asyncio.open_connection(*stand.address)
    writer.write(len(message).to_bytes(2, "big") + message)
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()


FRAMES: dict[str, tuple[Any, ...]] = {
    "of the hub": (1, 0), "unknown": (9, 1), "too short": (5,), "too long": (5, 0, [], None, 1),
    "entries that are none": (5, 0, [[1, None]], None), "a position of text": (5, "0", [], None),
    "a head that is none": (5, 0, [], 7), "results that are none": (6, 1, [[b"x", 0, None]]),
    "a status of a list": (7, []), "a stream of text": (3, "1", b""),
}


@pytest.mark.parametrize("frame", FRAMES)
async def test_a_frame_of_another_form_ends_the_line(caller: Caller, frame: str) -> None:
    caller.send(caller.transport.seal(caller.hello(caller.stand.door.lock.secrets.signing)))
    await caller.message()
    caller.say(*FRAMES[frame])
    assert await caller.is_ended()


async def test_a_bent_or_repeated_message_ends_the_line(caller: Caller) -> None:
    hello = caller.transport.seal(caller.hello(caller.stand.door.lock.secrets.signing))
    caller.send(hello)
    await caller.message()
    caller.send(hello)
    assert await caller.is_ended()


async def test_the_newer_line_of_a_lock_replaces_the_older(stand: Stand) -> None:
    first, second = Caller(stand), Caller(stand)
    for caller in (first, second):
        await caller.dial()
        caller.send(caller.transport.seal(caller.hello(stand.door.lock.secrets.signing)))
        await caller.message()
    assert await first.is_ended()
    assert stand.lines.connected(stand.lock_id)
    first.writer.close()
    second.writer.close()


async def test_whoever_says_nothing_is_let_go(
    stand: Stand, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mortice.hub.lines.HALF_OPEN", 3)
    callers = [Caller(stand) for _ in range(5)]
    for caller in callers:
        await caller.dial()
    assert await callers[0].is_ended()
    assert await callers[1].is_ended()
    for caller in callers:
        caller.writer.close()


async def test_a_lock_without_a_line_cannot_be_relayed_to(stand: Stand) -> None:
    with pytest.raises(NotConnected):
        await stand.lines.open_stream(stand.lock_id)


async def test_a_log_that_does_not_fit_is_asked_for_no_further_and_its_door_is_served(
    caller: Caller, monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def lie(_: bytes, __: Batch) -> int:
        raise Theirs("L8", "another history")

    monkeypatch.setattr(caller.stand.notes, "take", lie)
    caller.send(caller.transport.seal(caller.hello(caller.stand.door.lock.secrets.signing)))
    caller.transport.open(await caller.message())
    caller.say(5, 0, [], None)
    caller.say(7, {"state": "locked"})
    await caller.stand.notes.until(lambda: caller.stand.notes.statuses)
    caller.stand.notes.mail = [(7, [cbor.encode([REVOKE, b"a document"])])]
    caller.stand.lines.nudge(caller.stand.lock_id)
    said: Any = cbor.decode(caller.transport.open(await caller.message()))
    assert said[0] == 2


async def test_a_lock_that_is_gone_before_it_was_known_is_not_connected(
    caller: Caller, monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked, answer = asyncio.Event(), asyncio.Event()

    async def slow(lock_id: bytes) -> KnownLock | None:
        looked.set()
        await answer.wait()
        return caller.stand.notes.known.get(lock_id)

    monkeypatch.setattr(caller.stand.notes, "lock", slow)
    caller.send(caller.transport.seal(caller.hello(caller.stand.door.lock.secrets.signing)))
    await looked.wait()
    caller.writer.transport.abort()
    await asyncio.sleep(0.05)
    answer.set()
    await asyncio.sleep(0.05)
    assert not caller.stand.lines.connected(caller.stand.lock_id)


async def test_whoever_sends_much_before_it_is_known_is_let_go(
    caller: Caller, monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(_: bytes) -> KnownLock | None:
        await asyncio.sleep(PATIENCE)
        return None

    monkeypatch.setattr(caller.stand.notes, "lock", never)
    for _ in range(20):
        caller.say(7, {"state": "locked"})
    assert await caller.is_ended()


async def test_every_lock_that_is_nudged_from_any_thread_is_looked_after(stand: Stand) -> None:
    await stand.name_the_hub()
    await stand.caught_up()
    before = len(stand.notes.seen)
    for _ in range(5):
        await asyncio.gather(*(
            asyncio.to_thread(stand.lines.nudge, stand.lock_id) for _ in range(8)))
    await asyncio.sleep(0.1)
    assert len(stand.notes.seen) == before + 40


# --- over a WebSocket -----------------------------------------------------------------------------


class Socket:
    """A WebSocket of a server, as the lines want one."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def receive(self) -> bytes:
        try:
            message = await self._connection.recv()
        except ConnectionClosed as error:
            raise EOFError from error
        assert isinstance(message, bytes)
        return message

    async def send(self, message: bytes) -> None:
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise EOFError from error

    async def close(self) -> None:
        await self._connection.close()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1 that answers for itself."""
    private, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(private.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(
            [x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(private, SHA256()))
    key, shown = folder / "web.key", folder / "web.pem"
    key.write_bytes(private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    shown.write_bytes(made.public_bytes(Encoding.PEM))
    return key, shown


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_lock_dials_over_a_websocket_whose_certificate_holds(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool,
) -> None:
    key, shown = certificate(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(shown))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, key)
    server = await serve(
        lambda connection: stand.lines.serve(Socket(connection), "web"), "127.0.0.1", 0,
        ssl=context, compression=None)
    port = next(iter(server.sockets)).getsockname()[1]
    await stand.world.configure(
        FRONT.slug, 0, (stand.lines.key.public, f"wss://127.0.0.1:{port}/locks"))
    if trusted:
        await stand.caught_up()
        session = owners_session(stand, await stand.lines.open_stream(stand.lock_id))
        visited = await session.ask(await session.greet(), Errand(Command.UNLOCK), whole=True)
        assert visited.answer.coarse is None
    else:
        await asyncio.sleep(0.5)  # long enough for a line that should not come
        assert stand.notes.seen == []
    server.close()
    await stand.world.stop()
    await server.wait_closed()


# --- a lock that means harm -----------------------------------------------------------------------


async def test_a_lock_that_says_more_than_it_was_asked_fills_no_memory(caller: Caller) -> None:
    caller.send(caller.transport.seal(caller.hello(caller.stand.door.lock.secrets.signing)))
    await caller.message()
    lines, lock = caller.stand.lines, caller.stand.lock_id
    stream = await lines.open_stream(lock)
    for _ in range(10):
        for _ in range(20):
            caller.say(3, stream._number, bytes(16_000))
        await caller.writer.drain()
        await asyncio.sleep(0.01)
    assert stream._messages.qsize() <= UNHEARD + 1
    assert lines.connected(lock)
    for _ in range(UNHEARD):
        await stream.receive()
    with pytest.raises(StreamEnded):
        await stream.receive()


class Deaf:
    """A WebSocket whose other end speaks and takes nothing in."""

    def __init__(self, said: asyncio.Queue[bytes]) -> None:
        self.said, self.answer = said, asyncio.Queue[bytes]()
        self.deaf = False

    async def receive(self) -> bytes:
        return await self.said.get()

    async def send(self, message: bytes) -> None:
        if self.deaf:
            await asyncio.Event().wait()
        await self.answer.put(message)

    async def close(self) -> None:
        """Nobody hears it."""


async def test_a_lock_that_takes_nothing_in_over_a_websocket_is_let_go(
    stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mortice.hub.lines.UNREAD_BYTES", 4096)
    said: asyncio.Queue[bytes] = asyncio.Queue()
    socket = Deaf(said)
    serving = asyncio.ensure_future(stand.lines.serve(socket, "web"))
    caller = Caller(stand)
    noise = Initiator(UPLINK, stand.lines.key.public, secrets.token_bytes(32))
    first = b"\x04" + noise.write()
    said.put_nowait(first + mac1(mac_key(stand.lines.key.public, UPLINK), first))
    noise.read(await socket.answer.get())
    caller.transport, caller.handshake = noise.transport(), noise.handshake_hash
    said.put_nowait(caller.transport.seal(caller.hello(stand.door.lock.secrets.signing)))
    await socket.answer.get()
    socket.deaf = True
    stream = await stand.lines.open_stream(stand.lock_id)
    for _ in range(5):
        with suppress(StreamEnded):
            await stream.send(bytes(2000))
    await asyncio.wait_for(serving, 2)
    assert not stand.lines.connected(stand.lock_id)
