"""A small site and its people, for the tests of the core: keys by name, and chains in one line.

Nothing here checks anything. `first` and `Chain.pass_on` sign whatever they are told to, so a test
can build what an honest issuer would not sign. Keys are made from names, so every run is the same.
"""

# ruff: noqa: ANN401 — a builder takes any field of what it builds
from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mortice.core import cbor
from mortice.core.chain import Link, read_chain, verify_chain
from mortice.core.decision import Facts
from mortice.core.document import ABOUT, ALG, AUD, CNF, KID, LIMITS, parse, sign
from mortice.core.errors import Theirs
from mortice.core.grant import (
    ENROL,
    GRANT,
    Credential,
    CredentialKind,
    Grant,
    Passkey,
    Rights,
    read_grant,
    sign_grant,
)
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.passkey import challenge_text
from mortice.core.revocation import NOTHING_REVOKED, RevocationSet
from mortice.core.site import Place, Role, RoleKeys, Site
from mortice.core.stages import Instant, TimeState, Verified

SITE = bytes(range(16))
FRONT, METER = b"frontdor", b"metercup"
NOW = 1_772_622_000  # Wednesday 4 March 2026, 11:00:00 in London (and UTC)
MINUTE, HOUR, DAY = 60, 3600, 86_400


@cache
def key(name: str, alg: int = ED25519) -> SoftwareKey:
    """The key pair of somebody, always the same for the same name."""
    return SoftwareKey.from_seed(alg, hashlib.sha256(name.encode()).digest())


ROOT, GRANTER, REVOKER, PAPER = key("root"), key("granter"), key("revoker"), key("paper")
TIMER, REFRESHER, STRANGER = key("timer"), key("refresher"), key("stranger")
TENANT, AGENT, FIRM, ENGINEER, GUEST = map(key, ("tenant", "agent", "firm", "engineer", "guest"))
LOCK = key("lock")


def role(*keys: SoftwareKey, threshold: int = 1) -> RoleKeys:
    return RoleKeys(threshold, tuple(k.public for k in keys))


def site(**changes: Any) -> Site:
    """The owner's site: every role has a key of its own."""
    roles = {
        Role.ROOT: role(ROOT, PAPER, threshold=2), Role.GRANT: role(GRANTER),
        Role.REVOKE: role(REVOKER), Role.TIME: role(TIMER), Role.REFRESH: role(REFRESHER),
        Role.RECOVERY: role(PAPER)}
    return replace(Site(SITE, 1, roles), **changes)


@dataclass(frozen=True)
class Chain:
    """A signed chain and the key of its holder."""

    wire: list[cbor.Value]
    holder: SoftwareKey

    @property
    def links(self) -> tuple[Link, ...]:
        return read_chain(self.wire, last=self.kind)

    @property
    def kind(self) -> str:
        try:
            read_grant(self.leaf_bytes, GRANT)
        except Theirs:
            return ENROL
        return GRANT

    @property
    def leaf_bytes(self) -> bytes:
        last = self.wire[-1]
        encoded = last[0] if isinstance(last, list) else last
        assert isinstance(encoded, bytes)
        return encoded

    @property
    def leaf(self) -> Grant:
        return read_grant(self.leaf_bytes, self.kind)

    def verified(self, at: Site | None = None, **shown: Any) -> Verified:
        """The chain as the lock has checked it. Raises as `verify_chain` does."""
        return replace(verify_chain(self.links, (at or site()).chain_keys()), **shown)

    def pass_on(
        self, holder: SoftwareKey, *, signer: SoftwareKey | None = None,
        assertion: cbor.Value = None, **terms: Any,
    ) -> Chain:
        """One more link, for FRONT and to unlock unless `terms` say otherwise."""
        terms = {"doors": frozenset({FRONT}), "use": Rights.UNLOCK} | terms
        child = Grant(holder.public, parent=self.leaf.id, **terms)
        signed = sign_grant(child, signer or self.holder)
        return Chain([*self.wire, [signed, assertion] if assertion else signed], holder)

    def enrol(self, kind: CredentialKind = CredentialKind.PIN, **terms: Any) -> Chain:
        """A credential on LOCK, below this chain's leaf."""
        slot, version = terms.pop("slot", 3), terms.pop("version", 1)
        credential = Credential(kind, slot, version, terms.pop("sealed", b"sealed"))
        return self.pass_on(terms.pop("holder", LOCK), credential=credential, **terms)


