"""The formats a second time, as plainly as they can be written, so that two writings can disagree.

Nothing here comes from `src/mortice`, nothing is checked, and nothing is refused: a wrong vector is
made by the same functions as a right one. Signatures and keys come from the `cryptography` package.
Every value follows from a name: no clock, no randomness.

Spec: spec/encoding.md, spec/document.md, spec/link.md, spec/log.md.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519, ESP256 = -19, -9
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def drawn(name: str, size: int = 32) -> bytes:
    """Bytes that look random and follow from `name` alone."""
    return hashlib.shake_256(b"mortice vectors: " + name.encode()).digest(size)


# --- values (spec/encoding.md, section 1) ---------------------------------------------------------


class Raw(bytes):
    """Bytes that go into an encoding as they are: how a wrong encoding is made."""

    __slots__ = ()


def head(major: int, argument: int) -> bytes:
    """First byte and argument, in the shortest form."""
    if argument < 24:
        return bytes([major << 5 | argument])
    for width, code in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if argument < 1 << 8 * width:
            return bytes([major << 5 | code]) + argument.to_bytes(width, "big")
    raise OverflowError(argument)


def cbor(value: Any) -> bytes:  # noqa: ANN401 (any value that has an encoding)
    """The encoding of `value`."""
    if isinstance(value, Raw):
        return bytes(value)
    if value is None or isinstance(value, bool):
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return _container(value)


def _container(value: Any) -> bytes:  # noqa: ANN401 (an array or a map)
    if isinstance(value, dict):
        pairs = sorted((cbor(key), cbor(item)) for key, item in value.items())
        return head(5, len(pairs)) + b"".join(key + item for key, item in pairs)
    return head(4, len(value)) + b"".join(cbor(item) for item in value)


# --- keys (spec/encoding.md, section 3) -----------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """A key pair that follows from its name, or from a seed that is given."""

    name: str
    alg: int = ED25519
    given: bytes = b""

    @property
    def seed(self) -> bytes:
        return self.given or drawn(f"key of {self.name}")

    @property
    def cose(self) -> dict[int, Any]:
        if self.alg == ED25519:
            private = Ed25519PrivateKey.from_private_bytes(self.seed)
            return {1: 1, -1: 6, -2: private.public_key().public_bytes_raw()}
        point = self.point
        return {1: 2, -1: 1, -2: point[1:33], -3: point[64] % 2 == 1}

    @property
    def point(self) -> bytes:
        """A P-256 key's point, uncompressed."""
        public = ec.derive_private_key(int.from_bytes(self.seed, "big"),
                                       ec.SECP256R1()).public_key()
        return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def id(self) -> bytes:
        return hashlib.sha256(cbor(self.cose)).digest()[:16]

    def der(self, message: bytes) -> bytes:
        """A P-256 signature as OpenSSL and authenticators make it: DER, any s."""
        private = ec.derive_private_key(int.from_bytes(self.seed, "big"), ec.SECP256R1())
        return private.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))

    def sign(self, message: bytes) -> bytes:
        if self.alg == ED25519:
            return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)
        r, s = decode_dss_signature(self.der(message))
        return two_numbers(r, min(s, N256 - s))


def two_numbers(r: int, s: int) -> bytes:
    """A P-256 signature in 64 bytes."""
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def other_s(signature: bytes) -> bytes:
    """The other of the two signatures that hold wherever this one does."""
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    return two_numbers(r, N256 - s)


def der_with_other_s(der: bytes) -> bytes:
    r, s = decode_dss_signature(der)
    return encode_dss_signature(r, N256 - s)


# --- documents (spec/document.md) ----------------------------------------------------------------


def signed_bytes(kind: str, protected: bytes, payload: bytes) -> bytes:
    """What a signature covers: RFC 9052, section 4.4."""
    return cbor(["Signature1", protected, kind.encode(), payload])


def id_of(signed: bytes) -> bytes:
    return hashlib.sha256(signed).digest()[:16]


