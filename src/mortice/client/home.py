"""A folder of keys and settings: whose keys, which doors, and the news to carry.

Everything that is not a key is public or signed, and lies here as JSON that a person can read. Every
file is replaced whole, so a pulled plug leaves the old one or the new one.

Spec: spec/home.md.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mortice.client.sealed import new_salt, seal, unseal
from mortice.core.errors import Malformed
from mortice.core.grant import Grant
from mortice.core.keys import ED25519, ESP256, SoftwareKey
from mortice.core.site import DoorMap, MappedDoor, Role, Site, accept_doors, read_site

ALGORITHMS = {"ed25519": ED25519, "p256": ESP256}
SITE_ROLES = {Role.ROOT: "root", Role.GRANT: "grant", Role.REVOKE: "revoke", Role.TIME: "time",
              Role.REFRESH: "refresh"}


class NotThere(Exception):
    """Something that was asked for is not in this home. The message is for people."""


def slug(name: str) -> str:
    """A name as it stands in file names and on command lines: `Ana Sousa` is `ana-sousa`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"


@dataclass(frozen=True, slots=True)
class KnownDoor:
    """A door of the map, and where on the network it was last found."""

    mapped: MappedDoor
    host: str
    port: int

    @property
    def slug(self) -> str:
        """The door's name on the command line."""
        return slug(self.mapped.label)


