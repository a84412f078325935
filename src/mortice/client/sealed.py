"""Keys at rest: sealed by a passphrase, or by a key that lies in the same home.

Root, grant and revoke keys are sealed by the owner's passphrase (Argon2id, then AES-256-GCM). The
key of a phone-like holder must work without typing, so it is sealed by a device key in the same
home: whoever can read the whole home can use it. That weakness is the file store's, and
`mortice key explain` says so; a TPM takes its place behind the same two functions.

Spec: spec/home.md, section 2.
"""

from __future__ import annotations

import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from mortice.core import cbor
from mortice.core.errors import Malformed

MAGIC = "mortice-sealed/1"
SALT_BYTES, NONCE_BYTES = 16, 12  # Argon2id's usual salt; AES-GCM's nonce
KIB, PASSES, LANES = 65_536, 3, 4  # RFC 9106's second choice: 64 MiB, for what is typed once a day
PASSPHRASE_CHARS = 10  # shorter ones fall to a dictionary even behind Argon2id
SEALED_BYTES = 4096  # far above any key


class WrongPassphrase(Exception):
    """The file does not open with that passphrase, or it was damaged."""


@lru_cache(maxsize=4)  # five keys under one passphrase and salt cost one slow hash
def _stretched(passphrase: str, salt: bytes) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=PASSES, lanes=LANES, memory_cost=KIB)
    return kdf.derive(passphrase.encode())


def seal(plain: bytes, key: str | bytes, salt: bytes = b"") -> bytes:
    """Encrypt `plain` under a passphrase and its salt, or under a device key of 32 bytes."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(_key(key, salt)).encrypt(nonce, plain, MAGIC.encode())
    return cbor.encode([MAGIC, salt, nonce, sealed])


def _key(key: str | bytes, salt: bytes) -> bytes:
    return key if isinstance(key, bytes) else _stretched(key, salt)


def unseal(sealed: bytes, key: str | bytes) -> bytes:
    """The inverse of `seal`. Raises Malformed (E, Z1), and WrongPassphrase where one is typed."""
    match cbor.decode(sealed, max_bytes=SEALED_BYTES):
        case [str(magic), bytes(salt), bytes(nonce), bytes(body)] if magic == MAGIC:
            whole = len(nonce) == NONCE_BYTES and len(salt) == SALT_BYTES * isinstance(key, str)
        case _:
            raise Malformed("Z1", "this is not a sealed Mortice key")
    if not whole:
        raise Malformed("Z1", "this sealed key is damaged")
    try:
        return AESGCM(_key(key, salt)).decrypt(nonce, body, MAGIC.encode())
    except InvalidTag as error:
        if isinstance(key, bytes):
            raise Malformed("Z1", "this sealed key is damaged or of another home") from error
        raise WrongPassphrase from error
