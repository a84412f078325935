"""The street's web page: see every door, do to it what people do to doors, and read its log.

Runs in the event loop of the lock daemons that it shows, and listens on loopback only. It has no
way to a lock but the ones that a passer-by or a resident has: keys of the keypad, the inside turn,
the leaf, the plug. sim/guard.py says who may ask.

    GET  /                   the page; its style, script, fonts and mark beside it
    GET  /events             one stream of server-sent events: `street` once, then `change`
    POST /door/<slug>/<act>  one act of `ACTS`, with a small JSON object
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mortice.drivers.simulated import SYMBOLS, SimulatedDoor
from mortice.sim.guard import Guard
from mortice.sim.street import Picture, Street, StreetDoor, picture

PAGE = Path(__file__).parent / "page"
LOOPBACK = "127.0.0.1"
TOKEN_BYTES = 32
BODY_BYTES = 1000  # the largest act has a body of some thirty bytes
HOLD_SECONDS = 15.0  # longest that somebody leans on the inside button
FAREWELL_SECONDS = 1  # how long open streams may take to end
LOOK_SECONDS = 1.0  # how often a page is told what changes by time alone, such as a light's end
BACKLOG = 16  # connections that may wait; a page opens six

TYPES = {  # what a page is made of; nothing else in its folder is served
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}

Body = Mapping[str, object]


class BadAct(ValueError):
    """An act with a body that makes no sense."""


def _press(door: SimulatedDoor, body: Body) -> bool:
    symbol = body.get("symbol")
    if not isinstance(symbol, str) or symbol not in SYMBOLS:
        raise BadAct("symbol: expected 0 to 9, enter or clear")
    door.press(symbol)
    return True


def _push(door: SimulatedDoor, body: Body) -> bool:
    """Lean on the inside button for `seconds`, or until `release`, but never for ever."""
    seconds = body.get("seconds", HOLD_SECONDS)
    if type(seconds) not in (int, float) or not 0 < float(str(seconds)) <= HOLD_SECONDS:
        raise BadAct(f"seconds: expected a number above 0, at most {HOLD_SECONDS:.0f}")
    pushed, loop = door.push_inside_button(), asyncio.get_running_loop()
    loop.call_later(float(str(seconds)), door.release_inside_button, pushed)
    return True


def _always(act: Callable[[SimulatedDoor], None]) -> Callable[[SimulatedDoor, Body], bool]:
    def done(door: SimulatedDoor, body: Body) -> bool:  # noqa: ARG001 - the shape of an act
        act(door)
        return True

    return done


# Every act: True if it came off, False if the mechanics were against it.
ACTS: dict[str, Callable[[SimulatedDoor, Body], bool]] = {
    "press": _press,
    "push": _push,
    "release": _always(SimulatedDoor.release_inside_button),
    "turn": _always(SimulatedDoor.turn_inside),
    "key": _always(SimulatedDoor.turn_key),
    "open": lambda door, _: door.open_leaf(),
    "close": lambda door, _: door.close_leaf(),
    "jam": _always(SimulatedDoor.jam),
    "free": _always(SimulatedDoor.clear_jam),
    "unplug": _always(SimulatedDoor.unplug),
    "plug": _always(SimulatedDoor.plug_in),
    "flatten": _always(SimulatedDoor.flatten),
    "battery": _always(SimulatedDoor.replace_battery),
}


class Panel:
    """The page of one street. `start` it in the loop that runs the doors, `stop` it before them."""

    def __init__(self, street: Street) -> None:
        self._street = street
        self._token = secrets.token_urlsafe(TOKEN_BYTES)
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, port: int = 0) -> str:
        """Listen on loopback; returns the address to open, which holds the page's key.

        Raises:
            OSError: the port is taken.
        """
        listening = _listen(port)
        port = listening.getsockname()[1]
        guarded = Guard(self.app(), self._token, port)
        self._server = _Server(
            uvicorn.Config(
                guarded,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=FAREWELL_SECONDS,
            )
        )
        self._serving = asyncio.create_task(self._server.serve([listening]))
        return f"http://{LOOPBACK}:{port}/?t={self._token}"

    async def stop(self) -> None:
        """End every stream and stop listening."""
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        self._street.changed()  # wakes the streams, which see that it is over
        await self._serving

    def app(self) -> Starlette:
        """The application without its guard."""
        page = [Route(path, _serve(*content)) for path, content in _page().items()]
        return Starlette(
            routes=[
                *page,
                Route("/events", self._events),
                Route("/door/{slug}/{act}", self._act, methods=["POST"]),
            ]
        )

    async def _act(self, request: Request) -> Response:
        door = self._street.doors.get(request.path_params["slug"])
        act = ACTS.get(request.path_params["act"])
        if door is None or act is None:
            return JSONResponse({"why": "no such door, or nothing that one does to it"}, 404)
        try:
            return JSONResponse({"done": act(door.hardware, await _body(request))})
        except BadAct as error:
            return JSONResponse({"why": str(error)}, 400)

    async def _events(self, request: Request) -> Response:
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        """`street` first, then what differs from what this page was last told."""
        told = _Told(self._street)
        yield _event("street", told.introduction())
        with self._street.watch() as watcher:
            while self._running():
                changed = await watcher.change(LOOK_SECONDS)
                news = told.news()
                if news:
                    yield _event("change", news)
                elif not changed:
                    yield ": still here\n\n"

    def _running(self) -> bool:
        return self._server is None or not self._server.should_exit


class _Told:
    """What one page knows of the street."""

    def __init__(self, street: Street) -> None:
        self._street = street
        self._pictures: dict[str, Picture] = {}
        self._told = dict.fromkeys(street.doors, 0)  # entries of each log that the page has

    def introduction(self) -> dict[str, Any]:
        """Everything that stays as it is, and the first news."""
        doors = [_introduced(door) for door in self._street.doors.values()]
        return {
            "doors": doors,
            "hints": [asdict(hint) for hint in self._street.hints],
            **self.news(),
        }

    def news(self) -> dict[str, Any]:
        """Pictures of doors that look different, logs that began anew, and new lines of logs."""
        pictures = list(self._new_pictures())
        wiped = [slug for slug in self._street.doors if self._began_anew(slug)]
        lines = {slug: new for slug in self._street.doors if (new := self._new_lines(slug))}
        news = {"pictures": pictures, "wiped": wiped, "lines": lines}
        return {what: content for what, content in news.items() if content}

    def _new_pictures(self) -> Iterator[Picture]:
        for slug, door in self._street.doors.items():
            now = picture(door)
            if now != self._pictures.get(slug):
                self._pictures[slug] = now
                yield now

    def _began_anew(self, slug: str) -> bool:
        """A log never shrinks, unless its lock was wiped and it is another lock now."""
        size = self._street.doors[slug].voice.size()
        if size is None or size >= self._told[slug]:
            return False
        self._told[slug] = 0
        return True

    def _new_lines(self, slug: str) -> list[dict[str, Any]]:
        voice, told = self._street.doors[slug].voice, self._told[slug]
        if voice.size() in (None, told):
            return []
        new = voice.lines(told)
        self._told[slug] = new[-1].index + 1
        return [asdict(line) for line in new]


def _introduced(door: StreetDoor) -> dict[str, str | bool]:
    return {
        "slug": door.slug,
        "name": door.name,
        "place": door.place,
        "number": door.number,
        "paint": door.paint,
        "indoors": door.indoors,
    }


def _event(name: str, content: object) -> str:
    return f"event: {name}\ndata: {json.dumps(content, separators=(',', ':'))}\n\n"


async def _body(request: Request) -> Body:
    """The JSON object of a request.

    Raises:
        BadAct: it is too long, or not an object.
    """
    try:
        body = json.loads(await _received(request))
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise BadAct("body: expected a JSON object")
    return body


async def _received(request: Request) -> bytes:
    received = bytearray()
    try:
        async for chunk in request.stream():
            received += chunk
            if len(received) > BODY_BYTES:
                raise BadAct(f"body: expected at most {BODY_BYTES} bytes")
    except ClientDisconnect:
        raise BadAct("body: expected all of it") from None
    return bytes(received)


def _page() -> dict[str, tuple[bytes, str]]:
    """Path → content and type of everything the page is made of, read once."""
    files = [path for path in PAGE.rglob("*") if path.suffix in TYPES]
    paths = {f"/{path.relative_to(PAGE).as_posix()}": path for path in files}
    paths["/"] = paths.pop("/index.html")
    return {name: (path.read_bytes(), TYPES[path.suffix]) for name, path in paths.items()}


def _serve(content: bytes, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:  # noqa: ARG001 - the shape of a route
        return Response(content, headers={"Content-Type": media_type})

    return serve


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
