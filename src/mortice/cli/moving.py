"""Asking a door to move its bolt, and saying how that ended: the contract of `door unlock`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from mortice.cli.here import Here
from mortice.cli.judging import best_key, judge
from mortice.cli.moments import Clock, zone_named
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.picking import held_key
from mortice.cli.problems import COARSE, DONE, FAILED, REFUSED, UNREACHABLE, usage
from mortice.cli.visiting import Wish, at, exact_reason
from mortice.client.home import KnownDoor
from mortice.client.line import AnswerLost, Unreachable
from mortice.client.wallet import HeldKey
from mortice.core.commands import Command
from mortice.core.log import Result
from mortice.core.refusal import Coarse, Reason
from mortice.core.stages import Factors

WORDS = {
    Result.UNLOCKED: "opened", Result.LOCKED: "locked", Result.JAMMED: "jammed",
    Result.REFUSED: "refused", Result.DONE: "unknown", Result.UNKNOWN: "unknown"}
CODES = {"opened": DONE, "locked": DONE, "refused": REFUSED, "unreachable": UNREACHABLE}
SENTENCES = {
    "opened": "{door} is open for you: the bolt is drawn.",
    "locked": "{door} is locked.",
    "jammed": "{door} is jammed: the bolt stopped half way.",
    "unknown": "{door} was asked, and what happened there is not known.",
    "unreachable": "{door} did not answer.",
}
AFTER = {
    "jammed": "Pull or push the door, then try again; the mechanical key works too.",
    "unknown": "Look at the door, or ask it with: mortice door show DOOR",
    "unreachable": "Check that you are on its network; PINs and mechanical keys work there.",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: the word, the reason of a refusal, and the entry that the door wrote."""

    result: str
    reason: Coarse | Reason | None = None
    entry: int | None = None
    detail: str = ""


def move(  # noqa: PLR0913 — what was asked of which door, how
    here: Here, door: KnownDoor, command: Command, *, until: int | None = None,
    with_pin: bool = False, wanted_key: str | None = None,
) -> int:
    """Ask once, say how it ended, and return the exit code."""
    key = held_key(here.me, wanted_key) if wanted_key else None
    pin = here.ask("PIN", hidden=True, instead="Type it on stdin.") if with_pin else None
    if pin is not None and not (pin.isascii() and pin.isdigit()):
        raise usage("A PIN has digits only.", "Try again.")
    wish = Wish(command, {} if until is None else {1: until}, pin=pin, key=key)
    ended = asyncio.run(_ask(here, door, wish))
    if here.json:
        shown = {"door": door.slug, "result": ended.result,
                 "reason": ended.reason and ended.reason.value, "entry": ended.entry}
        show_json(shown if until is None else {**shown, "until": until})
    else:
        _say(here, door, ended, wish)
    return CODES.get(ended.result, FAILED)


async def _ask(here: Here, door: KnownDoor, wish: Wish) -> Ended:
    try:
        async with at(here, door, wish) as call:
            answer = call.visited.answer
            entry = answer.receipt.index if answer.receipt else None
            if answer.coarse is not None:
                return Ended("refused", await exact_reason(call) or answer.coarse, entry)
            if answer.receipt is None:
                return Ended("unknown")
            return Ended(WORDS[answer.receipt.result], None, entry)
    except AnswerLost as error:
        return Ended("unknown", detail=str(error))
    except Unreachable as error:
        return Ended("unreachable", detail=str(error))


def _say(here: Here, door: KnownDoor, ended: Ended, wish: Wish) -> None:
    label = plain(door.mapped.label)
    if ended.result in ("opened", "locked"):
        sentence = SENTENCES[ended.result].format(door=label)
        say(f"{sentence}{_held(door, wish)} Entry {ended.entry}.")
        return
    if ended.result == "refused":
        for line in _refusal(here, door, ended, wish):
            note(line)
        return
    detail = f" ({ended.detail})" if ended.detail else ""
    note(SENTENCES[ended.result].format(door=label) + detail)
    note(AFTER[ended.result].replace("DOOR", door.slug))


def _held(door: KnownDoor, wish: Wish) -> str:
    until = wish.args.get(1)
    if not isinstance(until, int):
        return ""
    clock = Clock(zone_named(door.mapped.zone), int(time.time()))
    return f" It stays so until {clock.say(until)}."


def _refusal(here: Here, door: KnownDoor, ended: Ended, wish: Wish) -> list[str]:
    if isinstance(ended.reason, Reason):
        return [f"{ended.reason.words.sentence}.", ended.reason.words.helps]
    assert ended.reason is not None, "a refusal has a reason"
    message, after = COARSE[ended.reason]
    held = wish.key or best_key(here.me, door, wish.command)
    if ended.reason is Coarse.SHOW_MORE:
        return [message, _what_more(held, wish) or after]
    guess = judge(here.home, held, door, None, wish.command).reason
    return [message, after] if guess is None else [
        message, f"By what this device knows: {guess.words.sentence}. {guess.words.helps}"]


def _what_more(held: HeldKey, wish: Wish) -> str:
    """What one's own key asks for says what the door's coarse answer leaves out."""
    leaf = held.leaf
    if leaf.factors & Factors.PIN and wish.pin is None:
        return "Your key asks for its PIN as well: add --pin"
    if leaf.factors & Factors.TOUCH:
        return "Your key asks for a touch: press a key of the keypad, then try within 5 seconds."
    if leaf.factors & Factors.PERSON:
        return "Your key asks for two people: let the second one show theirs within 30 seconds."
    if leaf.max_staleness is not None:
        return "Your key must be refreshed: ask for it with mortice key refresh, done by the owner."
    return ""
