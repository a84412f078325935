"""Keys are taken in and taken back by what was signed, and by nothing else."""

# ruff: noqa: ANN401 — a builder takes any term of what it builds

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from givers import (
    GIVES,
    Giver,
    add_giver,
    add_person,
    first_link,
    new_key,
    owner_takes_back,
)
from hubs import Cast, add_place
from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.core.document import id_of
from mortice.core.errors import Theirs
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.refusal import Reason
from mortice.hub.keys import beneath, free_slot, names, register, register_pin, take_back
from mortice.hub.outbox import answered
from mortice.hub.problems import Problem
from mortice.hub.tables import (
    GONE,
    ON_DOOR,
    READY,
    REFUSED,
    WAITING,
    Delivery,
    Document,
    DoorKey,
    Key,
    Person,
    Place,
    TakenBack,
    now,
)


@contextmanager
def writing(cast: Cast) -> Iterator[tuple[Session, Place]]:
    with cast.hub.database.writing() as db:
        yield db, db.get_one(Place, cast.place.id)


def give(cast: Cast, giver: Giver, person: Person, *labels: str, **terms: Any) -> Key:
    wire = giver.give(new_key().public, *(cast.doors[label] for label in labels), **terms)
    with writing(cast) as (db, place):
        return register(db, place, person, wire)


def states(cast: Cast, key: Key) -> dict[str, str]:
    with cast.hub.database.reading() as db:
        rows = db.scalars(select(DoorKey).where(DoorKey.key_id == key.id))
        return {row.door.label: row.state for row in rows}


def lock_says(cast: Cast, label: str, refused: Reason | None = None) -> None:
    """The lock of a door answers everything that is on its way to it."""
    with writing(cast) as (db, _):
        door = cast.doors[label]
        for name in db.scalars(select(Document.name).join(Delivery).where(
                Delivery.door_id == door.id, Delivery.state == WAITING)).all():
            answered(db, door, name, refused, b"receipt")


# --- taking in ------------------------------------------------------------------------------------


