"""People: what they hold as doors have confirmed it, edits that widen nothing, and taking back."""

# ruff: noqa: ANN401 — a form holds texts and lists
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from givers import GIVES, Giver, add_giver, add_person, new_key, owner_takes_back
from hubs import Cast, browser, make_cast
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.testclient import TestClient
from test_give import text_of
from test_keys import add_pin, give, lock_says, two_hours, writing

from mortice.core.grant import Rights
from mortice.core.schedule import WEEK, Window, spans
from mortice.hub.keys import alive, links_of, register
from mortice.hub.tables import Act, Key, Person, now

AsRole = Callable[[str], TestClient]
CLEANER = (Window(0b10, 540, 720),)


def edit(client: TestClient, at: str, **changes: Any) -> Any:
    page = client.get(at).text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version is not None
    return client.post(at, data={"name": "Tom", "version": version[1]} | changes)


# --- the list and the person ----------------------------------------------------------------------


def test_nobody_yet(cast: Cast, as_: AsRole) -> None:
    said = as_("owner").get(f"{cast.base}/people").text
    assert "No people yet" in said
    assert "a key for a cleaner takes about 20 seconds" in said.lower()


def test_the_list_says_who_can_open_what(cast: Cast, as_: AsRole) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom", what="cleaner")
    give(cast, giver, tom, "Front door", hours=CLEANER, exp=now() + 30 * 86_400)
    add_pin(cast, giver, tom)
    said = as_("owner").get(f"{cast.base}/people").text
    assert "cleaner · Front door" in said
    assert "can open now" in said
    assert "waiting for 1 door" in said


def test_a_persons_page_quotes_each_door(cast: Cast, as_: AsRole) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    give(cast, giver, tom, "Front door", "Back door", hours=CLEANER)
    add_pin(cast, giver, tom)
    at = f"{cast.base}/people/{tom.ref}"
    said = as_("owner").get(at).text
    assert "Tom can open and lock Front door and Back door, on Tuesdays 09:00 to 12:00" in said
    assert said.count("the door judges it when it is shown") == 2
    assert "the door has not taken it yet" in said
    lock_says(cast, "Front door")
    assert ">on the door<" in as_("owner").get(at).text


