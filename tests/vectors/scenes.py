"""Plays the scenes: several steps at one lock, each with the answer that somebody gets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from making import cast
from making.plain import sign
from tests.lockd.bent import bent_loop
from tests.vectors.daemon import key_pair, type_pin
from tests.vectors.stand import (
    BUNDLE,
    PIN,
    SILENCE,
    Request,
    Stand,
    Talk,
    new_lock,
    owned_lock,
    press_inside_button,
    take_over,
)
from tests.vectors.vector import BadVector, Fields, Vector, check_keys, raw, wire

from mortice.core import cbor as product_cbor
from mortice.core.refusal import BY_NUMBER
from mortice.core.revocation import Revocation, Revoked

# Step: the keys that it must have beside `do`, and those that it may have.
STEPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "visit": (("chain", "leaf", "holder", "command", "answer"), (
        "known", "wait", "keep", "signed", "pin", "passkey", "touched", "args", "command_id")),
    "later": (("command", "answer"), ()),
    "again": (("answer",), ()),
    "replay": (("message", "answer"), ("twice",)),
    "type": (("digits", "times"), ()),
    "wait": (("seconds",), ()),
    "press_inside_button": ((), ()),
    "deliver": (("kind", "document", "result"), ("chain",)),
    "take_over": (("args", "answer"), ("secret", "command")),
    "tell_time": (("chain", "leaf", "holder", "at", "result"), ("wait",)),
    "break_motor": ((), ()),
    "fill_revocations": (("entries",), ()),
}


@dataclass
class Stage:
    """A lock, the conversation that is still open, and what was said so far."""

    stand: Stand
    open: AsyncExitStack
    talk: Talk | None = None
    said: dict[int, bytes] = field(default_factory=dict)  # messages 1 and 3 of the last visit
    heard: str | None = None  # the last answer


def check_steps(vector: Vector) -> None:
    """Raises BadVector for a step that says more than is looked at here."""
    for step in vector.input["steps"]:
        if step.get("do") not in STEPS:
            raise BadVector(f"{vector.name}: unknown step {step.get('do')!r}")
        needed, allowed = STEPS[step["do"]]
        check_keys(f"{vector.name}: {step['do']}", step, ("do", *needed), allowed)


async def play(vector: Vector, folder: Path) -> None:
    """Every step, and then the end that the vector names."""
    check_steps(vector)
    async with _lock(vector, folder) as stand, AsyncExitStack() as stack:
        stage = Stage(stand, stack)
        since = stand.size
        for step in vector.input["steps"]:
            since = stand.size
            await DOING[step["do"]](stage, step)
        _judge(vector, stage, since)


@asynccontextmanager
async def _lock(vector: Vector, folder: Path) -> AsyncIterator[Stand]:
    given = vector.input
    made = owned_lock(folder, raw(given["site"]), raw(given["doors"])) if "site" in given else (
        new_lock(folder))
    async with made as stand:
        stand.door.simulated = not given.get("real", False)
        yield stand


def _judge(vector: Vector, stage: Stage, since: int) -> None:
    expected, stand = vector.expected, stage.stand
    if expected["class"] == "accepted":
        assert stand.door.drives == expected["value"]["openings"]
        assert stand.refusal(since) is None
    elif expected["class"] == "silent":
        assert stage.heard == SILENCE
        assert stand.size == since
    else:
        written = None if expected["reason"] == "show_chain" else (
            expected["reason"], expected["check"])
        assert stand.refusal(since) == written
        assert stage.heard == expected["coarse"]


# --- phones ------------------------------------------------------------------------------------


def _asked(step: Fields) -> Request:
    leaf = raw(step["leaf"])
    signed = {
        name: raw(value) if isinstance(value, str) else value
        for name, value in step.get("signed", {}).items()}
    if "args" in signed:
        signed["args"] = {int(key): value for key, value in signed["args"].items()}
    passkey = key_pair(step["passkey"]) if "passkey" in step else None
    carried: dict[int, Any] = {PIN: step["pin"].encode()} if "pin" in step else {}
    more = {"command_id": raw(step["command_id"])} if "command_id" in step else {}
    return Request(
        leaf if step.get("known") else wire(step["chain"]), leaf, key_pair(step["holder"]),
        step["command"], {int(key): value for key, value in step.get("args", {}).items()},
        carried, passkey, signed, raw(step["touched"]) if "touched" in step else None, **more)


async def _visit(stage: Stage, step: Fields) -> None:
    await stage.open.aclose()
    talk = stage.talk = await stage.open.enter_async_context(stage.stand.greeted())
    stage.said[1] = talk.first
    if "wait" in step:
        bent_loop().jump(step["wait"])
    stage.said[3] = talk.message(_asked(step))
    answered = talk.read_answer(await talk.line.say(stage.said[3]))
    stage.heard = answered.said
    assert answered.said == step["answer"]
    if not step.get("keep"):
        await stage.open.aclose()


async def _later(stage: Stage, step: Fields) -> None:
    assert stage.talk is not None
    stage.heard = (await stage.talk.later(step["command"], {})).said
    assert stage.heard == step["answer"]


async def _again(stage: Stage, step: Fields) -> None:
    """The last message 3 once more, in its own conversation."""
    assert stage.talk is not None
    await _hears_nothing(stage, stage.talk, stage.said[3])


async def _hears_nothing(stage: Stage, talk: Talk, message: bytes) -> None:
    assert await talk.line.say(message) is None
    stage.heard = SILENCE


async def _replay(stage: Stage, step: Fields) -> None:
    """A message from before, in a new conversation."""
    if step["message"] == 1 and not step.get("twice"):
        async with stage.stand.line() as line:
            assert await line.say(stage.said[1]) is not None
        return
    async with stage.stand.greeted() as talk:
        await _hears_nothing(stage, talk, talk.first if step.get("twice") else stage.said[3])


async def _tell_time(stage: Stage, step: Fields) -> None:
    """An attestation that answers this conversation's nonce."""
    async with stage.stand.greeted() as talk:
        told = sign(cast.TIME_KIND, {
            cast.AUD: cast.SITE, cast.IAT: step["at"],
            cast.LIMITS: {1: cast.LOCK_KEY.id, 2: talk.noise.h}}, key_pair(step["holder"]))
        item = [cast.TIME_KIND, told.encoded, wire(step["chain"])]
        asked = Request(wire(step["chain"]), raw(step["leaf"]), key_pair(step["holder"]), "status")
        if "wait" not in step:
            asked.carried[BUNDLE] = [item]
            (_, result, _), = (await talk.ask(asked)).body[1]
        else:
            await talk.ask(asked)
            bent_loop().jump(step["wait"])
            (_, result, _), = await talk.deliver(item)
    _became(stage, step, result)


