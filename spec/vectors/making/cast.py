"""Who appears in the vectors: one site, its keys, one lock under test, and people with keys to it.

Everything follows from names, so it is the same on every machine. None of it may be used anywhere
else: the private keys are published here.

Spec: spec/grant.md, spec/site.md.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from making.case import Fields
from making.plain import (
    ED25519,
    ESP256,
    Document,
    Key,
    cbor,
    drawn,
    endorse,
    public,
    sign,
)

AUD, EXP, NBF, IAT, CNF = 3, 4, 5, 6, 8
LIMITS, ABOUT = -65537, -65538

GRANT_KIND, ENROL_KIND, REVOKE_KIND = "mortice-grant/1", "mortice-enrol/1", "mortice-revoke/1"
SITE_KIND, DOORS_KIND, CONFIG_KIND = "mortice-site/1", "mortice-doors/1", "mortice-config/1"
STAPLE_KIND, TIME_KIND, CHECKED_KIND = "mortice-staple/1", "mortice-time/1", "mortice-checked/1"

UNLOCK, LOCK, HOLD_OPEN, VIEW_LOG, ENROL, CONFIGURE, SET_TIME, REFRESH, RESTORE = (
    1 << bit for bit in range(9))
DEVICE, WEB, FILE, BRIDGE = range(4)
PIN, PASSKEY, FINGER, PERSON, TOUCH = 1, 2, 4, 8, 16

MINUTE, HOUR, DAY = 60, 3600, 86_400
YEAR = 365 * DAY


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """Unix seconds of a moment in UTC."""
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())


NOW = utc(2027, 6, 2, 10)  # a Wednesday; 11:00 at the door, which is in London
ZONE = "Europe/London"

# --- the site ------------------------------------------------------------------------------------

SITE, OTHER_SITE = drawn("site", 16), drawn("another site", 16)
STREET, ANNEXE, CELLAR = (drawn(f"{name} door", 8) for name in ("street", "annexe", "cellar"))

ROOT, PAPER = Key("the site's root"), Key("the recovery paper")
GRANTS, REVOKES = Key("the site's grant role"), Key("the site's revoke role")
TIMES, REFRESHES = Key("the site's time role"), Key("the site's refresh role")
STRANGER = Key("a stranger")

# --- the lock under test --------------------------------------------------------------------------

LOCK_SECRETS = {
    name: drawn(f"the lock's {name}", size) for name, size in (
        ("link", 32), ("signing", 32), ("sealing", 32), ("pepper", 32), ("salt", 16),
        ("takeover", 16))}
LOCK_KEY = Key("the lock", given=LOCK_SECRETS["signing"])  # signs its log
LINK_PUBLIC, SEALING_PUBLIC = public(LOCK_SECRETS["link"]), public(LOCK_SECRETS["sealing"])
OTHER_LOCK = Key("another lock")


def fingerprint() -> bytes:
    """What the code on the inside of the lock names."""
    return hashlib.sha256(LINK_PUBLIC + cbor(LOCK_KEY.cose) + SEALING_PUBLIC).digest()[:16]


def code_text(finger: bytes, secret: bytes) -> str:
    """The code as it is printed."""
    body = finger + secret
    check = hashlib.sha256(b"MORTICE1" + body).digest()[:2]
    letters = base64.b32encode(body + check).decode().rstrip("=")
    return "-".join(["MORTICE1", *(letters[i:i + 5] for i in range(0, len(letters), 5))])


# --- root and map --------------------------------------------------------------------------------


def role_keys() -> dict[int, list[Any]]:
    """Roles by number: a threshold and the keys."""
    return {
        0: [2, [ROOT.cose, PAPER.cose]], 1: [1, [GRANTS.cose]], 2: [1, [REVOKES.cose]],
        3: [1, [TIMES.cose]], 4: [1, [REFRESHES.cose]], 6: [1, [PAPER.cose]]}


def root_payload(
    version: int = 1, *, site: bytes = SITE, roles: dict[int, Any] | None = None,
    strict: bool = False, demo: bool = False, retired: list[Any] | None = None,
) -> dict[int, Any]:
    limits: dict[int, Any] = {1: version, 2: role_keys() if roles is None else roles}
    limits |= {3: True} if strict else {}
    limits |= {4: True} if demo else {}
    limits |= {5: retired} if retired else {}
    return {AUD: site, LIMITS: limits}


def root(*signers: Key, **payload: Any) -> bytes:  # noqa: ANN401 (as `root_payload`)
    """A root, signed by phone and paper unless the case says otherwise."""
    return endorse(SITE_KIND, root_payload(**payload), [*signers] or [ROOT, PAPER])


def mapped(
    door: bytes = STREET, label: str = "Street door", zone: str = ZONE, key: Key = LOCK_KEY,
) -> list[Any]:
    """A door of the map, with the keys of its lock."""
    return [door, label, zone, LINK_PUBLIC, key.cose, SEALING_PUBLIC]


def doors(
    version: int = 1, listed: list[Any] | None = None, *, signer: Key = GRANTS, site: bytes = SITE,
) -> bytes:
    """The signed map."""
    listed = [mapped()] if listed is None else listed
    return sign(DOORS_KIND, {AUD: site, LIMITS: {1: version, 2: listed}}, signer).encoded


def standing(**payload: Any) -> Fields:  # noqa: ANN401 (as `root_payload`)
    """The documents that the lock under test stands on, and which door it is."""
    return {"site": root(**payload), "doors": doors(), "door": STREET}


# --- links ----------------------------------------------------------------------------------------

ABSENT = object()  # in place of a value: the field is left out


@dataclass(frozen=True)
class Link:
    """A signed link, its holder and what lies above it."""

    document: Document
    holder: Key
    above: tuple[Link, ...] = ()
    assertion: list[bytes] = field(default_factory=list)  # a browser's key comes with a touch

    @property
    def id(self) -> bytes:
        return self.document.id

    @property
    def encoded(self) -> bytes:
        return self.document.encoded

    @property
    def wire(self) -> list[Any]:
        """The chain that ends in this link, as it travels."""
        own: Any = [self.encoded, self.assertion] if self.assertion else self.encoded
        return [*(self.above[-1].wire if self.above else []), own]

    @property
    def chain(self) -> tuple[Link, ...]:
        return (*self.above, self)


NAMES = {
    "klass": 2, "doors": 3, "use": 4, "delegable": 5, "depth": 6, "max_life": 7, "hours": 8,
    "factors": 9, "max_staleness": 10, "uses": 11, "quota": 12, "passkey": 13, "resident": 14,
    "credential": 15}
CLAIM_NAMES = {"site": AUD, "nbf": NBF, "exp": EXP, "about": ABOUT}


def link_payload(
    holder: Key, parent: bytes | None, extra_claims: dict[Any, Any], extra_limits: dict[Any, Any],
    **fields: Any,  # noqa: ANN401 (whatever a link may hold, right or wrong)
) -> dict[Any, Any]:
    """A link's payload from named fields. ABSENT leaves a field out."""
    limits: dict[Any, Any] = {3: [STREET], 4: UNLOCK | LOCK}
    limits |= {} if parent is None else {1: parent}
    claims: dict[Any, Any] = {CNF: {1: holder.cose}}
    claims |= {AUD: SITE} if parent is None else {}
    for name, value in fields.items():
        target, key = (claims, CLAIM_NAMES[name]) if name in CLAIM_NAMES else (limits, NAMES[name])
        target[key] = sorted(value) if name == "doors" and isinstance(value, set) else value
    limits |= extra_limits
    claims |= extra_claims
    return {key: value for key, value in (claims | {
        LIMITS: {k: v for k, v in limits.items() if v is not ABSENT}}).items()
        if value is not ABSENT}


