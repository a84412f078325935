"""The web application: gate, routes, and what is said when something goes wrong."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from mortice.core.errors import Theirs
from mortice.hub.access import hub_of
from mortice.hub.files import Files
from mortice.hub.gate import Gate
from mortice.hub.hub import Hub
from mortice.hub.pages import ROUTERS
from mortice.hub.problems import Problem, ProveAgain, SignInFirst, not_found
from mortice.hub.serving import serving
from mortice.hub.web import STATIC, go, is_program, show_problem

LOG = logging.getLogger(__name__)
FAULT = Problem(500, "fault", "Something in the hub failed", "Nothing was changed. Doors are not "
                "affected. Try again; if it stays, run: mortice hub doctor")


def make_app(hub: Hub, *, serving: bool = False) -> FastAPI:
    """The application of `hub`. While it is `serving`, locks can dial in and keys are refreshed."""
    app = FastAPI(
        title="Mortice hub", version="1", openapi_url="/api/v1/openapi.json", docs_url=None,
        redoc_url=None, lifespan=_lifespan)
    app.state.hub, app.state.serving = hub, serving
    for router in ROUTERS:
        app.include_router(router)
    app.state.paths = frozenset(
        route.path for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    app.mount("/static", Files(directory=STATIC), "static")
    _say_what_goes_wrong(app)
    app.add_middleware(Gate, origin=hub.settings.origin)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub: Hub = app.state.hub
    hub.live.start()
    async with serving(hub) if app.state.serving else nullcontext():
        yield
        hub.live.close()


def _say_what_goes_wrong(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    def problem(request: Request, raised: Problem) -> Response:
        return show_problem(request, raised)

    @app.exception_handler(Theirs)
    def theirs(request: Request, raised: Theirs) -> Response:
        return show_problem(request, Problem(
            422, "not-valid", "That document does not count",
            f"{raised.message[:1].upper()}{raised.message[1:]} (check {raised.check})."))

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, raised: RequestValidationError) -> Response:
        fields = {".".join(map(str, error["loc"][1:])): error["msg"] for error in raised.errors()}
        return show_problem(request, Problem(
            422, "check-the-form", "There is a problem", "Something that was sent is missing or "
            "has another form than it should.", fields))

    @app.exception_handler(SignInFirst)
    def sign_in_first(request: Request, _: SignInFirst) -> Response:
        return _to_sign_in(request, "/sign-in", "sign-in", "Sign in first", 401)

    @app.exception_handler(ProveAgain)
    def prove_again(request: Request, _: ProveAgain) -> Response:
        return _to_sign_in(request, "/prove", "prove-again", "Show that it is still you", 403)

    @app.exception_handler(HTTPException)
    def http(request: Request, raised: HTTPException) -> Response:
        if raised.status_code == 404:
            return show_problem(request, not_found())
        return show_problem(request, Problem(
            raised.status_code, "not-possible", "That cannot be done here", str(raised.detail)))

    @app.exception_handler(Exception)
    def fault(request: Request, raised: Exception) -> Response:
        LOG.error("a request failed", exc_info=raised)
        return show_problem(request, FAULT)


def _to_sign_in(request: Request, page: str, code: str, title: str, status: int) -> Response:
    if is_program(request):
        return show_problem(request, Problem(status, code, title, f"Open {page} in a browser."))
    return go(f"{page}?next={quote(_page_of(request), safe='')}")


def _page_of(request: Request) -> str:
    """The page that somebody is on: the one they asked for, or the one that a form stood on."""
    if request.method == "GET":
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    origin = hub_of(request).settings.origin.rstrip("/")
    came_from = request.headers.get("referer", "")
    return came_from.removeprefix(origin) if came_from.startswith(f"{origin}/") else "/"
