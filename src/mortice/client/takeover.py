"""Taking over a new lock with the code from its inside.

Spec: spec/commissioning.md.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from mortice.client.line import Unreachable, line_to
from mortice.core.commands import Command
from mortice.core.commissioning import TAKEOVER_ANSWER, Code, Takeover, psk, read_hello
from mortice.core.keys import PublicKey
from mortice.core.limits import COMMAND_ID_BYTES, SIGNATURE_BYTES
from mortice.core.link import HELLO, HolderSide, LockAddress, whole_receipt
from mortice.core.messages import Request
from mortice.core.site import LockKeys
from mortice.core.stages import Factors

NO_PROOF = bytes(SIGNATURE_BYTES)  # here the code's secret proves the owner


class NotOpen(Exception):
    """The lock takes no owner now: its inside button was not pressed in the last ten minutes."""


class HasOwner(Exception):
    """Something listens there and tells a newcomer nothing: a lock that has an owner does so."""


@dataclass(frozen=True, slots=True)
class _Nobody:
    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        return NO_PROOF


async def hello(where: tuple[str, int], code: Code) -> LockKeys:
    """A new lock's keys, checked against its code. Raises Unreachable, HasOwner, Q4."""
    async with line_to(*where) as line:
        try:
            return read_hello(await line.say(bytes([HELLO])), code)
        except Unreachable as error:
            raise HasOwner from error


async def take_over(
    where: tuple[str, int], keys: LockKeys, code: Code, takeover: Takeover) -> bytes:
    """Commission a new lock; returns its receipt. Raises NotOpen, Unreachable, AnswerLost."""
    side = HolderSide(
        LockAddress(b"", b"", keys.link, keys.signing), secrets.token_bytes(32), psk(code.secret))
    request = Request(
        Command.COMMISSION, secrets.token_bytes(COMMAND_ID_BYTES), takeover.args(),
        TAKEOVER_ANSWER, Factors.NONE, NO_PROOF)
    async with line_to(*where) as line:
        try:
            side.read_greeting(await line.say(side.first()))
        except Unreachable as error:
            raise NotOpen from error
        message = side.ask(request, TAKEOVER_ANSWER, _Nobody(keys.signing))
        answer = side.read_answer(await line.ask(message))
    if answer.receipt is None:
        raise NotOpen
    return whole_receipt(answer, keys.signing)
