"""Keys as the hub keeps them: taken in, taken back, and who stands beneath whom.

The hub signs nothing and believes nothing: a chain, an enrolment or a revocation counts here only
as far as it would count at a lock (spec/grant.md, spec/enrolment.md, spec/revocation.md). What is
kept opens nothing by itself, and nothing kept is ever changed: another key is another document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mortice.core import cbor
from mortice.core.chain import read_chain, verify_chain
from mortice.core.enrolment import Enrolment, accept_enrolment
from mortice.core.errors import Malformed, Untrusted
from mortice.core.grant import ENROL, GRANT, Grant, KeyClass
from mortice.core.limits import SLOTS
from mortice.core.log import Kind
from mortice.core.messages import BundleItem, read_bundle, write_bundle
from mortice.core.revocation import (
    REVOKE,
    Revocation,
    RevocationSet,
    accept_revocation,
    first_revoked,
)
from mortice.hub.outbox import post
from mortice.hub.places import signing_key, site_of
from mortice.hub.problems import Problem
from mortice.hub.tables import (
    GONE,
    READY,
    WAITING,
    Account,
    Door,
    DoorKey,
    HubGrant,
    Key,
    Log,
    LogEntry,
    Person,
    Place,
    TakenBack,
    now,
)

KEY, PIN, CLAIM = "key", "pin", "claim"  # the words of `Key.what`
FIRST_SLOT = 1  # an index of 00 would be typed wrongly

Kept = Key | HubGrant  # what a signed document can take back
Item = Sequence[cbor.Value]  # of a bundle: kind, document, the signer's chain, the assertion


def names(db: Session, place: Place) -> dict[bytes, str]:
    """Whose each key is, by its leaf's id, which is all that a log has."""
    return dict(db.execute(
        select(Key.leaf, Person.name).join(Person, Person.id == Key.person_id).where(
            Key.place_id == place.id)).all())


def links_of(key: Kept) -> tuple[Grant, ...]:
    """The links of a kept chain, the site's first."""
    return _links(key.wire, ENROL if key.what == PIN else GRANT)


@lru_cache(maxsize=4096)
def _links(wire: bytes, last: str) -> tuple[Grant, ...]:
    return tuple(link.grant for link in read_chain(wire_of(wire), last=last))


def wire_of(encoded: bytes) -> list[cbor.Value]:
    """A chain from its bytes. Raises Malformed."""
    wire = cbor.decode(encoded)
    if not isinstance(wire, list):
        raise Malformed("C1", "chain: expected a list of links")
    return wire


def alive(key: Key, at: int) -> bool:
    """Has the key neither ended nor been taken back?"""
    return key.taken_back_at is None and (key.ends_at is None or at < key.ends_at)


# --- taking in ------------------------------------------------------------------------------------


def register(  # noqa: PLR0913 - what came, for whom, and who brought it
    db: Session, place: Place, person: Person, wire: Sequence[cbor.Value], *, what: str = KEY,
    made_by: Account | None = None,
) -> Key:
    """Take in a signed chain for `person`. Raises Malformed, Untrusted (C, D, G), Problem."""
    links = verify_chain(read_chain(wire), site_of(place).chain_keys()).links
    if what == CLAIM and links[-1].klass is not KeyClass.FILE:
        raise Untrusted("Z5", "chain: a link that is still to be claimed is of class file")
    known = _known(db, place, person, links[-1].id)
    return known or _keep(db, links, _row(person, wire, what, made_by), READY)


def register_pin(
    db: Session, place: Place, person: Person, item: Item, *, made_by: Account | None = None,
) -> Key:
    """Take in a PIN's enrolment and send it to its door, which says the rest.

    Raises Malformed, Untrusted (H, C, D, G), Problem.
    """
    carried = _carried(item, ENROL)
    document: cbor.Value = carried.document
    if carried.assertion is not None:
        document = [carried.document, carried.assertion]
    wire: list[cbor.Value] = [*(carried.chain or []), document]
    door, enrolled = _enrolled(db, place, wire)
    known = _known(db, place, person, enrolled.verified.leaf.id)
    if known is not None:
        return known
    key = _row(person, wire, PIN, made_by)
    key.slot = enrolled.credential.slot
    if key.slot in slots_taken(db, door):
        raise Problem(409, "slot-taken", f"Another PIN has that place on {door.label}",
                      "Nothing was sent. Make the PIN again; it gets a free place.")
    _keep(db, enrolled.verified.links, key, WAITING)
    post(db, place, _item(carried), [door], about=key)
    return key


