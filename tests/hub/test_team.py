"""The first owner, invitations, and who may do what on a team."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hubs import ORIGIN, Cast, add_account, browser
from soft_passkey import SoftPasskey, add_passkey
from sqlalchemy import func, select
from starlette.testclient import TestClient
from test_ways import keep_a_sheet
from ways_in import is_in, later, sign_in, stale_browser

from mortice.hub.accounts import set_up_link
from mortice.hub.hub import Hub, make_hub
from mortice.hub.settings import Settings
from mortice.hub.tables import Account, Act, Membership, now

AsRole = Callable[[str], TestClient]
WEEK = 7 * 86_400
MARGARET = {"name": "Margaret Hale", "email": "Margaret@Example.com"}


# --- the first owner ------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub that nobody owns."""
    made = make_hub(Settings(tmp_path / "new", origin=ORIGIN))
    yield made
    made.database.close()


def token_of(hub: Hub) -> str:
    link = set_up_link(hub)
    assert link is not None
    return link.partition("token=")[2]


def test_the_first_owner_comes_in_by_the_terminals_link(hub: Hub) -> None:
    link = set_up_link(hub)
    assert link is not None
    with browser(hub) as client:
        assert client.get("/").headers["location"].startswith("/sign-in")
        assert client.get(link).status_code == 200
        told = MARGARET | {"token": link.partition("token=")[2], "role": "auditor", "id": "7"}
        assert client.post("/setup", data=told).headers["location"] == "/setup"
        assert client.get("/setup").headers["location"] == "/you/passkeys/new"
        add_passkey(client, SoftPasskey(ORIGIN))
        assert client.get("/setup").headers["location"] == "/you/recovery"
        keep_a_sheet(client)
        assert client.get("/setup").headers["location"] == "/setup/place"
    assert set_up_link(hub) is None
    with hub.database.reading() as db:
        account = db.scalars(select(Account)).one()
        assert (account.name, account.email) == ("Margaret Hale", "margaret@example.com")
        assert db.scalar(select(Membership.id)) is None


def test_without_the_link_nobody_takes_the_hub(hub: Hub) -> None:
    token = token_of(hub)
    with browser(hub) as client:
        for wrong in ("", "x", token[:-1], token + "x", token.swapcase()):
            assert client.get("/setup", params={"token": wrong}).status_code == 403
            told = MARGARET | {"token": wrong}
            assert client.post("/setup", data=told).status_code == 410
            assert client.get(f"/join/{token}").status_code == 410
            assert client.get(f"/in/{token}").status_code == 410
    with hub.database.reading() as db:
        assert db.scalar(select(Account.id)) is None


def test_the_link_counts_once_and_for_a_day(hub: Hub) -> None:
    older, token = token_of(hub), token_of(hub)
    with browser(hub) as client:
        assert client.get("/setup", params={"token": older}).status_code == 403
        with later(86_401):
            assert client.get("/setup", params={"token": token}).status_code == 403
        wrong = client.post("/setup", data={"token": token, "name": "", "email": "x"})
        assert wrong.status_code == 422
        assert "Type your name" in wrong.text
        assert client.post("/setup", data=MARGARET | {"token": token}).status_code == 303
    with browser(hub) as client:
        assert client.post("/setup", data=MARGARET | {"token": token}).status_code == 410


def test_a_set_up_that_broke_off_begins_again(hub: Hub) -> None:
    """Without any way in the account is nobody's yet; with one, no link is made and none counts."""
    with browser(hub) as client:
        client.post("/setup", data=MARGARET | {"token": token_of(hub)})
    with browser(hub) as client:
        unused = token_of(hub)
        client.post("/setup", data=MARGARET | {"token": token_of(hub)})
        spare = token_of(hub)
        add_passkey(client, SoftPasskey(ORIGIN))
    with browser(hub) as client:
        for token in (unused, spare):
            assert client.post("/setup", data=MARGARET | {"token": token}).status_code == 410
    with hub.database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Account)) == 1


# --- invitations ----------------------------------------------------------------------------------


