"""A browser asks for a key, gets it from the owner's device or another browser, and forgets it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
from givers import DAY, RP, YEAR, first_link, new_key, owner_takes_back
from hubs import ORIGIN, Cast
from sqlalchemy import select
from starlette.testclient import TestClient
from test_powers import given

from mortice.cli.texts import KEY, Handover, write_handover, write_request
from mortice.core import cbor
from mortice.core.chain import read_chain
from mortice.core.freshness import accept_staple
from mortice.core.grant import KeyClass, Passkey, Rights
from mortice.core.keys import SoftwareKey
from mortice.core.stages import Factors
from mortice.hub.keys import take_back, wire_of
from mortice.hub.tables import Key, KeyRequest, Membership, Person, Place, now
from mortice.hub.texts import check_letters, read_keys

AsRole = Callable[[str], TestClient]
PASSKEY = new_key()


def passkey_of(key: SoftwareKey = PASSKEY, origin: str = ORIGIN) -> Passkey:
    return Passkey(key.public, hashlib.sha256(RP.encode()).digest(), origin)


def asks(client: TestClient, cast: Cast, signer: SoftwareKey, name: str = "Member",
         origin: str = ORIGIN) -> str:
    text = write_request(signer.public, name, passkey_of(origin=origin))
    answer = client.post(f"{cast.base}/my-key/ask", json={"text": text})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["ref"])


def owner_signs(cast: Cast, signer: SoftwareKey, **terms: object) -> str:
    """What `mortice key give` prints for a browser's request."""
    wire = first_link(cast, signer.public, **{
        "klass": KeyClass.WEB, "passkey": passkey_of(), "factors": Factors.PASSKEY,
        "nbf": now() - DAY, "exp": now() + YEAR} | terms)
    assert cast.place.root
    return write_handover(KEY, Handover([cast.place.root], None, wire, [], "14 Alder Road"))


def test_from_asking_to_holding(cast: Cast, as_: AsRole) -> None:
    member, signer = as_("member"), new_key()
    asks(member, cast, signer)
    page = member.get(f"{cast.base}/my-key").text
    assert check_letters(signer.public) in page
    assert "mortice key give Member --doors all --until" in page
    assert "--may-pass-on" not in page
    texts = "Here they are:\n" + owner_signs(cast, signer) + "\n" + owner_signs(
        cast, signer, use=Rights.LOCK)
    assert member.post(f"{cast.base}/my-key/take", data={"text": texts}).status_code == 303
    page = member.get(f"{cast.base}/my-key").text
    assert "You can open and lock Front door and Back door" in page.replace("&#39;", "'")
    with cast.hub.database.reading() as db:
        row = db.scalars(select(Membership).where(
            Membership.account_id == cast.accounts["member"].id)).one()
        keys = db.scalars(select(Key).where(Key.person_id == row.person_id)).all()
        assert len(keys) == 2
        assert db.get_one(Person, row.person_id).name == "Member"


def test_papers_are_what_a_door_asks_for(cast: Cast, as_: AsRole) -> None:
    member, signer = as_("member"), new_key()
    asks(member, cast, signer)
    member.post(f"{cast.base}/my-key/take", data={"text": owner_signs(cast, signer)})
    item = owner_takes_back(cast, (bytes(16), None))
    with cast.hub.database.writing() as db:
        take_back(db, db.get_one(Place, cast.place.id), item)
    papers = member.get(f"{cast.base}/my-key/papers").json()
    raw = {name: base64.urlsafe_b64decode(papers[name] + "===") for name in ("root", "map")}
    assert raw == {"root": cast.place.root, "map": cast.place.doors_map}
    [key] = papers["keys"]
    wire = cbor.decode(base64.urlsafe_b64decode(key["wire"] + "==="))
    assert read_chain(wire)[-1].grant.holder == signer.public  # type: ignore[arg-type]
    assert key["staple"] is None
    [news] = papers["news"]
    [carried] = cbor.decode(base64.urlsafe_b64decode(news + "==="))  # type: ignore[misc,union-attr]
    assert carried[:2] == item[:2]  # type: ignore[index]


