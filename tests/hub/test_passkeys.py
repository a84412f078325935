"""Passkeys: made and shown as they must be, and refused in every other way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hubs import ORIGIN, Cast, browser
from soft_passkey import SoftPasskey, add_passkey, asked_to_show, text
from sqlalchemy import select
from starlette.testclient import TestClient
from ways_in import is_in, later, stale_browser

from mortice.hub.tables import Account, Act, Passkey, SignIn

AsRole = Callable[[str], TestClient]
SIGN_IN = "/sign-in/passkey"


@pytest.fixture
def passkey(cast: Cast, as_: AsRole) -> SoftPasskey:
    """The owner's."""
    made = SoftPasskey(ORIGIN)
    add_passkey(as_("owner"), made)
    return made


@pytest.fixture
def client(cast: Cast) -> Iterator[TestClient]:
    """A browser where nobody is signed in."""
    with browser(cast.hub) as opened:
        yield opened


def test_a_passkey_lets_in_and_says_who(client: TestClient, passkey: SoftPasskey) -> None:
    answer = client.post(SIGN_IN, json=asked_to_show(client, SIGN_IN, passkey, next="/p/x"))
    assert answer.json() == {"next": "/p/x"}
    assert "owner@example.invalid" in client.get("/you").text


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_it_leads_nowhere_else(client: TestClient, passkey: SoftPasskey, path: str) -> None:
    answer = client.post(SIGN_IN, json=asked_to_show(client, SIGN_IN, passkey, next=path))
    assert answer.json() == {"next": "/"}


def test_options_name_nobody_and_ask_for_the_person(client: TestClient) -> None:
    options = client.post(f"{SIGN_IN}/options", json={}).json()["options"]
    assert options["rpId"] == "localhost"
    assert options["userVerification"] == "required"
    assert not options.get("allowCredentials")


def test_a_passkey_is_made_discoverable_and_verified(as_: AsRole, passkey: SoftPasskey) -> None:
    options = as_("owner").post("/you/passkeys/options", json={}).json()["options"]
    wanted = options["authenticatorSelection"]
    assert (wanted["residentKey"], wanted["userVerification"]) == ("required", "required")
    assert [each["id"] for each in options["excludeCredentials"]] == [text(passkey.id)]
    assert "@" not in str(options["user"]["id"])


@pytest.mark.parametrize("bent", [
    {"origin": "http://localhost:12210"}, {"origin": "https://evil.example"},
    {"origin": ORIGIN + "/"}, {"name": "evil.example"}, {"flags": 1}, {"flags": 4}, {"flags": 0},
    {"handle": b""}, {"handle": b"somebodyel"}, {"id": b"another"}], ids=str)
def test_what_is_bent_is_refused(
    client: TestClient, passkey: SoftPasskey, bent: dict[str, Any],
) -> None:
    for name, value in bent.items():
        setattr(passkey, name, value)
    answer = client.post(SIGN_IN, json=asked_to_show(client, SIGN_IN, passkey))
    assert answer.status_code == 422
    assert answer.json()["code"] == "passkey"
    assert not is_in(client)


@pytest.mark.parametrize("bent", [{"origin": "https://evil.example"}, {"name": "evil.example"},
                                  {"flags": 1}, {"flags": 4}], ids=str)
def test_nor_is_it_made(cast: Cast, as_: AsRole, bent: dict[str, Any]) -> None:
    client, made = as_("owner"), SoftPasskey(**({"origin": ORIGIN} | bent))
    asked = client.post("/you/passkeys/options", json={}).json()
    told = {"ticket": asked["ticket"], "credential": made.make(asked["options"])}
    assert client.post("/you/passkeys", json=told).status_code == 422
    with cast.hub.database.reading() as db:
        assert db.scalar(select(Passkey.id)) is None


@pytest.mark.parametrize("name", ["signature", "authenticatorData", "clientDataJSON"])
def test_every_part_is_covered(client: TestClient, passkey: SoftPasskey, name: str) -> None:
    told = asked_to_show(client, SIGN_IN, passkey)
    whole = told["credential"]["response"][name]
    for at in range(0, len(whole), 9):
        letter = "A" if whole[at] != "A" else "B"
        told["credential"]["response"][name] = whole[:at] + letter + whole[at + 1:]
        assert client.post(SIGN_IN, json=told).status_code == 422
    assert not is_in(client)


@pytest.mark.parametrize("told", [
    {}, {"ticket": None}, {"credential": []}, {"credential": {"rawId": 1}},
    {"credential": {"rawId": "é", "response": {"userHandle": "x"}}},
    {"credential": {"rawId": "AAAA", "response": None}}, {"credential": "x"}], ids=str)
