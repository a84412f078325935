"""Tokens for programs: made, listed, ended. The secret is shown once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from mortice.hub.access import SETTINGS_SECONDS, Here, To, may
from mortice.hub.problems import Problem, ProveAgain
from mortice.hub.tables import now
from mortice.hub.tokens import LONGEST_DAYS, end_token, make_token, scopes_of, tokens_of
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/settings/programs", include_in_schema=False)
Sees = Annotated[Here, Depends(may(To.MAKE_TOKENS))]
Scopes = Annotated[list[str] | None, Form()]
SCOPE_WORDS = {
    "activity:read": "read what happened", "doors:read": "see the doors",
    "keys:write": "hand in keys that were signed elsewhere, and take them back",
    "people:read": "see people and their keys", "people:write": "add and change people",
    "settings:read": "see settings", "strength:read": "see how strong the doors are"}


@ROUTER.get("")
def programs(request: Request, here: Sees) -> Response:
    """The tokens of whoever asks, at this place."""
    return _shown(request, here)


@ROUTER.post("")
def make(request: Request, here: Sees, name: Annotated[str, Form()] = "",
         days: Annotated[int, Form()] = LONGEST_DAYS, scopes: Scopes = None) -> Response:
    """Make one; its secret stands on the answer and nowhere else."""
    if here.sign_in is None or here.sign_in.proved_at < now() - SETTINGS_SECONDS:
        raise ProveAgain
    wanted = [scope for scope in scopes or [] if scope in scopes_of(here.role)]
    try:
        with here.hub.database.writing() as db:
            _, secret = make_token(db, here.account, here.place, name, (wanted, days))
    except Problem as problem:
        return _shown(request, here, errors=problem.fields, name=name)
    return _shown(request, here, secret=secret)


@ROUTER.post("/{token}/end")
def end(here: Sees, token: str) -> Response:
    """End one."""
    with here.hub.database.writing() as db:
        end_token(db, here.account, here.place, token)
    return go(f"/p/{here.place.ref}/settings/programs")


def _shown(request: Request, here: Here, *, secret: str = "", name: str = "",
           errors: dict[str, str] | None = None) -> Response:
    return page(
        request, "programs.html", here, status=422 if errors else 200, secret=secret, name=name,
        errors=errors or {}, tokens=tokens_of(here.db, here.account, here.place),
        scopes=[(scope, SCOPE_WORDS[scope]) for scope in scopes_of(here.role)],
        words=SCOPE_WORDS, longest=LONGEST_DAYS)
