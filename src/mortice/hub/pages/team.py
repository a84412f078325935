"""The team of a place: who may do what there. There is always an owner."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mortice.hub.access import Here, Role, To, hash_of, may
from mortice.hub.accounts import new_token, owners_at, plain_email
from mortice.hub.acts import note
from mortice.hub.problems import Problem, not_found, wrong
from mortice.hub.tables import Account, Invitation, Membership, Place, Token, now
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/settings/team", include_in_schema=False)
Owner = Annotated[Here, Depends(may(To.CHANGE_TEAM))]
Text = Annotated[str, Form()]
INVITED_SECONDS = 7 * 86_400
WHAT = {
    Role.OWNER: "runs the place, its team and its settings",
    Role.MANAGER: "gives keys and takes them back, sees who came",
    Role.MEMBER: "holds keys, sees their own doors and comings",
    Role.AUDITOR: "reads what happened, changes nothing",
}


@ROUTER.get("")
def team(request: Request, here: Owner) -> Response:
    """Everybody with an account here, and who was invited."""
    return _page(request, here)


@ROUTER.post("")
def invite_by_link(request: Request, here: Owner, role: Text = "", email: Text = "") -> Response:
    """Make a link that joins the team once; it is shown once."""
    try:
        wanted = _role(role)
    except Problem as problem:
        return _page(request, here, errors=problem.fields)
    token = new_token()
    with here.hub.database.writing() as db:
        db.add(Invitation(hashed=hash_of(token), place_id=here.place.id, role=wanted,
                          email=plain_email(email) or None, ends_at=now() + INVITED_SECONDS))
        note(db, "invited somebody", here.place, here.account, role=wanted,
             email=plain_email(email))
    return _page(request, here, link=f"{here.hub.settings.origin.rstrip('/')}/join/{token}")


@ROUTER.post("/invitations/{ref}/end")
def end_invitation(here: Owner, ref: str) -> Response:
    """Let an invitation count no more."""
    with here.hub.database.writing() as db:
        found = db.scalar(select(Invitation).where(
            Invitation.ref == ref, Invitation.place_id == here.place.id))
        if found is None:
            raise not_found("invitation")
        db.delete(found)
        note(db, "took an invitation back", here.place, here.account, role=found.role)
    return go(_path(here))


@ROUTER.post("/{member}/role")
def change_role(here: Owner, member: str, role: Text = "") -> Response:
    """Let somebody be something else here."""
    wanted = _role(role)
    with here.hub.database.writing() as db:
        found, account = _member(db, here, member)
        was, found.role = found.role, wanted
        db.flush()
        _must_keep_an_owner(db, here)
        note(db, "changed a role", here.place, here.account, who=account.name, was=was, now=wanted)
    return go(_path(here))


@ROUTER.post("/{member}/remove")
def remove(here: Owner, member: str) -> Response:
    """Take somebody off the team; their tokens for programs end. Keys are taken back elsewhere."""
    with here.hub.database.writing() as db:
        found, account = _member(db, here, member)
        db.delete(found)
        db.execute(delete(Token).where(
            Token.account_id == account.id, Token.place_id == here.place.id))
        db.flush()
        _must_keep_an_owner(db, here)
        note(db, "removed somebody from the team", here.place, here.account, who=account.name)
    return go(_path(here) if account.id != here.account.id else "/")


def _page(request: Request, here: Here, link: str = "",
          errors: dict[str, str] | None = None) -> Response:
    with here.hub.database.reading() as db:  # anew: what was just changed is to be seen
        members = db.execute(
            select(Membership.role, Account).join(Account, Account.id == Membership.account_id)
            .where(Membership.place_id == here.place.id).order_by(Account.name)).all()
        invited = db.scalars(select(Invitation).where(
            Invitation.place_id == here.place.id, Invitation.used_at.is_(None),
            Invitation.ends_at > now()).order_by(Invitation.made_at)).all()
    return page(request, "team.html", here, members=members, invited=invited, what=WHAT, link=link,
                errors=errors or {}, status=422 if errors else 200)


def _path(here: Here) -> str:
    return f"/p/{here.place.ref}/settings/team"


def _role(typed: str) -> Role:
    try:
        return Role(typed)
    except ValueError as error:
        raise wrong({"role": "Choose one of the four."}) from error


def _member(db: Session, here: Here, ref: str) -> tuple[Membership, Account]:
    db.get_one(Place, here.place.id, with_for_update=True)  # one change at a time: an owner stays
    found = db.execute(
        select(Membership, Account).join(Account, Account.id == Membership.account_id).where(
            Account.ref == ref, Membership.place_id == here.place.id)).first()
    if found is None:
        raise not_found("person")
    return found[0], found[1]


def _must_keep_an_owner(db: Session, here: Here) -> None:
    if not owners_at(db, here.place.id):
        raise Problem(409, "last-owner", f"{here.place.name} must keep an owner",
                      "Make somebody else an owner first.")
