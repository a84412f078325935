"""A key for one opening opens once, whatever happens: two phones, lost answers, power cuts.

The lock is a real one; only its network is left out, so that every message can be delivered, held
back, doubled, or cut off by a power cut at any moment. Power goes by dropping the daemon where it
stands: what was not on the disk is gone.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from making import cast, links
from making.plain import Noise
from tests.lockd.bent import BentLoop
from tests.properties.choices import MANY, PARTS, QUICK, Choices, strings
from tests.vectors.stand import Board
from tests.vectors.vector import LOCK_SECRETS

from mortice.client.audit import HEAD_FRAME, MAGIC, audit, entry_frame, frame
from mortice.core.log import About, Kind, read_entry
from mortice.core.merkle import leaf_hash
from mortice.core.messages import read_greeting
from mortice.drivers.simulated import SimulatedDoor
from mortice.lockd import identity, ownership
from mortice.lockd.conversation import Closed, Conversation
from mortice.lockd.daemon import Lock
from mortice.lockd.secrets import LockSecrets, save_secrets

IN_MEMORY = Path("/dev/shm")
SIZE = 40
PHONES = 2  # transports, each with a conversation of its own


class Door(SimulatedDoor):
    """A door that counts how often its motor draws the bolt, through every life of the daemon."""

    drawn = 0

    async def drive(self, order: Any) -> Any:  # noqa: ANN401 (as the door it stands in for)
        self.drawn += order.towards is not None and order.towards.value == "drawn"
        return await super().drive(order)


@dataclass
class Phone:
    """One transport: the conversation under way, and message 3 once it is made."""

    talk: Noise | None = None
    conversation: Conversation | None = None
    third: bytes = b""


@dataclass
class World:
    """A lock, a key for so many openings, and what two phones do with it."""

    folder: Path
    key: cast.Link
    door: Door = field(default_factory=Door)
    phones: list[Phone] = field(default_factory=lambda: [Phone() for _ in range(PHONES)])
    asking: list[asyncio.Task[bytes]] = field(default_factory=list)
    ids: int = 0

    def start(self) -> None:
        self.lock = Lock(self.folder, self.door, Board(cast.NOW))

    def cut(self) -> None:
        """The power goes. What runs stops where it stands; nothing more is written."""
        for task in self.asking:
            task.cancel()
        self.asking.clear()
        self.lock.store.close()
        self.phones = [Phone() for _ in range(PHONES)]
        self.start()

    def greet(self, phone: Phone) -> None:
        """Messages 1 and 2."""
        phone.talk = Noise(links.prologue(), cast.LINK_PUBLIC)
        phone.conversation = Conversation(self.lock, "phone")
        ephemeral = self.lock.outside.random(31) + b"x"
        second = phone.conversation.first(links.opening(phone.talk.write_first(ephemeral)))
        phone.third = self.third(phone.talk, phone.talk.read_second(second))

    def third(self, talk: Noise, greeting: bytes) -> bytes:
        """Message 3, with the key."""
        heard, command_id = read_greeting(greeting), self.ids.to_bytes(8, "big")
        proof = links.proof_bytes(
            talk.h, self.key.id, command_id=command_id, size=heard.size, root=heard.root)
        return talk.say(links.request_bytes(
            self.key.wire, self.key.holder.sign(proof), command_id=command_id))

    def ask(self, phone: Phone) -> None:
        """Message 3 reaches the lock; its answer is not waited for."""
        if phone.conversation is not None:
            self.asking.append(asyncio.ensure_future(phone.conversation.hear(phone.third)))


async def play(folder: Path, choices: Choices, uses: int) -> None:
    world = World(folder, cast.link(cast.GUEST, uses=uses))
    save_secrets(folder, LockSecrets(dict(LOCK_SECRETS)))
    world.start()
    owned = ownership.first_owner(
        cast.root(), cast.doors(), cast.STREET, world.lock.secrets.public.id)
    identity.take_over(world.lock, owned, cast.NOW)
    for _ in range(SIZE // 2):
        await step(world, choices)
    await settle(world)
    judge(world, uses)
    world.lock.close()


async def step(world: World, choices: Choices) -> None:
    """One thing that may happen. Sevenths: greet, ask, ask anew, wait a little, or a power cut."""
    phone = choices.one(world.phones)
    what = choices.number(8)
    if what < 3 and (what == 0 or phone.conversation is None):
        world.greet(phone)
    elif what < 3:
        world.ask(phone)
    elif what == 3:
        world.ids += 1  # the holder wants another opening, and does not ask for a lost answer
    elif what < 6:
        await asyncio.sleep(0)
    elif what == 6:
        await asyncio.sleep(choices.number(20) / 10)
    else:
        world.cut()


async def settle(world: World) -> None:
    for ended in await asyncio.gather(*world.asking, return_exceptions=True):
        assert not isinstance(ended, Exception) or isinstance(ended, Closed), ended


def judge(world: World, uses: int) -> None:
    """Never more openings than uses, each behind an entry that came first, in a log that holds."""
    rows = world.lock.store.entries(0, world.lock.store.size)
    entries = [read_entry(body) for _, body, _ in rows]
    granted = [one for one in entries if one.kind is Kind.GRANTED]
    assert world.door.drawn <= len(granted) <= uses
    asked = [one.about[About.COMMAND_ID] for one in granted]
    assert len(set(map(bytes, asked))) == len(asked), "one command was granted twice"
    export = [MAGIC, *(line for _, body, head in rows for line in (
        entry_frame(body, leaf_hash(body)), *([frame(HEAD_FRAME, head)] if head else [])))]
    export.append(frame(HEAD_FRAME, world.lock.recorder.head()))
    assert audit(b"".join(export), world.lock.secrets.signing.public).fault is None


def check_uses(drawn: bytes) -> None:
    choices = Choices(drawn)
    uses = 1 + choices.number(2)
    where = IN_MEMORY if IN_MEMORY.is_dir() else None
    with (tempfile.TemporaryDirectory(dir=where) as folder,
          asyncio.Runner(loop_factory=BentLoop) as runner):
        runner.run(play(Path(folder), choices, uses))


@QUICK
@given(strings(SIZE))
def test_a_key_for_one_opening_opens_once(drawn: bytes) -> None:
    check_uses(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@settings(MANY, max_examples=250)
@given(strings(SIZE))
def test_a_key_for_one_opening_opens_once_through_two_thousand_histories(
    part: int, drawn: bytes) -> None:
    check_uses(drawn)