@dataclass(frozen=True)
class Document:
    """A signed document, taken apart so that a case can change a part."""

    kind: str
    protected: bytes
    payload: bytes
    signature: bytes
    unprotected: Any = None

    @property
    def encoded(self) -> bytes:
        unprotected = {} if self.unprotected is None else self.unprotected
        return cbor([self.protected, unprotected, self.payload, self.signature])

    @property
    def id(self) -> bytes:
        return id_of(signed_bytes(self.kind, self.protected, self.payload))


def sign(
    kind: str, payload: Any, key: Key, *, kid: bytes | bool = True,  # noqa: ANN401 (as `cbor`)
    header: dict[int, Any] | None = None,
) -> Document:
    """`payload` signed by `key`. `kid`: True for the key's id, False for none, or other bytes."""
    if header is None:
        header = {1: key.alg}
        if kid is not False:
            header[4] = key.id if kid is True else kid
    protected, body = cbor(header), cbor(payload)
    return Document(kind, protected, body, key.sign(signed_bytes(kind, protected, body)))


def endorse(kind: str, payload: Any, keys: list[Key]) -> bytes:  # noqa: ANN401 (as `cbor`)
    """One payload and a signature by each of `keys`."""
    body = cbor(payload)
    pairs = []
    for key in keys:
        protected = cbor({1: key.alg, 4: key.id})
        pairs.append([protected, key.sign(signed_bytes(kind, protected, body))])
    return cbor([body, pairs])


# --- the log's tree (spec/log.md, section 1) ------------------------------------------------------


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def root(leaves: list[bytes]) -> bytes:
    """The root over leaf hashes, by the recursion of RFC 9162, section 2.1.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split_of(len(leaves))
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def split_of(size: int) -> int:
    """The largest power of two below `size`."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def inclusion(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162, section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split_of(len(leaves))
    if index < k:
        return [*inclusion(index, leaves[:k]), root(leaves[k:])]
    return [*inclusion(index - k, leaves[k:]), root(leaves[:k])]


def consistency(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 9162, section 2.1.4.1."""
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    k = split_of(len(leaves))
    if old <= k:
        return [*consistency(old, leaves[:k], whole=whole), root(leaves[k:])]
    return [*consistency(old - k, leaves[k:], whole=False), root(leaves[:k])]


# --- the link (Noise, revision 34; spec/link.md) --------------------------------------------------


def public(private: bytes) -> bytes:
    """The X25519 public key of 32 private bytes."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def exchange(private: bytes, other: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).exchange(
        X25519PublicKey.from_public_bytes(other))


def hkdf(key: bytes, material: bytes, outputs: int) -> list[bytes]:
    """HKDF as in Noise, section 4.3."""
    secret, last, made = hmac.digest(key, material, "sha256"), b"", []
    for number in range(1, outputs + 1):
        last = hmac.digest(secret, last + bytes([number]), "sha256")
        made.append(last)
    return made


