"""Visits that the hub invites by itself: within its link, without script, by page and by API."""

# ruff: noqa: ANN401 — a builder takes any term of what it builds

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from givers import DAY, add_person, new_key
from guest_links import child, sign_claim
from hubs import Cast, browser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from starlette.testclient import TestClient
from test_powers import VISITS, place_in
from test_powers import given as gives_hub

from mortice.core.chain import read_chain, verify_chain
from mortice.core.enrolment import accept_enrolment
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.revocation import REVOKE
from mortice.core.schedule import within
from mortice.hub import tokens
from mortice.hub.app import make_app
from mortice.hub.guests import Invitation, bytes_of, claim, invite
from mortice.hub.keys import CLAIM, PIN, links_of, wire_of
from mortice.hub.outbox import due
from mortice.hub.places import signing_key, site_of
from mortice.hub.tables import Answered, Guest, HubGrant, Key, Person, now

AsRole = Callable[[str], TestClient]
API = Callable[..., TestClient]
SEED = re.compile(r"/k/(\w+)#([\w-]{43})")


def day(ahead: int) -> str:
    return (datetime.now(UTC) + timedelta(days=ahead)).strftime("%Y-%m-%d")


def filled(client: TestClient, cast: Cast, *labels: str, **form: Any) -> dict[str, Any]:
    """The form as the page has it, and what was typed into it."""
    page = client.get(f"{cast.base}/visits").text
    once = re.search(r'name="once" value="([^"]+)"', page)
    assert once, page
    return {"once": once[1], "name": "Jo Guest", "pin": "yes", "start": day(0),
            "start-time": "00:00", "end": day(2), "end-time": "11:00",
            "doors": [cast.doors[label].ref for label in labels or ("Front door",)]} | form


def invites(client: TestClient, cast: Cast, *labels: str, **form: Any) -> Any:
    return client.post(f"{cast.base}/visits", data=filled(client, cast, *labels, **form))


@pytest.fixture
def issuing(cast: Cast) -> HubGrant:
    """The hub may issue for both doors: 14 days, 4 keys a day."""
    with cast.hub.database.writing() as db:
        return gives_hub(cast, db, **VISITS | {"quota": 4})


def plain(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))


def count(cast: Cast) -> int:
    with cast.hub.database.reading() as db:
        return sum(db.scalar(select(func.count()).select_from(table)) or 0
                   for table in (Key, Guest, Person))


def person_page(client: TestClient, cast: Cast, name: str = "Jo Guest") -> str:
    with cast.hub.database.reading() as db:
        person = db.scalars(select(Person).where(Person.name == name)).one()
    return client.get(f"{cast.base}/people/{person.ref}").text


# --- the page ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("issuing")
def test_invited_without_script_shown_once_and_taken_back(cast: Cast, as_: AsRole) -> None:
    manager = as_("manager")
    answer = invites(manager, cast, "Front door", "Back door", welcome="Through the green gate.")
    assert answer.status_code == 200
    assert "<script" not in answer.text.partition("</head>")[2]
    found = SEED.search(answer.text)
    assert found
    assert "data:image/svg+xml" in answer.text  # the QR code
    shown = plain(answer.text)
    digits = re.search(r"The PIN (\d) (\d) (\d) (\d) (\d) (\d) (\d) (\d)", shown)
    assert digits
    page = plain(person_page(manager, cast))
    assert page.count("A PIN at the keypad") == 2
    assert "A link that is still to be opened" in page
    assert found[2] not in page
    assert "Lost phone, or a new one" not in page
    assert "Lost their phone" not in page
    with cast.hub.database.reading() as db:
        guest = db.scalars(select(Guest)).one()
        assert guest.welcome == "Through the green gate."
        assert {key.by_hub for key in db.scalars(select(Key))} == {True}
    with browser(cast.hub) as visitor:
        assert "Through the green gate." in visitor.get(f"/k/{guest.ref}").text
        shown = visitor.post(f"/k/{guest.ref}/pin", headers={"accept": "text/html"},
                             follow_redirects=True).text
        assert " ".join(digits.groups()) in plain(shown)
    back = manager.post(f"{cast.base}/visits/{guest.ref}/take-back")
    assert back.headers["location"].endswith("#taken-back")
    with cast.hub.database.reading() as db:
        assert all(key.taken_back_at for key in db.scalars(select(Key)))
        closed = db.get_one(Guest, guest.id)
        assert (closed.pin, closed.closed_at is None) == (None, False)
        for door in cast.doors.values():
            assert REVOKE in [each.document.kind for each in due(db, door, 9)]
    assert "Take the visit back" not in person_page(manager, cast)
    assert manager.post(f"{cast.base}/visits/{guest.ref}/take-back").status_code == 303  # again


