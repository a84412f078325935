"""Signing in: by what, as whom, and with what cookie afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from hubs import Cast, add_account, browser
from sqlalchemy import select
from starlette.testclient import TestClient
from ways_in import (
    PASSWORD,
    code_of,
    hidden,
    is_in,
    later,
    secret_on,
    sign_in,
    stale_browser,
    with_password,
    with_sheet,
)

from mortice.hub import entering as hub_entering
from mortice.hub.access import TOKEN_PREFIX, hash_of
from mortice.hub.accounts import begin_sign_in
from mortice.hub.hub import make_hub
from mortice.hub.passwords import fault_of, hash_password, is_password
from mortice.hub.settings import Settings
from mortice.hub.tables import Account, SignIn, Token

AsRole = Callable[[str], TestClient]
OWNER = "owner@example.invalid"


# --- what lets in ---------------------------------------------------------------------------------


def test_password_and_code_let_in(cast: Cast) -> None:
    secret = with_password(cast.hub, cast.accounts["owner"])
    with browser(cast.hub) as client:
        answer = sign_in(client, " Owner@Example.invalid ", code=code_of(secret), next="/p/x")
        assert (answer.status_code, answer.headers["location"]) == (303, "/p/x")
        assert is_in(client)


@pytest.mark.parametrize("password", [PASSWORD, "", "x" * 5000])
@pytest.mark.parametrize("code", ["", "000000", "12345", "abcdef", "١٢٣٤٥٦"])
def test_a_password_alone_is_never_enough(cast: Cast, password: str, code: str) -> None:
    with_password(cast.hub, cast.accounts["owner"])
    with browser(cast.hub) as client:
        assert sign_in(client, OWNER, password, code).status_code == 422
        assert not is_in(client)


def test_a_code_counts_once_and_only_around_now(cast: Cast) -> None:
    secret = with_password(cast.hub, cast.accounts["owner"])
    for steps, wanted in ((-2, 422), (2, 422), (-1, 303), (-1, 422), (0, 303), (0, 422), (-1, 422),
                          (1, 303), (1, 422)):
        with browser(cast.hub) as client:
            assert sign_in(client, OWNER, code=code_of(secret, steps)).status_code == wanted, steps


def test_a_password_without_a_second_factor_only_leads_to_one(cast: Cast) -> None:
    with_password(cast.hub, cast.accounts["owner"], app=False)
    with browser(cast.hub) as client:
        page = sign_in(client, OWNER)
        assert page.status_code == 200
        assert cast.hub.cookie not in client.cookies
        assert not is_in(client)
        secret, ticket = secret_on(page.text), hidden(page.text, "ticket")
        again = client.post("/sign-in/second", data={"ticket": ticket, "code": "1"})
        assert again.status_code == 422
        assert secret_on(again.text) == secret
        assert not is_in(client)
        told = {"ticket": ticket, "code": code_of(secret)}
        assert client.post("/sign-in/second", data=told).status_code == 303
        assert is_in(client)
    with browser(cast.hub) as client:
        assert client.post("/sign-in/second", data=told).status_code == 410
        assert sign_in(client, OWNER, code=code_of(secret)).status_code == 422  # it has counted
        assert sign_in(client, OWNER, code=code_of(secret, 1)).status_code == 303


def test_the_page_for_a_second_factor_ends(cast: Cast) -> None:
    with_password(cast.hub, cast.accounts["owner"], app=False)
    with browser(cast.hub) as client:
        page = sign_in(client, OWNER).text
        with later(16 * 60):
            told = {"ticket": hidden(page, "ticket"), "code": code_of(secret_on(page))}
            assert client.post("/sign-in/second", data=told).status_code == 410


def test_a_recovery_code_lets_in_once_and_asks_for_a_passkey(cast: Cast) -> None:
    sheet = with_sheet(cast.hub, cast.accounts["owner"])
    typed = {"email": OWNER, "recovery": f" {sheet[3].upper().replace('-', ' ')} "}
    with browser(cast.hub) as client:
        answer = client.post("/sign-in/recovery", data=typed)
        assert (answer.status_code, answer.headers["location"]) == (303, "/you/passkeys/new")
        assert "9 of 10 are left" in client.get("/you/passkeys/new").text
    with browser(cast.hub) as client:
        assert client.post("/sign-in/recovery", data=typed).status_code == 422
        theirs = {"email": "manager@example.invalid", "recovery": sheet[4]}
        assert client.post("/sign-in/recovery", data=theirs).status_code == 422
        assert not is_in(client)


def test_a_closed_account_is_out(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    secret = with_password(cast.hub, cast.accounts["owner"])
    sheet = with_sheet(cast.hub, cast.accounts["owner"])
    with cast.hub.database.writing() as db:
        db.get_one(Account, cast.accounts["owner"].id).closed_at = 1
    assert not is_in(client)
    with browser(cast.hub) as other:
        assert sign_in(other, OWNER, code=code_of(secret)).status_code == 422
        typed = {"email": OWNER, "recovery": sheet[0]}
        assert other.post("/sign-in/recovery", data=typed).status_code == 422


# --- what it tells --------------------------------------------------------------------------------


def test_nobody_learns_who_has_an_account(cast: Cast) -> None:
    """One answer and one Argon2 for: no such account, no password, wrong password, wrong code."""
    with_password(cast.hub, cast.accounts["owner"])
    with_password(cast.hub, cast.accounts["manager"], app=False)
    seen = set()
    with browser(cast.hub) as client:
        for name, password in (("nobody", "wrong"), ("member", "wrong"), ("owner", "wrong"),
                               ("owner", PASSWORD), ("manager", "wrong")):
            with patch.object(hub_entering, "is_password", wraps=is_password) as work:
                answer = sign_in(client, f"{name}@example.invalid", password)
            assert work.call_count == 1
            seen.add((answer.status_code, answer.text.replace(name, "NAME")))
    assert len(seen) == 1


def test_the_check_itself_takes_the_same_work() -> None:
    with patch("mortice.hub.passwords.Argon2id.verify_phc_encoded", create=True) as work:
        is_password("x", None)
        is_password("x", hash_password("y"))
    given = [call.args[1].rsplit("$", 2)[0] for call in work.call_args_list]
    assert len(given) == 2
    assert given[0] == given[1]  # the same cost


def test_a_password_is_kept_as_argon2id() -> None:
    kept = hash_password(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert is_password(PASSWORD, kept)
    assert not is_password(PASSWORD + " ", kept)
    assert not is_password(PASSWORD, None)
    assert is_password("gl\u00fcck mit \u00f6fen", hash_password("glu\u0308ck mit o\u0308fen"))


@pytest.mark.parametrize(("password", "good"), [
    ("lantern gravel otter seven", True), ("k7!mhW2pqZ", True), ("kurz", False),
    ("x" * 201, False), ("aaaaaaaaaaaa", False), ("1234567890", False), ("qwertyuiop", False),
    ("password1234", False), ("Liverpool2024!", False), ("mhale.1967.mhale", False),
    ("Margaret2!Margaret", False), ("abcabcabcabc", False),
])
def test_a_password_that_all_would_try_is_refused(password: str, good: bool) -> None:
    assert (fault_of(password, "Margaret Hale", "mhale@example.com") == "") == good


# --- the cookie -----------------------------------------------------------------------------------


def test_a_cookie_that_was_there_before_is_never_adopted(cast: Cast) -> None:
    secret = with_password(cast.hub, cast.accounts["owner"])
    with browser(cast.hub) as client:
        client.cookies.set(cast.hub.cookie, "planted")
        sign_in(client, OWNER, code=code_of(secret))
        given = client.cookies.get(cast.hub.cookie, domain="localhost.local")
        assert given not in {None, "planted"}
    with browser(cast.hub) as thief:
        thief.cookies.set(cast.hub.cookie, "planted")
        assert not is_in(thief)


def test_signing_in_again_ends_the_browsers_old_session(cast: Cast) -> None:
    secret = with_password(cast.hub, cast.accounts["owner"])
    with cast.hub.database.writing() as db:
        old = begin_sign_in(db, cast.accounts["owner"], "passkey", "")
    with browser(cast.hub) as client:
        cookie = {"cookie": f"{cast.hub.cookie}={old}"}
        typed = {"email": OWNER, "password": PASSWORD, "code": code_of(secret)}
        answer = client.post("/sign-in", data=typed, headers=cookie)
        assert f"{cast.hub.cookie}=" in answer.headers["set-cookie"]
        client.cookies.clear()
        assert client.get("/you", headers=cookie).status_code == 303


def test_proving_changes_the_cookie_and_the_old_one_is_dead(cast: Cast) -> None:
    secret = with_password(cast.hub, cast.accounts["owner"])
    with stale_browser(cast.hub, cast.accounts["owner"]) as client:
        old = client.cookies[cast.hub.cookie]
        assert client.get("/you/password").headers["location"].startswith("/prove?next=")
        client.cookies.clear()
        typed = {"password": PASSWORD, "code": code_of(secret), "next": "/you/password"}
        answer = client.post(
            "/prove", data=typed, headers={"cookie": f"{cast.hub.cookie}={old}"})
        assert answer.headers["location"] == "/you/password"
        assert client.get("/you/password").status_code == 200
        client.cookies.clear()
        assert client.get("/you", headers={"cookie": f"{cast.hub.cookie}={old}"}).status_code == 303


@pytest.mark.parametrize("typed", [
    {}, {"password": PASSWORD}, {"code": "000000"}, {"password": PASSWORD, "code": "000000"}])
def test_proving_takes_password_and_code(cast: Cast, typed: dict[str, str]) -> None:
    with_password(cast.hub, cast.accounts["owner"])
    with stale_browser(cast.hub, cast.accounts["owner"]) as client:
        assert client.post("/prove", data=typed).status_code == 422
        assert client.get("/you/password").status_code == 303


def test_a_token_for_programs_proves_nobody(cast: Cast) -> None:
    secret = with_password(cast.hub, cast.accounts["owner"])
    with cast.hub.database.writing() as db:
        db.add(Token(
            account_id=cast.accounts["owner"].id, place_id=cast.place.id, name="ci",
            hashed=hash_of(f"{TOKEN_PREFIX}x"), scopes=["people:read"], ends_at=2**40))
    with browser(cast.hub) as client:
        client.headers["authorization"] = f"Bearer {TOKEN_PREFIX}x"
        typed = {"password": PASSWORD, "code": code_of(secret)}
        for path in ("/prove", "/prove/passkey/options", "/you/passkeys/options", "/you/password"):
            assert client.post(path, data=typed).headers["location"].startswith("/sign-in"), path
        assert client.get(f"{cast.base}/settings/team").status_code == 403
        assert cast.hub.cookie not in client.cookies


def test_what_is_ended_is_dead(cast: Cast, as_: AsRole) -> None:
    here, there, third = as_("owner"), as_("owner"), as_("owner")
    assert all(map(is_in, (here, there, third)))
    with cast.hub.database.reading() as db:
        refs = list(db.scalars(select(SignIn.ref).order_by(SignIn.id)))
    assert here.post("/you/browsers/end", data={"ref": refs[1]}).status_code == 303
    assert [is_in(each) for each in (here, there, third)] == [True, False, True]
    assert here.post("/you/browsers/others/end").status_code == 303
    assert [is_in(each) for each in (here, third)] == [True, False]
    kept = here.cookies[cast.hub.cookie]
    assert here.post("/sign-out").status_code == 303
    here.cookies.clear()
    here.cookies.set(cast.hub.cookie, kept)
    assert not is_in(here)


def test_somebody_elses_browser_cannot_be_ended(cast: Cast, as_: AsRole) -> None:
    client = as_("manager")
    with cast.hub.database.reading() as db:
        ref = db.scalar(select(SignIn.ref))
    assert as_("owner").post("/you/browsers/end", data={"ref": ref}).status_code == 404
    assert is_in(client)


@pytest.mark.parametrize("path", [
    "https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example", "javascript:x",
    "/\t/evil.example", "/\n/evil.example", "http:/evil.example", " //evil.example", ""])
def test_signing_in_leads_nowhere_else(cast: Cast, as_: AsRole, path: str) -> None:
    secret = with_password(cast.hub, cast.accounts["owner"])
    assert as_("owner").get("/sign-in", params={"next": path}).headers["location"] == "/"
    with browser(cast.hub) as client:
        answer = sign_in(client, OWNER, code=code_of(secret), next=path)
        assert answer.headers["location"] == "/"
        typed = {"password": PASSWORD, "code": code_of(secret, 1), "next": path}
        assert client.post("/prove", data=typed).headers["location"] == "/"
        assert hidden(client.get("/prove", params={"next": path}).text, "next") == "/"


def test_over_tls_the_cookies_are_bound_to_the_host(tmp_path: Path) -> None:
    hub = make_hub(Settings(tmp_path / "hub", origin="https://hub.example"))
    account = add_account(hub, "Margaret Hale")
    secret = with_password(hub, account)
    with browser(hub) as client:
        given = sign_in(client, account.email, code=code_of(secret)).headers.get_list("set-cookie")
        out = client.post("/sign-out").headers["set-cookie"]
    assert {each.partition("=")[0] for each in given} == {
        "__Host-mortice", "__Host-mortice-known"}
    for each in (*given, out):
        assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(each.split("; "))
        assert "Domain" not in each
    hub.database.close()