def _carried(item: Item, kind: str) -> BundleItem:
    carried = read_bundle([[*item]])[0]
    if carried.kind != kind:
        raise Malformed("A6", f"bundle: expected {kind}")
    return carried


def _item(carried: BundleItem) -> Item:
    item = write_bundle((carried,))[0]
    assert isinstance(item, list), "write_bundle writes lists"
    return item


def _enrolled(
    db: Session, place: Place, wire: list[cbor.Value]) -> tuple[Door, Enrolment]:
    lock = read_chain(wire, last=ENROL)[-1].grant.holder
    door = next((door for door in _doors(db, place) if signing_key(door).id == lock.id), None)
    if door is None:
        raise Untrusted("H2", "enrolment: for a lock that this place does not have")
    return door, accept_enrolment(site_of(place), wire, lock, slot_version=-1)


def _doors(db: Session, place: Place) -> Sequence[Door]:
    return db.scalars(
        select(Door).where(Door.place_id == place.id).order_by(Door.position)).all()


def _known(db: Session, place: Place, person: Person, leaf: bytes) -> Key | None:
    if person.place_id != place.id:
        raise Problem(409, "other-place", "That person is not known at this place",
                      "Nothing was changed. Choose somebody of this place.")
    known = db.scalar(select(Key).where(Key.leaf == leaf))
    if known is not None and known.person_id != person.id:
        raise Problem(409, "key-known", "That key is kept here for somebody else",
                      "Nothing was changed. Give a new key instead.")
    return known


def _row(person: Person, wire: Sequence[cbor.Value], what: str, made_by: Account | None) -> Key:
    return Key(place_id=person.place_id, person_id=person.id, wire=cbor.encode([*wire]),
               what=what, made_by_id=made_by.id if made_by else None)


def _keep(db: Session, links: tuple[Grant, ...], key: Key, state: str) -> Key:
    doors = {door.door_id: door for door in db.scalars(
        select(Door).where(Door.place_id == key.place_id))}
    _must_fit(db, links, doors)
    leaf, ids = links[-1], [link.id for link in links]
    key.leaf, key.klass, key.label = leaf.id, int(leaf.klass), leaf.label
    key.starts_at, key.ends_at = leaf.nbf, leaf.exp
    key.parent_id = db.scalar(select(Key.id).where(Key.leaf == leaf.parent))
    key.by_hub = db.scalar(select(HubGrant.id).where(HubGrant.leaf.in_(ids)).limit(1)) is not None
    db.add(key)
    db.flush()
    used = _used(db, leaf.id)
    for door in (doors[each] for each in leaf.doors):
        db.add(DoorKey(key_id=key.id, door_id=door.id, state=state, used_at=used.get(door.id)))
    db.flush()
    return key


def _used(db: Session, leaf: bytes) -> dict[int, int]:
    """When each door last granted something to a key that is only now made known here."""
    rows = db.execute(
        select(Log.door_id, func.max(LogEntry.at)).join(LogEntry, LogEntry.log_id == Log.id).where(
            LogEntry.leaf == leaf, LogEntry.kind == int(Kind.GRANTED)).group_by(Log.door_id))
    return {door: at for door, at in rows if door is not None}


def _must_fit(db: Session, links: tuple[Grant, ...], doors: Collection[bytes]) -> None:
    if not links[-1].doors <= set(doors):
        raise Problem(422, "foreign-door", "That key is for a door that this place does not have",
                      "Nothing was kept. Choose doors of this place.")
    gone = db.scalar(select(Key.id).where(
        Key.leaf.in_([link.id for link in links]), Key.taken_back_at.is_not(None)).limit(1))
    if gone is not None:
        raise Problem(409, "taken-back", "A key above that one was taken back",
                      "Nothing was kept. Give a new key from one that still counts.")


def slots_taken(db: Session, door: Door) -> set[int]:
    """Places for PINs on a lock that are not free, as far as the hub knows."""
    return set(db.scalars(
        select(Key.slot).join(DoorKey, DoorKey.key_id == Key.id).where(
            DoorKey.door_id == door.id, Key.what == PIN, DoorKey.state != GONE,
            Key.ends_at.is_(None) | (Key.ends_at > now()))))


