"""Does a PIN's verdict cost one slow hash, whatever the number of PINs?

The verdict is lockd's own: the try counted, the hash made in a thread, the slot looked up, its
chain verified again, the try given back. CPU time of the whole process, because of that thread.
The bare hash runs in the same thread: where its 19 MiB happen to lie makes a tenth of its time.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from bench.measure import Figure, Plan, in_turns
from bench.places import NoSuchPlace, memory_folder
from bench.world import Owner, commissioned
from mortice.client import owner as issuing
from mortice.client.wallet import HeldKey
from mortice.core import cbor
from mortice.core.limits import ARGON2_KIB, ARGON2_LANES, ARGON2_PASSES, VERIFIER_BYTES
from mortice.core.messages import read_bundle
from mortice.core.pin import PinPolicy
from mortice.core.stages import Presented, Reader, Refused
from mortice.lockd.daemon import Lock
from mortice.lockd.deliver import APPLIED, deliver
from mortice.lockd.keypad import verify_pin
from mortice.lockd.store import Slot

MANY, FEW = 10_000, 10
BAR = 1.1
WRONG = "000000000000"


def ask(plan: Plan) -> list[Figure]:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    try:
        with memory_folder() as folder:
            return _ask(folder, loop, plan)
    except NoSuchPlace:
        with tempfile.TemporaryDirectory() as folder_name:
            return _ask(Path(folder_name), loop, plan)
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def _ask(folder: Path, loop: asyncio.AbstractEventLoop, plan: Plan) -> list[Figure]:
    few, few_pin = lock_with_pins(Owner(), folder / "few", FEW)
    many, many_pin = lock_with_pins(Owner(), folder / "many", plan.count(MANY, 1000))
    loop.run_until_complete(asyncio.to_thread(bare))
    turns = in_turns({
        "bare": lambda: loop.run_until_complete(asyncio.to_thread(bare)),
        "few": verdict(loop, few, few_pin, right=True),
        "many": verdict(loop, many, many_pin, right=True),
        "wrong": verdict(loop, many, WRONG, right=False),
    }, plan, clock=time.process_time, seconds=0.001)
    few.close()
    many.close()
    count = f"{plan.count(MANY, 1000):,}"
    return [
        turns.figure(f"right PIN among {count}, over one bare hash", "many", "bare", bar=BAR),
        turns.figure("wrong PIN there, over one bare hash", "wrong", "bare", bar=BAR),
        turns.figure(f"right PIN among {FEW}, over one bare hash", "few", "bare"),
        turns.figure("wrong over right", "wrong", "many"),
    ]


def bare() -> bytes:
    return Argon2id(
        salt=bytes(16), length=VERIFIER_BYTES, iterations=ARGON2_PASSES, lanes=ARGON2_LANES,
        memory_cost=ARGON2_KIB).derive(bytes(32))


def lock_with_pins(owner: Owner, folder: Path, count: int) -> tuple[Lock, str]:
    """A lock with one PIN that was enrolled, and all others put straight into the store."""
    lock = commissioned(owner, folder)
    door, _ = owner.map_of(lock.secrets.public)
    resident = owner.resident()
    held = HeldKey(resident.wire, (resident.leaf,))
    pin = issuing.enrol_pin(
        held, resident.signer, door, 0, PinPolicy(), issuing.Terms(frozenset({owner.door})))
    [result] = deliver(lock, read_bundle([pin.item]), bytes(32))
    assert isinstance(result, list)
    assert result[1] == APPLIED, "the PIN must be taken"
    wire: list[cbor.Value] = [*resident.wire, pin.item[1]]
    with lock.store.change() as change:
        for number in range(1, count):
            verifier = secrets.token_bytes(VERIFIER_BYTES)
            change.put_slot(Slot(number, 1, 1, wire, off=False), verifier)
    return lock, pin.digits


def verdict(
    loop: asyncio.AbstractEventLoop, lock: Lock, digits: str, *, right: bool) -> Callable[[], None]:
    def once() -> None:
        typed = Presented(Reader.KEYPAD, lock.now(), "keypad", digits.encode())
        found = loop.run_until_complete(verify_pin(lock, typed))
        assert isinstance(found, Refused) is not right, "the verdict must be right"
        with lock.store.change() as change:
            if isinstance(found, Refused):
                change.clear_tries()  # or the keypad would rest
            else:
                change.give_back(found.tried)

    return once
