"""The worked examples of the spec, made by the code from fixed inputs.

Each name here is the name of a block in one of the pages; tests/spec/test_examples.py compares the
two. Everything is drawn from seeds, so the bytes are the same on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mortice.client.founding import sheet_key, write_sheet
from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.commissioning import Code, fingerprint, psk, write_code, write_hello
from mortice.core.config import Config, sign_config
from mortice.core.document import parse
from mortice.core.enrolment import sealed_context
from mortice.core.freshness import STAPLE, Checked, sign_checked, sign_staple, sign_time
from mortice.core.grant import Credential, CredentialKind, Grant, Rights, read_grant, sign_grant
from mortice.core.keys import ED25519, ESP256, SoftwareKey
from mortice.core.link import HolderSide, LockAddress, LockSide, mac_key, prologue, whole_receipt
from mortice.core.log import (
    About,
    Entry,
    Head,
    Kind,
    Receipt,
    Result,
    sign_head,
    sign_receipt,
)
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.messages import Answer, Greeting, Request
from mortice.core.noise import StaticKey
from mortice.core.passkey import challenge_text
from mortice.core.pin import PinKeys, Typed, verifier
from mortice.core.refusal import Coarse
from mortice.core.revocation import Revoked, sign_revocation
from mortice.core.schedule import Window
from mortice.core.site import (
    DoorMap,
    LockKeys,
    MappedDoor,
    Role,
    RoleKeys,
    Site,
    sign_doors,
    sign_site,
)
from mortice.core.stages import Factors, TimeState

NOW = 1_800_000_000  # Friday 15 January 2027, 08:00:00 UTC
HOUR, DAY = 3_600, 86_400


def seed(number: int) -> bytes:
    return bytes([number]) * 32


def key(number: int, alg: int = ED25519) -> SoftwareKey:
    return SoftwareKey.from_seed(alg, seed(number))


# --- the cast: spec/README.md, section 6 ---------------------------------------------------------

ROOT, GRANT, REVOKE, TIME, REFRESH, PAPER = map(key, range(1, 7))
LOCK, LINK, SEALING = key(0x10), seed(0x11), seed(0x12)
AGENT, GUEST, PASSKEY = key(0x20), key(0x21, ESP256), key(0x22, ESP256)
SITE_ID, DOOR, SECRET = bytes(range(16)), b"frontdor", bytes([0x13]) * 16
COMMAND_ID = bytes([0xC1]) * 8


def role(*keys: SoftwareKey, threshold: int = 1) -> RoleKeys:
    return RoleKeys(threshold, tuple(each.public for each in keys))


SITE = Site(SITE_ID, 1, {
    Role.ROOT: role(ROOT, PAPER, threshold=2), Role.GRANT: role(GRANT), Role.REVOKE: role(REVOKE),
    Role.TIME: role(TIME), Role.REFRESH: role(REFRESH), Role.RECOVERY: role(PAPER)})
LOCK_KEYS = LockKeys(
    StaticKey(LINK).public, LOCK.public,
    X25519PrivateKey.from_private_bytes(SEALING).public_key().public_bytes_raw())
DOORS = DoorMap(SITE_ID, 1, (MappedDoor(DOOR, "Front door", "Europe/London", LOCK_KEYS),))


# --- keys ----------------------------------------------------------------------------------------


@cache
def first_link() -> bytes:
    """The agent's: weekdays, may pass on unlocking once, for a day at most."""
    return sign_grant(Grant(
        AGENT.public, frozenset({DOOR}), Rights.UNLOCK | Rights.LOCK, delegable=Rights.UNLOCK,
        depth=1, site=SITE_ID, nbf=NOW - DAY, exp=NOW + 30 * DAY, max_life=DAY,
        hours=(Window(0b0011111, 8 * 60, 18 * 60),), about={1: "Letting agent"}), GRANT)


