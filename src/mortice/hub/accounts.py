"""Accounts, their ways in, and their signed-in browsers.

Signing in opens no door; it shows what doors said.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from mortice.hub.access import Role, hash_of
from mortice.hub.hub import Hub
from mortice.hub.problems import Problem
from mortice.hub.recovery import codes_left
from mortice.hub.tables import Account, Invitation, Membership, Passkey, Place, SignIn, now

SIGN_IN_SECONDS = 30 * 86_400  # a browser stays signed in this long
SET_UP_SECONDS = 86_400  # a hub that was just started waits this long for its first owner
AGENT_LETTERS = 200
NAME_LETTERS, EMAIL_LETTERS = 80, 254
FIRST_OWNER = "first owner"  # stands as the role of the invitation that sets the hub up


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways in that an account has."""

    passkeys: list[Passkey]
    password: bool
    authenticator: bool
    codes: int  # left on the recovery sheet; a last resort, so not counted as a way of its own

    @property
    def enough(self) -> bool:
        """Can the account be signed in to, recovery codes aside?"""
        return bool(self.passkeys) or (self.password and self.authenticator)


def ways_of(db: Session, account: Account) -> Ways:
    """How `account` can be signed in to."""
    passkeys = db.scalars(
        select(Passkey).where(Passkey.account_id == account.id).order_by(Passkey.made_at)).all()
    return Ways(list(passkeys), account.password is not None, account.totp is not None,
                codes_left(db, account))


def last_way_in() -> Problem:
    """Why a way in is not removed."""
    return Problem(409, "last-way-in", "That is your last way in",
                   "Add a passkey first, or a password together with an authenticator app.")


def link_used() -> Problem:
    """A one-time link that counts no more, or never did."""
    return Problem(410, "link-used", "That link has been used or has ended",
                   "Ask whoever sent it for a new one.")


def new_token() -> str:
    """128 random bits and more, for a cookie or a link."""
    return secrets.token_urlsafe(24)


def plain_email(typed: str) -> str:
    """An e-mail address as accounts are found by it."""
    return typed.strip().lower()[:EMAIL_LETTERS]


def find_account(db: Session, email: str) -> Account | None:
    """The open account of an e-mail address."""
    return db.scalar(select(Account).where(Account.email == email, Account.closed_at.is_(None)))


def faults_of_a_person(name: str, email: str) -> dict[str, str]:
    """What is wrong with a name and an e-mail address that somebody typed of themselves."""
    faults = {}
    if not 0 < len(name.strip()) <= NAME_LETTERS or not name.isprintable():
        faults["name"] = f"Type your name, in at most {NAME_LETTERS} letters."
    before, at, after = email.strip().partition("@")
    if not (at and before and "." in after) or not email.isprintable() or " " in email.strip():
        faults["email"] = "Type an e-mail address like margaret@example.com."
    return faults


# --- signed-in browsers ---------------------------------------------------------------------------


def begin_sign_in(db: Session, account: Account, way: str, agent: str) -> str:
    """A new session for `account`, proved now by `way`; returns what the cookie must hold."""
    token, at = new_token(), now()
    db.add(SignIn(
        account_id=account.id, hashed=hash_of(token), ends_at=at + SIGN_IN_SECONDS, proved_at=at,
        way=way, agent=agent[:AGENT_LETTERS]))
    return token


def prove_again(db: Session, sign_in_id: int) -> str:
    """The person of a session proved themselves; returns what its cookie must hold from now on."""
    token = new_token()
    found = db.get_one(SignIn, sign_in_id)
    found.hashed, found.proved_at = hash_of(token), now()
    return token


def end_sign_in(db: Session, sign_in_id: int) -> None:
    """End one session."""
    db.execute(delete(SignIn).where(SignIn.id == sign_in_id))


def end_cookie(db: Session, token: str | None) -> None:
    """End the session that a browser had before it signed in anew."""
    db.execute(delete(SignIn).where(SignIn.hashed == hash_of(token or "")))


def end_other_sign_ins(db: Session, sign_in: SignIn) -> None:
    """End every session of the account but this one."""
    db.execute(delete(SignIn).where(
        SignIn.account_id == sign_in.account_id, SignIn.id != sign_in.id))


def agent_of(request: Request) -> str:
    """What the browser says it is."""
    return request.headers.get("user-agent", "")


# --- links that work once -------------------------------------------------------------------------


def invite(db: Session, account: Account, seconds: int) -> str:
    """A token that signs `account` in once, within `seconds`."""
    token = new_token()
    db.add(Invitation(hashed=hash_of(token), account_id=account.id, ends_at=now() + seconds))
    return token


def open_invitation(db: Session, token: str) -> Invitation:
    """The invitation that `token` is for. Raises Problem if it was used or has ended."""
    found = db.scalar(
        select(Invitation).where(Invitation.hashed == hash_of(token)).with_for_update())
    if found is None or found.used_at or found.ends_at <= now():
        raise link_used()
    return found


def use_invitation(db: Session, token: str) -> Account:
    """The account that a one-time link signs in. Raises Problem if it was used or has ended."""
    found = open_invitation(db, token)
    account = db.get(Account, found.account_id) if found.account_id else None
    if account is None or account.closed_at is not None:
        raise link_used()
    found.used_at = now()
    return account


def nobody_can_sign_in(db: Session) -> bool:
    """Has no account of this hub a way in yet?"""
    return db.scalar(select(Account.id).where(
        Account.closed_at.is_(None),
        or_(Account.password.is_not(None),
            Account.id.in_(select(Passkey.account_id)))).limit(1)) is None


def first_owner_token(db: Session) -> str | None:
    """A token for `/setup?token=`, in place of any before it; None once somebody can sign in."""
    if not nobody_can_sign_in(db):
        return None
    db.execute(delete(Invitation).where(Invitation.role == FIRST_OWNER))
    token = new_token()
    db.add(Invitation(hashed=hash_of(token), role=FIRST_OWNER, ends_at=now() + SET_UP_SECONDS))
    return token


def set_up_link(hub: Hub) -> str | None:
    """The address at which the first owner begins, to be shown on the terminal; None after that."""
    with hub.database.writing() as db:
        token = first_owner_token(db)
    return f"{hub.settings.origin.rstrip('/')}/setup?token={token}" if token else None


def may_set_up(db: Session, token: str) -> Invitation:
    """The set-up invitation that `token` is for. Raises Problem unless it counts here and now."""
    found = open_invitation(db, token)
    if found.role != FIRST_OWNER or not nobody_can_sign_in(db):
        raise link_used()
    return found


# --- owners ---------------------------------------------------------------------------------------


def owners_at(db: Session, place_id: int) -> int:
    """How many owners a place has."""
    return db.scalar(select(func.count()).where(
        Membership.place_id == place_id, Membership.role == Role.OWNER)) or 0


def owned_alone(db: Session, account: Account) -> list[Place]:
    """The places whose only owner `account` is."""
    mine = db.scalars(select(Place).join(Membership).where(
        Membership.account_id == account.id, Membership.role == Role.OWNER).order_by(Place.name))
    return [place for place in mine if owners_at(db, place.id) == 1]
