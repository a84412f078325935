"""Public keys and signatures: two algorithms, one encoding of each key, one of each signature.

Decides which keys may be trusted with anything at all, and whether a signature holds. A public key
is a COSE_Key (RFC 9052, section 7; RFC 9053, section 7) in one of two forms. A `PublicKey` cannot
be made from a key with which others could sign: the points of small order, under which one
signature fits many messages, are refused together with every second encoding of a point, so that
comparing encoded keys compares keys.

Signatures are 64 bytes. Those of P-256 must have the lower of the two possible values of s, because
otherwise anybody can turn one valid signature into another.

Nothing here draws random numbers: seeds come from the caller, and ECDSA takes its nonce from key
and message (RFC 6979).

Spec: spec/encoding.md, section 3. Checks K1 to K9.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from mortice.core import cbor
from mortice.core.errors import Malformed, Misuse, Untrusted
from mortice.core.limits import ID_BYTES, SIGNATURE_BYTES

# Fully specified algorithms (RFC 9864): the number alone names curve, hash and scheme.
ED25519: Final = -19
ESP256: Final = -9  # ECDSA on P-256 with SHA-256

# COSE_Key labels and values (RFC 9052, table 4; RFC 9053, tables 18 to 21).
KTY, CRV, X, Y = 1, -1, -2, -3
OKP, EC2 = 1, 2
CRV_P256, CRV_ED25519 = 1, 6
COORDINATE_BYTES = 32  # of either curve, whose fields have 255 and 256 bits
# All of an encoded Ed25519 key but the point, which stands last.
_ED25519_HEAD = cbor.encode({KTY: OKP, CRV: CRV_ED25519, X: bytes(32)})[:-COORDINATE_BYTES]
SEED_BYTES = 32  # of an Ed25519 seed (RFC 8032, section 5.1.5) and of a P-256 scalar
EVEN, ODD = 2, 3  # first byte of a P-256 point (SEC 1, section 2.3.3)

# Ed25519 (RFC 8032, section 5.1). Encodings that are no point of the curve are let pass here: no
# signature holds under them, and finding out costs as much as checking one.
P25519 = (1 << 255) - 19
Y_MASK = (1 << 255) - 1  # the top bit of an encoded point is the sign of x
# y of a point of order 8; the other points of small order have y = -Y_ORDER_8, 0, 1 and -1.
Y_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER_Y = frozenset({0, 1, P25519 - 1, Y_ORDER_8, P25519 - Y_ORDER_8})

# Order of the P-256 group (FIPS 186-5; SP 800-186, section 3.2.1.3).
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
LOW_S_MAX = N256 // 2

KEYS_CACHED = 256  # all keys of a large site; about 1 kB each

_P256 = ec.SECP256R1()
_ECDSA = ec.ECDSA(SHA256(), deterministic_signing=True)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A checked public key. `point` is 32 bytes for Ed25519 and 33, compressed, for P-256.

    Raises Malformed or Untrusted (K1 to K4) when the point must not be used.
    """

    alg: int
    point: bytes
    encoded: bytes = field(init=False, repr=False, compare=False)
    id: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_point(self.alg, self.point)
        encoded = _ED25519_HEAD + self.point if self.alg == ED25519 else cbor.encode(self.cose)
        object.__setattr__(self, "encoded", encoded)
        object.__setattr__(self, "id", hashlib.sha256(encoded).digest()[:ID_BYTES])

    @property
    def cose(self) -> dict[int | str, cbor.Value]:
        """The COSE_Key map. `encoded` is its encoding, `id` the start of the SHA-256 of that."""
        if self.alg == ED25519:
            return {KTY: OKP, CRV: CRV_ED25519, X: self.point}
        return {KTY: EC2, CRV: CRV_P256, X: self.point[1:], Y: self.point[0] == ODD}

    @classmethod
    def from_cose(cls, value: cbor.Value) -> PublicKey:
        """Read a COSE_Key map. Raises Malformed (K1) or Untrusted (K2 to K4)."""
        if type(value) is not dict:
            raise _no_key("expected a map")
        kty, crv, x, y = value.get(KTY), value.get(CRV), value.get(X), value.get(Y)
        if type(kty) is int and type(crv) is int and type(x) is bytes:  # exact, because True == 1
            if (kty, crv, len(value)) == (OKP, CRV_ED25519, 3):
                return _checked(ED25519, x)
            if (kty, crv, len(value)) == (EC2, CRV_P256, 4) and type(y) is bool:
                return _checked(ESP256, bytes([ODD if y else EVEN]) + x)
        raise _no_key("expected Ed25519 or compressed P-256")

    @classmethod
    def ed25519(cls, raw: bytes) -> PublicKey:
        """From the 32 bytes of RFC 8032. Raises Malformed (K1) or Untrusted (K2 to K4)."""
        return _checked(ED25519, raw)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises Untrusted (K5 to K8) unless `signature` (64 bytes) over `message` holds."""
        if len(signature) != SIGNATURE_BYTES:
            raise Untrusted("K5", f"signature: {len(signature)} bytes, not {SIGNATURE_BYTES}")
        try:
            if self.alg == ED25519:
                crypto_sign_open(signature + message, self.point)
            else:
                _load_p256(self.point).verify(_to_der(signature), message, _ECDSA)
        except (BadSignatureError, InvalidSignature):
            raise Untrusted("K8", "signature: does not hold under this key") from None


def _no_key(message: str) -> Malformed:
    return Malformed("K1", f"key: {message}")


@lru_cache(KEYS_CACHED)
def _checked(alg: int, point: bytes) -> PublicKey:
    return PublicKey(alg, point)


@lru_cache(KEYS_CACHED)
def _load_p256(point: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_P256, point)
    except ValueError:
        raise Untrusted("K4", "key: the point is not on the curve P-256") from None


def _check_point(alg: int, point: bytes) -> None:
    if alg == ED25519 and len(point) == COORDINATE_BYTES:
        _check_ed25519(point)
    elif alg == ESP256 and len(point) == 1 + COORDINATE_BYTES and point[0] in (EVEN, ODD):
        _load_p256(point)
    else:
        raise _no_key(f"{len(point)} bytes are no point for algorithm {alg}")


def _check_ed25519(point: bytes) -> None:
    y = int.from_bytes(point, "little") & Y_MASK
    if y >= P25519:
        raise Untrusted("K2", "key: the Ed25519 point has a second encoding")
    if y in SMALL_ORDER_Y:
        raise Untrusted("K3", "key: the Ed25519 point has small order, anybody could sign for it")


def _check_range(r: int, s: int) -> None:
    if not (0 < r < N256 and 0 < s < N256):
        raise Untrusted("K6", "signature: r and s must be from 1 to the group's order less 1")


def _to_der(signature: bytes) -> bytes:
    """The DER form that OpenSSL reads, of a 64-byte low-S signature."""
    r = int.from_bytes(signature[:COORDINATE_BYTES], "big")
    s = int.from_bytes(signature[COORDINATE_BYTES:], "big")
    _check_range(r, s)
    if s > LOW_S_MAX:
        raise Untrusted("K7", "signature: s must be the lower of its two values")
    return utils.encode_dss_signature(r, s)


def normalise_p256_der(der: bytes) -> bytes:
    """The 64 low-S bytes r ‖ s of a DER signature, as WebAuthn and TPMs make them.

    Raises Malformed (K9) unless `der` is strict DER, Untrusted (K6) if r or s is out of range.
    """
    try:
        r, s = utils.decode_dss_signature(der)
    except ValueError:
        raise Malformed("K9", "signature: expected two integers in DER") from None
    _check_range(r, s)
    low = min(s, N256 - s)
    return r.to_bytes(COORDINATE_BYTES, "big") + low.to_bytes(COORDINATE_BYTES, "big")


class Signer(Protocol):
    """Whatever can sign for one public key: a file, a TPM, a test."""

    @property
    def public(self) -> PublicKey:
        """The key under which its signatures hold."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes, low-S if the key is on P-256."""


