"""What the owner does: make a site, take over locks, give keys, take them back, keep the records.

Every signature here is made on this device. Nothing is sent; a visit (visit.py) or any other courier
carries what was signed.

Spec: spec/site.md, spec/grant.md, spec/revocation.md, spec/enrolment.md.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from mortice.client.home import Home, NotThere
from mortice.client.wallet import HeldKey, Wallet
from mortice.core import cbor
from mortice.core.chain import narrower
from mortice.core.config import CONFIG, Config, sign_config
from mortice.core.enrolment import ENROLLABLE, sealed_context
from mortice.core.errors import Malformed, Untrusted
from mortice.core.grant import (
    ENROL,
    Credential,
    CredentialKind,
    Grant,
    KeyClass,
    Rights,
    read_grant,
    sign_grant,
)
from mortice.core.keys import ED25519, PublicKey, Signer, SoftwareKey
from mortice.core.messages import BundleItem, write_bundle
from mortice.core.pin import PinPolicy, choose
from mortice.core.revocation import REVOKE, Revoked, sign_revocation
from mortice.core.schedule import Hours
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
from mortice.core.stages import Factors

HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)  # RFC 9180, base mode
OWNER_RIGHTS = Rights(1023)
REQUEST_PREFIX = "MORTICE-REQUEST1-"
KEY_PREFIX = "MORTICE-KEY1-"
SHEET_PREFIX = "MORTICE-PAPER1-"


# --- text that people pass on --------------------------------------------------------------------


def to_text(prefix: str, body: bytes) -> str:
    """Bytes as letters that survive messages, QR codes and links."""
    return prefix + base64.urlsafe_b64encode(body).decode().rstrip("=")


def from_text(prefix: str, text: str) -> bytes:
    """The inverse of `to_text`. Raises Malformed in words for people (Z3)."""
    cleaned = "".join(text.split())
    start = cleaned.rfind(prefix)
    if start < 0 or len(cleaned) > 16_384:
        raise Malformed("Z3", f"that is not what was expected; it should contain {prefix}…")
    letters = cleaned[start + len(prefix):]
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise Malformed("Z3", "the text is incomplete or has a wrong letter; copy it again") from error


def write_request(key: PublicKey, name: str) -> str:
    """A holder's own public key, for whoever is to give a key: `key request` prints it."""
    return to_text(REQUEST_PREFIX, cbor.encode([key.cose, name]))


def read_request_text(text: str) -> tuple[PublicKey, str]:
    """Whose key is asked for. Raises Malformed, Untrusted."""
    parts = cbor.decode(from_text(REQUEST_PREFIX, text), max_bytes=1024)
    if not isinstance(parts, list) or len(parts) != 2 or not isinstance(parts[1], str):
        raise Malformed("Z3", "that is not a request for a key")
    return PublicKey.from_cose(parts[0]), parts[1][:120]


# --- the site --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewSite:
    """A site just made: its root, and the words for the recovery sheet (shown once, kept nowhere)."""

    site: Site
    sheet: str


def paper_key(sheet: str) -> SoftwareKey:
    """The recovery key that a sheet stands for. Raises Malformed."""
    seed = from_text(SHEET_PREFIX, sheet)
    if len(seed) != 32:
        raise Malformed("Z3", "the recovery sheet is incomplete; type all of it")
    return SoftwareKey.from_seed(ED25519, seed)


def create_site(home: Home, name: str, passphrase: str, *, demo: bool = False, strict: bool = False) -> NewSite:
    """Make a site in `home`: role keys sealed by the passphrase, and a paper key shown once."""
    if home.owns_site():
        raise NotThere("this home has a site already; choose another folder with --home")
    roles = (Role.ROOT, Role.GRANT, Role.REVOKE, Role.TIME, Role.REFRESH)
    keys = {role: SoftwareKey.from_seed(ED25519, secrets.token_bytes(32)) for role in roles}
    sheet = to_text(SHEET_PREFIX, secrets.token_bytes(32))
    paper = paper_key(sheet)
    held = {role: RoleKeys(1, (key.public,)) for role, key in keys.items()}
    held[Role.ROOT] = RoleKeys(2, (keys[Role.ROOT].public, paper.public))
    held[Role.RECOVERY] = RoleKeys(1, (paper.public,))
    site = Site(secrets.token_bytes(16), 1, held, strict, demo)
    root = sign_site(site, [keys[Role.ROOT], paper])
    for role, key in keys.items():
        home.keep_site_key(role, key, passphrase)
    home.keep_site(root=root, name=name)
    return NewSite(site, sheet)


