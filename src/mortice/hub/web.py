"""Pages: templates, what each of them is given, and problems as pages or as problem details."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy import select

from mortice.hub.access import Here, To, hub_of
from mortice.hub.nav import MAIN, OWN, links
from mortice.hub.problems import Problem
from mortice.hub.tables import Membership, Place, now

ROOM = Path(__file__).parent
STATIC = ROOM / "static"
PROBLEM_TYPE = "application/problem+json"


@cache
def environment() -> Environment:
    """The templates; everything put into them is escaped, and a name that is missing is a fault."""
    made = Environment(
        loader=FileSystemLoader(ROOM / "templates"), autoescape=select_autoescape(default=True),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {"static": static, "To": To}
    made.filters |= {
        "moment": moment, "clock": clock, "when": when, "day": day, "iso": iso,
        "groupby_day": groupby_day}
    return made


@cache
def static(name: str) -> str:
    """The address of a file under static/, which changes when the file does."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?{mark}"


def moment(at: int | None, zone: str, seconds: bool = False) -> str:  # noqa: FBT001, FBT002 - a filter
    """`Fri 22 Nov, 14:05` on the door's clock."""
    if at is None:
        return "never"
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    year = f" {local.year}" if local.year != datetime.now(ZoneInfo(zone)).year else ""
    return f"{local:%a} {local.day} {local:%b}{year}, {local:{'%H:%M:%S' if seconds else '%H:%M'}}"


def when(at: int | None, zone: str) -> str:
    """`14:05` if that is today, else `Fri 22 Nov, 14:05`."""
    if at is None:
        return "never"
    return clock(at, zone)[:5] if day(at, zone) == "Today" else moment(at, zone)


def clock(at: int | None, zone: str) -> str:
    """`14:05:03`, where the day is said elsewhere."""
    if at is None:
        return ""
    return f"{datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)):%H:%M:%S}"


def day(at: int, zone: str) -> str:
    """`Today`, `Yesterday`, or `Friday 22 November`."""
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).date()
    today = datetime.fromtimestamp(now(), UTC).astimezone(ZoneInfo(zone)).date()
    apart = (today - local).days
    if apart in {0, 1}:
        return "Yesterday" if apart else "Today"
    year = f" {local.year}" if local.year != today.year else ""
    return f"{local:%A} {local.day} {local:%B}{year}"


def iso(at: int) -> str:
    """For a program that reads the page."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def groupby_day(lines: Iterable[Any], zone: str) -> list[tuple[str, list[Any]]]:
    """What has an `at`, newest first, under the words for its days."""
    return [(said, list(those)) for said, those in groupby(lines, lambda line: day(line.at, zone))]


def page(request: Request, template: str, here: Here | None = None, *, status: int = 200,
         **given: Any) -> HTMLResponse:  # noqa: ANN401 - whatever the template shows
    """A page. At a place, `here` fills its frame: place, other places, role."""
    hub = hub_of(request)
    frame = {
        "request": request, "here": here, "place": here.place if here else None,
        "account": here.account if here else given.pop("account", None),
        "places": _places(here) if here else [], "base": f"/p/{here.place.ref}" if here else "",
        "zone": here.place.zone if here else "Europe/London", "now": now(),
        "demo": bool(here and here.place.demo), "origin": hub.settings.origin,
        "nav": links(request, here, MAIN), "own": links(request, here, OWN)}
    return HTMLResponse(environment().get_template(template).render(frame | given), status)


def _places(here: Here) -> list[Place]:
    return list(here.db.scalars(
        select(Place).join(Membership).where(Membership.account_id == here.account.id)
        .order_by(Place.name)))


def is_program(request: Request) -> bool:
    """Does whoever asks want problem details rather than a page?"""
    return request.scope["type"] == "websocket" or request.url.path.startswith("/api/") or (
        "application/json" in request.headers.get("accept", "")
        or request.headers.get("content-type", "").startswith("application/json"))


def show_problem(request: Request, problem: Problem) -> Response:
    """A problem, as a page or as RFC 9457 problem details."""
    if is_program(request):
        answer: Response = JSONResponse(
            problem.details(hub_of(request).settings.origin), problem.status,
            media_type=PROBLEM_TYPE)
    else:
        answer = page(request, "problem.html", status=problem.status, problem=problem)
    if problem.wait:
        answer.headers["retry-after"] = str(problem.wait)
    return answer


def go(path: str) -> RedirectResponse:
    """To another page, after a form was posted."""
    return RedirectResponse(path, 303)


def safe_next(path: str) -> str:
    """Where to go on after signing in: a path of this hub, or its first page."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if ours else "/"