def link(
    holder: Key, above: Link | None = None, *, signer: Key | None = None,
    parent: bytes | None = None, kid: bytes | bool | None = None, kind: str | None = None,
    claims: dict[Any, Any] | None = None, limits: dict[Any, Any] | None = None,
    header: dict[int, Any] | None = None, **fields: Any,  # noqa: ANN401 (as `link_payload`)
) -> Link:
    """A link for `holder` below `above`, or a first one. `claims` and `limits` win over names."""
    parent = above.id if above and parent is None else parent
    payload = link_payload(holder, parent, claims or {}, limits or {}, **fields)
    signer = signer or (above.holder if above else GRANTS)
    kid = (above is None) if kid is None else kid
    kind = kind or (ENROL_KIND if "credential" in fields else GRANT_KIND)
    signed = sign(kind, payload, signer, kid=kid, header=header)
    return Link(signed, holder, above.chain if above else ())


# --- people ---------------------------------------------------------------------------------------

TENANT, GUEST, FRIEND = Key("the tenant's phone"), Key("the guest's phone"), Key("a friend's phone")
AGENT, FIRM = Key("the letting agent's phone"), Key("the gas firm's phone", ESP256)
ENGINEER = Key("the engineer's phone", ESP256)
OWNER = Key("the owner's phone")
BROWSER, CLAIM = Key("the manager's browser", ESP256), Key("a claim key")
PASSKEY_OF_BROWSER = Key("the manager's passkey", ESP256)

