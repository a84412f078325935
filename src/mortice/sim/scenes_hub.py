"""Scenes with a hub beside the doors: it goes away, it is stolen, it carries the news of a leaver.

Played and tested like the others (scenes.py). The hub is the product's own, without its pages.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import select

from mortice.client import owner
from mortice.client.line import Line, Unreachable
from mortice.client.visit import Errand, Holder, Session
from mortice.client.wallet import HeldKey, Wallet
from mortice.core import cbor
from mortice.core.chain import read_chain
from mortice.core.commands import Command
from mortice.core.config import CONFIG, Config, sign_config
from mortice.core.grant import Grant, KeyClass, Rights, sign_grant
from mortice.core.messages import read_bundle
from mortice.core.revocation import REVOKE, Revoked, sign_revocation
from mortice.core.schedule import Window
from mortice.core.site import Role
from mortice.hub.hub import Hub, make_hub
from mortice.hub.outbox import post
from mortice.hub.places import found_place
from mortice.hub.serving import serving
from mortice.hub.settings import Settings
from mortice.hub.tables import ON_DOOR, Account, Delivery, Log, Place
from mortice.lockd.conversation import Closed, Conversation
from mortice.lockd.deliver import APPLIED, deliver
from mortice.sim.cast import DAY, FRONT, HOUR, MAIN, USE
from mortice.sim.stage import SETTLE_SECONDS, Actor, Stage
from mortice.sim.world import NO_NEWS, PASSPHRASE, World

LOOK_SECONDS = 0.02  # how often a scene looks whether the hub has heard


@dataclass
class Beside:
    """A hub beside the stage, and the place that it keeps."""

    hub: Hub
    world: World

    async def dialled(self, slug: str) -> bool:
        """Have the door dial this hub, and wait until it has."""
        assert self.hub.lines_at is not None, "it is being served"
        host, port = self.hub.lines_at
        await self.world.configure(slug, 0, (self.hub.own.link.public, f"{host}:{port}"))
        return await self.sees(lambda: self._connected(slug))

    def _connected(self, slug: str) -> bool:
        return self.hub.lines is not None and self.hub.lines.connected(
            self.world.doors[slug].lock.secrets.public.id)

    async def caught_up(self, slug: str) -> bool:
        """Does the hub come to have every entry of the door's log, unbroken?"""
        lock = self.world.doors[slug].lock

        def has() -> bool:
            with self.hub.database.reading() as db:
                log = db.scalar(select(Log).where(Log.lock_id == lock.secrets.public.id))
                return log is not None and log.size == lock.store.size and log.fault is None
        return await self.sees(has)

    async def sees(self, true: Callable[[], bool]) -> bool:
        """Does `true` come true in time?"""
        for _ in range(int(SETTLE_SECONDS / LOOK_SECONDS)):
            if true():
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return true()

    async def carry(self, item: list[cbor.Value]) -> bool:
        """Give the hub a document for all doors; do they all confirm it?"""
        with self.hub.database.writing() as db:
            place = db.scalars(select(Place)).one()
            document = post(db, place, item, place.doors).id
            locks = [door.lock_id for door in place.doors]
        self.hub.nudge(locks)

        def confirmed() -> bool:
            with self.hub.database.reading() as db:
                return set(db.scalars(select(Delivery.state).where(
                    Delivery.document_id == document))) == {ON_DOOR}
        return await self.sees(confirmed)


@asynccontextmanager
async def hub_beside(world: World) -> AsyncIterator[Beside]:
    """A hub that knows the world's site, served until the block ends; made at the first time."""
    hub = make_hub(Settings(world.home.folder / "hub", lines_port=0))
    with hub.database.writing() as db:
        if db.scalar(select(Place.id)) is None:
            account = Account(name="Margaret Hale", email="margaret@demo.invalid")
            db.add(account)
            db.flush()
            found_place(db, account, "A scene", world.home.site_bytes(), world.home.doors_bytes())
    try:
        async with serving(hub):
            yield Beside(hub, world)
    finally:
        hub.database.close()


