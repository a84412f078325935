"""The demo's hub: its places, accounts and people, taken from the homes of the town.

Built as any hub is: sites by their signed documents, keys by their chains. Only the way in is the
demo's own: a one-time link for each of the cast, made anew at each start, because nobody there has
a passkey in your browser.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.client.home import Home
from mortice.client.owner import Terms, give
from mortice.core import cbor
from mortice.core.grant import ENROL, Rights
from mortice.core.log import About, Kind, read_entry
from mortice.core.site import Role as SiteRole
from mortice.hub.access import Role
from mortice.hub.accounts import invite
from mortice.hub.acts import note
from mortice.hub.cells import keep
from mortice.hub.drift import judged, seen
from mortice.hub.drift import keep as keep_look
from mortice.hub.hub import Hub, make_hub
from mortice.hub.keys import KEY, register, register_pin, wire_of
from mortice.hub.pages.notice import GAVE
from mortice.hub.places import follow_doors, found_place
from mortice.hub.powers import take_grant
from mortice.hub.running import beside, bound
from mortice.hub.settings import Settings
from mortice.hub.tables import Account, Door, DoorSaid, Membership, Person, Place, new_ref
from mortice.sim.cast import DAY, PLACES, PlacePlan, Times
from mortice.sim.running import RunningDoor
from mortice.sim.town import Town
from mortice.sim.world import OWNER, PASSPHRASE, World

THURSDAY = 3  # counted from Monday
LINK_SECONDS = 12 * 3600  # a sign-in link of the demo counts for this start of it


class NoPort(Exception):
    """No port was free for the hub."""


class DemoHub:
    """The hub of a running town, served on loopback."""

    def __init__(self, town: Town, ports: Iterable[int]) -> None:
        """Raises NoPort."""
        self._socket = _first_free(ports)
        port = self._socket.getsockname()[1]
        self.hub = make_hub(Settings(
            town.folder / "hub", origin=f"http://localhost:{port}", port=port, lines_port=0))
        self._town = town
        self._server = beside(self.hub)
        self._task: asyncio.Task[None] | None = None
        if is_empty(self.hub):
            fill(self.hub, town)

    async def start(self) -> None:
        """Serve until `stop`."""
        self._task = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
        await self._server.up.wait()
        if self.hub.lines_at is not None:
            host, port = self.hub.lines_at
            await self._town.dial((self.hub.own.link.public, f"{host}:{port}"))

    async def stop(self) -> None:
        """Stop in good order."""
        self.hub.live.close()
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._socket.close()
        self.hub.database.close()

    def for_scripts(self) -> dict[str, Any]:
        """Where it is, and a link that signs each of the cast in, once."""
        return {"url": self.hub.settings.origin, "sign_ins": sign_ins(self.hub)}


def _first_free(ports: Iterable[int]) -> socket.socket:
    for port in ports:
        try:
            return bound("127.0.0.1", port)
        except OSError:
            continue
    raise NoPort


@dataclass(frozen=True, slots=True)
class Member:
    """One of the cast who signs in: what they are at a place."""

    name: str
    place: str
    role: Role


CAST = (
    *(Member(OWNER, plan.slug, Role.OWNER) for plan in PLACES),
    Member("Ben Hale", "alder-road", Role.MEMBER),
    Member("Lettings Desk", "chaucer-house", Role.MANAGER),
    Member("Priya Shah", "chaucer-house", Role.MEMBER),
    Member("Owen Rowe", "hale-rowe", Role.MANAGER),
    Member("Pat Auditor", "hale-rowe", Role.AUDITOR),
)
WHAT = {  # what people are to whoever reads the list
    "Margaret Hale": "owner", "Ben Hale": "partner", "Ella Hale": "daughter",
    "Arthur Hale": "grandfather", "Home Assistant": "program", "Lettings Desk": "managing agent",
    "Gas Firm": "contractor", "Eve Engineer": "engineer", "Sam Guest": "guest",
    "Ana Sousa": "au pair", "Owen Rowe": "partner", "Gita Rao": "staff", "Jo Visitor": "guest"}


def fill(hub: Hub, town: Town) -> None:
    """Put the town on an empty hub."""
    with hub.database.writing() as db:
        accounts = {name: _account(db, name) for name in dict.fromkeys(m.name for m in CAST)}
        for plan in PLACES:
            place = _place(db, accounts[OWNER], plan, town.worlds[plan.slug].home)
            for door in place.doors:
                _batteries(db, door, next(
                    each for each in town.worlds[plan.slug].doors.values()
                    if each.plan.label == door.label))
            _yesterday(db, place, accounts[OWNER])
            for terms in _bounds(plan, town.worlds[plan.slug]):
                take_grant(db, hub, place, _signed(hub, town.worlds[plan.slug], terms),
                           accounts[OWNER])
            for member in CAST:
                if member.place == plan.slug:
                    _join(db, place, accounts[member.name], member.role)
            _announce(db, place, accounts[OWNER])


def _account(db: Session, name: str) -> Account:
    account = Account(name=name, email=f"{name.lower().replace(' ', '.')}@demo.invalid")
    db.add(account)
    db.flush()
    return account


def _place(db: Session, owner: Account, plan: PlacePlan, home: Home) -> Place:
    place = found_place(db, owner, plan.name, home.site_bytes(), None)
    doors = home.doors_bytes()
    assert doors is not None, "the town was built with doors"
    follow_doors(db, place, doors)
    indoors = {door.label for door in plan.doors if door.label.startswith("Room")}
    for door in place.doors:
        door.private = door.label in indoors
    people: dict[str, Person] = {}
    for record in home.issued():
        _key(db, place, people, record)
    return place


def _batteries(db: Session, door: Door, running: RunningDoor) -> None:
    """The readings that this hub would have kept of what the lock wrote down of its batteries."""
    for _, body, _ in running.lock.store.entries(0, running.lock.store.size):
        entry = read_entry(body)
        if entry.kind is Kind.SUPPLY_SEEN and entry.about.get(About.BY) == "battery":
            keep(db, door, entry.about[About.COUNT], entry.at)


def _key(db: Session, place: Place, people: dict[str, Person], record: dict[str, Any]) -> None:
    """One key of the home's own list, for the person whom it was made for."""
    name = record["label"]
    if name not in people:
        people[name] = Person(place_id=place.id, name=name, what=WHAT.get(name, ""))
        db.add(people[name])
        db.flush()
    wire = wire_of(bytes.fromhex(record["chain"]))
    if record["kind"] == "pin":
        *above, document = wire
        register_pin(db, place, people[name], [ENROL, document, [*above]])
        return
    key = register(db, place, people[name], wire, what=KEY)
    people[name].what = people[name].what or key.label


