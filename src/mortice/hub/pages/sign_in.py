"""Signing in: a passkey, a password with an authenticator's code, or a recovery code."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Form, Request
from fastapi.responses import JSONResponse, Response

from mortice.hub import passkeys
from mortice.hub.access import Reading, hub_of, sign_in_of
from mortice.hub.accounts import (
    agent_of,
    begin_sign_in,
    end_cookie,
    find_account,
    ways_of,
)
from mortice.hub.acts import note
from mortice.hub.entering import by_password, by_recovery_code
from mortice.hub.known import remember_browser
from mortice.hub.pages import authenticator
from mortice.hub.pages.entrance import remember, with_problem
from mortice.hub.problems import Problem
from mortice.hub.tables import Account
from mortice.hub.tickets import ended, spend
from mortice.hub.web import go, safe_next

ROUTER = APIRouter(include_in_schema=False)
PURPOSE = "sign in"
SECOND = "second factor"  # of an account that has a password only
Text = Annotated[str, Form()]


@ROUTER.get("/sign-in")
def sign_in_page(request: Request, db: Reading, next: str = "/") -> Response:  # noqa: A002 - as in the address
    """Every way in, the passkey first."""
    if sign_in_of(request, db) is not None:
        return go(safe_next(next))
    return _page(request, next)


@ROUTER.post("/sign-in")
def sign_in(request: Request, email: Text = "", password: Text = "", code: Text = "",
            next: Text = "/") -> Response:  # noqa: A002 - as in the form
    """By password and code. A password without a second factor only leads to setting one up."""
    try:
        account, has_second = by_password(request, email, password, code)
    except Problem as problem:
        return _page(request, next, email, problem)
    if has_second:
        return entered(request, account, "password", go(safe_next(next)))
    return authenticator.show(request, account, SECOND, "/sign-in/second")


@ROUTER.post("/sign-in/second")
def set_up_second(request: Request, ticket: Text = "", code: Text = "") -> Response:
    """The second factor of somebody who has just proved a password that had none."""
    hub = hub_of(request)
    said = authenticator.said_by(hub, SECOND, ticket)
    with hub.database.writing() as db:
        account = find_account(db, said["email"])
        if account is None or account.totp is not None or ways_of(db, account).passkeys:
            raise ended()
        if not authenticator.taken(hub, account, said, code):
            return authenticator.show(request, account, SECOND, "/sign-in/second", said)
        spend(db, ticket, said)
        note(db, "set up an authenticator app", account=account)
    return entered(request, account, "password", go("/setup"))


@ROUTER.get("/sign-in/recovery")
def recovery_page(request: Request) -> Response:
    """For a code on the sheet."""
    return with_problem(request, "sign_in_recovery.html", None, email="")


@ROUTER.post("/sign-in/recovery")
def by_recovery(request: Request, email: Text = "", recovery: Text = "") -> Response:
    """By one of the codes on the sheet; then a new passkey is due."""
    try:
        account = by_recovery_code(request, email, recovery)
    except Problem as problem:
        return with_problem(request, "sign_in_recovery.html", problem, email=email)
    return entered(request, account, "recovery code", go("/you/passkeys/new"))


@ROUTER.post("/sign-in/passkey/options")
def passkey_options(request: Request) -> JSONResponse:
    """What the browser needs to ask for any passkey of this hub."""
    return JSONResponse(passkeys.to_show(hub_of(request), PURPOSE))


@ROUTER.post("/sign-in/passkey")
def by_passkey(request: Request, answer: Annotated[dict[str, Any], Body()]) -> Response:
    """By a passkey, which also says whose it is."""
    hub = hub_of(request)
    with hub.database.writing() as db:
        account = passkeys.shown(hub, db, PURPOSE, answer)
    on = safe_next(str(answer.get("next", "/")))
    return entered(request, account, "passkey", JSONResponse({"next": on}))


def entered(request: Request, account: Account, way: str, answer: Response) -> Response:
    """Begin a session for `account` and let `answer` carry it; the browser is known from now on."""
    hub = hub_of(request)
    with hub.database.writing() as db:
        end_cookie(db, request.cookies.get(hub.cookie))
        cookie = begin_sign_in(db, account, way, agent_of(request))
        note(db, "signed in", account=account, way=way)
    remember_browser(request, answer, account.email)
    return remember(request, answer, cookie)


def _page(request: Request, on: str, email: str = "", problem: Problem | None = None) -> Response:
    return with_problem(request, "sign_in.html", problem, next=safe_next(on), email=email)
