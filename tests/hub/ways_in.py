"""What people type to get in, for tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pyotp
from hubs import browser
from starlette.responses import Response
from starlette.testclient import TestClient

from mortice.hub import tables
from mortice.hub.accounts import begin_sign_in
from mortice.hub.hub import Hub
from mortice.hub.passwords import hash_password
from mortice.hub.recovery import keep_sheet, new_sheet
from mortice.hub.tables import Account
from mortice.hub.totp import keep_secret, new_secret

PASSWORD = "lantern gravel otter seven"
HASHED = hash_password(PASSWORD)


def with_password(hub: Hub, account: Account, *, app: bool = True) -> str:
    """Give `account` a password and, if `app`, an authenticator; returns its secret."""
    secret = new_secret()
    with hub.database.writing() as db:
        row = db.get_one(Account, account.id)
        row.password = HASHED
        if app:
            keep_secret(hub.own, row, secret)
    return secret


def with_sheet(hub: Hub, account: Account) -> list[str]:
    sheet = new_sheet()
    with hub.database.writing() as db:
        keep_sheet(db, account, sheet)
    return sheet


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(tables.now() + 30 * steps)


def sign_in(client: TestClient, email: str, password: str = PASSWORD, code: str = "",
            **more: str) -> Response:
    return client.post(
        "/sign-in", data={"email": email, "password": password, "code": code} | more)


def is_in(client: TestClient) -> bool:
    return client.get("/you").status_code == 200


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return found[1]


def secret_on(page: str) -> str:
    """The authenticator secret that a page shows in groups of four."""
    found = re.search(r"<strong>([A-Z2-7]{4}(?: [A-Z2-7]{4})+)</strong>", page)
    assert found, page
    return found[1].replace(" ", "")


@contextmanager
def later(seconds: float) -> Iterator[None]:
    """Everything below happens `seconds` later."""
    real = tables.time.time
    with patch.object(tables.time, "time", lambda: real() + seconds):
        yield


@contextmanager
def stale_browser(hub: Hub, account: Account, seconds: int = 3600) -> Iterator[TestClient]:
    """A browser whose person proved themselves `seconds` ago."""
    with browser(hub) as client:
        with hub.database.writing() as db:
            token = begin_sign_in(db, account, "passkey", "test")
            for row in db.new:
                row.proved_at = tables.now() - seconds
        client.cookies.set(hub.cookie, token)
        yield client
