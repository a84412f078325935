"""Staples for credentials: nobody can show one at a keypad, so the lock keeps the newest.

They come with the visit of whoever holds the key above a PIN, or as documents that anybody carries.
At each use the staple is verified again, and rule R8 judges it like one that was shown.

Spec: spec/enrolment.md, section 4.
"""

from __future__ import annotations

from mortice.core import cbor
from mortice.core.chain import read_chain
from mortice.core.decision import standing
from mortice.core.errors import Theirs
from mortice.core.freshness import Staple, accept_staple, vouchable
from mortice.core.grant import ENROL
from mortice.core.limits import FORWARD_SECONDS
from mortice.core.log import About, Kind
from mortice.lockd.daemon import Lock
from mortice.lockd.store import Appended, Slot


def keep(lock: Lock, document: bytes, chain: list[cbor.Value] | None) -> Appended | None:
    """Keep a staple for every credential that it is the newest for; None if there is none.

    One from the future, or by somebody whose own key counts for nothing here, would only stand in
    the way of a good one. Raises Malformed, Untrusted (T1 to T3), DiskFull.
    """
    staple = accept_staple(lock.owner().place.site, document, chain)
    early = staple.at > lock.now().at + FORWARD_SECONDS
    if early or (staple.signer and standing(staple.signer, lock.facts(staple.signer))):
        return None
    entry = None
    with lock.store.change() as change:
        for slot in lock.store.slots():
            if _waits(lock, slot, staple):
                change.put_staple(slot.number, staple.at, [document, chain])
                entry = lock.recorder.write(change, Kind.REFRESHED, {
                    About.SLOT: slot.number, About.LEAF: staple.leaf})
    return entry


def _waits(lock: Lock, slot: Slot, staple: Staple) -> bool:
    kept = lock.store.staple(slot.number)
    if kept is not None and kept[0] >= staple.at:
        return False
    links = [link.grant for link in read_chain(slot.wire or (), last=ENROL)]
    return staple.leaf in vouchable(links)


def kept(lock: Lock, slot: Slot) -> Staple | None:
    """The staple kept for a credential, if it still holds under the root of today."""
    match lock.store.staple(slot.number):
        case (_, [bytes(document), chain]):
            pass
        case _:
            return None
    try:
        return accept_staple(
            lock.owner().place.site, document, chain if isinstance(chain, list) else None)
    except Theirs:
        return None
