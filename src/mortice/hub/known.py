"""Browsers that signed in before. Being known lets nobody in: it only means a bucket of its own.

The cookie is a sealed ticket that names the browser and, as hashes, the accounts that signed in
there (after OWASP's device cookies). So a flood of wrong passwords from elsewhere does not reach
this browser, and a stolen cookie buys ten tries.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from mortice.hub.access import hub_of
from mortice.hub.buckets import BROWSER, PAIR, SOURCE, STRANGERS, Try, source_of
from mortice.hub.problems import Problem
from mortice.hub.tickets import read_ticket, ticket

PURPOSE = "known browser"
KNOWN_SECONDS = 365 * 86_400
HOUSEHOLD = 8  # accounts that one browser is known to


def tries_of(request: Request, email: str) -> list[Try]:
    """The buckets that a password for `email` draws on when it comes from this browser."""
    said = _said(request)
    if _mark(email) in said["accounts"]:
        return [(BROWSER, said["browser"])]
    source = source_of(request)
    return [(SOURCE, source), (PAIR, f"{email} {source}"), (STRANGERS, email)]


def remember_browser(request: Request, answer: Response, email: str) -> None:
    """Let this browser be known to the account of `email`."""
    hub, said = hub_of(request), _said(request)
    accounts = [_mark(email), *(each for each in said["accounts"] if each != _mark(email))]
    answer.set_cookie(
        _cookie(request),
        ticket(hub.own, PURPOSE, KNOWN_SECONDS, browser=said["browser"],
               accounts=accounts[:HOUSEHOLD]),
        max_age=KNOWN_SECONDS, httponly=True, samesite="lax", secure=hub.settings.is_https)


def _said(request: Request) -> dict[str, Any]:
    try:
        return read_ticket(hub_of(request).own, PURPOSE, request.cookies.get(_cookie(request), ""))
    except Problem:
        return {"browser": secrets.token_hex(16), "accounts": []}


def _cookie(request: Request) -> str:
    return f"{hub_of(request).cookie}-known"


def _mark(email: str) -> str:
    return hashlib.sha256(email.encode()).hexdigest()[:32]
