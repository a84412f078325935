"""What the API says of things: plain JSON, times in Unix seconds, what is absent is null."""

from __future__ import annotations

from typing import Any

from mortice.hub.doors import Now
from mortice.hub.standing import Standing
from mortice.hub.tables import Key, Person, Place


def place_json(place: Place, role: str) -> dict[str, Any]:
    """A place, and what the token's account is there."""
    return {
        "ref": place.ref, "name": place.name, "zone": place.zone, "role": role,
        "site": place.site_id.hex() if place.site_id else None, "demo": place.demo,
        "strict": place.strict, "root_version": place.root_version,
        "doors_version": place.doors_version}


def door_json(seen: Now) -> dict[str, Any]:
    """A door as its lock last said; `state` is `lost` where it was not heard lately.

    `heard_at` is null for a private door, except to whoever lives there.
    """
    door = seen.door
    return {
        "ref": door.ref, "label": door.label, "zone": door.zone, "private": door.private,
        "state": seen.state, "heard_at": seen.heard_at, "connected": door.connected,
        "held_until": seen.held_until, "door": door.door_id.hex(), "lock": door.lock_id.hex(),
        "lock_key": door.lock_signing.hex()}


def person_json(person: Person) -> dict[str, Any]:
    """A person; `version` is what an edit must name."""
    return {
        "ref": person.ref, "name": person.name, "what": person.what, "email": person.email,
        "phone": person.phone, "note": person.note, "version": person.version,
        "made_at": person.made_at}


def key_json(key: Key, stands: list[Standing]) -> dict[str, Any]:
    """A key, and how it stands at each of its doors as far as that door has said."""
    return {
        "ref": key.ref, "person": key.person.ref, "what": key.what, "label": key.label,
        "leaf": key.leaf.hex(), "wire": key.wire.hex(), "starts_at": key.starts_at,
        "ends_at": key.ends_at, "taken_back_at": key.taken_back_at, "by_hub": key.by_hub,
        "doors": [{"ref": each.door.ref, "label": each.door.label, "word": each.word,
                   "line": each.line, "used_at": each.used_at} for each in stands]}


