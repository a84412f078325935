"""The demo's three places, their fourteen doors, and who holds keys. Nobody here is real.

Seeded: always the same names, doors and kinds of key; the key material is drawn anew. Times are
counted from the day on which the doors were taken over, two months before the demo is looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mortice.client import owner
from mortice.client.wallet import Wallet
from mortice.core import cbor
from mortice.core.grant import Grant, KeyClass, Rights, sign_grant
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.schedule import Window
from mortice.core.stages import Factors
from mortice.sim.cells import Cells
from mortice.sim.running import DoorPlan
from mortice.sim.world import ZONE, World

USE = Rights.UNLOCK | Rights.LOCK
MINUTE, HOUR, DAY = 60, 3_600, 86_400
MONDAY, TUESDAY, THURSDAY = 0b0000001, 0b0000010, 0b0001000
WEEKDAYS = 0b0011111

FRONT = DoorPlan("Front door", "14 Alder Road", "14", "#0B4D3B", relock_after=30)
BACK = DoorPlan("Back door", "14 Alder Road", "14", "#3C5A73", relock_after=30,
                cells=Cells(5.42, 0.0041))
GARAGE = DoorPlan("Garage side door", "14 Alder Road", "", "#48524E", relock_after=60,
                  cells=Cells(4.87, 0.0128))  # near their end
ANNEXE = DoorPlan("Garden Annexe", "14 Alder Road", "14a", "#5B4A2F", relock_after=30)
SHARED = DoorPlan("Street door", "Chaucer House", "2", "#8E1F2F", relock_after=30)
ROOMS = tuple(
    DoorPlan(f"Room {number}", "Chaucer House", f"{number}", paint, indoors=True,
             cells=Cells(5.25 + 0.06 * number, 0.0036))
    for number, paint in enumerate(
        ("#5B4A2F", "#3C5A73", "#48524E", "#5B4A2F", "#0B4D3B", "#3C5A73"), 1))
CUPBOARD = DoorPlan("Meter cupboard", "Chaucer House", "", "#48524E", indoors=True)
MAIN = DoorPlan("Main entrance", "Hale & Rowe", "7", "#1D4E79", relock_after=30,
                opening=(Window(WEEKDAYS, 8 * 60, 17 * 60 + 30),))
SERVER = DoorPlan("Server cupboard", "Hale & Rowe", "", "#48524E", indoors=True)


@dataclass(frozen=True, slots=True)
class Times:
    """The days that the cast's keys hang on, as Unix seconds at the door's own clock."""

    began: int  # the doors were taken over
    now: int

    def local(self, days: int, hour: int = 0, minute: int = 0) -> int:
        """`hour:minute` at the door, `days` from today."""
        day = datetime.fromtimestamp(self.now, ZoneInfo(ZONE)).date() + timedelta(days=days)
        return int(datetime(
            day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(ZONE)).timestamp())

    def friday(self) -> int:
        """The next Friday, 15:00 at the door, at least a day away."""
        local = datetime.fromtimestamp(self.now + DAY, ZoneInfo(ZONE))
        return self.local(1 + ((4 - local.weekday()) % 7 or 7), 15)


@dataclass(frozen=True, slots=True)
class PlacePlan:
    """One place: its home's folder, its doors, and who gives whom which key."""

    name: str
    slug: str
    doors: tuple[DoorPlan, ...]
    people_it: Callable[[World, Times], Awaitable[None]]


async def alder_road(world: World, times: Times) -> None:
    """A family, and those who come to the house."""
    both, autumn = world.door_ids("front-door", "back-door"), times.began
    house = both | world.door_ids("garage-side-door")
    spring, front = times.now + 120 * DAY, world.door_ids("front-door")
    give, terms = world.give, owner.Terms
    give("Ben Hale", terms(house, USE, resident=True, label="Ben's phone"))
    give("Ella Hale", terms(both, USE, resident=True, label="Ella's phone"), "p256")
    give("Arthur Hale", terms(both, USE, resident=True, label="Grandpa's phone"))
    give("Ana Sousa", terms(both, USE, nbf=autumn, exp=spring, label="Ana's phone"), "p256")
    give("Tom Reed", terms(front, USE, nbf=autumn, exp=spring, label="cleaner",
                           hours=(Window(TUESDAY, 10 * 60, 12 * 60),)))
    give("Dev Patel", terms(world.door_ids("back-door"), USE, nbf=autumn, exp=spring,
                            label="dog walker", hours=(Window(WEEKDAYS, 11 * 60, 14 * 60),)))
    give("Bill Mason", terms(world.door_ids("garage-side-door"), USE, nbf=autumn,
                             exp=times.now - 21 * DAY, label="builder"))
    start = times.friday()
    give("Jo Visitor", terms(
        world.door_ids("garden-annexe"), USE, nbf=start, exp=start + 2 * DAY,
        label="a weekend's stay"))
    give("Home Assistant", terms(
        house, Rights.LOCK, nbf=autumn, exp=spring, klass=KeyClass.BRIDGE, label="may lock only"))
    await world.give_pin("Ana Sousa", "front-door", 0, terms(front, USE))
    await world.give_pin("Ben Hale", "front-door", 1, terms(front, USE))
    stranger(world)


