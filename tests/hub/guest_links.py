"""What a giver's and a guest's browser sign for a guest link, signed here in Python."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace

from hubs import Cast

from mortice.client.owner import Terms, pass_on, unsigned
from mortice.client.wallet import held
from mortice.core import cbor
from mortice.core.grant import Grant, KeyClass, Rights, sign_grant
from mortice.core.keys import ED25519, ESP256, PublicKey, SoftwareKey

DAY = 86_400
CLAIM = Terms(
    frozenset(), use=Rights.NONE, delegable=Rights.UNLOCK, depth=1, klass=KeyClass.FILE)


@dataclass
class Signed:
    """A claim key, its seed, and the chain down to it."""

    seed: bytes
    wire: list[cbor.Value]

    @property
    def key(self) -> SoftwareKey:
        return SoftwareKey.from_seed(ED25519, self.seed)

    @property
    def encoded(self) -> bytes:
        return cbor.encode(self.wire)

    @property
    def leaf(self) -> Grant:
        return held(self.encoded).leaf


def new_key(alg: int = ED25519) -> SoftwareKey:
    return SoftwareKey.from_seed(alg, secrets.token_bytes(32))


def sign_claim(cast: Cast, terms: Terms = CLAIM, *, labels: tuple[str, ...] = ("Front door",),
               start: int = -DAY, end: int | None = 2 * DAY) -> Signed:
    """A link to a new claim key, from `start` to `end` seconds from now."""
    at, seed = int(time.time()), secrets.token_bytes(32)
    terms = replace(
        terms, doors=frozenset(cast.doors[label].door_id for label in labels), nbf=at + start,
        exp=None if end is None else at + end, mark=secrets.token_bytes(4))
    public = SoftwareKey.from_seed(ED25519, seed).public
    link = replace(unsigned(terms, public), site=cast.site.site.id)
    return Signed(seed, [sign_grant(link, cast.grant_key)])


def child(claim: SoftwareKey, wire: list[cbor.Value], phone: PublicKey | None = None,
          klass: KeyClass = KeyClass.WEB) -> bytes:
    """The chain that a phone makes of it, with the one link that the claim key signs."""
    parent = held(cbor.encode(wire))
    terms = Terms(parent.leaf.doors, use=Rights.UNLOCK, klass=klass)
    return cbor.encode(pass_on(parent, claim, phone or new_key(ESP256).public, terms))
