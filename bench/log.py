"""What do signing, proving and auditing add to a plain log?

Appending: lockd's own transaction, with entry, tree, head, signature and a count, against the same
rows put into the same kind of database unsigned, both on a disk and synced. Proving: a log of a
million entries. Auditing: an export against its hashes and its heads' signatures alone, without
decoding, comparing or keeping anything.
"""

from __future__ import annotations

import hashlib
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measure import Figure, Plan, in_turns, show_time, skipped
from bench.places import NoSuchPlace, disk_folder
from bench.primitives import decode
from bench.rows import BareRows
from bench.world import Owner, commissioned
from mortice.client.audit import HEAD_FRAME, MAGIC, audit, entry_frame, frame
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commands import Command
from mortice.core.document import Document, parse
from mortice.core.keys import PublicKey
from mortice.core.log import HEAD, About, Kind
from mortice.core.merkle import Frontier, inclusion_proof, leaf_hash, node_hash, verify_inclusion
from mortice.core.stages import Count, CountKind, Granted, Towards
from mortice.lockd.daemon import Lock
from mortice.lockd.record import about_key

APPEND_BAR, AUDIT_BAR, PROOF_BAR = 1.5, 3.0, 20
MILLION = 1_000_000
AUDITED, SHORTER = 20_000, 4_000  # entries
# Entries for each signed head. An opening writes: granted (sealed), moved, leaf open, leaf closed,
# relocked, moved.
DAY_AT_A_DOOR, OPENINGS_ALONE, PAGE = 6, 2, 64
NODE = bytes(33)  # what stands beside a hash in a node


def ask(plan: Plan) -> list[Figure]:
    return [append(plan), *prove(plan), *audits(plan)]


# --- appending ----------------------------------------------------------------------------------


def append(plan: Plan) -> Figure:
    question = "durable signed append with a count, over the same rows unsigned"
    try:
        with disk_folder() as folder:
            owner = Owner()
            lock = commissioned(owner, folder / "signed")
            signed = appending(lock, owner)
            signed()
            _, body, head = lock.store.entries(lock.store.size - 1, 1)[0]
            assert head is not None
            rows = BareRows(folder / "plain.db", decode(body), head)
            turns = in_turns({
                "signed": signed,
                "plain": lambda: rows.append(count=True),
            }, plan, clock=time.perf_counter, seconds=0.05)
            lock.close()
            rows.close()
    except NoSuchPlace as error:
        return skipped(question, str(error))
    return turns.figure(question, "signed", "plain", bar=APPEND_BAR, note="wall clock, synced")


def appending(lock: Lock, owner: Owner) -> Callable[[], None]:
    """The lock's own record of an opening under a key whose uses are counted."""
    key = owner.chain_of_three()
    verified = verify_chain(read_chain(key.wire), owner.site.chain_keys())
    count = Count(CountKind.USES, key.leaf.id, key.leaf.id, 0, key.leaf.exp)
    granted = Granted(verified, Command.UNLOCK, Towards.DRAWN, (count,))
    about = {**about_key(verified), About.COMMAND: 1, About.COMMAND_ID: secrets.token_bytes(8)}

    def once() -> None:
        with lock.store.change() as change:
            lock.recorder.decided(change, granted, about)
        lock.store.tidy()

    return once


# --- proving ------------------------------------------------------------------------------------


