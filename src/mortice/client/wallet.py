"""The keys a person holds: chains, which one to show at a door, and the receipts that came back.

Spec: spec/home.md, section 3.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from mortice.client.home import Home, NotThere, slug
from mortice.core import cbor
from mortice.core.chain import Wire, chain_kind, read_chain, verify_chain
from mortice.core.errors import Theirs
from mortice.core.grant import Grant, Rights
from mortice.core.keys import SoftwareKey

NEVER_ENDS = 1 << 62


@dataclass(frozen=True, slots=True)
class HeldKey:
    """One chain whose leaf this person holds."""

    wire: list[cbor.Value]
    links: tuple[Grant, ...]

    @property
    def leaf(self) -> Grant:
        """The holder's own link."""
        return self.links[-1]

    def opens(self, door: bytes, right: Rights, at: int) -> tuple[bool, bool, int]:
        """How well this key fits: right door and right, alive at `at`, and how long it lasts."""
        fits = door in self.leaf.doors and not right & ~self.leaf.use
        alive = all(
            (link.nbf is None or link.nbf <= at) and (link.exp is None or at < link.exp)
            for link in self.links)
        return fits, alive, min((x.exp for x in self.links if x.exp is not None), default=NEVER_ENDS)


class Wallet:
    """One person's keys in a home."""

    def __init__(self, home: Home, person: str) -> None:
        self.home = home
        self.person = slug(person)
        self.key: SoftwareKey = home.person_key(person)

    @property
    def _file(self) -> str:
        return f"people/{self.person}/keys.json"

    def keys(self) -> list[HeldKey]:
        """Every key in the wallet, in the order in which they came."""
        return [held(cbor.decode(bytes.fromhex(text))) for text in self.home.read(self._file, [])]

    def add(self, wire: Wire) -> HeldKey:
        """Take a chain in, after checking it against the site. Raises Malformed, Untrusted, NotThere."""
        links = read_chain(wire, last=chain_kind(wire))
        verified = verify_chain(links, self.home.site().chain_keys())
        if verified.leaf.holder.id != self.key.public.id:
            raise NotThere("that key was made for another device; ask for one with: mortice key request")
        encoded = cbor.encode(list(wire)).hex()  # type: ignore[arg-type]  # read_chain has checked the wire
        kept = self.home.read(self._file, [])
        if encoded not in kept:
            self.home.write(self._file, [*kept, encoded])
        return HeldKey(list(wire), verified.links)  # type: ignore[arg-type]

    def best(self, door: bytes, right: Rights) -> HeldKey:
        """The key to show at `door`: one that fits and is alive, else the nearest, so the lock can say why."""
        keys = self.keys()
        if not keys:
            raise NotThere(f"{self.home.display_name(self.person)} has no keys yet")
        return max(keys, key=lambda key: key.opens(door, right, int(time.time())))

    def receipts(self) -> dict[str, str]:
        """The newest receipt of each lock, as hex, by the lock's id."""
        kept: dict[str, str] = self.home.read(f"people/{self.person}/receipts.json", {})
        return kept

    def keep_receipt(self, lock: bytes, receipt: bytes) -> None:
        """Keep a lock's newest receipt: it proves what the lock's log must still hold."""
        self.home.write(
            f"people/{self.person}/receipts.json", {**self.receipts(), lock.hex(): receipt.hex()})


def held(wire: object) -> HeldKey:
    """A kept chain. It was verified when it came in; the lock verifies it at each use."""
    assert isinstance(wire, list), "the wallet keeps chains"
    return HeldKey(wire, tuple(link.grant for link in read_chain(wire)))


def is_usable(wire: object) -> bool:
    """Can these bytes be a chain at all?"""
    try:
        held(wire)
    except (Theirs, AssertionError):
        return False
    return True
