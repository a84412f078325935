"""The conversation between a holder and a lock: four messages, nothing acted on before the third.

Decides which bytes belong to a conversation. `LockSide` and `HolderSide` take bytes and give bytes;
sockets, clocks and random bytes are the caller's. Message 1 carries a mac that costs an unknowing
stranger's flood 3 µs each instead of a handshake; a bucket for each source bounds the rest. The
handshake proves the lock; the holder is proved by a signature over the handshake hash, the command
and the log head, which is evidence and cannot be moved to another conversation.

Spec: spec/link.md. Checks J1 to J9.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from mortice.core import cbor, messages
from mortice.core.commands import Command
from mortice.core.document import id_of, join
from mortice.core.errors import Malformed, Misuse, Untrusted
from mortice.core.keys import PublicKey, Signer
from mortice.core.limits import BUCKET_BURST, BUCKET_RATE, BUCKETS_MAX, DOOR_ID_BYTES, ID_BYTES
from mortice.core.log import accept_receipt
from mortice.core.messages import Answer, Greeting, Request
from mortice.core.noise import Initiator, KeyPair, Responder, StaticKey, Transport

LABEL = b"mortice-link/1"
OPENING, TAKEOVER, HELLO = 1, 2, 3  # first byte of message 1; anything else is dropped
MAC_BYTES = 16  # BLAKE2s keyed, cut to 128 bits, as WireGuard's mac1
FIRST_BYTES = 1 + 32 + 16 + MAC_BYTES  # kind, ephemeral, tag of the empty payload, mac


def prologue(site: bytes, door: bytes) -> bytes:
    """What both sides mix in first: label with version, site, door. A difference ends it there."""
    return LABEL + site + door


TAKEOVER_PROLOGUE = prologue(bytes(ID_BYTES), bytes(DOOR_ID_BYTES))


def mac_key(static: bytes, label: bytes = LABEL) -> bytes:
    """The key of the first message's mac: whoever knows the responder's public key can make it."""
    return hashlib.sha256(label + b"/mac1" + static).digest()


def mac1(key: bytes, message: bytes) -> bytes:
    """What stands at the end of a first message."""
    return hashlib.blake2s(message, key=key, digest_size=MAC_BYTES).digest()


class Step(Enum):
    """Where a lock's side of a conversation stands. The only way is down this list."""

    FIRST = "waiting for message 1"
    GREET = "message 1 read"
    PROOF = "waiting for message 3"
    ANSWER = "message 3 read"
    LATER = "open"
    ENDED = "ended"


class LockSide:
    """The lock's side of one conversation. Any exception from a method has ended it."""

    def __init__(
        self, static: StaticKey, mac1_key: bytes, intro: bytes, psk: bytes | None = None,
    ) -> None:
        self._noise = Responder(intro, static, psk)
        self._mac1_key = mac1_key
        self._kind = OPENING if psk is None else TAKEOVER
        self._transport: Transport | None = None
        self.step = Step.FIRST
        self.greeting: Greeting | None = None

    def read_first(self, message: bytes) -> None:
        """Read message 1. Raises Malformed or Untrusted (J1 to J3, N); then be silent."""
        self._expect(Step.FIRST)
        check_first(message, self._kind, self._mac1_key)
        self._noise.read(message[1:-MAC_BYTES])
        self.step = Step.GREET

    def greet(self, greeting: Greeting, ephemeral: KeyPair | bytes) -> bytes:
        """Message 2. `ephemeral` is a fresh key pair, or the 32 random bytes of one."""
        self._expect(Step.GREET)
        self.greeting = greeting
        message = self._noise.write(ephemeral, greeting.encode())
        self._transport = self._noise.transport()
        self.step = Step.PROOF
        return message

    def read_request(self, message: bytes) -> Request:
        """Read message 3. Raises Malformed or Untrusted (N, E, A). The proof is not checked yet."""
        request = messages.read_request(self._open(message, Step.PROOF))
        self.step = Step.ANSWER
        return request

    @property
    def handshake(self) -> bytes:
        """The handshake hash that the proof must cover."""
        return self._noise.handshake_hash

    def check_proof(self, request: Request, holder: PublicKey, lock: bytes, leaf: bytes) -> None:
        """J6: the holder of the leaf asked for exactly this, here and now. Raises Untrusted."""
        if self.greeting is None:
            raise Misuse("no proof before the greeting")
        holder.verify(
            request.proof, messages.proof_bytes(request, self.handshake, lock, leaf, self.greeting))

    def answer(self, answer: Answer) -> bytes:
        """Message 4."""
        return self._seal(answer.encode(), Step.ANSWER)

    def read_later(self, message: bytes) -> bytes:
        """A further request's plaintext."""
        plain = self._open(message, Step.LATER)
        self.step = Step.LATER
        return plain

    def answer_later(self, plain: bytes) -> bytes:
        """The answer to a further request."""
        return self._seal(plain, Step.LATER)

    def _expect(self, step: Step) -> None:
        """Begin a step. Until it ends well the conversation has ended."""
        was, self.step = self.step, Step.ENDED
        if was is not step:
            raise Misuse(f"the conversation is {was.value}")

    def _open(self, message: bytes, at: Step) -> bytes:
        was, self.step = self.step, Step.ENDED  # unless all of the message is good
        if was is not at or self._transport is None:
            raise Malformed("J5", "link: a message out of turn")
        return self._transport.open(message)

    def _seal(self, plain: bytes, at: Step) -> bytes:
        self._expect(at)
        assert self._transport is not None, "the greeting made the keys"
        sealed = self._transport.seal(plain)
        self.step = Step.LATER
        return sealed


