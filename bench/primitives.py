"""The floor: the same primitives, with the same lengths, called one after the other by hand.

What a lock cannot do without for one opening: a key pair, two exchanges, sealing and unsealing,
hashes, the signatures that a chain, a proof, a log head and a receipt stand on, and the decoding of
what was shown by the fastest decoder at hand. No rules, no objects.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_sign, crypto_sign_keypair, crypto_sign_open

from mortice.core import cbor

NONCE = bytes(12)
NK = b"Noise_NK_25519_AESGCM_SHA256".ljust(32, b"\0")
ENTRIES = 1000
NODE_HASHES = 5  # of a log of so many entries: one finished node and four to fold into a root


def sha256(message: bytes) -> bytes:
    return hashlib.sha256(message).digest()


def compiled_cbor() -> tuple[Callable[[bytes], object], Callable[[object], bytes]]:
    """Decode and encode: cbor2's, which are compiled, or our own where it is not installed."""
    try:
        import cbor2  # noqa: PLC0415 — may be absent
    except ImportError:
        return cbor.decode, cbor.encode
    return cbor2.loads, cbor2.dumps


decode, encode = compiled_cbor()


def hkdf(chaining_key: bytes, material: bytes) -> tuple[bytes, bytes]:
    secret = hmac.digest(chaining_key, material, "sha256")
    first = hmac.digest(secret, b"\x01", "sha256")
    return first, hmac.digest(secret, first + b"\x02", "sha256")


@dataclass(frozen=True, slots=True)
class Signed:
    """A message, its signature and the signer's raw key."""

    message: bytes
    signature: bytes
    key: bytes

    def verify(self) -> None:
        crypto_sign_open(self.signature + self.message, self.key)


@dataclass(frozen=True, slots=True)
class Shown:
    """Of one opening: what to decode, signatures to verify, and what to hash for its id."""

    encoded: tuple[bytes, ...]
    signatures: tuple[Signed, ...]
    identified: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of what is sealed, hashed and signed in one opening, taken from a real one."""

    greeting: int
    request: int
    answer: int
    head: int
    receipt: int


class LockFloor:
    """The lock's side of one opening in bare primitives."""

    def __init__(self, sizes: Sizes) -> None:
        self._static = X25519PrivateKey.generate()
        self._public = self._static.public_key().public_bytes_raw()
        self._remote = X25519PrivateKey.generate().public_key().public_bytes_raw()
        self._ephemeral = X25519PrivateKey.generate().private_bytes_raw()
        _, self._signing = crypto_sign_keypair()
        self._key = bytes(32)
        cipher = AESGCM(self._key)
        self._empty = cipher.encrypt(NONCE, b"", self._key)
        self._request = cipher.encrypt(NONCE, bytes(sizes.request), b"")
        self._greeting, self._answer = bytes(sizes.greeting), bytes(sizes.answer)
        self._entry = [ENTRIES, 1 << 31, 0, 1 << 16, 2, {
            1: bytes(16), 2: 1, 7: [bytes(16), bytes(16)], 8: 0, 14: bytes(8)}, bytes(16)]
        self._head, self._receipt = bytes(sizes.head), bytes(sizes.receipt)

    def opening(self, shown: Shown) -> bytes:
        """What is `shown` is decoded, hashed and verified; the rest is always the same."""
        self._handshake()
        for encoded in shown.encoded:
            decode(encoded)
        for message in shown.identified:
            sha256(message)
        for signed in shown.signatures:
            signed.verify()
        sha256(encode(self._entry))
        for _ in range(NODE_HASHES):
            sha256(self._public * 2)
        crypto_sign(self._head, self._signing)
        crypto_sign(self._receipt, self._signing)
        return AESGCM(self._key).encrypt(NONCE, self._answer, b"")

    def _handshake(self) -> None:
        """Noise NK's responder: message 1, message 2, and message 3 unsealed."""
        key = self._key
        hashlib.blake2s(self._empty + self._remote, key=key, digest_size=16).digest()
        state = sha256(sha256(NK + self._public) + self._public)
        state = sha256(state + self._remote)
        remote = X25519PublicKey.from_public_bytes(self._remote)
        chain, _ = hkdf(key, self._static.exchange(remote))
        AESGCM(key).decrypt(NONCE, self._empty, key)
        state = sha256(state + self._empty)
        own = X25519PrivateKey.from_private_bytes(self._ephemeral)
        state = sha256(state + own.public_key().public_bytes_raw())
        remote = X25519PublicKey.from_public_bytes(self._remote)
        chain, _ = hkdf(chain, own.exchange(remote))
        sealed = AESGCM(key).encrypt(NONCE, self._greeting, state)
        sha256(state + sealed)
        hkdf(chain, b"")
        AESGCM(key).decrypt(NONCE, self._request, b"")


def both_sides_of_nk(static: X25519PrivateKey, static_public: bytes, message: bytes) -> bytes:
    """Noise NK between two ends and one message after it, written out in a line."""
    # the initiator's message 1
    state = sha256(sha256(NK) + static_public)
    ephemeral = X25519PrivateKey.generate()
    public = ephemeral.public_key().public_bytes_raw()
    state = sha256(state + public)
    known = X25519PublicKey.from_public_bytes(static_public)
    chain, key = hkdf(NK, ephemeral.exchange(known))
    first = AESGCM(key).encrypt(NONCE, b"", state)
    state = sha256(state + first)
    # the responder reads it
    mirror = sha256(sha256(sha256(NK) + static_public) + public)
    remote = X25519PublicKey.from_public_bytes(public)
    mirror_chain, key = hkdf(NK, static.exchange(remote))
    AESGCM(key).decrypt(NONCE, first, mirror)
    mirror = sha256(mirror + first)
    # and answers with message 2
    answering = X25519PrivateKey.generate()
    answered = answering.public_key().public_bytes_raw()
    mirror = sha256(mirror + answered)
    mirror_chain, key = hkdf(mirror_chain, answering.exchange(remote))
    second = AESGCM(key).encrypt(NONCE, b"", mirror)
    sha256(mirror + second)
    receiving, _ = map(AESGCM, hkdf(mirror_chain, b""))
    # the initiator reads that and seals the first message
    state = sha256(state + answered)
    chain, key = hkdf(chain, ephemeral.exchange(X25519PublicKey.from_public_bytes(answered)))
    AESGCM(key).decrypt(NONCE, second, state)
    sha256(state + second)
    sending, _ = map(AESGCM, hkdf(chain, b""))
    return receiving.decrypt(NONCE, sending.encrypt(NONCE, message, b""), b"")
