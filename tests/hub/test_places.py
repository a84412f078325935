"""A place follows its owner's signed documents and nobody else's."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest
from hubs import ZONE, Cast, FakeLock
from sqlalchemy import select

from mortice.client.founding import draw_site
from mortice.core.errors import Untrusted
from mortice.core.site import DoorMap, MappedDoor, sign_doors
from mortice.core.site import Role as SiteRole
from mortice.hub.outbox import answered, due
from mortice.hub.places import follow_doors, follow_root, found_place, map_of
from mortice.hub.problems import Problem
from mortice.hub.tables import ON_DOOR, Account, Delivery, Door, Place


def newer_map(cast: Cast, *more: MappedDoor, without: str = "") -> bytes:
    doors = tuple(door for door in map_of(cast.place).doors if door.label != without)
    return sign_doors(DoorMap(cast.site.site.id, 2, (*doors, *more)), cast.grant_key)


def test_a_new_door_stands_on_the_place_and_the_map_goes_to_every_lock(cast: Cast) -> None:
    annexe = MappedDoor(secrets.token_bytes(8), "Annexe", ZONE, FakeLock().keys)
    with cast.hub.database.writing() as db:
        place = db.get_one(Place, cast.place.id)
        follow_doors(db, place, newer_map(cast, annexe))
    with cast.hub.database.reading() as db:
        place = db.get_one(Place, cast.place.id)
        assert [door.label for door in place.doors] == ["Front door", "Back door", "Annexe"]
        assert all(len(due(db, door, 10)) == 1 for door in place.doors)


def test_a_door_that_left_the_map_is_gone(cast: Cast) -> None:
    with cast.hub.database.writing() as db:
        follow_doors(db, db.get_one(Place, cast.place.id), newer_map(cast, without="Back door"))
    with cast.hub.database.reading() as db:
        assert [door.label for door in db.get_one(Place, cast.place.id).doors] == ["Front door"]


@pytest.mark.parametrize("wrong", ["older", "another's", "somebody's lock"])
def test_no_other_map_counts(cast: Cast, wrong: str) -> None:
    stranger = draw_site().keys[SiteRole.GRANT]
    doors = map_of(cast.place)
    signed = {
        "older": lambda: sign_doors(replace(doors, version=1, doors=()), cast.grant_key),
        "another's": lambda: sign_doors(replace(doors, version=9, doors=()), stranger),
        "somebody's lock": lambda: newer_map(cast, MappedDoor(
            secrets.token_bytes(8), "Fake", ZONE, cast.locks["Front door"].keys)),
    }[wrong]()
    with pytest.raises(Untrusted), cast.hub.database.writing() as db:
        follow_doors(db, db.get_one(Place, cast.place.id), signed)
    with cast.hub.database.reading() as db:
        assert len(db.get_one(Place, cast.place.id).doors) == 2


def test_a_site_is_founded_once(cast: Cast) -> None:
    with pytest.raises(Problem, match="already"), cast.hub.database.writing() as db:
        found_place(db, db.get_one(Account, cast.accounts["owner"].id), "x", cast.site.root, None)


def test_a_root_of_somebody_else_does_not_follow(cast: Cast) -> None:
    with pytest.raises(Untrusted), cast.hub.database.writing() as db:
        follow_root(db, db.get_one(Place, cast.place.id), draw_site(demo=True).root)


def test_a_document_waits_until_its_lock_has_answered(cast: Cast) -> None:
    with cast.hub.database.writing() as db:
        follow_doors(db, db.get_one(Place, cast.place.id), newer_map(cast))
    with cast.hub.database.writing() as db:
        door = db.get_one(Door, cast.doors["Front door"].id)
        answered(db, door, due(db, door, 1)[0].document.name, None, b"receipt")
        assert due(db, door, 1) == []
        states = db.scalars(select(Delivery.state).order_by(Delivery.door_id)).all()
        assert states == [ON_DOOR, "waiting"]