def add_door(home: Home, grant_key: Signer, label: str, zone: str, lock: LockKeys) -> MappedDoor:
    """Put a door into a newer map."""
    site, doors = home.site(), home.doors() or DoorMap(home.site().id, 0, ())
    door = MappedDoor(secrets.token_bytes(8), label, zone, lock)
    newer = DoorMap(site.id, doors.version + 1, (*doors.doors, door))
    home.keep_site(doors=sign_doors(newer, grant_key))
    return door


# --- giving keys -----------------------------------------------------------------------------------


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
    label: str = ""


def _grant(terms: Terms, holder: PublicKey) -> Grant:
    return Grant(
        holder, terms.doors, terms.use, terms.klass, terms.delegable, terms.depth, nbf=terms.nbf,
        exp=terms.exp, max_life=terms.max_life, hours=terms.hours, factors=terms.factors,
        max_staleness=terms.max_staleness, uses=terms.uses, quota=terms.quota,
        resident=terms.resident, about={1: terms.label} if terms.label else {})


def give(home: Home, grant_key: Signer, holder: PublicKey, terms: Terms) -> list[cbor.Value]:
    """A first link, signed by the site. Returns the chain."""
    return [sign_grant(replace(_grant(terms, holder), site=home.site().id), grant_key)]


def pass_on(parent: HeldKey, signer: Signer, holder: PublicKey, terms: Terms) -> list[cbor.Value]:
    """A narrower link below one's own key. Raises Untrusted, naming the bound, if it is not narrower."""
    child = replace(_grant(narrowed(terms, parent.leaf), holder), parent=parent.leaf.id)
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


def exchange(wallet: Wallet, parent: HeldKey, claim: Signer, klass: KeyClass = KeyClass.DEVICE) -> list[cbor.Value]:
    """Use a claim key or key file once: sign its only child, to this device's own key."""
    leaf = parent.leaf
    terms = Terms(leaf.doors, leaf.delegable, label=leaf.label, klass=klass)
    return pass_on(parent, claim, wallet.key.public, terms)


# --- taking back -------------------------------------------------------------------------------


def take_back(home: Home, entries: Iterable[Revoked], signer: Signer, chain: list[cbor.Value] | None = None) -> bytes:
    """Sign a revocation and put it into this home's news. `chain` for holders who take back their own."""
    document = sign_revocation(home.site().id, entries, signer)
    from mortice.core.document import parse  # noqa: PLC0415 — one use

    item = cbor.encode(write_bundle((BundleItem(REVOKE, document, chain),)))
    home.keep_news({parse(REVOKE, document).id: item})
    return document


# --- PINs --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewPin:
    """A PIN just drawn. It is shown once; only its sealed form travels."""

    digits: str
    item: list[cbor.Value]  # ready for a bundle
    leaf: bytes


def enrol_pin(parent: HeldKey, signer: Signer, door: MappedDoor, slot: int, policy: PinPolicy, terms: Terms) -> NewPin:
    """Draw a PIN, seal it to the door's lock, and sign its enrolment below `parent`."""
    digits = None
    while digits is None:
        digits = choose(policy, secrets.token_bytes(16))
    above = parent.leaf
    info = sealed_context(above.holder.id, above.id, slot)
    sealing = X25519PublicKey.from_public_bytes(door.lock.sealing)
    sealed = HPKE.encrypt(digits.encode(), sealing, info=info)
    filled = narrowed(replace(terms, doors=frozenset({door.id}), depth=0), above)
    link = replace(
        _grant(filled, door.lock.signing), use=terms.use & ENROLLABLE & (above.use | above.delegable),
        parent=above.id, klass=KeyClass.DEVICE, delegable=Rights.NONE,
        credential=Credential(CredentialKind.PIN, slot, int(time.time() * 100), sealed))
    document = sign_grant(link, signer)
    return NewPin(digits, [ENROL, document, parent.wire], read_grant(document, ENROL).id)


def configure(home: Home, grant_key: Signer, config: Config) -> list[cbor.Value]:
    """Settings for one door, ready for a bundle."""
    return [CONFIG, sign_config(home.site().id, config, grant_key)]
