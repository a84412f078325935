"""A small world on one machine: a home with a cast's keys, and real lock daemons on simulated doors.

The demo and every scene stand on it. Only what is built here differs from the product: the doors are
simulated, the site is marked as a demo's, and the cast's secrets lie in the demo's own folder.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from mortice.client import owner, visit
from mortice.client.home import Home, KnownDoor
from mortice.client.visit import Errand, Holder, Visited
from mortice.client.wallet import HeldKey, Wallet
from mortice.core import cbor
from mortice.core.commands import COMMANDS, Command
from mortice.core.commissioning import Takeover
from mortice.core.config import Config
from mortice.core.grant import Rights
from mortice.core.link import LockAddress
from mortice.core.pin import PinPolicy
from mortice.core.site import Role
from mortice.drivers import InsideButton
from mortice.drivers.simulated import Physics, SimulatedDoor
from mortice.lockd.daemon import Lock
from mortice.lockd.listen import Listener
from mortice.lockd.outside import Machine, Outside
from mortice.lockd.watch import Watch

OWNER = "Margaret Hale"
PASSPHRASE = "demo only: never for a real door"  # the demo guards nothing; see spec/home.md
ZONE = "Europe/London"
POLICY = PinPolicy()


@dataclass(frozen=True, slots=True)
class DoorPlan:
    """One door to build: its name, the place it stands at, and when it locks itself."""

    label: str
    place: str
    number: str
    paint: str
    relock_after: int = 0

    @property
    def slug(self) -> str:
        """The door's name on the command line."""
        return self.label.lower().replace(" ", "-")


class RunningDoor:
    """One simulated door with its real daemon, listening on loopback."""

    def __init__(self, plan: DoorPlan, folder: Path, physics: Physics, outside: Outside) -> None:
        self.plan = plan
        self.folder = folder
        self._outside = outside
        self.hardware = SimulatedDoor(physics)
        self.lock = Lock(folder, self.hardware, outside)
        self.watch = Watch(self.lock)
        self.listener = Listener(self.lock)
        self.address = ("", 0)

    async def start(self, port: int = 0) -> None:
        """Listen, on the port of last time if it is free."""
        self.watch.start()
        try:
            self.address = await self.listener.start("127.0.0.1", port)
        except OSError:
            self.address = await self.listener.start("127.0.0.1", 0)

    async def stop(self) -> None:
        """Stop in good order."""
        await self.cut()
        self.lock.close()

    async def cut(self) -> None:
        """The board loses power: nothing is written any more; what was durable stays."""
        await self.listener.stop()
        await self.watch.stop()

    async def restart(self) -> None:
        """Power comes back: a new daemon on the same disk and the same door."""
        self.lock.store.close()
        self.lock = Lock(self.folder, self.hardware, self._outside)
        self.watch = Watch(self.lock)
        self.listener = Listener(self.lock)
        await self.start(self.address[1])


