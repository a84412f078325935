"""Whom to tell of a weakness, for programs (RFC 9116).

That is whoever runs this hub, if its settings name them, and the project, as the page of help says.
The file is made when it is asked for, and is never good for longer than the promise behind it.
Its addresses are https, as that RFC asks, but at http://localhost, where nobody else comes by.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from mortice.assess.model import read_data
from mortice.hub.access import hub_of

ROUTER = APIRouter(include_in_schema=False)
PATH = "/.well-known/security.txt"
GOOD_FOR = timedelta(days=30)  # whoever keeps a copy asks again after that


@lru_cache(maxsize=1)
def promised() -> dict[str, Any]:
    """What the project publishes of reports and of its support (assess/data/conformity)."""
    return read_data("conformity/psti")


@ROUTER.get(PATH)
def security_txt(request: Request) -> Response:
    """The file."""
    settings = hub_of(request).settings
    return PlainTextResponse(security(
        settings.origin.rstrip("/"), settings.contact, datetime.now(UTC)))


def security(origin: str, contact: str, at: datetime) -> str:
    """The text as of `at`. It ends with the support of the software at the latest."""
    until = datetime.combine(promised()["support"]["until"], datetime.max.time(), UTC)
    expires = min(at + GOOD_FOR, until)
    policy = f"{origin}/help#weakness"
    contacts = [contact, policy] if contact else [policy]
    return "".join(f"{name}: {value}\n" for name, value in (
        *(("Contact", each) for each in contacts), ("Expires", f"{expires:%Y-%m-%dT%H:%M:%SZ}"),
        ("Preferred-Languages", ", ".join(promised()["report"]["languages"])),
        ("Canonical", origin + PATH), ("Policy", policy)))
