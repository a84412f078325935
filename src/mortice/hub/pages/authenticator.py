"""The page that sets up an authenticator app, for who is signed in and for who is about to be.

The new secret travels sealed in the page until a code made from it has been typed.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from mortice.hub.access import hub_of
from mortice.hub.hub import Hub
from mortice.hub.tables import Account
from mortice.hub.tickets import read_ticket, ticket
from mortice.hub.totp import app_link, keep_secret, new_secret, picture, step_of
from mortice.hub.web import page

SECONDS = 15 * 60  # to find the phone, and to install an app
GROUP = 4  # letters of the secret, for those who type it
WRONG = "That code does not fit. Type the six digits that the app shows now."


def show(request: Request, account: Account, purpose: str, action: str,
         said: dict[str, Any] | None = None) -> Response:
    """The picture and the secret; once more, with what was wrong, if `said` is given."""
    secret = said["secret"] if said else new_secret()
    carried = ticket(hub_of(request).own, purpose, SECONDS, secret=secret, email=account.email)
    link = app_link(secret, account.email)
    groups = [secret[at:at + GROUP] for at in range(0, len(secret), GROUP)]
    return page(request, "authenticator.html", account=account, action=action, ticket=carried,
                link=link, picture=picture(link), secret=" ".join(groups),
                errors={"code": WRONG} if said else {}, status=422 if said else 200)


def said_by(hub: Hub, purpose: str, text: str) -> dict[str, Any]:
    """What the page was carrying. Raises Problem if it took too long."""
    return read_ticket(hub.own, purpose, text)


def taken(hub: Hub, account: Account, said: dict[str, Any], code: str) -> bool:
    """Does `code` show that the app has the secret? If so it is kept; the caller commits."""
    step = step_of(said["secret"], code)
    if step is None or said["email"] != account.email:
        return False
    keep_secret(hub.own, account, said["secret"])
    account.totp_step = step  # this code has counted
    return True
