"""The keypad: digits in, one verdict out, a try that is on the disk before the verdict is known.

The order is the protection: the try is counted durably, then the slow hash is made, then compared.
Cutting the power between guesses wins nothing. Somebody else's right PIN forgives no wrong tries; a
spent budget slows the keypad and never touches phones.

Spec: spec/pin.md, sections 3 and 4. Checks P3 to P7.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.decision import Ask, standing
from mortice.core.enrolment import accept_enrolment, presented
from mortice.core.errors import Malformed, Theirs
from mortice.core.freshness import Staple
from mortice.core.limits import ENTRY_SECONDS, PIN_DIGITS_MAX, PIN_INDEX_DIGITS
from mortice.core.log import About, Kind, Result
from mortice.core.pin import Entry, Spent, Typed, read_typed, verifier
from mortice.core.refusal import Reason
from mortice.core.stages import Presented, Reader, Refused, Verified
from mortice.drivers import Light
from mortice.lockd import staples
from mortice.lockd.daemon import Lock, Shown
from mortice.lockd.deliver import pin_keys
from mortice.lockd.outcome import Outcome
from mortice.lockd.record import READERS
from mortice.lockd.store import Change, DiskFull, Slot, Tried

DOOR = "door"  # the scope of tries where no index tells one PIN from another
MOST_DIGITS = PIN_INDEX_DIGITS + PIN_DIGITS_MAX


class Keypad:
    """What has been typed so far, and what becomes of it."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._typed = ""
        self._too_long = False
        self._last = 0.0
        self._busy = asyncio.Lock()

    async def press(self, symbol: str) -> Outcome | Refused | None:
        """One key. `enter` ends a PIN, `clear` forgets it; a half-typed PIN dies after 20 s."""
        now = self._lock.outside.count()
        if now - self._last > ENTRY_SECONDS:
            self._forget()
        self._last = now
        self._lock.touched_at = now
        if symbol == "clear":
            self._forget()
            self._lock.hardware.show(Light.OFF)
        elif symbol != "enter":
            self._too_long = self._too_long or len(self._typed) >= MOST_DIGITS
            self._typed = (self._typed + symbol)[:MOST_DIGITS]
        elif self._typed:
            return await self._enter()
        return None

    def _forget(self) -> None:
        self._typed, self._too_long = "", False

    async def _enter(self) -> Outcome | Refused:
        typed = "" if self._too_long else self._typed
        self._forget()
        self._lock.hardware.show(Light.BUSY)
        async with self._busy:
            result = await pin_typed(self._lock, typed)
        self._lock.hardware.show(_light(result))
        return result


def _light(result: Outcome | Refused) -> Light:
    refused = result if isinstance(result, Refused) else result.refused
    if refused is not None:
        return Light.WAIT if refused.reason is Reason.RESTING else Light.NO
    opened = isinstance(result, Outcome) and result.result is Result.UNLOCKED
    return Light.YES if opened else Light.NO  # jammed, or nobody knows: nothing to rely on


async def pin_typed(lock: Lock, digits: str) -> Outcome | Refused:
    """A whole PIN from the keypad: presented, verified, then opened like any key."""
    presented = Presented(Reader.KEYPAD, lock.now(), "keypad", digits.encode())
    try:
        found = await verify_pin(lock, presented)
        if isinstance(found, Refused):
            about: dict[int | str, cbor.Value] = {About.READER: READERS.index(presented.reader)}
            lock.refuse_sparingly(found, about, "keypad")
            return found
        return await lock.opening(
            found.verified, Ask(Command.UNLOCK), Shown(found.staple, give_back=found.tried))
    except DiskFull:
        return Refused(Reason.STORAGE_FULL, "R15")


@dataclass(frozen=True, slots=True)
class RightPin:
    """Whose PIN it was, and the try that it gives back once the opening is recorded."""

    verified: Verified
    tried: Tried
    staple: Staple | None


