"""A visit to a lock: connect, prove, ask, and keep the receipt.

Two round trips. The chain is left out when this lock has seen it; if the lock has forgotten, or
took a new root on this visit, it says so and the visit is made once more with the whole chain.
News goes both ways on every visit.
A command whose answer was lost is asked for once more under the same id, which the lock answers
without doing it again; if that fails too, nobody here knows what happened, and that is said.

Spec: spec/link.md.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from mortice.client.line import AnswerLost, Line, Unreachable, line_to
from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.document import parse
from mortice.core.errors import Malformed, Theirs
from mortice.core.freshness import TIME, sign_time
from mortice.core.grant import Rights
from mortice.core.keys import PublicKey, Signer
from mortice.core.limits import BUNDLE_DOCUMENTS, COMMAND_ID_BYTES
from mortice.core.link import HolderSide, LockAddress, news_digest, whole_receipt
from mortice.core.log import accept_receipt
from mortice.core.messages import Answer, Carried, Greeting, Request, read_bundle, write_bundle
from mortice.core.refusal import BY_NUMBER, Coarse, Reason
from mortice.core.site import DOORS_MAP, SITE
from mortice.core.stages import Factors, TimeState

CLOCK_APART_SECONDS = 30  # a lock further off than this is told the time by whoever may
COARSE = frozenset(coarse.value for coarse in Coarse)
CARRIED_BYTES = 8192  # of documents in one message, which leaves room for a chain and receipts


class Declined(Exception):
    """The lock answered a further request with no. `coarse` is all that it says."""

    def __init__(self, coarse: Coarse) -> None:
        super().__init__(coarse.value)
        self.coarse = coarse


@dataclass(frozen=True, slots=True)
class Papers:
    """The site's own documents, for a lock that has older ones."""

    roots: tuple[tuple[int, bytes], ...] = ()  # versions and roots that may follow on a visit
    version: int = 0  # of the newest root, under which the map was signed
    doors: tuple[int, bytes] | None = None

    def missing(self, greeting: Greeting) -> tuple[list[cbor.Value], int]:
        """What this lock lacks, in order, and which root it then stands on."""
        known = greeting.site_version
        items: list[cbor.Value] = []
        for version, root in self.roots:
            if version == known + 1:
                items.append([SITE, root])
                known = version
        if self.doors and known == self.version and self.doors[0] > greeting.doors_version:
            items.append([DOORS_MAP, self.doors[1]])
        return items, known


@dataclass(frozen=True, slots=True)
class Holder:
    """Who visits: the signing key, the chain, and what they carry."""

    signer: Signer
    wire: list[cbor.Value]
    leaf: bytes
    use: Rights = Rights.NONE
    news: dict[bytes, bytes] = field(default_factory=dict)
    receipt: bytes | None = None
    staple: tuple[bytes, list[cbor.Value] | None] | None = None
    papers: Papers = Papers()


