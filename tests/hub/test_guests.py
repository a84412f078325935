"""A guest link: made by its giver, claimed by one phone, and of no use to anybody else."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from givers import add_giver, first_link
from guest_links import CLAIM, DAY, Signed, child, new_key, sign_claim
from hubs import ORIGIN, Cast, add_place
from icalendar import Calendar
from sqlalchemy import select
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from mortice.client.owner import Terms
from mortice.core import cbor
from mortice.core.grant import KeyClass, Rights, sign_grant
from mortice.core.keys import SoftwareKey
from mortice.core.revocation import REVOKE, Revoked, sign_revocation
from mortice.core.site import Role as SiteRole
from mortice.hub.guests import TRIES, text_of, try_digits
from mortice.hub.keys import register, register_pin
from mortice.hub.problems import Problem
from mortice.hub.relay import NOT_CONNECTED
from mortice.hub.stays import guest_rows, seal_pin, wait, with_phones
from mortice.hub.tables import Act, Base, Guest, Key, Person, Place

AsRole = Callable[[str], TestClient]


@dataclass
class Giver:
    """An owner at work in a browser, and what they did there."""

    cast: Cast
    client: TestClient
    person: Person
    signed: Signed

    def sign(self, terms: Terms = CLAIM, **more: Any) -> Signed:  # noqa: ANN401 - as sign_claim
        self.signed = sign_claim(self.cast, terms, **more)
        return self.signed

    def post(self, **said: object) -> tuple[int, dict[str, str]]:
        answer = self.client.post(f"{self.cast.base}/guests", json={
            "person": self.person.ref, "wire": text_of(self.signed.encoded), **said})
        return answer.status_code, answer.json()

    def link(self, **said: object) -> str:
        status, answer = self.post(**said)
        assert status == 201, answer
        return answer["path"]


@pytest.fixture
def giver(cast: Cast, as_: AsRole) -> Giver:
    with cast.hub.database.writing() as db:
        person = Person(place_id=cast.place.id, name="Guest of the annexe", what="guest")
        db.add(person)
    return Giver(cast, as_("owner"), person, sign_claim(cast))


def claimed(signed: Signed, by: SoftwareKey | None = None,
            klass: KeyClass = KeyClass.WEB) -> str:
    """What a phone sends."""
    return text_of(child(by or signed.key, signed.wire, klass=klass))


def guest_of(cast: Cast, path: str) -> Guest:
    with cast.hub.database.reading() as db:
        found = db.scalar(select(Guest).where(Guest.ref == path.rsplit("/", 1)[1]))
        assert found is not None
        return found


# --- making ---------------------------------------------------------------------------------------


def test_a_link_is_made_and_its_page_opens_for_anybody_who_has_it(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path = giver.link(welcome="Past the yew, blue door", help="Ring Margaret 07700 900123")
    page = as_("nobody").get(path)
    assert page.status_code == 200
    assert "Front door" in page.text
    assert "Past the yew, blue door" in page.text
    assert 'href="tel:07700900123"' in page.text
    assert "Guest of the annexe" not in page.text, "nobody's name is on a page that is open to all"


def test_sent_twice_it_is_made_once(giver: Giver) -> None:
    assert giver.link() == giver.link()


@pytest.mark.parametrize("terms", [
    replace(CLAIM, use=Rights.UNLOCK),
    replace(CLAIM, depth=2),
    replace(CLAIM, delegable=Rights.UNLOCK | Rights.ENROL),
    replace(CLAIM, delegable=Rights.LOCK),
    replace(CLAIM, klass=KeyClass.DEVICE),
    replace(CLAIM, klass=KeyClass.WEB),
], ids=["opens", "deep", "enrols", "only-locks", "device", "web"])
def test_a_key_that_may_do_more_than_be_claimed_is_not_taken(giver: Giver, terms: Terms) -> None:
    giver.sign(terms)
    assert giver.post()[0] == 422


def test_a_chain_of_somebody_else_is_not_taken(cast: Cast, giver: Giver) -> None:
    other, _, _, _ = add_place(cast.hub, "Next door", ("Gate",))
    leaf = giver.signed.leaf
    giver.signed.wire = [sign_grant(replace(leaf, document=None, site=other.site.id), new_key())]
    assert giver.post()[0] == 422
    giver.signed.wire = []
    assert giver.post()[0] == 422


@pytest.mark.parametrize("said", [
    {"digits": "12"}, {"digits": "12a4"}, {"digits": "١٢٣٤"}, {"welcome": "x" * 3000},
    {"person": "aaaaaaaaaa"}, {"wire": "!"}, {"wire": 7}, {"replaces": "aaaaaaaaaa"}])
def test_nonsense_makes_no_link(cast: Cast, giver: Giver, said: dict[str, object]) -> None:
    assert giver.post(**said)[0] in {404, 422}
    with cast.hub.database.reading() as db:
        assert db.scalars(select(Guest)).all() == []
        assert db.scalars(select(Key)).all() == []


# --- claiming -------------------------------------------------------------------------------------


def test_the_first_phone_has_it_and_no_other(cast: Cast, giver: Giver, as_: AsRole) -> None:
    path = giver.link()
    guest, other = as_("nobody"), as_("nobody")
    wire = claimed(giver.signed)
    for _ in ("once", "and again, because the answer was lost"):
        assert guest.post(f"{path}/claim", json={"wire": wire}).status_code == 200
    refused = other.post(f"{path}/claim", json={"wire": claimed(giver.signed)})
    assert refused.status_code == 409
    assert refused.json()["title"] == "This key is on another phone"
    with cast.hub.database.reading() as db:
        keys = db.scalars(select(Key).order_by(Key.id)).all()
    assert [key.what for key in keys] == ["claim", "key"]
    assert keys[1].parent_id == keys[0].id
    assert guest_of(cast, path).key_id == keys[1].id


def test_of_two_phones_at_the_same_moment_one_has_it(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path = giver.link()
    clients = [as_("nobody") for _ in range(4)]
    for client in clients:  # an application makes its routes at the first request, in one thread
        client.get(path)
    wires = [claimed(giver.signed) for _ in clients]
    codes: list[int] = []

    def go(client: TestClient, wire: str) -> None:
        codes.append(client.post(f"{path}/claim", json={"wire": wire}).status_code)

    threads = [threading.Thread(target=go, args=pair) for pair in zip(clients, wires, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 409, 409, 409]


def test_what_the_claim_key_did_not_sign_is_no_claim(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, guest = giver.link(), as_("nobody")
    forged, whole = claimed(giver.signed, new_key()), claimed(giver.signed)
    for wire in (forged, whole[:-3], "", text_of(giver.signed.encoded)):
        assert guest.post(f"{path}/claim", json={"wire": wire}).status_code == 422
    other = giver.sign(labels=("Back door",))
    giver.link()
    assert guest.post(f"{path}/claim", json={"wire": claimed(other)}).status_code == 422
    assert guest_of(cast, path).key_id is None


@pytest.mark.parametrize("klass", [KeyClass.FILE, KeyClass.BRIDGE])
def test_it_goes_to_a_phone_and_to_nothing_else(
    giver: Giver, as_: AsRole, klass: KeyClass) -> None:
    path = giver.link()
    sent = {"wire": claimed(giver.signed, klass=klass)}
    assert as_("nobody").post(f"{path}/claim", json=sent).status_code == 422


def test_a_link_that_has_ended_is_not_claimed(cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, guest = giver.link(), as_("nobody")
    closed = giver.client.post(f"{cast.base}/guests/{path[3:]}/close")
    assert closed.status_code == 303
    assert guest.post(f"{path}/claim", json={"wire": claimed(giver.signed)}).status_code == 410
    assert "This key has ended" in guest.get(path).text


def test_who_looks_for_links_finds_none(as_: AsRole) -> None:
    guest = as_("nobody")
    for path in ("aaaaaaaaaa", "aaaaaaaaaa/stay.ics", "%00", "aaaaaaaaaa/manifest.webmanifest"):
        assert guest.get(f"/k/{path}").status_code == 404
    assert guest.post("/k/aaaaaaaaaa/pin").status_code == 404
    assert guest.post("/k/aaaaaaaaaa/claim", json={}).status_code == 404


# --- the line to a door ---------------------------------------------------------------------------


def closing(client: TestClient, path: str) -> int:
    """With which code a line to a door ends; 0 where it is not even taken up."""
    try:
        with client.websocket_connect(f"ws{ORIGIN[4:]}{path}") as socket:
            while True:
                socket.receive_bytes()
    except WebSocketDenialResponse:
        return 0
    except WebSocketDisconnect as ended:
        return ended.code if ended.code >= 4000 else 0


def test_only_a_key_that_is_on_a_phone_is_relayed_and_only_to_its_doors(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, guest = giver.link(), as_("nobody")
    front, back = (f"{path}/doors/{cast.doors[label].ref}/line"
                   for label in ("Front door", "Back door"))
    assert closing(guest, front) == 0, "nobody has the key yet"
    guest.post(f"{path}/claim", json={"wire": claimed(giver.signed)})
    assert closing(guest, front) == NOT_CONNECTED.code, "the guest passes; this lock is not there"
    assert closing(guest, back) == 0
    assert closing(guest, front.replace(path, "/k/aaaaaaaaaa")) == 0
    giver.client.post(f"{cast.base}/guests/{path[3:]}/close")
    assert closing(guest, front) == 0, "it has ended"


def test_a_page_of_elsewhere_has_no_line(cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, guest = giver.link(), as_("nobody")
    guest.post(f"{path}/claim", json={"wire": claimed(giver.signed)})
    guest.headers |= {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert closing(guest, f"{path}/doors/{cast.doors['Front door'].ref}/line") == 0


# --- the digits -----------------------------------------------------------------------------------


def test_five_wrong_tries_and_the_link_is_worth_nothing(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, guest = giver.link(digits="4711"), as_("nobody")
    said = set()
    for digits in ("4712", "4710", "", "47110", "x" * 500):
        answer = guest.post(f"{path}/claim", json={"wire": claimed(giver.signed), "digits": digits})
        assert answer.status_code == 403
        said.add(answer.text)
    assert len(said) == 1, "a wrong try tells nothing, not even how wrong it was"
    late = guest.post(f"{path}/claim", json={"wire": claimed(giver.signed), "digits": "4711"})
    assert late.status_code == 403
    assert "Ask your host" in late.json()["detail"]
    assert guest_of(cast, path).key_id is None


def test_the_right_digits_put_it_on_the_phone(cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, guest = giver.link(digits="4711"), as_("nobody")
    assert guest.post(f"{path}/claim", json={"wire": claimed(giver.signed)}).status_code == 403
    sent = {"wire": claimed(giver.signed), "digits": "4711"}
    assert guest.post(f"{path}/claim", json=sent).status_code == 200
    assert guest_of(cast, path).tries_left == TRIES - 1, "a right try forgives no wrong one"


def test_without_the_whole_link_nobody_uses_the_tries_up(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, guest = giver.link(digits="4711"), as_("nobody")
    for _ in range(10):
        wire = claimed(giver.signed, new_key())
        guest.post(f"{path}/claim", json={"wire": wire, "digits": "0000"})
    assert guest_of(cast, path).tries_left == TRIES
    for _ in range(10):
        assert guest.post(f"{path}/pin", data={"pin-digits": "0000"}).status_code == 403
    sent = {"wire": claimed(giver.signed), "digits": "4711"}
    assert guest.post(f"{path}/claim", json=sent).status_code == 200


def test_a_try_is_on_disk_before_it_is_compared(
    cast: Cast, giver: Giver, monkeypatch: pytest.MonkeyPatch) -> None:
    path = giver.link(digits="4711")

    def power_cut(*_: object) -> bool:
        assert guest_of(cast, path).tries_left == TRIES - 1
        raise KeyboardInterrupt

    monkeypatch.setattr("mortice.hub.guests.is_password", power_cut)
    with pytest.raises(KeyboardInterrupt):
        try_digits(cast.hub.database, path[3:], "4711", keep=0)
    assert guest_of(cast, path).tries_left == TRIES - 1


def test_many_at_once_get_no_more_tries(cast: Cast, giver: Giver) -> None:
    path = giver.link(digits="4711")
    refused: list[str] = []

    def guess(number: int) -> None:
        try:
            try_digits(cast.hub.database, path[3:], f"{number:04}", keep=0)
        except Problem as problem:
            refused.append(problem.code)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(refused) == ["no-tries"] * 7 + ["wrong-digits"] * TRIES


def test_the_digits_are_kept_as_a_hash(cast: Cast, giver: Giver) -> None:
    path = giver.link(digits="4711")
    assert (guest_of(cast, path).check or "").startswith("$argon2id$")
    assert b"4711" not in everything(cast)


def everything(cast: Cast) -> bytes:
    """Every value in the database."""
    with cast.hub.database.reading() as db:
        rows = [row for table in Base.metadata.sorted_tables for row in db.execute(select(table))]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode()
                      for row in rows for value in row)


# --- the spare PIN --------------------------------------------------------------------------------


def put_pin(cast: Cast, path: str, digits: str = "482913") -> None:
    with cast.hub.database.writing() as db:
        guest = db.scalar(select(Guest).where(Guest.ref == path[3:]))
        assert guest is not None
        guest.pin = seal_pin(cast.hub.own, guest, digits)


def test_the_pin_is_shown_without_script_and_read_digit_by_digit(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, guest = giver.link(), as_("nobody")
    put_pin(cast, path)
    assert "482" not in guest.get(path).text, "what previews links must not see it"
    shown = guest.post(f"{path}/pin")
    assert shown.status_code == 303
    page = guest.get(shown.headers["location"]).text
    assert "4 8 2 9 1 3" in page
    assert "4 8 2 9 1 3" in guest.get(path).text
    assert "4 8 2 9 1 3" not in as_("nobody").get(path).text
    assert b"482913" not in everything(cast)


def test_with_a_check_the_pin_waits_for_the_digits(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, guest = giver.link(digits="4711"), as_("nobody")
    put_pin(cast, path)
    wrong = guest.post(f"{path}/pin", data={"pin-digits": "1111"})
    assert wrong.status_code == 403
    assert "Those are not the digits" in wrong.text
    assert "4 8 2" not in wrong.text + guest.get(f"{path}?pin=shown").text
    assert guest.post(f"{path}/pin", data={"pin-digits": "4711"}).status_code == 303
    assert "4 8 2 9 1 3" in guest.get(path).text


@pytest.mark.parametrize(("start", "end"), [(DAY, 2 * DAY), (-2 * DAY, -DAY)])
def test_the_pin_is_shown_within_the_stay_only(
    cast: Cast, giver: Giver, as_: AsRole, start: int, end: int) -> None:
    giver.sign(start=start, end=end)
    path, guest = giver.link(), as_("nobody")
    put_pin(cast, path)
    guest.post(f"{path}/pin")
    assert "4 8 2" not in guest.get(f"{path}?pin=shown").text


def test_another_links_cookie_shows_no_pin(cast: Cast, giver: Giver, as_: AsRole) -> None:
    guest, mine = as_("nobody"), giver.link()
    guest.post(f"{mine}/pin")
    token = next(iter(guest.cookies.jar)).value
    giver.sign()
    theirs = giver.link(digits="4711")
    put_pin(cast, theirs)
    assert token
    page = as_("nobody").get(theirs, headers={"cookie": f"guest-{theirs[3:]}={token}"})
    assert "4 8 2" not in page.text


# --- what the page says ---------------------------------------------------------------------------


def test_a_stay_that_has_not_begun_says_when_it_does(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    giver.sign(start=2 * DAY + 600, end=4 * DAY)
    page = as_("nobody").get(giver.link()).text
    start = giver.signed.leaf.nbf
    assert start is not None
    begins = datetime.fromtimestamp(start, ZoneInfo("Europe/London"))
    assert f"Starts {begins:%A} at {begins:%H:%M}" in page
    assert "in 2 days" in page
    assert "You can do that now" in page


def test_a_key_that_was_taken_back_says_so(cast: Cast, giver: Giver, as_: AsRole) -> None:
    path = giver.link()
    with cast.hub.database.writing() as db:
        key = db.get_one(Key, guest_of(cast, path).claim_id)
        key.taken_back_at = int(time.time())
    page = as_("nobody").get(path).text
    assert "This key was taken back" in page
    assert "guest.js" not in page


def test_words_that_people_wrote_are_words(cast: Cast, giver: Giver, as_: AsRole) -> None:
    evil = "<script>alert(1)</script>'\"&\x1b[31m\u202e" + "x" * 500
    with cast.hub.database.writing() as db:
        for row in (db.merge(cast.place), db.merge(cast.doors["Front door"])):
            setattr(row, "name" if hasattr(row, "name") else "label", evil)
        db.merge(cast.place).address = evil
    path = giver.link(welcome=evil, help=evil)
    guest = as_("nobody")
    assert "<script>alert" not in guest.get(path).text
    for text in (guest.get(path).text, guest.get(f"{path}/manifest.webmanifest").text,
                 guest.get(f"{path}/stay.ics").text):
        assert "\x1b" not in text
        assert "\u202e" not in text
    entry = Calendar.from_ical(guest.get(f"{path}/stay.ics").content).walk("VEVENT")
    assert len(entry) == 1


def test_the_calendar_has_the_doors_own_clock(giver: Giver, as_: AsRole) -> None:
    path = giver.link()
    found = as_("nobody").get(f"{path}/stay.ics")
    assert found.headers["content-type"].startswith("text/calendar")
    made = Calendar.from_ical(found.content)
    [event] = made.walk("VEVENT")
    leaf = giver.signed.leaf
    assert event["DTSTART"].params["TZID"] == "Europe/London"
    assert int(event["DTSTART"].dt.timestamp()) == leaf.nbf
    assert int(event["DTEND"].dt.timestamp()) == leaf.exp
    assert [zone["TZID"] for zone in made.walk("VTIMEZONE")] == ["Europe/London"]


def test_a_key_without_end_has_no_calendar_entry(giver: Giver, as_: AsRole) -> None:
    giver.sign(end=None)
    path = giver.link()
    assert as_("nobody").get(f"{path}/stay.ics").status_code == 404
    assert "stay.ics" not in as_("nobody").get(path).text


@pytest.mark.parametrize(("seconds", "words"), [
    (0, "in a moment"), (150, "in 2 minutes"), (5400, "in 90 minutes"), (DAY, "in 24 hours"),
    (3 * DAY - 1, "in 2 days")])
def test_waiting_in_words(seconds: int, words: str) -> None:
    assert wait(seconds) == words


def test_a_number_to_ring_is_found_in_a_sentence() -> None:
    assert with_phones("Ring +44 7700 900123, flat 12") == [
        ("Ring ", ""), ("+44 7700 900123", "+447700900123"), (", flat 12", "")]


# --- the host -------------------------------------------------------------------------------------


def test_the_host_sees_how_each_link_stands(cast: Cast, giver: Giver, as_: AsRole) -> None:
    path = giver.link(digits="4711")
    guest = as_("nobody")
    guest.post(f"{path}/claim", json={"wire": claimed(giver.signed), "digits": "1"})
    giver.sign(start=DAY, labels=("Front door", "Back door"))
    giver.link()
    with cast.hub.database.reading() as db:
        new, old = guest_rows(db, giver.person)
    assert (new.words, new.doors) == ("has not started", "Front door, Back door")
    assert (old.words, old.digits) == ("not opened yet", "4 tries at the digits left")
    assert old.open


def like(cast: Cast, old: Signed, **other: Any) -> Signed:  # noqa: ANN401 - terms of a link
    """A link with the same terms to another claim key."""
    made = Signed(secrets.token_bytes(32), [])
    link = replace(old.leaf, **{"holder": made.key.public, "document": None} | other)
    made.wire = [sign_grant(link, cast.grant_key)]
    return made


def moved(cast: Cast, giver: Giver, path: str) -> dict[str, object]:
    """Sign the taking back of an old link, and a new one like it in its place."""
    leaf = giver.signed.leaf
    entry = Revoked(leaf.id, leaf.exp)
    document = sign_revocation(cast.site.site.id, [entry], cast.site.keys[SiteRole.REVOKE])
    giver.signed = like(cast, giver.signed)
    return {"replaces": path[3:],
            "taking_back": text_of(cbor.encode([REVOKE, document, None, None]))}


def test_moving_to_another_phone_gives_anew_and_takes_back_in_one_act(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, guest = giver.link(digits="4711", welcome="Mind the step"), as_("nobody")
    put_pin(cast, path)
    guest.post(f"{path}/claim", json={"wire": claimed(giver.signed), "digits": "4711"})
    status, answer = giver.post(**moved(cast, giver, path))
    assert status == 201, answer
    assert "Mind the step" in as_("nobody").get(answer["path"]).text
    assert "This key was taken back" in guest.get(path).text
    with cast.hub.database.reading() as db:
        keys = db.scalars(select(Key).order_by(Key.id)).all()
        assert [key.taken_back_at is not None for key in keys] == [True, True, False]
        acts = list(db.scalars(select(Act.what)))
    assert "closed a guest link" in acts
    other, sent = as_("nobody"), {"wire": claimed(giver.signed)}
    assert other.post(f"{answer['path']}/claim", json=sent).status_code == 403, "the digits stay"
    assert other.post(
        f"{answer['path']}/claim", json=sent | {"digits": "4711"}).status_code == 200
    assert "4 8 2 9 1 3" not in other.get(answer["path"]).text, "whoever has the phone knows it"
    assert guest_of(cast, answer["path"]).pin is None


def test_moving_without_a_good_signature_changes_nothing(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path = giver.link()
    said = moved(cast, giver, path)
    said["taking_back"] = text_of(cbor.encode([REVOKE, b"\x80", None, None]))
    assert giver.post(**said)[0] == 422
    assert guest_of(cast, path).closed_at is None
    with cast.hub.database.reading() as db:
        assert len(db.scalars(select(Guest)).all()) == 1


def live_keys(cast: Cast) -> list[Key]:
    with cast.hub.database.reading() as db:
        return list(db.scalars(select(Key).where(Key.taken_back_at.is_(None))))


@pytest.mark.parametrize("over", ["closed", "link taken back", "key taken back"])
def test_what_is_over_does_not_come_alive_again_by_moving(
    cast: Cast, giver: Giver, as_: AsRole, over: str) -> None:
    path = giver.link()
    as_("nobody").post(f"{path}/claim", json={"wire": claimed(giver.signed)})
    at = f"{cast.base}/guests/{path[3:]}"
    assert giver.client.get(f"{at}/move").status_code == 200
    if over == "closed":
        giver.client.post(f"{at}/close")
    else:
        guest = guest_of(cast, path)
        with cast.hub.database.writing() as db:
            name = guest.claim_id if over == "link taken back" else guest.key_id
            db.get_one(Key, name).taken_back_at = int(time.time())
    before = len(live_keys(cast))
    status, answer = giver.post(**moved(cast, giver, path))
    assert (status, answer["code"]) == (409, "link-over")
    assert len(live_keys(cast)) == before
    page = giver.client.get(f"{at}/move")
    assert page.status_code == 409
    assert "That link has ended, was taken back, or was moved already" in page.text
    assert "or give a new key" in page.text


def test_moved_twice_one_link_lives_and_a_lost_answer_is_given_again(
    cast: Cast, giver: Giver) -> None:
    path, old = giver.link(), giver.signed
    first = moved(cast, giver, path)
    status, answer = giver.post(**first)
    assert status == 201
    assert giver.post(**first) == (201, answer)
    signed, giver.signed = giver.signed, old
    assert giver.post(**moved(cast, giver, path))[0] == 409
    assert [key.leaf for key in live_keys(cast)] == [signed.leaf.id]


@pytest.mark.parametrize("other", ["door", "later", "earlier", "rights", "itself", "known"])
def test_what_takes_its_place_is_for_the_same_doors_times_and_rights(
    cast: Cast, giver: Giver, other: str) -> None:
    path, old = giver.link(), giver.signed
    said, leaf = moved(cast, giver, path), old.leaf
    giver.signed = old if other == "itself" else like(cast, old, **{
        "door": {"doors": leaf.doors | {cast.doors["Back door"].door_id}},
        "later": {"exp": (leaf.exp or 0) + DAY}, "earlier": {"nbf": (leaf.nbf or 0) - DAY},
        "rights": {"delegable": Rights.UNLOCK | Rights.LOCK}, "known": {}}[other])
    if other == "known":
        giver.link()
    before = live_keys(cast)
    status, answer = giver.post(**said)
    assert (status, answer["code"]) == (422, "not-the-same")
    assert [key.leaf for key in live_keys(cast)] == [key.leaf for key in before]


def test_a_lost_phone_says_what_else_its_person_has(
    cast: Cast, giver: Giver, as_: AsRole) -> None:
    path, own = giver.link(), add_giver(cast)
    as_("nobody").post(f"{path}/claim", json={"wire": claimed(giver.signed)})
    put_pin(cast, path)
    at = f"{cast.base}/guests/{path[3:]}/move"
    assert "What else" not in giver.client.get(at).text
    with cast.hub.database.writing() as db:
        place, person = db.get_one(Place, cast.place.id), db.get_one(Person, giver.person.id)
        pin = register_pin(db, place, person, own.pin(cast.doors["Front door"], slot=7))
        key = register(db, place, person, first_link(cast, new_key().public))
        gone = register(db, place, person, first_link(cast, new_key().public))
        gone.taken_back_at = int(time.time())
    page = giver.client.get(at).text
    back = re.findall(r"/take-back\?key=(\w+)", page)
    assert back == [key.ref, pin.ref], "neither the key that is moved nor one that is over"
    assert "Moving the key stops none of these" in page
    assert "any PIN that it could show" in page
    assert "is not shown on the new one" in page


def test_a_link_of_another_place_cannot_be_closed(cast: Cast, giver: Giver) -> None:
    path = giver.link()
    _, other, _, _ = add_place(cast.hub, "Next door", ("Gate",))
    with cast.hub.database.writing() as db:
        db.get_one(Guest, guest_of(cast, path).id).place_id = other.id
    assert giver.client.post(f"{cast.base}/guests/{path[3:]}/close").status_code == 404
