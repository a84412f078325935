"""What people did at the hub itself, changes and looking alike: one row each, never changed.

A lock's log says what happened at a door and is signed by it. This says who did what here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from mortice.hub.tables import Account, Act, Place


def note(db: Session, what: str, place: Place | None = None, account: Account | None = None,
         **about: Any) -> None:  # noqa: ANN401 - any JSON
    """Write down that `account` did `what` (past tense, in words), in the same transaction."""
    db.add(Act(what=what, place_id=place.id if place else None,
               account_id=account.id if account else None, about=about))
