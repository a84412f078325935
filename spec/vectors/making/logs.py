"""The lock's own log (spec/log.md). Checks M1 to M6 and L1 to L10."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, untrusted
from making.cast import LOCK_KEY, NOW, OTHER_LOCK, drawn
from making.plain import Key, cbor, consistency, inclusion, leaf_hash, root, sign

HEAD_KIND, RECEIPT_KIND = "mortice-head/1", "mortice-receipt/1"
STARTED, GRANTED, REFUSED, MOVED = 1, 2, 3, 4
LEAF, COMMAND_ID = drawn("a leaf", 16), drawn("a command", 8)
MAGIC = b"mortice-log/1\n"


def entry(index: int, kind: int = GRANTED, about: Any = None, **changed: Any) -> bytes:  # noqa: ANN401
    """One entry; each a minute after the one before."""
    parts = {
        "index": index, "at": NOW + 60 * index, "time": 0, "uptime": 1000 + 60 * index,
        "kind": kind,
        "about": {1: LEAF, 2: 1} if about is None else about, "salt": drawn(f"salt {index}", 16),
    } | changed
    return cbor(list(parts.values()))


ENTRIES = [
    entry(0, STARTED, {6: "locked"}), entry(1), entry(2, MOVED, {5: 1, 6: "unlocked"}),
    entry(3, REFUSED, {1: LEAF, 2: 1, 3: 11, 4: "R7"}), entry(4), entry(5, MOVED, {5: 4,
                                                                                   6: "unlocked"}),
    entry(6, 6, {6: "open"}), entry(7, 6, {6: "closed"})]
LEAVES = [leaf_hash(one) for one in ENTRIES]


def head_bytes(
    size: int, key: Key = LOCK_KEY, *, leaves: list[bytes] | None = None, incarnation: int = 0,
) -> bytes:
    leaves = LEAVES if leaves is None else leaves
    return sign(HEAD_KIND, [incarnation, size, root(leaves[:size]), NOW + 60 * size], key).encoded


def receipt_bytes(over: int, key: Key = LOCK_KEY, index: int = 1, **changed: Any) -> bytes:  # noqa: ANN401
    """A receipt for entry `index` over a log of `over` entries."""
    parts = {
        "incarnation": 0, "entry": LEAVES[index % 8], "index": index, "size": over,
        "root": root(LEAVES[:over]), "leaf": LEAF, "command_id": COMMAND_ID, "result": 1,
        "at": NOW + 60 * over, "time": 0,
    } | changed
    return sign(RECEIPT_KIND, list(parts.values()), key).encoded


def cases() -> Iterator[Case]:
    yield from _entries()
    yield from _heads()
    yield from _receipts()
    yield from _inclusion()
    yield from _consistency()
    yield from _frontiers()
    yield from _exports()


def _entries() -> Iterator[Case]:
    def case(name: str, shows: str, encoded: bytes, expected: Fields) -> Case:
        return Case(f"log/{name}", shows, "entry", {"entry": encoded}, expected)

    yield case("entry", "A refusal, with its reason and its check.", ENTRIES[3],
               accepted(index=3, at=NOW + 180, kind=3, hash=LEAVES[3]))
    for name, encoded in (
            ("of-an-unknown-kind", entry(0, 200)), ("of-kind-0", entry(0, 0)),
            ("with-a-short-salt", entry(0, salt=bytes(15))), ("with-a-negative-time", entry(0,
                                                                                            at=-1)),
            ("with-an-unknown-time-state", entry(0, time=3)), ("about-nothing", entry(0,
                                                                                      about=b"")),
            ("in-six-parts", cbor([0, NOW, 0, 0, 1, {}])), ("as-a-map", cbor({}))):
        yield case(f"entry-{name}", "An entry has seven parts within bounds.", encoded,
                   malformed("L1"))


def _heads() -> Iterator[Case]:
    def case(name: str, shows: str, encoded: bytes, expected: Fields) -> Case:
        return Case(f"log/{name}", shows, "head", {
            "document": encoded, "lock": cbor(LOCK_KEY.cose)}, expected)

    yield case("head", "A lock signs size and root.", head_bytes(8),
               accepted(incarnation=0, size=8, root=root(LEAVES), at=NOW + 480))
    yield case("head-of-another-lock", "Another lock's log.", head_bytes(8, OTHER_LOCK),
               untrusted("L2"))
    forged = sign(HEAD_KIND, [0, 8, root(LEAVES), NOW], OTHER_LOCK, kid=LOCK_KEY.id)
    yield case("head-under-a-borrowed-name", "Another lock under this one's id.", forged.encoded,
               untrusted("K8"))
    yield case("head-in-three-parts", "A head has four parts.",
               sign(HEAD_KIND, [0, 8, root(LEAVES)], LOCK_KEY).encoded, malformed("L1"))
    yield case("head-with-a-short-root", "A root has 32 bytes.",
               sign(HEAD_KIND, [0, 8, bytes(31), NOW], LOCK_KEY).encoded, malformed("L1"))
    yield case("receipt-shown-as-a-head", "The kind is signed.",
               sign(RECEIPT_KIND, [0, 8, root(LEAVES), NOW], LOCK_KEY).encoded, untrusted("K8"))


def _receipts() -> Iterator[Case]:
    def case(name: str, shows: str, encoded: bytes, expected: Fields) -> Case:
        return Case(f"log/{name}", shows, "receipt", {
            "document": encoded, "lock": cbor(LOCK_KEY.cose)}, expected)

    yield case("receipt", "The lock's word that a command was recorded, and how it ended.",
               receipt_bytes(3), accepted(index=1, size=3, leaf=LEAF, command_id=COMMAND_ID,
                                          result=1))
    yield case("receipt-of-another-lock", "Another lock's word.", receipt_bytes(3, OTHER_LOCK),
               untrusted("L2"))
    for name, changed in (
            ("of-an-unknown-result", {"result": 6}), ("of-an-empty-log", {"size": 0}),
            ("with-a-short-leaf", {"leaf": LEAF[:15]}), ("with-a-short-hash",
                                                         {"entry": bytes(31)})):
        yield case(f"receipt-{name}", "A receipt has ten parts within bounds.",
                   receipt_bytes(3, **changed), malformed("L1"))


def _inclusion() -> Iterator[Case]:
    def case(
        name: str, shows: str, index: int, size: int, proof: list[bytes], expected: Fields, *,
        leaf: bytes | None = None,
    ) -> Case:
        given = {"leaf": LEAVES[index % 8] if leaf is None else leaf, "index": index, "size": size,
                 "root": root(LEAVES[:size]), "proof": proof}
        return Case(f"log/{name}", shows, "inclusion", given, expected)

    for index, size in ((0, 1), (0, 8), (5, 8), (6, 7), (4, 5), (2, 3)):
        yield case(f"entry-{index}-of-{size}", "An entry is in the log.", index, size,
                   inclusion(index, LEAVES[:size]), accepted())
    good = inclusion(5, LEAVES)
    yield case("entry-beyond-the-log", "A log of eight has no entry 8.", 8, 8, good,
               untrusted("M1"))
    yield case("proof-a-hash-short", "Index and size say how many hashes.", 5, 8, good[:-1],
               untrusted("M2"))
    yield case("proof-a-hash-long", "Index and size say how many hashes.", 5, 8, [*good, good[0]],
               untrusted("M2"))
    yield case("proof-with-a-short-hash", "A hash has 32 bytes.", 5, 8, [good[0][:31], *good[1:]],
               untrusted("M2"))
    yield case("proof-of-a-neighbour", "Another entry's proof.", 5, 8, inclusion(4, LEAVES),
               untrusted("M3"))
    yield case("proof-in-another-order", "The lowest hash first.", 5, 8, good[::-1],
               untrusted("M3"))
    yield case("proof-of-a-changed-entry", "The entry was changed.", 5, 8, good, untrusted("M3"),
               leaf=leaf_hash(entry(5)))
    yield case("node-shown-as-an-entry", "A leaf and a node are hashed differently.", 0, 4,
               [*inclusion(0, [root(LEAVES[at:at + 2]) for at in (0, 2, 4, 6)])], untrusted("M3"),
               leaf=root(LEAVES[:2]))


def _consistency() -> Iterator[Case]:
    def case(
        name: str, shows: str, sizes: tuple[int, int], proof: list[bytes], expected: Fields,
        roots: tuple[bytes, bytes] | None = None,
    ) -> Case:
        old_root, new_root = roots or (root(LEAVES[:sizes[0]]), root(LEAVES[:sizes[1]]))
        given = {"old": sizes[0], "new": sizes[1], "old_root": old_root, "new_root": new_root,
                 "proof": proof}
        return Case(f"log/{name}", shows, "consistency", given, expected)

    for old, new in ((1, 8), (3, 7), (4, 8), (6, 8), (7, 8)):
        yield case(f"log-of-{old}-begins-log-of-{new}", "Nothing was changed, only added.",
                   (old, new), consistency(old, LEAVES[:new]), accepted())
    yield case("log-of-nothing-begins-every-log", "Every log begins with the empty one.", (0, 8),
               [],
               accepted())
    yield case("log-begins-itself", "Each log begins with itself.", (8, 8), [], accepted())
    good = consistency(3, LEAVES[:7])
    other = [*LEAVES[:2], leaf_hash(b"another"), *LEAVES[3:7]]
    yield case("old-log-larger-than-new", "A log does not shrink.", (8, 7), [], untrusted("M1"),
               (root(LEAVES), root(LEAVES[:7])))
    yield case("consistency-a-hash-short", "The sizes say how many hashes.", (3, 7), good[:-1],
               untrusted("M2"))
    yield case("consistency-with-another-old-root", "Another log came before.", (3, 7), good,
               untrusted("M4"), (root(other[:3]), root(LEAVES[:7])))
    yield case("empty-log-with-another-root", "The empty log has one root.", (0, 8), [],
               untrusted("M4"), (bytes(32), root(LEAVES)))
    yield case("consistency-with-another-new-root", "Another log came after.", (3, 7), good,
               untrusted("M5"), (root(LEAVES[:3]), root(other)))
    yield case("two-logs-of-one-size", "Two signed roots of one size show that a lock lied.", (7,
                                                                                               7),
               [], untrusted("M5"), (root(LEAVES[:7]), root(other)))


def _frontiers() -> Iterator[Case]:
    def frontier(size: int) -> bytes:
        at, parts = 0, b""
        for bit in reversed(range(size.bit_length())):
            if size >> bit & 1:
                parts += root(LEAVES[at:at + (1 << bit)])
                at += 1 << bit
        return size.to_bytes(8, "big") + parts

    def case(name: str, shows: str, encoded: bytes, expected: Fields) -> Case:
        return Case(f"log/{name}", shows, "frontier", {"frontier": encoded}, expected)

    for size in (0, 1, 7, 8):
        yield case(f"frontier-of-{size}", "What a log needs in order to grow.", frontier(size),
                   accepted(size=size, root=root(LEAVES[:size])))
    yield case("frontier-a-hash-short", "One root for each complete subtree.", frontier(7)[:-32],
               malformed("M6"))
    yield case("frontier-of-too-many", "No database holds so many.",
               (1 << 63).to_bytes(8, "big") + bytes(32), malformed("M6"))
    yield case("frontier-of-seven-bytes", "The size has 8 bytes.", bytes(7), malformed("M6"))


# --- exported logs ------------------------------------------------------------------------------


def line(letter: str, body: bytes) -> bytes:
    return struct.pack(">BI", ord(letter), len(body)) + body


def entry_line(encoded: bytes) -> bytes:
    return line("E", leaf_hash(encoded) + encoded)


LINES = [entry_line(one) for one in ENTRIES]
MIDDLE, END = line("H", head_bytes(4)), line("H", head_bytes(8))
PROOF = line("R", receipt_bytes(3))
WHOLE = [MAGIC, *LINES[:3], PROOF, LINES[3], MIDDLE, *LINES[4:], END]


def _export(name: str, shows: str, lines: list[bytes], expected: Fields) -> Case:
    given = {"export": b"".join(lines), "lock": cbor(LOCK_KEY.cose)}
    return Case(f"log/{name}", shows, "export", given, expected)


def fault(check: str, at: int | None) -> Fields:
    return {"class": "fault", "check": check, "entry": at}


def _exports() -> Iterator[Case]:
    yield _export("export", "Eight entries, two signed heads and a receipt.", WHOLE,
                  accepted(size=8, heads=2, receipts=1, root=root(LEAVES)))
    yield _export("export-of-an-empty-log", "Nothing is nothing less.", [MAGIC],
                  accepted(size=0, heads=0, receipts=0, root=root([])))
    changed = entry(5, MOVED, {5: 4, 6: "locked"})
    as_recorded = line("E", LEAVES[5] + changed)
    yield _export("export-with-an-entry-changed", "An entry says something else.",
                  [*WHOLE[:8], as_recorded, *WHOLE[9:]], fault("L5", 5))
    yield _export("export-with-an-entry-and-its-hash-changed", "The head's root does not fit.",
                  [*WHOLE[:8], entry_line(changed), *WHOLE[9:]], fault("L8", None))
    one_head_each = [MAGIC, LINES[0], line("H", head_bytes(1)), entry_line(entry(1, 3)),
                     line("H", head_bytes(2))]
    yield _export("export-with-the-one-entry-below-a-head-changed", "Then the entry can be named.",
                  one_head_each, fault("L8", 1))
    yield _export("export-with-an-entry-removed", "Entry 6 stands where 5 should.",
                  [*WHOLE[:8], *WHOLE[9:]], fault("L6", 5))
    yield _export("export-with-an-entry-twice", "Entry 5 stands where 6 should.",
                  [*WHOLE[:9], WHOLE[8], *WHOLE[9:]], fault("L6", 6))
    yield _export("export-with-two-entries-exchanged", "The order is the log's.",
                  [*WHOLE[:8], WHOLE[9], WHOLE[8], *WHOLE[10:]], fault("L6", 5))
    yield _export("export-with-its-end-cut", "The last two entries are gone.", [*WHOLE[:9], END],
                  fault("L7", 6))
    yield _export("export-with-end-and-head-cut", "No head covers what is left.", WHOLE[:9],
                  fault("L9", 4))
    yield _export("export-with-a-receipt-beyond-its-end", "A receipt proves more than is here.",
                  [*WHOLE[:7], PROOF, line("R", receipt_bytes(8))], fault("L7", 4))
    other = [*LEAVES[:1], leaf_hash(entry(1, 3)), *LEAVES[2:3]]
    elsewhere = receipt_bytes(3, root=root(other), entry=other[1])
    yield _export("export-with-a-receipt-for-another-entry", "The lock signed another entry 1.",
                  [*WHOLE[:4], line("R", elsewhere), *WHOLE[5:]], fault("L10", 1))
    yield _export("export-of-another-lock", "The heads are another lock's.",
                  [*WHOLE[:6], line("H", head_bytes(4, OTHER_LOCK)), *WHOLE[7:]], fault("L2", 4))
    forged = sign(HEAD_KIND, [0, 4, root(LEAVES[:4]), NOW], OTHER_LOCK, kid=LOCK_KEY.id).encoded
    yield _export("export-with-a-forged-head", "A head that the lock did not sign.",
                  [*WHOLE[:6], line("H", forged), *WHOLE[7:]], fault("K8", 4))
    yield _export("export-with-a-head-too-late", "A head stands at its own size.",
                  [*WHOLE[:8], MIDDLE, *WHOLE[8:]], fault("L8", None))
    yield from _selections()
    yield from _broken_exports()


def _selections() -> Iterator[Case]:
    """Some entries, and nodes in place of the rest."""
    def node(level: int, *leaves: bytes) -> bytes:
        return line("N", bytes([level]) + root(list(leaves)))

    first, pair, last = node(2, *LEAVES[:4]), node(1, *LEAVES[4:6]), node(0, LEAVES[7])
    taken = accepted(size=8, heads=1, receipts=0, root=root(LEAVES))
    yield _export("export-of-one-entry-among-nodes", "Entry 6, and three nodes for seven others.",
                  [MAGIC, first, pair, LINES[6], last, END], taken)
    yield _export("export-with-a-receipt-within-a-node", "It cannot be compared, nor counted.",
                  [MAGIC, PROOF, first, pair, LINES[6], last, END], taken)
    yield _export("export-with-a-receipt-at-a-node", "Here it can.",
                  [MAGIC, line("R", receipt_bytes(4)), first, pair, LINES[6], last, END],
                  accepted(size=8, heads=1, receipts=1, root=root(LEAVES)))
    yield _export("export-with-the-one-entry-changed", "Nodes hide nothing of what is shown.",
                  [MAGIC, first, pair, entry_line(entry(6, 3)), last, END], fault("L8", None))
    yield _export("export-with-a-node-of-another-log", "Nodes are covered by the head.",
                  [MAGIC, first, node(1, *LEAVES[5:7]), LINES[6], last, END], fault("L8", None))
    yield _export("export-with-a-node-where-none-begins", "Four entries never begin at the second.",
                  [MAGIC, LINES[0], node(2, *LEAVES[1:5]), *LINES[5:], END], fault("L11", 1))
    yield _export("export-with-a-node-a-byte-short", "A level, and a hash.",
                  [MAGIC, line("N", bytes(32)), END], fault("L11", 0))
    yield _export("export-with-a-node-of-level-63", "No log is so long.",
                  [MAGIC, line("N", bytes([63]) + bytes(32)), END], fault("L11", 0))
    yield _export("export-with-nodes-and-its-end-cut", "The last entry is gone.",
                  [MAGIC, first, pair, LINES[6], END], fault("L7", 7))


def _broken_exports() -> Iterator[Case]:
    yield _export("export-of-something-else", "This is no log.", [b"PK\x03\x04", *WHOLE[1:]],
                  fault("L4", None))
    yield _export("export-of-another-version", "A later version of the format.",
                  [b"mortice-log/2\n", *WHOLE[1:]], fault("L4", None))
    yield _export("export-that-stops-in-a-line", "The file is cut.", [*WHOLE[:-1], END[:3]],
                  fault("L4", 8))
    yield _export("export-that-stops-in-an-entry", "The file is cut.", [*WHOLE[:8], WHOLE[8][:-1]],
                  fault("L4", 5))
    yield _export("export-with-a-line-longer-than-a-message", "A length reserves nothing.",
                  [MAGIC, struct.pack(">BI", ord("E"), 1 << 31)], fault("L4", None))
    yield _export("export-with-an-unknown-line", "A line that is passed over could hide one.",
                  [*WHOLE[:7], line("T", b"title"), *WHOLE[7:]], fault("L4", None))
    yield _export("export-with-an-entry-of-an-unknown-kind", "An entry is read as well as hashed.",
                  [MAGIC, entry_line(entry(0, 200))], fault("L1", None))
