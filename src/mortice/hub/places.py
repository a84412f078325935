"""Places: a site's root and map of doors as the hub keeps them, and how newer ones follow.

The hub believes no page and no program: a root or a map counts here by the same rules as at a lock
(spec/site.md). The hub signs neither.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mortice.core import cbor
from mortice.core.errors import Untrusted
from mortice.core.keys import PublicKey
from mortice.core.site import (
    DOORS_MAP,
    SITE,
    DoorMap,
    MappedDoor,
    Site,
    accept_doors,
    accept_first,
    accept_next,
    read_doors,
    read_site,
)
from mortice.hub.outbox import post
from mortice.hub.problems import Problem
from mortice.hub.tables import Account, Door, Log, Membership, OldRoot, Place

UNFOUNDED = Problem(409, "no-site-yet", "This place has no signed root yet",
                    "Finish setting it up first.")
TAKEN = Problem(409, "site-known", "This hub has that place already",
                "Open it from the list of places.")


@lru_cache(maxsize=512)
def _read_site(encoded: bytes) -> Site:
    return read_site(encoded)[0]


@lru_cache(maxsize=512)
def _read_doors(encoded: bytes) -> DoorMap:
    return read_doors(encoded)


def site_of(place: Place) -> Site:
    """The root that this place stands on. Raises Problem if there is none yet."""
    if place.root is None:
        raise UNFOUNDED
    return _read_site(place.root)


def map_of(place: Place) -> DoorMap:
    """The signed map of its doors; an empty one if none was signed."""
    site = site_of(place)
    return _read_doors(place.doors_map) if place.doors_map else DoorMap(site.id, 0, ())


def signing_key(door: Door) -> PublicKey:
    """The key under which this door's lock signs."""
    return PublicKey.from_cose(cbor.decode(door.lock_signing))


def key_of(log: Log) -> PublicKey:
    """The key under which the lock signs that wrote this log."""
    return PublicKey.from_cose(cbor.decode(log.lock_signing))


def found_place(db: Session, owner: Account, name: str, root: bytes, doors: bytes | None) -> Place:
    """A new place on its first root. Raises Malformed, Untrusted (S), Problem."""
    site = accept_first(root)
    if db.scalar(select(Place.id).where(Place.site_id == site.id)) is not None:
        raise TAKEN
    place = Place(
        name=name, site_id=site.id, root=root, root_version=site.version, demo=site.demo,
        strict=site.strict)
    db.add(place)
    db.flush()
    db.add(Membership(account_id=owner.id, place_id=place.id, role="owner"))
    if doors is not None:
        follow_doors(db, place, doors)
    return place


def follow_root(db: Session, place: Place, root: bytes) -> None:
    """A newer root; every lock gets it. Raises Malformed, Untrusted (S)."""
    present = site_of(place)
    if root == place.root:
        return
    site = accept_next(present, root)
    assert place.root is not None, "site_of has read it"
    db.add(OldRoot(place_id=place.id, version=present.version, root=place.root))
    place.root, place.root_version, place.strict = root, site.version, site.strict
    post(db, place, [SITE, root], place.doors)


def follow_doors(db: Session, place: Place, doors: bytes) -> None:
    """A newer map: doors that are new, renamed or gone. Raises Malformed, Untrusted (S)."""
    if doors == place.doors_map:
        return
    present = map_of(place).version
    mapped = accept_doors(site_of(place), doors, above=present)
    known = {door.door_id: door for door in place.doors}
    for position, door in enumerate(mapped.doors):
        _keep_door(db, place, known.pop(door.id, None), door, position)
    for gone in known.values():
        db.execute(update(Log).where(Log.door_id == gone.id).values(
            label=gone.label, private=gone.private))  # the log outlives its door
        db.delete(gone)
    place.doors_map, place.doors_version = doors, mapped.version
    db.flush()
    db.refresh(place, ["doors"])
    post(db, place, [DOORS_MAP, doors], place.doors)


def _keep_door(
    db: Session, place: Place, known: Door | None, mapped: MappedDoor, position: int,
) -> None:
    other = db.scalar(select(Door).where(Door.lock_id == mapped.lock.id))
    if other is not None and other is not known:
        raise Untrusted("S13", "doors: that lock stands at another door already")
    door = known or Door(place_id=place.id, door_id=mapped.id)
    door.label, door.zone, door.position = mapped.label, mapped.zone, position
    door.lock_id, door.lock_link = mapped.lock.id, mapped.lock.link
    door.lock_signing = cbor.encode(mapped.lock.signing.cose)
    door.lock_sealing = mapped.lock.sealing
    db.add(door)
