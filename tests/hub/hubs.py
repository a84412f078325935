"""A hub in a folder, a place with real signed documents, and accounts of every role.

`Cast` is what most tests of the hub stand on. The locks of its doors are only keys here; tests that
need a lock that answers run a real one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.testclient import TestClient

from mortice.client.founding import Drawn, draw_site
from mortice.core import cbor
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.noise import KeyPair
from mortice.core.site import DoorMap, LockKeys, MappedDoor, sign_doors
from mortice.core.site import Role as SiteRole
from mortice.hub.access import Role
from mortice.hub.accounts import begin_sign_in
from mortice.hub.app import make_app
from mortice.hub.hub import Hub, make_hub
from mortice.hub.settings import Settings
from mortice.hub.tables import Account, Door, Membership, Place

ORIGIN = "http://localhost:12209"
ZONE = "Europe/London"


@dataclass
class FakeLock:
    """The keys of a lock; what it says is up to the test."""

    signer: SoftwareKey = field(
        default_factory=lambda: SoftwareKey.from_seed(ED25519, secrets.token_bytes(32)))
    link: KeyPair = field(default_factory=lambda: KeyPair(secrets.token_bytes(32)))
    sealing: KeyPair = field(default_factory=lambda: KeyPair(secrets.token_bytes(32)))

    @property
    def keys(self) -> LockKeys:
        return LockKeys(self.link.public, self.signer.public, self.sealing.public)


@dataclass
class Cast:
    """A place, its owner's keys, and an account for each role (`accounts["owner"]` …)."""

    hub: Hub
    site: Drawn
    place: Place
    locks: dict[str, FakeLock]
    doors: dict[str, Door]
    accounts: dict[str, Account]

    @property
    def grant_key(self) -> SoftwareKey:
        return self.site.keys[SiteRole.GRANT]

    @property
    def base(self) -> str:
        return f"/p/{self.place.ref}"


def add_account(hub: Hub, name: str, place: Place | None = None, role: str = "owner") -> Account:
    """An account, and its membership of a place."""
    with hub.database.writing() as db:
        account = Account(name=name, email=f"{name.lower().replace(' ', '.')}@example.invalid")
        db.add(account)
        db.flush()
        if place is not None:
            db.add(Membership(account_id=account.id, place_id=place.id, role=role))
    return account


def add_place(hub: Hub, name: str = "14 Alder Road", labels: tuple[str, ...] = (
        "Front door", "Back door")) -> tuple[Drawn, Place, dict[str, FakeLock], dict[str, Door]]:
    """A place whose root and map of doors are really signed."""
    site = draw_site(demo=True)
    locks = {label: FakeLock() for label in labels}
    mapped = tuple(
        MappedDoor(secrets.token_bytes(8), label, ZONE, lock.keys)
        for label, lock in locks.items())
    signed = sign_doors(DoorMap(site.site.id, 1, mapped), site.keys[SiteRole.GRANT])
    with hub.database.writing() as db:
        place = Place(
            name=name, zone=ZONE, site_id=site.site.id, root=site.root, root_version=1,
            doors_map=signed, doors_version=1, demo=True)
        db.add(place)
        db.flush()
        doors = {}
        for position, door in enumerate(mapped):
            doors[door.label] = Door(
                place_id=place.id, door_id=door.id, label=door.label, zone=ZONE, position=position,
                lock_id=door.lock.id, lock_link=door.lock.link,
                lock_signing=cbor.encode(door.lock.signing.cose), lock_sealing=door.lock.sealing)
        db.add_all(doors.values())
    return site, place, locks, doors


def make_cast(folder: Path, database: str = "", origin: str = ORIGIN) -> Cast:
    """A hub with one place and an account for each role. The rest as in Settings."""
    hub = make_hub(Settings(folder, origin=origin, database=database))
    site, place, locks, doors = add_place(hub)
    accounts = {role.value: add_account(hub, role.value.capitalize(), place, role.value)
                for role in Role}
    accounts["stranger"] = add_account(hub, "Stranger")
    return Cast(hub, site, place, locks, doors, accounts)


@contextmanager
def browser(hub: Hub, account: Account | None = None) -> Iterator[TestClient]:
    """A browser at the hub, signed in as `account`. It sends what a real one would."""
    with TestClient(
            make_app(hub), base_url=hub.settings.origin, follow_redirects=False,
            headers={"sec-fetch-site": "same-origin", "origin": hub.settings.origin,
                     "accept": "text/html"}) as client:
        if account is not None:
            with hub.database.writing() as db:
                client.cookies.set(hub.cookie, begin_sign_in(db, account, "passkey", "test"))
        yield client
