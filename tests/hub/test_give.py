"""Give a key, without script up to the signature, and nothing but what was asked for."""

# ruff: noqa: ANN401 — a form holds texts and lists
from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from givers import GIVES, YEAR, Giver, add_giver, add_person, new_key
from hubs import Cast
from sqlalchemy import select
from starlette.testclient import TestClient
from test_keys import give
from test_mine import asks, passkey_of

from mortice.core import cbor
from mortice.core.grant import Grant, KeyClass, Rights, read_grant
from mortice.core.keys import PublicKey, SoftwareKey
from mortice.core.schedule import Window
from mortice.core.stages import Factors
from mortice.hub.keys import links_of
from mortice.hub.tables import Act, Guest, HubGrant, Key, KeyRequest, Person, Place, now
from mortice.hub.wanted import today_in

AsRole = Callable[[str], TestClient]
NAMED: dict[str, dict[str, Any]] = {"who": {"name": "Tom", "kin": "contractor"}}
TUESDAYS = {"when": "week", "days": ["1"], "week-from": "09:00", "week-to": "12:00"}


def walk(cast: Cast, client: TestClient, **steps: dict[str, Any]) -> str:
    """Fill in the form's pages; where the last one leads."""
    sealed = ""
    for step, said in steps.items():
        answer = client.post(f"{cast.base}/give/{step}", data={"s": sealed} | said)
        assert answer.status_code == 303, re.findall(r'class="wrong"[^>]*>(.*?)</p>', answer.text)
        where = answer.headers["location"]
        sealed = where.partition("?s=")[2].partition("&")[0]
    return sealed


def filled(cast: Cast, client: TestClient, **changes: dict[str, Any]) -> str:
    """The form for the cleaner on Tuesdays, and what differs."""
    front = {"doors": [cast.doors["Front door"].ref]}
    return walk(cast, client, **({**NAMED, "doors": front, "when": TUESDAYS,
                                  "how": {"how": "link"}} | changes))


def check_page(cast: Cast, client: TestClient, sealed: str) -> str:
    answer = client.get(f"{cast.base}/give?s={sealed}&at=check")
    assert answer.status_code == 200
    return answer.text


SAID: dict[str, dict[str, Any]] = {}  # as a page does: what was asked once is what is signed


def terms(cast: Cast, client: TestClient, sealed: str) -> dict[str, Any]:
    if sealed not in SAID:
        answer = client.post(f"{cast.base}/give/terms", json={"s": sealed})
        assert answer.status_code == 200, answer.text
        SAID[sealed] = dict(answer.json())
    return SAID[sealed]


def unsealed(text: str) -> Any:
    return cbor.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def text_of(value: cbor.Value) -> str:
    return base64.urlsafe_b64encode(cbor.encode(value)).decode().rstrip("=")


def grant_of(said: dict[str, Any], holder: PublicKey | None = None, **changes: Any) -> Grant:
    """What a browser would make of the terms."""
    doors = frozenset(base64.urlsafe_b64decode(door + "==") for door in said["doors"])
    hours = said["hours"] and tuple(Window(*each) for each in said["hours"])
    return Grant(**({
        "holder": holder or PublicKey.from_cose(unsealed(said["holder"])), "doors": doors,
        "use": Rights(said["use"]), "klass": KeyClass(said["klass"]),
        "delegable": Rights(said["delegable"]), "depth": said["depth"], "nbf": said["nbf"],
        "exp": said["exp"], "max_life": said["maxLife"], "hours": hours,
        "max_staleness": said["maxStaleness"], "uses": said["uses"],
        "about": {1: said["label"], 2: secrets.token_bytes(8)}} | changes))


def send(cast: Cast, client: TestClient, sealed: str, giver: Giver, *wires: list[cbor.Value],
         **changes: Any) -> Any:
    said = terms(cast, client, sealed)
    return client.post(f"{cast.base}/give/signed", json={
        "s": sealed, "at": said["at"], "key": giver.key.leaf.hex(),
        "signed": [text_of(wire) for wire in wires]} | changes)


