"""A small world on one machine: a home with a cast's keys, and real lock daemons on its doors.

The demo and every scene stand on it. Only what is built here differs from the product: the doors
are simulated, the site is marked as a demo's, and the cast's secrets lie in the demo's own folder.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mortice.client import owner, visit
from mortice.client.errands import keep
from mortice.client.founding import add_door, create_site
from mortice.client.home import Home, KnownDoor
from mortice.client.takeover import hello, take_over
from mortice.client.visit import Errand, Holder, Visited
from mortice.client.wallet import HeldKey, Wallet, encode_chain
from mortice.core import cbor
from mortice.core.commands import COMMANDS, Command
from mortice.core.commissioning import Takeover
from mortice.core.config import Config
from mortice.core.grant import ENROL, Rights, read_grant
from mortice.core.link import LockAddress
from mortice.core.pin import PinPolicy
from mortice.core.site import Role
from mortice.drivers.simulated import Physics
from mortice.lockd.outside import Machine
from mortice.sim.past import Past
from mortice.sim.running import DoorPlan, RunningDoor

OWNER = "Margaret Hale"
PASSPHRASE = "demo only: never for a real door"  # noqa: S105 - guards nothing: it lies in the folder
ZONE = "Europe/London"
DAY = 86_400
POLICY = PinPolicy()


@dataclass(frozen=True, slots=True)
class Bring:
    """What a visitor carries to a door besides a key."""

    args: dict[int | str, cbor.Value] = field(default_factory=dict)
    bundle: list[cbor.Value] = field(default_factory=list)
    key: HeldKey | None = None  # None takes the best one in the wallet
    news: dict[bytes, bytes] | None = None  # None takes all that the home has heard


NOTHING = Bring()
NO_NEWS = Bring(news={})


class World:
    """A home, its doors and its cast."""

    def __init__(
        self, folder: Path, physics: Physics | None = None, past: Past | None = None) -> None:
        """`past`: the clock on which its history is made; without it, the machine's own."""
        self.home = Home(folder)
        self.doors: dict[str, RunningDoor] = {}
        self._physics = physics or Physics()
        self._past, self._outside = past, past or Machine()

    # --- building --------------------------------------------------------------------------

    @property
    def is_new(self) -> bool:
        """Has nobody built this world yet?"""
        return not self.home.owns_site()

    def found(self, name: str) -> None:
        """Make the site, its owner and the demo's passphrase file."""
        self.home.write_bytes("passphrase", PASSPHRASE.encode())
        passphrase_file = str((self.home.folder / "passphrase").resolve())
        self.home.write("settings.json", {"me": OWNER, "passphrase_file": passphrase_file})
        new = create_site(self.home, name, PASSPHRASE, demo=True)
        self.home.write("demo.json", {"sheet": new.sheet, "pins": []})
        self.home.make_person(OWNER)

    async def run(self, plan: DoorPlan) -> RunningDoor:
        """Start one door's daemon, taken over by the site if the door is not on its map yet."""
        folder = self.home.folder / "locks" / plan.slug
        door = RunningDoor(plan, folder, self._physics, self._outside)
        door.drain(self._days_left())
        known = {known.slug: known for known in self.home.known_doors()}.get(plan.slug)
        await door.start(known.port if known else 0)
        self.doors[plan.slug] = door
        if known is None:
            await self._take_over(door)
        mapped = self.home.door(plan.slug).mapped
        self.home.keep_address(mapped.id, *door.address)
        door.moved = lambda host, port: self.home.keep_address(mapped.id, host, port)
        return door

    def _days_left(self) -> float:
        return 0.0 if self._past is None else (time.time() - self._past.wall()) / DAY

    def drain(self) -> None:
        """Time has passed: batteries are as empty as that, and each lock writes it down."""
        for door in self.doors.values():
            door.drain(self._days_left())

    async def _take_over(self, door: RunningDoor) -> None:
        grant_key = self.home.site_key(Role.GRANT, PASSPHRASE)
        code = door.lock.secrets.code
        keys = await hello(door.address, code)
        mapped = add_door(self.home, grant_key, door.plan.label, ZONE, keys)
        doors = bytes.fromhex(self.home.read("site.json")["doors"])
        await door.hardware.hold_inside_button(0.01)
        now = int(time.time()) if self._past is None else self._past.wall()
        takeover = Takeover(mapped.id, self.home.site_bytes(), doors, now)
        await take_over(door.address, keys, code, takeover)

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
        self.home.keep_issued(held.links, name, chain=encode_chain(held.wire))
        return held

    def pass_on(self, giver: str, name: str, terms: owner.Terms) -> HeldKey:
        """A link below the newest key of `giver`."""
        self.home.make_person(name)
        giving, wallet = Wallet(self.home, giver), Wallet(self.home, name)
        chain = owner.pass_on(giving.keys()[-1], giving.key, wallet.key.public, terms)
        held = wallet.add(chain)
        self.home.keep_issued(held.links, name, chain=encode_chain(held.wire))
        return held

    def owner_key(self) -> HeldKey:
        """The owner's own key to every door, made anew when doors were added."""
        doors, keys = self.door_ids(), Wallet(self.home, OWNER).keys()
        held = [key for key in keys if key.leaf.doors == doors]
        if held:
            return held[-1]
        rights = owner.OWNER_RIGHTS
        terms = owner.Terms(doors, rights, rights, depth=4, resident=True, label="owner")
        return self.give(OWNER, terms)

    async def give_pin(self, name: str, slug: str, slot: int, terms: owner.Terms) -> str:
        """Enrol a PIN for `name` below the owner's key; returns the digits."""
        held, wallet = self.owner_key(), Wallet(self.home, OWNER)
        door = self.home.door(slug)
        pin = owner.enrol_pin(held, wallet.key, door.mapped, slot, POLICY, terms)
        await self.visit(OWNER, slug, Command.DELIVER, Bring(bundle=[pin.item]))
        chain = [*held.wire, pin.document]
        links = (*held.links, read_grant(pin.document, ENROL))
        self.home.keep_issued(links, name, kind="pin", chain=encode_chain(chain))
        kept = self.home.read("demo.json")
        kept["pins"].append({"door": slug, "person": name, "pin": pin.digits})
        self.home.write("demo.json", kept)
        return pin.digits

    async def configure(
        self, slug: str, relock_after: int, hub: tuple[bytes, str] | None = None) -> None:
        """Set when a door locks itself, which hub it dials, and the opening hours of its plan."""
        door, running = self.home.door(slug), self.doors[slug]
        present, opening = running.lock.owner().config, running.plan.opening
        grant_key = self.home.site_key(Role.GRANT, PASSPHRASE)
        config = Config(door.mapped.id, present.version + 1, relock_after, POLICY, hub, opening)
        item = owner.configure(self.home, grant_key, config)
        await self.visit(OWNER, slug, Command.DELIVER, Bring(bundle=[item]))

    # --- using -----------------------------------------------------------------------------

    def pins(self) -> list[dict[str, str]]:
        """The demo's own PINs: door, person and digits of each."""
        pins: list[dict[str, str]] = self.home.read("demo.json")["pins"]
        return pins

    def lock_address(self, door: KnownDoor) -> LockAddress:
        """What a holder must know of a lock."""
        lock = door.mapped.lock
        return LockAddress(self.home.site().id, door.mapped.id, lock.link, lock.signing)

    async def visit(
        self, name: str, slug: str, command: Command, bring: Bring = NOTHING
    ) -> Visited:
        """`name` visits a door and keeps what comes back."""
        wallet, door = Wallet(self.home, name), self.home.door(slug)
        held = bring.key or wallet.best(door.mapped.id, COMMANDS[command].right)
        lock = door.mapped.lock.id
        receipt = wallet.receipts().get(lock.hex())
        holder = Holder(
            wallet.key,
            held.wire,
            held.leaf.id,
            held.leaf.use if self._past is None else Rights.NONE,  # in the past, nobody sets clocks
            self.home.news() if bring.news is None else bring.news,
            bytes.fromhex(receipt) if receipt else None,
        )
        errand = Errand(command, bring.args, bring.bundle)
        visited = await visit.visit((door.host, door.port), self.lock_address(door), holder, errand)
        keep(wallet, door, visited, int(time.time()))
        return visited

    async def stop(self) -> None:
        """Stop every door in good order."""
        for door in self.doors.values():
            await door.stop()

    def for_scripts(self) -> dict[str, list[dict[str, Any]]]:
        """Where everything of this place is, and its own PINs and keys."""
        folder = self.home.folder.resolve()
        home = {"home": str(folder)}
        return {
            "doors": [_door_for_scripts(door) | home for door in self.home.known_doors()],
            "pins": [pin | home for pin in self.pins()],
            "people": [
                {
                    "name": person,
                    "key": str(folder / "people" / person / "key"),
                    "keys": str(folder / "people" / person / "keys.json"),
                }
                | home
                for person in self.home.people()
            ],
        }


def _door_for_scripts(door: KnownDoor) -> dict[str, Any]:
    lock = door.mapped.lock
    return {
        "name": door.slug,
        "label": door.mapped.label,
        "address": f"{door.host}:{door.port}",
        "lock": lock.id.hex(),
        "lock_key": lock.signing.encoded.hex(),
        "door": door.mapped.id.hex(),
    }
