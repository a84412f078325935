"""Passkeys that sign people in: WebAuthn, discoverable, the person verified, bound to the origin.

Each ceremony has a purpose, and its challenge is in a sealed ticket that counts once and ends in
five minutes (tickets.py). A counter that goes backwards is noted and shown to the owner, not
refused: passkeys that are kept in step across devices have none worth the name.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, cast

import webauthn
from sqlalchemy import select
from sqlalchemy.orm import Session
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from mortice.hub.acts import note
from mortice.hub.hub import Hub
from mortice.hub.problems import Problem
from mortice.hub.tables import Account, Passkey, now
from mortice.hub.tickets import read_ticket, spend, ticket

CHALLENGE_BYTES = 32
SECONDS = 5 * 60
LABEL_LETTERS = 60
Json = dict[str, Any]

def not_accepted() -> Problem:
    """A passkey that is not known, or that did not answer as it must: no more is said."""
    return Problem(
        422, "passkey", "That passkey was not accepted",
        "Try again. If it stays, use another way in, then add the passkey anew under Sign-in.")


def to_add(hub: Hub, db: Session, account: Account) -> Json:
    """What a browser needs to make a passkey for `account`: options, and the ticket."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    options = webauthn.generate_registration_options(
        rp_id=hub.settings.rp_id, rp_name="Mortice", user_name=account.email,
        user_display_name=account.name, user_id=account.ref.encode(), challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED),
        exclude_credentials=_known(db, account))
    return _ceremony(hub, f"add {account.ref}", challenge, options)


def add(hub: Hub, db: Session, account: Account, answer: Json, label: str) -> Passkey:
    """Keep the passkey that a browser made. Raises Problem."""
    challenge = _spent_challenge(hub, db, f"add {account.ref}", answer)
    try:
        made = webauthn.verify_registration_response(
            credential=answer["credential"], expected_challenge=challenge,
            expected_rp_id=hub.settings.rp_id, expected_origin=hub.settings.origin.rstrip("/"),
            require_user_verification=True)
    except Exception as error:  # a stranger's bytes: the library raises many kinds
        raise not_accepted() from error
    if db.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id)):
        raise not_accepted()
    kept = Passkey(
        account_id=account.id, credential_id=made.credential_id, sign_count=made.sign_count,
        public_key=made.credential_public_key, label=label.strip()[:LABEL_LETTERS] or "Passkey")
    db.add(kept)
    note(db, "added a passkey", account=account, label=kept.label)
    return kept


def to_show(hub: Hub, purpose: str, db: Session | None = None,
            account: Account | None = None) -> Json:
    """What a browser needs to show a passkey: any that it has, or one of `account`."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    allowed = _known(db, account) if db is not None and account is not None else None
    options = webauthn.generate_authentication_options(
        rp_id=hub.settings.rp_id, challenge=challenge, allow_credentials=allowed,
        user_verification=UserVerificationRequirement.REQUIRED)
    return _ceremony(hub, purpose, challenge, options)


def shown(hub: Hub, db: Session, purpose: str, answer: Json) -> Account:
    """Whose passkey was shown for `purpose`. Raises Problem."""
    challenge = _spent_challenge(hub, db, purpose, answer)
    passkey, account = _whose(db, answer)
    try:
        checked = webauthn.verify_authentication_response(
            credential=answer["credential"], expected_challenge=challenge,
            expected_rp_id=hub.settings.rp_id, expected_origin=hub.settings.origin.rstrip("/"),
            credential_public_key=passkey.public_key, require_user_verification=True,
            credential_current_sign_count=0)  # compared below
    except Exception as error:  # as in `add`
        raise not_accepted() from error
    if passkey.sign_count and checked.new_sign_count <= passkey.sign_count:
        passkey.doubted_at = now()
        note(db, "showed a passkey whose counter went backwards", account=account,
             label=passkey.label)
    passkey.sign_count, passkey.used_at = checked.new_sign_count, now()
    return account


def _whose(db: Session, answer: Json) -> tuple[Passkey, Account]:
    """The passkey that an answer names, and its account, which the answer must name, too."""
    try:
        credential_id = _unpacked(answer["credential"]["rawId"])
        handle = _unpacked(answer["credential"]["response"]["userHandle"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise not_accepted() from error
    passkey = db.scalar(
        select(Passkey).where(Passkey.credential_id == credential_id).with_for_update())
    account = db.get(Account, passkey.account_id) if passkey else None
    if passkey is None or account is None or account.closed_at is not None:
        raise not_accepted()
    if handle != account.ref.encode():
        raise not_accepted()
    return passkey, account


def _known(db: Session, account: Account) -> list[PublicKeyCredentialDescriptor]:
    ids = db.scalars(select(Passkey.credential_id).where(Passkey.account_id == account.id))
    return [PublicKeyCredentialDescriptor(id=each) for each in ids]


def _ceremony(hub: Hub, purpose: str, challenge: bytes, options: Any) -> Json:  # noqa: ANN401 - one of two classes
    kept = urlsafe_b64encode(challenge).decode()
    return {"options": json.loads(webauthn.options_to_json(options)),
            "ticket": ticket(hub.own, f"passkey {purpose}", SECONDS, challenge=kept)}


def _spent_challenge(hub: Hub, db: Session, purpose: str, answer: Json) -> bytes:
    """The challenge of the ticket, which counts no more after this transaction."""
    text = str(answer.get("ticket"))
    said = read_ticket(hub.own, f"passkey {purpose}", text)
    spend(db, text, said)
    return urlsafe_b64decode(cast("str", said["challenge"]))


def _unpacked(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