# --- the form -------------------------------------------------------------------------------------


def test_the_cleaner_on_tuesdays_is_said_back(cast: Cast, as_: AsRole) -> None:
    add_giver(cast)
    client = as_("owner")
    said = check_page(cast, client, filled(cast, client))
    assert "Tom can open and lock Front door, on Tuesdays 09:00 to 12:00, until " in said
    assert "Tom cannot give keys to anyone." in said
    assert "data-give" in said


def test_a_last_day_ends_at_its_midnight(cast: Cast, as_: AsRole) -> None:
    add_giver(cast)
    client = as_("owner")
    sealed = filled(cast, client, when=TUESDAYS | {"last": "2027-03-31"})
    assert ("on Tuesdays 09:00 to 12:00, until the end of Wed 31 Mar 2027."
            ) in check_page(cast, client, sealed)


def test_without_a_browser_key_the_page_shows_the_command(cast: Cast, as_: AsRole) -> None:
    client = as_("manager")
    said = check_page(cast, client, filled(cast, client))
    assert "data-give" not in said
    assert ("mortice key give Tom --doors front-door --days Tue --hours 09:00-12:00 --link"
            ) in said


def test_at_a_strict_place_only_a_device_gives(cast: Cast, as_: AsRole) -> None:
    add_giver(cast)
    with cast.hub.database.writing() as db:
        db.get_one(Place, cast.place.id).strict = True
    client = as_("owner")
    sealed = filled(cast, client)
    assert "only keys that were made on a device" in check_page(cast, client, sealed)
    assert terms(cast, client, sealed)["terms"] == []


def test_a_key_that_cannot_give_it_says_why(cast: Cast, as_: AsRole) -> None:
    add_giver(cast, hours=(Window(0b11, 480, 660),))
    client = as_("owner")
    said = check_page(cast, client, filled(cast, client))
    assert "hours outside those of the link above" in said


@pytest.mark.parametrize(("step", "said", "words"), [
    ("who", {"name": " ", "kin": "staff"}, "Write a name."),
    ("who", {"name": "x" * 121, "kin": "staff"}, "Write at most 120 letters."),
    ("who", {"name": "To\u202em", "kin": "staff"}, "Leave out characters that cannot be seen."),
    ("who", {"name": "Tom"}, "Choose what they are to this place."),
    ("who", {"person": "nobody", "kin": "staff"}, "Choose somebody, or somebody new."),
    ("doors", {"doors": []}, "Choose one door at least."),
    ("doors", {"doors": ["zzzz"]}, "Choose one door at least."),
    ("when", {}, "Choose when the key opens."),
    ("when", {"when": "visit", "day": "2031-02-30", "from": "9", "to": "12:00"}, "Choose a day"),
    ("when", {"when": "visit", "day": "9999-12-31", "from": "09:00", "to": "00:00"},
     "Choose a day"),
    ("when", {"when": "stay", "start": "0001-01-01", "start-time": "15:00", "end": "2031-05-01",
              "end-time": "11:00"}, "Choose a day"),
    ("when", {"when": "stay", "start": "2031-05-01", "start-time": "15:00", "end": "2200-01-01",
              "end-time": "11:00"}, "Choose a day"),
    ("when", TUESDAYS | {"last": "9999-12-31"}, "Choose a day"),
    ("when", {"when": "visit", "day": "2031-02-03", "from": "10:00+05:00", "to": "12:00"},
     "Write a time"),
    ("when", {"when": "visit", "day": "2031-02-03", "from": "12:00", "to": "09:00"},
     "The key must end after it starts."),
    ("when", {"when": "visit", "day": "2020-02-03", "from": "09:00", "to": "12:00"},
     "The key would have ended already."),
    ("when", {"when": "stay", "start": "2031-05-04", "start-time": "15:00", "end": "2031-05-01",
              "end-time": "11:00"}, "The key must end after it starts."),
    ("when", {"when": "visit", "day": "2031-03-30", "from": "01:30", "to": "03:00"},
     "does not exist on that day"),
    ("when", {"when": "week", "days": [], "week-from": "09:00", "week-to": "12:00"},
     "Choose one day at least."),
    ("when", {"when": "week", "days": ["1"], "week-from": "09:00", "week-to": "09:00"},
     "The hours must end after they start."),
    ("when", {"when": "exact"}, "Write hours for one day at least."),
    ("when", {"when": "exact", "on-2": "9 till noon"}, "Wednesday: write hours like"),
    ("when", {"when": "exact", "on-2": "09:00-25:00"}, "Wednesday: write hours like"),
    ("how", {"how": ""}, "Choose how they get it."),
    ("how", {"how": "request", "request": "please"}, "not a request for a key"),
    ("how", {"how": "link", "digits": "12a4"}, "Type four digits, or nothing."),
])
def test_what_is_wrong_is_said_at_its_field(
    cast: Cast, as_: AsRole, step: str, said: dict[str, Any], words: str,
) -> None:
    client = as_("owner")
    front = {"doors": [cast.doors["Front door"].ref]}
    before: dict[str, dict[str, Any]] = {**NAMED, "doors": front, "when": TUESDAYS}
    order = list(before)
    until = order[:order.index(step)] if step in order else order
    sealed = walk(cast, client, **{each: before[each] for each in until})
    answer = client.post(f"{cast.base}/give/{step}", data={"s": sealed} | said)
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert answer.text.count(words) >= 2  # in the summary, and at the field
    field = re.search(r'href="#(f-[^"]+)"', answer.text)
    assert field is not None
    assert f'id="{field[1]}"' in answer.text


