"""Taking over a new lock, and the owner's own key to every door."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field

from mortice.cli.here import Here
from mortice.cli.moments import zone_named
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.picking import records
from mortice.cli.problems import Problem
from mortice.client import founding, takeover
from mortice.client.home import Home, KnownDoor
from mortice.client.line import AnswerLost
from mortice.client.owner import OWNER_RIGHTS, Terms, give
from mortice.client.wallet import HeldKey, Wallet, encode_chain
from mortice.core.commissioning import Code, Takeover, read_code
from mortice.core.keys import Signer
from mortice.core.site import LockKeys, MappedDoor, Role

WAIT_SECONDS = 120  # for somebody to walk to the inside button
LOOK_SECONDS = 1.0  # between two tries meanwhile
OWNERS_LABEL = "owner"  # of the owner's own key


@dataclass(frozen=True)
class NewDoor:
    """A lock to take over, and what its door is to be called."""

    code: str = field(repr=False)
    where: tuple[str, int]
    label: str
    zone: str


def add(here: Here, new: NewDoor) -> None:
    """Take over a lock, put its door on the map, and make the owner a key to it."""
    zone_named(new.zone)
    code, me = read_code(new.code), here.me
    grant_key = here.site_key(Role.GRANT)
    keys = asyncio.run(_hello(new.where, code))
    door = founding.add_door(here.home, grant_key, new.label, new.zone, keys)
    try:
        asyncio.run(_take_over(here, new.where, code, keys, door))
    except AnswerLost:
        note("The lock's answer was lost. If mortice door test cannot talk to it, remove the door "
             "and add it again.")
    except BaseException:
        put_without(here.home, grant_key, door.id)
        raise
    here.home.keep_address(door.id, *new.where)
    owners_key(me, grant_key)
    _tell(here, door)


def _tell(here: Here, door: MappedDoor) -> None:
    known = next(d for d in here.home.known_doors() if d.mapped.id == door.id)
    if here.json:
        show_json({
            "door": known.slug, "label": door.label, "id": door.id.hex(),
            "lock": door.lock.id.hex(), "lock_key": door.lock.signing.encoded.hex()})
        return
    say(f"{plain(door.label)} is yours. Other doors learn of it on your next visit to them.")
    note(f"Try it with: mortice door unlock {known.slug}")
    note(f"Give a key with: mortice key give NAME --doors {known.slug} --always --link")


async def _hello(where: tuple[str, int], code: Code) -> LockKeys:
    try:
        return await takeover.hello(where, code)
    except takeover.HasOwner as error:
        raise Problem(
            "has_owner", f"Something answers at {where[0]}:{where[1]}, but not to newcomers: that "
            "lock has an owner already.",
            "To give a lock a new owner, hold its inside button for ten seconds; that wipes it."
        ) from error


async def _take_over(
    here: Here, where: tuple[str, int], code: Code, keys: LockKeys, door: MappedDoor) -> None:
    doors = here.home.doors_bytes()
    assert doors is not None, "the door was just put on the map"
    patience, asked = WAIT_SECONDS, False
    while True:
        told = Takeover(door.id, here.home.site_bytes(), doors, int(time.time()))
        try:
            await takeover.take_over(where, keys, code, told)
        except takeover.NotOpen as error:
            patience -= 1
            if not (here.input and sys.stdin.isatty() and patience):
                raise _button() from error
            if not asked:
                note("Press the button on the inside of the lock now. Waiting …")
            asked = True
            await asyncio.sleep(LOOK_SECONDS)
        else:
            return


def _button() -> Problem:
    return Problem(
        "press_inside_button", "The lock takes no owner yet: its inside button was not pressed.",
        "Press the button on the inside of the lock; then there are ten minutes for the same "
        "command.")


def owners_key(me: Wallet, grant_key: Signer) -> HeldKey:
    """The owner's own key to every door, made anew when there are more doors."""
    home = me.home
    doors = frozenset(door.mapped.id for door in home.known_doors())
    held = me.keys()
    mine = [key for key in held if key.leaf.label == OWNERS_LABEL and len(key.links) == 1]
    same = [key for key in mine if key.leaf.doors == doors]
    if same:
        return same[-1]
    chain = give(home, grant_key, me.key.public, Terms(
        doors, OWNER_RIGHTS, OWNER_RIGHTS, depth=4, resident=True, label=OWNERS_LABEL))
    new = me.add(chain)
    home.keep_issued(
        new.links, home.display_name(me.person), kind="own", chain=encode_chain(chain))
    _forget_unused(home, me, mine)
    return new


def _forget_unused(home: Home, me: Wallet, old: list[HeldKey]) -> None:
    """An older key of one's own to fewer doors stays only where others were passed on from it."""
    parents = {parent for record in records(home) for parent in record["parents"]}
    gone = [encode_chain(key.wire).hex() for key in old if key.leaf.id.hex() not in parents]
    home.update(f"people/{me.person}/keys.json", [], lambda kept: [
        chain for chain in kept if chain not in gone])


def put_without(home: Home, grant_key: Signer, door: bytes) -> None:
    """A newer map without one door."""
    left = [known.mapped for known in home.known_doors() if known.mapped.id != door]
    founding.put_doors(home, grant_key, tuple(left))


def remove(here: Here, door: KnownDoor) -> None:
    """Take a door off the map."""
    grant_key = here.site_key(Role.GRANT)
    put_without(here.home, grant_key, door.mapped.id)
    if here.home.known_doors():
        owners_key(here.me, grant_key)
    if here.json:
        show_json({"door": door.slug, "removed": True})
        return
    say(f"{plain(door.mapped.label)} is off the map.")
    note("Its lock still has its owner. To wipe it, hold its inside button for ten seconds.")
