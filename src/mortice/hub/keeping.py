"""Entries into the database in bulk: rows as tuples, without an object for each.

SQLite takes one prepared statement many times over, PostgreSQL a binary COPY. Either is a multiple
of what inserting rows one by one costs, and the hub takes entries of many locks at once.
"""

from __future__ import annotations

import struct
from contextlib import ExitStack, suppress
from typing import Any

from psycopg import Copy
from sqlalchemy import insert
from sqlalchemy.orm import Session

from mortice.hub.ingest import Row
from mortice.hub.tables import LogEntry

COLUMNS = Row._fields

INSERT = f"INSERT INTO entries ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - names from above
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
        if not rows:
            return
        connection = db.connection()
        if connection.dialect.name != "postgresql":
            self._rows += rows
            return
        if self._copy is None:
            driver: Any = connection.connection.driver_connection
            self._copy = self._open.enter_context(
                self._open.enter_context(driver.cursor()).copy(COPY))
            self._copy.write(BEGIN)
        self._copy.write(b"".join(map(_packed, rows)))

    def settle(self, db: Session) -> None:
        """They are all in. Until then nothing else can be asked on this connection.

        Raises an error of the database if one was there already.
        """
        rows, self._rows = self._rows, []
        copy, self._copy = self._copy, None
        if copy is not None:
            copy.write(END)
            self._open.close()
        if rows and db.get_bind().dialect.name == "sqlite":
            db.connection().exec_driver_sql(INSERT, rows)
        elif rows:
            db.execute(insert(LogEntry), [dict(zip(COLUMNS, row, strict=True)) for row in rows])

    def drop(self) -> None:
        """Nothing of them is to happen."""
        self._rows, copy, self._copy = [], self._copy, None
        if copy is not None:
            with suppress(Exception):  # the connection has failed, or will be rolled back
                self._open.__exit__(RuntimeError, RuntimeError("given up"), None)


def _packed(row: Row) -> bytes:
    log_id, number, place_id, at, kind, sort, leaf, body = row
    return NUMBERS.pack(
        len(COLUMNS), 8, log_id, 8, number, 8, place_id, 8, at, 8, kind, 8, sort) + (
        NULL if leaf is None else LENGTH.pack(len(leaf)) + leaf) + LENGTH.pack(len(body)) + body
