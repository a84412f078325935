"""Joining a team by a link that counts once. The role is the invitation's, whatever is sent.

Whoever holds such a link must not learn with it which addresses have an account here. So a new
account is made whatever address was typed: nothing is ever sent there, it only says who signs in.
Where somebody signs in with it already, the new account's own gets a tag, as in `tom+k7f2@…`. Its
owner sees that under *You*, after the one use of the link and as one of the team.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.hub.access import Reading, hub_of, sign_in_of
from mortice.hub.accounts import faults_of_a_person, link_used, open_invitation, plain_email
from mortice.hub.acts import note
from mortice.hub.buckets import SOURCE, source_of, take
from mortice.hub.pages.setup import new_account
from mortice.hub.pages.sign_in import entered
from mortice.hub.tables import Account, Invitation, Membership, Place, new_ref, now
from mortice.hub.web import go, page

ROUTER = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
TAG_LETTERS = 4


@ROUTER.get("/join/{token}")
def invitation(request: Request, db: Reading, token: str) -> Response:
    """What the link is for."""
    place, found = _place_of(db, token)
    mine = sign_in_of(request, db)
    account = mine.account if mine else None
    if account is not None and _is_member(db, account, place):
        return go(f"/p/{place.ref}")
    return page(request, "join.html", account=account, joining=place, invitation=found,
                name="", email=found.email or "", errors={})


@ROUTER.post("/join/{token}")
def join(request: Request, db: Reading, token: str, name: Text = "", email: Text = "") -> Response:
    """Join, with the account that is signed in or with a new one."""
    mine = sign_in_of(request, db)
    hub = hub_of(request)
    with hub.database.writing() as writing:
        take(writing, (SOURCE, source_of(request)))
    with hub.database.writing() as writing:
        place, found = _place_of(writing, token)
        errors = {} if mine else faults_of_a_person(name, email)
        if errors:
            return page(request, "join.html", joining=place, invitation=found, name=name,
                        email=email, errors=errors, status=422)
        account = mine.account if mine else new_account(writing, name, _free(writing, email))
        _add(writing, account, place, found)
    if mine is not None:
        return go(f"/p/{place.ref}")
    return entered(request, account, "link", go("/setup"))


def _place_of(db: Session, token: str) -> tuple[Place, Invitation]:
    found = open_invitation(db, token)
    place = db.get(Place, found.place_id) if found.place_id else None
    if place is None or found.role is None:
        raise link_used()
    return place, found


def _is_member(db: Session, account: Account, place: Place) -> bool:
    return db.scalar(select(Membership.id).where(
        Membership.account_id == account.id, Membership.place_id == place.id)) is not None


def _free(db: Session, email: str) -> str:
    """The address, with a tag if an account has it, be it a closed one."""
    wanted = plain_email(email)
    if db.scalar(select(Account.id).where(Account.email == wanted)) is None:
        return wanted
    before, _, after = wanted.partition("@")
    return _free(db, f"{before}+{new_ref()[:TAG_LETTERS]}@{after}")


def _add(db: Session, account: Account, place: Place, found: Invitation) -> None:
    if _is_member(db, account, place):
        return  # whoever is here already keeps their role and leaves the link to somebody else
    found.used_at = now()
    db.add(Membership(account_id=account.id, place_id=place.id, role=found.role))
    note(db, "joined the team", place, account, role=found.role)
