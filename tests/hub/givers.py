"""People of a place who hold and give keys: what a browser or a phone would sign for them."""

# ruff: noqa: ANN401 — a builder takes any term of what it builds

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from hubs import ORIGIN, Cast
from sqlalchemy import select

from mortice.client.owner import HPKE
from mortice.core import cbor
from mortice.core.chain import read_chain
from mortice.core.document import parse
from mortice.core.enrolment import sealed_context
from mortice.core.grant import (
    ENROL,
    Credential,
    CredentialKind,
    Grant,
    KeyClass,
    Passkey,
    Rights,
    read_grant,
    sign_grant,
)
from mortice.core.keys import ED25519, PublicKey, SoftwareKey
from mortice.core.passkey import challenge_text
from mortice.core.revocation import REVOKE, Revoked, sign_revocation
from mortice.core.site import Role as SiteRole
from mortice.hub.keys import register
from mortice.hub.tables import Door, Key, Membership, Person, Place, now

DAY, YEAR = 86_400, 365 * 86_400
GIVES = Rights.UNLOCK | Rights.LOCK
RP = "localhost"


def new_key() -> SoftwareKey:
    return SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))


def touch(passkey: SoftwareKey, message: bytes, origin: str = ORIGIN) -> list[cbor.Value]:
    """A passkey's assertion over `message`, as a browser would return it."""
    client = json.dumps({"type": "webauthn.get", "challenge": challenge_text(message),
                         "origin": origin, "crossOrigin": False}).encode()
    authenticator = hashlib.sha256(RP.encode()).digest() + bytes([5]) + bytes(4)
    signed = authenticator + hashlib.sha256(client).digest()
    return [authenticator, client, passkey.sign(signed)]


@dataclass
class Giver:
    """A browser's key that may give keys: its chain, its key pair, its passkey."""

    signer: SoftwareKey
    passkey: SoftwareKey
    wire: list[cbor.Value]
    key: Key
    person: Person

    @property
    def leaf(self) -> Grant:
        return read_chain(self.wire)[-1].grant

    def sign(self, grant: Grant, *, with_touch: bool = True) -> list[cbor.Value]:
        """A chain with one more link, whatever it says."""
        encoded = sign_grant(replace(grant, parent=self.leaf.id), self.signer)
        kind = read_grant(encoded, ENROL if grant.credential else "mortice-grant/1")
        link: cbor.Value = encoded
        if with_touch:
            link = [encoded, touch(self.passkey, kind.id + self.leaf.id)]
        return [*self.wire, link]

    def give(self, holder: PublicKey, *doors: Door, **terms: Any) -> list[cbor.Value]:
        """A link for two hours from now unless `terms` say otherwise."""
        said = {"use": GIVES, "nbf": now() - 60, "exp": now() + 7200} | terms
        return self.sign(Grant(holder, frozenset(door.door_id for door in doors), **said))

    def pin(self, door: Door, digits: str = "48291736", slot: int = 1,
            **terms: Any) -> list[cbor.Value]:
        """A PIN's enrolment as an item of a bundle."""
        lock = PublicKey.from_cose(cbor.decode(door.lock_signing))
        sealed = HPKE.encrypt(
            digits.encode(), X25519PublicKey.from_public_bytes(door.lock_sealing),
            info=sealed_context(self.leaf.holder.id, self.leaf.id, slot))
        wire = self.give(lock, door, **{"credential": Credential(
            CredentialKind.PIN, slot, now(), sealed)} | terms)
        encoded, assertion = wire[-1]  # type: ignore[misc,str-unpack]
        return [ENROL, encoded, self.wire, assertion]

    def take_back(self, *entries: tuple[bytes, int | None]) -> list[cbor.Value]:
        """A revocation as an item of a bundle."""
        site = read_chain(self.wire)[0].grant.site
        assert site is not None
        encoded = sign_revocation(site, [Revoked(*entry) for entry in entries], self.signer)
        return [REVOKE, encoded, self.wire, touch(self.passkey, parse(REVOKE, encoded).id)]


def add_person(cast: Cast, name: str, **about: Any) -> Person:
    with cast.hub.database.writing() as db:
        person = Person(place_id=cast.place.id, name=name, **about)
        db.add(person)
    return person


def first_link(cast: Cast, holder: PublicKey, *doors: Door, **terms: Any) -> list[cbor.Value]:
    """A link signed by the owner's grant key."""
    said = {"use": GIVES} | terms
    return [sign_grant(Grant(
        holder, frozenset(door.door_id for door in doors or cast.doors.values()),
        site=cast.site.site.id, **said), cast.grant_key)]


def add_giver(cast: Cast, role: str = "owner", **terms: Any) -> Giver:
    """The browser key of the account that has `role`, which may give keys for a year."""
    person = add_person(cast, cast.accounts[role].name)
    signer, passkey = new_key(), new_key()
    wire = first_link(cast, signer.public, **{
        "use": GIVES | Rights.ENROL, "delegable": GIVES | Rights.ENROL, "depth": 3,
        "klass": KeyClass.WEB, "max_life": YEAR, "nbf": now() - DAY, "exp": now() + 2 * YEAR,
        "passkey": Passkey(passkey.public, hashlib.sha256(RP.encode()).digest(), ORIGIN),
    } | terms)
    with cast.hub.database.writing() as db:
        key = register(db, db.get_one(Place, cast.place.id), person, wire)
        account = cast.accounts[role]
        row = db.scalars(select(Membership).where(
            Membership.account_id == account.id, Membership.place_id == cast.place.id)).one()
        row.person_id = person.id
    return Giver(signer, passkey, wire, key, person)


def owner_takes_back(cast: Cast, *entries: tuple[bytes, int | None]) -> list[cbor.Value]:
    """A revocation by the site's own key, as an item of a bundle."""
    return [REVOKE, sign_revocation(
        cast.site.site.id, [Revoked(*entry) for entry in entries],
        cast.site.keys[SiteRole.REVOKE])]