def test_a_key_is_kept_as_it_was_signed(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = give(cast, giver, tom, "Front door", exp=now() + 3600, about={1: "Cleaning"})
    assert (key.what, key.label, key.parent_id) == ("key", "Cleaning", giver.key.id)
    assert key.ends_at is not None
    assert key.ends_at > now()
    assert states(cast, key) == {"Front door": READY}
    with cast.hub.database.reading() as db:
        assert names(db, cast.place)[key.leaf] == "Tom"


def test_the_same_key_twice_is_one_key(cast: Cast) -> None:
    giver, tom, ana = add_giver(cast), add_person(cast, "Tom"), add_person(cast, "Ana")
    wire = giver.give(new_key().public, cast.doors["Front door"])
    with writing(cast) as (db, place):
        assert register(db, place, tom, wire) is register(db, place, tom, wire)
    with pytest.raises(Problem, match="key-known"), writing(cast) as (db, place):
        register(db, place, ana, wire)


@pytest.mark.parametrize(("terms", "check"), [
    ({"use": GIVES | Rights.CONFIGURE}, "C9"),
    ({"exp": None}, "C11"),
    ({"depth": 3}, "C7"),
    ({"exp": now() + 500 * 86_400}, "C12"),
])
def test_what_claims_too_much_is_not_kept(cast: Cast, terms: dict[str, Any], check: str) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    with pytest.raises(Theirs) as refused:
        give(cast, giver, tom, "Front door", **terms)
    assert refused.value.check == check
    with cast.hub.database.reading() as db:
        assert db.scalar(select(Key).where(Key.person_id == tom.id)) is None


def test_a_link_without_a_touch_is_not_kept(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    wire = giver.give(new_key().public, cast.doors["Front door"])
    with pytest.raises(Theirs, match="touch"), writing(cast) as (db, place):
        register(db, place, tom, [*wire[:-1], wire[-1][0]])  # type: ignore[index]


def test_a_key_of_another_place_is_not_kept(cast: Cast) -> None:
    site, place, locks, doors = add_place(cast.hub, "Next door", ("Gate",))
    other = Cast(cast.hub, site, place, locks, doors, cast.accounts)
    tom = add_person(cast, "Tom")
    with pytest.raises(Theirs, match="another site"), writing(cast) as (db, here):
        register(db, here, tom, first_link(other, new_key().public))
    with pytest.raises(Problem, match="foreign-door"), writing(cast) as (db, here):
        register(db, here, tom, first_link(cast, new_key().public, doors["Gate"]))
    with pytest.raises(Problem, match="other-place"), writing(other) as (db, there):
        register(db, there, tom, first_link(other, new_key().public))


def test_only_a_key_file_is_a_claim(cast: Cast) -> None:
    tom = add_person(cast, "Tom")
    with pytest.raises(Theirs, match="class file"), writing(cast) as (db, place):
        register(db, place, tom, first_link(cast, new_key().public), what="claim")
    wire = first_link(cast, new_key().public, klass=KeyClass.FILE, use=Rights.NONE,
                      delegable=GIVES, depth=1)
    with writing(cast) as (db, place):
        assert register(db, place, tom, wire, what="claim").what == "claim"


# --- PINs -----------------------------------------------------------------------------------------


def add_pin(cast: Cast, giver: Giver, person: Person, label: str = "Front door",
            **about: Any) -> Key:
    with writing(cast) as (db, place):
        return register_pin(db, place, person, giver.pin(cast.doors[label], **about))


def test_a_pin_waits_until_its_door_has_it(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = add_pin(cast, giver, tom)
    assert (key.what, key.slot, states(cast, key)) == ("pin", 1, {"Front door": WAITING})
    lock_says(cast, "Back door")
    assert states(cast, key) == {"Front door": WAITING}
    lock_says(cast, "Front door")
    assert states(cast, key) == {"Front door": ON_DOOR}


def test_a_pin_that_its_door_refuses_is_refused(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = add_pin(cast, giver, tom)
    lock_says(cast, "Front door", Reason.STORAGE_FULL)
    assert states(cast, key) == {"Front door": REFUSED}


def test_nobody_pushes_out_anothers_pin(cast: Cast) -> None:
    giver, tom, ana = add_giver(cast), add_person(cast, "Tom"), add_person(cast, "Ana")
    add_pin(cast, giver, tom)
    with pytest.raises(Problem, match="slot-taken"):
        add_pin(cast, giver, ana)
    with cast.hub.database.reading() as db:
        assert free_slot(db, cast.doors["Front door"]) == 2
        assert free_slot(db, cast.doors["Back door"]) == 1
    add_pin(cast, giver, ana, slot=2)


def test_a_pin_for_another_lock_is_not_kept(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    _, _, _, doors = add_place(cast.hub, "Next door", ("Gate",))
    item = giver.pin(cast.doors["Front door"])
    item[1] = giver.pin(doors["Gate"])[1]
    with pytest.raises(Theirs, match="lock that this place does not have"), \
            writing(cast) as (db, place):
        register_pin(db, place, tom, item)


# --- taking back ----------------------------------------------------------------------------------


def test_taking_back_waits_for_each_door(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = give(cast, giver, tom, "Front door", "Back door")
    with writing(cast) as (db, place):
        ended = take_back(db, place, giver.take_back((key.leaf, key.ends_at)))
        assert [each.id for each in ended] == [key.id]
    assert states(cast, key) == {"Front door": READY, "Back door": READY}
    lock_says(cast, "Front door")
    assert states(cast, key) == {"Front door": GONE, "Back door": READY}


def test_everybody_beneath_goes_too(cast: Cast) -> None:
    giver, agent, tom = add_giver(cast), add_person(cast, "Agent"), add_person(cast, "Tom")
    phone = new_key()
    top = give(cast, giver, agent, "Front door")  # a key of its own, to be left alone
    wire = giver.give(phone.public, cast.doors["Front door"], delegable=GIVES, depth=1,
                      max_life=7200)
    with writing(cast) as (db, place):
        above = register(db, place, agent, wire)
        phone_of = Giver(phone, new_key(), wire, above, agent)
        below = register(db, place, tom, phone_of.sign(two_hours(cast), with_touch=False))
        assert [key.id for key in beneath(db, [above])] == [below.id]
    with writing(cast) as (db, place):
        ended = take_back(db, place, owner_takes_back(cast, (above.leaf, above.ends_at)))
        assert {key.id for key in ended} == {above.id, below.id}
    lock_says(cast, "Front door")
    assert states(cast, below) == states(cast, above) == {"Front door": GONE}
    assert states(cast, top) == {"Front door": READY}


def two_hours(cast: Cast) -> Grant:
    return Grant(new_key().public, frozenset({cast.doors["Front door"].door_id}), GIVES,
                 nbf=now(), exp=now() + 600)


def test_whoever_gave_it_takes_back_nothing_else(cast: Cast) -> None:
    giver, other = add_giver(cast), add_giver(cast, "manager")
    tom = add_person(cast, "Tom")
    key = give(cast, giver, tom, "Front door")
    with pytest.raises(Problem, match="not-beneath"), writing(cast) as (db, place):
        take_back(db, place, other.take_back((key.leaf, key.ends_at)), [key])
    with writing(cast) as (db, place):
        assert take_back(db, place, other.take_back((key.leaf, key.ends_at))) == []
    assert states(cast, key) == {"Front door": READY}


def test_what_is_named_is_what_was_chosen(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    one, two = (give(cast, giver, tom, "Front door", about={2: n}) for n in (b"1", b"2"))
    both = [(key.leaf, key.ends_at) for key in (one, two)]
    for entries, wanted in ((both, [one]), (both[:1], [one, two]), (both[1:], [one])):
        with pytest.raises(Problem, match="other-keys"), writing(cast) as (db, place):
            take_back(db, place, giver.take_back(*entries), wanted)


def test_it_may_not_be_forgotten_before_the_key_ends(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = give(cast, giver, tom, "Front door")
    assert key.ends_at is not None
    with pytest.raises(Problem, match="ends-early"), writing(cast) as (db, place):
        take_back(db, place, giver.take_back((key.leaf, key.ends_at - 1)))
    with writing(cast) as (db, place):
        assert take_back(db, place, giver.take_back((key.leaf, None)))


def test_taking_back_again_changes_nothing(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = give(cast, giver, tom, "Front door")
    item = giver.take_back((key.leaf, key.ends_at))
    for _ in range(2):
        with writing(cast) as (db, place):
            assert len(take_back(db, place, item)) == 1
    lock_says(cast, "Front door")
    with writing(cast) as (db, place):
        take_back(db, place, item)
        assert len(db.scalars(select(TakenBack)).all()) == 1
        assert db.scalars(select(Delivery.state)).all() == [ON_DOOR]


def test_nothing_is_given_below_what_was_taken_back(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    wire = giver.give(new_key().public, cast.doors["Front door"])
    with writing(cast) as (db, place):
        take_back(db, place, owner_takes_back(cast, (giver.key.leaf, giver.key.ends_at)))
    with pytest.raises(Problem, match="taken-back"), writing(cast) as (db, place):
        register(db, place, tom, wire)


def test_a_pin_of_somebody_taken_back_leaves_its_place_when_the_door_knows(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = add_pin(cast, giver, tom)
    with writing(cast) as (db, place):
        take_back(db, place, giver.take_back((key.leaf, key.ends_at)))
        assert free_slot(db, cast.doors["Front door"]) == 2
    lock_says(cast, "Front door")
    with cast.hub.database.reading() as db:
        assert free_slot(db, cast.doors["Front door"]) == 1
        assert db.scalars(select(Document.kind).order_by(Document.id)).all() == [
            "mortice-enrol/1", "mortice-revoke/1"]


def test_news_of_a_key_from_elsewhere_goes_to_every_door(cast: Cast) -> None:
    with writing(cast) as (db, place):
        item = owner_takes_back(cast, (bytes(16), None))
        assert take_back(db, place, item) == []
        assert isinstance(item[1], bytes)
        assert db.scalars(select(Document.name)).all() == [id_of(item[1])]
        assert len(db.scalars(select(Delivery)).all()) == 2
