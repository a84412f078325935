"""A place is founded and doors are added by what its owner signed; the hub dials only nearby."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from givers import YEAR, first_link, new_key
from hubs import ORIGIN, ZONE, Cast, FakeLock, add_account, add_place, browser
from joined import Joined, closing, joined
from sqlalchemy import select
from starlette.testclient import TestClient
from test_mine import asks, owner_signs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mortice.cli.texts import KEY, Handover, write_handover
from mortice.client.founding import draw_site, paper_key, sheet_key
from mortice.client.takeover import read_hello
from mortice.core.site import DoorMap, MappedDoor, Role, RoleKeys, sign_doors, sign_site
from mortice.drivers.simulated import Physics
from mortice.hub import dialling, founding, near
from mortice.hub.access import SETTINGS_SECONDS
from mortice.hub.pages import new_door
from mortice.hub.places import map_of
from mortice.hub.problems import Problem
from mortice.hub.relay import NO_MESSAGE
from mortice.hub.tables import Act, Key, Membership, Place, SignIn
from mortice.lockd.outside import Machine
from mortice.sim.running import DoorPlan, RunningDoor

AsRole = Callable[[str], TestClient]
ADDRESS = "127.0.0.1:4711"


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sent(signed: bytes, /, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a page sends
    return {"name": "2 Mill Lane", "zone": "Europe/Paris", "root": text(signed)} | more


# --- founding -------------------------------------------------------------------------------------


def test_an_owner_founds_a_place_on_a_root_of_their_own(cast: Cast, as_: AsRole) -> None:
    owner, drawn = as_("owner"), draw_site()
    answer = owner.post("/setup/place", json=sent(drawn.root))
    assert answer.status_code == 201, answer.text
    again = owner.post("/setup/place", json=sent(drawn.root))  # the answer was lost
    assert again.json() == answer.json()
    assert owner.get(answer.json()["base"]).status_code == 200
    with cast.hub.database.reading() as db:
        place = db.scalars(select(Place).where(Place.site_id == drawn.site.id)).one()
        row = db.scalars(select(Membership).where(Membership.place_id == place.id)).one()
        assert (place.name, place.zone, row.role) == ("2 Mill Lane", "Europe/Paris", "owner")
        assert row.account_id == cast.accounts["owner"].id
        assert db.scalar(select(Act.id).where(Act.what == "founded the place")) is not None


def test_the_keys_of_a_browser_are_a_root(cast: Cast, as_: AsRole) -> None:
    drawn = draw_site()
    paper = paper_key(drawn.sheet)
    grant, revoke = (sheet_key(paper, role) for role in (Role.GRANT, Role.REVOKE))
    assert len({paper.public.id, grant.public.id, revoke.public.id}) == 3
    site = replace(drawn.site, roles={
        Role.ROOT: drawn.site.roles[Role.ROOT], Role.RECOVERY: RoleKeys(1, (paper.public,)),
        Role.GRANT: RoleKeys(1, (grant.public,)), Role.REVOKE: RoleKeys(1, (revoke.public,))})
    root = sign_site(site, [drawn.keys[Role.ROOT], paper])
    assert as_("owner").post("/setup/place", json=sent(root)).status_code == 201


@pytest.mark.parametrize(("wrong", "status"), [
    ({"name": " "}, 422), ({"zone": "Mars/Olympus"}, 422), ({"zone": "../etc"}, 422),
    ({"root": ""}, 422), ({"root": None}, 422), ({"root": "!"}, 422)])
def test_what_is_wrong_founds_nothing(
    cast: Cast, as_: AsRole, wrong: dict[str, Any], status: int) -> None:
    answer = as_("owner").post("/setup/place", json=sent(draw_site().root, **wrong))
    assert (answer.status_code, places(cast)) == (status, 1)


def places(cast: Cast) -> int:
    with cast.hub.database.reading() as db:
        return len(db.scalars(select(Place)).all())


def test_another_site_is_not_founded(cast: Cast, as_: AsRole) -> None:
    """Neither one that another account has here, nor one whose paper did not sign."""
    drawn = draw_site()
    half = as_("owner").post(
        "/setup/place", json=sent(sign_site(drawn.site, [drawn.keys[Role.ROOT]])))
    assert (half.status_code, "S5" in half.text) == (422, True)
    _, place, _, _ = add_place(cast.hub, "Next door", ())
    with browser(cast.hub, add_account(cast.hub, "Neighbour", place)) as neighbour:
        taken = neighbour.post("/setup/place", json=sent(cast.site.root))
    assert (taken.status_code, places(cast)) == (409, 2)


@pytest.mark.parametrize("role", ["manager", "member", "auditor", "stranger"])
def test_who_owns_no_place_founds_none(cast: Cast, as_: AsRole, role: str) -> None:
    answer = as_(role).post("/setup/place", json=sent(draw_site().root))
    assert (answer.status_code, places(cast)) == (403, 1)


def test_the_very_first_owner_founds_the_first(cast: Cast) -> None:
    with cast.hub.database.writing() as db:
        for row in db.scalars(select(Membership)):
            db.delete(row)
        db.flush()
        assert founding.may_found(db, cast.accounts["stranger"])


def test_founding_asks_for_a_proof_that_is_not_old(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    with cast.hub.database.writing() as db:
        for row in db.scalars(select(SignIn)):
            row.proved_at -= SETTINGS_SECONDS + 1
    answer = owner.post("/setup/place", json=sent(draw_site().root))
    assert (answer.status_code, answer.json()["code"]) == (403, "prove-again")
    assert owner.get(f"{cast.base}/doors/new").headers["location"].startswith("/prove")


def test_first_the_account_is_made_safe(
    cast: Cast, as_: AsRole, monkeypatch: pytest.MonkeyPatch) -> None:
    assert as_("owner").get("/setup/place").headers["location"] == "/you/passkeys/new"
    monkeypatch.setattr("mortice.hub.pages.founding.next_step", lambda *_: None)
    page = as_("owner").get("/setup/place")
    assert page.status_code == 200
    assert "mortice site create" in page.text
    assert as_("member").get("/setup/place").status_code == 403


# --- a door ---------------------------------------------------------------------------------------


def newer_map(cast: Cast, key: Any = None, version: int = 2) -> bytes:  # noqa: ANN401 - a signer
    doors = map_of(cast.place).doors
    annexe = MappedDoor(secrets.token_bytes(8), "Annexe", ZONE, FakeLock().keys)
    return sign_doors(
        DoorMap(cast.site.site.id, version, (*doors, annexe)), key or cast.grant_key)


def own_key(cast: Cast, client: TestClient) -> str:
    signer = new_key()
    asks(client, cast, signer, "Owner")
    return owner_signs(cast, signer)


def test_a_newer_map_comes_with_its_owners_keys(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    body = {"map": text(newer_map(cast)), "keys": own_key(cast, owner)}
    for _ in range(2):  # the second time, because the first answer was lost
        assert owner.post(f"{cast.base}/doors/new", json=body).status_code == 201
    with cast.hub.database.reading() as db:
        place = db.get_one(Place, cast.place.id)
        assert [door.label for door in place.doors] == ["Front door", "Back door", "Annexe"]
        assert len(db.scalars(select(Key)).all()) == 1
    door = map_of(place).doors[-1]
    said = owner.get(f"{cast.base}/doors/new/heard?door={door.id.hex()}").json()
    assert (said["connected"], said["heard"]) == (False, False)


@pytest.mark.parametrize("wrong", ["another site's", "older", "no map", "another's key"])
def test_what_the_owner_did_not_sign_changes_nothing(
    cast: Cast, as_: AsRole, wrong: str) -> None:
    owner = as_("owner")
    keys = own_key(cast, owner)
    stranger = draw_site().keys[Role.GRANT]
    body = {"another site's": newer_map(cast, stranger), "older": newer_map(cast, version=1),
            "no map": b"", "another's key": newer_map(cast)}[wrong]
    if wrong == "another's key":
        wire = first_link(cast, new_key().public, exp=YEAR)
        assert cast.place.root
        keys = write_handover(KEY, Handover([cast.place.root], None, wire, [], "x"))
    answer = owner.post(f"{cast.base}/doors/new", json={"map": text(body), "keys": keys})
    assert answer.status_code == 422, answer.text
    with cast.hub.database.reading() as db:
        assert db.get_one(Place, cast.place.id).doors_version == 1
        assert db.scalars(select(Key)).all() == []


def test_the_page_is_given_what_it_signs_upon(cast: Cast, as_: AsRole) -> None:
    given = as_("owner").get(f"{cast.base}/doors/new/papers").json()
    assert cast.place.root
    assert cast.place.doors_map
    assert given["root"] == text(cast.place.root)
    assert given["map"] == text(cast.place.doors_map)
    assert given["zone"] == ZONE


@pytest.mark.parametrize("door", ["", "zz", "00" * 8])
def test_a_door_that_is_not_there_is_not_heard(cast: Cast, as_: AsRole, door: str) -> None:
    assert as_("owner").get(f"{cast.base}/doors/new/heard?door={door}").status_code == 404


# --- what is dialled ------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [
    "169.254.169.254:8000", "[fe80::1]:4711", "[fe80::1%eth0]:4711", "[::1%lo]:4711",  # link-local
    "[fd00:ec2::254]:8000", "100.100.100.200:8000", "metadata.google.internal:8000",
    "8.8.8.8:4711", "[2001:db8::1]:4711", "100.64.0.1:4711",  # public, and a carrier's
    "224.0.0.1:4711", "[ff02::1]:4711", "255.255.255.255:4711", "0.0.0.0:4711", "[::]:4711",
    "[::ffff:127.0.0.1]:4711", "[::ffff:8.8.8.8]:4711", "[::ffff:169.254.169.254]:8000",
    "[64:ff9b::7f00:1]:4711", "[2002:7f00:1::]:4711",  # other ways to write an IPv4 address
    "2130706433:4711", "0x7f000001:4711", "127.1:4711", "0177.0.0.1:4711", "127.0.0.0x1:4711",
    "evil.example:4711", "two.example:4711", "nobody.example:4711", "empty.example:4711",
    "user@127.0.0.1:4711", "127.0.0.1/x:4711", "127.0.0.1", ":4711", "127.0.0.1:", "::1", "",
    "127.0.0.1:80", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:\u0664711",
    "127.0.0.1 :4711", f"{'a' * 300}:4711", "a\x00b:4711", "127.0.0.1:4711\n8"])
async def test_nothing_beyond_the_own_network_is_dialled(address: str) -> None:
    with pytest.raises(Problem) as refused:
        await near.nearby(address, named)
    assert set(refused.value.fields) == {"address"}


async def named(host: str, port: int) -> list[str]:
    """What a hostile name server says; of what is a number to a resolver, what that makes of it."""
    known = {"evil.example": ["8.8.8.8"], "two.example": ["192.168.1.20", "8.8.8.8"],
             "metadata.google.internal": ["169.254.169.254"], "empty.example": [],
             "lock.example": ["192.168.1.20"], "localhost": ["127.0.0.1", "::1"]}
    if host in known:
        return known[host]
    if host.startswith("nobody"):
        raise OSError
    return await near.resolve(host, port)


@pytest.mark.parametrize(("address", "spot"), [
    ("127.0.0.1:4711", "127.0.0.1:4711"), ("[::1]:4711", "[::1]:4711"),
    ("10.1.2.3:65535", "10.1.2.3:65535"), ("172.31.0.9:1024", "172.31.0.9:1024"),
    (" 192.168.1.20:4711 ", "192.168.1.20:4711"), ("[fd12::7]:4711", "[fd12::7]:4711"),
    ("LOCK.example:4711", "192.168.1.20:4711"), ("localhost:4711", "127.0.0.1:4711")])
async def test_the_own_network_is_dialled_by_number(address: str, spot: str) -> None:
    assert str(await near.nearby(address, named)) == spot
    assert str(await near.nearby(spot)) == spot  # as the page sends it back


@pytest.mark.parametrize(("at", "lock", "origin", "where"), [
    (("127.0.0.1", 9), "127.0.0.1", ORIGIN, "127.0.0.1:9"), (("::1", 9), "::1", ORIGIN, "[::1]:9"),
    (("10.0.0.2", 9), "10.0.0.7", ORIGIN, "10.0.0.2:9"),
    (("0.0.0.0", 9), "127.0.0.1", ORIGIN, "127.0.0.1:9"),
    (("127.0.0.1", 9), "10.0.0.7", "https://hub.example", "wss://hub.example/locks"),
    (("127.0.0.1", 9), "10.0.0.7", ORIGIN, None), (None, "127.0.0.1", ORIGIN, None)])
def test_a_lock_is_told_where_it_reaches_the_hub(
    cast: Cast, at: tuple[str, int] | None, lock: str, origin: str, where: str | None) -> None:
    cast.hub.lines_at, cast.hub.settings = at, replace(cast.hub.settings, origin=origin)
    if where is None:
        with pytest.raises(Problem, match="could not reach"):
            founding.where_to_dial(cast.hub, lock)
    else:
        assert founding.where_to_dial(cast.hub, lock) == where


def test_an_address_is_judged_before_anything_is_dialled(cast: Cast, as_: AsRole) -> None:
    cast.hub.lines_at = ("127.0.0.1", 12210)
    owner = as_("owner")
    good = owner.post(f"{cast.base}/doors/new/to", json={"address": ADDRESS}).json()
    assert good == {"to": ADDRESS, "hub": {
        "key": text(cast.hub.own.link.public), "address": "127.0.0.1:12210"}}
    bad = owner.post(f"{cast.base}/doors/new/to", json={"address": "169.254.169.254:8000"})
    assert bad.status_code == 422
    assert "own network" in bad.json()["detail"]


# --- the line -------------------------------------------------------------------------------------


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Joined]:
    async with joined(tmp_path) as made:
        yield made


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[RunningDoor]:
    """A lock that nobody owns yet."""
    door = RunningDoor(
        DoorPlan("Annexe", "14 Alder Road", "14", "#0B4D3B"), tmp_path / "annexe",
        Physics(travel_seconds=0.02), Machine())
    await door.start()
    yield door
    await door.stop()


def dialled(there: Joined, role: str, to: Sequence[Any], origin: str = "") -> Any:  # noqa: ANN401
    base = there.hub.settings.origin
    return connect(
        f"{base.replace('http', 'ws')}{there.base}/doors/new/line?to={to[0]}:{to[1]}",
        additional_headers={"cookie": there.cookie(role)} if role else {}, compression=None,
        origin=origin or base)  # type: ignore[arg-type]


async def test_the_owner_reaches_a_new_lock(there: Joined, fresh: RunningDoor) -> None:
    async with dialled(there, "owner", fresh.address) as socket:
        await socket.send(b"\x03")
        assert read_hello(await socket.recv(), fresh.lock.secrets.code)


async def status(asked: Any) -> int:  # noqa: ANN401 - a connection to be
    with pytest.raises(InvalidStatus) as refused:
        await asked
    return int(refused.value.response.status_code)


async def test_nobody_else_does(there: Joined, fresh: RunningDoor) -> None:
    for role, wanted in (
            ("", 401), ("stranger", 404), ("manager", 403), ("member", 403), ("auditor", 403)):
        assert await status(dialled(there, role, fresh.address)) == wanted
    assert await status(dialled(there, "owner", fresh.address, "https://evil.example")) == 403


async def test_the_line_judges_again(there: Joined) -> None:
    for to in (("169.254.169.254", 8000), ("8.8.8.8", 4711), ("127.0.0.1", 80)):
        assert await status(dialled(there, "owner", to)) == 404


async def test_only_what_a_conversation_begins_with_is_carried(
    there: Joined, fresh: RunningDoor) -> None:
    http = b"GET / HTTP/1.1\r\n\r\n"
    for first in (b"", b"\x01", b"\x03\x03", http, b"\x04" + bytes(64), bytes(65), b"\x01" * 66):
        async with dialled(there, "owner", fresh.address) as socket:
            await socket.send(first)
            assert await closing(socket) == NO_MESSAGE


async def test_the_line_has_its_bounds(
    there: Joined, fresh: RunningDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "LINE_SECONDS", 0.2)
    async with dialled(there, "owner", fresh.address) as socket:
        assert await closing(socket) == dialling.TOO_LONG
    monkeypatch.undo()
    monkeypatch.setattr(dialling, "MESSAGES_MOST", 1)
    async with dialled(there, "owner", fresh.address) as socket:
        await socket.send(b"\x03")
        await socket.recv()
        await socket.send(b"\x03")
        assert await closing(socket) == dialling.TOO_LONG
    monkeypatch.undo()
    async with dialled(there, "owner", fresh.address), dialled(there, "owner", fresh.address), (
            dialled(there, "owner", fresh.address)) as third:
        assert await closing(third) == dialling.BUSY


async def test_nobody_dials_without_end(
    there: Joined, fresh: RunningDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_door, "DIALS", replace(new_door.DIALS, most=2))
    for _ in range(2):
        async with dialled(there, "owner", fresh.address):
            pass
    assert await status(dialled(there, "owner", fresh.address)) == 429


async def test_where_nothing_answers_it_is_said(there: Joined, fresh: RunningDoor) -> None:
    at = fresh.address
    await fresh.stop()
    async with dialled(there, "owner", at) as socket:
        await socket.send(b"\x03")
        assert await closing(socket) == dialling.NOT_THERE
