"""Staples for credentials: nobody can show one at a keypad, so the lock keeps the newest.

They come with the visit of whoever holds the key above a PIN, or as documents that anybody carries.
At each use the staple is verified again, and rule R8 judges it like one that was shown.

Spec: spec/enrolment.md, section 4.
"""

from __future__ import annotations

from mortice.core import cbor
from mortice.core.chain import read_chain
from mortice.core.decision import vouches
from mortice.core.errors import Theirs
from mortice.core.freshness import Staple, accept_staple, vouchable
from mortice.core.grant import ENROL
from mortice.core.limits import FORWARD_SECONDS
from mortice.core.log import About, Kind
from mortice.lockd.daemon import Lock
from mortice.lockd.store import Appended, Slot


def keep(lock: Lock, document: bytes, chain: list[cbor.Value] | None) -> Appended | None:
    """Keep a staple for every credential that it is the newest for; None if there is none.

    One that R8 would refuse, being from the future or by somebody who vouches for nobody here,
    would only stand in the way of a good one. Raises Malformed, Untrusted (T1 to T3), DiskFull.
    """
    staple = accept_staple(lock.owner().place.site, document, chain)
    if staple.at > lock.now().at + FORWARD_SECONDS or not _counts(lock, staple):
        return None
    entry = None
    with lock.store.change() as change:
        for slot in lock.store.slots():
            if _waits(lock, slot, staple):
                change.put_staple(slot.number, [document, chain])
                entry = lock.recorder.write(change, Kind.REFRESHED, {
                    About.SLOT: slot.number, About.LEAF: staple.leaf})
    return entry


def _counts(lock: Lock, staple: Staple) -> bool:
    return staple.signer is None or vouches(staple, lock.facts(staple.signer))


def _waits(lock: Lock, slot: Slot, staple: Staple) -> bool:
    """Is it for this credential, and newer than the one it has? One that has died is none."""
    links = [link.grant for link in read_chain(slot.wire or (), last=ENROL)]
    if staple.leaf not in vouchable(links):
        return False
    present = kept(lock, slot)
    return present is None or present.at < staple.at or not _counts(lock, present)


def kept(lock: Lock, slot: Slot) -> Staple | None:
    """The staple kept for a credential, if it still holds under the root of today."""
    match lock.store.staple(slot.number):
        case [bytes(document), chain]:
            pass
        case _:
            return None
    try:
        return accept_staple(
            lock.owner().place.site, document, chain if isinstance(chain, list) else None)
    except Theirs:
        return None
