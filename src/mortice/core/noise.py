"""The Noise protocol framework (revision 34), for NK and NKpsk0 with 25519, AESGCM and SHA256.

Decides whether the other end of a conversation holds the static key that it should, and seals what
is said after that. The initiator knows the responder's static key and has none itself:

    NK:      <- s  ...  -> e, es        <- e, ee
    NKpsk0:  <- s  ...  -> psk, e, es   <- e, ee

The first message has no forward secrecy and can be replayed, so nothing may be acted on before the
third. `handshake_hash` names this conversation and no other, and is what a holder signs.

Each object is good for one handshake: a step out of turn is Misuse, and so is any step after a
message that did not hold. No randomness here: the caller draws 32 bytes for each ephemeral key, and
never uses them twice.

Spec: spec/link.md. Checks N1 to N6.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum, auto

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mortice.core.errors import Malformed, Misuse, Untrusted

NK = b"Noise_NK_25519_AESGCM_SHA256"
NKPSK0 = b"Noise_NKpsk0_25519_AESGCM_SHA256"
KEY_BYTES = 32  # DHLEN, HASHLEN, and the key of AES-256 (Noise, section 12)
TAG_BYTES = 16
MESSAGE_BYTES = 65535  # the most that one Noise message may have (Noise, section 3)
NONCE_BYTES = 12  # of AES-GCM: 4 zero bytes, then the counter, big-endian (Noise, section 12.3)
REKEY_NONCE = (1 << 64) - 1  # set apart for rekeying, which we never do (Noise, section 4.2)
# Every handshake payload is the first under a fresh key, so its counter is always 0.
FIRST_NONCE = bytes(NONCE_BYTES)


class _Turn(Enum):
    """What a handshake expects next."""

    WRITE = auto()
    READ = auto()
    SPLIT = auto()
    NOTHING = auto()


class KeyPair:
    """An X25519 key pair. `public` is 32 bytes."""

    __slots__ = ("_private", "public")

    def __init__(self, private: bytes) -> None:
        """Raises Misuse unless `private` has 32 bytes."""
        self._private = X25519PrivateKey.from_private_bytes(_exactly_32(private, "private key"))
        self.public = self._private.public_key().public_bytes_raw()

    def exchange(self, public: bytes) -> bytes:
        """The shared secret. Raises Untrusted (N3) for a point that would make it known to all."""
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise Untrusted("N3", "handshake: the other end's key has small order") from None


class StaticKey(KeyPair):
    """A responder's long-lived key pair, loaded once for many handshakes."""

    __slots__ = ()


def _exactly_32(value: bytes, name: str) -> bytes:
    if len(value) != KEY_BYTES:
        raise Misuse(f"a {name} has {KEY_BYTES} bytes, not {len(value)}")
    return value


def _hkdf(chaining_key: bytes, material: bytes) -> tuple[bytes, bytes, bytes]:
    """The secret and the first two outputs of HKDF as in Noise, section 4.3."""
    secret = hmac.digest(chaining_key, material, "sha256")
    first = hmac.digest(secret, b"\x01", "sha256")
    return secret, first, hmac.digest(secret, first + b"\x02", "sha256")


class _Handshake:
    """What either end keeps between messages: Noise's SymmetricState, and whose turn it is."""

    def __init__(self, prologue: bytes, responder: bytes, psk: bytes | None, turn: _Turn) -> None:
        self._psk = psk if psk is None else _exactly_32(psk, "pre-shared key")
        self._chaining_key = (NK if psk is None else NKPSK0).ljust(KEY_BYTES, b"\0")
        self._hash = self._chaining_key
        self._key = b""
        self._turn = turn
        self._complete = False
        self._mix_hash(prologue)
        self._mix_hash(_exactly_32(responder, "public key"))

    @property
    def handshake_hash(self) -> bytes:
        """32 bytes that name this conversation at both of its ends, and no other."""
        if not self._complete:
            raise Misuse("the handshake is not complete")
        return self._hash

    def _take(self, turn: _Turn) -> None:
        """Begin a step. Until it ends well the handshake is dead."""
        if self._turn is not turn:
            raise Misuse(f"the handshake expects to {self._turn.name}, not to {turn.name}")
        self._turn = _Turn.NOTHING

    def _finish(self) -> None:
        self._complete = True
        self._turn = _Turn.SPLIT

    def _mix_hash(self, part: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + part).digest()

    def _mix_key(self, material: bytes) -> None:
        _, self._chaining_key, self._key = _hkdf(self._chaining_key, material)

    def _mix_psk(self) -> None:
        if self._psk is not None:
            secret, self._chaining_key, second = _hkdf(self._chaining_key, self._psk)
            self._mix_hash(second)
            self._key = hmac.digest(secret, second + b"\x03", "sha256")

    def _mix_ephemeral(self, public: bytes) -> None:
        self._mix_hash(public)
        if self._psk is not None:
            self._mix_key(public)

    def _write(self, ephemeral: KeyPair, remote: bytes, payload: bytes) -> bytes:
        """The second half of either message: `e`, one exchange, and the payload."""
        if len(payload) > MESSAGE_BYTES - KEY_BYTES - TAG_BYTES:
            raise Misuse(f"a message of the handshake has at most {MESSAGE_BYTES} bytes")
        self._mix_ephemeral(ephemeral.public)
        self._mix_key(ephemeral.exchange(remote))
        sealed = AESGCM(self._key).encrypt(FIRST_NONCE, payload, self._hash)
        self._mix_hash(sealed)
        return ephemeral.public + sealed

    def _read(self, own: KeyPair, message: bytes) -> tuple[bytes, bytes]:
        """The inverse of the other end's `_write`: its ephemeral key and the payload."""
        if len(message) > MESSAGE_BYTES:
            raise Malformed("N1", f"handshake: expected at most {MESSAGE_BYTES} bytes")
        if len(message) < KEY_BYTES + TAG_BYTES:
            raise Malformed("N2", "handshake: expected a key and a tag at least")
        remote, sealed = message[:KEY_BYTES], message[KEY_BYTES:]
        self._mix_ephemeral(remote)
        self._mix_key(own.exchange(remote))
        try:
            payload = AESGCM(self._key).decrypt(FIRST_NONCE, sealed, self._hash)
        except InvalidTag:
            raise Untrusted("N4", "handshake: made for another key, code or prologue") from None
        self._mix_hash(sealed)
        return remote, payload

    def _split(self) -> tuple[bytes, bytes]:
        """The keys with which initiator and responder send. Once, so that no nonce is reused."""
        self._take(_Turn.SPLIT)
        return _hkdf(self._chaining_key, b"")[1:]