async def internet_down(stage: Stage) -> None:
    """The hub and the internet are gone for a while; the door keeps every rule by itself."""
    world, door = stage.world, await stage.door(FRONT)
    pin = await world.give_pin("Ana Sousa", FRONT.slug, 1, owner.Terms(world.door_ids(), USE))
    world.give("Ben Hale", owner.Terms(world.door_ids(), USE, resident=True))
    never = (Window(0, 0, 1),)  # no day of the week
    world.give("Tom Reed", owner.Terms(world.door_ids(), USE, hours=never, exp=_in(30 * DAY)))
    async with hub_beside(world) as beside:
        stage.step("the door dials its hub", ok=await beside.dialled(FRONT.slug))
        stage.step("the hub has the whole log", ok=await beside.caught_up(FRONT.slug))
    answered = await stage.open("Ben Hale", FRONT.slug)
    stage.step("without a hub, a phone opens", ok=answered.opened, saw=str(answered))
    said = await door.typed(pin)
    stage.step("a PIN opens", ok=said == "granted", saw=said)
    answered = await stage.open("Tom Reed", FRONT.slug)
    reason = door.last_reason()
    stage.step("and the cleaner is refused outside his hours, as always",
               ok=not answered.opened and reason == "outside_hours", saw=reason)
    async with hub_beside(world) as beside:
        await beside.dialled(FRONT.slug)
        stage.step("when the hub is back it is told everything, unbroken",
                   ok=await beside.caught_up(FRONT.slug))


def _in(seconds: int) -> int:
    return int(time.time()) + seconds


# --- stolen ---------------------------------------------------------------------------------------


class _Recorder:
    """A line to a lock in this process, and everything that went over it."""

    def __init__(self, door: Actor) -> None:
        self._conversation = Conversation(door.running.lock, "relay")
        self.said: list[bytes] = []

    async def say(self, message: bytes, seconds: float = 0) -> bytes:
        self.said.append(message)
        try:
            return await self._conversation.hear(message)
        except Closed as error:
            raise Unreachable("the door ended the conversation") from error

    ask = say


async def hub_stolen(stage: Stage) -> None:
    """A thief has the hub's disk, its keys and its process. What opens? Nothing."""
    world, door = stage.world, await stage.door(FRONT)
    world.give("Ben Hale", owner.Terms(world.door_ids(), USE, resident=True))
    world.owner_key()
    async with hub_beside(world) as beside:
        await beside.dialled(FRONT.slug)
        thief, chain = beside.hub.own.signer, _hubs_own(world, beside.hub)
        recorded = await _relayed_visit(world, door, "Ben Hale")
        stage.step("Ben opened through the hub, which kept every byte", ok=len(recorded) == 2)
        door.running.hardware.turn_inside()
        for what, wire in _thiefs_keys(world, beside.hub, chain).items():
            holder = Holder(thief, wire, leaf_of(wire))
            said = await _tried(world, door, holder)
            stage.step(what, ok=said != "opened", saw=f"{said}, {door.last_reason()}")
        stage.step("Ben's bytes, played again, open nothing",
                   ok=await _played_again(door, recorded))
        for what, item in _forged(world, thief).items():
            confirmed = await _delivered(beside, item)
            stage.step(what, ok=not confirmed)
        locked = door.running.hardware.gauges().bolt_mm > 0
        stage.step("the bolt has not moved", ok=locked)


def _hubs_own(world: World, hub: Hub) -> list[cbor.Value]:
    """The bounded link that the owner gave the hub: to vouch for keys, for 30 days."""
    grant_key = world.home.site_key(Role.GRANT, PASSPHRASE)
    terms = owner.Terms(
        world.door_ids(), Rights.REFRESH, exp=_in(30 * DAY), klass=KeyClass.BRIDGE, label="hub")
    return owner.give(world.home, grant_key, hub.own.signer.public, terms)


def leaf_of(wire: list[cbor.Value]) -> bytes:
    """The id of a chain's last link."""
    return read_chain(wire)[-1].grant.id


async def _relayed_visit(world: World, door: Actor, name: str) -> list[bytes]:
    line = _Recorder(door)
    wallet = Wallet(world.home, name)
    held: HeldKey = wallet.keys()[-1]
    await _session(world, line, Holder(wallet.key, held.wire, held.leaf.id))
    return line.said