@dataclass(frozen=True, slots=True)
class Errand:
    """What to ask for, and what to bring along. The id stays the same however often it is asked."""

    command: Command
    args: Mapping[int | str, cbor.Value] = field(default_factory=dict)
    bundle: list[cbor.Value] = field(default_factory=list)
    pin: bytes | None = field(default=None, repr=False)
    id: bytes = field(default_factory=lambda: secrets.token_bytes(COMMAND_ID_BYTES))


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the lock did with one document: `refused` is None where it has it now."""

    document: bytes  # the id under which the lock answers for it
    refused: Reason | None
    receipt: bytes | None


@dataclass(frozen=True, slots=True)
class Visited:
    """What a visit brought back."""

    greeting: Greeting
    answer: Answer
    receipt: bytes | None
    news: dict[bytes, bytes]
    delivered: list[Delivered] = field(default_factory=list)


# --- one conversation -----------------------------------------------------------------------------


class Session:
    """One conversation with one lock, from the greeting on."""

    def __init__(self, line: Line, lock: LockAddress, holder: Holder) -> None:
        self._line, self._lock, self._holder = line, lock, holder
        self._side = HolderSide(lock, secrets.token_bytes(32))
        self._later: list[cbor.Value] = []  # documents that found no room in message 3

    async def greet(self) -> Greeting:
        """Messages 1 and 2."""
        return self._side.read_greeting(await self._line.say(self._side.first()))

    def _carried(self, greeting: Greeting, errand: Errand) -> dict[int | str, cbor.Value]:
        """What goes along: what the lock lacks, the time if it needs it, an older receipt."""
        holder = self._holder
        documents, version = holder.papers.missing(greeting)
        documents += errand.bundle
        extra: dict[int | str, cbor.Value] = {}
        digest = news_digest(set(holder.news))
        if greeting.news != digest and version >= holder.papers.version:
            extra[Carried.NEWS] = digest
            documents += [
                item for news in holder.news.values()
                for item in write_bundle(read_bundle(cbor.decode(news))) if item not in documents]
        if holder.use & Rights.SET_TIME and _needs_time(greeting):
            documents.insert(0, self._time())
        now, self._later = _as_much_as_fits(documents)
        if now:
            extra[Carried.BUNDLE] = now
        shown = (greeting.incarnation, greeting.size)
        if holder.receipt is not None and proved(holder.receipt, self._lock.signing) > shown:
            extra[Carried.RECEIPT] = holder.receipt
        if holder.staple is not None:
            extra[Carried.STAPLE], chain = holder.staple
            extra |= {} if chain is None else {Carried.STAPLE_CHAIN: chain}
        return extra | ({} if errand.pin is None else {Carried.PIN: errand.pin})

    def _time(self) -> cbor.Value:
        told = sign_time(
            self._lock.site, self._lock.signing.id, self._side.handshake, int(time.time()),
            self._holder.signer)
        return [TIME, told, self._holder.wire]

    async def ask(self, greeting: Greeting, errand: Errand, *, whole: bool) -> Visited:
        """Messages 3 and 4. Raises AnswerLost, Malformed, Untrusted."""
        holder = self._holder
        request = Request(
            errand.command, errand.id, {**errand.args}, holder.wire if whole else holder.leaf,
            Factors.NONE, bytes(64), self._carried(greeting, errand))
        message = self._side.ask(request, holder.leaf, holder.signer)
        answer = self._side.read_answer(await self._line.ask(message))
        receipt = whole_receipt(answer, self._lock.signing) if answer.receipt else None
        delivered = _read_delivered(answer.body.get(1))
        return Visited(greeting, answer, receipt, news_in(answer), delivered)

    async def deliver(self, documents: list[cbor.Value]) -> list[Delivered]:
        """Carry documents, and those that found no room in message 3."""
        delivered: list[Delivered] = []
        left, self._later = self._later + documents, []
        while left:
            now, left = _as_much_as_fits(left)
            delivered += _read_delivered(await self.more(Command.DELIVER, {1: now}))
        return delivered

    async def more(self, command: Command, args: Mapping[int | str, cbor.Value]) -> cbor.Value:
        """The answer to a further request, which moves nothing. Raises Declined, Unreachable."""
        message = self._side.later(command, secrets.token_bytes(COMMAND_ID_BYTES), args)
        answer = self._side.read_later(await self._line.say(message))
        match answer:
            case [None, value]:
                return value
            case [str(coarse)] if coarse in COARSE:
                raise Declined(Coarse(coarse))
        raise Malformed("A1", "the door's answer cannot be read")


def _needs_time(greeting: Greeting) -> bool:
    apart = abs(greeting.at - int(time.time()))
    return greeting.time is not TimeState.SYNCED or apart > CLOCK_APART_SECONDS


def _as_much_as_fits(documents: list[cbor.Value]) -> tuple[list[cbor.Value], list[cbor.Value]]:
    """Documents for one message, at least one, and those left over."""
    fits, room = 0, CARRIED_BYTES
    for document in documents[:BUNDLE_DOCUMENTS]:
        room -= len(cbor.encode(document))
        if fits and room < 0:
            break
        fits += 1
    return documents[:fits], documents[fits:]


def proved(receipt: bytes, lock: PublicKey) -> tuple[int, int]:
    """Which memory of the lock a receipt proves, and how many entries; (0, 0) if nothing."""
    try:
        return accept_receipt(receipt, lock).proves
    except Theirs:
        return 0, 0


def _read_delivered(value: cbor.Value) -> list[Delivered]:
    """[id, result, receipt or null] for each document; -1 says that it was known already."""
    delivered = []
    for item in value if isinstance(value, list) else []:
        match item:
            case [bytes(name), int(result), *rest]:
                refused = BY_NUMBER.get(result, Reason.FAULT) if result > 0 else None
                receipt = rest[0] if rest and isinstance(rest[0], bytes) else None
                delivered.append(Delivered(name, refused, receipt))
    return delivered


def news_in(answer: Answer) -> dict[bytes, bytes]:
    """Revoke documents that the lock handed over, by id. Whoever uses them verifies them."""
    found = {}
    listed = answer.body.get(2, [])
    for encoded in listed if isinstance(listed, list) else []:
        if isinstance(encoded, bytes):
            for item in read_bundle(cbor.decode(encoded)):
                found[parse(item.kind, item.document).id] = encoded
    return found


# --- whole visits ---------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def conversation(
    where: tuple[str, int], lock: LockAddress, holder: Holder, errand: Errand, *,
    seen: bool = False,
) -> AsyncIterator[tuple[Session, Visited]]:
    """One errand at one lock, and the open conversation after it, for further requests.

    Raises Unreachable, AnswerLost, Malformed, Untrusted.
    """
    async with contextlib.AsyncExitStack() as stack:
        async def attempt(*, whole: bool) -> tuple[Session, Visited]:
            line = await stack.enter_async_context(line_to(*where))
            session = Session(line, lock, holder)
            return session, await session.ask(await session.greet(), errand, whole=whole)

        try:
            session, visited = await attempt(whole=not seen)
        except AnswerLost:
            try:
                session, visited = await attempt(whole=True)
            except Unreachable as error:
                raise AnswerLost(str(error)) from error
        if visited.answer.coarse is Coarse.SHOW_MORE and visited.answer.receipt is None:
            before, (session, visited) = visited.delivered, await attempt(whole=True)
            visited.delivered[:0] = before  # a new root among them made the lock ask for the chain
        visited.delivered.extend(await session.deliver([]))
        yield session, visited


async def visit(
    where: tuple[str, int], lock: LockAddress, holder: Holder, errand: Errand, *,
    seen: bool = False,
) -> Visited:
    """One errand at one lock. Raises Unreachable, AnswerLost, Malformed, Untrusted."""
    async with conversation(where, lock, holder, errand, seen=seen) as (_, visited):
        return visited