async def verify_pin(lock: Lock, presented: Presented) -> RightPin | Refused:
    """Whose PIN it is, or why not. Counts the try durably before anything is compared."""
    policy = lock.owner().config.pins
    typed = _split(presented.shown, policy.entry)
    scope = typed.index if typed and policy.entry is Entry.INDEX else DOOR
    if lock.rolled_back:
        return Refused(Reason.LOG_ROLLED_BACK, "R15")
    before, uptime = lock.store.tries(scope), lock.recorder.uptime()
    if policy.spent is Spent.REST and before.rest(uptime):
        return Refused(Reason.RESTING, "P5", f"{before.rest(uptime)} s left")
    spendable = lock.store.slot(int(scope)) if policy.spent is Spent.OFF and scope != DOOR else None
    if spendable is not None and spendable.off:
        return Refused(Reason.PIN_OFF, "P6")
    tried = _counted(lock, Tried(scope, uptime), spendable)  # durable before the verdict (P4)
    slot = await _slot_of(lock, typed)
    if slot is None:
        return _wrong(lock, tried, "P1" if typed is None else "P3", before.left(uptime))
    return _judged(lock, slot, tried)


async def _slot_of(lock: Lock, typed: Typed | None) -> Slot | None:
    """Whose PIN that is, at the cost of one slow hash."""
    if typed is None:
        return None
    return lock.store.slot_of(await asyncio.to_thread(verifier, pin_keys(lock), typed))


def _split(shown: bytes, entry: Entry) -> Typed | None:
    """What was typed, if it can be a PIN at all."""
    try:
        return read_typed(shown.decode("ascii"), entry)
    except (Malformed, UnicodeDecodeError):
        return None


def _counted(lock: Lock, tried: Tried, spendable: Slot | None) -> Tried:
    """Count one try. The last one switches the PIN off with it, where the place chose so (P6)."""
    after = lock.store.tries(tried.scope).after(tried.uptime)
    last = spendable is not None and not after.left(tried.uptime)

    def write(change: Change) -> None:
        change.put_tries(tried.scope, after)
        change.put_number("uptime", tried.uptime)
        if spendable is not None and last:
            change.switch_slot(spendable.number, off=True)

    lock.keep(write)
    return replace(tried, switched=last)


def _wrong(lock: Lock, tried: Tried, check: str, left_before: int) -> Refused:
    """A try that hits nothing. The owner is told when it was the last for now."""
    left = lock.store.tries(tried.scope).left(tried.uptime)
    if left_before and not left:
        lock.note(Kind.ALARM, {
            About.DETAIL: "wrong PINs: that PIN is off" if tried.switched else
            "wrong PINs: the keypad takes one try in 15 minutes"})
    return Refused(Reason.WRONG_PIN, check, f"{left} tries left")


def _judged(lock: Lock, slot: Slot, tried: Tried) -> RightPin | Refused:
    """The right PIN costs no try. Its chain and staple are verified again from their bytes."""
    assert slot.wire is not None, "a slot with a verifier holds its chain"
    try:
        enrolment = accept_enrolment(
            lock.owner().place.site, slot.wire, lock.secrets.signing.public, slot_version=0)
    except Theirs as error:
        return Refused(Reason.UNKNOWN_KEY, error.check, error.message)
    return RightPin(presented(enrolment), tried, staples.kept(lock, slot))


async def pin_shown(lock: Lock, digits: bytes, verified: Verified) -> Tried | Refused:
    """A PIN as the second check beside a phone's key: it must be enrolled under that very key.

    Returns the try that it gives back once what follows is recorded.
    """
    found = await verify_pin(lock, Presented(Reader.LINK, lock.now(), "link", digits))
    if isinstance(found, Refused):
        return found
    if found.verified.links[-2].id != verified.leaf.id:
        return Refused(Reason.SECOND_FACTOR, "P7")
    refused = standing(found.verified, lock.facts(found.verified))
    if refused is not None:
        return refused
    return found.tried
