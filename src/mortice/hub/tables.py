"""What the hub keeps. Times are Unix seconds; `ref` is what stands in addresses and API answers.

Signed objects are kept as the bytes that were signed. What a lock has not confirmed is kept as
waiting, never as done.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeEngine

REF_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without letters that are read wrongly
REF_LETTERS = 10

# The words of `DoorKey.state` and `Delivery.state`. Only a lock's signed word ends a wait.
READY, WAITING, ON_DOOR, REFUSED, GONE = "ready", "waiting", "on_door", "refused", "gone"


def new_ref() -> str:
    """A name for an address: 10 letters, which nobody guesses from another one."""
    return "".join(secrets.choice(REF_ALPHABET) for _ in range(REF_LETTERS))


def now() -> int:
    """Unix seconds."""
    return int(time.time())


class Base(DeclarativeBase):
    """Everything below."""

    type_annotation_map: ClassVar[dict[Any, type[TypeEngine[Any]] | TypeEngine[Any]]] = {
        int: BigInteger().with_variant(Integer(), "sqlite"),
        bytes: LargeBinary(), dict[str, Any]: JSON(), list[Any]: JSON(),
    }


class _Row(Base):
    """A row with a number that never leaves the database."""

    __abstract__ = True
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)


class _Named(_Row):
    """A row with a name for addresses."""

    __abstract__ = True
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    made_at: Mapped[int] = mapped_column(default=now)


# --- who signs in ---------------------------------------------------------------------------------


class Account(_Named):
    """Somebody who signs in. `email` is how they are found; it is kept in lower case."""

    __tablename__ = "accounts"
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str | None]  # an Argon2id string (RFC 9106, section 3)
    totp: Mapped[bytes | None]  # the secret, sealed under the hub's own key
    totp_step: Mapped[int] = mapped_column(default=0)  # the last step taken, so none counts twice
    closed_at: Mapped[int | None]


class Passkey(_Named):
    """A passkey that signs somebody in. Keys' own passkeys are never kept here (rule 11)."""

    __tablename__ = "passkeys"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(default=0)
    label: Mapped[str]
    used_at: Mapped[int | None]
    doubted_at: Mapped[int | None]  # when its counter went backwards: there may be a copy of it


class RecoveryCode(_Row):
    """One of ten codes on a sheet, as a hash. Each signs in once."""

    __tablename__ = "recovery_codes"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    hashed: Mapped[bytes] = mapped_column(unique=True)
    used_at: Mapped[int | None]


class SignIn(_Named):
    """One signed-in browser. `proved_at` is when its person last proved themselves (step-up)."""

    __tablename__ = "sign_ins"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    hashed: Mapped[bytes] = mapped_column(unique=True)  # SHA-256 of the cookie's token
    seen_at: Mapped[int] = mapped_column(default=now)
    ends_at: Mapped[int]
    proved_at: Mapped[int]
    way: Mapped[str]  # passkey · password · recovery code · link
    agent: Mapped[str] = mapped_column(default="")
    account: Mapped[Account] = relationship()


class Invitation(_Named):
    """A link that works once: to join a team, or to sign in for the first time."""

    __tablename__ = "invitations"
    hashed: Mapped[bytes] = mapped_column(unique=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"))
    role: Mapped[str | None]
    email: Mapped[str | None]
    ends_at: Mapped[int]
    used_at: Mapped[int | None]


class Spent(Base):
    """A sealed ticket that was used, remembered for as long as it would count (tickets.py)."""

    __tablename__ = "spent"
    hashed: Mapped[bytes] = mapped_column(primary_key=True)
    ends_at: Mapped[int]


class Bucket(Base):
    """A token bucket for what can be tried too often. Keyed by what is tried and from where."""

    __tablename__ = "buckets"
    key: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[float]
    at: Mapped[int]


class Token(_Named):
    """A token for programs: scoped, and it always ends."""

    __tablename__ = "tokens"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"))
    name: Mapped[str]
    hashed: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[Any]]
    ends_at: Mapped[int]
    used_at: Mapped[int | None]
    account: Mapped[Account] = relationship()


class Answered(_Row):
    """The answer that an idempotency key got, to be given again."""

    __tablename__ = "answered"
    key: Mapped[str] = mapped_column(unique=True)  # token or account, and the key that came
    request: Mapped[bytes]  # SHA-256 of method, path and body
    status: Mapped[int]
    body: Mapped[bytes]
    at: Mapped[int] = mapped_column(default=now)


# --- places, their doors, and who may do what there -----------------------------------------------


