"""Guest links: a key that somebody takes in by opening an address, once, on one phone.

The giver's browser makes a claim key and signs a link to it that opens nothing and may be handed on
once. Its secret stands behind the # of the address, which no browser sends. The guest's phone makes
a key of its own and lets the claim key sign it; the hub keeps the result and never sees a secret.
Whoever is first has the key: here, and at each lock (R11).

The hub can be asked to see four digits first. What that is worth: it stops somebody to whom the
message was forwarded. It stops neither the hub nor a thief of its database, who tries ten thousand.

Spec: spec/grant.md, section 8.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.core.chain import read_chain, verify_chain
from mortice.core.errors import Malformed
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.hub.acts import note
from mortice.hub.database import Database
from mortice.hub.keys import CLAIM, KEY, alive, register, take_back, wire_of
from mortice.hub.passwords import hash_password, is_password
from mortice.hub.places import site_of
from mortice.hub.problems import Problem, not_found, wrong
from mortice.hub.stays import Stage, Stay, stay_of
from mortice.hub.tables import Account, Guest, Key, Person, Place, now

CHECK_DIGITS = 4
TRIES = 5  # at the digits: one in two thousand
PHONE_TRIES = 2  # of them are left to who has the whole link, and not only what stands before its #
WORDS_MOST = 2000  # characters of welcome and of help
HANDABLE = Rights.UNLOCK | Rights.LOCK
NO_CLAIM = Problem(422, "no-claim-link", "That is no key for a guest link",
                   "It must open nothing itself, may be handed on once, and only to open doors.")
ON_ANOTHER = Problem(409, "on-another-phone", "This key is on another phone",
                     "Ask your host to move it to this one.")
OTHER_CLAIM = Problem(422, "other-claim", "That key does not belong to this link",
                      "Open the whole link again, with everything that stands behind its #.")
ENDED = Problem(410, "link-ended", "This link has ended", "Ask your host for a new one.")
WRONG_DIGITS = Problem(403, "wrong-digits", "Those are not the digits",
                       f"After {TRIES} wrong tries your host has to send a new link.")
OVER = Problem(409, "link-over", "That link has ended, was taken back, or was moved already",
               "Nothing was changed. See on their page what they have now, or give a new key.")
NOT_THE_SAME = Problem(422, "not-the-same", "The new link is not for the same doors and times",
                       "Nothing was changed. Open the page again, and move the key from there.")
NO_TRIES = Problem(403, "no-tries", "The digits were tried too often",
                   "Ask your host to send a new link.")


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a giver says of a new guest link."""

    wire: bytes  # the chain, down to the claim key
    digits: str = ""  # asked of the guest; empty: nothing is asked
    welcome: str = ""
    help: str = ""


def bytes_of(text: object) -> bytes:
    """What a page sends as base64url. Raises Malformed."""
    try:
        return base64.b64decode(str(text) + "=" * (-len(str(text)) % 4), b"-_", validate=True)
    except ValueError as error:
        raise Malformed("Z3", "that is not base64url") from error


def text_of(sent: bytes) -> str:
    """The inverse of `bytes_of`."""
    return base64.urlsafe_b64encode(sent).decode().rstrip("=")


# --- making and ending ----------------------------------------------------------------------------


def invite(
    db: Session, place: Place, person: Person, said: Invitation, by: Account) -> Guest:
    """A new guest link on a signed claim chain. Raises Problem, Malformed, Untrusted."""
    _check(said)
    chain = wire_of(said.wire)
    if not _is_claim(read_chain(chain)[-1].grant):
        raise NO_CLAIM
    key = register(db, place, person, chain, what=CLAIM, made_by=by)
    known = db.scalar(select(Guest).where(Guest.claim_id == key.id))
    return known or _begin(db, place, key, said, by)


def _begin(db: Session, place: Place, key: Key, said: Invitation, by: Account) -> Guest:
    guest = Guest(place_id=place.id, person_id=key.person_id, claim_id=key.id, tries_left=TRIES,
                  check=hash_password(said.digits) if said.digits else None,
                  welcome=said.welcome.strip(), help=said.help.strip())
    db.add(guest)
    db.flush()
    note(db, "made a guest link", place, by, guest=guest.ref)
    return guest


def move(
    db: Session, old: Guest, taking_back: bytes, said: Invitation, by: Account) -> Guest:
    """Give a link anew and take the old one back, in one act. Raises Problem, Theirs.

    What the old one asked and said, the new one does; a PIN that it showed, others may know. Sent
    twice it is done once: whoever had no answer sends the same again.
    """
    place, person = db.get_one(Place, old.place_id), db.get_one(Person, old.person_id)
    find(db, old.ref, to_change=True)
    claim_key = db.get_one(Key, old.claim_id, with_for_update=True, populate_existing=True)
    before, after = (read_chain(wire_of(wire))[-1].grant for wire in (claim_key.wire, said.wire))
    made = db.scalar(select(Guest).join(Key, Key.id == Guest.claim_id).where(
        Key.leaf == after.id, Guest.person_id == person.id))
    if made is not None and made.id > old.id and old.closed_at is not None:
        return made
    movable(db, old)
    if made is not None or replace(
            after, holder=before.holder, parent=before.parent, site=before.site) != before:
        raise NOT_THE_SAME
    take_back(db, place, wire_of(taking_back), [claim_key])
    close(db, place, old.ref, by)
    made = invite(db, place, person, said, by)
    made.check, made.welcome, made.help = old.check, old.welcome, old.help
    return made