class World:
    """A home, its doors and its cast."""

    def __init__(self, folder: Path, physics: Physics | None = None, outside: Outside | None = None) -> None:
        self.home = Home(folder)
        self.doors: dict[str, RunningDoor] = {}
        self._physics = physics or Physics()
        self._outside: Outside = outside or Machine()

    # --- building --------------------------------------------------------------------------

    @property
    def is_new(self) -> bool:
        """Has nobody built this world yet?"""
        return not self.home.owns_site()

    def found(self, name: str) -> None:
        """Make the site, its owner and the demo's passphrase file."""
        self.home.write_bytes("passphrase", PASSPHRASE.encode())
        self.home.write("settings.json", {
            "me": OWNER, "passphrase_file": str((self.home.folder / "passphrase").resolve())})
        new = owner.create_site(self.home, name, PASSPHRASE, demo=True)
        self.home.write("demo.json", {"sheet": new.sheet, "pins": []})
        self.home.make_person(OWNER)

    async def run(self, plan: DoorPlan) -> RunningDoor:
        """Start one door's daemon, taken over by the site if it is new."""
        door = RunningDoor(plan, self.home.folder / "locks" / plan.slug, self._physics, self._outside)
        known = {d.slug: d for d in self.home.known_doors()}.get(plan.slug)
        await door.start(known.port if known else 0)
        self.doors[plan.slug] = door
        if door.lock.owned is None:
            await self._take_over(door)
        mapped = self.home.door(plan.slug).mapped
        self.home.keep_address(mapped.id, *door.address)
        return door

    async def _take_over(self, door: RunningDoor) -> None:
        grant_key = self.home.site_key(Role.GRANT, PASSPHRASE)
        code = door.lock.secrets.code
        keys = await visit.hello(door.address, code)
        mapped = owner.add_door(self.home, grant_key, door.plan.label, ZONE, keys)
        doors = bytes.fromhex(self.home.read("site.json")["doors"])
        door.watch.heard(InsideButton(0.5))
        await visit.take_over(door.address, keys, code, Takeover(
            mapped.id, self.home.site_bytes(), doors, int(time.time())))
        self.home.keep_address(mapped.id, *door.address)

    def door_ids(self, *slugs: str) -> frozenset[bytes]:
        """The ids of doors by their names; all of them without names."""
        known = self.home.known_doors()
        return frozenset(d.mapped.id for d in known if not slugs or d.slug in slugs)

    def give(self, name: str, terms: owner.Terms, algorithm: str = "ed25519") -> HeldKey:
        """A first link for `name`, signed by the site."""
        self.home.make_person(name, algorithm)
        wallet = Wallet(self.home, name)
        grant_key = self.home.site_key(Role.GRANT, PASSPHRASE)
        held = wallet.add(owner.give(self.home, grant_key, wallet.key.public, terms))
        self.home.keep_issued(held.links, name)
        return held

    def pass_on(self, giver: str, name: str, terms: owner.Terms, algorithm: str = "ed25519") -> HeldKey:
        """A link below the newest key of `giver`."""
        self.home.make_person(name, algorithm)
        giving, wallet = Wallet(self.home, giver), Wallet(self.home, name)
        held = wallet.add(
            owner.pass_on(giving.keys()[-1], giving.key, wallet.key.public, terms))
        self.home.keep_issued(held.links, name)
        return held

    def owner_key(self) -> HeldKey:
        """The owner's own key to every door, made anew when doors were added."""
        held = [k for k in Wallet(self.home, OWNER).keys() if k.leaf.doors == self.door_ids()]
        if held:
            return held[-1]
        return self.give(OWNER, owner.Terms(
            self.door_ids(), owner.OWNER_RIGHTS, owner.OWNER_RIGHTS, depth=4, resident=True,
            label="owner"))

    async def give_pin(self, name: str, slug: str, slot: int, terms: owner.Terms) -> str:
        """Enrol a PIN for `name` below the owner's key; returns the digits."""
        held, wallet = self.owner_key(), Wallet(self.home, OWNER)
        door = self.home.door(slug)
        pin = owner.enrol_pin(held, wallet.key, door.mapped, slot, POLICY, terms)
        await self.visit(OWNER, slug, Command.DELIVER, bundle=[pin.item])
        record = {"id": pin.leaf.hex(), "label": name, "doors": [door.mapped.id.hex()],
                  "exp": terms.exp, "parents": [link.id.hex() for link in held.links]}
        self.home.write("issued.json", [*self.home.issued(), record])
        kept = self.home.read("demo.json")
        kept["pins"].append({"door": slug, "person": name, "pin": pin.digits})
        self.home.write("demo.json", kept)
        return pin.digits

    async def configure(self, slug: str, relock_after: int) -> None:
        """Set when a door locks itself."""
        door = self.home.door(slug)
        item = owner.configure(
            self.home, self.home.site_key(Role.GRANT, PASSPHRASE),
            Config(door.mapped.id, 1, relock_after, POLICY))
        await self.visit(OWNER, slug, Command.DELIVER, bundle=[item])

    # --- using -----------------------------------------------------------------------------

    def lock_address(self, door: KnownDoor) -> LockAddress:
        """What a holder must know of a lock."""
        return LockAddress(
            self.home.site().id, door.mapped.id, door.mapped.lock.link, door.mapped.lock.signing)

    async def visit(
        self, name: str, slug: str, command: Command, *, args: dict[int | str, cbor.Value] | None = None,
        bundle: list[cbor.Value] | None = None, key: HeldKey | None = None,
        news: dict[bytes, bytes] | None = None,
    ) -> Visited:
        """`name` visits a door. News comes from the home unless it is given."""
        wallet, door = Wallet(self.home, name), self.home.door(slug)
        held = key or wallet.best(door.mapped.id, COMMANDS[command].right)
        carried = self.home.news() if news is None else news
        receipt = wallet.receipts().get(door.mapped.lock.id.hex())
        holder = Holder(
            wallet.key, held.wire, held.leaf.id, held.leaf.use, carried,
            bytes.fromhex(receipt) if receipt else None)
        visited = await visit.visit(
            (door.host, door.port), self.lock_address(door), holder,
            Errand(command, args or {}, bundle or []))
        if visited.receipt is not None:
            wallet.keep_receipt(door.mapped.lock.id, visited.receipt)
        return visited

    async def stop(self) -> None:
        """Stop every door in good order."""
        for door in self.doors.values():
            await door.stop()

    def ready(self, url: str) -> str:
        """One line of JSON for scripts: where everything is, and the demo's own PINs and keys."""
        doors = [{
            "name": door.slug, "label": door.mapped.label, "address": f"{door.host}:{door.port}",
            "lock": door.mapped.lock.id.hex(), "lock_key": door.mapped.lock.signing.encoded.hex(),
            "door": door.mapped.id.hex(),
        } for door in self.home.known_doors()]
        people = [{"name": person, "key": str(self.home.folder / "people" / person / "key"),
                   "keys": str(self.home.folder / "people" / person / "keys.json")}
                  for person in self.home.people()]
        return json.dumps({
            "url": url, "home": str(self.home.folder), "doors": doors,
            "pins": self.home.read("demo.json", {}).get("pins", []), "people": people})


