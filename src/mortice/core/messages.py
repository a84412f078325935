"""What the four messages of a conversation say inside their encryption.

Decides whether a message is well formed; what it means is decided elsewhere. The lock greets with
its clock and its log's head; the holder answers with a key, a command and a proof over both; the
lock ends with a receipt. Later requests in the same conversation are a command and an answer.

Spec: spec/messages.md. Checks A1 to A6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from mortice.core import cbor, limits
from mortice.core.commands import Command
from mortice.core.errors import Malformed
from mortice.core.fields import Fields
from mortice.core.grant import ALL_FACTORS
from mortice.core.limits import COMMAND_ID_BYTES, SIGNATURE_BYTES, TIME_MAX
from mortice.core.log import HASH_BYTES, Receipt, Result
from mortice.core.refusal import Coarse
from mortice.core.stages import Factors, TimeState

NEWS_BYTES = 8  # a digest of what a side knows; equal means there is nothing to carry


def _parts(plain: bytes, low: int, high: int, what: str) -> Fields:
    parts = cbor.decode(plain, max_bytes=limits.MESSAGE_BYTES, max_depth=8)
    return Fields.listed(parts, low, high, what, "A1")


@dataclass(frozen=True, slots=True)
class Greeting:
    """Message 2: what the lock believes and where its log stands."""

    time: TimeState
    at: int
    incarnation: int
    size: int
    root: bytes
    news: bytes
    site_version: int
    doors_version: int

    def encode(self) -> bytes:
        """The payload of message 2."""
        return cbor.encode([
            int(self.time), self.at, self.incarnation, self.size, self.root, self.news,
            self.site_version, self.doors_version])


def read_greeting(plain: bytes) -> Greeting:
    """Parse message 2's payload. Raises Malformed (A1)."""
    fields = _parts(plain, 8, 8, "greeting")
    return Greeting(
        TimeState(fields.int(0, 0, 2)), fields.int(1, 0, TIME_MAX), fields.int(2, 0, TIME_MAX),
        fields.int(3, 0, TIME_MAX), fields.bytes(4, HASH_BYTES), fields.bytes(5, NEWS_BYTES),
        fields.int(6, 0, TIME_MAX), fields.int(7, 0, TIME_MAX))


class Carried(IntEnum):
    """The keys of the map at the end of message 3 (spec/messages.md, section 4)."""

    STAPLE = 1
    STAPLE_CHAIN = 2
    BUNDLE = 3  # [[kind, document, chain or null], …]
    ASSERTION = 4
    PIN = 5
    RECEIPT = 6  # one that this lock signed over more than it greeted with
    NEWS = 7


KNOWN_CARRIED = frozenset(Carried)
KNOWN_COMMANDS = frozenset(Command)


@dataclass(frozen=True, slots=True)
class Request:
    """Message 3: a key, a command, and the proof that the holder wants it now, here."""

    command: Command
    command_id: bytes
    args: Mapping[int | str, cbor.Value]
    key: bytes | list[cbor.Value]  # a leaf's id if the lock has seen the chain, or the chain
    factors: Factors
    proof: bytes
    carried: Mapping[int | str, cbor.Value] = field(default_factory=dict, repr=False)

    def encode(self) -> bytes:
        """The payload of message 3."""
        parts: list[cbor.Value] = [
            int(self.command), self.command_id, dict(self.args), self.key, int(self.factors),
            self.proof]
        if self.carried:
            parts.append({int(key): value for key, value in self.carried.items()})
        return cbor.encode(parts)


def read_request(plain: bytes) -> Request:
    """Parse message 3's payload. Raises Malformed (A1 to A4)."""
    fields = _parts(plain, 6, 7, "request")
    key = fields.any(3)
    if not isinstance(key, list) and not (isinstance(key, bytes) and len(key) == limits.ID_BYTES):
        raise Malformed("A3", "request: a key is a chain, or the id of one the lock has seen")
    carried = fields.map(6, default={})
    if not carried.keys() <= KNOWN_CARRIED:
        raise Malformed("A4", "request: carries something unknown")
    return Request(
        _command(fields.int(0, 0, 255)), fields.bytes(1, COMMAND_ID_BYTES), fields.map(2), key,
        Factors(fields.int(4, 0, ALL_FACTORS)), fields.bytes(5, SIGNATURE_BYTES), carried)


def _command(number: int) -> Command:
    if number not in KNOWN_COMMANDS:
        raise Malformed("A2", f"request: no command has the number {number}")
    return Command(number)


