"""What there is to measure: a site, a door with its lock, and people with keys to it.

Made from the product's own parts, but for the door (bench/door.py).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.door import Door
from mortice.client.visit import Holder
from mortice.core import cbor
from mortice.core.grant import Grant, Rights, read_grant, sign_grant
from mortice.core.keys import ED25519, Signer, SoftwareKey
from mortice.core.link import MAC_BYTES, LockAddress, mac_key
from mortice.core.log import About, Kind
from mortice.core.schedule import Window
from mortice.core.site import (
    DoorMap,
    LockKeys,
    MappedDoor,
    Role,
    RoleKeys,
    Site,
    sign_doors,
    sign_site,
)
from mortice.lockd import identity, ownership
from mortice.lockd.daemon import Lock
from mortice.lockd.outside import Machine

DAY = 86_400
YEAR = 365 * DAY
ZONE = "Europe/London"
EVERY_HOUR = (Window(127, 0, 1440),)  # one window, and open whenever this runs


def new_key() -> SoftwareKey:
    return SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))


@dataclass(frozen=True, slots=True)
class Key:
    """A chain, and the key pair of its last holder."""

    signer: SoftwareKey
    wire: list[cbor.Value]
    links: tuple[Grant, ...]
    news: dict[bytes, bytes] = field(default_factory=dict)  # that its holder carries

    @property
    def leaf(self) -> Grant:
        return self.links[-1]

    @property
    def holder(self) -> Holder:
        return Holder(self.signer, self.wire, self.leaf.id, self.leaf.use, self.news)


class Owner:
    """The owner of one site with one door."""

    def __init__(self) -> None:
        self.grant, self.revoke, root = new_key(), new_key(), new_key()
        held = {Role.ROOT: root, Role.GRANT: self.grant, Role.REVOKE: self.revoke}
        roles = {role: RoleKeys(1, (key.public,)) for role, key in held.items()}
        self.site = Site(secrets.token_bytes(16), 1, roles)
        self.site_bytes = sign_site(self.site, [root])
        self.door = secrets.token_bytes(8)
        self.now = int(time.time())

    def map_of(self, lock: LockKeys) -> tuple[MappedDoor, bytes]:
        door = MappedDoor(self.door, "Front door", ZONE, lock)
        return door, sign_doors(DoorMap(self.site.id, 1, (door,)), self.grant)

    def address(self, lock: LockKeys) -> LockAddress:
        return LockAddress(self.site.id, self.door, lock.link, lock.signing)

    # --- keys --------------------------------------------------------------------------------

    def resident(self) -> Key:
        """A first link without an end, as an owner's or a tenant's phone holds it."""
        key = new_key()
        rights = Rights.UNLOCK | Rights.LOCK | Rights.ENROL | Rights.VIEW_LOG
        link = Grant(
            key.public, frozenset({self.door}), rights, delegable=rights, depth=2,
            site=self.site.id, resident=True, about={1: "Margaret"})
        return _key_below(link, None, self.grant, key)

    def chain_of_three(self) -> Key:
        """Letting agent, gas firm, engineer: hours, ends, longest lives and labels in each link."""
        agent, firm, engineer = new_key(), new_key(), new_key()
        both, doors = Rights.UNLOCK | Rights.LOCK, frozenset({self.door})
        first = Grant(
            agent.public, doors, both, delegable=Rights.UNLOCK, depth=2, site=self.site.id,
            nbf=self.now - DAY, exp=self.now + YEAR, max_life=2 * DAY, hours=EVERY_HOUR,
            about={1: "Alder Street Lettings"})
        above = _key_below(first, None, self.grant, agent)
        second = Grant(
            firm.public, doors, Rights.UNLOCK, delegable=Rights.UNLOCK, depth=1,
            parent=above.leaf.id, nbf=self.now - DAY, exp=self.now + DAY, max_life=2 * DAY,
            hours=EVERY_HOUR, about={1: "Northgate Gas"})
        above = _key_below(second, above, agent, firm)
        third = Grant(
            engineer.public, doors, Rights.UNLOCK, parent=above.leaf.id, nbf=self.now - DAY // 2,
            exp=self.now + DAY // 2, hours=EVERY_HOUR, about={1: "Boiler, Thursday"})
        return _key_below(third, above, firm, engineer)


def _key_below(link: Grant, above: Key | None, signer: Signer, key: SoftwareKey) -> Key:
    encoded = sign_grant(link, signer)
    wire, links = (above.wire, above.links) if above else ([], ())
    return Key(key, [*wire, encoded], (*links, read_grant(encoded)))


def fill(lock: Lock, entries: int) -> None:
    """Make the lock's log longer by what a leaf that opens and shuts would write."""
    with lock.store.change() as change:
        for _ in range(entries):
            lock.recorder.write(change, Kind.LEAF_SEEN, {About.STATE: "closed"})


def with_mac(body: bytes, link: bytes) -> bytes:
    """A first message as anybody can make it who knows the lock's public key."""
    return body + hashlib.blake2s(body, key=mac_key(link), digest_size=MAC_BYTES).digest()


def commissioned(owner: Owner, folder: Path, door: Door | None = None) -> Lock:
    """A lock of the owner's, taken over, with its data in `folder`."""
    lock = Lock(folder, door or Door(), Machine())
    _, doors = owner.map_of(lock.secrets.public)
    owned = ownership.first_owner(owner.site_bytes, doors, owner.door, lock.secrets.public.id)
    identity.take_over(lock, owned, owner.now)
    return lock
