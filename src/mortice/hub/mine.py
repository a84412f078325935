"""The keys of one's own browser: asking for one, taking it in, and what it needs at a door.

A browser makes its key pair and a passkey beside it; the hub sees only the public halves. What the
hub hands back (chains, staples, the signed map, revocations) opens nothing by itself either.

Spec: spec/grant.md, section 9; spec/home.md, section 5.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mortice.core import cbor
from mortice.core.chain import read_chain
from mortice.core.errors import Malformed
from mortice.core.grant import KeyClass
from mortice.core.revocation import REVOKE
from mortice.hub.access import Here
from mortice.hub.acts import note
from mortice.hub.guests import text_of
from mortice.hub.keys import KEY, alive, links_of, register, wire_of
from mortice.hub.places import site_of
from mortice.hub.problems import Problem, not_found
from mortice.hub.tables import (
    Document,
    Key,
    KeyRequest,
    Membership,
    Person,
    Place,
    Staple,
    now,
)
from mortice.hub.texts import read_asking, read_keys

NEWS_MOST = 64  # documents that a browser carries; a lock that is connected has them anyway
ASKING_MOST = 5  # requests of one account at a place that wait at the same time
OTHER_BROWSER = Problem(422, "other-browser", "That key was made for another browser or device",
                        "Nothing was kept. Paste what came back for this browser's own request.")


# --- asking ---------------------------------------------------------------------------------------


def person_of(db: Session, here: Here) -> Person:
    """The person at this place that the account is; made at the first need."""
    row = db.scalars(select(Membership).where(
        Membership.account_id == here.account.id, Membership.place_id == here.place.id)).one()
    if row.person_id is None:
        made = Person(place_id=here.place.id, name=here.account.name, email=here.account.email)
        db.add(made)
        db.flush()
        row.person_id = made.id
    return db.get_one(Person, row.person_id)


def ask(db: Session, here: Here, text: str, agent: str) -> KeyRequest:
    """Keep a browser's request for a key. Raises Malformed, Untrusted, Problem."""
    asking = read_asking(text)
    if asking.passkey is None or asking.passkey.origin != here.hub.settings.origin.rstrip("/"):
        raise Malformed("Z3", "a browser's request names a passkey of this very page")
    known = db.scalar(select(KeyRequest).where(KeyRequest.holder == asking.key.id))
    if known is not None and known.account_id != here.account.id:
        raise OTHER_BROWSER
    return known or _keep(db, here, asking.key.id, text, agent)


def _keep(db: Session, here: Here, holder: bytes, text: str, agent: str) -> KeyRequest:
    own = [each for each in db.scalars(_requests(here.place).where(
        KeyRequest.account_id == here.account.id)) if _waits(db, each)]
    for each in own[:max(0, len(own) - ASKING_MOST + 1)]:
        db.delete(each)
    made = KeyRequest(place_id=here.place.id, account_id=here.account.id,
                      person_id=person_of(db, here).id, holder=holder, text=text, agent=agent)
    db.add(made)
    db.flush()
    note(db, "asked for a key for their browser", here.place, here.account, request=made.ref)
    return made


def _requests(place: Place) -> Select[KeyRequest]:
    return select(KeyRequest).where(KeyRequest.place_id == place.id).order_by(KeyRequest.id)


def _waits(db: Session, request: KeyRequest) -> bool:
    """Is there something to do: a key to give, or one to take back that was forgotten?"""
    held = any(links_of(key)[-1].holder.id == request.holder for key in db.scalars(
        select(Key).where(Key.person_id == request.person_id, Key.what == KEY))
        if alive(key, now()))
    return held == (request.forgotten_at is not None)


def own_request(db: Session, here: Here, ref: str) -> KeyRequest:
    """A request of one's own at this place. Raises Problem."""
    found = db.scalar(_requests(here.place).where(
        KeyRequest.ref == ref, KeyRequest.account_id == here.account.id))
    if found is None:
        raise not_found("request")
    return found


def take_in(db: Session, here: Here, text: str) -> list[Key]:
    """Keep the keys that came back for a browser of one's own. Raises Malformed, Untrusted."""
    asked = {each.holder for each in db.scalars(
        _requests(here.place).where(KeyRequest.account_id == here.account.id))}
    person, kept = person_of(db, here), []
    for wire in read_keys(text):
        leaf = read_chain(wire)[-1].grant
        if leaf.holder.id not in asked or leaf.klass is not KeyClass.WEB:
            raise OTHER_BROWSER
        kept.append(register(db, here.place, person, wire, made_by=here.account))
    note(db, "put a key into their browser", here.place, here.account,
         keys=[key.leaf.hex() for key in kept])
    return kept


def forget(db: Session, here: Here, request: KeyRequest) -> None:
    """A browser has forgotten its key. Whoever may is asked to take it back at the doors."""
    request.forgotten_at = request.forgotten_at or now()
    if not _waits(db, request):
        db.delete(request)  # nobody ever signed it
    note(db, "forgot the key of their browser", here.place, here.account, request=request.ref)


def own_requests(db: Session, here: Here) -> list[KeyRequest]:
    """One's own at this place, newest first; those of browsers that forgot are left out."""
    return list(db.scalars(select(KeyRequest).where(
        KeyRequest.place_id == here.place.id, KeyRequest.account_id == here.account.id,
        KeyRequest.forgotten_at.is_(None)).order_by(KeyRequest.id.desc())))


def asked_for(db: Session, place: Place) -> list[tuple[KeyRequest, Person]]:
    """What waits for whoever gives keys, oldest first, and who asks."""
    return [(each, db.get_one(Person, each.person_id))
            for each in db.scalars(_requests(place)) if _waits(db, each)]


# --- what a browser needs -------------------------------------------------------------------------


def own_keys(db: Session, here: Here) -> list[Key]:
    """One's own keys that count, newest first. Which of them this browser has, it knows itself."""
    if here.person_id is None:
        return []
    keys = db.scalars(select(Key).where(
        Key.person_id == here.person_id, Key.place_id == here.place.id, Key.what == KEY,
        Key.klass.in_([int(KeyClass.WEB), int(KeyClass.DEVICE)])).order_by(Key.id.desc()))
    return [key for key in keys if alive(key, now())]


def papers(db: Session, here: Here) -> dict[str, Any]:
    """What static/hold.js needs to speak to doors; all of it is public and signed."""
    place = here.place
    site_of(place)  # raises Problem where there is none yet
    assert place.root is not None, "site_of has read it"
    return {
        "now": now(), "strict": place.strict, "root": text_of(place.root),
        "map": text_of(place.doors_map) if place.doors_map else None, "news": news(db, place),
        "keys": [_key_json(db, key) for key in own_keys(db, here)]}


def _key_json(db: Session, key: Key) -> dict[str, Any]:
    staple = db.get(Staple, key.leaf)
    return {
        "ref": key.ref, "wire": text_of(key.wire), "ends": key.ends_at,
        "staple": None if staple is None else [
            text_of(staple.document), text_of(staple.chain) if staple.chain else None]}


def news(db: Session, place: Place) -> list[str]:
    """The newest revocations, each as a bundle with one item."""
    items = db.scalars(select(Document.item).where(
        Document.place_id == place.id, Document.kind == REVOKE).order_by(Document.id.desc())
        .limit(NEWS_MOST))
    return [text_of(cbor.encode([wire_of(item)])) for item in items]