def link_from(client: TestClient, cast: Cast, role: str = "member") -> str:
    page = client.post(f"{cast.base}/settings/team", data={"role": role, "email": "Jo"},
                       headers={"x-forwarded-host": "evil.example"})
    found = re.search(r"http://[^\s<]*/join/[\w-]+", page.text)
    assert found, page.text
    assert found[0].startswith(ORIGIN + "/")
    return urlsplit(found[0]).path


def test_an_invited_person_joins_with_the_role_of_the_link(cast: Cast, as_: AsRole) -> None:
    path = link_from(as_("owner"), cast, "auditor")
    with browser(cast.hub) as client:
        assert "auditor" in client.get(path).text
        told = MARGARET | {"role": "owner", "place_id": "1", "account_id": "1"}
        assert client.post(path, data=told).headers["location"] == "/setup"
        assert client.get("/setup").headers["location"] == "/you/passkeys/new"
        assert client.get(cast.base).status_code == 403
        assert client.get(f"{cast.base}/settings/team").status_code == 403
    with cast.hub.database.reading() as db:
        joined = db.execute(select(Membership).join(
            Account, Account.id == Membership.account_id).where(
            Account.email == "margaret@example.com")).scalar_one()
        assert (joined.role, joined.place_id) == ("auditor", cast.place.id)


