"""How one door behaves: relocking, PIN rules, opening hours. Signed by the owner, with a version.

Decides whether settings may replace those of a door. A setting that is not known refuses the whole
document: half a configuration is a different configuration.

Spec: spec/config.md. Checks F1 to F5.
"""

from __future__ import annotations

from dataclasses import dataclass

from mortice.core import cbor
from mortice.core.chain import accept_signer
from mortice.core.document import AUD, LIMITS, parse, sign
from mortice.core.errors import Malformed, Untrusted
from mortice.core.fields import Fields, optional
from mortice.core.grant import Rights
from mortice.core.keys import Signer
from mortice.core.limits import DOOR_ID_BYTES, TEXT_CHARS, TIME_MAX, WINDOWS
from mortice.core.pin import Entry, PinPolicy, Spent, digits_needed
from mortice.core.schedule import Hours, read_hours, write_hours
from mortice.core.site import PROBE, X25519_BYTES, Role, Site

CONFIG = "mortice-config/1"
RELOCK_MAX = 3600  # seconds; a door that relocks later than this does not relock
ENTRIES = (Entry.PLAIN, Entry.INDEX)
SPENT = (Spent.REST, Spent.OFF)


@dataclass(frozen=True, slots=True)
class Config:
    """One door's settings."""

    door: bytes
    version: int = 0
    relock_after: int = 0  # seconds after the leaf closed; 0: the door never locks by itself
    pins: PinPolicy = PinPolicy()
    hub: tuple[bytes, str] | None = None  # the X25519 key and address of the hub that it dials
    opening: Hours = ()  # in which a keyholder who unlocks holds the door open; (): never


def sign_config(site: bytes, config: Config, signer: Signer) -> bytes:
    """Encode and sign settings with a grant-role key or the key of a holder who may configure."""
    pins = config.pins
    limits: dict[int | str, cbor.Value] = {
        1: config.door, 2: config.version, 3: config.relock_after,
        4: [ENTRIES.index(pins.entry), SPENT.index(pins.spent), pins.most],
        5: [*(config.hub or ())], 6: write_hours(config.opening)}
    wanted: cbor.Value = {name: value for name, value in limits.items() if value != []}
    encoded = sign(CONFIG, {AUD: site, LIMITS: wanted}, signer)
    read_config(encoded, site)
    return encoded


def accept_config(
    site: Site, encoded: bytes, chain: list[cbor.Value] | None, *, door: bytes, above: int,
) -> Config:
    """Verify settings for `door` with a version over `above`. Raises F1 to F5, C, D."""
    document = parse(CONFIG, encoded)
    accept_signer(site, document, chain, (Role.GRANT, Rights.CONFIGURE, door), "F2")
    config = read_config(encoded, site.id)
    if config.door != door:
        raise Untrusted("F3", "settings: for another door")
    if config.version <= above:
        raise Untrusted("F4", f"settings: version {config.version} does not follow {above}")
    return config


def read_config(encoded: bytes, site: bytes) -> Config:
    """Parse settings without trusting them; for some accepted before, under an older root."""
    claims, limits = parse(CONFIG, encoded).claims_for(site, "settings", "F1", "F3", depth=5)
    return claims.whole(Config(
        limits.bytes(1, DOOR_ID_BYTES), limits.int(2, 1, TIME_MAX),
        limits.int(3, 0, RELOCK_MAX), _read_pins(limits.any(4)),
        optional(_read_hub, limits.list(5, 2, default=None)),
        optional(read_hours, limits.list(6, WINDOWS, default=None)) or ()), limits)


def _read_hub(value: list[cbor.Value]) -> tuple[bytes, str]:
    fields = Fields.listed(value, 2, 2, "hub", "F1")
    key, address = fields.bytes(0, X25519_BYTES), fields.text(1, TEXT_CHARS)
    PROBE.exchange(key)  # N3: not a key that everybody shares
    return key, address


def _read_pins(value: cbor.Value) -> PinPolicy:
    fields = Fields.listed(value, 3, 3, "PIN settings", "F1")
    policy = PinPolicy(
        ENTRIES[fields.int(0, 0, 1)], SPENT[fields.int(1, 0, 1)], fields.int(2, 1, 100))
    if policy.spent is Spent.OFF and policy.entry is not Entry.INDEX:
        raise Malformed("F5", "PIN settings: switching a PIN off needs an index to know which one")
    digits_needed(policy)
    return policy