def prove(plan: Plan) -> list[Figure]:
    """A million equal entries: each level of the tree is one hash, but for the right edge."""
    leaf = leaf_hash(b"")
    levels = [leaf]
    while len(levels) < MILLION.bit_length():
        levels.append(node_hash(levels[-1], levels[-1]))
    tree = Frontier.decode(MILLION.to_bytes(8, "big") + b"".join(
        levels[at] for at in reversed(range(MILLION.bit_length())) if MILLION >> at & 1))
    root = tree.root()
    proofs = [
        inclusion_proof(index, MILLION, lambda level, _: levels[level])
        for index in range(0, MILLION, MILLION // 500)]
    for number, proof in enumerate(proofs):
        verify_inclusion(leaf, number * (MILLION // 500), MILLION, root, proof)
    small = 1000
    turns = in_turns({
        "million": lambda: inclusion_proof(MILLION // 3, MILLION, lambda level, _: levels[level]),
        "thousand": lambda: inclusion_proof(small // 3, small, lambda level, _: levels[level]),
    }, plan)
    return [
        Figure("hashes in a proof from a log of 1,000,000", max(map(len, proofs)), "", PROOF_BAR),
        turns.figure("time to prove there, over a log of 1,000", "million", "thousand"),
    ]


# --- auditing -----------------------------------------------------------------------------------


def audits(plan: Plan) -> list[Figure]:
    """A door's ordinary log, then the two ends: a head for each opening, and for each page."""
    count, fewer = plan.count(AUDITED, 1000), plan.count(SHORTER, 500)
    question = f"audit of {count:,} entries over bare hashing and signatures"
    return [
        audited(plan, count, DAY_AT_A_DOOR, question, AUDIT_BAR),
        audited(plan, fewer, OPENINGS_ALONE, "the same where every second entry has a head"),
        audited(plan, fewer, PAGE, "the same where one in 64 has"),
    ]


def audited(
    plan: Plan, count: int, each: int, question: str, bar: float | None = None) -> Figure:
    owner = Owner()
    with tempfile.TemporaryDirectory() as folder:
        lock = commissioned(owner, Path(folder))
        rows, key = logged(owner, lock, count, each), lock.secrets.signing.public
        export = b"".join(exported(rows))
        lock.close()
    found = audit(export, key)
    assert found.fault is None
    assert found.size == len(rows)
    bodies = [body for _, body, _ in rows]
    heads = [parse(HEAD, head) for _, _, head in rows if head]
    turns = in_turns({
        "audit": lambda: audit(export, key),
        "bare": lambda: bare_audit(bodies, heads, key),
    }, plan)
    per_entry = show_time(turns.median("audit") / len(rows))
    note = f"{per_entry} an entry; {len(rows):,} entries, {len(heads):,} heads"
    return turns.figure(question, "audit", "bare", bar=bar, note=note)


Row = tuple[int, bytes, bytes | None]


def logged(owner: Owner, lock: Lock, count: int, each: int) -> list[Row]:
    """Openings until there are `count` entries: a sealed one and `each` - 1 others after it."""
    key = owner.chain_of_three()
    verified = verify_chain(read_chain(key.wire), owner.site.chain_keys())
    granted = Granted(verified, Command.UNLOCK, Towards.DRAWN)
    about = {**about_key(verified), About.COMMAND: 1, About.COMMAND_ID: secrets.token_bytes(8)}
    with lock.store.change() as change:
        while change.size < count:
            cause = lock.recorder.decided(change, granted, about).index
            for _ in range(each - 1):
                moved = {About.STATE: "unlocked", About.CAUSE: cause}
                lock.recorder.write(change, Kind.MOVED, moved)
        lock.recorder.decided(change, granted, about)  # so that a head covers the end
    return lock.store.entries(0, lock.store.size)


def exported(rows: list[Row]) -> Iterator[bytes]:
    """What `mortice log export` writes: each entry, and its head where it has one."""
    yield MAGIC
    for _, body, head in rows:
        yield entry_frame(body, leaf_hash(body))
        if head:
            yield frame(HEAD_FRAME, head)


def bare_audit(bodies: list[bytes], heads: list[Document], lock: PublicKey) -> None:
    """The tree's hashes, a leaf and a node for each entry, and each head's signature; no more."""
    sha256 = hashlib.sha256
    for body in bodies:
        sha256(sha256(body).digest() + NODE).digest()
    for head in heads:
        lock.verify(head.signature, head.signed_bytes)
