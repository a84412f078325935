"""A place founded in a browser, and doors that its owner adds there.

What is signed is signed in the browser, with a key that stays in it and keys that stand on paper.
The hub takes documents in by the rules of a lock (places.py), and says where it is to be dialled.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.hub.access import Here, Role
from mortice.hub.acts import note
from mortice.hub.carrier import LOCKS_PATH
from mortice.hub.doors import now_of
from mortice.hub.guests import bytes_of, text_of
from mortice.hub.hub import Hub
from mortice.hub.mine import own_requests, take_in
from mortice.hub.near import own_address
from mortice.hub.places import follow_doors, found_place, site_of
from mortice.hub.problems import Problem, not_found, wrong
from mortice.hub.tables import Account, Door, Membership, Place, now
from mortice.hub.wanted import plain_name

NOT_FOUNDER = Problem(
    403, "not-yours", "You may not found a place at this hub",
    "Whoever owns a place here can. At a place of theirs, ask them for a key.")
UNREACHED = Problem(
    409, "lines-closed", "A lock could not reach this hub",
    "It listens for locks on this machine only. Start it with: mortice hub run --lines "
    "0.0.0.0:12210. Nothing was changed at the lock.")


# --- founding -------------------------------------------------------------------------------------


def may_found(db: Session, account: Account) -> bool:
    """Owners may found another place, and at a hub that nobody owns a place at, its first owner."""
    owners = set(db.scalars(select(Membership.account_id).where(Membership.role == Role.OWNER)))
    return not owners or account.id in owners


def found(db: Session, account: Account, sent: Mapping[str, Any]) -> Place:
    """A new place on the root that was sent. Raises Malformed, Untrusted (S), Problem."""
    if not may_found(db, account):
        raise NOT_FOUNDER
    name, zone = plain_name(str(sent.get("name", ""))), read_zone(str(sent.get("zone", "")))
    root = bytes_of(sent.get("root"))
    known = _founded_before(db, account, root)
    if known is not None:
        return known
    place = found_place(db, account, name, root, None)
    place.zone = zone
    note(db, "founded the place", place, account)
    return place


def _founded_before(db: Session, account: Account, root: bytes) -> Place | None:
    """The same place, where the answer to the first time was lost."""
    return db.scalar(select(Place).join(Membership).where(
        Place.root == root, Membership.account_id == account.id, Membership.role == Role.OWNER))


def read_zone(text: str) -> str:
    """A time zone's name. Raises Problem."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise wrong({"zone": "Write a zone such as Europe/London."}) from error


# --- adding a door --------------------------------------------------------------------------------


def papers(db: Session, here: Here) -> dict[str, Any]:
    """What static/new_door.js signs upon; all of it is public."""
    place = here.place
    site_of(place)  # raises Problem where there is none yet
    assert place.root is not None, "site_of has read it"
    return {
        "root": text_of(place.root), "roots": [text_of(place.root)], "name": place.name,
        "map": text_of(place.doors_map) if place.doors_map else None, "zone": place.zone,
        "who": here.account.name, "key": f"{place.ref} {here.account.ref}",
        "asking": [each.text for each in own_requests(db, here)]}


def add_door(db: Session, here: Here, sent: Mapping[str, Any]) -> None:
    """A newer map, and its owner's own keys for it. Raises Malformed, Untrusted, Problem."""
    place = db.get_one(Place, here.place.id)
    newer = bytes_of(sent.get("map"))
    if newer == place.doors_map:
        return  # the answer to the first time was lost
    follow_doors(db, place, newer)
    take_in(db, here, str(sent.get("keys", "")))
    note(db, "added a door", place, here.account, version=place.doors_version)


def settings_for(hub: Hub, lock: str) -> dict[str, str]:
    """What the settings of a lock that is at the address `lock` say of this hub."""
    return {"key": text_of(hub.own.link.public), "address": where_to_dial(hub, lock)}


def where_to_dial(hub: Hub, lock: str) -> str:
    """Where a lock dials this hub. Raises Problem."""
    if hub.lines_at is None:
        raise UNREACHED
    host, port = hub.lines_at
    if ip_address(host).is_unspecified:
        host = own_address(lock)
    if not ip_address(host).is_loopback or ip_address(lock).is_loopback:
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if not hub.settings.is_https:
        raise UNREACHED
    return f"wss://{urlsplit(hub.settings.origin).netloc}{LOCKS_PATH}"


def heard(db: Session, here: Here, door_id: str) -> dict[str, Any]:
    """Has the lock dialled in, and how does its door stand? Raises Problem."""
    try:
        wanted = bytes.fromhex(door_id)
    except ValueError as error:
        raise not_found("door") from error
    door = db.scalar(select(Door).where(Door.door_id == wanted, Door.place_id == here.place.id))
    if door is None:
        raise not_found("door")
    there = now_of(door, now())
    return {"ref": door.ref, "connected": door.connected, "heard": there.is_heard,
            "word": there.words.word, "seen": there.words.seen}
