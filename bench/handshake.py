"""Is our Noise as fast as its primitives allow, and how does it stand beside a Noise library?

Both ends of Noise NK and one message after it, all within one process.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bench.measure import Figure, Plan, in_turns, skipped
from bench.primitives import both_sides_of_nk
from mortice.core.noise import NK, Initiator, Responder, StaticKey

MESSAGE = b"unlock"
FLOOR_BAR, PEER_BAR = 1.35, 0.85


def ask(plan: Plan) -> list[Figure]:
    private = os.urandom(32)
    loaded, static = X25519PrivateKey.from_private_bytes(private), StaticKey(private)
    sides: dict[str, Callable[[], bytes]] = {
        "ours": lambda: ours(static),
        "floor": lambda: both_sides_of_nk(loaded, static.public, MESSAGE),
    }
    peer = noiseprotocol(private, static.public)
    if peer is not None:
        sides["noiseprotocol"] = peer
    for name, side in sides.items():
        assert side() == MESSAGE, f"{name} must hand the message on"
    turns = in_turns(sides, plan)
    question = "both ends and a message, over noiseprotocol"
    return [
        turns.figure("both ends and a message, over the bare primitives", "ours", "floor",
                     bar=FLOOR_BAR),
        turns.figure(question, "ours", "noiseprotocol", bar=PEER_BAR)
        if peer else skipped(question, "noiseprotocol is not installed"),
    ]


def ours(static: StaticKey) -> bytes:
    initiator = Initiator(b"", static.public, os.urandom(32))
    responder = Responder(b"", static)
    responder.read(initiator.write())
    initiator.read(responder.write(os.urandom(32)))
    return responder.transport().open(initiator.transport().seal(MESSAGE))


def noiseprotocol(private: bytes, public: bytes) -> Callable[[], bytes] | None:
    """The same with noiseprotocol, or None where it is not installed."""
    try:
        from noise.connection import Keypair, NoiseConnection  # noqa: PLC0415 — may be absent
    except ImportError:
        return None

    def once() -> bytes:
        one, other = NoiseConnection.from_name(NK), NoiseConnection.from_name(NK)
        one.set_as_initiator()
        other.set_as_responder()
        one.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, public)
        other.set_keypair_from_private_bytes(Keypair.STATIC, private)
        one.start_handshake()
        other.start_handshake()
        other.read_message(one.write_message())
        one.read_message(other.write_message())
        return bytes(other.decrypt(one.encrypt(MESSAGE)))

    warnings.simplefilter("ignore")  # its age shows in deprecations
    return once
