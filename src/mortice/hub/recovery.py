"""Recovery codes: ten on a sheet, each signs in once, kept only as hashes.

A new sheet counts from when its owner has shown that they kept it, and ends the one before. Until
then it travels sealed in the page that shows it. A code has 79 random bits, so SHA-256 is enough.
"""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from mortice.hub.tables import REF_ALPHABET, Account, RecoveryCode, now

CODES, GROUPS, LETTERS = 10, 4, 4


def new_sheet() -> list[str]:
    """Ten codes, in groups of four letters."""
    return ["-".join(_group() for _ in range(GROUPS)) for _ in range(CODES)]


def keep_sheet(db: Session, account: Account, sheet: list[str]) -> None:
    """Let `sheet` count for `account`, and no sheet before it."""
    db.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    db.add_all(RecoveryCode(account_id=account.id, hashed=_hash(account, code)) for code in sheet)


def codes_left(db: Session, account: Account) -> int:
    """How many codes of the sheet were not used yet."""
    return db.scalar(select(func.count()).where(
        RecoveryCode.account_id == account.id, RecoveryCode.used_at.is_(None))) or 0


def use_code(db: Session, account: Account, code: str) -> bool:
    """Is `code` on the account's sheet and unused? If so it is used now."""
    found = db.scalar(select(RecoveryCode).where(
        RecoveryCode.account_id == account.id, RecoveryCode.hashed == _hash(account, code),
        RecoveryCode.used_at.is_(None)).with_for_update())
    if found is None:
        return False
    found.used_at = now()
    return True


def is_group(sheet: list[str], number: int, group: int, typed: str) -> bool:
    """Is `typed` that group of that code (both counted from 0)?"""
    wanted = sheet[number].split("-")[group]
    return secrets.compare_digest(_plain(typed).encode(), wanted.encode())


def _group() -> str:
    return "".join(secrets.choice(REF_ALPHABET) for _ in range(LETTERS))


def _plain(typed: str) -> str:
    """What was typed or pasted, without spaces, dashes and capitals."""
    return "".join(letter for letter in typed.lower() if letter.isalnum())


def _hash(account: Account, code: str) -> bytes:
    return hashlib.sha256(f"{account.ref} {_plain(code)}".encode()).digest()
