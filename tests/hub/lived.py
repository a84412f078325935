"""A place that is lived in: what its locks said and wrote, and who holds keys of its doors."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from hubs import Cast

from mortice.client.wallet import encode_chain
from mortice.core import cbor
from mortice.core.grant import (
    Credential,
    CredentialKind,
    Grant,
    KeyClass,
    Rights,
    read_grant,
    sign_grant,
)
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.log import Entry, Kind
from mortice.core.schedule import Hours
from mortice.core.stages import TimeState
from mortice.hub.ingest import sort_of
from mortice.hub.tables import ON_DOOR, READY, Door, DoorKey, Key, Log, LogEntry, Person, now

LOCKED: dict[str, object] = {
    "state": "locked", "bolt": "thrown", "leaf": "closed", "time": "synced", "entries": 12,
    "held_until": None, "millivolts": 5200, "mains": False, "keypad_rest": 0, "pins": 2,
    "unlogged": 0, "rolled_back": False, "log_full": False}


class Terms(TypedDict, total=False):
    """What a key may be like: as in tables.Key, grant.Grant and DoorKey.state."""

    what: str
    use: Rights
    starts: int
    ends: int
    taken: int
    made: int
    hours: Hours
    uses: int
    by_hub: bool
    state: str


@dataclass
class Lived:
    """A cast, and what happened there."""

    cast: Cast
    people: dict[str, Person] = field(default_factory=dict)
    leaves: dict[str, bytes] = field(default_factory=dict)  # the last key of each person

    def says(self, label: str, state: str = "locked", *, ago: int = 4, connected: bool = True,
             **more: object) -> None:
        """The lock of a door says how it is, some seconds ago."""
        with self.cast.hub.database.writing() as db:
            door = db.get_one(Door, self.cast.doors[label].id)
            door.connected, door.heard_at = connected, now() - ago
            door.status = LOCKED | {"state": state, "at": now() - ago} | more

    def person(self, name: str, what: str = "") -> Person:
        """Somebody at the place."""
        if name not in self.people:
            with self.cast.hub.database.writing() as db:
                self.people[name] = Person(place_id=self.cast.place.id, name=name, what=what)
                db.add(self.people[name])
        return self.people[name]

    def gives(self, name: str, *labels: str, **terms: Unpack[Terms]) -> bytes:
        """A key, really signed, for some doors; its leaf."""
        doors = [self.cast.doors[label] for label in labels]
        starts, ends = terms.get("starts"), terms.get("ends")
        holder = SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))
        chain = [sign_grant(Grant(
            holder.public, frozenset(door.door_id for door in doors),
            terms.get("use", Rights.UNLOCK), nbf=starts, exp=ends, site=self.cast.site.site.id,
            hours=terms.get("hours"), uses=terms.get("uses")), self.cast.grant_key)]
        if terms.get("what") == "pin":
            chain.append(_pin(chain[0], holder))
        leaf, person = secrets.token_bytes(16), self.person(name).id
        with self.cast.hub.database.writing() as db:
            key = Key(
                place_id=self.cast.place.id, person_id=person, leaf=leaf, starts_at=starts,
                wire=encode_chain(chain), what=terms.get("what", "key"), ends_at=ends,
                klass=int(KeyClass.DEVICE), taken_back_at=terms.get("taken"),
                made_at=terms.get("made", now() - 86_400), by_hub=terms.get("by_hub", False))
            db.add(key)
            db.flush()
            state = terms.get("state", READY)
            db.add_all(DoorKey(key_id=key.id, door_id=door.id, state=state) for door in doors)
        self.leaves[name] = leaf
        return leaf

    def is_member(self, account: str, name: str) -> None:
        """The account is that person."""
        person = self.person(name).id
        with self.cast.hub.database.writing() as db:
            db.connection().exec_driver_sql(
                "UPDATE memberships SET person_id = ? WHERE account_id = ?",
                (person, self.cast.accounts[account].id))

    def wrote(self, label: str, *told: tuple[int, Kind, Mapping[int, cbor.Value]]) -> None:
        """What the lock of a door wrote: (seconds ago, kind, about), oldest first."""
        door = self.cast.doors[label]
        with self.cast.hub.database.writing() as db:
            log = db.query(Log).filter_by(door_id=door.id).one_or_none()
            if log is None:
                log = Log(
                    door_id=door.id, place_id=door.place_id, lock_id=door.lock_id, label=label,
                    lock_signing=door.lock_signing, private=door.private)
                db.add(log)
                db.flush()
            for number, (ago, kind, about) in enumerate(told, log.size):
                at = now() - ago
                entry = Entry(number, at, TimeState.SYNCED, number, kind, dict(about), bytes(16))
                leaf = about.get(1)
                sort = int(sort_of(kind, entry.about))
                db.add(LogEntry(
                    log_id=log.id, number=number, place_id=door.place_id, at=at, kind=int(kind),
                    sort=sort, leaf=leaf if isinstance(leaf, bytes) else None, body=entry.encode()))
            log.size += len(told)


def _pin(above: bytes, holder: SoftwareKey) -> bytes:
    """A PIN on a door, below a key."""
    grant = read_grant(above)
    return sign_grant(Grant(
        grant.holder, grant.doors, Rights.UNLOCK, parent=grant.id,
        credential=Credential(CredentialKind.PIN, 3, 1, bytes(64))), holder)


def opened(leaf: bytes, way: int = 0) -> tuple[Kind, dict[int, cbor.Value]]:
    """Somebody's key opened."""
    return Kind.GRANTED, {1: leaf, 2: 1, 8: way}


def alder_road(cast: Cast) -> Lived:
    """An afternoon at a house: a wrong PIN, an opening, a door held open, a lock without power."""
    lived = Lived(cast)
    ana, margaret = lived.gives("Ana Sousa", *cast.doors), lived.gives("Margaret Hale", *cast.doors)
    lived.gives("Tom Whitaker", "Front door", starts=now() + 2 * 86_400, ends=now() + 90 * 86_400)
    lived.gives("Ben Hale", "Front door", what="pin", state="waiting")
    lived.gives("Old Cleaner", "Front door", taken=now() - 600, state=ON_DOOR)
    lived.wrote(
        "Front door", (90_000, *opened(margaret)), (89_990, Kind.MOVED, {5: 0, 6: "unlocked"}),
        (89_000, Kind.RELOCKED, {}), (88_990, Kind.MOVED, {5: 2, 6: "locked"}),
        (1500, Kind.REFUSED, {3: 42, 4: "R4", 13: "wrong PIN"}), (1483, *opened(ana)),
        (1480, Kind.MOVED, {5: 5, 6: "unlocked"}), (1470, Kind.LEAF_SEEN, {6: "open"}),
        (1440, Kind.LEAF_SEEN, {6: "unlocked"}), (1410, Kind.RELOCKED, {}),
        (1405, Kind.MOVED, {5: 8, 6: "locked"}))
    lived.says("Front door")
    return lived