class Noise:
    """Either end of a handshake NK or NKpsk0 with 25519, AESGCM and SHA256, and what follows it."""

    def __init__(self, prologue: bytes, responder: bytes, psk: bytes | None = None) -> None:
        pattern = b"NK" if psk is None else b"NKpsk0"
        name = b"Noise_" + pattern + b"_25519_AESGCM_SHA256"
        self.h = self.ck = name.ljust(32, b"\0")
        self.key, self.psk, self.responder = b"", psk, responder
        self.sent = self.received = 0
        self.mix_hash(prologue)
        self.mix_hash(responder)

    def mix_hash(self, part: bytes) -> None:
        self.h = hashlib.sha256(self.h + part).digest()

    def mix_key(self, material: bytes) -> None:
        self.ck, self.key = hkdf(self.ck, material, 2)

    def begin(self) -> None:
        """The token psk, where there is one."""
        if self.psk is not None:
            self.ck, part, self.key = hkdf(self.ck, self.psk, 3)
            self.mix_hash(part)

    def ephemeral(self, shown: bytes) -> None:
        """The token e."""
        self.mix_hash(shown)
        if self.psk is not None:
            self.mix_key(shown)

    def seal(self, plain: bytes) -> bytes:
        sealed = AESGCM(self.key).encrypt(bytes(12), plain, self.h)
        self.mix_hash(sealed)
        return sealed

    def unseal(self, sealed: bytes) -> bytes:
        plain = AESGCM(self.key).decrypt(bytes(12), sealed, self.h)
        self.mix_hash(sealed)
        return plain

    def write_first(self, ephemeral: bytes, payload: bytes = b"") -> bytes:
        """-> e, es, by the initiator."""
        self.own = ephemeral
        self.begin()
        self.ephemeral(public(ephemeral))
        self.mix_key(exchange(ephemeral, self.responder))
        return public(ephemeral) + self.seal(payload)

    def read_first(self, message: bytes, static: bytes) -> bytes:
        self.other = message[:32]
        self.begin()
        self.ephemeral(self.other)
        self.mix_key(exchange(static, self.other))
        return self.unseal(message[32:])

    def write_second(self, ephemeral: bytes, payload: bytes) -> bytes:
        """<- e, ee, by the responder."""
        self.ephemeral(public(ephemeral))
        self.mix_key(exchange(ephemeral, self.other))
        message = public(ephemeral) + self.seal(payload)
        self.receiving, self.sending = hkdf(self.ck, b"", 2)
        return message

    def read_second(self, message: bytes) -> bytes:
        self.ephemeral(message[:32])
        self.mix_key(exchange(self.own, message[:32]))
        payload = self.unseal(message[32:])
        self.sending, self.receiving = hkdf(self.ck, b"", 2)
        return payload

    def say(self, plain: bytes) -> bytes:
        """The next transport message out."""
        sealed = transport(self.sending, self.sent, plain)
        self.sent += 1
        return sealed

    def hear(self, sealed: bytes) -> bytes:
        """The next transport message in."""
        nonce = self.received.to_bytes(12, "big")
        self.received += 1
        return AESGCM(self.receiving).decrypt(nonce, sealed, b"")


def transport(key: bytes, counter: int, plain: bytes) -> bytes:
    return AESGCM(key).encrypt(counter.to_bytes(12, "big"), plain, b"")


def with_mac(body: bytes, link: bytes, label: bytes = b"mortice-link/1") -> bytes:
    """A first message with the mac that anybody can make who knows the responder's public key."""
    key = hashlib.sha256(label + b"/mac1" + link).digest()
    return body + hashlib.blake2s(body, key=key, digest_size=16).digest()


# --- sealing a PIN (RFC 9180, base mode, with X25519, HKDF-SHA256 and AES-256-GCM) ----------------


def hpke_seal(plain: bytes, recipient: bytes, ephemeral: bytes, info: bytes) -> bytes:
    """`plain` sealed to `recipient` with the ephemeral key given; that key in front of it."""
    enc = public(ephemeral)
    kem = b"KEM" + (0x20).to_bytes(2, "big")
    prk = _extract(kem, b"", b"eae_prk", exchange(ephemeral, recipient))
    shared = _expand(kem, prk, b"shared_secret", enc + recipient, 32)
    suite = b"HPKE" + b"\x00\x20\x00\x01\x00\x02"
    context = b"\x00" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(
        suite, b"", b"info_hash", info)
    secret = _extract(suite, shared, b"secret", b"")
    key = _expand(suite, secret, b"key", context, 32)
    nonce = _expand(suite, secret, b"base_nonce", context, 12)
    return enc + AESGCM(key).encrypt(nonce, plain, b"")


def _extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, "sha256")


def _expand(suite: bytes, secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    made, last = b"", b""
    while len(made) < length:
        last = hmac.digest(secret, last + labelled + bytes([len(made) // 32 + 1]), "sha256")
        made += last
    return made[:length]
