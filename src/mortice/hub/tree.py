"""The Merkle trees of kept logs: leaf hashes and nodes, read back with few rows (C2SP tlog-tiles).

A tile holds 256 neighbouring hashes. At level 0 a tile is written when it is full, and until then
its hashes are made from the entries; above, a tile grows by one hash whenever one below is full. A
tile outlives the entries under it, so a log whose old entries were deleted proves what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

from sqlalchemy import Connection, select, text

from mortice.core.errors import Untrusted
from mortice.core.merkle import HASH_BYTES, NODE, Frontier, Node, inclusion_proof, leaf_hash
from mortice.hub.tables import LogEntry, Tile

TILE_BITS = 8
TILE = 1 << TILE_BITS
PUT = text(
    "INSERT INTO tiles (log_id, level, number, hashes) VALUES (:log_id, :level, :number, :hashes) "
    "ON CONFLICT (log_id, level, number) DO UPDATE SET hashes = excluded.hashes")


def split(hashes: bytes) -> list[bytes]:
    """The hashes that stand side by side in a tile."""
    return [hashes[at:at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def fold(hashes: list[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [sha256(NODE + left + right).digest() for left, right in
                  zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def _tile(db: Connection, log_id: int, level: int, number: int) -> list[bytes]:
    found = db.execute(select(Tile.hashes).where(
        Tile.log_id == log_id, Tile.level == level, Tile.number == number)).scalar()
    return split(found) if found else []


def _leaves(db: Connection, log_id: int, number: int) -> list[bytes]:
    """The leaf hashes of tile `number`, as many as there are."""
    hashes = _tile(db, log_id, 0, number)
    if len(hashes) < TILE:
        hashes += entry_hashes(db, log_id, number * TILE + len(hashes), (number + 1) * TILE)
    return hashes


def entry_hashes(db: Connection, log_id: int, start: int, end: int) -> list[bytes]:
    """Leaf hashes made from the entries themselves. Raises Malformed if one between is gone."""
    rows = db.execute(select(LogEntry.number, LogEntry.body).where(
        LogEntry.log_id == log_id, LogEntry.number >= start, LogEntry.number < end)
        .order_by(LogEntry.number)).all()
    if [row.number for row in rows] != list(range(start, start + len(rows))):
        raise Untrusted("L6", f"an entry after {start} is missing from the hub's own records")
    return [leaf_hash(row.body) for row in rows]


def leaf_hashes(db: Connection, log_id: int, start: int, end: int) -> list[bytes]:
    """The leaf hashes of entries `start` to `end` (without)."""
    first = start >> TILE_BITS
    hashes = [hashed for number in range(first, (end + TILE - 1) >> TILE_BITS)
              for hashed in _leaves(db, log_id, number)]
    return hashes[start - first * TILE:end - first * TILE]


def nodes(db: Connection, log_id: int) -> Node:
    """What core.merkle asks for the nodes of a log's tree."""

    @lru_cache(maxsize=64)  # a proof comes back to each of its few tiles
    def tile(level: int, number: int) -> list[bytes]:
        if level == 0:
            return _leaves(db, log_id, number)
        return _tile(db, log_id, level, number)

    def node(level: int, index: int) -> bytes:
        high, low = divmod(level, TILE_BITS)
        start = index << low
        hashes = tile(high, start >> TILE_BITS)
        at = start % TILE
        return fold(hashes[at:at + (1 << low)])

    return node


def tree_at(size: int, node: Node) -> Frontier:
    """The frontier of a log's first `size` entries."""
    roots, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            roots.append(node(level, start >> level))
            start += 1 << level
    return Frontier.decode(size.to_bytes(8, "big") + b"".join(roots))


def proof(db: Connection, log_id: int, number: int, size: int) -> list[bytes]:
    """The inclusion proof of entry `number` in the log of `size` entries."""
    return inclusion_proof(number, size, nodes(db, log_id))


# --- writing --------------------------------------------------------------------------------------

Tiles = dict[tuple[int, int], list[bytes]]  # level and number of each, and its hashes
Tails = list[list[bytes]]  # for each level, the hashes that no full tile holds yet


def tails_of(db: Connection, log_id: int, size: int) -> Tails:
    """What a log of `size` entries needs in mind to grow."""
    tails = [leaf_hashes(db, log_id, size - size % TILE, size)]
    while size := size >> TILE_BITS:
        tails.append(_tile(db, log_id, len(tails), size >> TILE_BITS)[:size % TILE])
    return tails


def grow(
    tails: Tails, size: int, hashes: list[bytes], tops: Mapping[tuple[int, int], bytes],
    level: int = 0,
) -> Tiles:
    """The tiles that change when `hashes` follow the first `size` of a level, and of those above.

    `tops` has the nodes over tiles that become full; `tails`, what is needed to grow further.
    """
    if level == len(tails):
        tails.append([])
    tail, number = tails[level] + hashes, size >> TILE_BITS
    full = len(tail) >> TILE_BITS
    tiles = {(level, number + at): tail[at * TILE:(at + 1) * TILE] for at in range(full)}
    rest = tails[level] = tail[full * TILE:]
    if level and rest:
        tiles[level, number + full] = rest
    if not full:
        return tiles
    above = [tops[(level + 1) * TILE_BITS, number + at] for at in range(full)]
    return tiles | grow(tails, size >> TILE_BITS, above, tops, level + 1)


def put_tiles(db: Connection, tiles: dict[int, Tiles]) -> None:
    """Write tiles of some logs, over those that they continue."""
    rows = [{"log_id": log_id, "level": level, "number": number, "hashes": b"".join(hashes)}
            for log_id, some in tiles.items() for (level, number), hashes in some.items()]
    if rows:
        db.execute(PUT, rows)


def keep_leaves(db: Connection, log_id: int, end: int) -> None:
    """Before entries below `end` go: their leaf hashes, where no tile has them yet."""
    number = end >> TILE_BITS
    if end % TILE > len(_tile(db, log_id, 0, number)):
        hashes = leaf_hashes(db, log_id, number * TILE, end)
        put_tiles(db, {log_id: {(0, number): hashes}})
