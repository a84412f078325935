"""One link of a key: who holds it, for which doors, to do what, to hand on what, and when.

Decides whether a document is a well-formed link. It does not decide whether the link may stand
below another (core/chain.py) or opens anything now (core/decision.py). A restriction that is not
understood refuses the link; information that is not understood is ignored; the two live in
separate maps, so nobody has to guess.

Spec: spec/grant.md, sections 1 to 5. Checks G1 to G9.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from mortice.core import cbor
from mortice.core.document import ABOUT, AUD, CNF, EXP, LIMITS, NBF, Document, parse, sign
from mortice.core.errors import Malformed
from mortice.core.fields import Fields, optional
from mortice.core.keys import PublicKey, Signer
from mortice.core.limits import DOOR_ID_BYTES, DOORS, ID_BYTES, SLOTS, TEXT_CHARS, TIME_MAX
from mortice.core.schedule import Hours, read_hours, write_hours
from mortice.core.stages import Factors

GRANT = "mortice-grant/1"
ENROL = "mortice-enrol/1"


class Rights(IntFlag):
    """What a holder may ask of a door (spec/grant.md, section 3)."""

    NONE = 0
    UNLOCK = 1
    LOCK = 2
    HOLD_OPEN = 4
    VIEW_LOG = 8
    ENROL = 16  # put a PIN, card, finger or passkey on the door, below one's own link
    CONFIGURE = 32
    SET_TIME = 64
    REFRESH = 128  # sign staples
    RESTORE = 256  # switch a PIN on again, end a rest
    UPDATE = 512


ALL_RIGHTS = Rights(1023)
ALL_FACTORS = Factors(31)


class KeyClass(IntEnum):
    """Where a holder's key lives, which bounds what it may do (design rules 6 to 8)."""

    DEVICE = 0  # made on the device and not copied
    WEB = 1  # in a browser, driven by pages that a hub serves
    FILE = 2  # made by the issuer for somebody else; to be exchanged at first use
    BRIDGE = 3  # a program that stands in for people


class CredentialKind(IntEnum):
    """What an enrolment puts on a door."""

    PIN = 1
    CARD = 2
    FINGER = 3
    PASSKEY = 4


@dataclass(frozen=True, slots=True)
class Passkey:
    """The passkey that a link asks for at each use: public key, hashed RP id and exact origin."""

    key: PublicKey
    rp_id_hash: bytes
    origin: str


@dataclass(frozen=True, slots=True)
class Credential:
    """What an enrolment names: the kind, the lock's slot, a version that only rises, the secret.

    `sealed` is HPKE ciphertext to the lock's sealing key for a PIN, and a public key or a
    reference to a template that never leaves the lock for the others.
    """

    kind: CredentialKind
    slot: int
    version: int
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """One link. Every limit that is None is absent, which means unlimited."""

    holder: PublicKey
    doors: frozenset[bytes]
    use: Rights
    klass: KeyClass = KeyClass.DEVICE
    delegable: Rights = Rights.NONE
    depth: int = 0  # how many links may follow this one
    site: bytes | None = None  # first link only
    parent: bytes | None = None  # every other link: the id of the link above
    nbf: int | None = None
    exp: int | None = None
    max_life: int | None = None  # longest exp - nbf of any link below, seconds
    hours: Hours | None = None
    factors: Factors = Factors.NONE
    max_staleness: int | None = None  # seconds
    uses: int | None = None
    quota: int | None = None  # different leaves below this link, per door and day
    passkey: Passkey | None = None
    resident: bool = False
    credential: Credential | None = None
    about: dict[int | str, cbor.Value] = field(default_factory=dict, compare=False)
    document: Document | None = field(default=None, compare=False, repr=False)

    @property
    def id(self) -> bytes:
        """The id of the signed link."""
        assert self.document is not None, "a link has an id once it is signed"
        return self.document.id

    @property
    def label(self) -> str:
        """What the issuer called it, for people; never part of a decision."""
        label = self.about.get(1, "")
        return label[:TEXT_CHARS] if isinstance(label, str) else ""


# Looked up, because making an enum of a number takes longer than reading the number.
_CLASSES, _RIGHTS, _FACTORS = (
    tuple(KeyClass), tuple(map(Rights, range(ALL_RIGHTS + 1))),
    tuple(map(Factors, range(ALL_FACTORS + 1))))