def movable(db: Session, guest: Guest) -> Stay:
    """The link as it stands, if its key still counts. Raises Problem: nothing brings one back."""
    stay = stay_of(db, guest, now())
    if stay.stage in {Stage.ENDED, Stage.TAKEN}:
        raise OVER
    return stay


def close(db: Session, place: Place, ref: str, by: Account) -> Guest:
    """End a link's page. Its key counts at doors until it is taken back, so that comes first."""
    guest = guest_at(db, place, ref)
    if guest.closed_at is None:
        guest.closed_at, guest.pin = now(), None
        note(db, "closed a guest link", place, by, guest=ref)
    return guest


def guest_at(db: Session, place: Place, ref: str) -> Guest:
    """The link called `ref` at this place. Raises Problem."""
    guest = find(db, ref)
    if guest.place_id != place.id:
        raise not_found("guest link")
    return guest


def find(db: Session, ref: str, *, to_change: bool = False) -> Guest:
    """The link called `ref`. Raises Problem."""
    query = select(Guest).where(Guest.ref == ref)
    if to_change:  # and what was read of it before may be old
        query = query.with_for_update().execution_options(populate_existing=True)
    guest = db.scalar(query)
    if guest is None:
        raise not_found("guest link")
    return guest


def _check(said: Invitation) -> None:
    faults = {name: f"Write at most {WORDS_MOST} letters." for name, text in (
        ("welcome", said.welcome), ("help", said.help)) if len(text) > WORDS_MOST}
    if said.digits and not is_digits(said.digits):
        faults["digits"] = f"Type {CHECK_DIGITS} digits, or nothing."
    if faults:
        raise wrong(faults)


def is_digits(text: str) -> bool:
    """Could these be the digits that a guest is asked for?"""
    return len(text) == CHECK_DIGITS and text.isascii() and text.isdigit()


def _is_claim(leaf: Grant) -> bool:
    return (leaf.klass is KeyClass.FILE and leaf.use is Rights.NONE and leaf.depth == 1
            and Rights.UNLOCK in leaf.delegable and leaf.delegable in HANDABLE)


# --- claiming -------------------------------------------------------------------------------------


def claim(database: Database, ref: str, wire: bytes, digits: str) -> Guest:
    """Put the key on the phone that made the last link of `wire`. Raises Problem, Theirs.

    A try at the digits is counted only for who has shown the whole link, by that very signature.
    """
    with database.reading() as db:
        guest = find(db, ref)
        if _is_claimed(db, guest, _child(db, guest, wire)):
            return guest
    try_digits(database, ref, digits, keep=0)
    with database.writing() as db:
        guest = find(db, ref, to_change=True)
        if not _is_claimed(db, guest, _child(db, guest, wire)):
            place, person = db.get_one(Place, guest.place_id), db.get_one(Person, guest.person_id)
            guest.key_id = register(db, place, person, wire_of(wire), what=KEY).id
            guest.claimed_at = now()
            note(db, "put a key on their phone by a guest link", place, guest=ref)
    return guest


def _child(db: Session, guest: Guest, wire: bytes) -> Grant:
    """The last link of `wire`, if the rest is what this guest was given. Raises Problem, Theirs."""
    chain, claim_key = wire_of(wire), db.get_one(Key, guest.claim_id)
    if guest.closed_at is not None or not alive(claim_key, now()):
        raise ENDED
    if chain[:-1] != wire_of(claim_key.wire):
        raise OTHER_CLAIM
    links = read_chain(chain)
    verify_chain(links, site_of(db.get_one(Place, guest.place_id)).chain_keys())
    if links[-1].grant.klass not in {KeyClass.WEB, KeyClass.DEVICE}:
        raise OTHER_CLAIM
    return links[-1].grant


def _is_claimed(db: Session, guest: Guest, leaf: Grant) -> bool:
    """Is it on this phone? Sent twice is claimed once. Raises Problem if it is on another one."""
    if guest.key_id is None:
        return False
    if db.get_one(Key, guest.key_id).leaf != leaf.id:
        raise ON_ANOTHER
    return True


def try_digits(database: Database, ref: str, digits: str, *, keep: int) -> None:
    """Are these the digits? The try is on disk before they are compared. Raises Problem.

    `keep` tries are left for others. A right try is given back, and no more than that.
    """
    with database.writing() as db:
        guest = find(db, ref, to_change=True)
        if guest.check is None:
            return
        if guest.tries_left <= keep:
            raise NO_TRIES
        guest.tries_left -= 1
    if not is_password(digits, guest.check):
        raise WRONG_DIGITS
    with database.writing() as db:
        find(db, ref, to_change=True).tries_left += 1
