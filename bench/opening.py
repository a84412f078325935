"""How much of the lock's CPU goes into anything else than what it cannot do without?

The product's own conversation, from the first message to the last, with decision, log, signed head
and signed receipt, and its store on a memory disk: CPU time of the lock's side, nothing waits. The
floor is the bare primitives of the same opening: cryptography and hashes, and the two transactions
(the decision's, the bolt's) with the same rows. First with a chain of three that the lock has not
seen (each call shows another chain, so that no key is remembered from the call before), then with
one that it knows. For the record also against cryptography and hashes alone.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Figure, Plan, Turns, Watch, in_turns, skipped
from bench.places import NoSuchPlace, memory_folder
from bench.primitives import LockFloor, Shown, Signed, Sizes
from bench.rows import BareRows
from bench.visits import visit
from bench.world import Key, Owner, commissioned, new_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from mortice.core.document import parse
from mortice.core.log import HEAD, RECEIPT
from mortice.core.noise import KEY_BYTES, TAG_BYTES
from mortice.lockd.daemon import Lock

CHAINS = 100  # three keys each: more than the 256 keys that the core remembers
PROOF_BYTES = 120  # of what a holder signs; a signature over twice as much costs the same
BAR, AIM = 1.6, 1.3
FIRST = "first contact, chain of three, over its primitives"
REPEAT = "repeat opening over its primitives"
SLICE_SECONDS = 0.01


def ask(plan: Plan) -> list[Figure]:
    try:
        with memory_folder() as folder:
            turns = openings(folder, plan)
    except NoSuchPlace as error:
        return [skipped(question, str(error)) for question in (FIRST, REPEAT)]
    return [
        turns.figure(FIRST, "first", "first floor", bar=BAR, aim=AIM),
        turns.figure(REPEAT, "repeat", "repeat floor", bar=BAR, aim=AIM),
        turns.figure("first contact over cryptography and hashes alone", "first", "first crypto"),
        turns.figure("repeat opening over the same alone", "repeat", "repeat crypto"),
    ]


def openings(folder: Path, plan: Plan) -> Turns:
    owner, watch = Owner(), Watch()
    lock = commissioned(owner, folder / "lock")
    news, known = [owner.chain_of_three() for _ in range(CHAINS)], owner.chain_of_three()
    floor = LockFloor(sizes_of(owner, lock, known))
    rows = BareRows(folder / "rows.db", body=floor.sizes.entry, head=floor.sizes.head + 90)
    unseen, shown = itertools.cycle(news), itertools.cycle([shown_by(owner, key) for key in news])
    again = Shown((proof(loaded=True),))

    def bare(shown: Iterator[Shown], *, store: bool) -> None:
        with watch:
            floor.opening(next(shown))
            if store:
                rows.append()
                rows.append(head=False)

    turns = in_turns({
        "first": lambda: visit(owner, lock, next(unseen), watch=watch),
        "first floor": lambda: bare(shown, store=True),
        "first crypto": lambda: bare(shown, store=False),
        "repeat": lambda: visit(owner, lock, known, whole=False, watch=watch),
        "repeat floor": lambda: bare(itertools.repeat(again), store=True),
        "repeat crypto": lambda: bare(itertools.repeat(again), store=False),
    }, plan, clock=watch, seconds=SLICE_SECONDS)
    lock.close()
    rows.close()
    return turns


def proof(*, loaded: bool = False) -> Signed:
    """What a holder signs: under a key that the lock has loaded, or one that it has yet to load."""
    key, message = new_key(), secrets.token_bytes(PROOF_BYTES)
    point = key.public.point
    return Signed(message, key.sign(message), _loaded(point) if loaded else point)


def shown_by(owner: Owner, key: Key) -> Shown:
    """The same chain as `key` shows: three signatures, the first under a key known to the lock."""
    documents = [link.document for link in key.links]
    above = [_loaded(owner.grant.public.point), *(link.holder.point for link in key.links[:-1])]
    signatures = [
        Signed(document.signed_bytes, document.signature, signer)
        for document, signer in zip(documents, above, strict=True)]
    identified = [signed.message for signed in signatures]
    identified += [link.holder.encoded for link in key.links]
    return Shown((*signatures, proof()), tuple(identified))


def sizes_of(owner: Owner, lock: Lock, key: Key) -> Sizes:
    """Lengths of a real opening's parts; the lock knows `key` from then on."""
    said = visit(owner, lock, key)
    _, second, third, fourth = (len(message) for message in said.messages)
    assert said.visited.receipt is not None
    receipt = len(parse(RECEIPT, said.visited.receipt).signed_bytes)
    sealed = [row for row in lock.store.entries(0, lock.store.size) if row[2] is not None]
    _, body, head = sealed[-1]
    return Sizes(
        second - KEY_BYTES - TAG_BYTES, third - TAG_BYTES, fourth - TAG_BYTES, len(body),
        len(parse(HEAD, head).signed_bytes), receipt)


def _loaded(point: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(point)
