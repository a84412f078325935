"""What the guest's page tells its script. None of it opens anything, and none of it is secret."""

from __future__ import annotations

from sqlalchemy.orm import Session

from mortice.hub.guests import text_of
from mortice.hub.keys import links_of
from mortice.hub.stays import Stay, short
from mortice.hub.tables import Key, Staple, now

MODULES = ("cbor", "grant", "keys", "line", "link", "narrow", "passkey")
HOLD_MS = 800  # of holding before a door is asked


def facts(db: Session, stay: Stay) -> dict[str, object]:
    """What a phone needs to claim the key and to talk to the doors."""
    assert stay.place.site_id is not None, "a claim chain was verified under its root"
    return {
        "ref": stay.guest.ref, "site": text_of(stay.place.site_id), "zone": stay.zone,
        "now": now(), "starts": stay.claim.starts_at, "ends": stay.claim.ends_at, "hold": HOLD_MS,
        "claim": text_of(stay.claim.wire), "modules": {
            name: f"/static/mortice/{name}.js" for name in MODULES},
        "doors": {door.ref: {
            "id": text_of(door.door_id), "label": short(door.label),
            "link": text_of(door.lock_link), "signing": text_of(door.lock_signing)}
            for door in stay.doors}, **_key_facts(db, stay.key)}


def _key_facts(db: Session, key: Key | None) -> dict[str, object]:
    if key is None:
        return {"chain": None}
    staple = db.get(Staple, key.leaf)
    return {
        "chain": text_of(key.wire), "holder": text_of(links_of(key)[-1].holder.id),
        "staple": staple and [text_of(staple.document), staple.chain and text_of(staple.chain)]}
