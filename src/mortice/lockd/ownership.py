"""Whose door this is: the pinned root, the door map, the settings, and how each is replaced.

A lock without an owner takes one root, from whoever shows its one-time secret within ten minutes
of the inside button. After that a root follows a root only by the rules of core/site.py. Paper
alone needs the button, a day's wait, and the button again; while it waits, only what both roots
allow counts. Factory reset is possible from the inside only.

Spec: spec/site.md, spec/commissioning.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mortice.core.config import Config, read_config
from mortice.core.errors import Malformed, Untrusted
from mortice.core.limits import WINDOW_SECONDS
from mortice.core.site import (
    DoorMap,
    Place,
    Site,
    accept_doors,
    accept_first,
    accept_next,
    read_doors,
    read_site,
    recovers,
    while_recovering,
)
from mortice.lockd.store import Change, Store

RECOVERY_WAIT_SECONDS = 86_400  # powered-on seconds between the two presses of the button
READY_BYTES = 8  # of the powered-on second at which a recovery may be finished


@dataclass(frozen=True, slots=True)
class Owned:
    """What a commissioned lock stands on."""

    place: Place
    doors: DoorMap
    config: Config
    site_bytes: bytes
    doors_bytes: bytes


def zone_named(name: str) -> ZoneInfo:
    """The time zone `name`. Raises Malformed (S12)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Malformed("S12", f"doors: no time zone is called {name!r}") from error


def load(store: Store, lock: bytes) -> Owned | None:
    """What the lock was commissioned with, or None for a new one."""
    site_bytes, doors_bytes, door = store.meta("site"), store.meta("doors"), store.meta("door")
    if site_bytes is None or doors_bytes is None or door is None:
        return None
    site, doors = read_site(site_bytes)[0], read_doors(doors_bytes)  # verified when they came in
    config_bytes, waiting = store.meta("config"), recovery(store)
    config = Config(door) if config_bytes is None else read_config(config_bytes, site.id)
    owned = Owned(_place(site, doors, door, lock), doors, config, site_bytes, doors_bytes)
    return owned if waiting is None else stopped(owned, waiting.site)


def _place(site: Site, doors: DoorMap, door: bytes, lock: bytes) -> Place:
    mapped = doors.door(door)
    if mapped is None or mapped.lock.id != lock:
        raise Untrusted("S13", "doors: the map names another lock for this door")
    return Place(site, door, lock, zone_named(mapped.zone))


def first_owner(site_bytes: bytes, doors_bytes: bytes, door: bytes, lock: bytes) -> Owned:
    """What a new lock is to stand on. Raises Malformed or Untrusted (S checks)."""
    site = accept_first(site_bytes)
    doors = accept_doors(site, doors_bytes)
    return Owned(_place(site, doors, door, lock), doors, Config(door), site_bytes, doors_bytes)


def keep(change: Change, owned: Owned) -> None:
    """Pin `owned` within `change`."""
    change.put_meta("site", owned.site_bytes)
    change.put_meta("doors", owned.doors_bytes)
    change.put_meta("door", owned.place.door)


def next_site(owned: Owned, encoded: bytes, *, recovering: bool) -> Owned:
    """`owned` under the root that follows. Raises S5 to S9."""
    present = read_site(owned.site_bytes)[0]
    return _under(owned, accept_next(present, encoded, recovering=recovering), encoded)


def recovered_site(owned: Owned, encoded: bytes) -> Owned:
    """`owned` under a root signed by paper. Whether the wait is over is asked elsewhere."""
    return _under(owned, recovers(read_site(owned.site_bytes)[0], encoded), encoded)


def _under(owned: Owned, site: Site, encoded: bytes) -> Owned:
    return replace(owned, place=replace(owned.place, site=site), site_bytes=encoded)


@dataclass(frozen=True, slots=True)
class Recovery:
    """A root signed by paper, and the powered-on second from which it may be taken."""

    ready: int
    document: bytes

    @property
    def site(self) -> Site:
        """The root itself."""
        return read_site(self.document)[0]

    def encode(self) -> bytes:
        """As it is kept on the disk."""
        return self.ready.to_bytes(READY_BYTES, "big") + self.document


def recovery(store: Store) -> Recovery | None:
    """The recovery that waits, if one does."""
    kept = store.meta("recovery")
    if kept is None:
        return None
    return Recovery(int.from_bytes(kept[:READY_BYTES], "big"), kept[READY_BYTES:])


def stopped(owned: Owned, coming: Site) -> Owned:
    """`owned` while `coming` waits: a phone that the paper leaves out signs nothing any more."""
    present = read_site(owned.site_bytes)[0]
    return replace(owned, place=replace(owned.place, site=while_recovering(present, coming)))


def next_doors(owned: Owned, encoded: bytes) -> Owned:
    """`owned` under a newer map. Raises S10 to S13."""
    doors = accept_doors(owned.place.site, encoded, above=owned.doors.version)
    old = owned.place
    place = _place(old.site, doors, old.door, old.lock)
    return replace(owned, place=place, doors=doors, doors_bytes=encoded)


@dataclass(slots=True)
class Window:
    """The ten minutes after the inside button in which a new lock can be taken over (Q6)."""

    opened: float | None = None  # monotonic second of the button

    def press(self, count: float) -> None:
        """The inside button was pressed."""
        self.opened = count

    def is_open(self, count: float) -> bool:
        """Is it still within ten minutes?"""
        return self.opened is not None and 0 <= count - self.opened <= WINDOW_SECONDS

    def shut(self) -> None:
        """The one-time secret was used."""
        self.opened = None
