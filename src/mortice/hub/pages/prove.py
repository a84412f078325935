"""Showing that it is still you, before something dangerous. The session's cookie changes with it.

Only a signed-in browser can: a token for programs opens no session, so it proves nobody.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Form, Request
from fastapi.responses import JSONResponse, Response

from mortice.hub import passkeys
from mortice.hub.access import Me, signed_in
from mortice.hub.accounts import prove_again, ways_of
from mortice.hub.acts import note
from mortice.hub.entering import proves
from mortice.hub.pages.entrance import remember, with_problem
from mortice.hub.problems import Problem
from mortice.hub.web import go, safe_next

ROUTER = APIRouter(prefix="/prove", include_in_schema=False)
Mine = Annotated[Me, Depends(signed_in)]
Text = Annotated[str, Form()]


@ROUTER.get("")
def prove_page(request: Request, me: Mine, next: str = "/") -> Response:  # noqa: A002 - as in the address
    """Ask for the passkey, or for password and code."""
    return _page(request, me, next)


@ROUTER.post("")
def by_password(request: Request, me: Mine, password: Text = "", code: Text = "",
                next: Text = "/") -> Response:  # noqa: A002 - as in the form
    """By password and code together."""
    try:
        proves(me.hub, me.sign_in, password, code)
    except Problem as problem:
        return _page(request, me, next, problem)
    return _proved(request, me, "password", go(safe_next(next)))


@ROUTER.post("/passkey/options")
def passkey_options(me: Mine) -> JSONResponse:
    """What the browser needs to ask for a passkey of this account."""
    return JSONResponse(passkeys.to_show(me.hub, _purpose(me), me.db, me.account))


@ROUTER.post("/passkey")
def by_passkey(request: Request, me: Mine, answer: Annotated[dict[str, Any], Body()]) -> Response:
    """By a passkey of this account, asked for in this session."""
    with me.hub.database.writing() as db:
        if passkeys.shown(me.hub, db, _purpose(me), answer).id != me.account.id:
            raise passkeys.not_accepted()
    on = safe_next(str(answer.get("next", "/")))
    return _proved(request, me, "passkey", JSONResponse({"next": on}))


def _purpose(me: Me) -> str:
    return f"prove {me.sign_in.ref}"


def _proved(request: Request, me: Me, way: str, answer: Response) -> Response:
    with me.hub.database.writing() as db:
        cookie = prove_again(db, me.sign_in.id)
        note(db, "showed that it is still them", account=me.account, way=way)
    return remember(request, answer, cookie)


def _page(request: Request, me: Me, on: str, problem: Problem | None = None) -> Response:
    return with_problem(request, "prove.html", problem, account=me.account,
                        ways=ways_of(me.db, me.account), next=safe_next(on))