@cache
def second_link() -> bytes:
    """The guest's: two hours on one of those days, once."""
    return sign_grant(Grant(
        GUEST.public, frozenset({DOOR}), Rights.UNLOCK, parent=first_id(), nbf=NOW,
        exp=NOW + 2 * HOUR, hours=(Window(0b0011111, 8 * 60, 18 * 60),), uses=1), AGENT)


def first_id() -> bytes:
    return read_grant(first_link()).id


def second_id() -> bytes:
    return read_grant(second_link()).id


CHAIN = [first_link(), second_link()]

# HPKE draws a key of its own for each sealing, so these bytes cannot be made again, only opened.
SEALED_PIN = bytes.fromhex(
    "4b0f75306be12f97048f2b52a226265ea98a09aaefc4cb8ed180f0b7f4a830536a571d649a9d3fe36a480890"
    "d8c26b1928381263a998522e")


def tenant_link() -> bytes:
    """A tenant's: without times, and may put a PIN on the door."""
    return sign_grant(Grant(
        key(0x23).public, frozenset({DOOR}), Rights.UNLOCK | Rights.LOCK | Rights.ENROL,
        site=SITE_ID, resident=True), GRANT)


def pin_context() -> bytes:
    return sealed_context(key(0x23).public.id, read_grant(tenant_link()).id, 3)


def enrolment() -> bytes:
    return sign_grant(Grant(
        LOCK.public, frozenset({DOOR}), Rights.UNLOCK, parent=read_grant(tenant_link()).id,
        credential=Credential(CredentialKind.PIN, 3, 1, SEALED_PIN)), key(0x23))


def pin_verifier() -> bytes:
    return verifier(PinKeys(seed(0x14), bytes([0x15]) * 16, DOOR), Typed("", "48291736"))


# --- a passkey -----------------------------------------------------------------------------------


def client_data() -> bytes:
    return (f'{{"type":"webauthn.get","challenge":"{challenge_text(proof())}",'
            '"origin":"https://keys.example","crossOrigin":false}').encode()


def assertion() -> list[cbor.Value]:
    authenticator = hashlib.sha256(b"keys.example").digest() + bytes([5, 0, 0, 0, 1])
    raw = PASSKEY.sign(authenticator + hashlib.sha256(client_data()).digest())
    r, s = (int.from_bytes(raw[at:at + 32], "big") for at in (0, 32))
    return [authenticator, client_data(), encode_dss_signature(r, s)]


# --- one conversation: the guest unlocks the door ------------------------------------------------


def entry() -> Entry:
    """The decision of this conversation, as the lock wrote it down."""
    return Entry(41, NOW + 60, TimeState.SYNCED, 5_000_000, Kind.GRANTED, {
        int(About.LEAF): second_id(), int(About.COMMAND): int(Command.UNLOCK),
        int(About.LINKS): [first_id()], int(About.READER): 0,
        int(About.COMMAND_ID): COMMAND_ID}, bytes([0x16]) * 16)


def log_before() -> Frontier:
    """A log of 41 entries, each a single byte."""
    tree = Frontier()
    for index in range(41):
        tree.append(leaf_hash(bytes([index])))
    return tree


def log_after() -> Frontier:
    tree = log_before()
    tree.append(leaf_hash(entry().encode()))
    return tree


GREETING = Greeting(TimeState.SYNCED, NOW + 60, 0, 41, log_before().root(), bytes(8), 1, 1)
REQUEST = Request(
    Command.UNLOCK, COMMAND_ID, {}, list(CHAIN), Factors.NONE, bytes(64))


def receipt() -> Receipt:
    return Receipt(
        0, leaf_hash(entry().encode()), 41, 42, log_after().root(), second_id(), COMMAND_ID,
        Result.UNLOCKED, NOW + 61, TimeState.SYNCED)