# --- documents, hands and owners -----------------------------------------------------------------


DEALT_WITH = {0: "taken", -1: "known"}


async def _deliver(stage: Stage, step: Fields) -> None:
    item = [step["kind"], raw(step["document"])]
    result, = await stage.stand.deliver([*item, wire(step["chain"])] if "chain" in step else item)
    _became(stage, step, result)


def _became(stage: Stage, step: Fields, result: int) -> None:
    """What the lock says that it did with a document."""
    reason = BY_NUMBER.get(result)
    assert step["result"] == (DEALT_WITH[result] if reason is None else reason.value)
    stage.heard = None if reason is None else reason.words.coarse.value


async def _type(stage: Stage, step: Fields) -> None:
    for _ in range(step["times"]):
        since = stage.stand.size
        await type_pin(stage.stand, step["digits"])
        refused = stage.stand.refusal(since)
        if refused is None:
            await stage.stand.until(stage.stand.has_moved)
            stage.heard = None
        else:
            stage.heard = next(
                reason.words.coarse.value for reason in BY_NUMBER.values()
                if reason.value == refused[0])


async def _wait(stage: Stage, step: Fields) -> None:
    bent_loop().jump(step["seconds"])


async def _press(stage: Stage, step: Fields) -> None:
    press_inside_button(stage.stand)


async def _take_over(stage: Stage, step: Fields) -> None:
    args: Any = product_cbor.decode(raw(step["args"]))
    secret = raw(step["secret"]) if "secret" in step else None
    answered = await take_over(stage.stand, args, step.get("command", "commission"), secret)
    stage.heard = answered.said
    assert answered.said == step["answer"]


async def _fill_revocations(stage: Stage, step: Fields) -> None:
    """So many entries by the site, as its deltas of years would leave them."""
    entries = tuple(Revoked(n.to_bytes(16, "big"),
                            cast.NOW + cast.DAY) for n in range(step["entries"]))
    with stage.stand.lock.store.change() as change:
        change.revoke(Revocation(bytes(16), cast.REVOKES.id, over_all=True, entries=entries), b"")


async def _break_motor(stage: Stage, step: Fields) -> None:
    stage.stand.door.broken = True


DOING: dict[str, Callable[[Stage, Fields], Awaitable[None]]] = {
    "visit": _visit, "later": _later, "again": _again, "replay": _replay, "type": _type,
    "wait": _wait, "press_inside_button": _press, "deliver": _deliver, "take_over": _take_over,
    "tell_time": _tell_time, "break_motor": _break_motor,
    "fill_revocations": _fill_revocations,
}
