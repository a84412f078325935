"""What a browser signed to give a key, taken in: exactly what was asked for, and for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.core import cbor
from mortice.core.chain import read_chain
from mortice.core.errors import Malformed
from mortice.core.grant import ENROL, GRANT, Grant
from mortice.core.messages import read_bundle
from mortice.hub.access import Here
from mortice.hub.acts import note
from mortice.hub.giving import must_be
from mortice.hub.guests import Invitation, invite
from mortice.hub.keys import links_of, register, register_pin
from mortice.hub.people import person_or_new
from mortice.hub.problems import Problem, wrong
from mortice.hub.tables import Key, KeyRequest, OldRoot, Person, Place
from mortice.hub.texts import handover
from mortice.hub.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Whom:
    """For whom a key is: somebody who is known here, or somebody new."""

    ref: str  # empty for somebody new
    name: str
    what: str
    digits: str = ""  # asked of whoever opens a link


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept, and what goes to its holder."""

    person: Person
    keys: list[Key]
    path: str | None = None  # of a guest link; its secret is in the giver's browser alone
    text: str | None = None  # for the device that asked


def keep(  # noqa: PLR0913, PLR0917 - what was asked, what came, and for whom
    db: Session, here: Here, whom: Whom, wanted: Wanted, asked: Sequence[Grant],
    signed: Sequence[list[cbor.Value]],
) -> Kept:
    """Take in signed chains, or PINs as items of a bundle. Raises Malformed, Untrusted, Problem."""
    leaves = [_leaf(each, pin=wanted.how == "pin") for each in signed]
    _must_be(wanted, asked, leaves)
    person = _person(db, here.place, whom, leaves[0].id)
    kept = _kept(db, here, person, whom, wanted, signed)
    note(db, "gave a key" if wanted.how != "pin" else "gave a PIN", here.place, here.account,
         person=person.ref, keys=[key.leaf.hex() for key in kept.keys])
    return kept


def _leaf(signed: list[cbor.Value], *, pin: bool) -> Grant:
    if not pin:
        return read_chain(signed, last=GRANT)[-1].grant
    item = read_bundle([signed])[0]
    return read_chain([*(item.chain or []), item.document], last=ENROL)[-1].grant


def _must_be(wanted: Wanted, asked: Sequence[Grant], leaves: list[Grant]) -> None:
    if wanted.how == "pin":
        asked = [replace(asked[0], doors=frozenset({door.door_id})) for door in wanted.doors]
    if [leaf.doors for leaf in leaves] != [each.doors for each in asked]:
        raise Malformed("Z3", "what was signed is not for the doors that you chose")
    for each, leaf in zip(asked, leaves, strict=True):
        must_be(wanted, each, leaf)


def person_called(db: Session, place: Place, ref: str) -> Person:
    """Somebody of this place. Raises Problem."""
    found = db.scalar(select(Person).where(
        Person.ref == ref, Person.place_id == place.id, Person.erased_at.is_(None)))
    if found is None:
        raise wrong({"person": "Choose somebody, or somebody new."})
    return found


def _person(db: Session, place: Place, whom: Whom, leaf: bytes) -> Person:
    if whom.ref:
        return person_called(db, place, whom.ref)
    known = db.scalar(select(Person).join(Key).where(  # sent twice makes nobody twice
        Key.leaf == leaf, Key.place_id == place.id))
    return known or person_or_new(db, place, "", whom.name, whom.what)


def _kept(  # noqa: PLR0913, PLR0917 - as keep
    db: Session, here: Here, person: Person, whom: Whom, wanted: Wanted,
    signed: Sequence[list[cbor.Value]],
) -> Kept:
    place, by = here.place, here.account
    if wanted.how == "pin":
        return Kept(person, [
            register_pin(db, place, person, item, made_by=by) for item in signed])
    if wanted.how == "link":
        said = Invitation(cbor.encode([*signed[0]]), whom.digits)
        guest = invite(db, place, person, said, by)
        return Kept(person, [db.get_one(Key, guest.claim_id)], f"/k/{guest.ref}")
    key, *also = [register(db, place, person, each, made_by=by) for each in signed]
    asked = db.scalar(select(KeyRequest).where(KeyRequest.holder == links_of(key)[-1].holder.id))
    if asked is not None and asked.person_id != person.id:
        raise Problem(409, "other-person", "That browser belongs to somebody else",
                      "Nothing was kept. Give the key to whoever asked for it.")
    if asked is not None:
        return Kept(person, [key, *also])  # its own page at this hub takes it in
    older = db.scalars(select(OldRoot).where(
        OldRoot.place_id == place.id).order_by(OldRoot.version)).all()
    return Kept(person, [key], text=handover(place, [*older], key))
