"""The site's root document and door map: which keys sign what, and how one version follows another.

Decides whether a root or a map may be pinned. It works as TUF's root does: version n+1 is signed
by the thresholds of both n and n+1, so nobody can put in keys that the present owner did not
sign for, and nobody can go back. Paper alone may replace the phone's key, but only with the inside
button before and after a wait, which the lock keeps (spec/site.md, section 4).

Spec: spec/site.md. Checks S1 to S12; S13 is lockd/ownership.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from enum import IntEnum

from mortice.core import cbor
from mortice.core.chain import SiteKeys
from mortice.core.document import AUD, LIMITS, Endorsed, endorse, parse, parse_endorsed, sign
from mortice.core.errors import Malformed, Untrusted
from mortice.core.fields import Fields
from mortice.core.keys import PublicKey, Signer
from mortice.core.limits import DOOR_ID_BYTES, DOORS, ID_BYTES, SITE_KEYS, TEXT_CHARS, TIME_MAX
from mortice.core.noise import KeyPair

SITE = "mortice-site/1"
DOORS_MAP = "mortice-doors/1"
X25519_BYTES = 32  # RFC 7748 public keys
PROBE = KeyPair(bytes(X25519_BYTES))  # any private key finds a point of small order


class Role(IntEnum):
    """What a site key may sign (spec/site.md, section 2)."""

    ROOT = 0
    GRANT = 1
    REVOKE = 2
    TIME = 3
    REFRESH = 4
    UPDATE = 5
    RECOVERY = 6  # the paper; also counted in ROOT


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """The keys of one role and how many of them must sign."""

    threshold: int
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """One version of a site's root."""

    id: bytes
    version: int
    roles: Mapping[Role, RoleKeys]
    strict: bool = False
    demo: bool = False  # real drivers refuse such a site
    retired: Mapping[PublicKey, frozenset[bytes]] = field(default_factory=dict)

    def keys(self, role: Role) -> tuple[PublicKey, ...]:
        """The keys of `role`; none if the site has not filled it."""
        held = self.roles.get(role)
        return held.keys if held else ()

    def key(self, role: Role, kid: bytes | None) -> PublicKey | None:
        """The key of `role` with id `kid`."""
        return next((key for key in self.keys(role) if key.id == kid), None)

    def chain_keys(self) -> SiteKeys:
        """What a chain is checked against."""
        return SiteKeys(
            self.id, {key.id: key for key in self.keys(Role.GRANT)},
            {key.id: (key, kept) for key, kept in self.retired.items()}, self.strict)


def site_payload(site: Site) -> cbor.Value:
    """The payload that the root keys sign."""
    roles: dict[int | str, cbor.Value] = {
        int(role): [held.threshold, [key.cose for key in held.keys]]
        for role, held in site.roles.items()}
    limits: dict[int | str, cbor.Value] = {
        1: site.version, 2: roles, 3: site.strict, 4: site.demo,
        5: [[key.cose, [*sorted(kept)]] for key, kept in site.retired.items()]}
    return {AUD: site.id, LIMITS: {name: value for name, value in limits.items() if value}}


def sign_site(site: Site, signers: list[Signer]) -> bytes:
    """Encode a root and let `signers` endorse it."""
    encoded = endorse(SITE, site_payload(site), signers)
    read_site(encoded)
    return encoded


def read_site(encoded: bytes) -> tuple[Site, Endorsed]:
    """Parse a root without trusting it. Raises Malformed (E, D, S1 to S4)."""
    endorsed = parse_endorsed(SITE, encoded, most=2 * SITE_KEYS)
    claims = Fields(cbor.decode(endorsed.payload, max_depth=7), "site", "S1")
    limits = Fields(claims.map(LIMITS), "site", "S1")
    site = claims.whole(Site(
        claims.bytes(AUD, ID_BYTES), limits.int(1, 1, TIME_MAX), _read_roles(limits.map(2)),
        limits.bool(3, default=False), limits.bool(4, default=False),
        _read_retired(limits.list(5, SITE_KEYS, default=[]))), limits)
    if not site.retired.keys().isdisjoint(site.keys(Role.GRANT)):
        raise Malformed("S4", "site: a retired key is still in the grant role")
    return site, endorsed


