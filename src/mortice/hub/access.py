"""Who may do what: the one way into every page and route.

A route either says `Depends(may(To.…))` for something at a place, `Depends(signed_in)` for one's
own account, or stands on the list of what is open to all (`OPEN_PATHS`); a test walks all routes.
What is not somebody's to know of looks exactly like what does not exist. Being allowed here opens
no door: that takes a key, and the door decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection

from mortice.hub.problems import Problem, ProveAgain, SignInFirst, not_found, not_yours
from mortice.hub.tables import Account, Membership, Place, SignIn, Token, now

if TYPE_CHECKING:
    from mortice.hub.hub import Hub

DANGER_SECONDS = 5 * 60  # how lately somebody must have proved themselves for a dangerous act
SETTINGS_SECONDS = 30 * 60  # and for a setting
SEEN_EVERY_SECONDS = 60  # how exactly the list of signed-in browsers knows when each was last used
TOKEN_PREFIX = "mortice_"  # noqa: S105 - what secret scanners know our tokens by


class Role(StrEnum):
    """What somebody is at a place."""

    OWNER = "owner"
    MANAGER = "manager"
    MEMBER = "member"  # holds keys: sees their own doors and their own comings
    AUDITOR = "auditor"  # reads what happened, changes nothing


HOLDS = frozenset({Role.OWNER, Role.MANAGER, Role.MEMBER})
RUNS = frozenset({Role.OWNER, Role.MANAGER})
READS = RUNS | {Role.AUDITOR}
OWNS = frozenset({Role.OWNER})


@dataclass(frozen=True, slots=True)
class Rule:
    """Which roles may, how lately they must have proved themselves, which scope a token needs."""

    roles: frozenset[Role]
    scope: str | None = None  # None: never by a token
    proved_within: int | None = None


class To(Enum):
    """What can be done at a place; the rules are below."""

    SEE_DOORS = "see doors"
    WATCH = "be told that something changed, not what"
    SEE_OWN = "see one's own keys and openings"
    OPEN = "be relayed to a door, which decides"
    SEE_PEOPLE = "see people and their keys"
    CHANGE_PEOPLE = "add and change people"
    GIVE_KEYS = "give keys"
    TAKE_BACK = "take keys back"
    GIVE_NOTICE = "give notice of entry"
    SEE_ACTIVITY = "see what happened"
    EXPORT = "take a copy of what happened"
    EXPORT_ALL = "take a copy of everything"
    SEE_SETTINGS = "see settings"
    CHANGE_SETTINGS = "change settings"
    MAKE_TOKENS = "let a program in, as oneself"
    CHANGE_TEAM = "say who else may do what"
    SEE_STRENGTH = "see how strong a door is"
    WATCH_STRENGTH = "see how strong a door is, without names"
    SAY_STRENGTH = "say what a door is like"
    ERASE = "erase what is held of a person"


RULES: dict[To, Rule] = {
    To.SEE_DOORS: Rule(HOLDS, "doors:read"),
    To.WATCH: Rule(HOLDS | READS),
    To.SEE_OWN: Rule(HOLDS, "doors:read"),
    To.OPEN: Rule(HOLDS),
    To.SEE_PEOPLE: Rule(RUNS, "people:read"),
    To.CHANGE_PEOPLE: Rule(RUNS, "people:write"),
    To.GIVE_KEYS: Rule(RUNS, "keys:write"),
    To.TAKE_BACK: Rule(RUNS, "keys:write"),
    To.GIVE_NOTICE: Rule(RUNS),
    To.SEE_ACTIVITY: Rule(READS | HOLDS, "activity:read"),  # a member sees their own
    To.EXPORT: Rule(READS, "activity:read"),
    To.EXPORT_ALL: Rule(OWNS, proved_within=DANGER_SECONDS),
    To.SEE_SETTINGS: Rule(RUNS, "settings:read"),
    To.CHANGE_SETTINGS: Rule(OWNS, proved_within=SETTINGS_SECONDS),
    To.MAKE_TOKENS: Rule(READS),
    To.CHANGE_TEAM: Rule(OWNS, proved_within=DANGER_SECONDS),
    To.SEE_STRENGTH: Rule(READS),  # nobody else: it is what a burglar wants to know
    To.WATCH_STRENGTH: Rule(READS, "strength:read"),
    To.SAY_STRENGTH: Rule(RUNS),
    To.ERASE: Rule(OWNS, proved_within=DANGER_SECONDS),
}
SCOPES = tuple(sorted({rule.scope for rule in RULES.values() if rule.scope}))


@dataclass(slots=True)
class Here:
    """Who asks, where they are, and what they may: what every route at a place is given."""

    hub: Hub
    db: Session  # for reading; to write, open `hub.database.writing()`
    account: Account
    place: Place
    role: Role
    sign_in: SignIn | None
    scopes: frozenset[str] = field(default_factory=frozenset)
    person_id: int | None = None  # the person at this place that the account is

    def may(self, to: To) -> bool:
        """Would `to` be allowed, proof of late aside? For what a page shows."""
        rule = RULES[to]
        return self.role in rule.roles and (self.sign_in is not None or rule.scope in self.scopes)


@dataclass(slots=True)
class Me:
    """A signed-in account, at no place in particular."""

    hub: Hub
    db: Session
    account: Account
    sign_in: SignIn

    def must_have_proved(self, within: int = DANGER_SECONDS) -> None:
        """Raises ProveAgain unless the person proved themselves that lately."""
        if self.sign_in.proved_at < now() - within:
            raise ProveAgain


def hub_of(request: HTTPConnection) -> Hub:
    """The hub that this request came to."""
    hub: Hub = request.app.state.hub
    return hub


def reading(request: HTTPConnection) -> Iterator[Session]:
    """A session to read with, for as long as the request lasts."""
    request.state.told = hub_of(request).live.told  # before anything is read (live.py)
    with hub_of(request).database.reading() as session:
        yield session


Reading = Annotated[Session, Depends(reading)]


def hash_of(token: str) -> bytes:
    """Tokens are kept as SHA-256: 128 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def sign_in_of(request: HTTPConnection, db: Session) -> SignIn | None:
    """The signed-in browser that the cookie names, if it still counts."""
    token = request.cookies.get(hub_of(request).cookie)
    if not token:
        return None
    found = db.scalar(select(SignIn).where(SignIn.hashed == hash_of(token)))
    if found is None or found.ends_at <= now() or found.account.closed_at is not None:
        return None
    _note_seen(request, found)
    return found