async def _session(world: World, line: Any, holder: Holder) -> str:  # noqa: ANN401 - whatever speaks as a line
    session = Session(
        cast("Line", line), world.lock_address(world.home.door(FRONT.slug)), holder)
    visited = await session.ask(await session.greet(), Errand(Command.UNLOCK), whole=True)
    return "opened" if visited.answer.coarse is None else visited.answer.coarse.value


async def _tried(world: World, door: Actor, holder: Holder) -> str:
    try:
        return await _session(world, _Recorder(door), holder)
    except Unreachable:
        return "no answer"


def _thiefs_keys(world: World, hub: Hub, chain: list[cbor.Value]) -> dict[str, list[cbor.Value]]:
    """Chains that somebody with the hub's key can make, by what a thief would hope of them."""
    thief, doors = hub.own.signer, world.door_ids()
    below = Grant(
        thief.public, doors, USE, exp=_in(HOUR), parent=leaf_of(chain), klass=KeyClass.BRIDGE)
    first = Grant(thief.public, doors, USE, site=world.home.site().id)
    return {
        "the hub's own link is shown to open": chain,
        "a link that the hub signs below its own": [*chain, sign_grant(below, thief)],
        "a first link that the hub signs itself": [sign_grant(first, thief)]}


def _forged(world: World, thief: Any) -> dict[str, list[cbor.Value]]:  # noqa: ANN401 - a signer
    site = world.home.site().id
    door = world.home.door(FRONT.slug).mapped.id
    config = sign_config(site, Config(door, 99, 1), thief)
    revocation = sign_revocation(site, [Revoked(bytes(16), None)], thief)
    return {"settings that the hub signs are refused": [CONFIG, config],
            "and so is its taking back of others' keys": [REVOKE, revocation]}


async def _played_again(door: Actor, recorded: list[bytes]) -> bool:
    line = _Recorder(door)
    with suppress(Unreachable):
        for message in recorded:
            await line.say(message)
    return door.running.hardware.gauges().bolt_mm > 0


async def _delivered(beside: Beside, item: list[cbor.Value]) -> bool:
    """Whether the door took a document that came down the line."""
    [answer] = deliver(beside.world.doors[FRONT.slug].lock, read_bundle([[*item]]), b"")
    return isinstance(answer, list) and answer[1] == APPLIED


# --- a leaver -------------------------------------------------------------------------------------


async def leaver(stage: Stage) -> None:
    """Somebody leaves the firm: one signature, both of her ways in, and the door's own word."""
    world, door = stage.world, await stage.door(MAIN)
    terms = owner.Terms(world.door_ids(), USE | Rights.ENROL, exp=_in(300 * DAY))
    world.give("Isla Munro", terms)
    world.give("Aisha Khan", owner.Terms(world.door_ids(), USE, exp=_in(300 * DAY)))
    pin = await world.give_pin("Isla Munro", MAIN.slug, 1, owner.Terms(world.door_ids(), USE))
    hers = [record for record in world.home.issued() if record["label"] == "Isla Munro"]
    async with hub_beside(world) as beside:
        await beside.dialled(MAIN.slug)
        answered = await stage.open("Isla Munro", MAIN.slug)
        stage.step("in the morning her phone opens", ok=answered.opened, saw=str(answered))
        revoke_key = world.home.site_key(Role.REVOKE, PASSPHRASE)
        named = [Revoked(bytes.fromhex(record["id"]), record["exp"]) for record in hers]
        document = owner.take_back(world.home, named, revoke_key)
        stage.step("one signed document goes out, and the door confirms it by its receipt",
                   ok=await beside.carry([REVOKE, document]))
    answered = await stage.open("Isla Munro", MAIN.slug, NO_NEWS)
    stage.step("her phone is refused", ok=door.last_reason() == "revoked", saw=str(answered))
    said = await door.typed(pin)
    stage.step("her PIN is gone from the door", ok=said != "granted", saw=said)
    answered = await stage.open("Aisha Khan", MAIN.slug, NO_NEWS)
    stage.step("everybody else still gets in", ok=answered.opened, saw=str(answered))
