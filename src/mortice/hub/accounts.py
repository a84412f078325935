"""Accounts and their signed-in browsers. Signing in opens no door; it shows what doors said."""

from __future__ import annotations

import secrets

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mortice.hub.access import hash_of
from mortice.hub.problems import Problem
from mortice.hub.tables import Account, Invitation, SignIn, now

SIGN_IN_SECONDS = 30 * 86_400  # a browser stays signed in this long
AGENT_LETTERS = 200
LINK_USED = Problem(410, "link-used", "That link has been used or has ended",
                    "Ask whoever sent it for a new one.")


def new_token() -> str:
    """128 random bits and more, for a cookie or a link."""
    return secrets.token_urlsafe(24)


def begin_sign_in(db: Session, account: Account, way: str, agent: str) -> str:
    """A new session for `account`, proved now by `way`; returns what the cookie must hold."""
    token, at = new_token(), now()
    db.add(SignIn(
        account_id=account.id, hashed=hash_of(token), ends_at=at + SIGN_IN_SECONDS, proved_at=at,
        way=way, agent=agent[:AGENT_LETTERS]))
    return token


def end_sign_in(db: Session, sign_in_id: int) -> None:
    """End one session."""
    db.execute(delete(SignIn).where(SignIn.id == sign_in_id))


def invite(db: Session, account: Account, seconds: int) -> str:
    """A token that signs `account` in once, within `seconds`."""
    token = new_token()
    db.add(Invitation(hashed=hash_of(token), account_id=account.id, ends_at=now() + seconds))
    return token


def use_invitation(db: Session, token: str) -> Account:
    """The account that a one-time link signs in. Raises Problem if it was used or has ended."""
    found = db.scalar(
        select(Invitation).where(Invitation.hashed == hash_of(token)).with_for_update())
    account = db.get(Account, found.account_id) if found and found.account_id else None
    if found is None or account is None or found.used_at or found.ends_at <= now():
        raise LINK_USED
    found.used_at = now()
    return account
