"""What every request passes before a route sees it, and what every answer is given on its way out.

A request must name this hub as its host (no DNS rebinding), be of bounded size, and, if it changes
something, come from this hub's own pages or carry a token (no cross-site requests: Fetch Metadata,
and Origin where a browser sends no metadata). Answers forbid framing, sniffing and foreign content.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mortice.hub.carrier import LOCKS_PATH

BODY_BYTES = 256 * 1024  # the largest form or document that anybody posts is a tenth of this
PHOTO_BYTES = 10 * 1024 * 1024  # what a phone takes; it is kept as a tenth of that (photos.py)
TOO_LARGE = "That is too large to be sent here: a photo may have 10 MB, the rest of a form 256 kB."
PHOTOS = re.compile(r"/p/\w+/doors/\w+/strength/ask/\w+")
STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'")
ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # An address may hold a guest's ref. Not no-referrer: then our own forms come from origin null.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=(), payment=()",
}


class _TooLarge(Exception):
    """The body went over its bound while it was being read."""


class Gate:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._origin = origin.rstrip("/")
        self._host = urlsplit(origin).netloc
        self._secure = origin.startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope, Headers(scope=scope))
        if refused is not None:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await refused(scope, receive, self._adding(send))
            return
        try:
            await self._app(scope, _bounded(receive, _most(scope)), self._adding(send))
        except _TooLarge:
            await _answer(413, TOO_LARGE)(
                scope, receive, self._adding(send))

    def _refused(self, scope: MutableMapping[str, Any], headers: Headers) -> ASGIApp | None:
        if scope["type"] == "websocket" and scope["path"] == LOCKS_PATH:
            return _unless_a_lock(headers)
        if headers.get("host") != self._host:
            return _answer(421, f"This hub is called {self._origin}. Use that address.")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _most(scope):
            return _answer(413, TOO_LARGE)
        if scope["type"] == "websocket":
            return self._unless_ours(headers, needs_origin=not _has_token(headers))
        if scope["method"] in SAFE or _has_token(headers):
            return None
        return self._unless_ours(headers, needs_origin=True)

    def _unless_ours(self, headers: Headers, *, needs_origin: bool) -> ASGIApp | None:
        """A cookie rides along with whatever page sends a request: only our own pages may."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        ours = site == "same-origin" or origin == self._origin
        foreign = (site not in {None, "same-origin"}) or (origin not in {None, self._origin})
        if foreign or (needs_origin and not ours):
            return _answer(403, "That came from another site's page. Open this hub's own page.")
        return None

    def _adding(self, send: Send) -> Send:
        async def adding(message: Message) -> None:
            if message["type"] in STARTS:
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                if self._secure:
                    headers.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)
        return adding


def _has_token(headers: Headers) -> bool:
    """A bearer token is put in by a program on purpose, and no browser adds it by itself."""
    return headers.get("authorization", "").lower().startswith("bearer ") and (
        "cookie" not in headers)


def _unless_a_lock(headers: Headers) -> ASGIApp | None:
    """A lock knows the hub by its key and by whatever address reaches it, and sends no Origin.

    Every browser sends one with a WebSocket, and no page has business there.
    """
    if "origin" in headers or "sec-fetch-site" in headers or "cookie" in headers:
        return _answer(403, "Only locks dial in here.")
    return None


def _most(scope: MutableMapping[str, Any]) -> int:
    """Bytes that a request may have."""
    return PHOTO_BYTES if PHOTOS.fullmatch(scope["path"]) else BODY_BYTES


def _bounded(receive: Receive, most: int) -> Receive:
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b"")) if message["type"] == "http.request" else 0
        if read > most:
            raise _TooLarge
        return message
    return bounded


def _answer(status: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(text + "\n", status)
