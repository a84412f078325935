"""The conversation, both sides of it, read by the library."""

from __future__ import annotations

from typing import Any

from tests.vectors.library_site import key_of
from tests.vectors.vector import Fields, raw, wire

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.commissioning import psk
from mortice.core.document import parse
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.link import (
    TAKEOVER_PROLOGUE,
    Buckets,
    HolderSide,
    LockAddress,
    LockSide,
    mac_key,
    prologue,
    whole_receipt,
)
from mortice.core.log import Receipt, Result, accept_receipt, sign_receipt
from mortice.core.messages import (
    Answer,
    Greeting,
    Request,
    proof_bytes,
    read_answer,
    read_bundle,
    read_greeting,
    read_request,
)
from mortice.core.noise import StaticKey, Transport
from mortice.core.stages import Factors, TimeState

NOT_PROVED = bytes(64)


def greeting_of(given: Fields) -> Greeting:
    """A lock's greeting, as a vector writes it."""
    return Greeting(
        TimeState(given["time"]), given["at"], given["incarnation"], given["size"],
        raw(given["root"]), raw(given["news"]), given["site_version"], given["doors_version"])


def holder_key(given: Fields) -> SoftwareKey:
    """A holder's key pair."""
    return SoftwareKey.from_seed(given["alg"], raw(given["seed"]))


# --- whole conversations --------------------------------------------------------------------------


def _conversation(given: Fields) -> Fields:
    """Both sides say what they have to say, and each understands the other."""
    static, signing = StaticKey(raw(given["lock_link"])), SoftwareKey.from_seed(
        ED25519, raw(given["lock_signing"]))
    site, door, leaf = raw(given["site_id"]), raw(given["door"]), raw(given["leaf"])
    address = LockAddress(site, door, static.public, signing.public)
    holder = HolderSide(address, raw(given["holder_ephemeral"]))
    lock = LockSide(static, mac_key(static.public), prologue(site, door))
    made: dict[str, bytes] = {"message_1": holder.first()}
    lock.read_first(made["message_1"])
    made["message_2"] = lock.greet(greeting_of(given["greeting"]), raw(given["lock_ephemeral"]))
    assert holder.read_greeting(made["message_2"]) == greeting_of(given["greeting"])
    made["handshake_hash"] = lock.handshake
    key: Any = leaf if given["seen"] else wire(given["chain"])
    request = Request(
        Command[given["command"].upper()], raw(given["command_id"]), {}, key, Factors.NONE,
        NOT_PROVED)
    made["proof"] = holder.proof_for(request, leaf)
    made["message_3"] = holder.ask(request, leaf, holder_key(given["holder"]))
    heard = lock.read_request(made["message_3"])
    lock.check_proof(heard, holder_key(given["holder"]).public, signing.public.id, leaf)
    made |= _answers(given, lock, holder, signing)
    return {name: part.hex() for name, part in made.items()}


def _answers(
    given: Fields, lock: LockSide, holder: HolderSide, signing: SoftwareKey,
) -> dict[str, bytes]:
    parts = given["receipt"]
    receipt = Receipt(
        parts["incarnation"], raw(parts["entry"]), parts["index"], parts["size"],
        raw(parts["root"]), raw(given["leaf"]), raw(given["command_id"]), Result(parts["result"]),
        parts["at"], TimeState(parts["time"]))
    whole = sign_receipt(receipt, signing)
    signature = parse("mortice-receipt/1", whole).signature
    fourth = lock.answer(Answer(None, receipt, signature))
    assert holder.read_answer(fourth).receipt == receipt
    command, command_id, args = cbor.decode(raw(given["later"]))
    fifth = holder.later(Command(command), command_id, args)
    assert lock.read_later(fifth) == raw(given["later"])
    sixth = lock.answer_later(raw(given["later_answer"]))
    assert holder.read_later(sixth) == cbor.decode(raw(given["later_answer"]))
    return {"message_4": fourth, "receipt": whole, "message_5": fifth, "message_6": sixth}