def read_grant(encoded: bytes, kind: str = GRANT) -> Grant:
    """Parse one link without trusting it. Raises Malformed (E, D, G checks)."""
    document = parse(kind, encoded)
    claims = Fields(cbor.decode(document.payload, max_depth=6), "link", "G1")
    limits = Fields(claims.map(LIMITS), "link's limits", "G2")
    bound = Fields(claims.map(CNF), "cnf", "G3")
    grant = Grant(
        holder=PublicKey.from_cose(bound.map(1)),
        site=claims.bytes(AUD, ID_BYTES, default=None),
        nbf=claims.int(NBF, 0, TIME_MAX, default=None),
        exp=claims.int(EXP, 0, TIME_MAX, default=None),
        about=claims.map(ABOUT, default={}),
        document=document,
        parent=limits.bytes(1, ID_BYTES, default=None),
        klass=_CLASSES[limits.int(2, 0, 3, default=0)],
        doors=_read_doors(limits.list(3, DOORS)),
        use=_RIGHTS[limits.int(4, 0, ALL_RIGHTS)],
        delegable=_RIGHTS[limits.int(5, 0, ALL_RIGHTS, default=0)],
        depth=limits.int(6, 1, 4, default=0),
        max_life=limits.int(7, 1, TIME_MAX, default=None),
        hours=optional(read_hours, limits.list(8, DOORS, default=None)),
        factors=_FACTORS[limits.int(9, 1, ALL_FACTORS, default=0)],
        max_staleness=limits.int(10, 1, TIME_MAX, default=None),
        uses=limits.int(11, 1, 1_000_000, default=None),
        quota=limits.int(12, 1, 10_000, default=None),
        passkey=optional(read_passkey, limits.map(13, default=None)),
        resident=limits.int(14, 1, 1, default=0) == 1,
        credential=optional(_read_credential, limits.map(15, default=None)),
    )
    claims.done(limits, bound)
    _check_shape(grant, kind)
    return grant


def _read_doors(doors: list[cbor.Value]) -> frozenset[bytes]:
    good = frozenset(d for d in doors if isinstance(d, bytes) and len(d) == DOOR_ID_BYTES)
    if not doors or len(good) != len(doors):
        raise Malformed("G4", f"link: doors must be different ids of {DOOR_ID_BYTES} bytes")
    return good


def write_passkey(passkey: Passkey) -> dict[int | str, cbor.Value]:
    """A passkey as a link names it."""
    return {1: passkey.key.cose, 2: passkey.rp_id_hash, 3: passkey.origin}


def read_passkey(value: dict[int | str, cbor.Value]) -> Passkey:
    """The inverse of `write_passkey`. Raises Malformed (G5), Untrusted (K)."""
    fields = Fields(value, "passkey", "G5")
    return fields.whole(
        Passkey(PublicKey.from_cose(fields.map(1)), fields.bytes(2, 32), fields.text(3, 255)))


def _read_credential(value: dict[int | str, cbor.Value]) -> Credential:
    fields = Fields(value, "credential", "G6")
    return fields.whole(Credential(
        CredentialKind(fields.int(1, 1, 4)), fields.int(2, 0, SLOTS - 1),
        fields.int(3, 1, TIME_MAX), fields.bytes(4, (1, 512))))


def _check_shape(grant: Grant, kind: str) -> None:
    """Rules between fields, so that each link has one meaning."""
    assert grant.document is not None
    first = grant.parent is None
    if first != (grant.site is not None) or first != (grant.document.kid is not None):
        raise Malformed("G7", "link: a first link has site and kid, every other a parent instead")
    if grant.resident and (not first or grant.max_staleness is not None):
        raise Malformed("G8", "link: only a first link is a resident's, and it never goes stale")
    if (kind == ENROL) != (grant.credential is not None):
        raise Malformed("G9", "link: an enrolment names a credential, and only an enrolment does")
    if kind == ENROL and (first or grant.depth or grant.delegable):
        raise Malformed("G9", "enrolment: it is the last link of a chain")
    if grant.uses is not None and len(grant.doors) != 1:
        raise Malformed("G4", "link: counted uses need exactly one door, because doors count alone")


def _limits_of(grant: Grant) -> dict[int | str, cbor.Value]:
    passkey, credential = grant.passkey, grant.credential
    wanted: dict[int | str, cbor.Value] = {
        1: grant.parent, 2: int(grant.klass) or None, 3: [*sorted(grant.doors)], 4: int(grant.use),
        5: int(grant.delegable) or None, 6: grant.depth or None, 7: grant.max_life,
        8: None if grant.hours is None else write_hours(grant.hours),
        9: int(grant.factors) or None, 10: grant.max_staleness, 11: grant.uses, 12: grant.quota,
        13: None if passkey is None else write_passkey(passkey),
        14: 1 if grant.resident else None,
        15: None if credential is None else {
            1: int(credential.kind), 2: credential.slot, 3: credential.version,
            4: credential.sealed},
    }
    return {key: value for key, value in wanted.items() if value is not None}


def sign_grant(grant: Grant, signer: Signer) -> bytes:
    """Encode and sign a link. The signer's key must be the parent's holder or a site key."""
    claims: dict[int | str, cbor.Value] = {
        AUD: grant.site, EXP: grant.exp, NBF: grant.nbf, CNF: {1: grant.holder.cose}}
    claims |= {LIMITS: _limits_of(grant), ABOUT: grant.about or None}
    payload: cbor.Value = {key: value for key, value in claims.items() if value is not None}
    kind = GRANT if grant.credential is None else ENROL
    encoded = sign(kind, payload, signer, kid=grant.parent is None)
    read_grant(encoded, kind)  # what we cannot read ourselves is never handed out
    return encoded