def test_the_command_lets_those_who_give_keys_give_keys(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    asks(owner, cast, new_key())
    assert "--may-pass-on unlock,lock,enrol,refresh --pass-on-links 3" in owner.get(
        f"{cast.base}/my-key").text
    manager = as_("manager")  # who does not let the hub do anything
    asks(manager, cast, new_key())
    assert "--may-pass-on unlock,lock,enrol --pass-on-links 2" in manager.get(
        f"{cast.base}/my-key").text
    with cast.hub.database.writing() as db:
        db.get_one(Place, cast.place.id).strict = True
    page = owner.get(f"{cast.base}/my-key").text
    assert "browsers give no keys" in page
    assert "--may-pass-on" not in page


def test_another_browsers_key_is_not_taken_in(cast: Cast, as_: AsRole) -> None:
    member, manager, signer = as_("member"), as_("manager"), new_key()
    asks(member, cast, signer)
    for text in (owner_signs(cast, new_key()), owner_signs(cast, signer, klass=KeyClass.DEVICE)):
        answer = member.post(f"{cast.base}/my-key/take", data={"text": text})
        assert answer.status_code == 422
        assert "made for another browser" in answer.text
    answer = manager.post(f"{cast.base}/my-key/take", data={"text": owner_signs(cast, signer)})
    assert answer.status_code == 422
    with cast.hub.database.reading() as db:
        assert not db.scalars(select(Key)).all()


@pytest.mark.parametrize("text", ["", "hello", "MORTICE-KEY1-", "MORTICE-KEY1-AAAA"])
def test_what_is_no_key_is_refused_in_words(cast: Cast, as_: AsRole, text: str) -> None:
    answer = as_("member").post(f"{cast.base}/my-key/take", data={"text": text})
    assert answer.status_code == 422
    assert "There is a problem" in answer.text


def test_a_request_of_another_page_is_refused(cast: Cast, as_: AsRole) -> None:
    text = write_request(new_key().public, "Member", passkey_of(origin="https://evil.example"))
    for each in (text, write_request(new_key().public, "Member")):
        answer = as_("member").post(f"{cast.base}/my-key/ask", json={"text": each})
        assert answer.status_code == 422


def test_somebody_elses_request_is_not_mine(cast: Cast, as_: AsRole) -> None:
    signer = new_key()
    ref = asks(as_("member"), cast, signer)
    other = as_("manager")
    text = write_request(signer.public, "Manager", passkey_of())
    assert other.post(f"{cast.base}/my-key/ask", json={"text": text}).status_code == 422
    assert other.post(f"{cast.base}/my-key/{ref}/forget", json={}).status_code == 404


def test_requests_do_not_pile_up(cast: Cast, as_: AsRole) -> None:
    member = as_("member")
    for _ in range(9):
        asks(member, cast, new_key())
    with cast.hub.database.reading() as db:
        assert len(db.scalars(select(KeyRequest)).all()) == 5


def test_who_gives_keys_sees_who_asks_and_who_forgot(cast: Cast, as_: AsRole) -> None:
    member, manager, signer = as_("member"), as_("manager"), new_key()
    ref = asks(member, cast, signer)
    page = manager.get(f"{cast.base}/my-key").text
    assert check_letters(signer.public) in page
    assert f"/give?asked={ref}" in page
    assert "Browsers that wait" not in member.get(f"{cast.base}/my-key").text
    member.post(f"{cast.base}/my-key/take", data={"text": owner_signs(cast, signer)})
    assert "Browsers that wait" not in manager.get(f"{cast.base}/my-key").text
    assert member.post(f"{cast.base}/my-key/{ref}/forget", json={}).status_code == 200
    assert "forgot its key" in manager.get(f"{cast.base}/my-key").text
    with cast.hub.database.writing() as db:
        key = db.scalars(select(Key)).one()
        take_back(db, db.get_one(Place, cast.place.id), owner_takes_back(
            cast, (key.leaf, key.ends_at)))
    assert "Browsers that wait" not in manager.get(f"{cast.base}/my-key").text


def test_giving_begins_with_the_request(cast: Cast, as_: AsRole) -> None:
    ref = asks(as_("member"), cast, new_key())
    page = as_("owner").get(f"{cast.base}/give?asked={ref}")
    assert page.status_code == 200
    with cast.hub.database.reading() as db:
        person = db.scalars(select(Person)).one()
    assert f'value="{person.ref}"' in page.text


def test_keys_in_a_message_are_all_read(cast: Cast) -> None:
    one, two = owner_signs(cast, new_key()), owner_signs(cast, new_key())
    for text in (f"{one} {two}", f"{one}{two}", f"Hello,\n{one}\nand\n{two}. Bye",
                 "\n".join((one + two)[at:at + 60] for at in range(0, len(one + two), 60))):
        assert len(read_keys(text)) == 2, text


def test_a_key_that_must_be_refreshed_is_so_at_once(cast: Cast, as_: AsRole) -> None:
    member, signer = as_("member"), new_key()
    with cast.hub.database.writing() as db:
        grant = given(cast, db, use=Rights.REFRESH)
    asks(member, cast, signer)
    member.post(f"{cast.base}/my-key/take", data={
        "text": owner_signs(cast, signer, max_staleness=DAY)})
    [key] = member.get(f"{cast.base}/my-key/papers").json()["keys"]
    document, chain = (base64.urlsafe_b64decode(part + "===") for part in key["staple"])
    assert chain == grant.wire
    assert accept_staple(cast.site.site, document, wire_of(chain)).leaf


def test_a_request_that_nobody_signed_is_gone_when_it_is_forgotten(
    cast: Cast, as_: AsRole) -> None:
    member = as_("member")
    for _ in range(3):
        ref = asks(member, cast, new_key())
        assert member.post(f"{cast.base}/my-key/{ref}/forget", json={}).status_code == 200
    with cast.hub.database.reading() as db:
        assert not db.scalars(select(KeyRequest)).all()
