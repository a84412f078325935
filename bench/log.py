"""What do signing, proving and auditing add to a plain log?

Appending: lockd's own transaction, with entry, tree, head, signature and a count, against the same
rows put into the same kind of database unsigned, both on a disk and synced. Proving: a log of a
million entries. Auditing: an export against hashing, decoding and verifying alone.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from bench.measure import Figure, Plan, in_turns, show_time, skipped
from bench.places import NoSuchPlace, disk_folder
from bench.world import DAY, Owner, commissioned, new_key
from mortice.core import cbor
from mortice.core.document import parse
from mortice.core.keys import SoftwareKey
from mortice.core.log import (
    HEAD,
    HEAD_FRAME,
    MAGIC,
    About,
    Entry,
    Head,
    Kind,
    audit,
    entry_frame,
    frame,
    sign_head,
)
from mortice.core.merkle import Frontier, inclusion_proof, leaf_hash, node_hash, verify_inclusion
from mortice.core.stages import Count, CountKind, TimeState
from mortice.lockd.daemon import Lock

APPEND_BAR, AUDIT_BAR, PROOF_BAR = 1.5, 3.0, 20
MILLION = 1_000_000
AUDITED = 20_000  # entries
AS_KEPT, SPARSE = 2, 64  # entries for each signed head: an opening and its outcome; a page of the log


def ask(plan: Plan) -> list[Figure]:
    return [
        append(plan),
        *prove(plan),
        audits(plan, AS_KEPT, "a head an opening", AUDIT_BAR),
        audits(plan, SPARSE, "a head a page", None),
    ]


# --- appending ----------------------------------------------------------------------------------


def append(plan: Plan) -> Figure:
    question = "durable signed append with a count, over the same rows unsigned"
    try:
        with disk_folder() as folder:
            owner = Owner()
            lock = commissioned(owner, folder / "signed")
            turns = in_turns({
                "signed": appending(lock, owner),
                "plain": appending_unsigned(folder / "plain.db"),
            }, plan, clock=time.perf_counter, seconds=0.05)
            lock.close()
    except NoSuchPlace as error:
        return skipped(question, str(error))
    return turns.figure(question, "signed", "plain", bar=APPEND_BAR, note="wall clock, synced")


def appending(lock: Lock, owner: Owner) -> Callable[[], None]:
    links = [secrets.token_bytes(16) for _ in range(3)]
    about = {About.LEAF: links[2], About.READER: 0, About.LINKS: links[:2], About.COMMAND: 1,
             About.COMMAND_ID: secrets.token_bytes(8)}
    count = Count(CountKind.USES, links[2], links[2], 0, owner.now + DAY)

    def once() -> None:
        with lock.store.change() as change:
            lock.recorder.write(change, Kind.GRANTED, about, seal=True)
            change.count(count)
        lock.store.tidy()

    return once


def appending_unsigned(place: Path) -> Callable[[], None]:
    """The same rows in the same tables, made beforehand; settings as the lock's store has them."""
    database = sqlite3.connect(place, isolation_level=None)
    for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL",
                    "wal_autocheckpoint=0", "temp_store=MEMORY"):
        database.execute(f"PRAGMA {setting}")
    database.executescript(files("mortice.lockd").joinpath("schema.sql").read_text("utf-8"))
    link, body, head, frontier = (secrets.token_bytes(n) for n in (16, 120, 170, 200))
    tree, done = Frontier(), 0

    def once() -> None:
        nonlocal done
        database.execute("BEGIN IMMEDIATE")
        index = tree.size
        database.execute("INSERT INTO entry (idx, body, seal) VALUES (?, ?, ?)", (index, body, head))
        nodes = tree.append(body[:32])
        if nodes:
            database.executemany("INSERT INTO node (level, idx, hash) VALUES (?, ?, ?)", nodes)
        database.execute(
            "INSERT INTO uses (link, n, expires) VALUES (?, 1, ?) "
            "ON CONFLICT (link) DO UPDATE SET n = n + 1", (link, DAY))
        database.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", ("frontier", frontier))
        database.execute("COMMIT")
        done += 1
        if done % 200 == 0:  # as often as the lock tidies up
            database.execute("PRAGMA wal_checkpoint(RESTART)")

    return once


# --- proving ------------------------------------------------------------------------------------


def prove(plan: Plan) -> list[Figure]:
    """A million equal entries: each level of the tree is one hash, the incomplete right edge apart."""
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


def audits(plan: Plan, each: int, kind: str, bar: float | None) -> Figure:
    question = f"audit of {plan.count(AUDITED, 2000):,} entries, {kind}, over bare"
    lock, count = new_key(), plan.count(AUDITED, 2000)
    entries, heads, export = exported(lock, count, each)
    found = audit(export, lock.public)
    assert found.fault is None
    assert found.size == count
    decode, name = decoder()
    turns = in_turns({
        "audit": lambda: audit(export, lock.public),
        "bare": lambda: bare_audit(entries, heads, lock, decode),
    }, plan)
    per_entry = show_time(turns.median("audit") / count)
    return turns.figure(
        question, "audit", "bare", bar=bar, note=f"{per_entry} an entry; bare decodes with {name}")


def exported(lock: SoftwareKey, count: int, each: int) -> tuple[list[bytes], list[bytes], bytes]:
    """Entries, heads, and the export of both: `each` entries, then their head."""
    tree, entries, heads, parts = Frontier(), [], [], [MAGIC]
    links = [secrets.token_bytes(16) for _ in range(3)]
    for index in range(count):
        about: dict[int | str, cbor.Value] = {
            1: links[2], 2: 1, 7: [links[0], links[1]], 8: 0, 14: secrets.token_bytes(8)}
        entry = Entry(
            index, 1_795_478_400 + index, TimeState.SYNCED, index, Kind.GRANTED, about,
            secrets.token_bytes(16)).encode()
        tree.append(leaf_hash(entry))
        entries.append(entry)
        parts.append(entry_frame(entry, leaf_hash(entry)))
        if index % each == each - 1 or index == count - 1:
            heads.append(sign_head(Head(0, tree.size, tree.root(), 1_795_478_400 + index), lock))
            parts.append(frame(HEAD_FRAME, heads[-1]))
    return entries, heads, b"".join(parts)


def bare_audit(
    entries: list[bytes], heads: list[bytes], lock: SoftwareKey,
    decode: Callable[[bytes], object],
) -> None:
    """Hash and decode each entry, verify each head; no tree, no comparison."""
    for entry in entries:
        hashlib.sha256(entry).digest()
        decode(entry)
    for head in heads:
        document = parse(HEAD, head)
        lock.public.verify(document.signature, document.signed_bytes)


def decoder() -> tuple[Callable[[bytes], object], str]:
    """The fastest decoder at hand: a compiled one where it is installed, else our own."""
    try:
        import cbor2  # noqa: PLC0415 — may be absent
    except ImportError:
        return cbor.decode, "ours"
    return cbor2.loads, "cbor2"
