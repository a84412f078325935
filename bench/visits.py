"""A whole visit within one process: the product's conversation, without a network.

The lock's share of the CPU time is measured message by message, because each answer depends on the
log as it stands.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from bench.world import Key, Owner
from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.link import HolderSide
from mortice.core.messages import Answer, Request
from mortice.core.stages import Factors
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


@dataclass(frozen=True, slots=True)
class Said:
    """The messages of one visit, in order, the lock's CPU seconds, and its answer."""

    messages: tuple[bytes, ...]
    seconds: float
    answer: Answer


class Listening:
    """The lock's side of one conversation, with a watch on its CPU time."""

    def __init__(self, lock: Lock) -> None:
        self.seconds = 0.0
        self._conversation = Conversation(lock, "bench")

    def hear(self, message: bytes) -> bytes:
        start = time.thread_time()
        answer = at_once(self._conversation.hear(message))
        self.seconds += time.thread_time() - start
        return answer


def visit(
    owner: Owner, lock: Lock, key: Key, command: Command = Command.UNLOCK, *, whole: bool = True,
    carried: dict[int | str, cbor.Value] | None = None,
) -> Said:
    """One visit with `key`; without `whole` the lock must have seen its chain."""
    listening = Listening(lock)
    side = HolderSide(owner.address(lock.secrets.public), secrets.token_bytes(32))
    first = side.first()
    second = listening.hear(first)
    side.read_greeting(second)
    request = Request(
        command, secrets.token_bytes(8), {}, key.wire if whole else key.leaf.id, Factors.NONE,
        bytes(64), carried or {})
    third = side.ask(request, key.leaf.id, key.signer)
    fourth = listening.hear(third)
    return Said((first, second, third, fourth), listening.seconds, side.read_answer(fourth))