def proof_bytes(
    request: Request, handshake: bytes, lock: bytes, leaf: bytes, greeting: Greeting,
) -> bytes:
    """What a holder signs: this conversation, lock, command, leaf, factors and log head (A5)."""
    return cbor.encode([
        "mortice-proof/1", handshake, lock, int(request.command), request.command_id,
        dict(request.args), leaf, int(request.factors), greeting.size, greeting.root])


@dataclass(frozen=True, slots=True)
class BundleItem:
    """One signed document on its way, with the chain of its signer where that is needed."""

    kind: str
    document: bytes
    chain: list[cbor.Value] | None
    assertion: cbor.Value = None


def read_bundle(value: cbor.Value) -> tuple[BundleItem, ...]:
    """Parse a bundle. Raises Malformed (A6)."""
    if not isinstance(value, list) or len(value) > limits.BUNDLE_DOCUMENTS:
        raise Malformed("A6", f"bundle: at most {limits.BUNDLE_DOCUMENTS} documents")
    return tuple(_read_item(item) for item in value)


def _read_item(item: cbor.Value) -> BundleItem:
    fields = Fields.listed(item, 2, 4, "bundle's item", "A6")
    chain, assertion = fields.any(2, default=None), fields.any(3, default=None)
    if not (chain is None or isinstance(chain, list)):
        raise Malformed("A6", "bundle: a signer's chain is an array")
    return BundleItem(fields.text(0, limits.TEXT_CHARS), fields.bytes(1), chain, assertion)


def write_bundle(items: tuple[BundleItem, ...]) -> list[cbor.Value]:
    """The inverse of `read_bundle`."""
    written: list[cbor.Value] = []
    for item in items:
        parts: list[cbor.Value] = [item.kind, item.document, item.chain, item.assertion]
        while parts[-1] is None:  # what is not there is left out
            parts.pop()
        written.append(parts)
    return written


COARSE_NUMBERS = {coarse: number for number, coarse in enumerate(Coarse, start=1)}
COARSE_BY_NUMBER = {number: coarse for coarse, number in COARSE_NUMBERS.items()}


@dataclass(frozen=True, slots=True)
class Answer:
    """Message 4. `coarse` is None when the door said yes; a stranger gets nothing but `coarse`.

    The receipt travels without what both sides know (leaf, command id, lock): the holder puts it
    together again and checks the signature, so a wrong part cannot pass.
    """

    coarse: Coarse | None
    receipt: Receipt | None = None
    signature: bytes = b""
    body: Mapping[int | str, cbor.Value] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload of message 4."""
        parts: list[cbor.Value] = [0 if self.coarse is None else COARSE_NUMBERS[self.coarse]]
        if self.receipt is not None:
            r = self.receipt
            parts += [
                int(r.result), r.incarnation, r.entry, r.index, r.size, r.root, r.at, int(r.time),
                self.signature]
        if self.body:
            parts.append(dict(self.body))
        return cbor.encode(parts)


def read_answer(plain: bytes, leaf: bytes, command_id: bytes) -> Answer:
    """Parse message 4's payload. Raises Malformed (A1). The receipt's signature is not checked."""
    fields = _parts(plain, 1, 11, "answer")
    coarse = COARSE_BY_NUMBER.get(fields.int(0, 0, len(Coarse)))
    if len(fields) <= 1:
        return Answer(coarse, body=fields.map(1, default={}))
    receipt = Receipt(
        fields.int(2, 0, TIME_MAX), fields.bytes(3, HASH_BYTES), fields.int(4, 0, TIME_MAX),
        fields.int(5, 1, TIME_MAX), fields.bytes(6, HASH_BYTES), leaf, command_id,
        Result(fields.int(1, 0, 5)), fields.int(7, 0, TIME_MAX), TimeState(fields.int(8, 0, 2)))
    return Answer(coarse, receipt, fields.bytes(9, SIGNATURE_BYTES), fields.map(10, default={}))


def encode_later(
    command: Command, command_id: bytes, args: Mapping[int | str, cbor.Value],
) -> bytes:
    """A further request in the same conversation; it cannot move the bolt."""
    return cbor.encode([int(command), command_id, dict(args)])


def read_later(plain: bytes) -> tuple[Command, bytes, Mapping[int | str, cbor.Value]]:
    """Parse a further request. Raises Malformed (A1, A2)."""
    fields = _parts(plain, 3, 3, "request")
    return _command(fields.int(0, 0, 255)), fields.bytes(1, COMMAND_ID_BYTES), fields.map(2)