class SoftwareKey:
    """A signer whose private key is in memory. `seed` is the secret itself, 32 bytes."""

    __slots__ = ("_sign", "public", "seed")

    def __init__(self, seed: bytes, public: PublicKey, sign: Callable[[bytes], bytes]) -> None:
        """For `from_seed`, which sees to it that the three belong together."""
        self.seed = seed
        self.public = public
        self._sign = sign

    @classmethod
    def from_seed(cls, alg: int, seed: bytes) -> SoftwareKey:
        """From an Ed25519 seed or a big-endian P-256 scalar. Raises Misuse if it is neither."""
        if len(seed) != SEED_BYTES:
            raise Misuse(f"expected a seed of {SEED_BYTES} bytes, got {len(seed)}")
        if alg == ED25519:
            point, secret = crypto_sign_seed_keypair(seed)
            return cls(
                seed, PublicKey.ed25519(point),
                lambda message: crypto_sign(message, secret)[:SIGNATURE_BYTES])
        scalar = int.from_bytes(seed, "big")
        if alg != ESP256 or not 0 < scalar < N256:
            raise Misuse(f"expected algorithm {ED25519}, or {ESP256} and a scalar below its order")
        private = ec.derive_private_key(scalar, _P256)
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        return cls(
            seed, _checked(ESP256, point),
            lambda message: normalise_p256_der(private.sign(message, _ECDSA)))

    def sign(self, message: bytes) -> bytes:
        """64 bytes; the same for the same message."""
        return self._sign(message)