def _read_roles(value: Mapping[int | str, cbor.Value]) -> dict[Role, RoleKeys]:
    if not {0, 1, 2} <= value.keys() <= set(Role):
        raise Malformed("S2", "site: roles root, grant and revoke are needed, unknown ones are not")
    return {role: _read_role(value[role], role) for role in Role if role in value}


def _read_role(held: cbor.Value, role: Role) -> RoleKeys:
    fields = Fields.listed(held, 2, 2, "role", "S3")
    most = SITE_KEYS if role in (Role.ROOT, Role.RECOVERY) else 1  # others' documents have one
    threshold, listed = fields.int(0, 1, most), fields.list(1, SITE_KEYS)
    keys = tuple(PublicKey.from_cose(key) for key in listed)
    if threshold > len(keys):
        raise Malformed("S3", f"site: {len(keys)} keys cannot meet a threshold of {threshold}")
    if len({key.id for key in keys}) != len(keys):
        raise Malformed("S3", "site: a role names a key twice")
    return RoleKeys(threshold, keys)


def _read_retired(value: list[cbor.Value]) -> dict[PublicKey, frozenset[bytes]]:
    retired: dict[PublicKey, frozenset[bytes]] = {}
    for item in value:
        fields = Fields.listed(item, 2, 2, "retired key", "S4")
        key, links = PublicKey.from_cose(fields.any(0)), fields.list(1, cbor.MAX_BYTES)
        kept = frozenset(id_ for id_ in links if isinstance(id_, bytes) and len(id_) == ID_BYTES)
        if len(kept) != len(links) or key in retired:
            raise Malformed("S4", f"site: a retired key keeps different ids of {ID_BYTES} bytes")
        retired[key] = kept
    return retired


def _check_signed(endorsed: Endorsed, held: RoleKeys | None, check: str, by: str) -> None:
    if held is None or len(endorsed.signed_by(held.keys)) < held.threshold:
        raise Untrusted(check, f"site: not signed by {by}")


def accept_first(encoded: bytes) -> Site:
    """The root to pin at commissioning: signed by its own threshold. Raises S5."""
    site, endorsed = read_site(encoded)
    _check_signed(endorsed, site.roles[Role.ROOT], "S5", "enough of its own root keys")
    return site


def accept_next(present: Site, encoded: bytes, *, recovering: bool = False) -> Site:
    """The root that follows `present`. Raises Untrusted (S5 to S9).

    While a recovery waits (`recovering`), whoever holds a phone alone must not end the wait.
    """
    site, endorsed = _read_next(present, encoded)
    _check_signed(endorsed, present.roles[Role.ROOT], "S8", "enough of the present root keys")
    if recovering:
        _check_signed(endorsed, present.roles.get(Role.RECOVERY), "S9", "the paper that waits")
    _check_signed(endorsed, site.roles[Role.ROOT], "S5", "enough of its own root keys")
    return site


def _read_next(present: Site, encoded: bytes) -> tuple[Site, Endorsed]:
    site, endorsed = read_site(encoded)
    if site.id != present.id or site.demo != present.demo:
        raise Untrusted("S6", "site: another site's root")
    if site.version != present.version + 1:
        raise Untrusted("S7", f"site: expected version {present.version + 1}, got {site.version}")
    return site, endorsed


def recovers(present: Site, encoded: bytes) -> Site:
    """A root signed by paper, which the lock may take after its wait. Raises S5 to S7, S9."""
    site, endorsed = _read_next(present, encoded)
    _check_signed(endorsed, present.roles.get(Role.RECOVERY), "S9", "the recovery paper")
    if site.roles.get(Role.RECOVERY) != present.roles.get(Role.RECOVERY):
        raise Untrusted("S9", "site: recovery may not change the recovery paper itself")
    _check_signed(endorsed, site.roles[Role.ROOT], "S5", "enough of its own root keys")
    return site


def while_recovering(present: Site, coming: Site) -> Site:
    """What counts while `coming` waits: only what both roots allow, so paper stops a phone at once.

    Root and recovery stay as they are: phone and paper together may still end the wait.
    """
    roles = {role: _in_both(held, coming.keys(role)) for role, held in present.roles.items()}
    roles |= {role: present.roles[role] for role in (Role.ROOT, Role.RECOVERY)}
    return replace(
        present, roles=roles, strict=present.strict or coming.strict,
        retired=_kept_by_both(present, coming))


