"""The floor of the lock's log: the same rows in the same tables, settings and order, unsigned.

The entry is encoded by a compiled encoder and hashed into a tree, because its nodes are rows; what
else is written was made beforehand.
"""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from bench.primitives import encode
from mortice.core.merkle import Frontier, leaf_hash
from mortice.lockd.store import SCHEMA

SETTINGS = ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL",
            "wal_autocheckpoint=0", "temp_store=MEMORY")  # as lockd/store.py has them
TIDIED = 200  # transactions between checkpoints, as often as the lock tidies up


class BareRows:
    """A database like the lock's, written to by hand."""

    def __init__(self, place: Path, entry: object, head: bytes) -> None:
        """`entry` is what is recorded each time, and `head` is kept with it."""
        self._database = sqlite3.connect(place, isolation_level=None)
        for setting in SETTINGS:
            self._database.execute(f"PRAGMA {setting}")
        self._database.executescript(SCHEMA.read_text("utf-8"))
        self._entry, self._head = entry, head
        self._link = secrets.token_bytes(16)
        self._tree, self._done = Frontier(), 0

    def append(self, *, head: bool = True, count: bool = False) -> None:
        """One transaction: an entry, its head, the nodes and the frontier, and perhaps a count."""
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        body = encode(self._entry)
        run("INSERT INTO entry (idx, body, seal) VALUES (?, ?, ?)",
            (self._tree.size, body, self._head if head else None))
        nodes = self._tree.append(leaf_hash(body))
        if nodes:
            insert = "INSERT INTO node (level, idx, hash) VALUES (?, ?, ?)"
            self._database.executemany(insert, nodes)
        if count:
            run("INSERT INTO uses (link, n, expires) VALUES (?, 1, ?) "
                "ON CONFLICT (link) DO UPDATE SET n = n + 1", (self._link, 1))
        run("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
            ("frontier", self._tree.encode()))
        run("COMMIT")
        self._done += 1
        if self._done % TIDIED == 0:
            run("PRAGMA wal_checkpoint(RESTART)")

    def close(self) -> None:
        self._database.close()
