"""What is kept ends, somebody erased is nowhere, and every log can still be checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from diaries import Diary
from hubs import Cast
from lived import Lived
from sqlalchemy import inspect, select, text
from starlette.testclient import TestClient
from test_activity import keep, log_of, make_private

from mortice.core.log import Kind
from mortice.core.revocation import REVOKE
from mortice.hub.acts import note
from mortice.hub.evidence import check_again
from mortice.hub.privacy import DAY, ERASED, KINDS, erase, tidy
from mortice.hub.tables import (
    Act,
    Delivery,
    Document,
    DoorReport,
    DoorSaid,
    Guest,
    Hold,
    Key,
    KeyRequest,
    LogEntry,
    Person,
    Place,
    now,
)

AsRole = Callable[[str], TestClient]
NAME, EMAIL, PHONE = "Tomasz Whitaker", "tom@example.invalid", "07700 900123"


@pytest.fixture
def lived(cast: Cast) -> Lived:
    made = Lived(cast)
    made.gives("Ana Sousa", "Front door", "Back door")
    made.gives(NAME, "Front door", taken=now() - 200 * DAY, made=now() - 300 * DAY)
    with cast.hub.database.writing() as db:
        tom = db.get_one(Person, made.people[NAME].id)
        tom.email, tom.phone, tom.note, tom.made_at = EMAIL, PHONE, "likes dogs", now() - 300 * DAY
        db.add(Guest(place_id=tom.place_id, person_id=tom.id, welcome=f"Hello {NAME}",
                     closed_at=now() - 40 * DAY))
        db.add(KeyRequest(place_id=tom.place_id, person_id=tom.id, holder=b"h", text="MORTICE",
                          account_id=cast.accounts["member"].id))
        note(db, "invited somebody", cast.place, cast.accounts["owner"], who=NAME.upper(),
             email=[EMAIL], person=tom.ref)
    return made


@pytest.fixture
def front(cast: Cast, lived: Lived) -> Diary:
    """Four hundred days, an entry each: Tom and Ana by turns, and an alarm now and then."""
    diary = Diary(cast.locks["Front door"].signer)
    for number in range(400):
        at = now() - (399 - number) * DAY - 60
        if number % 50 == 7:
            diary.write(Kind.ALARM, {13: "shock"}, at=at, seal=True)
        else:
            leaf = lived.leaves[NAME if number % 2 else "Ana Sousa"]
            diary.write(Kind.GRANTED, {1: leaf, 2: 1, 8: 0}, at=at)
    diary.write(Kind.STARTED, {}, at=now() - 30)
    keep(cast, "Front door", diary)
    return diary


def whole(cast: Cast, size: int, absent: int) -> None:
    """The log is checked from the disk, with what is left of it."""
    with cast.hub.database.reading() as db:
        found = check_again(db, log_of(cast))
    assert (found.fault, found.size, found.absent) == (None, size, absent)


def everything(cast: Cast) -> str:
    """Every row of every table, as text."""
    with cast.hub.database.reading() as db:
        tables = inspect(db.connection()).get_table_names()
        return "\n".join(
            repr(row) for table in tables
            for row in db.execute(text(f"SELECT * FROM {table}")))


# --- how long -------------------------------------------------------------------------------------


def test_every_kind_says_how_long_why_and_what_then() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.label and kind.why and kind.then and kind.days > 0 for kind in KINDS)


def test_old_entries_go_and_the_log_is_checked_as_before(cast: Cast, front: Diary) -> None:
    with cast.hub.database.writing() as db:
        db.get_one(Place, cast.place.id).retention = {"comings": 30, "safety": 100}
    done = tidy(cast.hub.database, now())
    with cast.hub.database.reading() as db:
        left = db.scalars(select(LogEntry).order_by(LogEntry.number)).all()
    assert len(left) == 401 - done["comings"] - done["safety"]
    assert all(row.at >= now() - 30 * DAY - 60 for row in left if row.sort == 1)
    assert [row.number for row in left if row.sort == 3] == [307, 357]
    whole(cast, 401, 401 - len(left))
    front.fill(300)
    keep(cast, "Front door", front)
    whole(cast, 701, 401 - len(left))
    assert tidy(cast.hub.database, now())["comings"] == 0


def test_nothing_goes_before_its_time(cast: Cast, front: Diary) -> None:
    with cast.hub.database.writing() as db:
        db.get_one(Place, cast.place.id).retention = {kind.name: 500 for kind in KINDS}
    before = everything(cast)
    tidy(cast.hub.database, now())
    assert everything(cast) == before


def test_a_hold_keeps_everything(cast: Cast, front: Diary, as_: AsRole) -> None:
    client = as_("owner")
    path = f"{cast.base}/settings/privacy/hold"
    assert client.post(path, data={"reason": "", "days": "9"}).status_code == 422
    assert client.post(path, data={"reason": "A dispute", "days": "9999"}).status_code == 422
    assert client.post(path, data={"reason": "A dispute", "days": "90"}).status_code == 303
    assert not any(tidy(cast.hub.database, now()).values())
    ref = person_of(cast).ref
    assert client.post(f"{cast.base}/people/{ref}/erase").status_code == 409
    assert "A dispute" in client.get(f"{cast.base}/settings/privacy").text
    assert client.post(f"{path}/end").status_code == 303
    assert tidy(cast.hub.database, now())["comings"] > 0


def test_names_go_some_time_after_the_last_key(cast: Cast, lived: Lived, front: Diary) -> None:
    done = tidy(cast.hub.database, now())
    assert done["people"] == 1
    assert NAME not in everything(cast)
    assert "Ana Sousa" in everything(cast)


def test_somebody_with_a_key_or_a_sign_in_stays(cast: Cast, lived: Lived) -> None:
    lived.is_member("member", NAME)
    with cast.hub.database.writing() as db:
        db.get_one(Person, lived.people["Ana Sousa"].id).made_at = 0
    assert tidy(cast.hub.database, now())["people"] == 0


@pytest.mark.parametrize("days", ["0", "-1", "x", "", "99999999999999999999", "²"])
def test_a_length_that_is_none_changes_nothing(cast: Cast, as_: AsRole, days: str) -> None:
    client = as_("owner")
    path = f"{cast.base}/settings/privacy"
    assert client.post(path, data={"comings": days, "safety": "50"}).status_code == 422
    assert client.post(path, data={"comings": "30"}).status_code == 303
    assert 'value="30"' in client.get(path).text


# --- erasing (L10) --------------------------------------------------------------------------------


def person_of(cast: Cast) -> Person:
    with cast.hub.database.reading() as db:
        return db.scalars(select(Person).where(Person.name == NAME)).one()


def test_somebody_erased_is_nowhere_and_the_log_is_whole(
    cast: Cast, lived: Lived, front: Diary, as_: AsRole,
) -> None:
    client, tom = as_("owner"), person_of(cast)
    assert NAME in client.get(f"{cast.base}/activity?person={tom.ref}").text
    assert client.post(f"{cast.base}/people/{tom.ref}/erase").status_code == 303
    left = everything(cast).casefold()
    for gone in (NAME, EMAIL, PHONE, "likes dogs"):
        assert gone.casefold() not in left
    whole(cast, 401, 0)
    shown = client.get(f"{cast.base}/activity").text
    assert NAME not in shown
    assert lived.leaves[NAME].hex()[:8] in shown
    assert client.get(f"{cast.base}/people/{tom.ref}").status_code == 404
    with cast.hub.database.reading() as db:
        act = db.scalars(select(Act).where(Act.what == "erased a person")).one()
        assert act.about == {"person": tom.ref}


def test_what_was_said_of_a_door_names_nobody_who_was_erased(
    cast: Cast, front: Diary, as_: AsRole) -> None:
    """What was signed stays as it is, and a report made later names them no more."""
    client, tom = as_("owner"), person_of(cast)
    at = f"{cast.base}/doors/{cast.doors['Front door'].ref}/strength"
    client.post(f"{at}/ask/leaf", data={"answer": "yes", "how": "owner", "note": f"{NAME} looked"})
    client.post(f"{at}/report")
    client.post(f"{cast.base}/people/{tom.ref}/erase")
    client.post(f"{at}/report")
    with cast.hub.database.reading() as db:
        assert db.scalars(select(DoorSaid.note)).one() == f"{ERASED} looked"
        before, after = db.scalars(select(DoorReport.content).order_by(DoorReport.id))
    assert (NAME in before.decode(), NAME in after.decode()) == (True, False)


@pytest.mark.parametrize(("name", "written", "left"), [
    ("Ian", "Ian and an Italian, IAN'S friend", f"{ERASED} and an Italian, {ERASED}'S friend"),
    ("Al", "Also al", f"Also {ERASED}"), ("Stra\u00dfe", "STRASSE 3", f"{ERASED} 3"),
    ("\u00c9va", "\u00e9va, \u00c9vald", f"{ERASED}, \u00c9vald"),
    ("Tom W. (plumber)", "for tom w. (plumber).", f"for {ERASED}."),
    ("+44 7700", "+44 77001", None),
    ("Tom", "tom@example.org, Tom", f"{ERASED}, {ERASED}")])
def test_only_the_words_of_a_name_are_taken_out_of_what_was_written(
    cast: Cast, name: str, written: str, left: str | None) -> None:
    ref = f"{name}7abc"
    with cast.hub.database.writing() as db:
        gone = Person(place_id=cast.place.id, name=name, email="tom@example.org", phone="-")
        db.add(gone)
        note(db, "gave notice", cast.place, why=written, told=["Ana", written], notice=name,
             person=ref, door=name, starts=5, keys=[name])
    with cast.hub.database.writing() as db:
        erase(db, db.get_one(Person, gone.id))
    with cast.hub.database.reading() as db:
        said = written if left is None else left
        assert db.scalars(select(Act).where(Act.what == "gave notice")).one().about == {
            "why": said, "told": ["Ana", said], "notice": name, "person": ref, "door": name,
            "starts": 5, "keys": [name]}, "what names a row is no text"


def test_who_holds_a_key_is_not_erased(
    cast: Cast, lived: Lived, as_: AsRole,
) -> None:
    ref = lived.people["Ana Sousa"].ref
    answer = as_("owner").post(f"{cast.base}/people/{ref}/erase")
    assert answer.status_code == 409
    assert "Take it back first" in answer.text
    assert "Ana Sousa" in everything(cast)


def test_a_key_is_remembered_until_every_door_knows(
    cast: Cast, lived: Lived, as_: AsRole,
) -> None:
    with cast.hub.database.writing() as db:
        key = db.scalars(select(Key).where(Key.leaf == lived.leaves[NAME])).one()
        document = Document(place_id=key.place_id, name=b"n" * 16, kind=REVOKE, item=b"",
                            about_key_id=key.id)
        db.add(document)
        db.flush()
        db.add(Delivery(document_id=document.id, door_id=cast.doors["Back door"].id))
    client, path = as_("owner"), f"{cast.base}/people/{person_of(cast).ref}/erase"
    answer = client.post(path)
    assert answer.status_code == 409
    assert "Back door has not heard" in answer.text
    with cast.hub.database.writing() as db:
        db.scalars(select(Delivery)).one().state = "on_door"
    assert client.post(path).status_code == 303
    with cast.hub.database.reading() as db:
        assert db.scalars(select(Document)).one().kind == REVOKE  # it still says what is taken back


@pytest.mark.parametrize("role", ["manager", "member", "auditor"])
def test_only_an_owner_erases(cast: Cast, lived: Lived, as_: AsRole, role: str) -> None:
    path = f"{cast.base}/people/{person_of(cast).ref}/erase"
    assert as_(role).post(path).status_code == 403


# --- what is held ---------------------------------------------------------------------------------


def test_all_that_is_held_of_somebody_and_nobody_else(
    cast: Cast, lived: Lived, front: Diary, as_: AsRole,
) -> None:
    ref = person_of(cast).ref
    path = f"{cast.base}/people/{ref}/held"
    held = json.loads(as_("manager").get(f"{path}.json").text)
    assert held["person"]["email"] == EMAIL
    assert [key["what"] for key in held["keys"]] == ["key"]
    assert len(held["entries"]) == 192
    assert len(held["links"]) == len(held["browsers"]) == 1
    assert "Ana" not in json.dumps(held)
    shown = as_("owner").get(path).text
    assert EMAIL in shown
    assert "The newest" not in shown


def test_a_tenants_own_room_is_for_the_tenant_only(
    cast: Cast, lived: Lived, front: Diary, as_: AsRole,
) -> None:
    make_private(cast)
    lived.is_member("member", NAME)
    path = f"{cast.base}/people/{person_of(cast).ref}/held.json"
    assert as_("owner").get(path).json()["entries"] == []
    assert len(as_("member").get(f"{cast.base}/my-data.json").json()["entries"]) == 192
    assert as_("member").get(f"{cast.base}/my-data").status_code == 200
    assert as_("owner").get(f"{cast.base}/my-data").status_code == 404


def test_who_looked_is_shown(cast: Cast, front: Diary, as_: AsRole) -> None:
    for role, path in (("auditor", "activity"), ("manager", "activity/export.csv")):
        as_(role).get(f"{cast.base}/{path}")
    shown = as_("owner").get(f"{cast.base}/settings/privacy").text
    assert re.search("Auditor</td>.*looked at what happened", shown)
    assert re.search("Manager</td>.*took a copy", shown)


def test_markup_in_a_hold_is_text(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    client.post(f"{cast.base}/settings/privacy/hold",
                data={"reason": "<script>x</script>\x1b[1m", "days": "3"})
    assert "<script>x" not in client.get(f"{cast.base}/settings/privacy").text
    with cast.hub.database.reading() as db:
        assert db.scalars(select(Hold)).one().reason == "<script>x</script>[1m"