def test_a_link_counts_once_and_a_week(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    used, late, back = (link_from(owner, cast) for _ in range(3))
    with browser(cast.hub) as client:
        assert client.post(used, data=MARGARET).status_code == 303
    page = owner.get(f"{cast.base}/settings/team").text
    ends = re.findall(r'action="([^"]*/invitations/\w+/end)"', page)
    assert len(ends) == 2
    assert owner.post(ends[1]).status_code == 303
    with browser(cast.hub) as client:
        for path in (used, back, "/join/x"):
            assert client.get(path).status_code == 410
            assert client.post(path, data=MARGARET).status_code == 410
        with later(WEEK + 1):
            assert client.get(late).status_code == 410
            assert client.post(late, data=MARGARET).status_code == 410
        assert client.get(late).status_code == 200


def test_somebody_with_an_account_joins_with_it(cast: Cast, as_: AsRole) -> None:
    path = link_from(as_("owner"), cast, "manager")
    stranger = as_("stranger")
    assert "signed in as Stranger" in stranger.get(path).text
    assert stranger.post(path).headers["location"] == cast.base
    assert stranger.get(cast.base).status_code == 200


def test_joining_tells_nobody_which_addresses_have_an_account(cast: Cast, as_: AsRole) -> None:
    with cast.hub.database.writing() as db:
        db.get_one(Account, cast.accounts["auditor"].id).closed_at = now()
    owner, answers = as_("owner"), []
    for email in ("nobody@example.invalid", " Stranger@example.invalid", "auditor@example.invalid"):
        path = link_from(owner, cast)
        with browser(cast.hub) as client:
            told = client.post(path, data=MARGARET | {"email": email})
            answers.append((told.status_code, told.headers["location"], told.content,
                            [*told.headers], client.get("/setup").headers["location"]))
    assert answers == [answers[0]] * 3
    with cast.hub.database.reading() as db:
        made = db.scalars(select(Account.email).where(Account.name == "Margaret Hale")).all()
        for kept in ("stranger", "auditor"):
            account = db.get_one(Account, cast.accounts[kept].id)
            assert (account.name, account.email) == (kept.capitalize(), f"{kept}@example.invalid")
        assert db.get_one(Account, cast.accounts["auditor"].id).closed_at is not None
    assert re.fullmatch(
        r"nobody@\S+ stranger\+\w{4}@example.invalid auditor\+\w{4}@example.invalid",
        " ".join(made))


def test_a_link_does_not_change_who_is_here_already(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    path = link_from(owner, cast)
    assert owner.get(path).headers["location"] == cast.base
    owner.post(path)
    assert owner.get(f"{cast.base}/settings/team").status_code == 200
    with browser(cast.hub) as client:
        assert client.get(path).status_code == 200


# --- roles ----------------------------------------------------------------------------------------


def team(cast: Cast, who: str, what: str) -> str:
    return f"{cast.base}/settings/team/{cast.accounts[who].ref}/{what}"


def test_the_last_owner_stays(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    for path, told in ((team(cast, "owner", "remove"), {}),
                       (team(cast, "owner", "role"), {"role": "manager"})):
        answer = owner.post(path, data=told)
        assert answer.status_code == 409
        assert "must keep an owner" in answer.text
    assert owner.post(team(cast, "manager", "role"), data={"role": "owner"}).status_code == 303
    assert owner.post(team(cast, "owner", "role"), data={"role": "manager"}).status_code == 303
    assert owner.get(f"{cast.base}/settings/team").status_code == 403
    assert as_("manager").post(team(cast, "manager", "remove")).status_code == 409


def test_who_is_removed_is_out(cast: Cast, as_: AsRole) -> None:
    member = as_("member")
    assert member.get(cast.base).status_code == 200
    assert as_("owner").post(team(cast, "member", "remove")).status_code == 303
    assert member.get(cast.base).status_code == 404


@pytest.mark.parametrize("role", ["", "root", "Owner", "owner,manager", "first owner"])
def test_there_are_four_roles(cast: Cast, as_: AsRole, role: str) -> None:
    owner = as_("owner")
    invite = f"{cast.base}/settings/team"
    assert owner.post(invite, data={"role": role}).status_code == 422
    assert owner.post(team(cast, "member", "role"), data={"role": role}).status_code == 422


def test_somebody_of_no_team_cannot_be_changed(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    for who in ("stranger",):
        assert owner.post(team(cast, who, "remove")).status_code == 404
        assert owner.post(team(cast, who, "role"), data={"role": "owner"}).status_code == 404


def test_a_team_is_changed_by_who_proved_themselves_lately(cast: Cast) -> None:
    with stale_browser(cast.hub, cast.accounts["owner"], 301) as client:
        page = f"{cast.base}/settings/team"
        for came_from, on in ((ORIGIN + page, page), ("https://evil.example" + page, "/"),
                              (f"{ORIGIN}.evil.example{page}", "/"), ("", "/")):
            answer = client.post(team(cast, "member", "remove"), headers={"referer": came_from})
            assert answer.headers["location"] == f"/prove?next={quote(on, safe='')}"
    with cast.hub.database.reading() as db:
        assert len(list(db.scalars(select(Membership)))) == 4


def test_each_change_is_written_down(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    path = link_from(owner, cast)
    add_account(cast.hub, "Spare", cast.place, "member")
    owner.post(team(cast, "member", "role"), data={"role": "auditor"})
    owner.post(team(cast, "auditor", "remove"))
    with browser(cast.hub) as client:
        client.post(path, data=MARGARET)
    with cast.hub.database.reading() as db:
        acts = list(db.scalars(select(Act).where(Act.place_id == cast.place.id).order_by(Act.id)))
    assert [(act.what, act.about) for act in acts] == [
        ("invited somebody", {"role": "member", "email": "jo"}),
        ("changed a role", {"who": "Member", "was": "member", "now": "auditor"}),
        ("removed somebody from the team", {"who": "Auditor"}),
        ("joined the team", {"role": "member"})]


def test_names_are_checked(cast: Cast, as_: AsRole) -> None:
    path = link_from(as_("owner"), cast)
    with browser(cast.hub) as client:
        for told in ({}, MARGARET | {"name": "x" * 81}, MARGARET | {"name": "a\nb"},
                     MARGARET | {"email": "a b@example.com"}, MARGARET | {"email": "@example.com"}):
            assert client.post(path, data=told).status_code == 422, told
        assert not is_in(client)
        shown = client.post(path, data={"name": "<script>", "email": "<svg onload=x>"}).text
        assert "<script>" not in shown.replace('<script type="module"', "")
        assert "<svg onload" not in shown
        assert sign_in(client, "' OR 1=1 --").status_code == 422
