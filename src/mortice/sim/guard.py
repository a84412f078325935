"""Who may talk to the street's page: this computer's owner, from this page, and nobody else.

Loopback is shared by every program and every web page that a browser on this machine shows, so
listening on 127.0.0.1 alone keeps nobody out. In this order, each request must carry

1. a Host that is this very address (else a rebound name could read the page),
2. the token: once in the address that the demo prints, from then on in a cookie that scripts cannot
   read and that no other site makes the browser send,
3. and, where it changes something, the Origin of this page and a JSON body (another local port
   shares our cookies, but cannot forge these).

Every answer forbids what the page does not use.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
SAFE_METHODS = frozenset({"GET", "HEAD"})
REFUSAL = """<!doctype html>
<html lang="en-GB"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Mortice: not from here</title>
<h1>Not from here</h1>
<p>{why}</p>
<p><a href="/">Go to the street</a></p>
</html>
"""
NO_KEY = "Open the whole address that the demo printed: the end of it is this page's key."
WRONG_HOST = "This page answers only to the address that the demo printed."
WRONG_ORIGIN = "Only the street's own page may do something to a door."

Verdict = Callable[[HTTPConnection], Response | None]


class Guard:
    """ASGI middleware: three checks on the way in, the security headers on the way out."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._cookie = f"mortice-street-{port}"  # browsers share cookies between ports
        self._checks: tuple[Verdict, ...] = (self._host, self._key, self._origin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that may not pass, or pass it on."""
        if scope["type"] != "http":
            return
        asked = HTTPConnection(scope)
        answers = (check(asked) for check in self._checks)
        app = next((answer for answer in answers if answer is not None), self._app)
        await app(scope, receive, _with_security_headers(send))

    def _host(self, asked: HTTPConnection) -> Response | None:
        return None if asked.headers.get("host") in self._hosts else _refusal(WRONG_HOST)

    def _key(self, asked: HTTPConnection) -> Response | None:
        """The token moves from the address into a cookie, and out of sight."""
        shown = parse_qs(asked.url.query).get("t", [""])[0]
        if asked.scope["method"] == "GET" and asked.url.path == "/" and self._is_token(shown):
            return self._welcome()
        known = self._is_token(asked.cookies.get(self._cookie, ""))
        return None if known else _refusal(NO_KEY)

    def _welcome(self) -> Response:
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return answer

    def _is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), self._token.encode())

    def _origin(self, asked: HTTPConnection) -> Response | None:
        if asked.scope["method"] in SAFE_METHODS:
            return None
        ours = asked.headers.get("origin") == f"http://{asked.headers['host']}"
        json = asked.headers.get("content-type") == "application/json"
        return None if ours and json else _refusal(WRONG_ORIGIN)


def _refusal(why: str) -> Response:
    return HTMLResponse(REFUSAL.format(why=why), status_code=403)


def _with_security_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(SECURITY_HEADERS)
        await send(message)

    return sending
