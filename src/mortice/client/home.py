"""A folder of keys and settings: whose keys, which doors, and the news to carry.

Everything that is not a key is public or signed, and lies here as JSON that a person can read.
Every file is replaced whole, so a pulled plug leaves the old one or the new one; whoever changes
one holds the home's lock file meanwhile, so two commands at once lose nothing.

Spec: spec/home.md.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mortice.client.sealed import SALT_BYTES, seal, unseal
from mortice.core.errors import Malformed, Misuse
from mortice.core.grant import Grant
from mortice.core.keys import ED25519, ESP256, SoftwareKey
from mortice.core.site import DoorMap, MappedDoor, Role, Site, accept_doors, read_site

ALGORITHMS = {"ed25519": ED25519, "p256": ESP256}
SLUG_CHARS = 60  # of a file's name, which most systems end at 255 bytes


class NotThere(Exception):
    """Something that was asked for is not in this home. The message is for people."""


def slug(name: str) -> str:
    """A name as it stands in file names and on command lines: `Ana Sousa` is `ana-sousa`."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    found = re.sub(r"[\W_]+", "-", plain)[:SLUG_CHARS].strip("-")
    if not found:
        raise NotThere(f"{name!r} has neither a letter nor a digit; choose another name")
    return found


def only_one(wanted: str, known: Sequence[str], what: str) -> str:
    """The one of `known` that is or begins with `wanted`. Raises NotThere."""
    near = [name for name in known if name.startswith(slug(wanted))]
    if slug(wanted) in near or len(near) == 1:
        return slug(wanted) if slug(wanted) in near else near[0]
    problem = f"more than one {what} begins with" if near else f"no {what} here is called"
    names = f": {', '.join(near or known)}" if known else " none yet"
    raise NotThere(f"{problem} {wanted!r}; there are{names}")


