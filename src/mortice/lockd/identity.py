"""What makes this lock another lock: taken over, wiped from the inside, or put back in time.

Spec: spec/commissioning.md, sections 3 and 4; spec/log.md, section 8.
"""

from __future__ import annotations

from mortice.core import cbor
from mortice.core.log import About, Kind, Receipt
from mortice.core.timekeeping import Told, attested
from mortice.lockd import ownership
from mortice.lockd.daemon import Lock
from mortice.lockd.ownership import Owned
from mortice.lockd.reset import begin_reset, finish_reset
from mortice.lockd.secrets import LockSecrets, load_secrets, save_secrets
from mortice.lockd.store import Appended

RESET_HOLD_SECONDS = 10.0  # nobody leans on a button for this long by mistake


def take_over(lock: Lock, owned: Owned, at: int) -> Appended:
    """Pin the first owner, burn the one-time secret, and take the owner's time."""
    clock = attested(lock.recorder.clock, Told(at, sure=True), lock.outside.count())
    with lock.store.change() as change:
        ownership.keep(change, owned)
        entry = lock.recorder.write(
            change, Kind.COMMISSIONED, {About.VERSION: owned.place.site.version}, seal=True)
    lock.stand_on(owned)
    lock.window.shut()
    _burn_secret(lock)
    if clock is not None:
        lock.set_clock(clock, "owner")
    return entry


def _burn_secret(lock: Lock) -> None:
    """An owned lock takes no secret, so a power cut before this leaves nothing usable."""
    kept = dict(lock.secrets.kept)
    kept["takeover"] = lock.outside.random(len(kept["takeover"]))
    lock.secrets = LockSecrets(kept)
    save_secrets(lock.folder, lock.secrets)


async def factory_reset(lock: Lock) -> None:
    """Wipe owner, keys and log; the new log begins with the signed head that ended the old one.

    Only the inside button comes here. Old grants name the old lock's keys and are worth nothing
    from then on. What is moving comes to rest first, and is written down in the old log.
    """
    async with lock.motor:
        begin_reset(lock.store, lock.recorder.head())
        finish_reset(lock.store, lock.folder, lock.outside)
        lock.become(load_secrets(lock.folder, lock.outside))
    lock.changed()


def start_incarnation(lock: Lock, receipt: Receipt) -> None:
    """Our own receipt proves that our memory is an older copy: say so, and trust no count (L3)."""
    lock.recorder.incarnation = receipt.incarnation + 1  # ours was that or less
    with lock.store.change() as change:
        change.put_number("incarnation", lock.recorder.incarnation)
        change.put_number("rolled_back", 1)
        heads: list[cbor.Value] = [
            [receipt.size, receipt.root], [lock.store.size, lock.store.root()]]
        lock.recorder.write(change, Kind.INCARNATION, {About.HEADS: heads}, seal=True)
    lock.rolled_back = True
    lock.note(Kind.ALARM, {About.DETAIL: "this lock's memory was put back to an older state"})
