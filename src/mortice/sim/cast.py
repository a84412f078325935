"""The demo's street: five doors and the people who hold keys to them. Nobody here is real.

Seeded: always the same names, doors and kinds of key; the key material is drawn anew.
"""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from zoneinfo import ZoneInfo

from mortice.client import owner
from mortice.client.wallet import Wallet
from mortice.core import cbor
from mortice.core.grant import Grant, Rights, sign_grant
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.schedule import Window
from mortice.sim.running import DoorPlan
from mortice.sim.world import ZONE, World

STREET = (
    DoorPlan("Front door", "14 Alder Road", "14", "#0B4D3B", relock_after=30),
    DoorPlan("Back door", "14 Alder Road", "14", "#3C5A73", relock_after=30),
    DoorPlan("Street door", "Chaucer House", "2", "#8E1F2F", relock_after=30),
    DoorPlan("Room 4", "Chaucer House", "4", "#5B4A2F", indoors=True),
    DoorPlan("Meter cupboard", "Chaucer House", "", "#48524E", indoors=True),
)
USE = Rights.UNLOCK | Rights.LOCK
MINUTE, HOUR, DAY = 60, 3_600, 86_400
TUESDAY = 0b0000010
PINS = (  # door, slot, whose
    ("front-door", 0, "Ana Sousa"),
    ("front-door", 1, "Ben Hale"),
    ("street-door", 0, "Priya Shah"),
)


def friday_at_three(now: int) -> int:
    """Unix seconds of the next Friday, 15:00 at the door, at least a day away."""
    local = datetime.fromtimestamp(now + DAY, ZoneInfo(ZONE))
    ahead = (4 - local.weekday()) % 7 or 7
    later = datetime.fromtimestamp(now + DAY + ahead * DAY, ZoneInfo(ZONE))
    return int(later.replace(hour=15, minute=0, second=0, microsecond=0).timestamp())


async def people_the_street(world: World) -> None:
    """Give everybody their keys and three people a PIN."""
    now = int(time.time())
    world.owner_key()
    _alder_road(world, now)
    _chaucer_house(world, now)
    _stranger(world)
    for door, slot, person in PINS:
        await world.give_pin(person, door, slot, owner.Terms(world.door_ids(door), USE))


def _alder_road(world: World, now: int) -> None:
    """Two who live there, one of them with a phone that ends; a cleaner; a guest for later."""
    both, spring = world.door_ids("front-door", "back-door"), now + 120 * DAY
    ben = owner.Terms(both, USE, resident=True, label="Ben's phone")
    ana = owner.Terms(both, USE, nbf=now - DAY, exp=spring, label="Ana's phone")
    tuesdays = (Window(TUESDAY, 10 * 60, 12 * 60),)
    tom = owner.Terms(
        world.door_ids("front-door"),
        USE,
        nbf=now - DAY,
        exp=spring,
        hours=tuesdays,
        label="cleaner",
    )
    start = friday_at_three(now)
    jo = owner.Terms(
        world.door_ids("back-door"), USE, nbf=start, exp=start + 2 * DAY, label="a weekend's stay"
    )
    world.give("Ben Hale", ben)
    world.give("Ana Sousa", ana, "p256")
    world.give("Tom Reed", tom)
    world.give("Jo Visitor", jo)


def _chaucer_house(world: World, now: int) -> None:
    """A tenant who may let a guest in, and an agent whose firm's engineer gets in once."""
    start = now - MINUTE  # the lock's clock may be a second behind
    unlock, rooms = Rights.UNLOCK, world.door_ids("street-door", "room-4")
    priya = owner.Terms(rooms, USE, unlock, 1, max_life=7 * DAY, resident=True, label="tenant")
    sam = owner.Terms(rooms, unlock, nbf=start, exp=now + 2 * DAY, label="Priya's guest")
    world.give("Priya Shah", priya)
    world.pass_on("Priya Shah", "Sam Guest", sam)

    cupboard, year = world.door_ids("meter-cupboard"), now + 300 * DAY
    agents = world.door_ids("street-door", "meter-cupboard")
    desk = owner.Terms(
        agents, USE, unlock, 2, nbf=now - DAY, exp=year, max_life=DAY, label="letting agent"
    )
    firm = owner.Terms(cupboard, unlock, unlock, 1, nbf=start, exp=start + DAY, label="gas firm")
    eve = owner.Terms(cupboard, unlock, nbf=start, exp=now + 2 * HOUR, uses=1, label="one visit")
    world.give("Lettings Desk", desk)
    world.pass_on("Lettings Desk", "Gas Firm", firm)
    world.pass_on("Gas Firm", "Eve Engineer", eve)


def _stranger(world: World) -> None:
    """Mallory made a key of her own, signed by a site key that no lock has heard of."""
    world.home.make_person("Mallory")
    wallet = Wallet(world.home, "Mallory")
    forged = SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))
    link = sign_grant(
        Grant(wallet.key.public, world.door_ids(), USE, site=world.home.site().id), forged
    )
    world.home.write("people/mallory/keys.json", [cbor.encode([link]).hex()])


async def build_street(world: World) -> None:
    """Make or reopen the whole street."""
    new = world.is_new
    if new:
        world.found("The demo street")
    for plan in STREET:
        await world.run(plan)
    if new:
        await people_the_street(world)
        for plan in STREET:
            if plan.relock_after:
                await world.configure(plan.slug, plan.relock_after)
