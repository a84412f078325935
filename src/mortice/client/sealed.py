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


class WrongPassphrase(Exception):
    """The file does not open with that passphrase, or it was damaged."""


@lru_cache(maxsize=4)  # five keys under one passphrase and salt cost one slow hash
def _stretched(passphrase: str, salt: bytes) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=PASSES, lanes=LANES, memory_cost=KIB)
    return kdf.derive(passphrase.encode())


def new_salt() -> bytes:
    """A salt for one home's passphrase."""
    return secrets.token_bytes(SALT_BYTES)


def seal(
    plain: bytes, *, passphrase: str | None = None, salt: bytes = b"", device_key: bytes | None = None,
) -> bytes:
    """Encrypt `plain` under a passphrase and its salt, or under a 32-byte device key."""
    key = _stretched(passphrase, salt) if passphrase is not None else device_key
    assert key is not None, "one of the two keys is given"
    nonce = secrets.token_bytes(NONCE_BYTES)
    return cbor.encode([MAGIC, salt, nonce, AESGCM(key).encrypt(nonce, plain, MAGIC.encode())])


def unseal(sealed: bytes, *, passphrase: str | None = None, device_key: bytes | None = None) -> bytes:
    """The inverse of `seal`. Raises Malformed for a file of another kind, WrongPassphrase."""
    parts = cbor.decode(sealed, max_bytes=4096)
    if not isinstance(parts, list) or len(parts) != 4 or parts[0] != MAGIC:
        raise Malformed("Z1", "this is not a sealed Mortice key")
    _, salt, nonce, body = parts
    if not (isinstance(salt, bytes) and isinstance(nonce, bytes) and isinstance(body, bytes)
            and len(nonce) == NONCE_BYTES):
        raise Malformed("Z1", "this sealed key is damaged")
    if bool(salt) != (passphrase is not None):
        raise WrongPassphrase
    key = _stretched(passphrase, salt) if passphrase is not None else device_key
    assert key is not None, "one of the two keys is given"
    try:
        return AESGCM(key).decrypt(nonce, body, MAGIC.encode())
    except InvalidTag as error:
        raise WrongPassphrase from error