def _takeover_handshake(given: Fields) -> Fields:
    static, secret = StaticKey(raw(given["lock_link"])), psk(raw(given["secret"]))
    address = LockAddress(b"", b"", static.public, holder_key(
        {"alg": ED25519, "seed": "00" * 32}).public)
    holder = HolderSide(address, raw(given["holder_ephemeral"]), secret)
    lock = LockSide(static, mac_key(static.public), TAKEOVER_PROLOGUE, secret)
    first = holder.first()
    lock.read_first(first)
    second = lock.greet(greeting_of(given["greeting"]), raw(given["lock_ephemeral"]))
    holder.read_greeting(second)
    assert holder.handshake == lock.handshake
    return {"message_1": first.hex(), "message_2": second.hex(),
            "handshake_hash": lock.handshake.hex()}


# --- one message at a time ------------------------------------------------------------------------


def _first_message(given: Fields) -> Fields:
    static = StaticKey(raw(given["lock_link"]))
    intro = prologue(raw(given["site_id"]), raw(given["door"]))
    LockSide(static, mac_key(static.public), intro).read_first(raw(given["message"]))
    return {}


def _third_message_first(given: Fields) -> Fields:
    static = StaticKey(raw(given["lock_link"]))
    intro = prologue(raw(given["site_id"]), raw(given["door"]))
    LockSide(static, mac_key(static.public), intro).read_request(raw(given["message"]))
    return {}


def _transport(given: Fields) -> Fields:
    channel = Transport(bytes(32), raw(given["key"]))
    channel._received = given["counter"]
    return {"plain": channel.open(raw(given["message"])).hex()}


def _proof(given: Fields) -> Fields:
    request = Request(
        Command[given["command"].upper()], raw(given["command_id"]), {}, b"",
        Factors(given["factors"]), NOT_PROVED)
    signed = proof_bytes(
        request, raw(given["handshake"]), raw(given["lock"]), raw(given["leaf"]),
        greeting_of(given["greeting"]))
    key_of(given["holder"]).verify(raw(given["proof"]), signed)
    return {}


def _request(given: Fields) -> Fields:
    found = read_request(raw(given["plain"]))
    key = found.key.hex() if isinstance(found.key, bytes) else len(found.key)
    return {"command": found.command.name.lower(), "command_id": found.command_id.hex(), "key": key,
            "factors": int(found.factors)}


def _bundle(given: Fields) -> Fields:
    return {"documents": len(read_bundle(cbor.decode(raw(given["bundle"]))))}


def _greeting(given: Fields) -> Fields:
    found = read_greeting(raw(given["plain"]))
    return {"time": int(found.time), "at": found.at, "incarnation": found.incarnation,
            "size": found.size, "root": found.root.hex(), "news": found.news.hex(),
            "site_version": found.site_version, "doors_version": found.doors_version}


def _answer(given: Fields) -> Fields:
    lock = key_of(given["lock"])
    found = read_answer(raw(given["plain"]), raw(given["leaf"]), raw(given["command_id"]))
    receipt = None
    if found.receipt is not None:
        receipt = whole_receipt(found, lock)
        accept_receipt(receipt, lock)
    return {"coarse": found.coarse and found.coarse.value, "receipt": receipt and receipt.hex()}


def _bucket(given: Fields) -> Fields:
    buckets = Buckets(given["rate"], given["burst"])
    return {"taken": [buckets.take(take["source"], take["at"]) for take in given["takes"]]}


READERS = {
    "conversation": _conversation, "takeover_handshake": _takeover_handshake,
    "first_message": _first_message, "transport": _transport,
    "third_message_first": _third_message_first, "proof": _proof,
    "request": _request, "bundle": _bundle, "greeting": _greeting, "answer": _answer,
    "bucket": _bucket,
}
