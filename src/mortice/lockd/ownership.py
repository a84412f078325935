"""Whose door this is: the pinned root, the door map, the settings, and how each is replaced.

A lock without an owner takes one root, from whoever shows its one-time secret within ten minutes of
the inside button. After that a root follows a root only by the rules of core/site.py; paper alone
needs the button, a day's wait, and the button again. Factory reset is possible from the inside only.

Spec: spec/site.md, spec/commissioning.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mortice.core.config import Config, accept_config
from mortice.core.errors import Malformed, Untrusted
from mortice.core.limits import WINDOW_SECONDS
from mortice.core.site import (
    DoorMap,
    Place,
    Site,
    accept_doors,
    accept_first,
    accept_next,
    read_site,
    recovers,
)
from mortice.lockd.store import Change, Store

RECOVERY_WAIT_SECONDS = 86_400  # powered-on seconds between the two presses of the button


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
    site, _ = read_site(site_bytes)
    doors = accept_doors(site, doors_bytes)
    config_bytes = store.meta("config")
    config = Config(door)
    if config_bytes is not None:
        chain = store.meta("config_chain")
        config = accept_config(site, config_bytes, _list(chain), door=door, above=0)
    return _owned(site, site_bytes, doors, doors_bytes, config, door, lock)


def _list(encoded: bytes | None) -> list[object] | None:
    from mortice.core import cbor  # noqa: PLC0415 — only needed for a config below a holder's key

    value = cbor.decode(encoded) if encoded else None
    return value if isinstance(value, list) else None


def _owned(
    site: Site, site_bytes: bytes, doors: DoorMap, doors_bytes: bytes, config: Config, door: bytes,
    lock: bytes,
) -> Owned:
    mapped = doors.door(door)
    if mapped is None or mapped.lock.id != lock:
        raise Untrusted("S13", "doors: the map names another lock for this door")
    return Owned(Place(site, door, lock, zone_named(mapped.zone)), doors, config, site_bytes, doors_bytes)


def first_owner(site_bytes: bytes, doors_bytes: bytes, door: bytes, lock: bytes) -> Owned:
    """What a new lock is to stand on. Raises Malformed or Untrusted (S checks)."""
    site = accept_first(site_bytes)
    doors = accept_doors(site, doors_bytes)
    return _owned(site, site_bytes, doors, doors_bytes, Config(door), door, lock)


def keep(change: Change, owned: Owned) -> None:
    """Pin `owned` within `change`."""
    change.put_meta("site", owned.site_bytes)
    change.put_meta("doors", owned.doors_bytes)
    change.put_meta("door", owned.place.door)


def next_site(owned: Owned, encoded: bytes) -> Owned:
    """`owned` under the root that follows. Raises S5 to S8."""
    site = accept_next(owned.place.site, encoded)
    return replace(owned, place=replace(owned.place, site=site), site_bytes=encoded)


def recovered_site(owned: Owned, encoded: bytes) -> Owned:
    """`owned` under a root signed by paper. Whether the wait is over is asked elsewhere."""
    site = recovers(owned.place.site, encoded)
    return replace(owned, place=replace(owned.place, site=site), site_bytes=encoded)


def next_doors(owned: Owned, encoded: bytes) -> Owned:
    """`owned` under a newer map. Raises S10 to S13."""
    doors = accept_doors(owned.place.site, encoded, above=owned.doors.version)
    place = owned.place
    return _owned(place.site, owned.site_bytes, doors, encoded, owned.config, place.door, place.lock)


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
