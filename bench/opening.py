"""How much of the lock's CPU goes into anything else than the cryptography it cannot do without?

The lock's side of one opening in the pure core: conversation, chain, proof, decision, log entry,
signed head, signed receipt. First with a chain of three that the lock has not seen (each call takes
another chain, so that no key is remembered from the call before), then with one it knows. Then the
whole conversation with its store, on a memory disk, for the record.
"""

from __future__ import annotations

import itertools
import secrets
import statistics
import time
from dataclasses import dataclass

from bench.measure import WARM_UP, Figure, Plan, in_turns, quartiles, show_time, skipped
from bench.places import NoSuchPlace, memory_folder
from bench.primitives import LockFloor, Signed, Sizes
from bench.visits import visit
from bench.world import ZONE, Key, Owner, commissioned, new_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commands import Command
from mortice.core.decision import Ask, Facts, decide
from mortice.core.document import parse
from mortice.core.link import HolderSide, LockAddress, LockSide, mac_key, prologue
from mortice.core.log import (
    HEAD,
    RECEIPT,
    About,
    Entry,
    Head,
    Kind,
    Receipt,
    Result,
    sign_head,
    sign_receipt,
)
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.messages import Answer, Greeting, Request, proof_bytes
from mortice.core.noise import StaticKey
from mortice.core.revocation import NOTHING_REVOKED
from mortice.core.site import Place
from mortice.core.stages import Factors, Granted, Instant, TimeState, Verified
from mortice.lockd.daemon import Lock
from mortice.lockd.ownership import zone_named
from mortice.lockd.record import about_key

CHAINS = 100  # three keys each: more than the 256 keys that the core remembers
ENTRIES = 1000  # in the log before the first opening
VISITS = 5  # in one round with the store
BAR, AIM = 1.6, 1.3


@dataclass(frozen=True, slots=True)
class Asked:
    """What a holder sends, ready to be heard, and what the bare primitives do for the same."""

    first: bytes
    third: bytes
    signatures: list[Signed]
    identified: list[bytes]


class CoreLock:
    """A lock made of the core alone: no disk, no network, no clock."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._static = StaticKey(secrets.token_bytes(32))
        self._signing = new_key()
        self.address = LockAddress(
            owner.site.id, owner.door, self._static.public, self._signing.public)
        self._mac_key = mac_key(self._static.public)
        self._intro = prologue(owner.site.id, owner.door)
        self._ephemeral = secrets.token_bytes(32)  # the same each time, so that messages can be kept
        self._tree = Frontier()
        for _ in range(ENTRIES):
            self._tree.append(bytes(32))
        place = Place(owner.site, owner.door, self._signing.public.id, zone_named(ZONE))
        self._now = Instant(owner.now, owner.now, TimeState.SYNCED)
        self._facts = Facts(place, self._now, NOTHING_REVOKED)
        self._greeting = Greeting(
            TimeState.SYNCED, owner.now, ENTRIES, self._tree.root(), bytes(8), 1, 1)
        self._known: dict[bytes, Verified] = {}

    def side(self) -> LockSide:
        return LockSide(self._static, self._mac_key, self._intro)

    def asked(self, key: Key, *, whole: bool) -> Asked:
        """The holder's two messages for one opening."""
        holder, side = HolderSide(self.address, secrets.token_bytes(32)), self.side()
        first = holder.first()
        side.read_first(first)
        greeting = holder.read_greeting(side.greet(self._greeting, self._ephemeral))
        request = Request(
            Command.UNLOCK, secrets.token_bytes(8), {}, key.wire if whole else key.leaf.id,
            Factors.NONE, bytes(64))
        message = proof_bytes(
            request, side.handshake, self.address.signing.id, key.leaf.id, greeting)
        proof = Signed(message, key.signer.sign(message), _loaded(key.signer.public.point))
        third = holder.ask(request, key.leaf.id, key.signer)
        self._known[key.leaf.id] = self._verified(key)
        if not whole:
            return Asked(first, third, [proof], [])
        return self._asked_whole(key, Asked(first, third, [proof], []))

    def _asked_whole(self, key: Key, asked: Asked) -> Asked:
        links = self._verified(key).links
        documents = [link.document for link in links if link.document]
        signers = [_loaded(self._owner.grant.public.point), *(x.holder.point for x in links[:-1])]
        signatures = [
            Signed(document.signed_bytes, document.signature, signer)
            for document, signer in zip(documents, signers, strict=True)]
        proof = Signed(
            asked.signatures[0].message, asked.signatures[0].signature, key.signer.public.point)
        identified = [signed.message for signed in signatures] + [x.holder.encoded for x in links]
        return Asked(asked.first, asked.third, [*signatures, proof], identified)

    def _verified(self, key: Key) -> Verified:
        return verify_chain(read_chain(key.wire), self._owner.site.chain_keys())

    def opening(self, asked: Asked) -> bytes:
        """All that the lock does for one opening, from message 1 to message 4."""
        side = self.side()
        side.read_first(asked.first)
        side.greet(self._greeting, self._ephemeral)
        request = side.read_request(asked.third)
        if isinstance(request.key, bytes):
            verified = self._known[request.key]
        else:
            verified = verify_chain(read_chain(request.key), self._owner.site.chain_keys())
        side.check_proof(request, verified.leaf.holder, self._signing.public.id, verified.leaf.id)
        decision = decide(verified, Ask(request.command), self._facts)
        assert isinstance(decision, Granted)
        receipt = self._recorded(decision, request)
        signed = parse(RECEIPT, sign_receipt(receipt, self._signing))
        return side.answer(Answer(None, receipt, signed.signature))

    def _recorded(self, decision: Granted, request: Request) -> Receipt:
        """Append to the log and sign its head, as lockd does within one transaction."""
        tree, verified, at = self._tree, decision.verified, self._now.at
        about = {
            **about_key(verified), About.COMMAND: int(request.command),
            About.COMMAND_ID: request.command_id}
        entry = Entry(
            tree.size, at, TimeState.SYNCED, 86_400, Kind.GRANTED,
            {int(key): value for key, value in about.items()}, secrets.token_bytes(16)).encode()
        hashed = leaf_hash(entry)
        tree.append(hashed)
        root = tree.root()
        sign_head(Head(0, tree.size, root, at), self._signing)
        return Receipt(
            hashed, tree.size - 1, tree.size, root, verified.leaf.id, request.command_id,
            Result.UNLOCKED, at, TimeState.SYNCED)

    def sizes(self, asked: Asked) -> Sizes:
        """Lengths of a real opening's parts, for the floor."""
        receipt = Receipt(
            bytes(32), ENTRIES, ENTRIES + 1, bytes(32), bytes(16), bytes(8), Result.UNLOCKED,
            self._now.at, TimeState.SYNCED)
        head = Head(0, ENTRIES, bytes(32), self._now.at)
        signed = [
            parse(HEAD, sign_head(head, self._signing)),
            parse(RECEIPT, sign_receipt(receipt, self._signing))]
        heads, receipts = (len(document.signed_bytes) for document in signed)
        answer = len(Answer(None, receipt, bytes(64)).encode())
        return Sizes(
            len(self._greeting.encode()), len(asked.third) - 16, answer, 170, heads, receipts)


