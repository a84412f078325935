"""The API: what a token may, pages of lists, requests sent twice, and edits that meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from hubs import Cast, browser
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from sqlalchemy import func, select
from starlette.testclient import TestClient
from test_powers import VISITS
from test_powers import given as let_hub

from mortice.client.owner import Terms, unsigned
from mortice.core import cbor
from mortice.core.grant import sign_grant
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.revocation import REVOKE, Revoked, sign_revocation
from mortice.core.site import Role as SiteRole
from mortice.hub import tokens
from mortice.hub.access import SCOPES
from mortice.hub.app import make_app
from mortice.hub.tables import Key, Person, Place, now
from mortice.hub.visitors import Stay, host

Program = Callable[..., TestClient]


@pytest.fixture
def program(cast: Cast) -> Iterator[Program]:
    """`program("doors:read")` is a program with a token of the owner's for that."""
    clients = []

    def with_scopes(*scopes: str, role: str = "owner") -> TestClient:
        with cast.hub.database.writing() as db:
            _, secret = tokens.make_token(
                db, cast.accounts[role], cast.place, "test", ([*scopes], 1))
        client = TestClient(
            make_app(cast.hub), base_url=cast.hub.settings.origin,
            headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=True)
        clients.append(client)
        return client

    yield with_scopes
    for client in clients:
        client.close()


@pytest.fixture
def at(cast: Cast) -> str:
    return f"/api/v1/places/{cast.place.ref}"