class Place(_Named):
    """A site as the hub knows it: signed documents, and a name."""

    __tablename__ = "places"
    name: Mapped[str]
    address: Mapped[str] = mapped_column(default="")
    zone: Mapped[str] = mapped_column(default="Europe/London")
    site_id: Mapped[bytes | None] = mapped_column(unique=True)  # None until its root is signed
    root: Mapped[bytes | None]
    root_version: Mapped[int] = mapped_column(default=0)
    doors_map: Mapped[bytes | None]
    doors_version: Mapped[int] = mapped_column(default=0)
    demo: Mapped[bool] = mapped_column(default=False)
    strict: Mapped[bool] = mapped_column(default=False)
    retention: Mapped[dict[str, Any]] = mapped_column(default=dict)  # days, by kind of record
    doors: Mapped[list[Door]] = relationship(order_by="Door.position", back_populates="place")


class OldRoot(_Row):
    """A root that a later one followed; a lock that was away takes them one by one."""

    __tablename__ = "old_roots"
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"))
    version: Mapped[int]
    root: Mapped[bytes]


class Membership(_Row):
    """What an account is at a place: owner, manager, member or auditor."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("account_id", "place_id"),)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"))
    role: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    account: Mapped[Account] = relationship()
    place: Mapped[Place] = relationship()


class Door(_Named):
    """A door of the signed map, and what its lock last said."""

    __tablename__ = "doors"
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"), index=True)
    door_id: Mapped[bytes] = mapped_column(unique=True)
    label: Mapped[str]
    zone: Mapped[str] = mapped_column(default="Europe/London")
    position: Mapped[int] = mapped_column(default=0)
    private: Mapped[bool] = mapped_column(default=False)  # a tenant's own room: comings are theirs
    lock_id: Mapped[bytes] = mapped_column(unique=True)
    lock_link: Mapped[bytes]  # X25519
    lock_signing: Mapped[bytes]  # a COSE key, encoded
    lock_sealing: Mapped[bytes]
    connected: Mapped[bool] = mapped_column(default=False)
    heard_at: Mapped[int | None]
    status: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the lock's own words
    place: Mapped[Place] = relationship(back_populates="doors")


class Reading(Base):
    """Volts of a door's battery: the best that its lock said on one day (cells.py)."""

    __tablename__ = "readings"
    door_id: Mapped[int] = mapped_column(
        ForeignKey("doors.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # since 1970, in UTC
    millivolts: Mapped[int]


class Posture(Base):
    """How strong a door was on one day, as last looked at: levels and facts, no names."""

    __tablename__ = "postures"
    door_id: Mapped[int] = mapped_column(
        ForeignKey("doors.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # as date.toordinal
    seen: Mapped[dict[str, Any]]  # posture.seen


class DoorSaid(_Row):
    """What somebody answered of a door. Never changed: the newest row of each question counts."""

    __tablename__ = "door_said"
    door_id: Mapped[int] = mapped_column(ForeignKey("doors.id", ondelete="CASCADE"), index=True)
    at: Mapped[int] = mapped_column(default=now)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    question: Mapped[str]
    answer: Mapped[str]
    how: Mapped[str]  # a kind of evidence
    note: Mapped[str] = mapped_column(default="")
    until: Mapped[str] = mapped_column(default="")  # a day, as 2031-05-01


class DoorPhoto(_Named):
    """A photo kept for an answer, without what a phone writes into it (photos.py)."""

    __tablename__ = "door_photos"
    door_id: Mapped[int] = mapped_column(ForeignKey("doors.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    question: Mapped[str]
    content: Mapped[bytes]
    sha256: Mapped[str]
    sent_sha256: Mapped[str]  # of the file as it was sent, which stays with whoever took it


class DoorReport(_Named):
    """A report as it was signed on its day (assess/report.py)."""

    __tablename__ = "door_reports"
    door_id: Mapped[int] = mapped_column(ForeignKey("doors.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    content: Mapped[bytes]


class DoorCheck(_Named):
    """An installer's report, as it was signed, whose record the door's log names (checked.py)."""

    __tablename__ = "door_checks"
    __table_args__ = (UniqueConstraint("door_id", "document"),)
    door_id: Mapped[int] = mapped_column(ForeignKey("doors.id", ondelete="CASCADE"), index=True)
    log_id: Mapped[int] = mapped_column(ForeignKey("logs.id", ondelete="CASCADE"))
    entry: Mapped[bytes]  # that names the record: it counts for longer than the log keeps entries
    document: Mapped[bytes]  # the record's name, in the log
    content: Mapped[bytes]


# --- people and keys ------------------------------------------------------------------------------


class Person(_Named):
    """Somebody who holds keys. Names live here and never on a lock."""

    __tablename__ = "people"
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    what: Mapped[str] = mapped_column(default="")  # cleaner, tenant, guest …
    email: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    erased_at: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1)  # of this row: two managers may edit at once
    keys: Mapped[list[Key]] = relationship(back_populates="person")


class Key(_Named):
    """A chain that somebody holds, or a PIN below one. The wire alone opens nothing."""

    __tablename__ = "keys"
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("keys.id"), index=True)
    leaf: Mapped[bytes] = mapped_column(unique=True)
    wire: Mapped[bytes]  # the chain, as client/wallet.py encodes it
    what: Mapped[str]  # key · pin · claim (a link that is still to be claimed)
    klass: Mapped[int]  # KeyClass of the leaf
    label: Mapped[str] = mapped_column(default="")
    starts_at: Mapped[int | None]
    ends_at: Mapped[int | None] = mapped_column(index=True)
    by_hub: Mapped[bool] = mapped_column(default=False)  # issued under the hub's visitor grant
    slot: Mapped[int | None]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    taken_back_at: Mapped[int | None]  # when the taking back was signed; each door says the rest
    person: Mapped[Person] = relationship(back_populates="keys")
    doors: Mapped[list[DoorKey]] = relationship(back_populates="key")


class KeyRequest(_Named):
    """A browser asks for a key, or says that it has forgotten the one it had."""

    __tablename__ = "key_requests"
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    holder: Mapped[bytes] = mapped_column(unique=True)  # the id of its public key
    text: Mapped[str]  # MORTICE-REQUEST1-…
    agent: Mapped[str] = mapped_column(default="")
    forgotten_at: Mapped[int | None]


class DoorKey(_Row):
    """How one key stands at one door, as far as that door has said."""

    __tablename__ = "door_keys"
    __table_args__ = (UniqueConstraint("key_id", "door_id"),)
    key_id: Mapped[int] = mapped_column(ForeignKey("keys.id", ondelete="CASCADE"))
    door_id: Mapped[int] = mapped_column(ForeignKey("doors.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(default=READY)
    at: Mapped[int] = mapped_column(default=now)
    reason: Mapped[int | None]  # number of a Reason, where refused
    used_at: Mapped[int | None]  # the newest entry that grants it something, so none is searched
    key: Mapped[Key] = relationship(back_populates="doors")
    door: Mapped[Door] = relationship()


class Document(_Row):
    """A signed document for some doors: an item of a bundle (spec/messages.md, section 4)."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("place_id", "name"),)
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"))
    name: Mapped[bytes]  # the id under which a lock answers for it
    kind: Mapped[str]
    item: Mapped[bytes]
    about_key_id: Mapped[int | None] = mapped_column(ForeignKey("keys.id"), index=True)
    made_at: Mapped[int] = mapped_column(default=now)


class Delivery(_Row):
    """One document on its way to one door. Its lock's receipt ends the way."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("document_id", "door_id"), Index("deliveries_due", "door_id", "state"))
    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    door_id: Mapped[int] = mapped_column(ForeignKey("doors.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(default=WAITING)
    reason: Mapped[int | None]
    receipt: Mapped[bytes | None]
    sent_at: Mapped[int | None]
    answered_at: Mapped[int | None]
    document: Mapped[Document] = relationship()
    door: Mapped[Door] = relationship()


class TakenBack(Base):
    """A key that a signed document takes back: by its own id, its holder's, or as one beneath."""

    __tablename__ = "taken_back"
    document_id: Mapped[int] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    key_id: Mapped[int] = mapped_column(
        ForeignKey("keys.id", ondelete="CASCADE"), primary_key=True, index=True)


class HubGrant(_Named):
    """A bounded link that the owner gave the hub itself: to vouch, or to issue for visitors."""

    __tablename__ = "hub_grants"
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"), index=True)
    what: Mapped[str]  # refresh · visitors
    leaf: Mapped[bytes] = mapped_column(unique=True)
    wire: Mapped[bytes]
    ends_at: Mapped[int | None]
    ended_at: Mapped[int | None]


class Staple(Base):
    """The newest word that a key is still good, with its signer's chain."""

    __tablename__ = "staples"
    leaf: Mapped[bytes] = mapped_column(primary_key=True)
    document: Mapped[bytes]
    chain: Mapped[bytes | None]
    at: Mapped[int]


class Guest(_Named):
    """A link that somebody was sent. What stands behind its # the hub never sees."""

    __tablename__ = "guests"
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    claim_id: Mapped[int | None] = mapped_column(ForeignKey("keys.id"))  # the claim key's link
    key_id: Mapped[int | None] = mapped_column(ForeignKey("keys.id"))  # its one child, once claimed
    check: Mapped[str | None]  # an Argon2id string over the last four digits
    tries_left: Mapped[int] = mapped_column(default=5)
    claimed_at: Mapped[int | None]
    welcome: Mapped[str] = mapped_column(default="")
    help: Mapped[str] = mapped_column(default="")  # whom to ring
    pin: Mapped[bytes | None]  # sealed under the hub's own key; counted as the hub's power
    pin_key_id: Mapped[int | None] = mapped_column(ForeignKey("keys.id"))
    closed_at: Mapped[int | None]


# --- what locks wrote -----------------------------------------------------------------------------


class Log(_Named):
    """One lock's log: how far it is here, and what was checked of it. It outlives its door."""

    __tablename__ = "logs"
    door_id: Mapped[int | None] = mapped_column(
        ForeignKey("doors.id", ondelete="SET NULL"), index=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"), index=True)
    lock_id: Mapped[bytes] = mapped_column(index=True)
    lock_signing: Mapped[bytes]  # a COSE key, encoded: all that a check of this log needs
    label: Mapped[str]  # of the door where it was written last
    private: Mapped[bool] = mapped_column(default=False)  # as Door.private
    ended_at: Mapped[int | None]  # set aside by the owner; the lock's log was taken anew beside it
    incarnation: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(default=0)
    frontier: Mapped[bytes] = mapped_column(default=b"")  # of the Merkle tree over `size` entries
    head: Mapped[bytes | None]  # the newest signed head, over `head_size` entries
    head_size: Mapped[int] = mapped_column(default=0)
    head_at: Mapped[int | None]
    fault: Mapped[str | None]  # what does not fit, in words
    fault_at: Mapped[int | None]  # when this log stopped for good; None: the next good batch heals


class LogFault(_Row):
    """Two things that one lock said and that cannot both be true: what is kept, and what came."""

    __tablename__ = "log_faults"
    log_id: Mapped[int] = mapped_column(ForeignKey("logs.id", ondelete="CASCADE"), index=True)
    at: Mapped[int] = mapped_column(default=now)
    check: Mapped[str]
    words: Mapped[str]
    number: Mapped[int | None]  # of the entry, if it is about one
    kept_entry: Mapped[bytes | None]
    kept_head: Mapped[bytes | None]
    shown_entry: Mapped[bytes | None]
    shown_head: Mapped[bytes | None]


class LogEntry(Base):
    """An entry as the lock wrote it, with what pages look for beside it."""

    __tablename__ = "entries"
    __table_args__ = (
        # A place's whole history is its six sorts side by side: one index less to write.
        Index("entries_by_sort", "place_id", "sort", "at", "log_id", "number"),
        Index("entries_by_leaf", "leaf", "at", "log_id", "number",
              sqlite_where=text("leaf IS NOT NULL"), postgresql_where=text("leaf IS NOT NULL")),
        {"sqlite_with_rowid": False},
    )
    # No foreign key: to check one for each entry would cost as much as to store it.
    log_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # place in the log
    place_id: Mapped[int]
    at: Mapped[int]
    kind: Mapped[int]
    sort: Mapped[int]  # of Activity's filter: openings, refused, safety, keys, devices, settings
    leaf: Mapped[bytes | None]
    body: Mapped[bytes]


class LogHead(Base):
    """A head that a lock signed, and after how many entries it stands."""

    __tablename__ = "heads"
    log_id: Mapped[int] = mapped_column(ForeignKey("logs.id", ondelete="CASCADE"), primary_key=True)
    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    head: Mapped[bytes]


class Tile(Base):
    """256 neighbouring hashes of the Merkle tree, for proofs that read little (C2SP tlog-tiles)."""

    __tablename__ = "tiles"
    log_id: Mapped[int] = mapped_column(ForeignKey("logs.id", ondelete="CASCADE"), primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hashes: Mapped[bytes]


# --- what the hub itself did ----------------------------------------------------------------------


class Act(_Row):
    """What somebody did at the hub, looking at the log included."""

    __tablename__ = "acts"
    __table_args__ = (Index("acts_of_place", "place_id", "at"),)
    at: Mapped[int] = mapped_column(default=now)
    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    what: Mapped[str]
    about: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Hold(_Named):
    """Nothing of a place is deleted until this ends: a dispute, with its reason."""

    __tablename__ = "holds"
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    reason: Mapped[str]
    ends_at: Mapped[int]
