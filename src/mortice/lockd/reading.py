"""Answers to holders who may look: the door's state, the log, and proofs over it.

Spec: spec/messages.md, section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.door import state_of
from mortice.core.grant import Rights
from mortice.core.limits import LOG_PAGE
from mortice.core.merkle import consistency_proof, inclusion_proof
from mortice.core.schedule import write_hours
from mortice.core.stages import Verified
from mortice.lockd.daemon import Lock

Reading = dict[int | str, cbor.Value]
PAGE_BYTES = 12_000  # of entries and heads in one answer, which has 16,384 in all
OWNERS_RIGHTS = Rights.VIEW_LOG | Rights.ENROL | Rights.CONFIGURE


def status(lock: Lock) -> Reading:
    """The door as it is seen now; what cannot be seen is said to be unknown."""
    sight, now = lock.hardware.sight(), lock.now()
    return {
        "state": state_of(sight).value, "bolt": sight.bolt.value, "leaf": sight.leaf.value,
        "at": now.at, "time": now.state.name.lower(), "entries": lock.store.size,
        "held_until": lock.held.until if lock.held else None,
    }


def health(lock: Lock) -> Reading:
    """What else an owner may know: supply, credentials, settings and what is wrong."""
    supply, slots, config = lock.hardware.supply(), lock.store.slots(), lock.owner().config
    return {
        "millivolts": int(supply.volts * 1000), "mains": supply.mains,
        "keypad_rest": lock.store.tries("door").rest(lock.recorder.uptime()),
        "pins": len(slots), "slots": [[slot.number, slot.version, slot.off] for slot in slots],
        "revoked": lock.store.revoked_count(), "unlogged": lock.unlogged,
        "rolled_back": lock.rolled_back, "log_full": lock.log_full,
        "config": config.version, "relock_after": config.relock_after,
        "opening": write_hours(config.opening),
        "held_entry": lock.held.entry if lock.held else None,
        "hub": [config.hub[0].hex(), config.hub[1]] if config.hub else None,
    }


def answer_later(
    lock: Lock, verified: Verified, command: Command, args: Mapping[int | str, cbor.Value],
) -> Reading:
    """The answer to a command that only reads."""
    if command is Command.STATUS:
        return status(lock) | (health(lock) if verified.leaf.use & OWNERS_RIGHTS else {})
    if command is Command.READ_LOG:
        page = log_page(lock, _number(args, 1))
        listed: list[cbor.Value] = [[*row] for row in page.entries]
        answer: Reading = {"entries": listed, "size": lock.store.size}
        return answer if page.head is None else answer | {"head": page.head}
    if command is Command.PROVE:
        return _proof(lock, _number(args, 1), _number(args, 2))
    return {}


def _number(args: Mapping[int | str, cbor.Value], key: int) -> int:
    value = args.get(key, 0)
    return value if type(value) is int and value >= 0 else 0


class Page(NamedTuple):
    """Entries as [index, entry, head or null], and if they reach the end, a head signed now."""

    entries: list[tuple[int, bytes, bytes | None]]
    head: bytes | None


def log_page(lock: Lock, first: int) -> Page:
    """Entries from `first`, as many as fit, and the heads kept with them."""
    kept: list[tuple[int, bytes, bytes | None]] = []
    room = PAGE_BYTES
    for index, body, head in lock.store.entries(first, LOG_PAGE):
        room -= len(body) + len(head or b"")
        if kept and room < 0:
            break
        kept.append((index, body, head))
    at_end = first + len(kept) >= lock.store.size
    return Page(kept, lock.recorder.head() if at_end else None)


def _proof(lock: Lock, index: int, older: int) -> Reading:
    """That entry `index` is in the log, and that the log of size `older` is a beginning of it."""
    size = lock.store.size
    answer: Reading = {"head": lock.recorder.head(), "size": size}
    if index < size:
        answer["inclusion"] = list(inclusion_proof(index, size, lock.store.node))
    if 0 < older <= size:
        answer["consistency"] = list(consistency_proof(older, size, lock.store.node))
    return answer