def add(client: TestClient, at: str, name: str, **headers: str) -> dict[str, Any]:
    answer = client.post(f"{at}/people", json={"name": name}, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def chain(cast: Cast, holder: SoftwareKey | None = None) -> bytes:
    whose = holder or SoftwareKey.from_seed(ED25519, bytes([7]) * 32)
    doors = frozenset(door.door_id for door in cast.doors.values())
    link = unsigned(Terms(doors, exp=2_000_000_000), whose.public)
    return cbor.encode([sign_grant(
        replace(link, site=cast.site.site.id), cast.grant_key)])


def test_a_token_sees_what_it_is_for_and_no_more(program: Program, at: str) -> None:
    client = program("doors:read")
    assert [door["label"] for door in client.get(f"{at}/doors").json()["items"]] == [
        "Front door", "Back door"]
    refused = client.get(f"{at}/people")
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code"} <= refused.json().keys()


@pytest.mark.parametrize("role", ["member", "auditor", "manager"])
def test_a_token_may_never_do_more_than_its_account(
    program: Program, at: str, role: str,
) -> None:
    client = program(*SCOPES, role=role)
    may_see_people = role == "manager"
    assert (client.get(f"{at}/people").status_code == 200) is may_see_people


def test_an_ended_or_unknown_token_is_refused(cast: Cast, program: Program, at: str) -> None:
    client = program("doors:read")
    with cast.hub.database.writing() as db:
        [token] = tokens.tokens_of(db, cast.accounts["owner"], cast.place)
        tokens.end_token(db, cast.accounts["owner"], cast.place, token.ref)
    assert client.get(f"{at}/doors").status_code == 401
    client.headers["authorization"] = "Bearer mortice_made-up"
    assert client.get(f"{at}/doors").status_code == 401


def test_a_door_that_nobody_heard_is_lost_and_not_locked(program: Program, at: str) -> None:
    [front, _] = program("doors:read").get(f"{at}/doors").json()["items"]
    one = program("doors:read").get(f"{at}/doors/{front['ref']}").json()
    assert (one["state"], one["heard_at"]) == ("lost", None)


def test_a_list_goes_on_where_its_cursor_says(program: Program, at: str) -> None:
    client = program("people:read", "people:write")
    made = [add(client, at, f"Person {number}")["ref"] for number in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        listed = client.get(f"{at}/people", params={"limit": 2, "cursor": cursor}).json()
        seen += [person["ref"] for person in listed["items"]]
        cursor = listed["next"]
    assert seen == made


@pytest.mark.parametrize("cursor", ["x", "W10", "WzEsMl0", "bnVsbA", "W3RydWVd", "WzFlOTld"])
def test_a_cursor_of_nowhere_is_told_so(program: Program, at: str, cursor: str) -> None:
    answer = program("people:read").get(f"{at}/people", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor")


def test_a_request_sent_twice_is_done_once(cast: Cast, program: Program, at: str) -> None:
    client, key = program("people:write"), {"Idempotency-Key": "once-and-only"}
    first, second = (add(client, at, "Tom", **key) for _ in range(2))
    assert first == second
    other = client.post(f"{at}/people", json={"name": "Ben"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    with cast.hub.database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Person)) == 1


def test_the_second_of_two_edits_is_told_of_the_first(program: Program, at: str) -> None:
    client = program("people:read", "people:write")
    where = f"{at}/people/{add(client, at, 'Tom')['ref']}"
    tag = client.get(where).headers["etag"]
    assert client.put(where, json={"name": "Tom W"}, headers={"If-Match": tag}).status_code == 200
    late = client.put(where, json={"name": "Tommy"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (409, "changed-meanwhile")
    assert client.put(where, json={"name": "T"}).status_code == 428
    assert client.get(where).json()["name"] == "Tom W"


def test_unknown_fields_are_refused_and_nothing_is_done(program: Program, at: str) -> None:
    client = program("people:read", "people:write")
    answer = client.post(f"{at}/people", json={"name": "Tom", "role": "owner", "place_id": 1})
    assert answer.status_code == 422
    assert client.get(f"{at}/people").json()["items"] == []


def test_a_signed_key_is_filed_and_what_is_not_the_sites_is_refused(
    cast: Cast, program: Program, at: str,
) -> None:
    client = program("people:read", "people:write", "keys:write")
    where = f"{at}/people/{add(client, at, 'Tom')['ref']}/keys"
    filed = client.post(where, json={"wire": chain(cast).hex()})
    assert filed.status_code == 201, filed.text
    assert {door["label"] for door in filed.json()["doors"]} == {"Front door", "Back door"}
    bent = bytearray(chain(cast))
    bent[-1] ^= 1
    assert client.post(where, json={"wire": bytes(bent).hex()}).status_code == 422
    assert client.post(where, json={"wire": "xyz"}).status_code == 422
    assert len(client.get(where).json()["items"]) == 1


def test_what_was_taken_back_says_so_and_waits_for_its_doors(
    cast: Cast, program: Program, at: str,
) -> None:
    client = program("people:read", "people:write", "keys:write")
    where = f"{at}/people/{add(client, at, 'Tom')['ref']}/keys"
    leaf = bytes.fromhex(client.post(where, json={"wire": chain(cast).hex()}).json()["leaf"])
    document = sign_revocation(
        cast.site.site.id, [Revoked(leaf, 2_000_000_000)], cast.site.keys[SiteRole.REVOKE])
    item = cbor.encode([REVOKE, document]).hex()
    ended = client.post(f"{at}/taken-back", json={"item": item})
    assert ended.status_code == 200, ended.text
    [key] = ended.json()["items"]
    assert key["taken_back_at"]
    assert {door["word"] for door in key["doors"]} == {"taken back"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"name": 1}', b"\xff\xfe"])
def test_a_body_that_is_none_is_told_so(program: Program, at: str, body: bytes) -> None:
    answer = program("people:write").post(
        f"{at}/people", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_a_token_is_made_in_the_browser_and_shown_once(cast: Cast) -> None:
    with browser(cast.hub, cast.accounts["owner"]) as client:
        where = f"{cast.base}/settings/programs"
        made = client.post(where, data={"name": "Script", "days": "7", "scopes": "doors:read"})
        assert "mortice_" in made.text
        again = client.get(where)
        assert "Script" in again.text
        assert "mortice_" not in again.text
        wrong = client.post(where, data={"name": "", "days": "700"})
        assert (wrong.status_code, wrong.text.count("There is a problem")) == (422, 1)


def test_no_request_is_a_fault(cast: Cast, program: Program) -> None:
    """Schemathesis over the whole description: whatever is sent, no answer is a 500."""
    with cast.hub.database.writing() as db:
        person = Person(place_id=cast.place.id, name="Tom")
        db.add(person)
        db.flush()
        assert db.scalar(select(func.count()).select_from(Key)) == 0
        place = db.get_one(Place, cast.place.id)
        let_hub(cast, db, **VISITS)
        visit, _, _ = host(db, cast.hub, place, person, Stay(
            [*cast.doors.values()], now(), now() + 3600), by=cast.accounts["owner"])
    token = program(*SCOPES).headers["authorization"]
    schema = schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json", make_app(cast.hub),
        headers={"host": cast.hub.settings.origin.removeprefix("http://")})
    names = {"place": cast.place.ref, "person": person.ref, "visit": visit.ref,
             "door": next(iter(cast.doors.values())).ref}
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(max_examples=40, deadline=None, database=None, derandomize=True,
                  suppress_health_check=list(HealthCheck))
        def ask(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            case.path_parameters = {
                name: names[name] if tried % 3 else value
                for name, value in (case.path_parameters or {}).items()}
            answer = case.call(headers={
                "authorization": token, "host": cast.hub.settings.origin.removeprefix("http://")})
            case.validate_response(answer, checks=[not_a_server_error])

        given(case=operation.as_strategy())(ask)()
    assert tried > 200