def _loaded(point: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(point)


def ask(plan: Plan) -> list[Figure]:
    owner = Owner()
    lock = CoreLock(owner)
    news = [lock.asked(owner.chain_of_three(), whole=True) for _ in range(CHAINS)]
    known = lock.asked(owner.chain_of_three(), whole=False)
    floor = LockFloor(lock.sizes(news[0]))
    unseen, again = itertools.cycle(news), itertools.cycle(news)
    turns = in_turns({
        "first": lambda: lock.opening(next(unseen)),
        "first floor": lambda: _floor(floor, next(again)),
        "repeat": lambda: lock.opening(known),
        "repeat floor": lambda: _floor(floor, known),
    }, plan)
    return [
        turns.figure("first contact, chain of three, over its primitives", "first", "first floor",
                     bar=BAR, aim=AIM),
        turns.figure("repeat opening over its primitives", "repeat", "repeat floor",
                     bar=BAR, aim=AIM),
        *with_store(owner, lock, floor, plan),
    ]


def _floor(floor: LockFloor, asked: Asked) -> bytes:
    return floor.opening(asked.signatures, asked.identified)


def with_store(owner: Owner, core: CoreLock, floor: LockFloor, plan: Plan) -> list[Figure]:
    """The whole conversation: SQLite in memory, a moved bolt's second entry, the loop's steps."""
    questions = [f"the same {kind}, with the store" for kind in ("first contact", "repeat opening")]
    try:
        with memory_folder() as folder:
            lock = commissioned(owner, folder)
            rounds = [_round(owner, lock, core, floor) for _ in range(WARM_UP + plan.rounds)]
            lock.close()
    except NoSuchPlace as error:
        return [skipped(question, str(error)) for question in questions]
    return [
        _over(question, [figures[at] for figures in rounds[WARM_UP:]])
        for at, question in enumerate(questions)]


Pair = tuple[float, float]  # CPU seconds of the lock and of the floor


def _round(owner: Owner, lock: Lock, core: CoreLock, floor: LockFloor) -> tuple[Pair, Pair]:
    first = repeat = first_floor = repeat_floor = 0.0
    for _ in range(VISITS):
        key = owner.chain_of_three()
        first += visit(owner, lock, key).seconds
        repeat += visit(owner, lock, key, whole=False).seconds
        first_floor += _seconds(floor, core.asked(key, whole=True))
        repeat_floor += _seconds(floor, core.asked(key, whole=False))
    return (first, first_floor), (repeat, repeat_floor)


def _seconds(floor: LockFloor, asked: Asked) -> float:
    start = time.thread_time()
    _floor(floor, asked)
    return time.thread_time() - start


def _over(question: str, pairs: list[Pair]) -> Figure:
    ratios = [lock / floor for lock, floor in pairs]
    each = [statistics.median(side) / VISITS for side in zip(*pairs, strict=True)]
    note = f"{show_time(each[0])} to {show_time(each[1])}; not a bar"
    return Figure(question, statistics.median(ratios), note=note, spread=quartiles(ratios))
