"""Sealed tickets: what a browser is to bring back, so that the hub keeps nothing for strangers.

A ticket is for one purpose, ends soon, and cannot be read or changed outside. One that must count
only once is spent in the transaction that it allows; only what was spent is remembered.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from mortice.core.errors import Malformed
from mortice.hub.own import Own
from mortice.hub.problems import Problem
from mortice.hub.tables import Spent, now


def ended() -> Problem:
    """A ticket that counts no more."""
    return Problem(410, "ticket-ended", "That took too long, or was sent twice",
                   "Nothing was changed. Open the page again and start afresh.")


def ticket(own: Own, purpose: str, seconds: int, **said: Any) -> str:  # noqa: ANN401 - any JSON
    """A ticket for `purpose` that says `said` and ends after `seconds`."""
    content = json.dumps(said | {"until": now() + seconds}).encode()
    return base64.urlsafe_b64encode(own.seal(content, _about(purpose))).decode()


def read_ticket(own: Own, purpose: str, text: str) -> dict[str, Any]:
    """What a ticket for `purpose` says. Raises Problem if it is none, or has ended."""
    try:
        sealed = base64.b64decode(text, b"-_", validate=True)
        said: dict[str, Any] = json.loads(own.unseal(sealed, _about(purpose)))
    except (ValueError, Malformed) as error:
        raise ended() from error
    if said["until"] <= now():
        raise ended()
    return said


def spend(db: Session, text: str, said: dict[str, Any]) -> None:
    """Let a ticket count once. Raises Problem the second time."""
    db.execute(delete(Spent).where(Spent.ends_at <= now()))
    hashed = hashlib.sha256(text.encode()).digest()
    if db.get(Spent, hashed, with_for_update=True) is not None:
        raise ended()
    db.add(Spent(hashed=hashed, ends_at=said["until"]))
    db.flush()  # a second one at the same moment fails here, on the key


def _about(purpose: str) -> bytes:
    return b"ticket/" + purpose.encode()
