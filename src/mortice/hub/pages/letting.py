"""Let this hub do something: the owner chooses the bounds, reads what a thief would have, signs.

The hub works out a link for its own key; the owner's browser signs it with a touch, or a device by
the command that is shown beside. What comes back is taken in like any other (powers.py).
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response

from mortice.client.home import slug
from mortice.client.owner import Terms
from mortice.core.chain import read_chain
from mortice.core.errors import Malformed
from mortice.core.grant import Rights
from mortice.hub.access import Here, To, may
from mortice.hub.giving import came_back, must_be, offers, signable
from mortice.hub.pages.give import FORM_SECONDS, Posted
from mortice.hub.pages.thief import sum_of
from mortice.hub.powers import NEEDED, REFRESH, VISITORS, request_text, take_grant
from mortice.hub.problems import Problem, wrong
from mortice.hub.tables import now
from mortice.hub.tickets import read_ticket, ticket
from mortice.hub.wanted import DAY_SECONDS, Form, Times, Wanted, read_doors, today_in, until
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/settings/hub/let", include_in_schema=False)
Changes = Annotated[Here, Depends(may(To.CHANGE_SETTINGS))]
Sent = Annotated[dict[str, Any], Body()]
PURPOSE = "let-hub"
DEPTH = 2  # the claim link that a visitor opens, and the key on their phone
LONGEST_DAYS, MOST_A_DAY = 365, 10_000
YEAR_SECONDS = 365 * DAY_SECONDS


@ROUTER.get("")
def let(request: Request, here: Changes, what: str = VISITORS, s: str = "") -> Response:
    """The bounds to choose; or, of chosen ones in the ticket `s`, the check before the touch."""
    if s:
        return _check(request, here, _state(here, s), s)
    _must_be_offered(what)
    every = [door.ref for door in here.place.doors] if what == REFRESH else []
    return _page(request, here, {"what": what, "doors": every, "longest": "14", "quota": "4"})


@ROUTER.post("")
def chosen(request: Request, here: Changes, form: Posted) -> Response:
    """Take the bounds, and go on to the check."""
    _must_be_offered(form.get("what"))
    try:
        _wanted(here, form, now())
    except Problem as problem:
        return _page(request, here, form, problem.fields)
    return go(f"{request.url.path}?s={ticket(here.hub.own, PURPOSE, FORM_SECONDS, form=form)}")


@ROUTER.post("/terms")
def terms(here: Changes, sent: Sent) -> JSONResponse:
    """The exact link to sign, for each of the owner's browser keys that may sign it."""
    at = now()
    return JSONResponse(signable(here, _wanted(here, _state(here, sent.get("s")), at), at))


@ROUTER.post("/signed")
def take_in(here: Changes, sent: Sent) -> JSONResponse:
    """Keep the link that was signed, if it is the one that was shown."""
    form = _state(here, sent.get("s"))
    wanted, (grant,), signed = came_back(here, sent, lambda at: _wanted(here, form, at))
    if len(signed) != 1:
        raise Malformed("Z3", "exactly one signed link must come with it")
    must_be(wanted, grant, read_chain(signed[0])[-1].grant)
    with here.hub.database.writing() as db:
        made = take_grant(db, here.hub, here.place, signed[0], here.account)
    return JSONResponse({"person": f"/p/{here.place.ref}/settings/hub", "keys": [made.ref]}, 201)


# --- pages ----------------------------------------------------------------------------------------


def _page(request: Request, here: Here, form: Form, errors: dict[str, str] | None = None,
          ) -> Response:
    return page(request, "let.html", here, status=422 if errors else 200, form=form,
                errors=errors or {}, doors=here.place.doors)


def _check(request: Request, here: Here, form: Form, s: str) -> Response:
    at = now()
    wanted = _wanted(here, form, at)
    assert wanted.terms is not None, "_wanted has put them there"
    offered = offers(here, wanted, at)
    signs = offered[0].grant if offered else None
    return page(request, "let_check.html", here, form=form, wanted=wanted, s=s, offers=offered,
                can_sign=signs is not None,
                ends=(signs or wanted.terms).exp or at + YEAR_SECONDS,
                worth=sum_of(here, form["what"], wanted.terms),
                command=_command(here, wanted, wanted.terms))


def _command(here: Here, wanted: Wanted, asked: Terms) -> str:
    ends = datetime.fromtimestamp((asked.exp or now() + YEAR_SECONDS) - 1, UTC)
    bounds = ["--may", "refresh"] if asked.use else [
        "--may", "", "--may-pass-on", "unlock,enrol", "--pass-on-links", str(DEPTH),
        "--pass-on-life", f"{(asked.max_life or 0) // DAY_SECONDS}d", "--quota", str(asked.quota)]
    return shlex.join([
        "mortice", "key", "give", "Hub", "--doors", ",".join(
            slug(door.label) for door in wanted.doors),
        "--until", f"{ends.astimezone(ZoneInfo(here.place.zone)):%Y-%m-%d}", *bounds,
        "--request", request_text(here.hub)])


# --- what was chosen ------------------------------------------------------------------------------


def _state(here: Here, s: object) -> Form:
    form: Form = read_ticket(here.hub.own, PURPOSE, str(s))["form"]
    return form


def _must_be_offered(what: object) -> None:
    if what not in (REFRESH, VISITORS):
        raise Problem(422, "not-offered", "That is nothing which this hub can be let do",
                      "Open Settings, What a thief of this hub could do, and choose there.")


def _wanted(here: Here, form: Form, at: int) -> Wanted:
    """The link that the bounds come to. Raises Problem."""
    doors, zone = read_doors(form, here.place.doors), here.place.zone
    exp = until(form, ZoneInfo(zone), today_in(zone))
    if exp is not None and exp <= at:
        raise wrong({"last": "Choose a last day that is still to come."})
    ids = frozenset(door.door_id for door in doors)
    asked = Terms(ids, Rights.REFRESH, exp=exp, label="This hub") if (
        form.get("what") == REFRESH) else Terms(
        ids, Rights.NONE, NEEDED, DEPTH, exp=exp, label="This hub",
        max_life=DAY_SECONDS * _number(form, "longest", LONGEST_DAYS),
        quota=_number(form, "quota", MOST_A_DAY))
    return Wanted("This hub", "", doors, Times(exp=exp), "request",
                  holder=here.hub.own.signer.public, terms=asked)


def _number(form: Form, name: str, most: int) -> int:
    text = str(form.get(name, "")).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))
            and 0 < int(text) <= most):
        raise wrong({name: f"Write a number from 1 to {most:,}."})
    return int(text)