ORIGIN = "https://hub.example"
RP_ID_HASH = hashlib.sha256(b"hub.example").digest()


def owner_link() -> Link:
    """The owner's phone: one link, everything, without times."""
    return link(OWNER, use=1023, resident=1)


def tenant_link(**fields: Any) -> Link:  # noqa: ANN401 (as `link`)
    """A tenant's phone: may pass on unlocking, once, for a week."""
    return link(TENANT, **{
        "delegable": UNLOCK, "depth": 1, "max_life": 7 * DAY, "resident": 1} | fields)


def agent_link(**fields: Any) -> Link:  # noqa: ANN401 (as `link`)
    """A letting agent's phone: weekdays, may pass on unlocking two links further."""
    return link(AGENT, **{
        "use": UNLOCK, "delegable": UNLOCK, "depth": 3, "nbf": NOW - DAY, "exp": NOW + YEAR,
        "max_life": 2 * DAY, "hours": [[31, 480, 1080]]} | fields)


def guest_link(above: Link, **fields: Any) -> Link:  # noqa: ANN401 (as `link`)
    """A guest's phone, for two days around now."""
    return link(GUEST, above, **{"use": UNLOCK, "nbf": NOW - DAY, "exp": NOW + DAY} | fields)


def holder(key: Key) -> Fields:
    """A holder's key pair, so that a client can prove it."""
    return {"alg": key.alg, "seed": key.seed}


def passkey_field(key: Key = PASSKEY_OF_BROWSER, origin: str = ORIGIN) -> dict[int, Any]:
    """What a link says of the passkey that it asks for."""
    return {1: key.cose, 2: RP_ID_HASH, 3: origin}


def challenge(message: bytes) -> str:
    """The challenge for `message`, as client data has it."""
    digest = hashlib.sha256(message).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def client_data(message: bytes, **changed: Any) -> bytes:  # noqa: ANN401 (any JSON)
    """Client data as browsers write it."""
    pairs = {"type": "webauthn.get", "challenge": challenge(message), "origin": ORIGIN,
             "crossOrigin": False} | changed
    values = {True: "true", False: "false"}
    body = ",".join(
        f'"{name}":' + (values[value] if isinstance(value, bool) else f'"{value}"')
        for name, value in pairs.items())
    return b"{" + body.encode() + b"}"


def authenticator_data(rp_id_hash: bytes = RP_ID_HASH, flags: int = 0x05) -> bytes:
    """Authenticator data without extensions; the counter of a synced passkey stays 0."""
    return rp_id_hash + bytes([flags]) + bytes(4)


def assertion(
    message: bytes, key: Key = PASSKEY_OF_BROWSER, *, authenticator: bytes | None = None,
    client: bytes | None = None,
) -> list[bytes]:
    """What a passkey's touch returns for `message`."""
    authenticator = authenticator_data() if authenticator is None else authenticator
    client = client_data(message) if client is None else client
    signed = authenticator + hashlib.sha256(client).digest()
    return [authenticator, client, key.sign(signed) if key.alg == ED25519 else key.der(signed)]


def browser_link(**fields: Any) -> Link:  # noqa: ANN401 (as `link`)
    """A manager's browser: may pass on unlocking for a year, with its passkey's touch."""
    return link(BROWSER, **{
        "use": UNLOCK, "delegable": UNLOCK, "depth": 1, "nbf": NOW - DAY, "exp": NOW + YEAR,
        "max_life": YEAR, "klass": WEB, "passkey": passkey_field()} | fields)


def with_assertion(child: Link, touch: list[bytes] | None = None) -> Link:
    """`child` with its issuer's touch."""
    message = child.id + child.above[-1].id
    return Link(child.document, child.holder, child.above,
                assertion=assertion(message) if touch is None else touch)
