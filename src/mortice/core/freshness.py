"""Short signed words about a moment: a key is still good, what time it is, a door was checked.

Decides whether a staple vouches for a leaf and how old it is, whether an attestation may set the
clock, and whether a record of a check is this door's. A staple names one leaf; whoever signs it has
checked every link above. An attestation answers a nonce that this lock gave in this conversation,
so an old one is worth nothing. A record names a report by its hash; the report stays with people.

Spec: spec/time.md, sections 2 and 4, and spec/checked.md. Checks T1 to T6, Y1 to Y3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mortice.core import cbor
from mortice.core.chain import accept_signer
from mortice.core.document import AUD, IAT, LIMITS, parse, sign
from mortice.core.errors import Untrusted
from mortice.core.grant import Grant, Rights
from mortice.core.keys import Signer
from mortice.core.limits import DOOR_ID_BYTES, ID_BYTES, TIME_MAX
from mortice.core.log import HASH_BYTES
from mortice.core.site import Role, Site
from mortice.core.stages import Verified

STAPLE = "mortice-staple/1"
TIME = "mortice-time/1"
CHECKED = "mortice-checked/1"
NONCE_BYTES = 32  # the handshake hash of the conversation
ITEMS = 255  # on any list for checking a door


@dataclass(frozen=True, slots=True)
class Staple:
    """Still good: `leaf` was checked at `at`. `signer` is whose key says so, None for a role."""

    leaf: bytes
    at: int
    signer: Verified | None


def sign_staple(site: bytes, leaf: bytes, at: int, signer: Signer) -> bytes:
    """Vouch at Unix second `at` for the link with id `leaf`."""
    return sign(STAPLE, {AUD: site, IAT: at, LIMITS: {1: leaf}}, signer)


def accept_staple(site: Site, encoded: bytes, chain: list[cbor.Value] | None = None) -> Staple:
    """Verify a staple by the refresh role or a holder with the right. Raises T1 to T3."""
    document = parse(STAPLE, encoded)
    signer = accept_signer(site, document, chain, (Role.REFRESH, Rights.REFRESH, None), "T3")
    claims, limits = document.claims_for(site.id, "staple", "T1", "T2")
    return claims.whole(
        Staple(limits.bytes(1, ID_BYTES), claims.int(IAT, 0, TIME_MAX), signer), limits)


def vouchable(links: Sequence[Grant]) -> frozenset[bytes]:
    """Ids that a staple may name to keep the last of `links` alive.

    For a credential that is also the key above it, if that asks for staples itself: a person's PIN
    stays good for as long as their key does.
    """
    own = links[-1:] if links[-1].credential is None else links[-2:]
    return frozenset(link.id for link in own if link.max_staleness is not None)


@dataclass(frozen=True, slots=True)
class Attested:
    """What time somebody with the right says it is."""

    at: int
    signer: Verified | None  # as in a staple


def sign_time(site: bytes, lock: bytes, nonce: bytes, at: int, signer: Signer) -> bytes:
    """Attest Unix second `at` to `lock`, which gave `nonce`."""
    return sign(TIME, {AUD: site, IAT: at, LIMITS: {1: lock, 2: nonce}}, signer)


def accept_time(
    site: Site, encoded: bytes, lock: bytes, nonce: bytes, chain: list[cbor.Value] | None = None,
) -> Attested:
    """Verify an attestation for this lock and this nonce. Raises T3 to T6."""
    document = parse(TIME, encoded)
    signer = accept_signer(site, document, chain, (Role.TIME, Rights.SET_TIME, None), "T3")
    claims, limits = document.claims_for(site.id, "time", "T4", "T2")
    attested = Attested(claims.int(IAT, 0, TIME_MAX), signer)
    to, answers = limits.bytes(1, ID_BYTES), limits.bytes(2, NONCE_BYTES)
    claims.done(limits)
    if to != lock:
        raise Untrusted("T5", "time: attested to another lock")
    if answers != nonce:
        raise Untrusted("T6", "time: answers another nonce")
    return attested


@dataclass(frozen=True, slots=True)
class Checked:
    """Somebody checked the door at `at`. `report` is the SHA-256 of what they wrote down."""

    door: bytes
    at: int
    report: bytes
    passed: int  # items of the list
    failed: int
    signer: Verified | None = None  # as in a staple


def sign_checked(site: bytes, checked: Checked, signer: Signer) -> bytes:
    """Sign that a door was checked, with a grant-role key or that of whoever may configure it."""
    return sign(CHECKED, {AUD: site, IAT: checked.at, LIMITS: {
        1: checked.door, 2: checked.report, 3: checked.passed, 4: checked.failed}}, signer)


def accept_checked(
    site: Site, encoded: bytes, chain: list[cbor.Value] | None, *, door: bytes,
) -> Checked:
    """Verify a record of a check of `door`. Raises Y1 to Y3, C, D."""
    signer = accept_signer(
        site, parse(CHECKED, encoded), chain, (Role.GRANT, Rights.CONFIGURE, door), "Y2")
    checked = replace(read_checked(encoded, site.id), signer=signer)
    if checked.door != door:
        raise Untrusted("Y3", "checked: for another door")
    return checked


def read_checked(encoded: bytes, site: bytes) -> Checked:
    """Parse a record without trusting it; for one that a lock's receipt speaks of."""
    claims, limits = parse(CHECKED, encoded).claims_for(site, "checked", "Y1", "Y3")
    return claims.whole(Checked(
        limits.bytes(1, DOOR_ID_BYTES), claims.int(IAT, 0, TIME_MAX), limits.bytes(2, HASH_BYTES),
        limits.int(3, 0, ITEMS), limits.int(4, 0, ITEMS)), limits)