@contextmanager
def whole(name: str) -> Iterator[None]:
    """Turn whatever goes wrong while a kept file is read into one sentence (Z2)."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise Malformed(
            "Z2", f"the file {name} is damaged; restore it from a backup") from error


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

    def read(self, name: str, absent: Any = None) -> Any:  # noqa: ANN401 — JSON of our own making
        """A JSON file, or `absent`. Raises Malformed (Z2) if it is damaged or of another kind."""
        path = self.folder / name
        with whole(name):
            try:
                value = json.loads(path.read_text("utf-8"))
            except FileNotFoundError:
                return absent
            if absent is not None and type(value) is not type(absent):
                raise TypeError(name)
            return value

    def update(self, name: str, absent: Any, change: Callable[[Any], Any]) -> None:  # noqa: ANN401 — as `read`
        """Replace a JSON file by what `change` makes of it, with nobody else in between."""
        self._make()
        with (self.folder / ".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with whole(name):
                value = change(self.read(name, absent))
            self.write(name, value)

    def write(self, name: str, value: Any) -> None:  # noqa: ANN401 — as `read`
        """Replace a JSON file whole."""
        self.write_bytes(name, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())

    def write_bytes(self, name: str, body: bytes) -> None:
        """Replace a file whole, readable by its owner alone."""
        self._make()
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = path.with_name(path.name + ".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    def _make(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, mode=0o700)

    # --- people ----------------------------------------------------------------------------

    def _device_key(self) -> bytes:
        path = self.folder / "device.key"
        if not path.exists():
            self.write_bytes("device.key", secrets.token_bytes(32))
        return path.read_bytes()

    def people(self) -> list[str]:
        """Everybody whose key lies here."""
        return sorted(path.parent.name for path in self.folder.glob("people/*/key"))

    def person(self, wanted: str) -> str:
        """The one person here whose name is or begins with `wanted`. Raises NotThere."""
        return only_one(wanted, self.people(), "person")

    def make_person(self, name: str, algorithm: str = "ed25519") -> SoftwareKey:
        """Make a key pair for `name`; an existing one is kept."""
        if slug(name) in self.people():
            return self.person_key(slug(name))
        key = new_key(ALGORITHMS[algorithm])
        self.keep_person(name, key)
        return key

    def keep_person(self, name: str, key: SoftwareKey) -> None:
        """Keep a holder's key under the device key."""
        body = bytes([list(ALGORITHMS.values()).index(key.public.alg)]) + key.seed
        self.write(f"people/{slug(name)}/name.json", {"name": name})
        self.write_bytes(f"people/{slug(name)}/key", seal(body, self._device_key()))

    def person_key(self, name: str) -> SoftwareKey:
        """The key of `name`. Raises NotThere, Malformed."""
        file = f"people/{self.person(name)}/key"
        with whole(file):
            body = unseal((self.folder / file).read_bytes(), self._device_key())
            return SoftwareKey.from_seed(list(ALGORITHMS.values())[body[0]], body[1:])

    def display_name(self, name: str) -> str:
        """The name as the person writes it."""
        return str(self.read(f"people/{slug(name)}/name.json", {}).get("name", name))

    # --- the owner's keys, one folder for each version of the root ---------------------------

    def keep_site_keys(
        self, version: int, keys: Mapping[Role, SoftwareKey], passphrase: str) -> None:
        """Keep the owner's keys of one version of the root under the passphrase."""
        salt = secrets.token_bytes(SALT_BYTES)
        for role, key in keys.items():
            self.write_bytes(_key_file(role, version), seal(key.seed, passphrase, salt))

    def site_key(self, role: Role, passphrase: str) -> SoftwareKey:
        """One of the owner's keys. Raises NotThere, WrongPassphrase."""
        if not self.owns_site():
            raise NotThere("the owner's keys do not lie in this home; use the home that has them")
        path = self.folder / _key_file(role, self.site().version)
        return SoftwareKey.from_seed(ED25519, unseal(path.read_bytes(), passphrase))

    def owns_site(self) -> bool:
        """Do the owner's keys lie here?"""
        made = (self.folder / "site.json").exists()
        return made and (self.folder / _key_file(Role.GRANT, self.site().version)).exists()

    # --- the site's public documents ---------------------------------------------------------

    def roots(self) -> list[bytes]:
        """Every root of the site from the first to the newest. Raises NotThere."""
        kept = self.read("site.json")
        if kept is None:
            raise NotThere("there is no site here yet")
        with whole("site.json"):
            return [bytes.fromhex(root) for root in (*kept.get("older", ()), kept["root"])]

    def site_bytes(self) -> bytes:
        """The newest root's bytes. Raises NotThere."""
        return self.roots()[-1]

    def site(self) -> Site:
        """The newest root known here. Raises NotThere."""
        return read_site(self.site_bytes())[0]

    def doors_bytes(self) -> bytes | None:
        """The newest door map's bytes."""
        with whole("site.json"):
            kept = self.read("site.json", {}).get("doors")
            return bytes.fromhex(kept) if kept else None

    def doors(self) -> DoorMap | None:
        """The newest door map known here."""
        kept = self.doors_bytes()
        return accept_doors(self.site(), kept) if kept else None

    def keep_site(
        self, *, root: bytes | None = None, doors: bytes | None = None, name: str | None = None,
    ) -> None:
        """Keep newer public documents, all of them in one step."""
        older = [old.hex() for old in self.roots()] if root and self.read("site.json") else None
        new = {"older": older, "root": root and root.hex(), "doors": doors and doors.hex(),
               "name": name}
        self.update("site.json", {}, lambda kept: kept | {
            field: value for field, value in new.items() if value is not None})

    def site_name(self) -> str:
        """What the owner calls the site."""
        return str(self.read("site.json", {}).get("name", ""))

    def known_doors(self) -> list[KnownDoor]:
        """Every door of the map, with its last known address."""
        doors, where = self.doors(), self.read("where.json", {})
        with whole("where.json"):
            return [
                KnownDoor(door, str(at.get("host", "")), int(at.get("port", 0)))
                for door in (doors.doors if doors else ())
                for at in [where.get(door.id.hex(), {})]]

    def door(self, wanted: str) -> KnownDoor:
        """The one door whose name begins with `wanted`. Raises NotThere."""
        known = {door.slug: door for door in self.known_doors()}
        return known[only_one(wanted, list(known), "door")]

    def keep_address(self, door: bytes, host: str, port: int) -> None:
        """Remember where a door answers."""
        self.update("where.json", {}, lambda kept: {
            **kept, door.hex(): {"host": host, "port": port}})

    # --- what was given ------------------------------------------------------------------------

    def issued(self) -> list[dict[str, Any]]:
        """Every link signed here: id, label (for whom), kind, doors, exp and parents, ids as hex.

        `chain` is the whole chain where it is kept, so that it can be shown or made anew.
        """
        kept: list[dict[str, Any]] = self.read("issued.json", [])
        return kept

    def keep_issued(
        self, links: Sequence[Grant], label: str, *, kind: str = "key", chain: bytes | None = None,
    ) -> None:
        """Remember for whom the last of `links` was signed. The same link is kept once."""
        leaf = links[-1]
        record = {
            "id": leaf.id.hex(), "label": label, "kind": kind,
            "doors": sorted(door.hex() for door in leaf.doors), "exp": leaf.exp,
            "parents": [link.id.hex() for link in links[:-1]], "chain": chain and chain.hex()}
        self.update("issued.json", [], lambda kept: [
            *(old for old in kept if old["id"] != record["id"]), record])

    def names(self) -> dict[bytes, str]:
        """For whom each link signed here is, by its id."""
        with whole("issued.json"):
            return {bytes.fromhex(record["id"]): str(record["label"]) for record in self.issued()}

    # --- news ----------------------------------------------------------------------------------

    def news(self) -> dict[bytes, bytes]:
        """Revoke documents to carry, by id."""
        with whole("news.json"):
            kept = self.read("news.json", {})
            return {bytes.fromhex(k): bytes.fromhex(v) for k, v in kept.items()}

    def keep_news(self, more: dict[bytes, bytes]) -> None:
        """Add to the news."""
        new = {key.hex(): value.hex() for key, value in more.items() if key not in self.news()}
        if new:
            self.update("news.json", {}, lambda kept: {**new, **kept})


def _key_file(role: Role, version: int) -> str:
    return f"site/{version}/{role.name.lower()}.key"


def new_key(algorithm: int = ED25519) -> SoftwareKey:
    """A key pair from fresh random bytes (P-256 refuses a few in 2**32)."""
    while True:
        try:
            return SoftwareKey.from_seed(algorithm, secrets.token_bytes(32))
        except Misuse:
            continue