def check_first(message: bytes, kind: int, key: bytes) -> None:
    """J1 to J3: length, kind and mac of a first message, before any public-key work."""
    if len(message) != FIRST_BYTES:
        raise Malformed("J1", f"link: message 1 is {FIRST_BYTES} bytes, got {len(message)}")
    if message[0] != kind:
        raise Malformed("J2", "link: unknown kind of conversation")
    if not hmac.compare_digest(message[-MAC_BYTES:], mac1(key, message[:-MAC_BYTES])):
        raise Untrusted("J3", "link: message 1 was not meant for this lock")


@dataclass(frozen=True, slots=True)
class LockAddress:
    """What a holder knows of a lock: its place in the site and its public keys."""

    site: bytes
    door: bytes
    link: bytes  # X25519
    signing: PublicKey


class HolderSide:
    """The holder's side of one conversation."""

    def __init__(self, lock: LockAddress, ephemeral: bytes, psk: bytes | None = None) -> None:
        intro = prologue(lock.site, lock.door) if psk is None else TAKEOVER_PROLOGUE
        self._noise = Initiator(intro, lock.link, ephemeral, psk)
        self._kind = OPENING if psk is None else TAKEOVER
        self._lock = lock
        self._transport: Transport | None = None
        self._greeting: Greeting | None = None
        self._asked: tuple[bytes, bytes] | None = None

    def first(self) -> bytes:
        """Message 1."""
        body = bytes([self._kind]) + self._noise.write()
        return body + mac1(mac_key(self._lock.link), body)

    def read_greeting(self, message: bytes) -> Greeting:
        """Read message 2: from here on it is certain which lock answers. Raises N, E, A."""
        self._greeting = messages.read_greeting(self._noise.read(message))
        self._transport = self._noise.transport()
        return self._greeting

    @property
    def handshake(self) -> bytes:
        """The handshake hash, for a time attestation's nonce or a passkey's challenge."""
        return self._noise.handshake_hash

    def proof_for(self, request: Request, leaf: bytes) -> bytes:
        """What the holder's key (and passkey) must sign for `request`."""
        if self._greeting is None:
            raise Misuse("no proof before the greeting")
        return messages.proof_bytes(
            request, self.handshake, self._lock.signing.id, leaf, self._greeting)

    def ask(self, request: Request, leaf: bytes, holder: Signer) -> bytes:
        """Message 3: `request` with the holder's proof put in."""
        proved = replace(request, proof=holder.sign(self.proof_for(request, leaf)))
        self._asked = (leaf, request.command_id)
        return self._ready().seal(proved.encode())

    def read_answer(self, message: bytes) -> Answer:
        """Read message 4 and check the receipt under the lock's key. Raises N, E, A, L."""
        if self._asked is None:
            raise Misuse("no answer before a request")
        answer = messages.read_answer(self._ready().open(message), *self._asked)
        if answer.receipt is not None:
            accept_receipt(whole_receipt(answer, self._lock.signing), self._lock.signing)
        return answer

    def later(
        self, command: Command, command_id: bytes, args: Mapping[int | str, cbor.Value]) -> bytes:
        """A further request in this conversation."""
        return self._ready().seal(messages.encode_later(command, command_id, args))

    def read_later(self, message: bytes) -> cbor.Value:
        """The answer to a further request."""
        return cbor.decode(self._ready().open(message), max_bytes=65_535)

    def _ready(self) -> Transport:
        if self._transport is None:
            raise Misuse("no keys before the greeting")
        return self._transport


def whole_receipt(answer: Answer, lock: PublicKey) -> bytes:
    """The receipt document that message 4 left the known parts out of."""
    if answer.receipt is None:
        raise Misuse("the answer carries no receipt")
    return join(answer.receipt.payload(), lock, answer.signature)


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Buckets:
    """A token bucket for each source of first messages, on the caller's monotonic seconds."""

    def __init__(self, rate: float = BUCKET_RATE, burst: float = BUCKET_BURST) -> None:
        self._rate, self._burst = rate, burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, source: str, count: float) -> bool:
        """Whether `source` may start another conversation at second `count` (J9)."""
        bucket = self._buckets.pop(source, None) or _Bucket(self._burst, count)
        bucket.level = min(self._burst, bucket.level + (count - bucket.at) * self._rate)
        bucket.at = count
        self._buckets[source] = bucket
        while len(self._buckets) > BUCKETS_MAX:
            self._buckets.popitem(last=False)
        if bucket.level < 1:
            return False
        bucket.level -= 1
        return True


def news_digest(ids: set[bytes]) -> bytes:
    """Eight bytes that stand for a set of documents: equal sets, equal bytes, in any order."""
    return id_of(b"".join(sorted(ids)))[:8]
