"""Codes of an authenticator app (RFC 6238): sealed secret, a step early or late, none twice."""

from __future__ import annotations

import secrets

import pyotp
import segno
from sqlalchemy.orm import Session

from mortice.hub.own import Own
from mortice.hub.tables import Account, now

STEP_SECONDS = 30
EARLY_OR_LATE = 1  # steps: clocks differ, and typing takes a while
DIGITS = 6
ISSUER = "Mortice"
QR_SCALE = 5


def new_secret() -> str:
    """160 random bits, as apps are told them."""
    return pyotp.random_base32()


def keep_secret(own: Own, account: Account, secret: str) -> None:
    """Let `secret` be the one that `account`'s codes are made from. The caller commits."""
    account.totp = own.seal(secret.encode(), _about(account))
    account.totp_step = 0


def step_of(secret: str, code: str, after: int = 0) -> int | None:
    """The step that `code` is right for, if it is right now and later than step `after`."""
    typed, at = "".join(code.split()), now() // STEP_SECONDS
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        typed = "-"  # is no code, and takes the same work
    made = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_SECONDS)
    fits = [step for step in range(at - EARLY_OR_LATE, at + EARLY_OR_LATE + 1)
            if secrets.compare_digest(made.generate_otp(step), typed)]
    return next((step for step in fits if step > after), None)


def take_code(db: Session, own: Own, account_id: int, code: str) -> bool:
    """Is `code` right for the account and not used before? If so it is used now."""
    account = db.get(Account, account_id, with_for_update=True, populate_existing=True)
    if account is None or account.totp is None:
        return False
    secret = own.unseal(account.totp, _about(account)).decode()
    step = step_of(secret, code, account.totp_step)
    if step is None:
        return False
    account.totp_step = step
    return True


def app_link(secret: str, email: str) -> str:
    """The `otpauth:` address that an app takes instead of a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def picture(link: str) -> str:
    """A QR code of `link`, as the address of an image."""
    made: str = segno.make_qr(link, error="m").svg_data_uri(scale=QR_SCALE, border=4, light="#fff")
    return made


def _about(account: Account) -> bytes:
    return b"totp/" + account.ref.encode()
