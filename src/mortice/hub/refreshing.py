"""Vouching for keys that ask for it, and telling locks the time, by the hub's own bounded links.

A staple says that a key was not taken back a moment ago. The hub signs one for every live key that
asks, if neither it nor anything above it was taken back by any document that the hub has, and signs
a new one at half of the life. Holders' pages hand theirs over; those for PINs travel to the doors.

Spec: spec/time.md, sections 2 and 4; spec/enrolment.md, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mortice.core import cbor
from mortice.core.document import id_of
from mortice.core.freshness import STAPLE, TIME, sign_staple, sign_time
from mortice.core.revocation import first_revoked
from mortice.core.site import Role
from mortice.core.stages import TimeState
from mortice.hub.hub import Hub
from mortice.hub.keys import CLAIM, PIN, alive, links_of, wire_of
from mortice.hub.lines import Seen
from mortice.hub.outbox import post
from mortice.hub.places import site_of
from mortice.hub.powers import REFRESH, live, revoked_at
from mortice.hub.tables import Document, Door, HubGrant, Key, Place, Staple, now

APART_SECONDS = 30  # a lock whose clock is further off is told the time


def renew_all(hub: Hub) -> None:
    """Renew whatever is due, at every place. Called from time to time."""
    with hub.database.reading() as db:
        places = db.scalars(select(HubGrant.place_id).where(
            HubGrant.what == REFRESH, HubGrant.ended_at.is_(None)).distinct()).all()
    for place in places:
        with hub.database.writing() as db:
            told = renew(db, hub, db.get_one(Place, place))
        hub.nudge(told)


def renew_now(hub: Hub, place_id: int, *key_ids: int | None) -> None:
    """Vouch for keys that have just come in: their holders may stand before the door."""
    with hub.database.writing() as db:
        keys = db.scalars(select(Key).where(Key.id.in_([each for each in key_ids if each])))
        told = renew(db, hub, db.get_one(Place, place_id), keys)
    hub.nudge(told)


def renew(
    db: Session, hub: Hub, place: Place, keys: Iterable[Key] | None = None) -> set[bytes]:
    """Vouch for `keys` as far as it is due, or for all. Returns the locks that something is for."""
    at = now()
    db.execute(select(Place.id).where(Place.id == place.id).with_for_update())  # one at a time
    grants, revoked = live(db, place, REFRESH, at), revoked_at(db, place)
    if keys is None:
        keys = db.scalars(select(Key).where(Key.place_id == place.id, Key.what != CLAIM))
    told: set[bytes] = set()
    for key in keys:
        if links_of(key)[-1].max_staleness is None:
            continue
        if not alive(key, at) or first_revoked(links_of(key), revoked) is not None:
            _drop(db, place, key)
        else:
            told |= _vouch(db, hub, place, key, grants, at)
    return told


def _vouch(  # noqa: PLR0913, PLR0917 - for which key, by which link, when
    db: Session, hub: Hub, place: Place, key: Key, grants: Sequence[HubGrant], at: int,
) -> set[bytes]:
    leaf = links_of(key)[-1]
    by = _best(grants, leaf.doors)
    present = db.get(Staple, key.leaf)
    if by is None or (present is not None and not _is_due(present, by, leaf.max_staleness, at)):
        return set()
    assert place.site_id is not None, "a place with keys has a root"
    document = sign_staple(place.site_id, key.leaf, at, hub.own.signer)
    _drop(db, place, key)
    db.add(Staple(leaf=key.leaf, document=document, chain=by.wire, at=at))
    if key.what != PIN:
        return set()
    doors = db.scalars(select(Door).where(
        Door.place_id == place.id, Door.door_id.in_(leaf.doors))).all()
    post(db, place, [STAPLE, document, wire_of(by.wire)], doors)
    return {door.lock_id for door in doors}


def _best(grants: Sequence[HubGrant], doors: frozenset[bytes]) -> HubGrant | None:
    """The link that stands at most of these doors, and for longest."""
    reach = [(len(doors & links_of(grant)[-1].doors), grant.ends_at or 0, grant.id, grant)
             for grant in grants]
    return max(reach)[3] if reach and max(reach)[0] else None


def _is_due(present: Staple, by: HubGrant, bound: int | None, at: int) -> bool:
    return present.chain != by.wire or bound is None or at >= present.at + bound // 2


def _drop(db: Session, place: Place, key: Key) -> None:
    """Forget a staple, and that it was on its way."""
    old = db.get(Staple, key.leaf)
    if old is not None:
        db.execute(delete(Document).where(
            Document.place_id == place.id, Document.kind == STAPLE,
            Document.name == id_of(old.document)))
        db.delete(old)
        db.flush()


# --- the time -------------------------------------------------------------------------------------


def time_for(db: Session, hub: Hub, lock_id: bytes, seen: Seen) -> list[cbor.Value] | None:
    """What tells a lock the time in the conversation that it has just begun; None if it need not.

    By the role alone: then the hub is one source of two, and never ends *unsure* by itself.
    """
    door = db.scalar(select(Door).where(Door.lock_id == lock_id))
    at = now()
    in_step = seen.time == TimeState.SYNCED.value and abs(seen.at - at) <= APART_SECONDS
    if door is None or in_step:
        return None
    site = site_of(door.place)
    if site.key(Role.TIME, hub.own.signer.public.id) is None:
        return None
    return [TIME, sign_time(site.id, lock_id, seen.handshake, at, hub.own.signer)]