def _announce(db: Session, place: Place, owner: Account) -> None:
    """The engineer comes to Priya's room next Thursday, and she was told."""
    door = next((each for each in place.doors if each.label == "Room 4"), None)
    engineer = db.scalar(select(Person).where(
        Person.place_id == place.id, Person.name == "Eve Engineer"))
    if door is None or engineer is None:
        return
    times = Times(0, int(time.time()))
    days = next(day for day in range(2, 9) if (times.local(day, 12) // DAY + 3) % 7 == THURSDAY)
    note(db, GAVE, place, owner, notice=new_ref(), door=door.ref, person=engineer.ref,
         who=engineer.name, why="Yearly check of the boiler", urgent="", by=owner.name,
         told=["Priya Shah"], starts=times.local(days, 10), ends=times.local(days, 12))


def _yesterday(db: Session, place: Place, owner: Account) -> None:
    """What the owner said of the doors; and how the annexe was before the hub could let it."""
    home = place.name == PLACES[0].name
    said = {"other": "no"} | ({"household": "one", "fire_door": "no", "held": "no"} if home else {})
    for door in place.doors:
        db.add_all(DoorSaid(
            door_id=door.id, account_id=owner.id, question=question, answer=answer, how="owner")
            for question, answer in said.items())
    for door in (each for each in place.doors if each.label == "Garden Annexe"):
        made = judged(db, door)
        keep_look(db, door, made.day - timedelta(days=1), seen(made))


def _bounds(plan: PlacePlan, world: World) -> Iterator[Terms]:
    """What the owner lets the hub do: vouch for keys for a year; at home, host in the annexe."""
    year, unlock = int(time.time()) + 365 * DAY, Rights.UNLOCK
    yield Terms(world.door_ids(), Rights.REFRESH, exp=year, label="the hub vouches")
    if plan is PLACES[0]:
        yield Terms(
            world.door_ids("garden-annexe"), Rights.NONE, unlock | Rights.LOCK | Rights.ENROL, 2,
            nbf=int(time.time()) - 60, exp=year, max_life=14 * DAY, quota=2,
            label="the hub hosts in the annexe")


def _signed(hub: Hub, world: World, terms: Terms) -> list[cbor.Value]:
    """The link that the owner's own home signs for the hub."""
    grant_key = world.home.site_key(SiteRole.GRANT, PASSPHRASE)
    return give(world.home, grant_key, hub.own.signer.public, terms)


def _join(db: Session, place: Place, account: Account, role: Role) -> None:
    person = db.scalar(select(Person).where(
        Person.place_id == place.id, Person.name == account.name))
    known = db.scalar(select(Membership).where(
        Membership.place_id == place.id, Membership.account_id == account.id))
    member = known or Membership(account_id=account.id, place_id=place.id, role=role)
    member.person_id = person.id if person else None
    db.add(member)


def sign_ins(hub: Hub) -> list[dict[str, str]]:
    """A link for each of the cast, which signs in once."""
    with hub.database.writing() as db:
        accounts = db.scalars(select(Account).where(
            Account.email.endswith("@demo.invalid")).order_by(Account.id)).all()
        return [_sign_in(db, hub, account) for account in accounts]


def _sign_in(db: Session, hub: Hub, account: Account) -> dict[str, str]:
    roles = db.scalars(select(Membership.role).where(Membership.account_id == account.id))
    return {"name": account.name, "role": roles.first() or "",
            "url": f"{hub.settings.origin}/in/{invite(db, account, LINK_SECONDS)}"}


def is_empty(hub: Hub) -> bool:
    """Was it never filled?"""
    with hub.database.reading() as db:
        return db.scalar(select(Place.id).limit(1)) is None


