"""Password, authenticator app and recovery sheet of whoever is signed in."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from mortice.hub.access import signed_in
from mortice.hub.accounts import end_other_sign_ins, ways_of
from mortice.hub.acts import note
from mortice.hub.pages import authenticator
from mortice.hub.pages.you import Mine, Proved, onward
from mortice.hub.passwords import MINIMUM, fault_of, hash_password
from mortice.hub.recovery import CODES, GROUPS, is_group, keep_sheet, new_sheet
from mortice.hub.tables import Account
from mortice.hub.tickets import read_ticket, spend, ticket
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/you", include_in_schema=False)
SHEET_SECONDS = 60 * 60  # to find a printer
Text = Annotated[str, Form()]


@ROUTER.get("/password")
def password_page(request: Request, me: Proved) -> Response:
    """Choose a password."""
    return _password_page(request, me)


@ROUTER.post("/password")
def change_password(
    request: Request, me: Proved, password: Text = "", again: Text = "",
) -> Response:
    """Keep a new password, and sign every other browser out."""
    if fault := fault_of(password, me.account.name, me.account.email):
        return _password_page(request, me, {"password": fault})
    if password != again:
        return _password_page(request, me, {"again": "The two are not the same. Type both again."})
    hashed = hash_password(password)
    with me.hub.database.writing() as db:
        db.get_one(Account, me.account.id).password = hashed
        end_other_sign_ins(db, me.sign_in)
        note(db, "changed the password", account=me.account)
    return onward(me) if me.account.totp else go("/you/authenticator")


@ROUTER.get("/authenticator")
def authenticator_page(request: Request, me: Proved) -> Response:
    """Set up an authenticator app, in place of one that was set up before."""
    return authenticator.show(request, me.account, _purpose(me), "/you/authenticator")


@ROUTER.post("/authenticator")
def set_up_authenticator(
    request: Request, me: Proved, ticket: Text = "", code: Text = "",
) -> Response:
    """Keep the secret once a code made from it was typed."""
    said = authenticator.said_by(me.hub, _purpose(me), ticket)
    with me.hub.database.writing() as db:
        account = db.get_one(Account, me.account.id)
        if not authenticator.taken(me.hub, account, said, code):
            return authenticator.show(
                request, me.account, _purpose(me), "/you/authenticator", said)
        spend(db, ticket, said)
        note(db, "set up an authenticator app", account=account)
    return onward(me) if me.account.password else go("/you/password")


@ROUTER.get("/recovery")
def recovery_page(request: Request, me: Mine) -> Response:
    """What recovery codes are, and how many are left."""
    return page(request, "recovery.html", account=me.account, ways=ways_of(me.db, me.account))


@ROUTER.post("/recovery")
def make_sheet(request: Request, me: Proved) -> Response:
    """Show a new sheet, once. It counts from when one group of it was typed back."""
    sheet = new_sheet()
    carried = ticket(me.hub.own, f"sheet {me.account.ref}", SHEET_SECONDS, sheet=sheet,
                     number=secrets.randbelow(CODES), group=secrets.randbelow(GROUPS))
    return page(request, "recovery_sheet.html", account=me.account, sheet=sheet, ticket=carried)


@ROUTER.get("/recovery/check", dependencies=[Depends(signed_in)])
@ROUTER.get("/recovery/keep", dependencies=[Depends(signed_in)])
def begin_again() -> Response:
    """Whoever comes back here without the sheet starts a new one."""
    return go("/you/recovery")


@ROUTER.post("/recovery/check")
def ask_for_group(request: Request, me: Proved, ticket: Text = "") -> Response:
    """Ask for one group, on a page that does not show the sheet."""
    return _check_page(request, me, ticket, _sheet_of(me, ticket))


@ROUTER.post("/recovery/keep")
def keep(request: Request, me: Proved, ticket: Text = "", group: Text = "") -> Response:
    """Let the sheet count, now that its owner has it."""
    said = _sheet_of(me, ticket)
    if not is_group(said["sheet"], said["number"], said["group"], group):
        return _check_page(request, me, ticket, said, {
            "group": "That is another group. Look at your sheet once more."})
    with me.hub.database.writing() as db:
        spend(db, ticket, said)
        keep_sheet(db, me.account, said["sheet"])
        note(db, "kept a new sheet of recovery codes", account=me.account)
    return go("/setup")


def _purpose(me: Mine) -> str:
    return f"authenticator {me.account.ref}"


def _sheet_of(me: Mine, text: str) -> dict[str, Any]:
    return read_ticket(me.hub.own, f"sheet {me.account.ref}", text)


def _password_page(request: Request, me: Mine, errors: dict[str, str] | None = None) -> Response:
    return page(request, "password.html", account=me.account, ways=ways_of(me.db, me.account),
                minimum=MINIMUM, errors=errors or {}, status=422 if errors else 200)


def _check_page(request: Request, me: Mine, carried: str, said: dict[str, Any],
                errors: dict[str, str] | None = None) -> Response:
    return page(request, "recovery_check.html", account=me.account, ticket=carried,
                number=said["number"] + 1, group=said["group"] + 1, errors=errors or {},
                status=422 if errors else 200)
