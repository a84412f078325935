"""You: how you sign in, and where you are signed in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Form, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.hub import passkeys
from mortice.hub.access import Me, signed_in
from mortice.hub.accounts import (
    end_other_sign_ins,
    end_sign_in,
    last_way_in,
    owned_alone,
    ways_of,
)
from mortice.hub.acts import note
from mortice.hub.agents import agent_words
from mortice.hub.entering import wrong_codes
from mortice.hub.problems import not_found
from mortice.hub.tables import Account, Passkey, SignIn, now
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/you", include_in_schema=False)
Mine = Annotated[Me, Depends(signed_in)]


def proved(me: Mine) -> Me:
    """For a route that changes a way in. Raises ProveAgain."""
    me.must_have_proved()
    return me


Proved = Annotated[Me, Depends(proved)]


def next_step(db: Session, account: Account) -> str | None:
    """The page of the first thing that `account` still lacks to be safe from losing its way in."""
    ways = ways_of(db, account)
    if not ways.enough:
        return "/you/passkeys/new"
    return None if ways.codes else "/you/recovery"


def onward(me: Me) -> Response:
    """To the next step of a set-up, or to the list of one's ways in."""
    with me.hub.database.reading() as db:
        account = db.get_one(Account, me.account.id)  # as it is now, not as it was
        return go("/setup" if next_step(db, account) else "/you")


@ROUTER.get("")
def you(request: Request, me: Mine) -> Response:
    """Every way in, every signed-in browser, and what is wrong with them."""
    browsers = me.db.scalars(select(SignIn).where(
        SignIn.account_id == me.account.id, SignIn.ends_at > now()).order_by(SignIn.seen_at.desc()))
    return page(request, "you.html", account=me.account, ways=ways_of(me.db, me.account),
                browsers=list(browsers), this=me.sign_in, alone=owned_alone(me.db, me.account),
                agent_words=agent_words, wrong_codes=wrong_codes(me.db, me.account))


@ROUTER.get("/passkeys/new")
def new_passkey(request: Request, me: Proved) -> Response:
    """Make a passkey, or go without."""
    return page(request, "new_passkey.html", account=me.account, ways=ways_of(me.db, me.account),
                label=agent_words(me.sign_in.agent),
                recovering=me.sign_in.way == "recovery code")


@ROUTER.post("/passkeys/options")
def passkey_options(me: Proved) -> JSONResponse:
    """What the browser needs to make a passkey."""
    return JSONResponse(passkeys.to_add(me.hub, me.db, me.account))


@ROUTER.post("/passkeys")
def add_passkey(me: Proved, answer: Annotated[dict[str, Any], Body()]) -> JSONResponse:
    """Keep the passkey that the browser made."""
    with me.hub.database.writing() as db:
        passkeys.add(me.hub, db, me.account, answer, str(answer.get("label", "")))
    return JSONResponse({"next": onward(me).headers["location"]})


@ROUTER.post("/passkeys/{ref}/remove")
def remove_passkey(me: Proved, ref: str) -> Response:
    """Remove a passkey, unless nothing would be left; other browsers are signed out."""
    with me.hub.database.writing() as db:
        db.get_one(Account, me.account.id, with_for_update=True)  # one removal at a time
        found = db.scalar(select(Passkey).where(
            Passkey.ref == ref, Passkey.account_id == me.account.id))
        if found is None:
            raise not_found("passkey")
        db.delete(found)
        db.flush()
        _must_still_get_in(db, me)
        end_other_sign_ins(db, me.sign_in)
        note(db, "removed a passkey", account=me.account, label=found.label)
    return go("/you")


@ROUTER.post("/authenticator/remove")
def remove_authenticator(me: Proved) -> Response:
    """Turn the authenticator app off, and with it the password, which is nothing alone."""
    with me.hub.database.writing() as db:
        account = db.get_one(Account, me.account.id, with_for_update=True)
        account.totp = account.password = None
        db.flush()
        _must_still_get_in(db, me)
        end_other_sign_ins(db, me.sign_in)
        note(db, "removed password and authenticator app", account=account)
    return go("/you")


@ROUTER.post("/browsers/others/end")
def end_others(me: Mine) -> Response:
    """Sign out everywhere else."""
    with me.hub.database.writing() as db:
        end_other_sign_ins(db, me.sign_in)
        note(db, "signed out all other browsers", account=me.account)
    return go("/you")


@ROUTER.post("/browsers/end")
def end_browser(me: Mine, ref: Annotated[str, Form()] = "") -> Response:
    """Sign one browser out."""
    with me.hub.database.writing() as db:
        found = db.scalar(select(SignIn).where(
            SignIn.ref == ref, SignIn.account_id == me.account.id))
        if found is None:
            raise not_found("browser")
        end_sign_in(db, found.id)
        note(db, "signed out a browser", account=me.account, agent=agent_words(found.agent))
    return go("/you")


def _must_still_get_in(db: Session, me: Me) -> None:
    if not ways_of(db, db.get_one(Account, me.account.id)).enough:  # as it is now, not as it was
        raise last_way_in()
