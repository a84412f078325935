"""Making a site: keys for the owner's phone, a sheet of paper that can replace them, and a map.

Spec: spec/site.md.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mortice.client.home import Home, NotThere, new_key, slug
from mortice.core.errors import Malformed
from mortice.core.keys import ED25519, Signer, SoftwareKey
from mortice.core.limits import DOOR_ID_BYTES, ID_BYTES
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

SHEET = "PAPER1"
CHECK_BYTES = 2  # catches a letter that was written down wrongly
OF_SHEET = "mortice-sheet/1"
GROUP = 5  # letters between dashes, as people read them out
PHONE_ROLES = (Role.ROOT, Role.GRANT, Role.REVOKE, Role.TIME, Role.REFRESH)


# --- the recovery sheet ------------------------------------------------------------------------


def write_sheet(seed: bytes) -> str:
    """A recovery key as people write it down: `PAPER1-` and base32 in groups of five."""
    letters = base64.b32encode(seed + _check(seed)).decode().rstrip("=")
    return "-".join([SHEET, *(letters[i:i + GROUP] for i in range(0, len(letters), GROUP))])


def _check(seed: bytes) -> bytes:
    return hashlib.sha256(SHEET.encode() + seed).digest()[:CHECK_BYTES]


def paper_key(sheet: str) -> SoftwareKey:
    """The recovery key that a sheet stands for. Raises Malformed (Z4) in words for people."""
    cleaned = "".join(sheet.split()).upper().replace("-", "")
    if not cleaned.startswith(SHEET):
        raise Malformed("Z4", f"that is not a recovery sheet; it starts with {SHEET}")
    letters = cleaned[len(SHEET):].replace("0", "O").replace("1", "I").replace("8", "B")
    try:
        body = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError as error:  # binascii.Error is one, and so is a letter beyond ASCII
        raise Malformed("Z4", "the sheet has a letter that no sheet has; check it") from error
    seed = body[:-CHECK_BYTES]
    if len(seed) != 32 or write_sheet(seed).replace("-", "") != SHEET + letters:
        raise Malformed("Z4", "the sheet is incomplete or has a wrong letter; check all of it")
    return SoftwareKey.from_seed(ED25519, seed)


def sheet_key(paper: SoftwareKey, role: Role) -> SoftwareKey:
    """The key of `role` at a place that was founded in a browser: it comes back with the sheet."""
    info = f"{OF_SHEET} {role.name.lower()}".encode()
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(paper.seed)
    return SoftwareKey.from_seed(ED25519, derived)


# --- a site and its doors ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drawn:
    """A root just signed and the phone's keys for it. Nothing of it is kept yet."""

    site: Site
    root: bytes
    keys: Mapping[Role, SoftwareKey]
    sheet: str = field(repr=False, default="")  # for the first root: shown once, kept nowhere


def draw_root(site: Site, paper: Signer, others: list[Signer], sheet: str = "") -> Drawn:
    """Fill the roles of `site` with new keys; signed by them, the paper and `others`."""
    keys = {role: new_key() for role in PHONE_ROLES}
    held = {role: RoleKeys(1, (key.public,)) for role, key in keys.items()}
    held[Role.ROOT] = RoleKeys(2, (keys[Role.ROOT].public, paper.public))
    held[Role.RECOVERY] = RoleKeys(1, (paper.public,))
    site = replace(site, roles={**site.roles, **held})
    return Drawn(site, sign_site(site, [keys[Role.ROOT], paper, *others]), keys, sheet)


def draw_site(*, demo: bool = False, strict: bool = False) -> Drawn:
    """A new site and the sheet that can recover it."""
    sheet = write_sheet(secrets.token_bytes(32))
    return draw_root(
        Site(secrets.token_bytes(ID_BYTES), 1, {}, strict, demo), paper_key(sheet), [], sheet)


def keep_new_site(home: Home, name: str, passphrase: str, drawn: Drawn) -> None:
    """Keep a new site in `home`. Raises NotThere if there is one already."""
    if home.read("site.json") is not None:
        raise NotThere("this home has a site already; choose another folder with --home")
    home.keep_site_keys(drawn.site.version, drawn.keys, passphrase)
    home.keep_site(root=drawn.root, name=name)


def create_site(home: Home, name: str, passphrase: str, *, demo: bool = False) -> Drawn:
    """Make a site in `home`: role keys sealed by the passphrase, and a sheet shown once."""
    drawn = draw_site(demo=demo)
    keep_new_site(home, name, passphrase, drawn)
    return drawn


def add_door(
    home: Home, grant_key: Signer, label: str, zone: str, lock: LockKeys) -> MappedDoor:
    """Put a door into a newer map; a lock that stands on it already keeps its door's id."""
    doors = home.doors() or DoorMap(home.site().id, 0, ())
    others = tuple(door for door in doors.doors if door.lock.id != lock.id)
    if slug(label) in [slug(door.label) for door in others]:
        raise NotThere(f"there is a door called {label!r} already; choose another --label")
    known = next((door.id for door in doors.doors if door.lock.id == lock.id), None)
    door = MappedDoor(known or secrets.token_bytes(DOOR_ID_BYTES), label, zone, lock)
    put_doors(home, grant_key, (*others, door))
    return door


def put_doors(home: Home, grant_key: Signer, doors: tuple[MappedDoor, ...]) -> None:
    """Sign and keep a newer map that holds `doors` and no others."""
    present = home.doors()
    newer = DoorMap(home.site().id, present.version + 1 if present else 1, doors)
    home.keep_site(doors=sign_doors(newer, grant_key))
