"""The way in: the first page, one-time links, signing out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select

from mortice.hub.access import Me, Role, hub_of, signed_in
from mortice.hub.accounts import SIGN_IN_SECONDS, begin_sign_in, end_sign_in, use_invitation
from mortice.hub.problems import Problem
from mortice.hub.tables import Membership, Place
from mortice.hub.web import go, page

ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get("/")
def first(me: Annotated[Me, Depends(signed_in)]) -> Response:
    """The place that comes first, at its doors or at what happened; or the setup of one."""
    found = me.db.execute(
        select(Place.ref, Membership.role).join(Membership).where(
            Membership.account_id == me.account.id).order_by(Place.name)).first()
    if found is None:
        return go("/setup")
    ref, role = found
    return go(f"/p/{ref}/activity" if role == Role.AUDITOR else f"/p/{ref}")


@ROUTER.get("/in/{token}")
def by_link(request: Request, token: str) -> Response:
    """Sign in by a link that works once."""
    hub = hub_of(request)
    with hub.database.writing() as db:
        account = use_invitation(db, token)
        cookie = begin_sign_in(db, account, "link", request.headers.get("user-agent", ""))
    return remember(request, go("/"), cookie)


@ROUTER.post("/sign-out")
def sign_out(me: Annotated[Me, Depends(signed_in)]) -> Response:
    """End this browser's session."""
    with me.hub.database.writing() as db:
        end_sign_in(db, me.sign_in.id)
    answer = go("/sign-in")
    answer.delete_cookie(
        me.hub.cookie, httponly=True, samesite="lax", secure=me.hub.settings.is_https)
    return answer


def remember(request: Request, answer: Response, cookie: str) -> Response:
    """Put the session's cookie on an answer."""
    hub = hub_of(request)
    answer.set_cookie(
        hub.cookie, cookie, max_age=SIGN_IN_SECONDS, httponly=True, samesite="lax",
        secure=hub.settings.is_https, path="/")
    return answer


def with_problem(request: Request, template: str, problem: Problem | None,
                 **given: Any) -> Response:  # noqa: ANN401 - whatever the template shows
    """A page with a form, and what was wrong with what was sent before, if anything was."""
    answer = page(request, template, problem=problem, errors=problem.fields if problem else {},
                  status=problem.status if problem else 200, **given)
    if problem and problem.wait:
        answer.headers["retry-after"] = str(problem.wait)
    return answer
