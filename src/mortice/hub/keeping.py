"""Entries into the database in bulk: rows as tuples, without an object for each.

SQLite takes one prepared statement many times over, PostgreSQL a binary COPY. Either is a multiple
of what inserting rows one by one costs, and the hub takes entries of many locks at once.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from mortice.hub.ingest import Row
from mortice.hub.tables import LogEntry

if TYPE_CHECKING:
    from psycopg import Copy  # only a hub on PostgreSQL has it

COLUMNS = ("log_id", "number", "place_id", "at", "kind", "sort", "leaf", "body")  # as in Row

INSERT = f"INSERT INTO entries ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - names from above
BUFFER_BYTES = 1 << 20
CHUNK = 512  # rows in one piece of a COPY
# PostgreSQL's COPY, binary format: a count of columns, then each value behind its length.
BEGIN, END, NULL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff", b"\xff\xff\xff\xff"
NUMBERS, LENGTH = struct.Struct(">h" + "iq" * 6), struct.Struct(">i")
COPY = f"COPY entries ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"


class Rows:
    """Entries on their way into the database, within one transaction."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._copy: Copy | None = None
        self._open = ExitStack()

    def add(self, db: Session, rows: list[Row]) -> None:
        """Put `rows` in with the rest. PostgreSQL works on them while more are verified here."""
        self._rows += rows
        if len(self._rows) >= CHUNK and db.get_bind().dialect.name == "postgresql":
            self._send(db)

    def _send(self, db: Session) -> None:
        if self._copy is None:
            driver: Any = db.connection().connection.driver_connection
            _widen(driver.pgconn.socket)
            self._copy = self._open.enter_context(
                self._open.enter_context(driver.cursor()).copy(COPY))
            self._copy.write(BEGIN)
        rows, self._rows = self._rows, []
        self._copy.write(b"".join(map(_packed, rows)))

    def settle(self, db: Session) -> None:
        """They are all in. Until then nothing else can be asked on this connection.

        Raises an error of the database if one was there already.
        """
        dialect = db.get_bind().dialect.name
        if self._rows and dialect == "postgresql":
            self._send(db)
        rows, self._rows = self._rows, []
        copy, self._copy = self._copy, None
        if copy is not None:
            copy.write(END)
            self._open.close()
        elif rows and dialect == "sqlite":
            db.connection().exec_driver_sql(INSERT, rows)
        elif rows:
            db.execute(insert(LogEntry), [dict(zip(COLUMNS, row, strict=True)) for row in rows])

    def drop(self) -> None:
        """Nothing of them is to happen."""
        self._rows, copy, self._copy = [], self._copy, None
        if copy is not None:
            with suppress(Exception):  # the connection has failed, or will be rolled back
                self._open.__exit__(RuntimeError, RuntimeError("given up"), None)


def _widen(number: int) -> None:
    """Let the kernel take a whole transaction's entries, so that nobody waits while it is read."""
    with socket.socket(fileno=os.dup(number)) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)


def _packed(row: Row) -> bytes:
    log_id, number, place_id, at, kind, sort, leaf, body = row
    return NUMBERS.pack(
        len(COLUMNS), 8, log_id, 8, number, 8, place_id, 8, at, 8, kind, 8, sort) + (
        NULL if leaf is None else LENGTH.pack(len(leaf)) + leaf) + LENGTH.pack(len(body)) + body


@dataclass(frozen=True, slots=True)
class Many:
    """One statement for many rows: SQLite does it for each, PostgreSQL at once over `given`."""

    columns: dict[str, str]  # names, and PostgreSQL's types
    each: str
    at_once: str

    def put(self, db: Session, rows: Sequence[Mapping[str, object]]) -> None:
        """Do it."""
        connection = db.connection()
        if rows and connection.dialect.name == "postgresql":
            arrays = ", ".join(f"%s::{kind}[]" for kind in self.columns.values())
            connection.exec_driver_sql(
                f"WITH given AS (SELECT * FROM unnest({arrays}) AS g({', '.join(self.columns)})) "  # noqa: S608 - names from this package
                + self.at_once, tuple([row[name] for row in rows] for name in self.columns))
        elif rows:
            connection.execute(text(self.each), rows)


HEADS = Many(
    {"log_id": "int8", "size": "int8", "head": "bytea"},
    "INSERT INTO heads (log_id, size, head) VALUES (:log_id, :size, :head)",
    "INSERT INTO heads (log_id, size, head) SELECT log_id, size, head FROM given")
GROWN = Many(
    {"log_id": "int8", "size": "int8", "frontier": "bytea", "incarnation": "int8",
     "head_size": "int8", "head": "bytea", "head_at": "int8"},
    "UPDATE logs SET size = :size, frontier = :frontier, incarnation = :incarnation, fault = NULL, "
    "head = COALESCE(:head, head), head_size = :head_size, head_at = COALESCE(:head_at, head_at) "
    "WHERE id = :log_id",
    "UPDATE logs l SET size = g.size, frontier = g.frontier, incarnation = g.incarnation, "
    "fault = NULL, head = COALESCE(g.head, l.head), head_size = g.head_size, "
    "head_at = COALESCE(g.head_at, l.head_at) FROM given g WHERE l.id = g.log_id")
USED = Many(
    {"leaf": "bytea", "log_id": "int8", "at": "int8"},
    "UPDATE door_keys SET used_at = :at WHERE key_id = (SELECT id FROM keys WHERE leaf = :leaf) "
    "AND door_id = (SELECT door_id FROM logs WHERE id = :log_id) "
    "AND (used_at IS NULL OR used_at < :at)",
    "UPDATE door_keys d SET used_at = g.at FROM given g JOIN keys k ON k.leaf = g.leaf "
    "JOIN logs l ON l.id = g.log_id WHERE d.key_id = k.id AND d.door_id = l.door_id "
    "AND (d.used_at IS NULL OR d.used_at < g.at)")