def test_names_stay_text_and_within_bounds(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    at = f"{cast.base}/people"
    for name, words in (("", "Write a name."), ("x" * 500, "at most 120 letters"),
                        ("a\x00b", "cannot be seen"), ("a\u202eb", "cannot be seen")):
        answer = client.post(at, data={"name": name})
        assert (answer.status_code, words in answer.text) == (422, True), name
    made = client.post(at, data={"name": "<b>Tom</b>", "what": "x\x07y"})
    said = client.get(made.headers["location"]).text
    assert "&lt;b&gt;Tom&lt;/b&gt;" in said
    assert "<b>Tom" not in said
    assert "x\x07" not in said
    with cast.hub.database.reading() as db:
        assert "added a person" in db.scalars(select(Act.what)).all()


def test_two_managers_at_once(cast: Cast, as_: AsRole) -> None:
    tom = add_person(cast, "Tom")
    at = f"{cast.base}/people/{tom.ref}"
    version = {"version": "1", "name": "Tom"}
    assert as_("owner").post(at, data=version | {"note": "mine"}).status_code == 303
    answer = as_("manager").post(at, data=version | {"note": "theirs"})
    assert answer.status_code == 409
    assert "Somebody else changed this in the meantime" in answer.text
    with cast.hub.database.reading() as db:
        assert db.get_one(Person, tom.id).note == "mine"
    assert edit(as_("manager"), at, note="theirs").status_code == 303


def test_a_form_that_is_wrong_keeps_what_was_typed(cast: Cast, as_: AsRole) -> None:
    tom = add_person(cast, "Tom")
    answer = edit(as_("owner"), f"{cast.base}/people/{tom.ref}", name="", email="tom@x.invalid")
    assert answer.status_code == 422
    assert 'value="tom@x.invalid"' in answer.text


# --- taking back ----------------------------------------------------------------------------------


def post_back(cast: Cast, client: TestClient, person: Person, item: Any, *keys: Key) -> Any:
    return client.post(f"{cast.base}/people/{person.ref}/take-back", json={
        "signed": [{"item": text_of(item), "keys": [key.ref for key in keys]}]})


def test_the_confirm_page_names_person_doors_and_everyone_beneath(
    cast: Cast, as_: AsRole,
) -> None:
    giver, agent, ana = add_giver(cast), add_person(cast, "Agent"), add_person(cast, "Ana")
    phone = new_key()
    wire = giver.give(phone.public, cast.doors["Front door"], delegable=GIVES, depth=1,
                      max_life=7200)
    with writing(cast) as (db, place):
        above = register(db, place, agent, wire)
    middle = Giver(phone, new_key(), wire, above, agent)
    with writing(cast) as (db, place):
        register(db, place, ana, middle.sign(two_hours(cast), with_touch=False))
    said = as_("owner").get(f"{cast.base}/people/{agent.ref}/take-back").text
    assert "Take back everything from Agent?" in said
    assert "These go with it" in said
    assert "<strong>Ana</strong>" in said
    assert "data-groups" in said


def test_each_door_says_when_it_has_learnt_it(cast: Cast, as_: AsRole) -> None:
    giver, tom, client = add_giver(cast), add_person(cast, "Tom"), as_("owner")
    key = give(cast, giver, tom, "Front door", "Back door")
    at = f"{cast.base}/people/{tom.ref}"
    answer = post_back(cast, client, tom, giver.take_back((key.leaf, key.ends_at)), key)
    assert answer.json()["next"] == f"{at}#taken-back"
    said = client.get(at).text
    assert said.count("the door has not heard yet, so it may still open") == 2
    lock_says(cast, "Front door")
    said = client.get(at).text
    assert said.count("so it may still open") == 1
    assert "the door has known since" in said
    assert client.get(f"{at}/take-back").status_code == 409


def test_a_leaver_loses_everything_by_one_act(cast: Cast, as_: AsRole) -> None:
    giver, tom, client = add_giver(cast), add_person(cast, "Tom"), as_("owner")
    keys = [give(cast, giver, tom, "Front door"), add_pin(cast, giver, tom, "Back door")]
    said = client.get(f"{cast.base}/people/{tom.ref}/take-back").text
    assert all(f"{key.ref}" in said for key in keys)
    item = giver.take_back(*((key.leaf, key.ends_at) for key in keys))
    assert post_back(cast, client, tom, item, *keys).status_code == 200
    with cast.hub.database.reading() as db:
        assert not any(alive(key, now()) for key in db.scalars(
            select(Key).where(Key.person_id == tom.id)))


def test_what_was_not_chosen_is_not_taken_back(cast: Cast, as_: AsRole) -> None:
    giver, tom, ana = add_giver(cast), add_person(cast, "Tom"), add_person(cast, "Ana")
    client = as_("owner")
    mine, hers = give(cast, giver, tom, "Front door"), give(cast, giver, ana, "Front door")
    for item, keys in (
            (giver.take_back((hers.leaf, hers.ends_at)), [mine]),
            (giver.take_back((mine.leaf, mine.ends_at), (hers.leaf, hers.ends_at)), [mine]),
            (giver.take_back((hers.leaf, hers.ends_at)), [hers])):  # on Tom's page
        assert post_back(cast, client, tom, item, *keys).status_code in {409, 422}
    with cast.hub.database.reading() as db:
        assert all(alive(key, now()) for key in db.scalars(select(Key)))


def test_what_others_gave_is_left_to_them(cast: Cast, as_: AsRole) -> None:
    mine, theirs, tom = add_giver(cast), add_giver(cast, "manager"), add_person(cast, "Tom")
    key, other = give(cast, mine, tom, "Front door"), give(cast, theirs, tom, "Back door")
    client = as_("owner")
    said = client.get(f"{cast.base}/people/{tom.ref}/take-back").text
    assert "The other 1 was given by somebody else" in said
    assert "Take back what you gave" in said
    item = mine.take_back((key.leaf, key.ends_at))
    assert post_back(cast, client, tom, item, key).status_code == 200
    with cast.hub.database.reading() as db:
        assert alive(db.get_one(Key, other.id), now())
        assert not alive(db.get_one(Key, key.id), now())


@pytest.mark.parametrize("sent", [
    {}, {"signed": []}, {"signed": "x"}, {"signed": [5]}, {"signed": [{}]},
    {"signed": [{"keys": "x", "item": 5}]}, {"signed": [{"keys": 5}]},
    {"signed": [{"keys": [1], "item": "AAAA"}]}])
def test_nonsense_takes_nothing_back(cast: Cast, as_: AsRole, sent: dict[str, Any]) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    give(cast, giver, tom, "Front door")
    answer = as_("owner").post(f"{cast.base}/people/{tom.ref}/take-back", json=sent)
    assert answer.status_code in {409, 422}, answer.text
    with cast.hub.database.reading() as db:
        assert all(alive(key, now()) for key in db.scalars(select(Key)))


def test_the_owners_command_takes_back_whatever_was_given(cast: Cast, as_: AsRole) -> None:
    manager, tom = add_giver(cast, "manager"), add_person(cast, "Tom")
    key = give(cast, manager, tom, "Front door")
    at = f"{cast.base}/people/{tom.ref}/take-back?key={key.ref}"
    said = as_("owner").get(at).text
    assert "data-take-back" not in said
    assert f"mortice key take-back {key.leaf.hex()}<" in said  # whole: that device never saw it
    assert "data-take-back" in as_("manager").get(at).text
    said = as_("owner").get(f"{cast.base}/people/{manager.person.ref}/take-back").text
    assert f"mortice key take-back {manager.key.leaf.hex()}" in said
    assert "<strong>Tom</strong>" in said  # who goes with it


# --- no edit widens access ------------------------------------------------------------------------


def usable(cast: Cast, person: Person) -> set[tuple[bytes, int, int]]:
    """Door, minute of the week and right that somebody can use by what is kept, times aside."""
    found: set[tuple[bytes, int, int]] = set()
    with cast.hub.database.reading() as db:
        for key in db.scalars(select(Key).where(Key.person_id == person.id)):
            if not alive(key, now()):
                continue
            links = links_of(key)
            minutes = set(range(0, WEEK, 30))
            for link in links:
                if link.hours is not None:
                    minutes &= {minute for minute in minutes for start, end in spans(link.hours)
                                if start <= minute < end}
            rights = [right for right in Rights if right in links[-1].use
                      and all(right in link.delegable for link in links[:-1])]
            found |= {(door, minute, int(right)) for door in links[-1].doors
                      for minute in minutes for right in rights}
    return found


FIELDS = st.fixed_dictionaries({
    "name": st.text(max_size=20), "what": st.text(max_size=9), "version": st.sampled_from("1239"),
    "note": st.text(max_size=9)}, optional={
        "place_id": st.just("1"), "doors": st.just("all"), "keys": st.just("x"), "id": st.just("1"),
        "person_id": st.just("1"), "ends_at": st.just(""), "taken_back_at": st.just("")})
ACTS = st.lists(st.tuples(st.sampled_from(
    ["edit tom", "edit ana", "add", "give to other", "forge", "take back",
     "forge back", "wrong back", "door answers", "form"]), FIELDS), max_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("widening")


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=ACTS)
def test_nothing_widens_without_a_signed_document(folder: Path, acts: list[Any]) -> None:
    """Whatever is posted, what people can use grows only by a link that the owner's key signed."""
    at = folder / str(len(list(folder.iterdir())))
    cast = make_cast(at)
    try:
        giver = add_giver(cast)
        tom, ana = add_person(cast, "Tom"), add_person(cast, "Ana")
        key = give(cast, giver, tom, "Front door", hours=CLEANER, use=Rights.UNLOCK)
        add_pin(cast, giver, ana, "Back door", hours=CLEANER)
        with browser(cast.hub, cast.accounts["owner"]) as client:
            before = {person.id: usable(cast, person) for person in (tom, ana)}
            for act, fields in acts:
                do(cast, client, giver, (tom, ana, key), act, fields)
                for person in (tom, ana):
                    after = usable(cast, person)
                    assert after <= before[person.id], act
                    before[person.id] = after
    finally:
        cast.hub.database.close()


def do(cast: Cast, client: TestClient, giver: Giver,  # noqa: PLR0913, PLR0917
       those: tuple[Person, Person, Key], act: str, fields: dict[str, str]) -> None:
    tom, ana, key = those
    stranger = Giver(new_key(), new_key(), giver.wire, giver.key, giver.person)
    wire = (stranger if act == "forge" else giver).give(new_key().public, *cast.doors.values())
    backs = {"take back": giver, "forge back": stranger}
    if act in backs:
        post_back(cast, client, tom, backs[act].take_back((key.leaf, key.ends_at)), key)
    elif act == "wrong back":
        post_back(cast, client, ana, owner_takes_back(cast, (bytes(16), None)), key)
    elif act == "door answers":
        lock_says(cast, "Front door")
    elif act == "form":
        for step in ("who", "doors", "when", "how"):
            client.post(f"{cast.base}/give/{step}", data=fields)
    elif act in {"give to other", "forge"}:
        client.post(f"{cast.base}/give/signed", json={
            "s": fields["name"], "at": now(), "key": giver.key.leaf.hex(), "person": ana.ref,
            "signed": [text_of(wire)]})
        client.post(f"{cast.base}/guests", json={"person": ana.ref, "wire": text_of(wire)})
    else:
        path = {"edit tom": f"/{tom.ref}", "edit ana": f"/{ana.ref}", "add": ""}[act]
        client.post(f"{cast.base}/people{path}", data=fields)