async def chaucer_house(world: World, times: Times) -> None:
    """A landlord's six rooms: tenants, an agent who may pass keys on, a cleaner, an engineer."""
    unlock, terms, street = Rights.UNLOCK, owner.Terms, world.door_ids("street-door")
    tenants = {1: "Grace Lim", 2: "Kofi Boateng", 4: "Priya Shah", 5: "Sean Doyle", 6: "Ines Costa"}
    for room, name in tenants.items():
        world.give(name, terms(
            street | world.door_ids(f"room-{room}"), USE, unlock, 1, max_life=7 * DAY,
            resident=True, label="tenant"))
    start = times.now - MINUTE  # the lock's clock may be a second behind
    world.pass_on("Priya Shah", "Sam Guest", terms(
        street | world.door_ids("room-4"), unlock, nbf=start, exp=times.now + 2 * DAY,
        label="Priya's guest"))
    world.give("Marta Nowak", terms(
        street, USE, nbf=times.began, exp=times.now + 120 * DAY, label="cleaner",
        hours=(Window(MONDAY | THURSDAY, 9 * 60, 12 * 60),)))
    _gas(world, times, start)
    await world.give_pin("Priya Shah", "street-door", 0, terms(street, USE))


def _gas(world: World, times: Times, start: int) -> None:
    """From the agent to the gas firm to its engineer: one visit, today."""
    unlock, terms, cupboard = Rights.UNLOCK, owner.Terms, world.door_ids("meter-cupboard")
    agents = cupboard | world.door_ids("street-door", "room-3")
    world.give("Lettings Desk", terms(
        agents, USE, unlock, 2, nbf=times.began, exp=times.now + 300 * DAY, max_life=DAY,
        label="letting agent"))
    world.pass_on("Lettings Desk", "Gas Firm", terms(
        cupboard, unlock, unlock, 1, nbf=start, exp=start + DAY, label="gas firm"))
    world.pass_on("Gas Firm", "Eve Engineer", terms(
        cupboard, unlock, nbf=start, exp=times.now + 2 * HOUR, uses=1, label="one visit"))


STAFF = ("Aisha Khan", "Ben Carter", "Chloe Evans", "Daniel Ford", "Emma Grant", "Femi Ojo",
         "Gita Rao", "Harry Lowe")
LEAVER = "Isla Munro"


async def hale_rowe(world: World, times: Times) -> None:
    """A small firm: nine with keys to the entrance, two to the servers, a leaver this morning."""
    main, terms = world.door_ids("main-entrance"), owner.Terms
    week = (Window(WEEKDAYS, 7 * 60, 19 * 60),)
    year = times.now + 300 * DAY
    for name in (*STAFF, LEAVER):
        opens_up = Rights.HOLD_OPEN if name in STAFF[:2] else Rights.NONE
        world.give(name, terms(
            main, USE | opens_up, nbf=times.began, exp=year, hours=week, label="staff"))
    both = main | world.door_ids("server-cupboard")
    world.give("Owen Rowe", terms(both, USE | Rights.HOLD_OPEN, resident=True, label="partner"))
    world.give("Gita Rao", terms(
        world.door_ids("server-cupboard"), USE, nbf=times.began, exp=year,
        factors=Factors.PERSON, label="servers, with a second person"))
    await world.give_pin("Aisha Khan", "main-entrance", 0, terms(main, USE))


def stranger(world: World) -> None:
    """Mallory made a key of her own, signed by a site key that no lock has heard of."""
    world.home.make_person("Mallory")
    wallet = Wallet(world.home, "Mallory")
    forged = SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))
    link = sign_grant(
        Grant(wallet.key.public, world.door_ids(), USE, site=world.home.site().id), forged
    )
    world.home.write("people/mallory/keys.json", [cbor.encode([link]).hex()])


ALDER_ROAD = PlacePlan("14 Alder Road", "alder-road", (FRONT, BACK, GARAGE, ANNEXE), alder_road)
CHAUCER_HOUSE = PlacePlan(
    "Chaucer House", "chaucer-house", (SHARED, *ROOMS, CUPBOARD), chaucer_house)
HALE_ROWE = PlacePlan("Hale & Rowe", "hale-rowe", (MAIN, SERVER), hale_rowe)
PLACES = (ALDER_ROAD, CHAUCER_HOUSE, HALE_ROWE)


async def build_place(world: World, plan: PlacePlan, times: Times) -> None:
    """Make one place anew, on the world's own clock: its site, its doors, and its people's keys."""
    world.found(plan.name)
    for door in plan.doors:
        await world.run(door)
    world.owner_key()
    await plan.people_it(world, times)
    for door in plan.doors:
        if door.opening:
            await world.configure(door.slug, door.relock_after)


async def reopen_place(world: World, plan: PlacePlan) -> None:
    """Run the doors of a place that was built before."""
    for door in plan.doors:
        await world.run(door)


