"""The keys that a person holds: chains, which one to show at a door, and what came back with it.

Spec: spec/home.md, section 3.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from mortice.client.home import Home, NotThere, whole
from mortice.client.visit import proved
from mortice.core import cbor
from mortice.core.chain import Wire, read_chain, verify_chain
from mortice.core.errors import Malformed, Theirs
from mortice.core.freshness import Staple, accept_staple
from mortice.core.grant import Grant, Rights
from mortice.core.keys import SoftwareKey
from mortice.core.site import LockKeys


@dataclass(frozen=True, slots=True)
class HeldKey:
    """One chain whose leaf this person holds."""

    wire: list[cbor.Value]
    links: tuple[Grant, ...]

    @property
    def leaf(self) -> Grant:
        """The holder's own link."""
        return self.links[-1]

    def alive(self, at: int) -> bool:
        """Has every link started and none ended at Unix second `at`?"""
        return all(
            (link.nbf is None or link.nbf <= at) and (link.exp is None or at < link.exp)
            for link in self.links)


class Wallet:
    """One person's keys in a home."""

    def __init__(self, home: Home, person: str) -> None:
        """Raises NotThere."""
        self.home = home
        self.person = home.person(person)
        self.key: SoftwareKey = home.person_key(self.person)

    def _file(self, name: str) -> str:
        return f"people/{self.person}/{name}.json"

    def keys(self) -> list[HeldKey]:
        """Every key in the wallet, in the order in which they came. Raises Malformed."""
        with whole(self._file("keys")):
            return [held(bytes.fromhex(text)) for text in self.home.read(self._file("keys"), [])]

    def add(self, wire: Wire) -> HeldKey:
        """Take a chain in, after checking it. Raises Malformed, Untrusted, NotThere."""
        verified = verify_chain(read_chain(wire), self.home.site().chain_keys())
        if verified.leaf.holder.id != self.key.public.id:
            raise NotThere(
                "that key was made for another device; ask for one with: mortice key request")
        encoded = encode_chain(wire)
        self.home.update(self._file("keys"), [], lambda kept: [
            *(old for old in kept if old != encoded.hex()), encoded.hex()])
        return held(encoded)

    def best(self, door: bytes, right: Rights) -> HeldKey:
        """The key to show: one that fits and is alive, else the nearest, so the lock says why."""
        keys, now = self.keys(), int(time.time())
        if not keys:
            raise NotThere(f"{self.home.display_name(self.person)} has no keys yet")
        return max(keys, key=lambda key: (
            door in key.leaf.doors, not right & ~key.leaf.use, key.alive(now),
            key.leaf.exp is None, key.leaf.exp or 0))

    # --- what locks said -----------------------------------------------------------------------

    def receipts(self) -> dict[str, str]:
        """The newest receipt of each lock, as hex, by the lock's id."""
        return dict(self.home.read(self._file("receipts"), {}))

    def receipt(self, lock: LockKeys) -> bytes | None:
        """The receipt of one lock over its largest log that this person has seen."""
        with whole(self._file("receipts")):
            kept = self.receipts().get(lock.id.hex())
            return bytes.fromhex(kept) if kept else None

    def keep_receipt(self, lock: LockKeys, receipt: bytes) -> None:
        """Keep a receipt if it is of a larger log: it proves what the log must still hold."""
        known = self.receipt(lock)
        if known is None or proved(known, lock.signing) <= proved(receipt, lock.signing):
            self.home.update(self._file("receipts"), {}, lambda kept: {
                **kept, lock.id.hex(): receipt.hex()})

    def has_seen(self, lock: bytes, leaf: bytes) -> bool:
        """Has this lock read the whole chain of this leaf before?"""
        return leaf.hex() in str(self.home.read(self._file("seen"), {}).get(lock.hex()))

    def keep_seen(self, lock: bytes, leaf: bytes) -> None:
        """From now on the leaf's id is enough, unless the lock has forgotten the chain."""
        if not self.has_seen(lock, leaf):
            self.home.update(self._file("seen"), {}, lambda kept: {
                **kept, lock.hex(): [*kept.get(lock.hex(), ()), leaf.hex()]})

    # --- staples -------------------------------------------------------------------------------

    def staple(self, leaf: bytes) -> tuple[bytes, list[cbor.Value] | None, Staple] | None:
        """The newest staple of a key, its signer's chain, and what it says."""
        file = self._file("staples")
        with whole(file):
            kept = self.home.read(file, {}).get(leaf.hex())
            if kept is None:
                return None
            encoded = bytes.fromhex(kept[0])
            chain = held(bytes.fromhex(kept[1])).wire if kept[1] else None
        try:
            return encoded, chain, accept_staple(self.home.site(), encoded, chain)
        except Theirs:
            return None  # of an older root: worth nothing any more

    def keep_staple(self, encoded: bytes, chain: list[cbor.Value] | None) -> Staple:
        """Take a staple in, after checking it. Raises Malformed, Untrusted."""
        staple = accept_staple(self.home.site(), encoded, chain)
        kept: list[Any] = [encoded.hex(), chain and cbor.encode(chain).hex()]
        self.home.update(self._file("staples"), {}, lambda old: {**old, staple.leaf.hex(): kept})
        return staple


def encode_chain(wire: Wire) -> bytes:
    """A chain as bytes. It was read by read_chain before, so it is made of plain values."""
    return cbor.encode([*wire])  # type: ignore[list-item]  # as the line above says


def held(encoded: bytes) -> HeldKey:
    """A kept chain. It was verified when it came in; the lock verifies it at each use."""
    wire = cbor.decode(encoded)
    if not isinstance(wire, list):
        raise Malformed("Z2", "a kept key is no chain")
    return HeldKey(wire, tuple(link.grant for link in read_chain(wire)))