def _note_seen(request: HTTPConnection, found: SignIn) -> None:
    if found.seen_at < now() - SEEN_EVERY_SECONDS:
        with hub_of(request).database.writing() as writing:
            row = writing.get(SignIn, found.id)
            if row is not None:
                row.seen_at = now()


def signed_in(request: HTTPConnection, db: Reading) -> Me:
    """For a route of one's own account. Raises SignInFirst."""
    found = sign_in_of(request, db)
    if found is None:
        raise SignInFirst
    return Me(hub_of(request), db, found.account, found)


def may(to: To) -> Callable[[HTTPConnection, Session, str], Here]:
    """For a route at a place, whose path has `{place}`: only for those who may do `to` there."""

    def here(request: HTTPConnection, db: Reading, place: str) -> Here:
        found = sign_in_of(request, db)
        token = None if found else _token_of(request, db)
        if found is None and token is None:
            raise SignInFirst
        account = found.account if found else token.account  # type: ignore[union-attr]  # one is
        at = _at(db, account, place)
        if token is not None and token.place_id != at.place_id:
            raise not_found("place")
        me = Here(
            hub_of(request), db, account, at.place, Role(at.role), found,
            frozenset(token.scopes) if token else frozenset(), at.person_id)
        _must(me, to)
        return me

    here.to = to  # type: ignore[attr-defined]  # the test that walks the routes reads it
    return here


def _at(db: Session, account: Account, place: str) -> Membership:
    found = db.scalar(
        select(Membership).join(Place).where(
            Place.ref == place, Membership.account_id == account.id))
    if found is None:
        raise not_found("place")
    return found


def _must(here: Here, to: To) -> None:
    rule = RULES[to]
    if not here.may(to):
        raise not_yours(owners_of(here.db, here.place))
    proved = here.sign_in.proved_at if here.sign_in else 0
    if rule.proved_within is not None and proved < now() - rule.proved_within:
        raise ProveAgain


def _token_of(request: HTTPConnection, db: Session) -> Token | None:
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.startswith(TOKEN_PREFIX):
        return None
    found = db.scalar(select(Token).where(Token.hashed == hash_of(secret)))
    if found is None or found.ends_at <= now() or found.account.closed_at is not None:
        raise Problem(401, "token", "That token is not known or has ended",
                      "Make a new one under Settings, then Sign-in.")
    return found


def owners_of(db: Session, place: Place) -> str:
    """The owners' names, for whoever must ask one of them."""
    names = db.scalars(
        select(Account.name).join(Membership, Membership.account_id == Account.id).where(
            Membership.place_id == place.id, Membership.role == Role.OWNER)).all()
    return " or ".join(names) or "The owner"