@pytest.mark.usefixtures("issuing")
def test_a_claimed_visit_is_taken_back_whole(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    found = SEED.search(invites(owner, cast).text)
    assert found
    with cast.hub.database.reading() as db:
        guest = db.scalars(select(Guest)).one()
        link = db.get_one(Key, guest.claim_id)
    phone, seed = new_key(), SoftwareKey.from_seed(ED25519, bytes_of(found[2]))
    claim(cast.hub.database, found[1], child(seed, wire_of(link.wire), phone.public), "")
    owner.post(f"{cast.base}/visits/{found[1]}/take-back")
    with cast.hub.database.reading() as db:
        keys = db.scalars(select(Key)).all()
        assert len(keys) == 3  # the link, the phone's key, the PIN
        assert all(key.taken_back_at for key in keys)


@pytest.mark.usefixtures("issuing")
def test_a_form_counts_once(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    form = filled(owner, cast)
    assert owner.post(f"{cast.base}/visits", data=form).status_code == 200
    before = count(cast)
    again = owner.post(f"{cast.base}/visits", data=form)
    assert again.status_code == 410
    assert "sent twice" in again.text
    assert count(cast) == before


@pytest.mark.parametrize(("form", "words"), [
    ({"end": day(20)}, "for 14 days at most"),
    ({"start": day(85), "end": day(95)}, "only until"),
    ({"start": day(3), "end": day(1)}, "end after it starts"),
    ({"start": "soon"}, "Choose a day"), ({"name": " "}, "Write a name."),
    ({"doors": []}, "Choose one door at least."),
    ({"welcome": "x" * 2001}, "at most 2000 letters")])
@pytest.mark.usefixtures("issuing")
def test_each_bound_is_said_and_nothing_is_kept(
    cast: Cast, as_: AsRole, form: dict[str, Any], words: str) -> None:
    answer = invites(as_("owner"), cast, **form)
    assert answer.status_code in {409, 422}
    assert words in plain(answer.text)
    assert ("Jo Guest" in answer.text) == (form.get("name") is None)  # what was typed stays
    assert count(cast) == 0


@pytest.mark.usefixtures("issuing")
def test_a_day_has_room_for_so_many_and_its_pins_count(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    for _ in range(2):
        assert invites(owner, cast).status_code == 200  # a link and a PIN each
    assert "may let 4 keys a day open Front door, and 4 are issued" in plain(
        invites(owner, cast, pin="").text)
    assert invites(owner, cast, "Back door", pin="").status_code == 200


def test_only_the_doors_of_its_link_and_only_where_there_is_one(
    cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    assert owner.get(f"{cast.base}/visits").status_code == 409
    assert "Let this hub send it" not in owner.get(f"{cast.base}/give").text
    with cast.hub.database.writing() as db:
        gives_hub(cast, db, cast.doors["Back door"], **VISITS)
    give = owner.get(f"{cast.base}/give").text
    assert "Let this hub send it" in give
    page = owner.get(f"{cast.base}/visits").text
    assert "Front door" not in page
    assert "Back door" in page
    assert "Choose one door at least." in plain(invites(owner, cast, "Front door").text)


@pytest.mark.usefixtures("issuing")
def test_what_was_filled_in_to_give_a_key_comes_along(cast: Cast, as_: AsRole) -> None:
    owner, known = as_("owner"), add_person(cast, "Tom Known")
    sent = owner.post(f"{cast.base}/give/who", data={"person": known.ref, "kin": "visitor"})
    s = re.search(r"s=([^&]+)", sent.headers["location"])
    assert s
    page = owner.get(f"{cast.base}/visits?s={s[1]}").text
    assert "For <strong>Tom Known</strong>" in page
    assert f'name="person" value="{known.ref}"' in page
    assert invites(owner, cast, person=known.ref, name="").status_code == 200
    assert "A PIN at the keypad" in plain(person_page(owner, cast, "Tom Known"))


def test_what_the_hub_did_not_give_it_does_not_take_back(cast: Cast, as_: AsRole) -> None:
    person = add_person(cast, "Guest")
    with cast.hub.database.writing() as db:
        guest = invite(db, place_in(cast, db), person, Invitation(sign_claim(cast).encoded),
                       cast.accounts["owner"])
    answer = as_("owner").post(f"{cast.base}/visits/{guest.ref}/take-back")
    assert answer.status_code == 404
    with cast.hub.database.reading() as db:
        assert db.get_one(Guest, guest.id).closed_at is None


@pytest.mark.usefixtures("issuing")
def test_the_page_of_taking_back_offers_the_whole_visit(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    invites(owner, cast)
    with cast.hub.database.reading() as db:
        person, guest = db.scalars(select(Person)).one(), db.scalars(select(Guest)).one()
    page = owner.get(f"{cast.base}/people/{person.ref}/take-back").text
    assert f"{cast.base}/visits/{guest.ref}/take-back" in page
    assert "given by somebody else" not in page


# --- the API ----------------------------------------------------------------------------------


@pytest.fixture
def program(cast: Cast) -> Iterator[API]:
    clients = []

    def made(*scopes: str) -> TestClient:
        with cast.hub.database.writing() as db:
            _, secret = tokens.make_token(db, cast.accounts["owner"], cast.place, "test", (
                [*(scopes or ("keys:write",))], 1))
        clients.append(TestClient(make_app(cast.hub), base_url=cast.hub.settings.origin,
                                  headers={"authorization": f"Bearer {secret}"}))
        return clients[-1]

    yield made
    for client in clients:
        client.close()


def body(cast: Cast, **other: Any) -> dict[str, Any]:
    return {"name": "Jo", "doors": [cast.doors["Front door"].ref], "starts": now(),
            "ends": now() + DAY} | other


@pytest.mark.usefixtures("issuing")
def test_a_program_invites_once_and_takes_back(cast: Cast, program: API) -> None:
    client, at = program(), f"/api/v1/places/{cast.place.ref}/visits"
    sends = {"json": body(cast), "headers": {"Idempotency-Key": "booking-17"}}
    answers = [client.post(at, **sends) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    made = answers[0].json()
    assert SEED.search(made["link"])
    assert len(made["pin"]) == 8
    assert [key["what"] for key in made["keys"]] == [CLAIM, PIN]
    with cast.hub.database.reading() as db:
        [kept] = db.scalars(select(Answered)).all()
        for secret in (made["pin"], made["link"].partition("#")[2]):
            assert secret.encode() not in kept.body
    assert client.post(at, json=body(cast, ends=now() + 9), headers={
        "Idempotency-Key": "booking-17"}).json()["code"] == "idempotency-key-reused"
    ended = client.delete(f"{at}/{made['ref']}")
    assert {key["ref"] for key in ended.json()["items"]} == {key["ref"] for key in made["keys"]}
    assert client.delete(f"{at}/{made['ref']}").json()["items"] == []


@pytest.mark.usefixtures("issuing")
def test_a_program_is_refused_as_a_person_is(cast: Cast, program: API) -> None:
    client, at = program(), f"/api/v1/places/{cast.place.ref}/visits"
    for other, code in (
            ({"ends": now() + 15 * DAY}, "beyond-the-hub"),
            ({"doors": ["nothere"]}, "check-the-form"),
            ({"name": ""}, "check-the-form"), ({"person": "nobody"}, "not-found"),
            ({"starts": 10**30, "ends": 10**31}, "beyond-the-hub")):
        answer = client.post(at, json=body(cast, **other))
        assert answer.json()["code"] == code, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.delete(f"{at}/nothere").status_code == 404
    assert program("people:write").post(at, json=body(cast)).status_code == 403
    assert count(cast) == 0


# --- whatever is asked --------------------------------------------------------------------------


asked = st.fixed_dictionaries({
    "doors": st.lists(st.sampled_from(["Front door", "Back door", "Nowhere"]), max_size=3),
    "starts": st.integers(-40 * DAY, 100 * DAY), "length": st.integers(-DAY, 20 * DAY),
    "pin": st.booleans()})


@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(asked, min_size=1, max_size=5))
def test_every_key_lies_within_the_hubs_link(
    cast: Cast, program: API, wanted: list[dict[str, Any]]) -> None:
    """By the core's own check of chains, and by the bounds of the link, whatever a program asks."""
    with cast.hub.database.writing() as db:
        if not db.scalars(select(HubGrant)).all():
            gives_hub(cast, db, **VISITS | {"quota": 3})
    client = program()
    ordinary = {"doors": ["Front door"], "starts": 0, "length": 3600, "pin": True}
    for each in [*wanted, ordinary]:
        start = now() + each["starts"]
        client.post(f"/api/v1/places/{cast.place.ref}/visits", json=body(
            cast, doors=[cast.doors[label].ref if label in cast.doors else "zzz"
                         for label in each["doors"]],
            starts=start, ends=start + each["length"], pin=each["pin"]))
    with cast.hub.database.reading() as db:
        above = links_of(db.scalars(select(HubGrant)).one())[-1]
        keys = db.scalars(select(Key)).all()
    assert keys
    for key in keys:
        lies_within(cast, above, key)
    for door in cast.doors.values():
        leaves = [links_of(key)[-1] for key in keys if door.door_id in links_of(key)[-1].doors]
        for start in range(-60, 120):
            assert above.quota is not None
            assert sum(overlap(leaf, start, ZoneInfo(door.zone)) for leaf in leaves) <= above.quota


def overlap(leaf: Grant, ahead: int, zone: ZoneInfo) -> bool:
    """Does it count on that day, on the door's clock?"""
    at = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = (at + timedelta(days=each) for each in (ahead, ahead + 1))
    assert leaf.nbf is not None
    assert leaf.exp is not None
    return leaf.nbf < end.timestamp() and leaf.exp > start.timestamp()


def lies_within(cast: Cast, above: Grant, key: Key) -> None:
    with cast.hub.database.reading() as db:
        place = place_in(cast, db)
        wire = wire_of(key.wire)
        if key.what == PIN:
            [door] = [each for each in place.doors if each.door_id in links_of(key)[-1].doors]
            links = accept_enrolment(
                site_of(place), wire, signing_key(door), slot_version=-1).verified.links
        else:
            links = verify_chain(read_chain(wire), site_of(place).chain_keys()).links
    leaf = links[-1]
    assert above.id in {link.id for link in links}
    assert leaf.doors <= above.doors
    assert leaf.nbf is not None
    assert leaf.exp is not None
    assert above.exp is not None
    assert above.max_life is not None
    assert leaf.exp <= above.exp
    assert leaf.exp - leaf.nbf <= above.max_life
    assert leaf.use | leaf.delegable in Rights.UNLOCK
    assert key.what == PIN or (leaf.klass, leaf.depth) == (KeyClass.FILE, 1)
    assert above.hours is None or (leaf.hours is not None and within(leaf.hours, above.hours))
