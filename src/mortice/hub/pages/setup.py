"""The first owner's first minutes: an account, a passkey, a sheet that was kept, then a place."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.hub.access import Reading, hub_of, sign_in_of
from mortice.hub.accounts import faults_of_a_person, may_set_up, plain_email
from mortice.hub.acts import note
from mortice.hub.pages.sign_in import entered
from mortice.hub.pages.you import next_step
from mortice.hub.problems import Problem
from mortice.hub.tables import Account, Membership, now
from mortice.hub.web import go, page

ROUTER = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@ROUTER.get("/setup")
def setup(request: Request, db: Reading, token: str = "") -> Response:
    """The next step for who is signed in; the very first one for who has the terminal's link."""
    found = sign_in_of(request, db)
    if found is not None:
        place = select(Membership.id).where(Membership.account_id == found.account_id)
        return go(next_step(db, found.account) or ("/" if db.scalar(place) else "/setup/place"))
    try:
        may_set_up(db, token)
    except Problem:
        return page(request, "setup_closed.html", status=403)
    return page(request, "setup.html", token=token, name="", email="", errors={})


@ROUTER.post("/setup")
def first_owner(request: Request, token: Text = "", name: Text = "", email: Text = "") -> Response:
    """Make the first owner's account. The link counts once."""
    faults = faults_of_a_person(name, email)
    with hub_of(request).database.writing() as db:
        link = may_set_up(db, token)
        if faults:
            return page(request, "setup.html", token=token, name=name, email=email, errors=faults,
                        status=422)
        link.used_at = now()
        account = new_account(db, name, email)
        note(db, "set the hub up", account=account)
    return entered(request, account, "link", go("/setup"))


def new_account(db: Session, name: str, email: str) -> Account:
    """An account without any way in yet; at a hub that is set up anew, the one of that address."""
    at = plain_email(email)
    account = db.scalar(select(Account).where(Account.email == at)) or Account(email=at)
    account.name, account.closed_at = name.strip(), None
    db.add(account)
    db.flush()
    return account
