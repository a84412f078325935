"""A lock let go: another identity, an empty disk, and a log that begins where the old one ended.

A power cut on the way ends in the finished reset, never in half of one: what was begun is on the
disk, and a daemon that starts on such a disk finishes it before it does anything else.

Spec: spec/commissioning.md, section 4; spec/log.md, section 8.
"""

from __future__ import annotations

from pathlib import Path

from mortice.core.log import About, Kind
from mortice.core.timekeeping import first_clock
from mortice.lockd.outside import Outside
from mortice.lockd.record import Recorder
from mortice.lockd.secrets import new_secrets, save_secrets
from mortice.lockd.store import Store

RESETTING = "resetting"  # kept while a reset is under way: the head that ends the old log


def begin_reset(store: Store, last: bytes) -> None:
    """From here on only the end of the reset is left, however often the power goes."""
    with store.change() as change:
        change.put_meta(RESETTING, last)


def finish_reset(store: Store, folder: Path, outside: Outside) -> None:
    """Draw another identity, wipe the disk and begin a log, if a reset has begun."""
    last = store.meta(RESETTING)
    if last is None:
        return
    secrets = new_secrets(outside)
    save_secrets(folder, secrets)
    clock = first_clock(outside.made_at, outside.count())  # whoever owns it next tells it the time
    recorder = Recorder(store, secrets, outside, clock)
    with store.change() as change:
        change.forget_all()
        recorder.write(change, Kind.RESET, {About.DOCUMENT: last})
