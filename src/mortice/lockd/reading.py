"""Answers to holders who may look: the door's state, the log, and proofs over it.

Spec: spec/messages.md, section 6.
"""

from __future__ import annotations

from collections.abc import Mapping

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.door import state_of
from mortice.core.errors import Malformed
from mortice.core.limits import LOG_PAGE
from mortice.core.merkle import consistency_proof, inclusion_proof
from mortice.lockd.daemon import Lock


def status(lock: Lock) -> dict[int | str, cbor.Value]:
    """The door as it is seen now; what cannot be seen is said to be unknown."""
    sight, supply, now = lock.hardware.sight(), lock.hardware.supply(), lock.now()
    return {
        "state": state_of(sight).value, "bolt": sight.bolt.value, "leaf": sight.leaf.value,
        "millivolts": int(supply.volts * 1000), "mains": supply.mains, "at": now.at,
        "time": now.state.name.lower(), "entries": lock.store.size,
        "held_until": lock.held.until if lock.held else None,
        "keypad_rest": lock.store.tries("door").rest(lock.recorder.uptime()),
        "pins": len(lock.store.slots()), "revoked": lock.store.revoked_count(),
        "rolled_back": lock.rolled_back, "log_full": lock.log_full,
        "slots": [[slot.number, slot.version, slot.off] for slot in lock.store.slots()],
    }


def answer_later(
    lock: Lock, command: Command, args: Mapping[int | str, cbor.Value]) -> dict[int | str, cbor.Value]:
    """The answer to a command that only reads."""
    if command is Command.STATUS:
        return status(lock)
    if command is Command.READ_LOG:
        return _log_page(lock, _number(args, 1))
    if command is Command.PROVE:
        return _proof(lock, _number(args, 1), _number(args, 2))
    return {}


def _number(args: Mapping[int | str, cbor.Value], key: int) -> int:
    value = args.get(key, 0)
    return value if type(value) is int and value >= 0 else 0


def _log_page(lock: Lock, first: int) -> dict[int | str, cbor.Value]:
    """Entries from `first`, the signed heads kept with them, and a head signed now."""
    rows = lock.store.entries(first, LOG_PAGE)
    kept: list[cbor.Value] = [[index, body, head] for index, body, head in rows]
    answer: dict[int | str, cbor.Value] = {"entries": kept, "size": lock.store.size}
    if first + len(rows) >= lock.store.size:
        answer["head"] = lock.recorder.head()
    return answer


def _proof(lock: Lock, index: int, older: int) -> dict[int | str, cbor.Value]:
    """That entry `index` is in the log, and that the log of size `older` is a beginning of it."""
    size = lock.store.size
    answer: dict[int | str, cbor.Value] = {"head": lock.recorder.head(), "size": size}
    if index < size:
        answer["inclusion"] = list(inclusion_proof(index, size, lock.store.node))
    if 0 < older <= size:
        answer["consistency"] = list(consistency_proof(older, size, lock.store.node))
    if index >= size and older > size:
        raise Malformed("A1", f"proof: the log has {size} entries")
    return answer
