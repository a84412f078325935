"""Signing in by what is typed: password with an authenticator's code, or a recovery code.

Whatever does not fit gets one answer: it never says which part was wrong, nor whether there is such
an account. A try is paid for before anything is compared (buckets.py).
"""

from __future__ import annotations

from fastapi import Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mortice.hub.access import hub_of
from mortice.hub.accounts import find_account, plain_email, ways_of
from mortice.hub.acts import note
from mortice.hub.buckets import BROWSER, CODES, Try, give_back, take
from mortice.hub.hub import Hub
from mortice.hub.known import tries_of
from mortice.hub.passwords import is_password
from mortice.hub.problems import Problem, wrong
from mortice.hub.recovery import use_code
from mortice.hub.tables import Account, Act, SignIn, now
from mortice.hub.totp import take_code

LETTERS = 300  # of anything that is typed to sign in
WRONG_CODE = "typed the right password and a wrong code"  # somebody knows the password
LOOK_BACK_SECONDS = 30 * 86_400


def no_fit() -> Problem:
    """Something typed is wrong; which it is stays unsaid."""
    return wrong({"password": "E-mail, password and code do not fit together. If you set up no "
                              "authenticator app, use your passkey."})


def by_password(request: Request, email: str, password: str, code: str) -> tuple[Account, bool]:
    """Whose password and code these are, and whether they have a second factor at all.

    Without one the password only leads to setting one up. Raises Problem.
    """
    hub, email = hub_of(request), plain_email(email)
    tries = tries_of(request, email)
    with hub.database.writing() as db:
        take(db, *tries)
    with hub.database.reading() as db:
        account = find_account(db, email)
        ways = ways_of(db, account) if account else None
    fits = is_password(password, account.password if account else None)
    if account is None or ways is None or not fits:
        raise no_fit()
    if ways.authenticator and not _code_fits(hub, account, code, tries):
        raise no_fit()
    if not ways.authenticator and ways.passkeys:
        raise no_fit()  # this account's second factor is a passkey, which is not shown here
    with hub.database.writing() as db:
        give_back(db, *tries)
    return account, ways.authenticator


def by_recovery_code(request: Request, email: str, code: str) -> Account:
    """Whose unused recovery code this is; it is used now. Raises Problem."""
    hub, email = hub_of(request), plain_email(email)
    own_tries = tries_of(request, email)[:1]  # of this browser or address, never of the account
    with hub.database.writing() as db:
        take(db, *own_tries)
    with hub.database.writing() as db:
        account = find_account(db, email) or Account(ref="")
        if not use_code(db, account, code[:LETTERS]):
            raise wrong({"recovery": "E-mail and recovery code do not fit together, or that code "
                                     "was used before."})
        give_back(db, *own_tries)
        note(db, "used a recovery code", account=account)
    return account


def proves(hub: Hub, sign_in: SignIn, password: str, code: str) -> None:
    """Check password and code of somebody who is signed in. Raises Problem."""
    own_try = (BROWSER, f"prove {sign_in.ref}")
    with hub.database.writing() as db:
        take(db, own_try)
    fits = is_password(password, sign_in.account.password)
    if not fits or not _code_fits(hub, sign_in.account, code, [own_try]):
        raise no_fit()
    with hub.database.writing() as db:
        give_back(db, own_try)


def wrong_codes(db: Session, account: Account) -> int:
    """How often in the last month somebody who knew the password had no right code for it."""
    return db.scalar(select(func.count()).where(
        Act.account_id == account.id, Act.what == WRONG_CODE,
        Act.at > now() - LOOK_BACK_SECONDS)) or 0


def _code_fits(hub: Hub, account: Account, code: str, tries: list[Try]) -> bool:
    """Is `code` right? Strangers who know the password draw on one more bucket."""
    stranger = [] if tries[0][0] is BROWSER else [(CODES, account.email)]
    try:
        with hub.database.writing() as db:
            take(db, *stranger)
    except Problem:
        return False  # 429 would tell that the password was right
    with hub.database.writing() as db:
        fits = take_code(db, hub.own, account.id, code)
        if fits:
            give_back(db, *stranger)
        else:
            note(db, WRONG_CODE, account=account)
        return fits
