"""A lock's line to its hub, read by both ends: the daemon's module and the hub's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.vectors.library_site import key_of
from tests.vectors.vector import Fields, raw

from mortice.core import cbor
from mortice.core.document import sign
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.link import check_first, mac1, mac_key
from mortice.core.noise import Initiator, Responder, StaticKey, Transport
from mortice.hub.lines import KnownLock, Lines
from mortice.lockd.uplink import DIALLING, UPLINK, read_frame

PARTS = ("handshake", "door", "incarnation", "size", "root", "news", "site_version",
         "doors_version", "config_version", "time", "at")


def _uplink(given: Fields) -> Fields:
    """Both ends say what they have to say, and each understands the other."""
    key, signing = StaticKey(raw(given["hub_link"])), SoftwareKey.from_seed(
        ED25519, raw(given["lock_signing"]))
    lock = Initiator(UPLINK, key.public, raw(given["lock_ephemeral"]))
    hub = Responder(UPLINK, key)
    body = bytes([DIALLING]) + lock.write()
    made = {"message_1": body + mac1(mac_key(key.public, UPLINK), body)}
    check_first(made["message_1"], DIALLING, mac_key(key.public, UPLINK))
    hub.read(made["message_1"][1:-16])
    made["message_2"] = hub.write(raw(given["hub_ephemeral"]))
    lock.read(made["message_2"])
    made["handshake_hash"] = lock.handshake_hash
    said = {name: raw(part) if isinstance(part, str) else part
            for name, part in given["hello"].items()}
    made["hello"] = sign(UPLINK.decode(), [said[part] for part in PARTS], signing)
    up, down = lock.transport(), hub.transport()
    made["message_3"] = up.seal(made["hello"])
    assert down.open(made["message_3"]) == made["hello"]
    made["message_4"] = down.seal(raw(given["frame"]))
    assert up.open(made["message_4"]) == raw(given["frame"])
    return {name: part.hex() for name, part in made.items()}


@dataclass
class _Ledger:
    """A hub that knows one lock and keeps nothing."""

    known: KnownLock | None = None

    async def lock(self, lock_id: bytes) -> KnownLock | None:
        known = self.known
        return known if known is not None and known.signing.id == lock_id else None

    async def position(self, lock_id: bytes) -> int:
        return 0

    async def take(self, lock_id: bytes, batch: object) -> int:
        return 0

    async def waiting(self, lock_id: bytes, seen: object) -> list[Any]:
        return []

    async def delivered(self, lock_id: bytes, number: int, results: object) -> None:
        pass

    async def heard(self, lock_id: bytes, status: object, connected: bool) -> None:
        pass


def _end(ledger: _Ledger) -> Any:  # noqa: ANN401 (the hub's end of a line, which is its own)
    lines = Lines(StaticKey(bytes([1]) * 32), ledger)
    end = lines.admit("vector", lambda _: None, lambda: None)
    end._transport = Transport(bytes(32), bytes(32))
    return end


def _dialled(given: Fields) -> Fields:
    known = KnownLock(key_of(given["lock"]), bytes(16), raw(given["door"]))
    end = _end(_Ledger(known))
    end._handshake = raw(given["handshake"])
    asyncio.run(end._enter(raw(given["document"])))
    seen = end.seen
    return {"lock": end.lock.hex(), "size": seen.size, "site_version": seen.site_version,
            "doors_version": seen.doors_version, "config_version": seen.config_version}


def _from_hub(given: Fields) -> Fields:
    kind, number, _ = read_frame(raw(given["plain"]))
    return {"kind": kind, "number": number}


def _from_lock(given: Fields) -> Fields:
    end = _end(_Ledger())
    asyncio.run(end._frame(raw(given["plain"])))
    kind: Any = cbor.decode(raw(given["plain"]), max_bytes=65_535)
    return {"kind": kind[0]}


READERS = {"uplink": _uplink, "dialled": _dialled, "from_hub": _from_hub, "from_lock": _from_lock}