def free_slot(db: Session, door: Door) -> int:
    """The first free place for a PIN on a lock. The lock has the last word. Raises Problem."""
    taken = slots_taken(db, door)
    for slot in range(FIRST_SLOT, SLOTS):
        if slot not in taken:
            return slot
    raise Problem(409, "no-slot", f"{door.label} has no place for another PIN",
                  "Take a PIN back that is not needed any more.")


# --- taking back ----------------------------------------------------------------------------------


def take_back(
    db: Session, place: Place, item: Item, wanted: Collection[Kept] | None = None) -> list[Key]:
    """Take in a signed revocation and send it to the doors. Returns every key that it ends.

    With `wanted`, it must name those and no others; whatever stands beneath them goes with them.
    Links of the hub's own end by it, too.
    Raises Malformed, Untrusted (V, C, D), Problem.
    """
    carried = _carried(item, REVOKE)
    revocation = accept_revocation(
        site_of(place), carried.document, carried.chain, carried.assertion)
    ended, strangers = _ended_by(db, place, revocation)
    if wanted is not None:
        _must_name(revocation, ended, wanted)
    document = post(db, place, _item(carried), _concerned(db, place, ended, strangers))
    known = set(db.scalars(select(TakenBack.key_id).where(TakenBack.document_id == document.id)))
    keys = [each for each in ended if isinstance(each, Key)]
    for key in keys:
        key.taken_back_at = key.taken_back_at or now()
        if key.id not in known:
            db.add(TakenBack(document_id=document.id, key_id=key.id))
    for grant in (each for each in ended if isinstance(each, HubGrant)):
        grant.ended_at = grant.ended_at or now()
    db.flush()
    return keys


def _ended_by(
    db: Session, place: Place, revocation: Revocation) -> tuple[list[Kept], set[bytes]]:
    """What is kept here that it ends, and what it names that is not."""
    by = frozenset({(revocation.signer, revocation.over_all)})
    revoked = RevocationSet({entry.named: by for entry in revocation.entries})
    until = {entry.named: entry.expires for entry in revocation.entries}
    ended: list[Kept] = []
    strangers = set(until)
    for key in (*db.scalars(select(Key).where(Key.place_id == place.id).order_by(Key.id)),
                *db.scalars(select(HubGrant).where(HubGrant.place_id == place.id))):
        links = links_of(key)
        if first_revoked(links, revoked) is None:
            continue
        ended.append(key)
        for link in links:
            for name in {link.id, link.holder.id} & until.keys():
                _must_last(link, until[name])
                strangers.discard(name)
    return ended, strangers


def _must_name(revocation: Revocation, ended: list[Kept], wanted: Collection[Kept]) -> None:
    if {key.leaf for key in wanted} != {entry.named for entry in revocation.entries}:
        raise Problem(422, "other-keys", "What was signed does not name the keys that you chose",
                      "Nothing was taken back. Open the page again and sign what it shows.")
    if not {key.leaf for key in wanted} <= {key.leaf for key in ended}:
        raise Problem(422, "not-beneath", "You may take back only what stands below a key of yours",
                      "Nothing was taken back. The owner can take back the rest.")


def _concerned(
    db: Session, place: Place, ended: list[Kept], strangers: set[bytes]) -> Sequence[Door]:
    """The doors of the keys that end; all of them, where a key is named that is not kept here."""
    doors = _doors(db, place)
    concerned = {door for key in ended for door in links_of(key)[-1].doors}
    return doors if strangers else [door for door in doors if door.door_id in concerned]


def _must_last(link: Grant, until: int | None) -> None:
    """An entry that a lock may forget before its link ends would let the key live again."""
    if until is not None and (link.exp is None or until < link.exp):
        raise Problem(422, "ends-early", "That would let the key live again later",
                      "Nothing was taken back: what was signed ends before the key does.")


def beneath(db: Session, keys: Iterable[Kept]) -> list[Key]:
    """Everybody's live keys that stand below one of `keys` and would go with it."""
    tops = [*keys]
    leaves = {key.leaf for key in tops}
    live = db.scalars(select(Key).where(
        Key.place_id.in_({key.place_id for key in tops}), Key.taken_back_at.is_(None),
        Key.ends_at.is_(None) | (Key.ends_at > now())).order_by(Key.id))
    return [key for key in live if key.leaf not in leaves
            and leaves & {link.id for link in links_of(key)[:-1]}]
