"""Taking over a new lock: the code on its inside, and what owner and lock say to each other.

Decides whether a code is whole, which lock it names, and what a new lock is told. The code carries
the fingerprint of the lock's public keys and all 128 bits of a one-time secret, so neither a fake
lock nor a bystander on the network can take part. The secret counts only in the ten minutes after
the inside button, and once.

Spec: spec/commissioning.md. Checks Q1 to Q7.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from mortice.core import cbor
from mortice.core.errors import Malformed, Untrusted
from mortice.core.fields import Fields
from mortice.core.limits import DOCUMENT_BYTES, DOOR_ID_BYTES, ID_BYTES, TIME_MAX
from mortice.core.site import LockKeys, read_lock_keys

PREFIX = "MORTICE1"  # the version of the code, readable on the label
SECRET_BYTES = 16
CHECK_BYTES = 2  # catches a mistyped letter before anything is sent
TAKEOVER_ANSWER = bytes(ID_BYTES)  # stands where a receipt names a leaf
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")  # base32 (RFC 4648, section 6)
GROUP = 5  # letters between dashes, as people read them out


@dataclass(frozen=True, slots=True)
class Code:
    """The code on the inside of a lock."""

    fingerprint: bytes
    secret: bytes = field(repr=False)


def fingerprint(lock: LockKeys) -> bytes:
    """16 bytes that name a lock's three public keys together."""
    return hashlib.sha256(lock.link + lock.signing.encoded + lock.sealing).digest()[:ID_BYTES]


def psk(secret: bytes) -> bytes:
    """The Noise pre-shared key that a code's secret stands for."""
    return hashlib.sha256(b"mortice-takeover/1" + secret).digest()


def write_code(code: Code) -> str:
    """The code as text: `MORTICE1-` and base32 in groups of five."""
    body = code.fingerprint + code.secret
    letters = base64.b32encode(body + _check(body)).decode().rstrip("=")
    groups = [letters[i:i + GROUP] for i in range(0, len(letters), GROUP)]
    return "-".join([PREFIX, *groups])


def _check(body: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode() + body).digest()[:CHECK_BYTES]


def read_code(text: str) -> Code:
    """Parse a scanned or typed code. Raises Malformed (Q1 to Q3) in words for people."""
    cleaned = "".join(text.split()).upper().replace("-", "")
    if not cleaned.startswith(PREFIX) or len(cleaned) > 100:
        raise Malformed("Q1", f"that is not a lock's code; it starts with {PREFIX}")
    letters = cleaned[len(PREFIX):].replace("0", "O").replace("1", "I").replace("8", "B")
    if not LETTERS.issuperset(letters):
        raise Malformed("Q2", "the code has a letter that no code has; check it again")
    try:
        body = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error:  # no number of bytes has so many letters
        body = b""
    code = Code(body[:ID_BYTES], body[ID_BYTES:ID_BYTES + SECRET_BYTES])
    if write_code(code).replace("-", "") != PREFIX + letters:  # also sees spare bits at the end
        raise Malformed("Q3", "the code is incomplete or has a wrong letter; check it again")
    return code


def write_hello(lock: LockKeys) -> bytes:
    """What a lock without an owner answers to anybody: its public keys."""
    return cbor.encode([lock.link, lock.signing.cose, lock.sealing])


def read_hello(encoded: bytes, code: Code) -> LockKeys:
    """The lock's public keys, if they are those that the code names. Raises Malformed, Q4."""
    keys = read_lock_keys(cbor.decode(encoded, max_bytes=512), "Q4")
    if fingerprint(keys) != code.fingerprint:
        raise Untrusted("Q4", "the lock that answered is not the one whose code this is")
    return keys


@dataclass(frozen=True, slots=True)
class Takeover:
    """What the owner tells a new lock: the site's root, the door map and which door it is."""

    door: bytes
    site: bytes
    doors: bytes
    at: int  # the owner's clock, which the new lock takes

    def args(self) -> dict[int | str, cbor.Value]:
        """As the arguments of the commission command."""
        return {1: self.door, 2: self.site, 3: self.doors, 4: self.at}


def read_takeover(args: object) -> Takeover:
    """Parse the commission command's arguments. Raises Malformed (Q5)."""
    fields = Fields(args, "commissioning", "Q5")
    return fields.whole(Takeover(
        fields.bytes(1, DOOR_ID_BYTES), fields.bytes(2, (1, DOCUMENT_BYTES)),
        fields.bytes(3, (1, DOCUMENT_BYTES)), fields.int(4, 0, TIME_MAX)))