class Home:
    """One home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # --- files -----------------------------------------------------------------------------

    def read(self, name: str, absent: Any = None) -> Any:  # noqa: ANN401 — JSON of the caller's own making
        """A JSON file, or `absent`. Raises Malformed if it is damaged."""
        path = self.folder / name
        if not path.exists():
            return absent
        try:
            return json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise Malformed("Z2", f"{name} is damaged and cannot be read; restore it from a backup") from error

    def write(self, name: str, value: Any) -> None:  # noqa: ANN401 — JSON of the caller's own making
        """Replace a JSON file whole."""
        self.write_bytes(name, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())

    def write_bytes(self, name: str, body: bytes) -> None:
        """Replace a file whole, readable by its owner alone."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = path.with_name(path.name + ".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    # --- keys ------------------------------------------------------------------------------

    def _device_key(self) -> bytes:
        path = self.folder / "device.key"
        if not path.exists():
            self.write_bytes("device.key", secrets.token_bytes(32))
        return path.read_bytes()

    def people(self) -> list[str]:
        """Everybody whose key lies here."""
        folder = self.folder / "people"
        return sorted(p.name for p in folder.iterdir() if (p / "key").exists()) if folder.exists() else []

    def make_person(self, name: str, algorithm: str = "ed25519") -> SoftwareKey:
        """Make a key pair for `name`; an existing one is kept."""
        if (self.folder / "people" / slug(name) / "key").exists():
            return self.person_key(name)
        key = SoftwareKey.from_seed(ALGORITHMS[algorithm], _seed(algorithm))
        self.keep_person(name, key)
        return key

    def keep_person(self, name: str, key: SoftwareKey) -> None:
        """Keep a holder's key under the device key."""
        body = bytes([list(ALGORITHMS.values()).index(key.public.alg)]) + key.seed
        self.write_bytes(f"people/{slug(name)}/key", seal(body, device_key=self._device_key()))
        self.write(f"people/{slug(name)}/name.json", {"name": name})

    def person_key(self, name: str) -> SoftwareKey:
        """The key of `name`. Raises NotThere."""
        path = self.folder / "people" / slug(name) / "key"
        if not path.exists():
            known = ", ".join(self.people()) or "nobody yet"
            raise NotThere(f"no key of {name!r} lies here; there are: {known}")
        body = unseal(path.read_bytes(), device_key=self._device_key())
        return SoftwareKey.from_seed(list(ALGORITHMS.values())[body[0]], body[1:])

    def display_name(self, name: str) -> str:
        """The name as the person writes it."""
        return str(self.read(f"people/{slug(name)}/name.json", {}).get("name", name))

    def keep_site_key(self, role: Role, key: SoftwareKey, passphrase: str) -> None:
        """Keep one of the owner's keys under the passphrase."""
        salt_file = self.folder / "site" / "salt"
        if not salt_file.exists():
            self.write_bytes("site/salt", new_salt())
        sealed = seal(key.seed, passphrase=passphrase, salt=salt_file.read_bytes())
        self.write_bytes(f"site/{SITE_ROLES[role]}.key", sealed)

    def site_key(self, role: Role, passphrase: str) -> SoftwareKey:
        """One of the owner's keys. Raises NotThere, WrongPassphrase."""
        path = self.folder / "site" / f"{SITE_ROLES[role]}.key"
        if not path.exists():
            raise NotThere("the owner's keys do not lie in this home; use the home that made the site")
        return SoftwareKey.from_seed(ED25519, unseal(path.read_bytes(), passphrase=passphrase))

    def owns_site(self) -> bool:
        """Do the owner's keys lie here?"""
        return (self.folder / "site" / "grant.key").exists()

    # --- the site's public documents ---------------------------------------------------------

    def site(self) -> Site:
        """The newest root known here. Raises NotThere."""
        return read_site(self.site_bytes())[0]

    def site_bytes(self) -> bytes:
        """The newest root's bytes. Raises NotThere."""
        kept = self.read("site.json", {}).get("root")
        if kept is None:
            raise NotThere("there is no site here yet; make one with: mortice site create NAME")
        return bytes.fromhex(kept)

    def doors(self) -> DoorMap | None:
        """The newest door map known here."""
        kept = self.read("site.json", {}).get("doors")
        return accept_doors(self.site(), bytes.fromhex(kept)) if kept else None

    def keep_site(self, *, root: bytes | None = None, doors: bytes | None = None, name: str | None = None) -> None:
        """Keep newer public documents."""
        kept = self.read("site.json", {})
        for field, value in (("root", root), ("doors", doors)):
            if value is not None:
                kept[field] = value.hex()
        if name is not None:
            kept["name"] = name
        self.write("site.json", kept)

    def known_doors(self) -> list[KnownDoor]:
        """Every door of the map, with its last known address."""
        doors = self.doors()
        where = self.read("where.json", {})
        known = []
        for door in doors.doors if doors else ():
            address = where.get(door.id.hex(), {})
            known.append(KnownDoor(door, str(address.get("host", "")), int(address.get("port", 0))))
        return known

    def door(self, wanted: str) -> KnownDoor:
        """The one door whose name begins with `wanted`. Raises NotThere."""
        known = self.known_doors()
        exact = [door for door in known if door.slug == slug(wanted)]
        near = exact or [door for door in known if door.slug.startswith(slug(wanted))]
        if len(near) == 1:
            return near[0]
        names = ", ".join(door.slug for door in (near or known)) or "none yet"
        problem = "more than one door is called" if near else "no door is called"
        raise NotThere(f"{problem} {wanted!r}; the doors are: {names}")

    def keep_address(self, door: bytes, host: str, port: int) -> None:
        """Remember where a door answers."""
        where = self.read("where.json", {})
        where[door.hex()] = {"host": host, "port": port}
        self.write("where.json", where)

    # --- what was given ------------------------------------------------------------------------

    def issued(self) -> list[dict[str, Any]]:
        """Every link signed here: id, label (for whom), doors, exp, parents, all ids as hex."""
        kept: list[dict[str, Any]] = self.read("issued.json", [])
        return kept

    def keep_issued(self, links: Sequence[Grant], label: str) -> None:
        """Remember for whom the last of `links` was signed."""
        leaf = links[-1]
        record = {
            "id": leaf.id.hex(), "label": label, "doors": sorted(d.hex() for d in leaf.doors),
            "exp": leaf.exp, "parents": [link.id.hex() for link in links[:-1]]}
        self.write("issued.json", [*self.issued(), record])

    def names(self) -> dict[bytes, str]:
        """For whom each link signed here is, by its id."""
        return {bytes.fromhex(record["id"]): str(record["label"]) for record in self.issued()}

    # --- news and receipts -------------------------------------------------------------------

    def news(self) -> dict[bytes, bytes]:
        """Revoke documents to carry, by id."""
        return {bytes.fromhex(k): bytes.fromhex(v) for k, v in self.read("news.json", {}).items()}

    def keep_news(self, more: dict[bytes, bytes]) -> None:
        """Add to the news."""
        kept = self.read("news.json", {})
        new = {k.hex(): v.hex() for k, v in more.items() if k.hex() not in kept}
        if new:
            self.write("news.json", {**kept, **new})


def _seed(algorithm: str) -> bytes:
    """Random private bytes that the algorithm accepts (P-256 refuses a few in 2**32)."""
    while True:
        seed = secrets.token_bytes(32)
        try:
            SoftwareKey.from_seed(ALGORITHMS[algorithm], seed)
        except RuntimeError:
            continue
        return seed