def first(holder: SoftwareKey, *, signer: SoftwareKey = GRANTER, **terms: Any) -> Chain:
    """A first link, signed by the site, for FRONT and to unlock unless `terms` say otherwise."""
    terms = {"site": SITE, "doors": frozenset({FRONT}), "use": Rights.UNLOCK} | terms
    return Chain([sign_grant(Grant(holder.public, **terms), signer)], holder)


def passer(holder: SoftwareKey = AGENT, **terms: Any) -> Chain:
    """A first link whose holder may pass on unlocking, four links deep."""
    return first(holder, **{"delegable": Rights.UNLOCK, "depth": 4} | terms)


LONDON = ZoneInfo("Europe/London")


def facts(at: int = NOW, state: TimeState = TimeState.SYNCED, **changes: Any) -> Facts:
    """An ordinary moment at FRONT: the clock is synced and nothing is taken back or counted."""
    now = Instant(at, changes.pop("floor", at), state)
    place = Place(site(), changes.pop("door", FRONT), LOCK.public.id, changes.pop("zone", LONDON))
    return replace(Facts(place, now, NOTHING_REVOKED), **changes)


def taken_back(
    *named: bytes, by: bytes = REVOKER.public.id, over_all: bool = True,
) -> RevocationSet:
    """A revocation set in which one signer has taken back all of `named`."""
    return RevocationSet({name: frozenset({(by, over_all)}) for name in named})


Fields = dict[Any, Any]


def raw_link(
    change: Callable[[Fields, Fields], object] = lambda claims, limits: None, *,
    signer: SoftwareKey = GRANTER, kind: str = GRANT, holder: SoftwareKey = TENANT,
) -> bytes:
    """A first link made by hand; `change` edits its claims and limits before it is signed."""
    limits: Fields = {3: [FRONT], 4: 1}
    claims: Fields = {AUD: SITE, CNF: {1: holder.public.cose}, LIMITS: limits, ABOUT: {}}
    change(claims, limits)
    return sign(kind, claims, signer)


def signed_bytes(kind: str, payload: bytes, signer: SoftwareKey, *, kid: bool = True) -> bytes:
    """A document with a payload that no encoder of ours would make."""
    header: Fields = {ALG: signer.public.alg} | ({KID: signer.public.id} if kid else {})
    protected = cbor.encode(header)
    signature = signer.sign(cbor.encode(["Signature1", protected, kind.encode(), payload]))
    return cbor.encode([protected, {}, payload, signature])


PAGE, RP_HASH = "https://keys.example", hashlib.sha256(b"keys.example").digest()
TOUCHED = key("passkey of the tenant", ED25519)
PASSKEY = Passkey(TOUCHED.public, RP_HASH, PAGE)


def touch(
    message: bytes, *, credential: SoftwareKey = TOUCHED, origin: str = PAGE, flags: int = 5,
    rp_hash: bytes = RP_HASH, **client: Any,
) -> list[cbor.Value]:
    """A passkey's assertion over `message`, as it travels."""
    said = {"type": "webauthn.get", "challenge": challenge_text(message), "origin": origin,
            "crossOrigin": False} | client
    data = json.dumps(said).encode()
    authenticator = rp_hash + bytes([flags]) + bytes(4)
    signature = credential.sign(authenticator + hashlib.sha256(data).digest())
    return [authenticator, data, signature]


def id_of(encoded: bytes, kind: str) -> bytes:
    return parse(kind, encoded).id


@contextmanager
def refused(check: str) -> Iterator[None]:
    """What is inside must be refused at exactly this numbered check."""
    with pytest.raises(Theirs) as error:
        yield
    assert error.value.check == check, str(error.value)
