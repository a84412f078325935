"""The floor of the lock's log: the same rows in the same tables, settings and order, unsigned.

What is written was made beforehand; only the tree is kept up, because its nodes are rows.
"""

from __future__ import annotations

import secrets
import sqlite3
from importlib.resources import files
from pathlib import Path

from mortice.core.merkle import Frontier

SETTINGS = ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL",
            "wal_autocheckpoint=0", "temp_store=MEMORY")  # as lockd/store.py has them
TIDIED = 200  # transactions between checkpoints, as often as the lock tidies up


class BareRows:
    """A database like the lock's, written to by hand."""

    def __init__(self, place: Path, *, body: int = 120, head: int = 170) -> None:
        """`body` and `head` are the bytes of an entry and of its signed head."""
        self._database = sqlite3.connect(place, isolation_level=None)
        for setting in SETTINGS:
            self._database.execute(f"PRAGMA {setting}")
        schema = files("mortice.lockd").joinpath("schema.sql").read_text("utf-8")
        self._database.executescript(schema)
        self._body, self._head = secrets.token_bytes(body), secrets.token_bytes(head)
        self._link = secrets.token_bytes(16)
        self._tree, self._done = Frontier(), 0

    def append(self, *, head: bool = True, count: bool = False) -> None:
        """One transaction: an entry, its head, the nodes and the frontier, and perhaps a count."""
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        run("INSERT INTO entry (idx, body, seal) VALUES (?, ?, ?)",
            (self._tree.size, self._body, self._head if head else None))
        nodes = self._tree.append(self._body[:32])
        if nodes:
            self._database.executemany("INSERT INTO node (level, idx, hash) VALUES (?, ?, ?)", nodes)
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
