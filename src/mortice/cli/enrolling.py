"""Putting a PIN on a door: a free slot, a PIN that nobody else has, and the door's word for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mortice.cli.here import Here
from mortice.cli.problems import REFUSED, Problem, refused
from mortice.cli.settings import policy_of
from mortice.cli.visiting import Wish, as_answer, at, deliver, not_taken
from mortice.client.errands import Call
from mortice.client.home import KnownDoor
from mortice.client.owner import NewPin, Terms, enrol_pin
from mortice.client.wallet import HeldKey, encode_chain
from mortice.core.chain import has_right
from mortice.core.commands import Command
from mortice.core.document import id_of
from mortice.core.grant import ENROL, Rights, read_grant
from mortice.core.log import accept_receipt
from mortice.core.pin import Entry, odds
from mortice.core.refusal import Coarse, Reason
from mortice.core.stages import Factors

DRAWS = 3  # each drawn twice costs one of the keypad's tries; three in a row is no chance
INDEXES = 100  # slots that a two-digit index can name
GROUP = 4  # digits of a PIN that people read at a time


@dataclass(frozen=True)
class NewCode:
    """What is typed at the keypad, shown once."""

    index: str  # two digits that are typed first, where the door asks whose PIN it is
    digits: str = field(repr=False)
    slot: int
    opens_alone: bool
    entry: int | None
    odds: str

    @property
    def typed(self) -> str:
        """All that is typed before the tick."""
        return self.index + self.digits

    @property
    def grouped(self) -> str:
        """The same in groups, as people read it out."""
        groups = (self.digits[i:i + GROUP] for i in range(0, len(self.digits), GROUP))
        return " ".join(filter(None, (self.index, *groups)))


async def put_on(
    here: Here, door: KnownDoor, name: str, terms: Terms, slot: int | None) -> NewCode:
    """Draw, seal, deliver and wait for the door's confirmation. Raises Problem."""
    async with at(here, door, Wish(Command.STATUS, key=_enrolling_key(here, door))) as call:
        taken = _taken_slots(call)
        free = _free(call, taken) if slot is None else slot
        policy = policy_of(here.home, door)
        wanted = _for_key(terms, call.held)
        draws = 0
        while True:
            pin = enrol_pin(call.held, here.me.key, door.mapped, free, policy, wanted)
            outcome, draws = await _deliver(here, door, call, pin, name), draws + 1
            if outcome is not Reason.WRONG_PIN or draws == DRAWS:
                break
        if isinstance(outcome, Reason):
            raise not_taken(outcome)
        index = f"{free:02d}" if policy.entry is Entry.INDEX else ""
        live = len(taken | {free})
        return NewCode(index, pin.digits, free, _opens(pin), outcome,
                       odds(policy, live, len(pin.digits)).in_words())


def _enrolling_key(here: Here, door: KnownDoor) -> HeldKey:
    """One's own key that may put PINs on this door. Raises Problem."""
    keys = here.me.keys()
    able = [key for key in keys
            if door.mapped.id in key.leaf.doors and has_right(key.links, Rights.ENROL)]
    if not able:
        raise Problem(
            "no_right", f"Your key may put no PIN on {door.mapped.label}.",
            "The owner can: mortice pin give PERSON --door DOOR", REFUSED)
    return able[-1]


def _for_key(terms: Terms, held: HeldKey) -> Terms:
    """A key that asks for a PIN gets one that is worth nothing alone at the keypad."""
    return replace(terms, use=Rights.NONE) if held.leaf.factors & Factors.PIN else terms


def _opens(pin: NewPin) -> bool:
    return bool(read_grant(pin.document, ENROL).use & Rights.UNLOCK)


def _taken_slots(call: Call) -> set[int]:
    """Slots in use. A key that asks for its PIN cannot look before it has one."""
    coarse = call.visited.answer.coarse
    if coarse is Coarse.SHOW_MORE:
        return set()
    if coarse is not None:
        raise refused(coarse)
    slots = as_answer(call.visited.answer.body.get(3)).get("slots")
    found = set()
    for slot in slots if isinstance(slots, list) else []:
        match slot:
            case [int(number), *_]:
                found.add(number)
    return found


def _free(call: Call, taken: set[int]) -> int:
    if call.visited.answer.coarse is not None:  # a place of its own, from the key's own id
        return INDEXES // 2 + call.held.leaf.id[0] % (INDEXES // 2)
    free = next((slot for slot in range(INDEXES) if slot not in taken), None)
    if free is None:
        raise Problem(
            "storage_full", "Every place for a PIN on that door is taken.", "Remove one first.")
    return free


async def _deliver(
    here: Here, door: KnownDoor, call: Call, pin: NewPin, name: str) -> int | Reason | None:
    """The entry in which the door confirmed it, or why it refused."""
    said = await deliver(here, door, call, [pin.item])
    one = next((one for one in said if one.document == id_of(pin.document)), None)
    if one is None:
        raise Problem("unknown", "The door did not say what it did with the PIN.", "Try again.")
    if one.refused is not None:
        return one.refused
    here.home.keep_issued(
        (*call.held.links, read_grant(pin.document, ENROL)), name, kind="pin",
        chain=encode_chain([*call.held.wire, pin.document]))
    return accept_receipt(one.receipt, door.mapped.lock.signing).index if one.receipt else None
