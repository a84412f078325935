"""Looking after one's ways in: passkeys, password, authenticator app, recovery sheet."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hubs import ORIGIN, Cast, browser
from soft_passkey import SoftPasskey, add_passkey
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
    with_password,
    with_sheet,
)

from mortice.hub.agents import agent_words
from mortice.hub.tables import Account, Act, Passkey, RecoveryCode

AsRole = Callable[[str], TestClient]
OWNER = "owner@example.invalid"
NEW = "copper kettle under moss"


def refs(cast: Cast) -> list[str]:
    with cast.hub.database.reading() as db:
        return list(db.scalars(select(Passkey.ref).order_by(Passkey.id)))


# --- the last way in ------------------------------------------------------------------------------


def test_the_last_passkey_is_kept(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    add_passkey(client, SoftPasskey(ORIGIN), "One")
    answer = client.post(f"/you/passkeys/{refs(cast)[0]}/remove")
    assert answer.status_code == 409
    assert "That is your last way in" in answer.text
    add_passkey(client, SoftPasskey(ORIGIN), "Two")
    assert client.post(f"/you/passkeys/{refs(cast)[0]}/remove").status_code == 303
    assert len(refs(cast)) == 1
    assert client.post(f"/you/passkeys/{refs(cast)[0]}/remove").status_code == 409


def test_a_password_with_its_app_is_a_way_and_half_of_it_is_none(cast: Cast, as_: AsRole) -> None:
    client, owner = as_("owner"), cast.accounts["owner"]
    add_passkey(client, SoftPasskey(ORIGIN))
    with_sheet(cast.hub, owner)
    with_password(cast.hub, owner, app=False)
    assert client.post(f"/you/passkeys/{refs(cast)[0]}/remove").status_code == 409
    with_password(cast.hub, owner)
    assert client.post(f"/you/passkeys/{refs(cast)[0]}/remove").status_code == 303
    assert client.post("/you/authenticator/remove").status_code == 409
    add_passkey(client, SoftPasskey(ORIGIN))
    assert client.post("/you/authenticator/remove").status_code == 303
    with cast.hub.database.reading() as db:
        assert db.get_one(Account, owner.id).password is None


def test_removing_a_way_signs_others_out(cast: Cast, as_: AsRole) -> None:
    here, there = as_("owner"), as_("owner")
    for name in ("One", "Two"):
        add_passkey(here, SoftPasskey(ORIGIN), name)
    assert is_in(there)
    here.post(f"/you/passkeys/{refs(cast)[0]}/remove")
    assert [is_in(here), is_in(there)] == [True, False]


def test_another_accounts_passkey_is_not_there(cast: Cast, as_: AsRole) -> None:
    for name in ("One", "Two"):
        add_passkey(as_("owner"), SoftPasskey(ORIGIN), name)
    assert as_("manager").post(f"/you/passkeys/{refs(cast)[0]}/remove").status_code == 404
    assert len(refs(cast)) == 2


def test_the_only_owner_is_told(cast: Cast, as_: AsRole) -> None:
    assert "only owner of 14 Alder Road" in as_("owner").get("/you").text
    assert "only owner" not in as_("manager").get("/you").text


def test_names_are_only_words(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    add_passkey(client, SoftPasskey(ORIGIN), "<script>alert(1)</script>")
    client.headers["user-agent"] = "<img src=x onerror=alert(1)>"
    page = client.get("/you").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


# --- password and app -----------------------------------------------------------------------------


def test_a_password_is_changed(cast: Cast, as_: AsRole) -> None:
    here, there = as_("owner"), as_("owner")
    secret = with_password(cast.hub, cast.accounts["owner"])
    for typed, said in (({"password": "short", "again": "short"}, "between 10 and 200"),
                        ({"password": NEW, "again": NEW + "x"}, "not the same"),
                        ({"password": "owner12345", "again": "owner12345"}, "anybody would try")):
        answer = here.post("/you/password", data=typed)
        assert answer.status_code == 422
        assert said in answer.text
        assert typed["password"] not in answer.text
    assert is_in(there)
    assert here.post("/you/password", data={"password": NEW, "again": NEW}).status_code == 303
    assert not is_in(there)
    with browser(cast.hub) as client:
        assert sign_in(client, OWNER, PASSWORD, code_of(secret)).status_code == 422
        assert sign_in(client, OWNER, NEW, code_of(secret)).status_code == 303


def test_an_app_is_set_up_and_set_up_again(cast: Cast, as_: AsRole) -> None:
    client, owner = as_("owner"), cast.accounts["owner"]
    old = with_password(cast.hub, owner)
    page = client.get("/you/authenticator").text
    assert 'src="data:image/svg+xml' in page
    told = {"ticket": hidden(page, "ticket"), "code": code_of(old)}
    assert client.post("/you/authenticator", data=told).status_code == 422
    told["code"] = code_of(secret_on(page))
    assert as_("manager").post("/you/authenticator", data=told).status_code == 410
    assert client.post("/you/authenticator", data=told).status_code == 303
    with browser(cast.hub) as other:
        assert sign_in(other, OWNER, code=code_of(old)).status_code == 422
        assert sign_in(other, OWNER, code=told["code"]).status_code == 422  # it has counted
        assert sign_in(other, OWNER, code=code_of(secret_on(page), 1)).status_code == 303
    with later(16 * 60):
        assert client.post("/you/authenticator", data=told).status_code in {303, 410}


def test_no_secret_is_kept_in_the_clear(cast: Cast, as_: AsRole) -> None:
    secret, sheet = with_password(cast.hub, cast.accounts["owner"]), None
    client = as_("owner")
    sheet = keep_a_sheet(client)
    cast.hub.database.close()
    everything = b"".join(
        file.read_bytes() for file in cast.hub.settings.folder.glob("hub.sqlite*"))
    for clear in (secret, PASSWORD, client.cookies[cast.hub.cookie], sheet[0],
                  sheet[0].replace("-", "")):
        assert clear.encode() not in everything


# --- the sheet ------------------------------------------------------------------------------------


def shown(page: str) -> list[str]:
    return re.findall(r">([a-z2-9]{4}(?:-[a-z2-9]{4}){3})<", page)


def asked(page: str, sheet: list[str]) -> str:
    found = re.search(r"Code (\d+), group (\d) of 4", page)
    assert found
    return sheet[int(found[1]) - 1].split("-")[int(found[2]) - 1]


def keep_a_sheet(client: TestClient) -> list[str]:
    page = client.post("/you/recovery").text
    ticket, sheet = hidden(page, "ticket"), shown(page)
    check = client.post("/you/recovery/check", data={"ticket": ticket}).text
    typed = {"ticket": ticket, "group": asked(check, sheet)}
    assert client.post("/you/recovery/keep", data=typed).status_code == 303
    return sheet


def test_a_sheet_counts_once_it_was_kept(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    old = with_sheet(cast.hub, cast.accounts["owner"])
    page = client.post("/you/recovery").text
    ticket, sheet = hidden(page, "ticket"), shown(page)
    assert len(set(sheet)) == 10
    check = client.post("/you/recovery/check", data={"ticket": ticket}).text
    assert not shown(check)
    wrong = client.post("/you/recovery/keep", data={"ticket": ticket, "group": "zzzz"})
    assert wrong.status_code == 422
    for code, wanted in ((sheet[0], 422), (old[0], 303)):
        with browser(cast.hub) as other:
            typed = {"email": OWNER, "recovery": code}
            assert other.post("/sign-in/recovery", data=typed).status_code == wanted
    right = {"ticket": ticket, "group": f" {asked(check, sheet).upper()} "}
    assert client.post("/you/recovery/keep", data=right).status_code == 303
    assert client.post("/you/recovery/keep", data=right).status_code == 410
    for code, wanted in ((old[1], 422), (sheet[0], 303)):
        with browser(cast.hub) as other:
            typed = {"email": OWNER, "recovery": code}
            assert other.post("/sign-in/recovery", data=typed).status_code == wanted
    with cast.hub.database.reading() as db:
        assert len(list(db.scalars(select(RecoveryCode)))) == 10


def test_a_sheet_is_its_owners(cast: Cast, as_: AsRole) -> None:
    page = as_("owner").post("/you/recovery").text
    told = {"ticket": hidden(page, "ticket")}
    assert as_("manager").post("/you/recovery/check", data=told).status_code == 410
    with later(3601):
        assert as_("owner").post("/you/recovery/check", data=told).status_code == 410


def test_what_was_done_is_written_down(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    add_passkey(client, SoftPasskey(ORIGIN))
    keep_a_sheet(client)
    with cast.hub.database.reading() as db:
        done = list(db.scalars(select(Act.what).order_by(Act.id)))
    assert done == ["added a passkey", "kept a new sheet of recovery codes"]


@pytest.mark.parametrize(("agent", "words"), [
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_6 like Mac OS X) Mobile Safari/604.1",
     "Safari on iPhone"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
     "Edge on Windows"),
    ("", "A browser")])
def test_browsers_have_names(agent: str, words: str) -> None:
    assert agent_words(agent) == words