def _kept_by_both(present: Site, coming: Site) -> dict[PublicKey, frozenset[bytes]]:
    """First links that `coming` keeps and that count now: paper alone makes no new ones count."""
    granting = present.keys(Role.GRANT)
    return {
        key: kept if key in granting else kept & present.retired.get(key, frozenset())
        for key, kept in coming.retired.items()}


def _in_both(held: RoleKeys, coming: tuple[PublicKey, ...]) -> RoleKeys:
    return replace(held, keys=tuple(key for key in held.keys if key in coming))


@dataclass(frozen=True, slots=True)
class LockKeys:
    """A lock's three public keys: for the link, for signing, and for sealing PINs to it."""

    link: bytes
    signing: PublicKey
    sealing: bytes

    @property
    def id(self) -> bytes:
        """The lock's id: the id of its signing key."""
        return self.signing.id


@dataclass(frozen=True, slots=True)
class MappedDoor:
    """One door of the map."""

    id: bytes
    label: str
    zone: str  # an IANA name such as Europe/London
    lock: LockKeys


@dataclass(frozen=True, slots=True)
class DoorMap:
    """One version of the signed map from doors to locks."""

    site: bytes
    version: int
    doors: tuple[MappedDoor, ...]

    def door(self, door_id: bytes) -> MappedDoor | None:
        """The door with `door_id`."""
        return next((door for door in self.doors if door.id == door_id), None)


def sign_doors(doors: DoorMap, signer: Signer) -> bytes:
    """Encode and sign a map with a key of the grant role."""
    listed: list[cbor.Value] = [
        [d.id, d.label, d.zone, d.lock.link, d.lock.signing.cose, d.lock.sealing]
        for d in doors.doors]
    encoded = sign(DOORS_MAP, {AUD: doors.site, LIMITS: {1: doors.version, 2: listed}}, signer)
    read_doors(encoded)
    return encoded


def accept_doors(site: Site, encoded: bytes, *, above: int = 0) -> DoorMap:
    """A map signed by the site's grant role, with a version over `above`. Raises S10 to S12."""
    document = parse(DOORS_MAP, encoded)
    key = site.key(Role.GRANT, document.kid)
    if key is None:
        raise Untrusted("S10", "doors: the signer is no grant key of this site")
    document.verify(key)
    doors = read_doors(encoded)
    if doors.site != site.id:
        raise Untrusted("S6", "doors: another site's map")
    if doors.version <= above:
        raise Untrusted("S11", f"doors: version {doors.version} does not follow {above}")
    return doors


def read_doors(encoded: bytes) -> DoorMap:
    """Parse a map without trusting it; for one that was accepted before, under an older root."""
    payload = parse(DOORS_MAP, encoded).payload
    claims = Fields(cbor.decode(payload, max_depth=6), "doors", "S12")
    limits = Fields(claims.map(LIMITS), "doors", "S12")
    doors = claims.whole(DoorMap(
        claims.bytes(AUD, ID_BYTES), limits.int(1, 1, TIME_MAX),
        tuple(_read_door(item) for item in limits.list(2, DOORS))), limits)
    if len({door.id for door in doors.doors}) != len(doors.doors):
        raise Malformed("S12", "doors: a door stands twice")
    return doors


def _read_door(item: cbor.Value) -> MappedDoor:
    fields = Fields.listed(item, 6, 6, "door", "S12")
    return MappedDoor(
        fields.bytes(0, DOOR_ID_BYTES), fields.text(1, TEXT_CHARS), fields.text(2, TEXT_CHARS),
        read_lock_keys([fields.any(3), fields.any(4), fields.any(5)], "S12"))


def read_lock_keys(value: cbor.Value, check: str) -> LockKeys:
    """A lock's keys, none of them one that everybody shares. Raises Malformed (`check`), K, N3."""
    fields = Fields.listed(value, 3, 3, "lock keys", check)
    keys = LockKeys(
        fields.bytes(0, X25519_BYTES), PublicKey.from_cose(fields.any(1)),
        fields.bytes(2, X25519_BYTES))
    for public in (keys.link, keys.sealing):
        PROBE.exchange(public)
    return keys


@dataclass(frozen=True, slots=True)
class Place:
    """Which door a lock is, at which site, on which clock: what decisions are made against."""

    site: Site
    door: bytes
    lock: bytes
    zone: tzinfo
