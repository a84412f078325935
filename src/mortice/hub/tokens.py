"""Tokens for programs: for one place, for named scopes, and for 90 days at most.

A token reads and files; it opens no door, gives no key by itself (that takes a signature that the
hub cannot make), and never counts as a person who has just proved themselves.
"""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.hub.access import RULES, SCOPES, TOKEN_PREFIX, Role, hash_of
from mortice.hub.acts import note
from mortice.hub.problems import not_found, wrong
from mortice.hub.tables import Account, Place, Token, now

LONGEST_DAYS = 90
NAME_LETTERS = 80
DAY = 86_400


def make_token(
    db: Session, account: Account, place: Place, name: str, terms: tuple[list[str], int],
) -> tuple[Token, str]:
    """A token and, this once, its secret. `terms` is its scopes and days. Raises Problem (422)."""
    scopes, days = terms
    _check(name, scopes, days)
    secret = TOKEN_PREFIX + secrets.token_urlsafe(24)
    token = Token(
        account_id=account.id, place_id=place.id, name=name.strip(), hashed=hash_of(secret),
        scopes=sorted(set(scopes)), ends_at=now() + days * DAY)
    db.add(token)
    db.flush()
    note(db, "token made", place, account, token=token.ref, scopes=token.scopes, days=days)
    return token, secret


def _check(name: str, scopes: list[str], days: int) -> None:
    fields = {}
    if not 0 < len(name.strip()) <= NAME_LETTERS or not name.isprintable():
        fields["name"] = f"Name the program in 1 to {NAME_LETTERS} letters."
    if not scopes or not set(scopes) <= set(SCOPES):
        fields["scopes"] = "Choose what it may do."
    if not 1 <= days <= LONGEST_DAYS:
        fields["days"] = f"A token lasts from 1 to {LONGEST_DAYS} days."
    if fields:
        raise wrong(fields)


def scopes_of(role: Role) -> list[str]:
    """What somebody with `role` can let a program do."""
    return [scope for scope in SCOPES
            if any(rule.scope == scope and role in rule.roles for rule in RULES.values())]


def tokens_of(db: Session, account: Account, place: Place) -> list[Token]:
    """This account's tokens at a place that still count."""
    return list(db.scalars(
        select(Token).where(
            Token.account_id == account.id, Token.place_id == place.id, Token.ends_at > now())
        .order_by(Token.id)))


def end_token(db: Session, account: Account, place: Place, ref: str) -> None:
    """From now on the token is worth nothing. Raises Problem (404)."""
    token = db.scalar(select(Token).where(
        Token.ref == ref, Token.account_id == account.id, Token.place_id == place.id))
    if token is None:
        raise not_found("token")
    token.ends_at = now()
    note(db, "token ended", place, account, token=ref)


