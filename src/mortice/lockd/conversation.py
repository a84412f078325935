"""One holder at the door: from the first message to the receipt.

Bytes in, bytes out, no sockets. Whatever goes wrong before the door has decided is a refusal with a
recorded reason and one coarse code for the person outside; any fault of our own is a refusal too.

Spec: spec/link.md, spec/messages.md.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mortice.core import cbor, limits
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commands import COMMANDS, Command
from mortice.core.commissioning import TAKEOVER_ANSWER, psk, read_takeover, write_hello
from mortice.core.decision import Ask, decide
from mortice.core.errors import Malformed, Theirs, Untrusted
from mortice.core.freshness import STAPLE, Staple, accept_staple
from mortice.core.link import (
    HELLO,
    TAKEOVER,
    TAKEOVER_PROLOGUE,
    LockSide,
    Step,
    mac_key,
    prologue,
)
from mortice.core.log import Result, accept_receipt
from mortice.core.messages import (
    Answer,
    BundleItem,
    Carried,
    Greeting,
    Request,
    proof_bytes,
    read_bundle,
    read_later,
)
from mortice.core.passkey import read_assertion
from mortice.core.refusal import Reason
from mortice.core.site import Site
from mortice.core.stages import Factors, Granted, Presented, Reader, Refused, Verified
from mortice.lockd import ownership
from mortice.lockd.changing import CHANGING, effect_of
from mortice.lockd.daemon import STRANGERS, Lock, Shown
from mortice.lockd.deliver import deliver, some_news
from mortice.lockd.ephemeral import StuckRandom
from mortice.lockd.identity import start_incarnation, take_over
from mortice.lockd.keypad import pin_shown
from mortice.lockd.outcome import Outcome
from mortice.lockd.reading import answer_later
from mortice.lockd.reasons import reason_of

LOG = logging.getLogger(__name__)
RELAY = "relay"  # the source of whoever comes through a hub
READING = frozenset({Command.STATUS, Command.READ_LOG, Command.PROVE})
ANSWER_BYTES = limits.MESSAGE_BYTES - 512  # of what an answer carries, beside its receipt


class Closed(Exception):
    """The conversation is over; nothing more is said."""


@dataclass(frozen=True, slots=True)
class _Refusal(Exception):
    """Carries a refusal out of the steps before the decision."""

    refused: Refused


class Conversation:
    """One conversation. `hear` takes each message in turn and returns what the lock says."""

    def __init__(self, lock: Lock, source: str, patience: float = limits.PROOF_SECONDS) -> None:
        """`patience` is how many seconds message 3 may take, on the lock's monotonic count."""
        self._lock = lock
        self._source = source
        self._whom = RELAY if source == RELAY else STRANGERS  # whose refusals are counted
        self._side: LockSide | None = None
        self._takeover = False
        self._verified: Verified | None = None
        self._under: Site | None = None  # the root under which that is so
        self._staple: Staple | None = None
        self._vouched: BundleItem | None = None  # the same, once the visitor's key has counted
        self._body: dict[int | str, cbor.Value] = {}  # what the answer carries
        self._greeted_at = 0.0
        self._patience = patience

    @property
    def proved(self) -> bool:
        """Has a holder of a key been proved? A stranger's message 3 proves nothing."""
        return self._verified is not None

    @property
    def over(self) -> bool:
        """Has somebody been answered who has nothing more to ask?"""
        side = self._side
        return side is not None and side.step is Step.LATER and self._verified is None

    async def hear(self, message: bytes) -> bytes:
        """The answer to one message. Raises Closed where silence is the answer."""
        if self._side is None:
            return self.first(message)
        if self._side.step is Step.PROOF:
            return await self._third(message)
        if self._side.step is Step.LATER:
            return self._later(message)
        raise Closed

    # --- messages 1 and 2 --------------------------------------------------------------------

    def first(self, message: bytes) -> bytes:
        """As `hear`, for the first message, whose answer waits for nothing."""
        lock = self._lock
        owned = lock.owned
        if owned is None:
            return self._first_of_takeover(message)
        intro = prologue(owned.place.site.id, owned.place.door)
        return self._greet(LockSide(lock.secrets.link, lock.mac1_key, intro), message)

    def _first_of_takeover(self, message: bytes) -> bytes:
        lock = self._lock
        if message == bytes([HELLO]):
            return write_hello(lock.secrets.public)
        if message[:1] != bytes([TAKEOVER]) or not lock.window.is_open(lock.outside.count()):
            raise Closed
        self._takeover = True
        side = LockSide(
            lock.secrets.link, mac_key(lock.secrets.link.public), TAKEOVER_PROLOGUE,
            psk(lock.secrets.kept["takeover"]))
        return self._greet(side, message)

    def _greet(self, side: LockSide, message: bytes) -> bytes:
        lock = self._lock
        try:
            side.read_first(message)
            ephemeral = lock.ephemerals.take()
        except (Theirs, StuckRandom) as error:
            raise Closed from error
        now, owned = lock.now(), lock.owned
        greeting = Greeting(
            now.state, now.at, lock.recorder.incarnation, lock.store.size, lock.store.root(),
            lock.news_digest(),
            owned.place.site.version if owned else 0, owned.doors.version if owned else 0)
        self._side, self._greeted_at = side, lock.outside.count()
        return side.greet(greeting, ephemeral)

    # --- messages 3 and 4 --------------------------------------------------------------------

    async def _third(self, message: bytes) -> bytes:
        side = self._ready()
        try:
            request = side.read_request(message)
        except Theirs as error:
            malformed = Refused(Reason.MALFORMED, error.check, error.message)
            self._lock.refuse_sparingly(malformed, {}, self._whom)
            raise Closed from error
        shown = Presented(Reader.LINK, self._lock.now(), self._source, message)
        try:
            self._check_in_time()
            answer = self._take_over(request) if self._takeover else (
                await self._visit(shown, request))
        except _Refusal as refusal:
            answer = self._refuse(refusal.refused)
        except Exception:  # any error while deciding is a refusal; the trace is for the journal
            LOG.exception("a conversation failed")
            answer = self._refuse(Refused(Reason.FAULT, "R0"))
        return side.answer(answer)

    def _check_in_time(self) -> None:
        """J7: a proof that somebody kept back is worth nothing."""
        if self._lock.outside.count() - self._greeted_at > self._patience:
            raise _Refusal(Refused(Reason.LATE, "J7"))

    def _refuse(self, refused: Refused) -> Answer:
        if refused.reason is not Reason.SHOW_CHAIN:  # that one only asks for the rest of the key
            self._lock.refuse_sparingly(refused, {}, self._whom)
        return Answer(refused.reason.words.coarse, body=self._body)

    async def _visit(self, shown: Presented, request: Request) -> Answer:
        if request.command not in COMMANDS:
            raise _Refusal(Refused(Reason.WINDOW_CLOSED, "Q6", "this lock has its owner"))
        try:
            verified, carried = self._verify(shown, request), request.carried
        except _Refusal as refusal:
            self._take_from_inside(request, refusal.refused)
            raise
        self._verified, self._under = verified, self._lock.owner().place.site
        self._staple = self._read_staple(carried)
        if Carried.RECEIPT in carried:
            self._compare_receipt(carried[Carried.RECEIPT])
        if Carried.BUNDLE in carried:
            self._body[1] = self._deliver(carried[Carried.BUNDLE])
        outcome = await self._opening(verified, request)
        if self._staple is not None and not (isinstance(outcome, Outcome) and outcome.refused):
            self._vouched = _staple_item(carried)
            self._keep_staple()
        self._add_news(carried)
        return self._answer(outcome, request)

    def _take_from_inside(self, request: Request, refused: Refused) -> None:
        """Whoever has just pressed the inside button may hand documents in without a key.

        Paper replaces a lost phone this way, also where nobody else has a key. It opens nothing.
        """
        lock = self._lock
        inside = lock.window.is_open(lock.outside.count())
        asks_for_chain = refused.reason is Reason.SHOW_CHAIN  # then all of this comes once more
        if inside and request.command is Command.DELIVER and not asks_for_chain:
            self._body[1] = self._deliver(request.carried.get(Carried.BUNDLE, []))

    def _verify(self, shown: Presented, request: Request) -> Verified:
        """Whose key was shown, and that its holder asked for this, here, now. Raises _Refusal."""
        try:
            verified = self._chain(request)
            self._ready().check_proof(
                request, verified.leaf.holder, self._lock.secrets.public.id, verified.leaf.id)
            factors = self._passkey(verified, request) | self._lock.touch()
            return replace(verified, factors=factors, reader=shown.reader)
        except Theirs as error:
            raise _Refusal(Refused(reason_of(error), error.check, error.message)) from error

    def _chain(self, request: Request) -> Verified:
        lock = self._lock
        if isinstance(request.key, bytes):
            known = lock.cached(request.key)
            if known is None:
                raise _Refusal(Refused(Reason.SHOW_CHAIN, "C0"))
            return known
        verified = verify_chain(read_chain(request.key), lock.owner().place.site.chain_keys())
        lock.remember(verified)
        return verified

    def _passkey(self, verified: Verified, request: Request) -> Factors:
        """A factor is what was shown and checked here, whatever the request says of itself."""
        assertion = request.carried.get(Carried.ASSERTION)
        if assertion is None or verified.leaf.passkey is None:
            return Factors.NONE
        side, lock = self._ready(), self._lock.secrets.public.id
        assert side.greeting is not None, "message 3 follows the greeting"
        proof = proof_bytes(request, side.handshake, lock, verified.leaf.id, side.greeting)
        read_assertion(assertion).verify(verified.leaf.passkey, proof)
        return Factors.PASSKEY

    async def _opening(self, verified: Verified, request: Request) -> Outcome | Granted:
        lock, shown = self._lock, Shown(self._staple, request.command_id)
        pin = request.carried.get(Carried.PIN)
        if isinstance(pin, bytes):
            found = await pin_shown(lock, pin, verified)
            if isinstance(found, Refused):
                return lock.refused(found, verified, request.command, shown)
            verified = replace(verified, factors=verified.factors | Factors.PIN)
            shown = replace(shown, give_back=found)
        if not self._is_rooted():  # another root came, with this visit or meanwhile
            raise _Refusal(Refused(Reason.SHOW_CHAIN, "C0"))
        if COMMANDS[request.command].towards is not None:
            return await lock.opening(verified, _ask(request), shown)
        return await self._plain_command(verified, request, shown)

    def _is_rooted(self) -> bool:
        """Is the root still the one under which the key was verified?"""
        owned = self._lock.owned
        return owned is not None and owned.place.site is self._under

    async def _plain_command(
        self, verified: Verified, request: Request, shown: Shown) -> Outcome | Granted:
        """Commands that move no bolt: reading is decided but not written down, changing is both."""
        lock, ask = self._lock, _ask(request)
        decision = decide(verified, ask, lock.facts(verified, shown.staple, ask))
        if isinstance(decision, Refused):
            return await lock.opening(verified, ask, shown)
        if request.command not in CHANGING:
            return decision
        effect = effect_of(lock, request.command, request.args)
        if isinstance(effect, Refused):
            return lock.refused(effect, verified, request.command, shown)
        return await lock.opening(verified, ask, replace(shown, effect=effect))

    def _read_staple(self, carried: Mapping[int | str, cbor.Value]) -> Staple | None:
        """A staple that cannot be trusted is no staple; rule R8 then says what is missing."""
        shown = _staple_item(carried)
        if shown is None:
            return None
        try:
            return accept_staple(self._lock.owner().place.site, shown.document, shown.chain)
        except Theirs as error:
            LOG.info("a staple was not accepted: %s", error.check)
            return None

    def _keep_staple(self) -> None:
        """What vouches for a key vouches for the PINs below it. No bolt waits for this."""
        if self._vouched is not None:
            deliver(self._lock, (self._vouched,), b"")

    def _deliver(self, value: cbor.Value) -> list[cbor.Value]:
        """Hand documents in. The handshake is a nonce for the time only while it is young (T6)."""
        try:
            items = read_bundle(value)
        except Malformed as error:
            raise _Refusal(Refused(Reason.MALFORMED, error.check, error.message)) from error
        young = self._lock.outside.count() - self._greeted_at <= limits.NONCE_SECONDS
        return deliver(self._lock, items, self._ready().handshake if young else b"")

    def _compare_receipt(self, encoded: cbor.Value) -> None:
        """L3: our own signature over more than we have means that our memory was put back."""
        lock = self._lock
        if not isinstance(encoded, bytes):
            return
        try:
            receipt = accept_receipt(encoded, lock.secrets.signing.public)
        except Theirs:
            return  # not ours, so it says nothing about us
        if receipt.proves > (lock.recorder.incarnation, lock.store.size):
            start_incarnation(lock, receipt)

    def _add_news(self, carried: Mapping[int | str, cbor.Value]) -> None:
        """Give the visitor what it may lack, so that every visitor carries news both ways."""
        theirs = carried.get(Carried.NEWS)
        if theirs is not None and theirs != self._lock.news_digest():
            room = ANSWER_BYTES - len(cbor.encode(self._body))
            self._body[2] = [*some_news(self._lock, room)]

    def _answer(self, outcome: Outcome | Granted, request: Request) -> Answer:
        lock, verified = self._lock, self._verified
        assert verified is not None, "whoever is answered was verified"
        if isinstance(outcome, Granted):
            self._body[3] = answer_later(lock, verified, request.command, request.args)
            return Answer(None, body=self._body)
        coarse = outcome.refused.reason.words.coarse if outcome.refused else None
        if outcome.entry is None:
            return Answer(coarse, body=self._body)
        receipt, signature = lock.recorder.receipt(
            outcome.entry, verified.leaf.id, request.command_id, outcome.result)
        return Answer(coarse, receipt, signature, self._body)

    # --- afterwards --------------------------------------------------------------------------

    def _later(self, message: bytes) -> bytes:
        """Further requests read; they never move the bolt (one conversation, one move)."""
        side = self._ready()
        try:
            command, _, args = read_later(side.read_later(message))
        except Theirs as error:
            raise Closed from error
        over = self._lock.outside.count() - self._greeted_at > limits.SESSION_SECONDS
        if over or self._verified is None or not self._is_rooted():
            raise Closed
        try:
            answer: cbor.Value = [None, self._further(self._verified, command, args)]
        except _Refusal as refusal:
            answer = [refusal.refused.reason.words.coarse.value]
        return side.answer_later(cbor.encode(answer))

    def _further(
        self, verified: Verified, command: Command, args: Mapping[int | str, cbor.Value],
    ) -> cbor.Value:
        lock = self._lock
        if command is Command.DELIVER:
            delivered = self._deliver(args.get(1, []))
            self._keep_staple()  # a PIN may have come that it is for
            return delivered
        decision: Granted | Refused = Refused(Reason.ONE_MOVE, "J8")
        if command in READING:
            decision = decide(verified, Ask(command), lock.facts(verified, self._staple))
        if isinstance(decision, Refused):
            lock.refused(decision, verified, command)
            raise _Refusal(decision)
        return answer_later(lock, verified, command, args)

    def _take_over(self, request: Request) -> Answer:
        """Commissioning: the secret has proved the owner; pin what the owner says (Q5 to Q7)."""
        lock = self._lock
        if lock.owned is not None:  # somebody else was faster
            raise _Refusal(Refused(Reason.WINDOW_CLOSED, "Q6"))
        if request.command is not Command.COMMISSION:
            raise _Refusal(Refused(Reason.NOT_COMMISSIONED, "Q5"))
        try:
            takeover = read_takeover(dict(request.args))
            owned = ownership.first_owner(
                takeover.site, takeover.doors, takeover.door, lock.secrets.public.id)
            if not lock.serves(owned):
                raise Untrusted("S14", "site: a demo's, and this door is a real one")
        except Theirs as error:
            raise _Refusal(Refused(reason_of(error), error.check, error.message)) from error
        entry = take_over(lock, owned, takeover.at)
        receipt, signature = lock.recorder.receipt(
            entry, TAKEOVER_ANSWER, request.command_id, Result.DONE)
        return Answer(None, receipt, signature)

    def _ready(self) -> LockSide:
        assert self._side is not None, "message 1 makes the lock's side"
        return self._side


def _staple_item(carried: Mapping[int | str, cbor.Value]) -> BundleItem | None:
    encoded, chain = carried.get(Carried.STAPLE), carried.get(Carried.STAPLE_CHAIN)
    if not isinstance(encoded, bytes):
        return None
    return BundleItem(STAPLE, encoded, chain if isinstance(chain, list) else None)


def _ask(request: Request) -> Ask:
    until = request.args.get(1) if request.command is Command.HOLD_OPEN else None
    if type(until) is not int or not 0 <= until < limits.TIME_MAX:
        return Ask(request.command)
    return Ask(request.command, until)