class Initiator(_Handshake):
    """The end that speaks first and knows `responder`, 32 bytes: `write`, then `read`."""

    def __init__(
        self, prologue: bytes, responder: bytes, own: KeyPair | bytes, psk: bytes | None = None
    ) -> None:
        """`own` is a fresh key pair, or the 32 random bytes of one. Raises Misuse."""
        super().__init__(prologue, responder, psk, _Turn.WRITE)
        self._responder = responder
        self._ephemeral = own if isinstance(own, KeyPair) else KeyPair(own)

    def write(self, payload: bytes = b"") -> bytes:
        """Message 1. Raises Untrusted (N3) if the responder's key has small order."""
        self._take(_Turn.WRITE)
        self._mix_psk()
        message = self._write(self._ephemeral, self._responder, payload)
        self._turn = _Turn.READ
        return message

    def read(self, message: bytes) -> bytes:
        """The payload of message 2. Raises Malformed or Untrusted (N1 to N4)."""
        self._take(_Turn.READ)
        _, payload = self._read(self._ephemeral, message)
        self._finish()
        return payload

    def transport(self) -> Transport:
        """The channel, once both messages have passed."""
        sending, receiving = self._split()
        return Transport(sending, receiving)


class Responder(_Handshake):
    """The end that holds the static key: `read`, then `write`."""

    def __init__(
        self, prologue: bytes, static: StaticKey | bytes, psk: bytes | None = None
    ) -> None:
        """`static` is a loaded key or its 32 private bytes. Raises Misuse for wrong lengths."""
        self._static = static if isinstance(static, StaticKey) else StaticKey(static)
        self._remote = b""
        super().__init__(prologue, self._static.public, psk, _Turn.READ)

    def read(self, message: bytes) -> bytes:
        """The payload of message 1, which may be replayed. Raises Malformed, Untrusted (N1-N4)."""
        self._take(_Turn.READ)
        self._mix_psk()
        self._remote, payload = self._read(self._static, message)
        self._turn = _Turn.WRITE
        return payload

    def write(self, ephemeral: KeyPair | bytes, payload: bytes = b"") -> bytes:
        """Message 2. `ephemeral` is a fresh key pair, or the 32 random bytes of one."""
        self._take(_Turn.WRITE)
        own = ephemeral if isinstance(ephemeral, KeyPair) else KeyPair(ephemeral)
        message = self._write(own, self._remote, payload)
        self._finish()
        return message

    def transport(self) -> Transport:
        """The channel, once both messages have passed."""
        receiving, sending = self._split()
        return Transport(sending, receiving)


class Transport:
    """A channel with one key and one counter for each direction. Messages pass in order.

    It keeps keys and not ciphers: a hub holds thousands, and a cipher takes 3 kB and 1 µs to make.
    """

    __slots__ = ("_opening", "_received", "_sealing", "_sent")

    def __init__(self, sending: bytes, receiving: bytes) -> None:
        self._sealing = sending
        self._opening = receiving
        self._sent = 0
        self._received = 0

    def seal(self, plaintext: bytes, ad: bytes = b"") -> bytes:
        """The next message out: at most 65,519 bytes, and 16 of tag. Raises Untrusted (N6)."""
        if len(plaintext) > MESSAGE_BYTES - TAG_BYTES:
            raise Misuse(f"a message has at most {MESSAGE_BYTES - TAG_BYTES} bytes")
        nonce = _nonce(self._sent)
        self._sent += 1
        return AESGCM(self._sealing).encrypt(nonce, plaintext, ad)

    def open(self, ciphertext: bytes, ad: bytes = b"") -> bytes:
        """The next message in. Raises Malformed or Untrusted (N1, N2, N5, N6)."""
        if len(ciphertext) > MESSAGE_BYTES:
            raise Malformed("N1", f"channel: expected at most {MESSAGE_BYTES} bytes")
        if len(ciphertext) < TAG_BYTES:
            raise Malformed("N2", "channel: expected a tag at least")
        nonce = _nonce(self._received)
        try:
            plaintext = AESGCM(self._opening).decrypt(nonce, ciphertext, ad)
        except InvalidTag:
            raise Untrusted("N5", "channel: not the next message of the other end") from None
        self._received += 1
        return plaintext


def _nonce(counter: int) -> bytes:
    if counter >= REKEY_NONCE:
        raise Untrusted("N6", "channel: used up, start another")
    return counter.to_bytes(NONCE_BYTES, "big")