@cache
def conversation() -> dict[str, bytes]:
    """Its messages, and what the two sides derive on the way."""
    holder = HolderSide(
        LockAddress(SITE_ID, DOOR, LOCK_KEYS.link, LOCK.public), seed(0x40))
    lock = LockSide(StaticKey(LINK), mac_key(LOCK_KEYS.link), prologue(SITE_ID, DOOR))
    one = holder.first()
    lock.read_first(one)
    two = lock.greet(GREETING, seed(0x41))
    holder.read_greeting(two)
    signed = holder.proof_for(REQUEST, second_id())
    three = holder.ask(REQUEST, second_id(), GUEST)
    request = lock.read_request(three)
    lock.check_proof(request, GUEST.public, LOCK.public.id, second_id())
    answer = Answer(None, receipt(), parse(
        "mortice-receipt/1", sign_receipt(receipt(), LOCK)).signature)
    four = lock.answer(answer)
    assert whole_receipt(holder.read_answer(four), LOCK.public) == sign_receipt(receipt(), LOCK)
    return {
        "message-1": one, "message-2": two, "message-3": three, "message-4": four,
        "handshake": holder.handshake, "proof": signed, "request": request.encode(),
        "answer": answer.encode()}


def proof() -> bytes:
    return conversation()["proof"]


def staple() -> bytes:
    return sign_staple(SITE_ID, first_id(), NOW, REFRESH)


# --- every block of hexadecimal in the pages -----------------------------------------------------

HEX: dict[str, Callable[[], bytes]] = {
    "sheet-grant": lambda: sheet_key(PAPER, Role.GRANT).seed,
    "sheet-revoke": lambda: sheet_key(PAPER, Role.REVOKE).seed,
    "key-ed25519": lambda: AGENT.public.encoded,
    "key-p256": lambda: GUEST.public.encoded,
    "staple": staple,
    "staple-signed": lambda: parse(STAPLE, staple()).signed_bytes,
    "staple-id": lambda: parse(STAPLE, staple()).id,
    "first-link": first_link,
    "first-link-id": first_id,
    "second-link": second_link,
    "second-link-id": second_id,
    "revocation": lambda: sign_revocation(
        SITE_ID, [Revoked(first_id(), NOW + 30 * DAY), Revoked(GUEST.public.id, None)], REVOKE),
    "site": lambda: sign_site(SITE, [ROOT, PAPER]),
    "doors": lambda: sign_doors(DOORS, GRANT),
    "config": lambda: sign_config(SITE_ID, Config(DOOR, 1, 30), GRANT),
    "checked": lambda: sign_checked(
        SITE_ID, Checked(DOOR, NOW, hashlib.sha256(b"good").digest(), 30, 0), GRANT),
    "pin-context": pin_context,
    "pin-sealed": lambda: SEALED_PIN,
    "enrolment": enrolment,
    "pin-verifier": pin_verifier,
    "time": lambda: sign_time(
        SITE_ID, LOCK.public.id, conversation()["handshake"], NOW + 60, TIME),
    "passkey-client": client_data,
    "passkey-assertion": lambda: cbor.encode(assertion()),
    "fingerprint": lambda: fingerprint(LOCK_KEYS),
    "takeover-psk": lambda: psk(SECRET),
    "hello": lambda: write_hello(LOCK_KEYS),
    "mac-key": lambda: mac_key(LOCK_KEYS.link),
    "greeting": GREETING.encode,
    **{name: lambda name=name: conversation()[name] for name in (  # type: ignore[misc]
        "message-1", "message-2", "message-3", "message-4", "handshake", "proof", "request",
        "answer")},
    "refusal": lambda: Answer(Coarse.NOT_NOW).encode(),
    "entry": lambda: entry().encode(),
    "entry-hash": lambda: leaf_hash(entry().encode()),
    "head": lambda: sign_head(Head(0, 42, log_after().root(), NOW + 60), LOCK),
    "receipt": lambda: sign_receipt(receipt(), LOCK),
}

# --- and every text ------------------------------------------------------------------------------

TEXT: dict[str, Callable[[], str]] = {
    "sheet": lambda: write_sheet(PAPER.seed),
    "takeover-code": lambda: write_code(Code(fingerprint(LOCK_KEYS), SECRET)),
    "challenge": lambda: challenge_text(proof()),
}
