"""What makes this lock another lock: taken over, wiped from the inside, or put back in time.

Spec: spec/commissioning.md, sections 3 and 4; spec/log.md, section 6.
"""

from __future__ import annotations

from dataclasses import replace

from mortice.core.log import About, Kind, Receipt
from mortice.core.timekeeping import Told, attested
from mortice.lockd import ownership
from mortice.lockd.daemon import Lock
from mortice.lockd.ownership import Owned
from mortice.lockd.secrets import LockSecrets, new_secrets, save_secrets
from mortice.lockd.store import Appended

RESET_HOLD_SECONDS = 10.0  # nobody leans on a button for this long by mistake


def take_over(lock: Lock, owned: Owned, at: int) -> Appended:
    """Pin the first owner, burn the one-time secret, and take the owner's time."""
    _burn_secret(lock)
    clock = attested(lock.recorder.clock, Told(at, by_owner=True), lock.outside.count())
    with lock.store.change() as change:
        ownership.keep(change, owned)
        entry = lock.recorder.write(
            change, Kind.COMMISSIONED, {About.VERSION: owned.place.site.version}, seal=True)
    lock.window.shut()
    lock.stand_on(owned)
    if clock is not None:
        lock.set_clock(clock, "owner")
    return entry


def _burn_secret(lock: Lock) -> None:
    """The secret is gone before the owner is pinned, so that no power cut leaves it usable."""
    kept = dict(lock.secrets.kept)
    kept["takeover"] = lock.outside.random(len(kept["takeover"]))
    lock.secrets = LockSecrets(kept)
    save_secrets(lock.folder, lock.secrets)


def factory_reset(lock: Lock) -> bytes:
    """Wipe owner, keys and log; returns the last signed head of the old log, for whoever wants it.

    Only the inside button comes here. The new identity is drawn first: old grants name the old
    lock's keys and are worth nothing from then on.
    """
    last = lock.recorder.head()
    secrets = new_secrets(lock.outside)
    save_secrets(lock.folder, secrets)
    lock.store.wipe()
    lock.become(secrets)
    lock.note(Kind.RESET, {About.DOCUMENT: last[-64:]})
    return last


def start_incarnation(lock: Lock, receipt: Receipt) -> None:
    """Our own receipt proves that our memory is an older copy: say so, and trust no count (L3)."""
    with lock.store.change() as change:
        change.put_number("incarnation", lock.recorder.incarnation + 1)
        change.put_number("rolled_back", 1)
        lock.recorder.write(change, Kind.INCARNATION, {
            About.HEADS: [[receipt.size, receipt.root], [lock.store.size, lock.store.root()]]}, seal=True)
    lock.rolled_back = True
    lock.note(Kind.ALARM, {About.DETAIL: "this lock's memory was put back to an older state"})


def restored(lock: Lock) -> None:
    """The owner has looked at the lock and trusts its counts again."""
    lock.rolled_back = False
    if lock.held:
        lock.held = replace(lock.held)
