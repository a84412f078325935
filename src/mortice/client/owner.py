"""Giving keys, handing on narrower ones, taking them back, and putting a PIN on a door.

Every signature here is made on this device. Nothing is sent; a visit (visit.py) or any other
courier carries what was signed.

Spec: spec/grant.md, spec/revocation.md, spec/enrolment.md.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from mortice.client.home import Home
from mortice.client.wallet import HeldKey
from mortice.core import cbor
from mortice.core.chain import narrower
from mortice.core.config import CONFIG, Config, sign_config
from mortice.core.document import parse
from mortice.core.enrolment import ENROLLABLE, sealed_context
from mortice.core.errors import Theirs, Untrusted
from mortice.core.grant import (
    ENROL,
    Credential,
    CredentialKind,
    Grant,
    KeyClass,
    Passkey,
    Rights,
    sign_grant,
)
from mortice.core.keys import PublicKey, Signer
from mortice.core.messages import BundleItem, read_bundle, write_bundle
from mortice.core.pin import PinPolicy, choose
from mortice.core.revocation import REVOKE, Revocation, Revoked, accept_revocation, sign_revocation
from mortice.core.schedule import Hours
from mortice.core.site import MappedDoor
from mortice.core.stages import Factors

HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)  # RFC 9180, base mode
OWNER_RIGHTS = Rights(1023)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a key is to allow. Times are Unix seconds; None is without end."""

    doors: frozenset[bytes]
    use: Rights = Rights.UNLOCK | Rights.LOCK
    delegable: Rights = Rights.NONE
    depth: int = 0
    nbf: int | None = None
    exp: int | None = None
    max_life: int | None = None
    hours: Hours | None = None
    factors: Factors = Factors.NONE
    max_staleness: int | None = None
    uses: int | None = None
    quota: int | None = None
    resident: bool = False
    klass: KeyClass = KeyClass.DEVICE
    passkey: Passkey | None = None
    label: str = ""
    mark: bytes = b""  # random: tells a key given again from the same one taken back


def unsigned(terms: Terms, holder: PublicKey) -> Grant:
    """The link that `terms` amount to, for whoever signs it or says it back."""
    return Grant(
        holder, terms.doors, terms.use, terms.klass, terms.delegable, terms.depth, nbf=terms.nbf,
        exp=terms.exp, max_life=terms.max_life, hours=terms.hours, factors=terms.factors,
        max_staleness=terms.max_staleness, uses=terms.uses, quota=terms.quota,
        passkey=terms.passkey, resident=terms.resident, about={
            key: said for key, said in enumerate((terms.label, terms.mark), start=1) if said})


def give(home: Home, grant_key: Signer, holder: PublicKey, terms: Terms) -> list[cbor.Value]:
    """A first link, signed by the site. Returns the chain."""
    return [sign_grant(replace(unsigned(terms, holder), site=home.site().id), grant_key)]


def pass_on(
    parent: HeldKey, signer: Signer, holder: PublicKey, terms: Terms) -> list[cbor.Value]:
    """A narrower link below one's own key. Raises Untrusted, naming the bound that is broken."""
    child = replace(unsigned(narrowed(terms, parent.leaf), holder), parent=parent.leaf.id)
    problem = narrower(parent.leaf, child)
    if problem is not None:
        raise Untrusted(problem[0], f"the key would not be narrower than yours: {problem[1]}")
    return [*parent.wire, sign_grant(child, signer)]


def narrowed(terms: Terms, above: Grant) -> Terms:
    """`terms` with every bound left open filled in from the link above, never the other way."""
    return replace(
        terms,
        nbf=above.nbf if terms.nbf is None else terms.nbf,
        exp=above.exp if terms.exp is None else terms.exp,
        hours=above.hours if terms.hours is None else terms.hours,
        factors=terms.factors | above.factors,
        max_staleness=above.max_staleness if terms.max_staleness is None else terms.max_staleness,
        uses=above.uses if terms.uses is None else terms.uses,
        max_life=above.max_life if terms.max_life is None and terms.depth else terms.max_life,
        quota=above.quota if terms.quota is None and terms.depth else terms.quota,
    )


# --- taking back ---------------------------------------------------------------------------


def take_back(
    home: Home, entries: Iterable[Revoked], signer: Signer, chain: list[cbor.Value] | None = None,
) -> bytes:
    """Sign a revocation into this home's news. `chain` is that of a holder who takes back."""
    document = sign_revocation(home.site().id, entries, signer)
    item = cbor.encode(write_bundle((BundleItem(REVOKE, document, chain),)))
    home.keep_news({parse(REVOKE, document).id: item})
    return document


def taken_back(home: Home) -> dict[bytes, Revocation]:
    """Every revocation in the news that holds under the newest root, by its id."""
    site, found = home.site(), {}
    for name, carried in home.news().items():
        try:
            for item in read_bundle(cbor.decode(carried)):
                found[name] = accept_revocation(site, item.document, item.chain, item.assertion)
        except Theirs:
            continue  # of another root, or no revocation at all: it counts for nothing
    return found


# --- PINs and settings -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewPin:
    """A PIN just drawn. It is shown once; only its sealed form travels."""

    digits: str = field(repr=False)
    document: bytes
    item: list[cbor.Value]  # the same, ready for a bundle


def draw_pin(policy: PinPolicy) -> str:
    """Digits of the length that the policy needs, none that are easy to guess."""
    while (digits := choose(policy, secrets.token_bytes(16))) is None:
        continue  # that one was easy to guess
    return digits


def enrol_pin(  # noqa: PLR0913, PLR0917 — below which key, where, which slot, how and how long
    parent: HeldKey, signer: Signer, door: MappedDoor, slot: int, policy: PinPolicy, terms: Terms,
    digits: str | None = None,
) -> NewPin:
    """Seal a PIN to the door's lock, drawn unless it is given, and sign it below `parent`.

    Raises Untrusted, naming the bound, where `parent` may not put it there.
    """
    digits = digits or draw_pin(policy)
    above = parent.leaf
    sealing = X25519PublicKey.from_public_bytes(door.lock.sealing)
    sealed = HPKE.encrypt(
        digits.encode(), sealing, info=sealed_context(above.holder.id, above.id, slot))
    version = int(time.time())  # it must only rise, and a slot changes hands more slowly
    link = replace(
        unsigned(narrowed(replace(terms, doors=frozenset({door.id})), above), door.lock.signing),
        use=terms.use & ENROLLABLE & (above.use | above.delegable), parent=above.id, depth=0,
        klass=KeyClass.DEVICE, passkey=None, delegable=Rights.NONE, resident=False,
        credential=Credential(CredentialKind.PIN, slot, version, sealed))
    problem = narrower(above, link)
    if problem is not None:
        raise Untrusted(problem[0], f"the PIN would not be narrower than the key: {problem[1]}")
    document = sign_grant(link, signer)
    return NewPin(digits, document, [ENROL, document, parent.wire])


def configure(home: Home, grant_key: Signer, config: Config) -> list[cbor.Value]:
    """Settings for one door, ready for a bundle."""
    return [CONFIG, sign_config(home.site().id, config, grant_key)]
