"""Asking a door something, as the person of this run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from mortice.cli.here import Here
from mortice.cli.judging import best_key
from mortice.cli.problems import Problem, refused
from mortice.client.errands import Call, calling, keep_delivered
from mortice.client.home import KnownDoor
from mortice.client.line import Unreachable
from mortice.client.visit import Declined, Delivered, Errand
from mortice.client.wallet import HeldKey
from mortice.client.words import reason_of
from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.errors import Malformed, Theirs
from mortice.core.grant import Rights
from mortice.core.log import read_entry
from mortice.core.refusal import Reason

Answer = Mapping[int | str, cbor.Value]


@dataclass(frozen=True)
class Wish:
    """What to ask a door for."""

    command: Command
    args: Mapping[int | str, cbor.Value] = field(default_factory=dict)
    bundle: list[cbor.Value] = field(default_factory=list)
    pin: str | None = None
    key: HeldKey | None = None
    recovering: bool = False


@contextlib.asynccontextmanager
async def at(here: Here, door: KnownDoor, wish: Wish) -> AsyncIterator[Call]:
    """A visit to `door`, whatever it answers."""
    errand = Errand(
        wish.command, wish.args, wish.bundle, None if wish.pin is None else wish.pin.encode())
    key = wish.key or best_key(here.me, door, wish.command)
    async with calling(here.me, door, errand, key=key, recovering=wish.recovering) as call:
        yield call


@contextlib.asynccontextmanager
async def reading(here: Here, door: KnownDoor, wish: Wish) -> AsyncIterator[tuple[Call, Answer]]:
    """A visit that must be answered. Raises Problem where the door says no."""
    async with at(here, door, wish) as call:
        if call.visited.answer.coarse is not None:
            raise refused(call.visited.answer.coarse)
        yield call, as_answer(call.visited.answer.body.get(3))


def as_answer(value: cbor.Value) -> Answer:
    """The map that a door answers with. Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed("A1", "the door's answer cannot be read")
    return value


def text(answer: Answer, name: str) -> str:
    """A word of an answer; a question mark where the door left it out."""
    value = answer.get(name)
    return value if isinstance(value, str) else "?"


def number(answer: Answer, name: str) -> str:
    """A number of an answer, likewise."""
    value = answer.get(name)
    return f"{value:,}" if isinstance(value, int) else "?"


async def status(here: Here, door: KnownDoor) -> Answer:
    """What a door says of itself now."""
    async with reading(here, door, Wish(Command.STATUS)) as (_, answer):
        return answer


async def exact_reason(call: Call) -> Reason | None:
    """Why the door said no, from its log, for whoever may read it."""
    receipt = call.visited.answer.receipt
    if receipt is None or not call.held.leaf.use & Rights.VIEW_LOG:
        return None
    try:
        page = as_answer(await call.session.more(Command.READ_LOG, {1: receipt.index}))
    except (Declined, Unreachable, Theirs):
        return None
    match page.get("entries"):
        case [[int(index), bytes(body), *_], *_] if index == receipt.index:
            return reason_of(read_entry(body))
    return None


async def deliver(
    here: Here, door: KnownDoor, call: Call, documents: list[cbor.Value]) -> list[Delivered]:
    """Carry documents in a conversation that is open, and keep what the door says of each."""
    delivered = await call.session.deliver(documents)
    keep_delivered(here.home, door, delivered, int(time.time()))
    return delivered


def not_taken(reason: Reason) -> Problem:
    """A door refused a document."""
    words = reason.words
    return Problem(reason.value, f"{words.sentence}.", words.helps, 3)
