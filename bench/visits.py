"""A whole visit within one process: the product's own client and conversation, without a network.

A watch counts the lock's share of the CPU time.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from bench.measure import Watch
from bench.world import Key, Owner
from mortice.client.visit import Errand, Session, Visited
from mortice.core.commands import Command
from mortice.lockd.conversation import Conversation
from mortice.lockd.daemon import Lock

T = TypeVar("T")


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of something asynchronous that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("expected no waiting, but it waits")


class Ear:
    """The lock's end of a line that has no length."""

    def __init__(self, lock: Lock, watch: Watch) -> None:
        self.messages: list[bytes] = []
        self._conversation = Conversation(lock, "bench")
        self._watch = watch

    async def say(self, message: bytes) -> bytes:
        with self._watch:
            answer = await self._conversation.hear(message)
        self.messages += [message, answer]
        return answer

    ask = say


@dataclass(frozen=True, slots=True)
class Said:
    """What one visit said and brought, and the lock's CPU seconds."""

    messages: tuple[bytes, ...]
    visited: Visited
    seconds: float


def visit(
    owner: Owner, lock: Lock, key: Key, *, whole: bool = True, watch: Watch | None = None,
) -> Said:
    """An opening with `key`; without `whole` the lock must have seen its chain."""
    watch = watch or Watch()
    before, ear = watch.seconds, Ear(lock, watch)
    session = Session(ear, owner.address(lock.secrets.public), key.holder)
    visited = at_once(_opening(session, whole=whole))
    assert visited.answer.coarse is None, "the door must open"
    with watch:
        lock.store.tidy()  # as the daemon does each second
    return Said(tuple(ear.messages), visited, watch.seconds - before)


async def _opening(session: Session, *, whole: bool) -> Visited:
    return await session.ask(await session.greet(), Errand(Command.UNLOCK), whole=whole)