def test_a_visit_that_opens_once_is_for_one_door(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    sealed = walk(cast, client, **NAMED, doors={"doors": [d.ref for d in cast.doors.values()]})
    visit = {"when": "visit", "day": "2031-02-03", "from": "09:00", "to": "12:00", "once": "yes"}
    answer = client.post(f"{cast.base}/give/when", data={"s": sealed} | visit)
    assert "opens once is for one door" in answer.text


def test_markup_in_a_name_stays_text(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    name = "<script>alert(1)</script> & 'Co' \"x\""
    said = check_page(cast, client, filled(cast, client, who={"name": name, "kin": "staff"}))
    assert "<script>alert" not in said
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in said


def test_a_form_of_somebody_elses_hub_or_time_counts_for_nothing(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    for sealed in ("x", "AAAA", filled(cast, client)[:-4] + "AAAA"):
        assert client.get(f"{cast.base}/give?s={sealed}").status_code == 410


def test_the_same_as_priya(cast: Cast, as_: AsRole) -> None:
    giver, priya = add_giver(cast), add_person(cast, "Priya")
    give(cast, giver, priya, "Back door", hours=(Window(0b11111, 420, 1140),))
    client = as_("owner")
    sealed = walk(cast, client, who={"name": "Sam", "kin": "staff", "like": priya.ref})
    doors = client.get(f"{cast.base}/give?s={sealed}&at=doors").text
    assert re.search(rf'value="{cast.doors["Back door"].ref}"[^>]* checked', doors)
    when = client.get(f"{cast.base}/give?s={sealed}&at=when").text
    assert when.count('value="07:00-19:00"') == 5


# --- signing --------------------------------------------------------------------------------------


def test_what_was_signed_is_kept_for_somebody_new(cast: Cast, as_: AsRole) -> None:
    giver, client = add_giver(cast), as_("owner")
    sealed = filled(cast, client)
    said = terms(cast, client, sealed)["terms"][0]
    wire = giver.sign(grant_of(said, new_key().public))
    answers = [send(cast, client, sealed, giver, wire) for _ in range(2)]  # twice is once
    assert [answer.status_code for answer in answers] == [201, 201]
    answer = answers[0]
    with cast.hub.database.reading() as db:
        tom = db.scalars(select(Person).where(Person.name == "Tom")).one()
        key = db.scalars(select(Key).where(Key.person_id == tom.id)).one()
        assert (key.what, tom.what) == ("claim", "Cleaner, carer or trade")
        assert answer.json()["path"] == f"/k/{db.scalars(select(Guest.ref)).one()}"
        assert "gave a key" in db.scalars(select(Act.what)).all()
        assert links_of(key)[-1].hours == (Window(2, 540, 720),)


@pytest.mark.parametrize("changes", [
    {"hours": None}, {"hours": (Window(2, 540, 780),)}, {"delegable": GIVES | Rights.ENROL},
    {"exp": now() + 300 * 86_400}, {"use": Rights.UNLOCK}, {"depth": 2, "max_life": 9},
    {"about": {1: "Somebody else"}},
], ids=["always", "longer", "more", "later", "uses", "deeper", "other name"])
def test_other_terms_than_those_asked_for_are_refused(
    cast: Cast, as_: AsRole, changes: dict[str, Any],
) -> None:
    giver, client = add_giver(cast), as_("owner")
    sealed = filled(cast, client)
    said = terms(cast, client, sealed)["terms"][0]
    wire = giver.sign(grant_of(said, new_key().public, **changes))
    answer = send(cast, client, sealed, giver, wire)
    assert answer.status_code == 422
    assert answer.json()["title"] == "What was signed is not what you asked for"
    with cast.hub.database.reading() as db:
        assert db.scalars(select(Person).where(Person.name == "Tom")).all() == []


def test_other_doors_are_refused_in_words(cast: Cast, as_: AsRole) -> None:
    giver, client = add_giver(cast), as_("owner")
    sealed = filled(cast, client)
    said = terms(cast, client, sealed)["terms"][0]
    both = frozenset(door.door_id for door in cast.doors.values())
    answer = send(cast, client, sealed, giver, giver.sign(
        grant_of(said, new_key().public, doors=both)))
    assert answer.status_code == 422
    assert "not for the doors that you chose" in answer.json()["detail"]


def test_a_signature_that_does_not_hold_is_refused_in_words(cast: Cast, as_: AsRole) -> None:
    giver, client = add_giver(cast), as_("owner")
    sealed = filled(cast, client)
    said = terms(cast, client, sealed)["terms"][0]
    forged = Giver(new_key(), giver.passkey, giver.wire, giver.key, giver.person)
    for signer, touch in ((forged, True), (giver, False)):
        wire = signer.sign(grant_of(said, new_key().public), with_touch=touch)
        answer = send(cast, client, sealed, giver, wire)
        assert answer.status_code == 422
        assert answer.json()["title"] == "That document does not count"


@pytest.mark.parametrize("sent", [
    {"at": 0}, {"at": None}, {"at": "x"}, {"key": "00"}, {"signed": []}, {"signed": ["AAAA"]},
    {"signed": None}, {"s": "x"}, {"signed": ["!"]}, {"signed": 5}, {"signed": {"a": 1}},
    {"signed": [None]}, {"at": True}, {"key": None}])
def test_nonsense_changes_nothing(cast: Cast, as_: AsRole, sent: dict[str, Any]) -> None:
    giver, client = add_giver(cast), as_("owner")
    sealed = filled(cast, client)
    said = terms(cast, client, sealed)["terms"][0]
    wire = giver.sign(grant_of(said, new_key().public))
    answer = send(cast, client, sealed, giver, wire, **sent)
    assert answer.status_code in {409, 410, 422}, answer.text
    with cast.hub.database.reading() as db:
        assert len(db.scalars(select(Key)).all()) == 1


def request_text(holder: SoftwareKey) -> str:
    return f"MORTICE-REQUEST1-{text_of([holder.public.cose, 'Tom'])}"


def test_a_device_that_asked_gets_its_key_as_text(cast: Cast, as_: AsRole) -> None:
    giver, client, phone = add_giver(cast), as_("owner"), new_key()
    sealed = filled(cast, client, how={"how": "request", "request": request_text(phone)})
    letters = phone.public.id.hex()[:8]
    assert f"{letters[:4]} {letters[4:]}" in check_page(cast, client, sealed)
    said = terms(cast, client, sealed)["terms"][0]
    other = send(cast, client, sealed, giver, giver.sign(grant_of(said, new_key().public)))
    assert other.status_code == 422
    answer = send(cast, client, sealed, giver, giver.sign(grant_of(said)))
    assert answer.status_code == 201
    assert answer.json()["text"].startswith("MORTICE-KEY1-")
    roots, doors, wire, *_ = unsealed(answer.json()["text"].removeprefix("MORTICE-KEY1-"))
    assert roots == [cast.site.root]
    assert doors
    assert read_grant(wire[-1][0]).holder == phone.public


def test_a_device_gets_a_key_that_it_may_pass_on(cast: Cast, as_: AsRole) -> None:
    giver, client, phone = add_giver(cast), as_("owner"), new_key()
    how = {"how": "request", "request": request_text(phone), "passes": "1"}
    sealed = filled(cast, client, how=how)
    shown = check_page(cast, client, sealed)
    assert "It may be passed on: open and lock, over 2 steps" in shown
    assert "Tom can give others a key to these doors only" in shown
    assert "--may-pass-on unlock,lock --pass-on-links 2" in shown
    said = terms(cast, client, sealed)["terms"][0]
    assert said["also"] == []
    assert send(cast, client, sealed, giver, giver.sign(grant_of(said))).status_code == 201
    with cast.hub.database.reading() as db:
        leaf = links_of(db.scalars(select(Key).order_by(Key.id.desc())).first())[-1]  # type: ignore[arg-type]
    assert (leaf.use, leaf.delegable, leaf.depth, leaf.max_life) == (GIVES, GIVES, 2, YEAR)
    assert leaf.hours == (Window(2, 540, 720),)
    plain = walk(cast, client, **NAMED, doors={"doors": [cast.doors["Front door"].ref]},
                 when=TUESDAYS, how={"how": "link", "passes": "1"})
    assert "It may be passed on" not in check_page(cast, client, plain), "a guest's page gives none"


def test_a_browser_gets_one_key_that_opens_and_one_that_gives(cast: Cast, as_: AsRole) -> None:
    giver, client, signer = add_giver(cast), as_("owner"), new_key()
    asks(as_("manager"), cast, signer, "Manager")
    with cast.hub.database.reading() as db:
        asked = db.scalars(select(KeyRequest)).one()
        who = {"person": db.get_one(Person, asked.person_id).ref, "kin": "contractor"}
    sealed = filled(cast, client, who=who, how={
        "how": "request", "request": asked.text, "passes": "1"})
    shown = check_page(cast, client, sealed)
    assert "Manager can open and lock Front door, on Tuesdays 09:00 to 12:00" in shown
    assert "It may be passed on: open and lock, over 2 steps" in shown
    said = terms(cast, client, sealed)["terms"][0]
    passkey = passkey_of()
    opens = giver.sign(grant_of(said, passkey=passkey, factors=Factors.PASSKEY))
    gives = giver.sign(grant_of(said["also"][0], passkey=passkey))
    for wires in ([opens], [gives], [gives, opens], [opens, opens], [opens, gives, gives]):
        assert send(cast, client, sealed, giver, *wires).status_code == 422, "both, and no more"
    assert send(cast, client, sealed, giver, opens, gives).status_code == 201
    with cast.hub.database.reading() as db:
        leaves = [links_of(key)[-1] for key in db.scalars(
            select(Key).where(Key.person_id == asked.person_id).order_by(Key.id))]
    assert [(leaf.use, leaf.depth, leaf.factors) for leaf in leaves] == [
        (GIVES, 0, Factors.PASSKEY), (Rights.NONE, 2, Factors.NONE)]


def test_who_may_pass_on_once_cannot_give_a_key_to_pass_on(cast: Cast, as_: AsRole) -> None:
    add_giver(cast, depth=2)
    sealed = filled(cast, as_("owner"), how={
        "how": "request", "request": request_text(new_key()), "passes": "1"})
    shown = check_page(cast, as_("owner"), sealed)
    assert "cannot give this: handed on more often than allowed" in shown


def test_a_start_that_is_over_may_lie_before_the_givers_own(cast: Cast, as_: AsRole) -> None:
    giver, client, day = add_giver(cast, nbf=now() - 60), as_("owner"), today_in(cast.place.zone)
    begun = {"when": "stay", "start": str(day), "start-time": "00:00", "end-time": "11:00",
             "end": str(day + timedelta(days=9))}
    said = terms(cast, client, filled(cast, client, when=begun))["terms"][0]
    assert said["nbf"] >= (giver.leaf.nbf or 0)
    add_giver(cast, "manager", nbf=now() + 3 * 86_400)
    later = check_page(cast, as_("manager"), filled(cast, as_("manager"), when=begun))
    assert "starts before the link above" in later


def test_a_pin_is_signed_for_each_door(cast: Cast, as_: AsRole) -> None:
    giver, client = add_giver(cast), as_("owner")
    both = {"doors": [door.ref for door in cast.doors.values()]}
    sealed = filled(cast, client, doors=both, how={"how": "pin"})
    said = terms(cast, client, sealed)["terms"][0]
    assert [lock["slot"] for lock in said["locks"]] == [1, 1]
    bounds = {"nbf": said["nbf"], "exp": said["exp"], "hours": (Window(2, 540, 720),),
              "about": {1: "Tom", 2: b"x"}}
    items = [giver.pin(door, slot=1, **bounds) for door in cast.doors.values()]
    assert send(cast, client, sealed, giver, items[0]).status_code == 422  # one of two
    answer = send(cast, client, sealed, giver, *items)
    assert answer.status_code == 201, answer.text
    with cast.hub.database.reading() as db:
        assert sorted(db.scalars(select(Key.what)).all()) == ["key", "pin", "pin"]


def test_staleness_follows_who_they_are_if_anybody_refreshes(cast: Cast, as_: AsRole) -> None:
    add_giver(cast)
    client = as_("owner")
    assert terms(cast, client, filled(cast, client))["terms"][0]["maxStaleness"] is None
    with cast.hub.database.writing() as db:
        db.add(HubGrant(place_id=cast.place.id, what="refresh", leaf=b"r" * 16, wire=b""))
    for kin, seconds in (("resident", None), ("family", 30 * 86_400), ("staff", 7 * 86_400),
                         ("contractor", 86_400)):
        sealed = filled(cast, client, who={"name": "Tom", "kin": kin})
        assert terms(cast, client, sealed)["terms"][0]["maxStaleness"] == seconds
    sealed = filled(cast, client, how={"how": "link", "fresh": "never"})
    assert terms(cast, client, sealed)["terms"][0]["maxStaleness"] is None
    stay = {"when": "stay", "start": "2026-12-01", "start-time": "15:00", "end": "2026-12-04",
            "end-time": "11:00"}
    sealed = filled(cast, client, who={"name": "Tom", "kin": "visitor"}, when=stay)
    assert terms(cast, client, sealed)["terms"][0]["maxStaleness"] == 68 * 3600


def test_somebody_who_lives_here_is_sent_to_the_owners_device(cast: Cast, as_: AsRole) -> None:
    add_giver(cast)
    client = as_("owner")
    sealed = filled(cast, client, who={"name": "Tom", "kin": "resident"},
                    when={"when": "always"})
    said = check_page(cast, client, sealed)
    assert "better off with one that the owner signs on a device" in said
    assert "mortice key give Tom --doors front-door --always --resident --link" in said
