"""A lock made of the core alone, in the order in which lockd calls it: no disk, no network."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from bench.primitives import Shown, Signed, Sizes
from bench.world import ZONE, Key, Owner, new_key
from mortice.core import cbor
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
    receipt_signature,
    sign_head,
    sign_receipt,
)
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.messages import Answer, Greeting, Request, proof_bytes
from mortice.core.noise import TAG_BYTES, StaticKey
from mortice.core.revocation import NOTHING_REVOKED
from mortice.core.site import Place
from mortice.core.stages import Factors, Granted, Instant, TimeState, Verified
from mortice.lockd.ownership import zone_named
from mortice.lockd.record import about_key

ENTRIES = 1000  # in the log before the first opening


@dataclass(frozen=True, slots=True)
class Asked:
    """What a holder sends, ready to be heard, and what the bare primitives do for the same."""

    first: bytes
    third: bytes
    shown: Shown


class CoreLock:
    """Hears the same messages again and again: its ephemeral key is always the same."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._static = StaticKey(secrets.token_bytes(32))
        self._signing = new_key()
        self.address = LockAddress(
            owner.site.id, owner.door, self._static.public, self._signing.public)
        self._mac_key = mac_key(self._static.public)
        self._intro = prologue(owner.site.id, owner.door)
        self._ephemeral = secrets.token_bytes(32)
        self._tree = Frontier()
        for _ in range(ENTRIES):
            self._tree.append(bytes(32))
        place = Place(owner.site, owner.door, self._signing.public.id, zone_named(ZONE))
        self._now = Instant(owner.now, owner.now, TimeState.SYNCED)
        self._facts = Facts(place, self._now, NOTHING_REVOKED)
        self._greeting = Greeting(
            TimeState.SYNCED, owner.now, 0, ENTRIES, self._tree.root(), bytes(8), 1, 1)
        self._known: dict[bytes, Verified] = {}

    def side(self) -> LockSide:
        return LockSide(self._static, self._mac_key, self._intro)

    # --- what is asked of it ------------------------------------------------------------------

    def asked(self, key: Key, *, whole: bool) -> Asked:
        """The holder's two messages for one opening; without `whole` the lock knows the chain."""
        holder, side = HolderSide(self.address, secrets.token_bytes(32)), self.side()
        first = holder.first()
        side.read_first(first)
        greeting = holder.read_greeting(side.greet(self._greeting, self._ephemeral))
        request = Request(
            Command.UNLOCK, secrets.token_bytes(8), {}, key.wire if whole else key.leaf.id,
            Factors.NONE, bytes(64))
        message = proof_bytes(
            request, side.handshake, self.address.signing.id, key.leaf.id, greeting)
        third = holder.ask(request, key.leaf.id, key.signer)
        if not whole:
            self._known[key.leaf.id] = self._verified(key.wire)
        proof = Signed(message, key.signer.sign(message), key.signer.public.point)
        plain = Request(
            request.command, request.command_id, {}, request.key, Factors.NONE, proof.signature)
        chain = self._chain(key) if whole else Shown((), ())
        return Asked(first, third, Shown(
            (plain.encode(), *chain.encoded), (*chain.signatures, proof), chain.identified))

    def _chain(self, key: Key) -> Shown:
        """A whole chain."""
        documents = [link.document for link in key.links]
        signers = [self._owner.grant.public.point, *(link.holder.point for link in key.links[:-1])]
        signatures = tuple(
            Signed(document.signed_bytes, document.signature, signer)
            for document, signer in zip(documents, signers, strict=True))
        identified = [signed.message for signed in signatures]
        identified += [link.holder.encoded for link in key.links]
        return Shown(tuple(document.payload for document in documents), signatures,
                     tuple(identified))

    def _verified(self, wire: list[cbor.Value]) -> Verified:
        return verify_chain(read_chain(wire), self._owner.site.chain_keys())

    # --- what it does ---------------------------------------------------------------------------

    def opening(self, asked: Asked) -> bytes:
        """All that the lock does for one opening, from message 1 to message 4."""
        side = self.side()
        side.read_first(asked.first)
        side.greet(self._greeting, self._ephemeral)
        request = side.read_request(asked.third)
        if isinstance(request.key, bytes):
            verified = self._known[request.key]
        else:
            verified = self._verified(request.key)
        side.check_proof(request, verified.leaf.holder, self._signing.public.id, verified.leaf.id)
        decision = decide(verified, Ask(request.command), self._facts)
        assert isinstance(decision, Granted)
        receipt = self._recorded(decision, request)
        return side.answer(Answer(None, receipt, receipt_signature(receipt, self._signing)))

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
            0, hashed, tree.size - 1, tree.size, root, verified.leaf.id, request.command_id,
            Result.UNLOCKED, at, TimeState.SYNCED)

    def sizes(self, asked: Asked) -> Sizes:
        """Lengths of a real opening's parts, for the floor."""
        receipt = Receipt(
            0, bytes(32), ENTRIES, ENTRIES + 1, bytes(32), bytes(16), bytes(8), Result.UNLOCKED,
            self._now.at, TimeState.SYNCED)
        head = Head(0, ENTRIES, bytes(32), self._now.at)
        heads, receipts = (len(document.signed_bytes) for document in (
            parse(HEAD, sign_head(head, self._signing)),
            parse(RECEIPT, sign_receipt(receipt, self._signing))))
        answer = len(Answer(None, receipt, bytes(64)).encode())
        return Sizes(
            len(self._greeting.encode()), len(asked.third) - TAG_BYTES, answer, heads, receipts)