def test_nonsense_is_refused(
    client: TestClient, passkey: SoftPasskey, told: dict[str, Any],
) -> None:
    whole = asked_to_show(client, SIGN_IN, passkey)
    sent = (whole | told) if told else {}
    assert client.post(SIGN_IN, json=sent).status_code in {410, 422}
    for content in (b"[" * 100_000, b"{" * 100_000, b"[]", b"1", b"\xff", b'{"a":' * 40_000):
        answer = client.post(
            SIGN_IN, content=content, headers={"content-type": "application/json"})
        assert answer.status_code in {400, 422}, content[:5]


def test_an_answer_counts_once_and_not_for_long(client: TestClient, passkey: SoftPasskey) -> None:
    told = asked_to_show(client, SIGN_IN, passkey)
    assert client.post(SIGN_IN, json=told).status_code == 200
    client.cookies.clear()
    assert client.post(SIGN_IN, json=told).status_code == 410
    told = asked_to_show(client, SIGN_IN, passkey)
    with later(301):
        assert client.post(SIGN_IN, json=told).status_code == 410
    assert not is_in(client)


def test_a_challenge_is_the_hubs_own_and_for_its_purpose(
    cast: Cast, client: TestClient, passkey: SoftPasskey,
) -> None:
    own, other = asked_to_show(client, SIGN_IN, passkey), asked_to_show(client, SIGN_IN, passkey)
    assert client.post(SIGN_IN, json=own | {"ticket": other["ticket"]}).status_code == 422
    with stale_browser(cast.hub, cast.accounts["owner"]) as signed_in:
        assert signed_in.post("/prove/passkey", json=own).status_code == 410
        proof = asked_to_show(signed_in, "/prove/passkey", passkey)
        assert client.post(SIGN_IN, json=proof).status_code == 410
        with stale_browser(cast.hub, cast.accounts["owner"]) as elsewhere:
            assert elsewhere.post("/prove/passkey", json=proof).status_code == 410
        assert signed_in.post("/prove/passkey", json=proof).status_code == 200


def test_a_passkey_proves_and_the_cookie_changes(cast: Cast, passkey: SoftPasskey) -> None:
    with stale_browser(cast.hub, cast.accounts["owner"]) as client:
        with cast.hub.database.reading() as db:
            before = set(db.scalars(select(SignIn.hashed)))
        team = f"{cast.base}/settings/team"
        assert client.get(team).headers["location"].startswith("/prove?next=%2Fp%2F")
        told = asked_to_show(client, "/prove/passkey", passkey, next=team)
        assert client.post("/prove/passkey", json=told).json() == {"next": team}
        client.cookies.delete(cast.hub.cookie, domain="")
        assert client.get(team).status_code == 200
        with cast.hub.database.reading() as db:
            assert len(before & set(db.scalars(select(SignIn.hashed)))) == len(before) - 1


def test_another_persons_passkey_proves_nothing(cast: Cast, passkey: SoftPasskey) -> None:
    with stale_browser(cast.hub, cast.accounts["manager"]) as client:
        told = asked_to_show(client, "/prove/passkey", passkey)
        assert client.post("/prove/passkey", json=told).status_code == 422
        assert client.get("/you/password").status_code == 303


def test_a_counter_that_goes_backwards_is_noted(
    cast: Cast, as_: AsRole, client: TestClient, passkey: SoftPasskey,
) -> None:
    for counter, doubted in ((10, False), (11, False), (4, True)):
        passkey.counter = counter
        told = asked_to_show(client, SIGN_IN, passkey)
        assert client.post(SIGN_IN, json=told).status_code == 200
        assert ("there may be a copy" in client.get("/you").text) == doubted
        client.cookies.clear()
    with cast.hub.database.reading() as db:
        assert db.scalar(select(Act.id).where(Act.what.contains("counter"))) is not None


def test_nobody_adds_to_another_account(cast: Cast, as_: AsRole) -> None:
    """A ticket is the account's own; and what is somebody's already is not added twice."""
    owner, manager, made = as_("owner"), as_("manager"), SoftPasskey(ORIGIN)
    asked = owner.post("/you/passkeys/options", json={}).json()
    told = {"ticket": asked["ticket"], "credential": made.make(asked["options"])}
    assert manager.post("/you/passkeys", json=told).status_code == 410
    assert owner.post("/you/passkeys", json=told).status_code == 200
    assert owner.post("/you/passkeys", json=told).status_code == 410
    asked = manager.post("/you/passkeys/options", json={}).json()
    told = {"ticket": asked["ticket"], "credential": made.make(asked["options"])}
    assert manager.post("/you/passkeys", json=told).status_code == 422


def test_adding_needs_a_late_proof(cast: Cast) -> None:
    with stale_browser(cast.hub, cast.accounts["owner"]) as client:
        answer = client.post("/you/passkeys/options", json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "prove-again")


def test_a_closed_accounts_passkey_is_out(
    cast: Cast, client: TestClient, passkey: SoftPasskey,
) -> None:
    with cast.hub.database.writing() as db:
        db.get_one(Account, cast.accounts["owner"].id).closed_at = 1
    told = asked_to_show(client, SIGN_IN, passkey)
    assert client.post(SIGN_IN, json=told).status_code == 422
