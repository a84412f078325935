"""One person's errand at one door of the home: which key to show, what goes along, what is kept.

Receipts prove what a lock has done with each document that was carried to it; they are kept here,
and `mortice key status` reads nothing else.

Spec: spec/home.md, section 4.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mortice.client.home import Home, KnownDoor
from mortice.client.owner import taken_back
from mortice.client.visit import Delivered, Errand, Holder, Papers, Session, Visited, conversation
from mortice.client.wallet import HeldKey, Wallet
from mortice.core.commands import COMMANDS
from mortice.core.errors import Untrusted
from mortice.core.link import LockAddress
from mortice.core.site import accept_next, read_site


@dataclass(frozen=True, slots=True)
class Call:
    """An errand under way: what came back, and the open conversation for further requests."""

    held: HeldKey
    visited: Visited
    session: Session


def papers(home: Home, *, recovering: bool = False) -> Papers:
    """The site's own documents. A root by paper alone is refused at first, so it goes if asked."""
    roots = home.roots()
    follow = [
        (read_site(root)[0].version, root) for before, root in pairwise(roots)
        if recovering or _follows(before, root)]
    doors, encoded = home.doors(), home.doors_bytes()
    return Papers(
        tuple(follow), home.site().version, (doors.version, encoded) if doors and encoded else None)


def _follows(before: bytes, root: bytes) -> bool:
    try:
        accept_next(read_site(before)[0], root)
    except Untrusted:
        return False
    return True


def live_news(home: Home, at: int) -> dict[bytes, bytes]:
    """What is still worth carrying: a lock forgets what has ended, too."""
    live = {name for name, revocation in taken_back(home).items()
            if any(entry.expires is None or entry.expires > at for entry in revocation.entries)}
    return {name: item for name, item in home.news().items() if name in live}


@contextlib.asynccontextmanager
async def calling(
    wallet: Wallet, door: KnownDoor, errand: Errand, *, key: HeldKey | None = None,
    recovering: bool = False,
) -> AsyncIterator[Call]:
    """An errand by the key that fits best, or by `key`. Raises what `conversation` raises."""
    home, lock, now = wallet.home, door.mapped.lock, int(time.time())
    held = key or wallet.best(door.mapped.id, COMMANDS[errand.command].right)
    staple = wallet.staple(held.leaf.id)
    holder = Holder(
        wallet.key, held.wire, held.leaf.id, held.leaf.use, live_news(home, now),
        wallet.receipt(lock), staple and staple[:2], papers(home, recovering=recovering))
    address = LockAddress(home.site().id, door.mapped.id, lock.link, lock.signing)
    seen = wallet.has_seen(lock.id, held.leaf.id)
    async with conversation((door.host, door.port), address, holder, errand, seen=seen) as (
            session, visited):
        if visited.answer.coarse is None or visited.receipt is not None:
            wallet.keep_seen(lock.id, held.leaf.id)
        keep(wallet, door, visited, now)
        yield Call(held, visited, session)


def keep(wallet: Wallet, door: KnownDoor, visited: Visited, now: int) -> None:
    """Keep what a visit brought back: receipt, news, what the door knows, what it took."""
    home, greeting = wallet.home, visited.greeting
    if visited.receipt is not None:
        wallet.keep_receipt(door.mapped.lock, visited.receipt)
    home.keep_news(visited.news)
    heard = {"at": now, "root": greeting.site_version, "map": greeting.doors_version,
             "news": greeting.news.hex()}
    home.update("heard.json", {}, lambda kept: {**kept, door.mapped.id.hex(): heard})
    keep_delivered(home, door, visited.delivered, now)


def keep_delivered(
    home: Home, door: KnownDoor, delivered: Sequence[Delivered], now: int) -> None:
    """Remember what the door said of each document. A receipt stays until a newer one comes."""
    name = door.mapped.id.hex()
    said = {
        one.document.hex(): {
            "refused": one.refused and one.refused.value, "at": now,
            "receipt": one.receipt and one.receipt.hex()}
        for one in sorted(delivered, key=lambda one: one.receipt is not None)}
    if said:
        home.update("delivered.json", {}, lambda kept: {**kept, name: {**said, **{
            document: old for document, old in kept.get(name, {}).items()
            if document not in said or (old["receipt"] and not said[document]["receipt"])}}})
